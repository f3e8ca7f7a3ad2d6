//! The memory that rows take.

use arrow::array::{Array, RecordBatch};

/// Bytes of the rows of `batch`; a slice is counted as what it shows, not as what it is cut from.
pub(crate) fn of(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| {
            let data = column.to_data();
            data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
        })
        .sum()
}
