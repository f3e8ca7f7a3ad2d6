//! Row functions and frame functions as steps of a plan.
//!
//! ```text
//!   input batches ──► columns of the arguments ──► host (workers or this interpreter)
//!        │                                              │ several calls in flight, answers in order
//!        └──────────────► + one result column a function ◄┘
//! ```

mod exec;
mod hosts;
mod logical;
mod partitions;
mod planner;
mod position;

pub use exec::FunctionExec;
pub use hosts::FunctionHosts;
pub(crate) use hosts::Pending;
pub use logical::{FunctionCall, FunctionNode};
pub use partitions::{PartitionsExec, PartitionsNode};
pub use planner::FunctionPlanner;
