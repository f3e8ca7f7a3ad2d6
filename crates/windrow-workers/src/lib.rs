//! Python worker processes: protocol, pool and failures.

// A failure is made at most once a call, and its callers take it apart by value.
#![allow(clippy::result_large_err)]

pub mod batch;
pub mod failure;
pub mod host;
pub mod launch;
pub mod machine;
mod memory;
pub mod output;
pub mod pool;
pub mod wire;

pub use failure::{Death, Failure, Frame, RaisedException};
pub use host::{CallId, Done, FunctionHost, RowCall, RowReply};
pub use launch::{Command, Start};
pub use output::{Line, Observer, Stream, WorkerEvent};
pub use pool::{
    CallDone, CallRequest, Describe, Gate, KnownFunction, PieceOutcome, PoolSettings, WorkerPool,
};
