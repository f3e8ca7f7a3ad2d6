//! The seam to the engine: a call of a function over rows, and whatever can carry one out.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use windrow_functions::Function;

use crate::failure::Failure;

/// One call: a function and the rows to call it on.
#[derive(Debug, Clone)]
pub struct RowCall {
    /// What to call.
    pub function: Arc<Function>,
    /// Positional: the argument columns in order. Row and batch: the columns of the row.
    pub batch: RecordBatch,
    /// The type of the result, checked on every row; `None` infers it from these rows (a sample).
    pub result: Option<DataType>,
    /// Ordinal of the batch's first row in its partition, for `Row.name` and messages.
    pub first_row: u64,
}

/// The answer to a [`RowCall`].
#[derive(Debug, Clone)]
pub struct RowReply {
    /// One column `value` for positional and row functions; the whole frame for batch functions.
    pub values: RecordBatch,
    /// Time spent in the conversion loop that runs the user's function, in nanoseconds.
    pub nanos: u64,
}

/// Receives the outcome of a call: called exactly once, on any thread.
pub type Done = Box<dyn FnOnce(Result<RowReply, Failure>) + Send>;

/// Names a call in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// Where functions run: worker processes, or the interpreter that we are in.
pub trait FunctionHost: Send + Sync + std::fmt::Debug {
    /// Starts `call`. `done` is called exactly once, also when the call is cancelled or its worker
    /// dies. Never blocks on the interpreter's lock or on a worker.
    fn submit(&self, call: RowCall, done: Done) -> CallId;

    /// Asks for the call to be dropped; its `done` still fires, with [`Failure::Cancelled`] unless
    /// the outcome was there first.
    fn cancel(&self, call: CallId);

    /// How many calls in flight keep it busy.
    fn width(&self) -> usize;
}
