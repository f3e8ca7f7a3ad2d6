//! The answer of a run: the outputs of its last stage, brought here or passed on.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use windrow_tasks::{LostInput, MapOutput};

use crate::error::{Error, Result};
use crate::exchange::{InputGone, Inputs, Piece, gone, rows_of};
use crate::operator::memory;
use crate::session::JobSize;
use crate::task::Job;

/// What takes the answer of a run.
pub(crate) trait Take: Sync {
    /// What it makes of it.
    type Taken: Send;
    /// Whether all rows are in memory then: they may stay there from the beginning.
    const WHOLE: bool;

    /// Takes the answer; gives the number of its rows, too. It is called again when an output was
    /// lost meanwhile.
    ///
    /// # Errors
    /// Those of the answer's streams, and its own.
    fn take(&self, answer: &Answered) -> impl Future<Output = Result<(u64, Self::Taken)>> + Send;
}

/// The answer of a run.
pub(crate) struct Answered {
    job: Arc<Job>,
    outputs: Vec<Arc<MapOutput>>,
    lost: Arc<Mutex<Vec<LostInput>>>,
}

impl Answered {
    pub(super) fn new(job: Arc<Job>, outputs: Vec<Arc<MapOutput>>) -> Self {
        Self { job, outputs, lost: Arc::default() }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.job.schema()
    }

    pub(crate) fn partitions(&self) -> usize {
        self.outputs.len()
    }

    /// The rows of a partition, as they are read.
    pub(crate) fn rows(&self, partition: usize) -> SendableRecordBatchStream {
        let rows = self.outputs.get(partition).map(|output| self.rows_of(partition, output));
        let rows = rows.unwrap_or_else(|| stream::empty().boxed());
        Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows))
    }

    fn rows_of(
        &self,
        partition: usize,
        output: &MapOutput,
    ) -> BoxStream<'static, datafusion::common::Result<RecordBatch>> {
        let kept = self.job.answer(output.attempt.task.stage);
        if let Some(batches) = kept.and_then(|answer| answer.of(&output.object)) {
            return stream::iter(batches.into_iter().map(Ok)).boxed();
        }
        let origin = LostInput {
            stage: output.attempt.task.stage,
            epoch: output.attempt.task.epoch,
            partition: u32::try_from(partition).unwrap_or(u32::MAX),
            object: output.object.clone(),
        };
        let slot = output.slots.first().copied().unwrap_or_default();
        let rows = if slot.rows > 0 && slot.len == 0 {
            // It stayed in the memory of a driver that is gone.
            stream::iter([Err(InputGone(origin).into())]).boxed()
        } else {
            let inputs = Arc::new(Inputs::new(self.job.exchange().clone(), &[]));
            rows_of(inputs, vec![Piece { slot, origin }])
        };
        let lost = Arc::clone(&self.lost);
        rows.inspect(move |batch| {
            if let Some(found) = batch.as_ref().err().and_then(gone) {
                lost.lock().unwrap_or_else(PoisonError::into_inner).push(found);
            }
        })
        .boxed()
    }

    /// What the streams have not found.
    pub(super) fn lost(&self) -> Vec<LostInput> {
        std::mem::take(&mut self.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All rows in memory: those of each partition, in order.
pub(crate) struct Collected;

impl Take for Collected {
    type Taken = (SchemaRef, Vec<Vec<RecordBatch>>);
    const WHOLE: bool = true;

    /// Reads on as many threads as there are.
    async fn take(&self, answer: &Answered) -> Result<(u64, Self::Taken)> {
        let session = answer.job.session();
        let context = session.task_context(JobSize::default());
        let result = MemoryConsumer::new("the result").register(context.memory_pool());
        let reservation = Arc::new(result);
        let reading: Vec<_> = (0..answer.partitions())
            .map(|partition| held(answer.rows(partition), Arc::clone(&reservation)))
            .map(|work| async { SpawnedTask::spawn(work).join().await })
            .collect();
        let mut parts = Vec::with_capacity(reading.len());
        let mut reading = stream::iter(reading).buffered(session.settings().workers);
        while let Some(part) = reading.next().await {
            let part =
                part.map_err(|join| Error::internal(format!("a thread panicked: {join}")))?;
            parts.push(part.map_err(|error| session.run_error(&error, answer.job.files()))?);
        }
        let rows = parts.iter().flatten().map(|batch| batch.num_rows() as u64).sum();
        Ok((rows, (answer.schema(), parts)))
    }
}

async fn held(
    mut rows: SendableRecordBatchStream,
    reservation: Arc<MemoryReservation>,
) -> datafusion::common::Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        reservation.try_grow(memory::of(&batch))?;
        batches.push(batch);
    }
    Ok(batches)
}
