//! Whole groups out of sorted rows: batches are cut only where the keys change.
//!
//! ```text
//!   a a b b b | b b c | c c d          batches as they come, sorted by key
//!   a a         b b b b b   c c c  d   groups; a call gets some whole ones
//! ```

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{
    SortColumn, SortOptions, and, concat, concat_batches, filter_record_batch, is_not_null,
    lexsort_to_indices, partition, take_record_batch,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::{Stream, StreamExt, stream};

use super::partitions::{COPIES, Frame};
use crate::operator::memory;

/// How rows are grouped for a function of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grouping {
    /// Rows that are equal in so many first columns are a group.
    pub keys: usize,
    /// Missing keys are keys too; otherwise rows with one are in no group.
    pub missing: bool,
}

/// The rows of `input`, which are sorted by their first `keys` columns, a few thousand or one group
/// at a time. A group that is larger is gathered under the memory budget.
pub(super) fn frames(
    input: SendableRecordBatchStream,
    keys: usize,
    function: &str,
    context: &TaskContext,
) -> impl Stream<Item = Result<Frame>> + Send + use<> {
    let consumer = MemoryConsumer::new(format!("groupby().apply({function})"));
    let memory = consumer.register(context.memory_pool());
    let least = context.session_config().batch_size();
    let groups = Groups::new(input.schema(), keys, memory);
    stream::try_unfold(Some((input, groups)), move |state| async move {
        let Some((mut input, mut groups)) = state else { return Ok(None) };
        while let Some(batch) = input.next().await {
            groups.push(batch?)?;
            if groups.closed >= least {
                let frame = groups.take(groups.closed)?;
                return Ok(Some((frame, Some((input, groups)))));
            }
        }
        if groups.rows == 0 {
            return Ok(None);
        }
        Ok(Some((groups.take(groups.rows)?, None)))
    })
}

/// Rows that wait until their group is whole.
struct Groups {
    schema: SchemaRef,
    keys: usize,
    held: Vec<RecordBatch>,
    rows: usize,
    /// How many of the rows are of groups of which no row can come any more.
    closed: usize,
    memory: MemoryReservation,
}

impl Groups {
    fn new(schema: SchemaRef, keys: usize, memory: MemoryReservation) -> Self {
        Self { schema, keys, held: Vec::new(), rows: 0, closed: 0, memory }
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.memory.try_grow(COPIES * memory::of(&batch))?;
        if let Some(last) = self.held.last()
            && self.differ(last, &batch)?
        {
            self.closed = self.rows;
        }
        if let Some(open) = partition(&batch.columns()[..self.keys])?.ranges().last()
            && open.start > 0
        {
            self.closed = self.rows + open.start;
        }
        self.rows += batch.num_rows();
        self.held.push(batch);
        Ok(())
    }

    /// Whether the last row of `last` and the first of `next` are of two groups.
    fn differ(&self, last: &RecordBatch, next: &RecordBatch) -> Result<bool, ArrowError> {
        let pair = |at: usize| {
            let end = last.column(at).slice(last.num_rows() - 1, 1);
            concat(&[end.as_ref(), next.column(at).slice(0, 1).as_ref()])
        };
        let pairs = (0..self.keys).map(pair).collect::<Result<Vec<ArrayRef>, _>>()?;
        Ok(partition(&pairs)?.len() > 1)
    }

    /// The first `rows` rows; they have to be whole groups.
    fn take(&mut self, rows: usize) -> Result<Frame> {
        let all = concat_batches(&self.schema, &self.held)?;
        let (taken, rest) = (all.slice(0, rows), all.slice(rows, all.num_rows() - rows));
        self.rows = rest.num_rows();
        self.closed = 0;
        self.held = if self.rows > 0 { vec![rest] } else { Vec::new() };
        let kept = self.held.iter().map(|batch| COPIES * memory::of(batch)).sum();
        let memory = self.memory.split(self.memory.size().saturating_sub(kept));
        Ok(Frame { rows: taken, memory })
    }
}

