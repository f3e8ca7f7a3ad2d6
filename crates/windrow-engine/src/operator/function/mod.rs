//! Row functions, frame functions and functions of groups as steps of a plan.
//!
//! ```text
//!   input batches ──► columns of the arguments ──► native program ──► answers ─────────┐
//!        │                      │ no program            │ rows that left              │
//!        │                      └──────────────► host (workers or this interpreter)   │
//!        │                                              │ several calls in flight,    │
//!        └──────────────► + one result column a function ◄ answers in order ◄─────────┘
//! ```

mod exec;
mod fitted;
mod groups;
mod hosts;
mod judged;
mod logical;
mod native;
mod partitions;
mod places;
mod planner;
mod position;
mod run;
mod verify;

pub use exec::{FunctionExec, PhysicalCall};
pub use groups::Grouping;
pub(crate) use groups::as_groups;
pub use hosts::FunctionHosts;
pub(crate) use hosts::Pending;
pub use judged::Judged;
pub use logical::{FunctionCall, FunctionNode};
pub(crate) use native::lanes;
pub use partitions::{PartitionsExec, PartitionsNode};
pub use places::PlacesExec;
pub use planner::FunctionPlanner;
