//! Python worker processes: protocol, pool and failures.

pub mod failure;
pub mod host;

pub use failure::{Death, Failure, Frame, RaisedException};
pub use host::{CallId, Done, FunctionHost, RowCall, RowReply};
