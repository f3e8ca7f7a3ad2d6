//! The vectorized register machine: each operation runs over a block of lanes at once.

mod bytes;
mod codes;
mod column;
mod frame;
mod numbers;
mod plan;
mod text;
mod text_blocks;
mod wide;

pub(crate) use column::Column;
pub(crate) use frame::Frame;
pub(crate) use plan::{Place, Plan};

/// How many lanes a block has: registers of 8 KiB, so that a few dozen stay in the cache.
pub(crate) const LANES: usize = 1024;

/// The exit of a lane for which an operation had no answer although it should have one. The row
/// goes to the interpreter, so that even a mistake of ours cannot give a wrong value.
pub(crate) const UNKNOWN_EXIT: u8 = u8::MAX;
