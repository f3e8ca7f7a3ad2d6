//! The rows of one partition on their way through row functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use futures::stream::{self, Stream, StreamExt};
use windrow_workers::RowCall;

use super::FunctionHosts;
use super::exec::PhysicalCall;
use super::hosts::{Pending, external};
use super::native::Mixed;
use super::position;
use crate::error::Error;

/// Batches ahead of the reader where all functions are native: what left one of them is answered
/// while the next ones run.
const NATIVE_WINDOW: usize = 4;

/// How many calls a partition keeps in flight.
pub(super) fn window(
    calls: &[PhysicalCall],
    hosts: &FunctionHosts,
    partitions: usize,
) -> Result<usize> {
    if calls.iter().all(|call| call.native.is_some()) {
        return Ok(NATIVE_WINDOW);
    }
    Ok((2 * hosts.host()?.width()).div_ceil(partitions).max(2))
}

/// The batches of `input` with the results of all calls, in order.
pub(super) fn answers(
    input: SendableRecordBatchStream,
    run: Arc<PartitionRun>,
    window: usize,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let pieces = Pieces { input, rest: None, first_row: 0, run: Arc::clone(&run) };
    stream::try_unfold(pieces, Pieces::next)
        .map(move |piece| {
            let run = Arc::clone(&run);
            async move {
                let (first_row, batch) = piece?;
                PartitionRun::call(&run, first_row, batch).await
            }
        })
        .buffered(window)
}

/// How many rows make a call of about 30 ms, from how long the last ones took.
#[derive(Debug)]
pub(super) struct Pace {
    rows: AtomicU64,
}

impl Pace {
    const TARGET_NANOS: u64 = 30_000_000;
    const FIRST: u64 = 512;
    const MOST: u64 = 1 << 16;

    /// The pace that a sample of the calls shows.
    pub(super) fn of(calls: &[PhysicalCall]) -> Self {
        let nanos: Option<u64> = calls.iter().map(|call| call.nanos_a_row).sum();
        Self { rows: AtomicU64::new(nanos.map_or(Self::FIRST, Self::rows_at)) }
    }

    fn rows_at(nanos_a_row: u64) -> u64 {
        (Self::TARGET_NANOS / nanos_a_row.max(1)).clamp(1, Self::MOST)
    }

    fn rows(&self) -> usize {
        usize::try_from(self.rows.load(Ordering::Relaxed)).unwrap_or(1)
    }

    fn learn(&self, rows: usize, nanos: u64) {
        self.rows.store(Self::rows_at(nanos / (rows as u64).max(1)), Ordering::Relaxed);
    }
}

/// The input of a partition in pieces of a good size for one call.
struct Pieces {
    input: SendableRecordBatchStream,
    rest: Option<RecordBatch>,
    first_row: u64,
    run: Arc<PartitionRun>,
}

impl Pieces {
    async fn next(mut self) -> Result<Option<((u64, RecordBatch), Self)>> {
        let batch = loop {
            match self.rest.take() {
                Some(batch) if batch.num_rows() > 0 => break batch,
                _ => match self.input.next().await {
                    Some(batch) => self.rest = Some(batch?),
                    None => return Ok(None),
                },
            }
        };
        let rows = self.run.piece_rows().min(batch.num_rows());
        let piece = batch.slice(0, rows);
        if rows < batch.num_rows() {
            self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        let first_row = self.first_row;
        self.first_row += rows as u64;
        Ok(Some(((first_row, piece), self)))
    }
}

/// What all calls of one partition share.
pub(super) struct PartitionRun {
    pub(super) hosts: Arc<FunctionHosts>,
    pub(super) calls: Vec<PhysicalCall>,
    pub(super) schema: SchemaRef,
    pub(super) pace: Pace,
    pub(super) partition: usize,
    pub(super) input: Arc<dyn ExecutionPlan>,
    pub(super) context: Arc<TaskContext>,
}

/// A call that has begun.
enum Begun {
    /// Native code has answered all rows.
    Answered(ArrayRef),
    /// Native code has answered, and the interpreter is asked about some rows.
    Mixed(Mixed),
    /// The interpreter is asked about all rows.
    Asked(Pending),
}

impl PartitionRun {
    /// Rows of a piece: what the interpreter does in a while, or all that there is of a batch.
    fn piece_rows(&self) -> usize {
        let native = self.calls.iter().all(PhysicalCall::runs_natively);
        if native { usize::MAX } else { self.pace.rows() }
    }

    async fn call(run: &Arc<Self>, first_row: u64, batch: RecordBatch) -> Result<RecordBatch> {
        let mut begun = Vec::with_capacity(run.calls.len());
        for call in &run.calls {
            begun.push(run.begin(call, first_row, &batch)?);
        }
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        let mut asked_nanos = None;
        for (call, begun) in run.calls.iter().zip(begun) {
            let outcome = match begun {
                Begun::Answered(values) => Ok(values),
                Begun::Mixed(mixed) => mixed.answer(call, first_row).await,
                Begun::Asked(waiting) => waiting.answer().await.map_err(Error::from).map(|reply| {
                    *asked_nanos.get_or_insert(0) += reply.nanos;
                    Arc::clone(reply.values.column(0))
                }),
            };
            match outcome {
                Ok(values) => columns.push(values),
                Err(error) => return Err(external(run.located(call, error, first_row).await)),
            }
        }
        if let Some(nanos) = asked_nanos {
            run.pace.learn(batch.num_rows(), nanos);
        }
        Ok(RecordBatch::try_new(Arc::clone(&run.schema), columns)?)
    }

    /// Runs a call natively or starts it where functions are called.
    fn begin(&self, call: &PhysicalCall, first_row: u64, batch: &RecordBatch) -> Result<Begun> {
        let rows = row_batch(call, batch)?;
        if let Some(native) = call.native.as_ref().filter(|native| native.is_on())
            && let Some((values, asked)) = native.run(call, &rows, &self.hosts)?
        {
            return Ok(match asked {
                None => Begun::Answered(values),
                Some(asked) => Begun::Mixed(asked.start(call, values, &rows, &self.hosts)?),
            });
        }
        let call = RowCall {
            function: Arc::clone(&call.function),
            batch: rows,
            result: Some(call.output.data_type().clone()),
            first_row,
        };
        Ok(Begun::Asked(Pending::start(&self.hosts.host()?, call)))
    }

    /// The error with its row in the whole input, or in its partition.
    async fn located(&self, call: &PhysicalCall, error: Error, first_row: u64) -> Error {
        let Some(failure) = error.failure().cloned() else { return error };
        if position::row_of(&failure).is_none() {
            return error;
        }
        let before = position::rows_before(&self.input, self.partition, &self.context).await;
        let error = position::located(failure, first_row, self.partition, before);
        match &call.asked_first {
            Some(condition) => {
                error.hint(format!("rows are counted among those that meet {condition}"))
            }
            None => error,
        }
    }
}

/// The argument columns of `call` for the rows of `batch`.
fn row_batch(call: &PhysicalCall, batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let columns = call
        .args
        .iter()
        .map(|arg| arg.evaluate(batch)?.into_array(rows))
        .collect::<Result<Vec<_>>>()?;
    // What an expression gives may differ in its encoding from what was planned.
    let fields: Vec<Field> = call
        .row
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}
