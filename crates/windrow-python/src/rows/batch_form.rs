//! Functions of whole batches: a pandas DataFrame in; a DataFrame, Series or array out.

use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow_pyarrow::{FromPyArrow, ToPyArrow};
use pyo3::prelude::*;
use windrow_workers::batch::RowsCall;
use windrow_workers::{Failure, RowReply};

use super::failure::raised_at;

/// Calls `callable` on the rows as a DataFrame.
pub(super) fn call<'py>(
    callable: &Bound<'py, PyAny>,
    rows: &RowsCall,
) -> Result<RowReply, Failure> {
    let py = callable.py();
    let start = Instant::now();
    let values = convert_and_call(callable, rows);
    let nanos = start.elapsed().as_nanos() as u64;
    match values {
        Ok(values) => Ok(RowReply { values, nanos }),
        Err(error) => Err(match misfit(py, &error) {
            Some(failure) => failure,
            None => raised_at(py, &error, None, Vec::new()),
        }),
    }
}

fn convert_and_call(callable: &Bound<'_, PyAny>, rows: &RowsCall) -> PyResult<RecordBatch> {
    let py = callable.py();
    let schema = match &rows.result {
        Some(DataType::Struct(fields)) => Some(Schema::new(fields.clone()).to_pyarrow(py)?),
        _ => None,
    };
    let batch = rows.batch.to_pyarrow(py)?;
    let helpers = py.import("windrow._worker.batches")?;
    let values = helpers.call_method1("call", (callable, batch, schema))?;
    RecordBatch::from_pyarrow_bound(&values)
}

/// The failure of a frame that does not fit its schema, which `batches.call` tells by its own
/// exception class.
fn misfit(py: Python<'_>, error: &PyErr) -> Option<Failure> {
    let class = py.import("windrow._worker.batches").ok()?.getattr("FrameMisfit").ok()?;
    let value = error.value(py);
    if !value.is_instance(&class).ok()? {
        return None;
    }
    let (value, got, expected, hint) = value.getattr("args").ok()?.extract().ok()?;
    Some(Failure::Misfit { row: 0, value, got, expected, values: Vec::new(), hint })
}
