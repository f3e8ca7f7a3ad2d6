//! The engine: source → plan → optimize → operator → stage → exchange → run → result.
//!
//! Relational work is DataFusion's; row functions go to a function host (worker processes, or the
//! interpreter we are in). This crate knows no PyO3 and no HTTP.

pub mod drive;
pub mod error;
pub mod exchange;
pub mod explain;
pub mod machine;
mod nearest;
pub mod operator;
pub mod optimize;
pub mod plan;
pub mod program;
pub mod run;
pub mod session;
pub mod settings;
pub mod source;
pub mod stage;
pub mod task;

pub use error::{Error, Fault, Result};
pub use nearest::nearest;
