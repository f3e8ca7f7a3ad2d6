//! Whether the frame that a function gave has the columns that it was to give.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use windrow_functions::Function;

use crate::error::Error;

/// `frame` with the columns of `expected`.
///
/// # Errors
/// Other columns, or columns of other types.
pub(super) fn fitted(
    frame: &RecordBatch,
    expected: &Schema,
    function: &Function,
    partition: usize,
) -> crate::Result<RecordBatch> {
    let given = frame.schema();
    let same = given.fields().len() == expected.fields().len()
        && given
            .fields()
            .iter()
            .zip(expected.fields())
            .all(|(given, wanted)| given.name() == wanted.name());
    if !same {
        return Err(Error::data(format!(
            "`{}` gave other columns for partition {partition} than for its sample: {} instead of {}",
            function.name,
            listed(&given),
            listed(expected)
        ))
        .hint("give the same columns for every partition"));
    }
    let mut columns = Vec::with_capacity(frame.num_columns());
    for (column, wanted) in frame.columns().iter().zip(expected.fields()) {
        let fits = column.data_type() == wanted.data_type();
        // A partition without a value in a column has no type of its own.
        let empty = column.null_count() == column.len();
        if fits {
            columns.push(Arc::clone(column));
        } else if empty {
            columns.push(arrow::array::new_null_array(wanted.data_type(), column.len()));
        } else {
            return Err(Error::data(format!(
                "`{}` gave {} in column `{}` for partition {partition}, its sample had {}",
                function.name,
                column.data_type(),
                wanted.name(),
                wanted.data_type()
            ))
            .hint("convert the column in the function, for example with `.astype(...)`"));
        }
    }
    let fields: Vec<_> =
        expected.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Error::internal(error.to_string()))
}

fn listed(schema: &Schema) -> String {
    schema.fields().iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ")
}
