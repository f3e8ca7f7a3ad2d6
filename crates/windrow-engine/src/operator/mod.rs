//! Our operators beside DataFusion's: row functions, frame functions, ordered gathering, exact arithmetic.

mod arithmetic;
mod function;
mod gather;
pub(crate) mod memory;

pub use arithmetic::{floor_divide, modulo, power, round_half_even};
pub use function::{
    FunctionCall, FunctionExec, FunctionHosts, FunctionNode, FunctionPlanner, Grouping, Judged,
    PartitionsExec, PartitionsNode, PhysicalCall, PlacesExec,
};
pub(crate) use function::{Pending, as_groups, lanes};
pub use gather::OrderedGatherExec;
