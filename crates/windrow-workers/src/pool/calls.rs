//! Calls that have no outcome yet, and what is known of their functions.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::util::display::array_value_to_string;

use crate::failure::Failure;
use crate::machine::CallSpec;
use crate::wire::frame::Kind;
use crate::wire::socket::Body;

use super::gate::Gate;

/// Longest value and most columns in the description of a row.
const LONGEST_VALUE: usize = 40;
const MOST_COLUMNS: usize = 8;

/// A function that the pool knows and sends to each worker once.
#[derive(Debug)]
pub struct KnownFunction {
    /// Its number in this pool.
    pub number: u64,
    /// The user's name for it.
    pub name: String,
    /// The body of the frame that defines it.
    pub(super) body: Body,
}

/// Describes an item of a call, shortly, for messages.
pub type Describe = Box<dyn Fn(u64) -> Option<String> + Send>;

/// A call to start.
pub struct CallRequest {
    /// What to call.
    pub function: Arc<KnownFunction>,
    /// [`Kind::Rows`] or [`Kind::Call`].
    pub kind: Kind,
    /// The arguments.
    pub body: Body,
    /// How many items the arguments have: what may be answered, retried and given up apart.
    pub items: u32,
    /// How often an item that kills its worker is tried.
    pub max_attempts: u32,
    /// How long one item may take.
    pub timeout: Option<Duration>,
    /// Describes an item for messages.
    pub describe: Option<Describe>,
    /// By which the caller may take it back before a worker is given it.
    pub gate: Option<Arc<Gate>>,
}

/// The outcome of some items of a call.
#[derive(Debug)]
pub struct PieceOutcome {
    /// Which items.
    pub items: Range<u32>,
    /// The buffers of the answer, or why there is none.
    pub outcome: Result<Vec<Buffer>, Failure>,
}

impl PieceOutcome {
    pub(super) fn failed(items: Range<u32>, failure: Failure) -> Self {
        Self { items, outcome: Err(failure) }
    }
}

/// Receives the outcome of a call: pieces in the order of their items, covering all of them.
pub type CallDone = Box<dyn FnOnce(Vec<PieceOutcome>) + Send>;

/// A call that has no outcome yet.
pub(super) struct Pending {
    pub(super) request: CallRequest,
    pub(super) done: CallDone,
    outcomes: Vec<PieceOutcome>,
    missing: u32,
}

impl Pending {
    pub(super) fn new(request: CallRequest, done: CallDone) -> Self {
        let missing = request.items;
        Self { request, done, outcomes: Vec::new(), missing }
    }

    pub(super) fn spec(&self) -> CallSpec {
        CallSpec {
            function: self.request.function.number,
            items: self.request.items,
            bytes: self.request.body.length(),
            max_attempts: self.request.max_attempts.max(1),
            timeout: self.request.timeout,
        }
    }

    /// Whether it may be given to a worker.
    pub(super) fn may_start(&self) -> bool {
        self.request.gate.as_ref().is_none_or(|gate| gate.pass())
    }

    /// Takes the outcome of some items; gives whether all are there now.
    pub(super) fn add(&mut self, outcome: PieceOutcome) -> bool {
        self.missing -= (outcome.items.end - outcome.items.start).min(self.missing);
        self.outcomes.push(outcome);
        self.missing == 0
    }

    /// Delivers what there is.
    pub(super) fn finish(mut self) {
        self.outcomes.sort_by_key(|outcome| outcome.items.start);
        (self.done)(self.outcomes);
    }

    /// Delivers `failure` for everything.
    pub(super) fn fail(self, failure: Failure) {
        (self.done)(vec![PieceOutcome::failed(0..self.request.items, failure)]);
    }
}

/// Describes what a worker had: a row (`row 17: home=3, away=1`), or several by the first of them,
/// as nobody knows which of them it was at.
pub(super) fn describe_rows(batch: RecordBatch, first_row: u64) -> Describe {
    Box::new(move |_| {
        let last = first_row + (batch.num_rows() as u64).checked_sub(1)?;
        let schema = batch.schema();
        let mut values = Vec::new();
        for (field, column) in schema.fields().iter().zip(batch.columns()).take(MOST_COLUMNS) {
            let value = array_value_to_string(column, 0).ok()?;
            let short: String = value.chars().take(LONGEST_VALUE).collect();
            let dots = if short.len() < value.len() { "…" } else { "" };
            values.push(format!("{}={short}{dots}", field.name()));
        }
        let dots = if batch.num_columns() > MOST_COLUMNS { ", …" } else { "" };
        let first = format!("{}{dots}", values.join(", "));
        Some(if last == first_row {
            format!("row {first_row}: {first}")
        } else {
            format!("one of the rows {first_row} to {last}, the first of which is {first}")
        })
    })
}
