//! Data between stages: objects that each task execution writes for itself, one slice a reader.
//!
//! ```text
//!  stage 0, task 0 ──► [slot 0][slot 1][slot 2]  ┐
//!  stage 0, task 1 ──► [slot 0][slot 1][slot 2]  ├─ manifest ──► stage 1, task 1 reads slot 1 of all
//!  stage 0, task 2 ──► [slot 0][slot 1][slot 2]  ┘
//! ```
//!
//! A slot is an Arrow IPC stream, with LZ4 where it stays or travels; an empty slot has no bytes.
//! Objects are never changed and never replaced. What the manifest lists and storage does not have is a *lost input*, which
//! the driver has made again.

mod fault;
mod inputs;
mod keys;
mod message;
mod range;
mod read;
mod read_exec;
mod slots;
mod store;
mod write;

use std::fmt;
use std::sync::Arc;

use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use windrow_tasks::Output;

pub(crate) use fault::{InputGone, WriteFault, gone, write_fault};
pub(crate) use inputs::Inputs;
pub(crate) use keys::is_range_sortable;
pub use range::RangeReadExec;
pub(crate) use read::{Piece, rows_of};
pub use read_exec::ExchangeReadExec;
pub(crate) use store::{Exchange, StoreFault};
pub(crate) use write::{Destination, write};

/// How a task's output is laid out.
#[derive(Clone)]
pub(crate) enum Layout {
    /// By the hash of these expressions, into so many slots.
    Hash(Vec<Arc<dyn PhysicalExpr>>, usize),
    /// Batches dealt in turn to so many slots.
    RoundRobin(usize),
    /// One slot.
    Single,
    /// A run sorted by these keys, with an index, for so many readers of ranges.
    Run(LexOrdering, usize),
}

impl Layout {
    /// As a job's plan says it.
    pub(crate) fn output(&self) -> Output {
        let number = |count: &usize| u32::try_from(*count).unwrap_or(u32::MAX);
        match self {
            Self::Hash(_, slots) => Output::Hash(number(slots)),
            Self::RoundRobin(slots) => Output::RoundRobin(number(slots)),
            Self::Single => Output::Single,
            Self::Run(_, readers) => Output::Run(number(readers)),
        }
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(exprs, slots) => {
                let exprs: Vec<String> = exprs.iter().map(ToString::to_string).collect();
                write!(formatter, "Hash([{}], {slots})", exprs.join(", "))
            }
            Self::RoundRobin(slots) => write!(formatter, "RoundRobin({slots})"),
            Self::Single => formatter.write_str("Single"),
            Self::Run(keys, readers) => write!(formatter, "Run([{keys}], {readers})"),
        }
    }
}

#[cfg(test)]
mod tests;