/// Rows of a sample as a function of groups gets them: with their places as last column, sorted by
/// the keys and then by place.
///
/// # Errors
/// Keys that have no order.
pub(crate) fn as_groups(
    sample: &RecordBatch,
    grouping: Grouping,
) -> Result<RecordBatch, ArrowError> {
    let options = Some(SortOptions { descending: false, nulls_first: false });
    let places: ArrayRef = Arc::new((0_i64..).take(sample.num_rows()).collect::<Int64Array>());
    let mut order: Vec<SortColumn> = sample.columns()[..grouping.keys]
        .iter()
        .map(|values| SortColumn { values: Arc::clone(values), options })
        .collect();
    order.push(SortColumn { values: Arc::clone(&places), options });
    let indices: UInt32Array = lexsort_to_indices(&order, None)?;
    let mut fields: Vec<_> = sample.schema().fields().iter().cloned().collect();
    fields.push(place_field());
    let mut columns = sample.columns().to_vec();
    columns.push(places);
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    in_groups(take_record_batch(&rows, &indices)?, grouping)
}

/// The rows of `batch` that are in a group.
pub(super) fn in_groups(batch: RecordBatch, grouping: Grouping) -> Result<RecordBatch, ArrowError> {
    let keys = &batch.columns()[..grouping.keys];
    if grouping.missing || keys.iter().all(|key| key.logical_null_count() == 0) {
        return Ok(batch);
    }
    let mut present = is_not_null(keys[0].as_ref())?;
    for key in &keys[1..] {
        present = and(&present, &is_not_null(key.as_ref())?)?;
    }
    filter_record_batch(&batch, &present)
}

/// The column that says where a row stood.
pub(super) fn place_field() -> Arc<Field> {
    Arc::new(Field::new("place", DataType::Int64, false))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use datafusion::execution::memory_pool::{
        GreedyMemoryPool, MemoryConsumer, MemoryPool, UnboundedMemoryPool,
    };

    use super::{Grouping, Groups, as_groups};

    fn batch(keys: &[Option<i64>]) -> RecordBatch {
        let keys = Int64Array::from(keys.to_vec());
        let columns = [("key", Arc::new(keys) as _, true)];
        RecordBatch::try_from_iter_with_nullable(columns).expect("one column")
    }

    fn groups(pool: &Arc<dyn MemoryPool>) -> Groups {
        let memory = MemoryConsumer::new("test").register(pool);
        Groups::new(batch(&[]).schema(), 1, memory)
    }

    #[test]
    fn a_group_is_closed_by_the_first_row_of_the_next() {
        let mut groups = groups(&(Arc::new(UnboundedMemoryPool::default()) as Arc<dyn MemoryPool>));
        let mut closed = Vec::new();
        for keys in [&[Some(1), Some(1), Some(2)][..], &[Some(2)], &[], &[Some(3)], &[None, None]] {
            groups.push(batch(keys)).expect("room");
            closed.push(groups.closed);
        }
        assert_eq!(closed, [2, 2, 2, 4, 5]);
        assert_eq!(groups.take(5).expect("rows").rows.num_rows(), 5);
        assert_eq!((groups.rows, groups.closed), (2, 0));
        groups.push(batch(&[None])).expect("room");
        assert_eq!((groups.rows, groups.closed), (3, 0), "missing keys are one group");
    }

    #[test]
    fn memory_goes_with_the_rows() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(400));
        let mut groups = groups(&pool);
        groups.push(batch(&[Some(1), Some(1), Some(2), Some(2)])).expect("96 bytes");
        let frame = groups.take(2).expect("rows");
        assert_eq!((frame.memory.size(), groups.memory.size()), (48, 48));
        drop(frame);
        assert_eq!(pool.reserved(), 48);
        assert!(groups.push(batch(&[Some(2); 50])).is_err(), "beyond the budget");
    }

    #[test]
    fn a_sample_is_sorted_and_rows_of_a_group_keep_their_order() {
        let sample = batch(&[Some(2), None, Some(1), Some(2)]);
        for (missing, expected) in [(true, &[2, 0, 3, 1][..]), (false, &[2, 0, 3])] {
            let sorted = as_groups(&sample, Grouping { keys: 1, missing }).expect("an order");
            let places: &Int64Array = sorted.column(1).as_any().downcast_ref().expect("places");
            assert_eq!(places.values(), expected);
        }
    }
}
