//! Row functions called from Python: for tests, benchmarks, and row functions on pandas objects.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow_pyarrow::{FromPyArrow, ToPyArrow};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use windrow_functions::Function;
use windrow_workers::{Failure, FunctionHost, RowCall};

use super::worker_pool::PyWorkerPool;
use crate::rows::InProcessHost;
use crate::rows::failure::to_exception;

/// How long a wait goes on before signals are looked at.
const SLICE: Duration = Duration::from_millis(50);

/// Calls a function on the rows of batches: in `pool`, or in this interpreter without one.
///
/// `description` is the JSON of `windrow.functions.describe`, `pickled` the callable. Gives the
/// results as record batches, in order, and the nanoseconds spent in the function.
#[pyfunction]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "as PyO3 gives them")]
#[pyo3(signature = (description, pickled, batches, result_type = None, pool = None))]
pub(super) fn call_rows<'py>(
    py: Python<'py>,
    description: &str,
    pickled: &[u8],
    batches: Vec<Bound<'py, PyAny>>,
    result_type: Option<Bound<'py, PyAny>>,
    pool: Option<&PyWorkerPool>,
) -> PyResult<(Vec<Bound<'py, PyAny>>, u64)> {
    let function = Function::from_json(description, pickled.to_vec())
        .map_err(|error| PyValueError::new_err(format!("not a description: {error}")))?;
    let result = result_type.map(|kind| DataType::from_pyarrow_bound(&kind)).transpose()?;
    let in_process;
    let host: &dyn FunctionHost = match pool {
        Some(pool) => pool.pool().as_ref(),
        None => {
            in_process = InProcessHost::default();
            &in_process
        }
    };
    let function = Arc::new(function);
    let (sender, receiver) = channel();
    let mut first_row = 0;
    let mut calls = Vec::with_capacity(batches.len());
    for (position, batch) in batches.iter().enumerate() {
        let batch = RecordBatch::from_pyarrow_bound(batch)?;
        let rows = batch.num_rows() as u64;
        let call =
            RowCall { function: Arc::clone(&function), batch, result: result.clone(), first_row };
        first_row += rows;
        let sender = sender.clone();
        calls.push(host.submit(
            call,
            Box::new(move |outcome| {
                let _ = sender.send((position, outcome));
            }),
        ));
    }
    drop(sender);
    let receiver = Mutex::new(receiver);
    let mut replies: Vec<Option<RecordBatch>> = vec![None; batches.len()];
    let mut nanos = 0;
    loop {
        match py
            .detach(|| receiver.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(SLICE))
        {
            Ok((position, Ok(reply))) => {
                nanos += reply.nanos;
                replies[position] = Some(reply.values);
            }
            Ok((_, Err(failure))) => {
                calls.iter().for_each(|call| host.cancel(*call));
                return Err(to_exception(py, &failure));
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                if let Err(interrupt) = py.check_signals() {
                    calls.iter().for_each(|call| host.cancel(*call));
                    return Err(interrupt);
                }
            }
        }
    }
    let replies = replies.into_iter().map(|reply| match reply {
        Some(reply) => reply.to_pyarrow(py),
        None => Err(to_exception(py, &Failure::Cancelled)),
    });
    Ok((replies.collect::<PyResult<_>>()?, nanos))
}
