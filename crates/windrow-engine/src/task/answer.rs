//! The answer of a run whose tasks are threads of the driver: rows that need no file.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use crate::operator::memory;

/// The rows of each output of the last stage, by the name that its object would have.
#[derive(Default)]
pub(crate) struct Answer(Mutex<HashMap<String, Kept>>);

/// Rows, and their share of the budget.
struct Kept {
    batches: Vec<RecordBatch>,
    _held: MemoryReservation,
}

/// What became of an output.
pub(super) enum Taken {
    /// It is kept; so many rows.
    Whole(u64),
    /// There is not enough memory: all of its rows, to be written after all.
    TooLarge(SendableRecordBatchStream),
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl Answer {
    /// Keeps `rows` as the output `object`.
    ///
    /// # Errors
    /// Those of `rows`.
    pub(super) async fn take(
        &self,
        object: &str,
        mut rows: SendableRecordBatchStream,
        pool: &Arc<dyn MemoryPool>,
    ) -> Result<Taken> {
        let held = MemoryConsumer::new("the result").register(pool);
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let fits = held.try_grow(memory::of(&batch)).is_ok();
            batches.push(batch);
            if !fits {
                let schema = rows.schema();
                let all = stream::iter(batches.into_iter().map(Ok)).chain(rows);
                return Ok(Taken::TooLarge(Box::pin(RecordBatchStreamAdapter::new(schema, all))));
            }
        }
        let count = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(object.to_owned(), Kept { batches, _held: held });
        Ok(Taken::Whole(count))
    }

    /// The rows of the output `object`, if it was kept. They are accounted for as long as this is.
    pub(crate) fn of(&self, object: &str) -> Option<Vec<RecordBatch>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(object).map(|kept| kept.batches.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use datafusion::execution::SendableRecordBatchStream;
    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::{TryStreamExt, stream};

    use super::{Answer, Taken};

    fn batches() -> Vec<RecordBatch> {
        let batch = |part: i64| {
            let rows: Int64Array = (part * 100..part * 100 + 100).collect();
            RecordBatch::try_from_iter([("a", Arc::new(rows) as _)]).unwrap()
        };
        (0..10).map(batch).collect()
    }

    fn rows() -> SendableRecordBatchStream {
        let schema = batches()[0].schema();
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches().into_iter().map(Ok))))
    }

    fn pool(bytes: usize) -> Arc<dyn MemoryPool> {
        Arc::new(GreedyMemoryPool::new(bytes))
    }

    #[tokio::test]
    async fn rows_are_kept_and_accounted_for_as_long_as_the_answer() {
        let (answer, pool) = (Answer::default(), pool(1 << 20));
        let Taken::Whole(count) = answer.take("one", rows(), &pool).await.unwrap() else {
            panic!("there is memory enough")
        };
        assert_eq!(count, 1000);
        assert_eq!(answer.of("one"), Some(batches()));
        assert_eq!(answer.of("another"), None);
        assert_eq!(pool.reserved(), 8000);
        drop(answer);
        assert_eq!(pool.reserved(), 0);
    }

    #[tokio::test]
    async fn rows_for_which_there_is_no_memory_are_given_back_whole() {
        let (answer, pool) = (Answer::default(), pool(3000));
        let Taken::TooLarge(back) = answer.take("one", rows(), &pool).await.unwrap() else {
            panic!("there is not so much memory")
        };
        assert_eq!(pool.reserved(), 0);
        assert_eq!(back.try_collect::<Vec<_>>().await.unwrap(), batches());
        assert_eq!(answer.of("one"), None);
    }
}
