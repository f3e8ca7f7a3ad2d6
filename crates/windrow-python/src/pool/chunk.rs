//! A chunk of items on its way to a worker, and its results on their way back.

use std::sync::Arc;

use arrow::buffer::Buffer;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use windrow_workers::wire::shared::SlabPool;
use windrow_workers::wire::socket::Body;
use windrow_workers::{Failure, PieceOutcome};

use super::board::{Ended, Outcome};
use crate::rows::failure::short_repr;
use crate::worker::call::{ResultsHead, body, loads};
use crate::worker::pickled;

/// Where results and failures go.
pub(super) struct Sink<'a, 'py> {
    /// Results in the order of their items, None for items that failed.
    pub(super) values: &'a Bound<'py, PyList>,
    /// `(item's ordinal in the job, exception, item)`.
    pub(super) failures: &'a Bound<'py, PyList>,
}

/// The body of a call on `items`.
pub(super) fn pack(
    py: Python<'_>,
    head: &[u8],
    items: &Bound<'_, PyAny>,
    slabs: &Arc<SlabPool>,
) -> PyResult<Body> {
    let (pickled, buffers) = pickled::arguments(items)?;
    body(py, head, &pickled, &buffers, slabs)
}

/// Whether items must be sent again in halves, because none of them can be blamed: the worker died
/// while it loaded them or sent their results, or could not load them.
pub(super) fn is_halved(piece: &PieceOutcome, collects: bool) -> bool {
    let is_one = piece.items.end - piece.items.start == 1;
    match &piece.outcome {
        _ if is_one => false,
        Err(Failure::Died(_)) => true,
        Err(Failure::Raised(raised)) => collects && raised.row.is_none(),
        _ => false,
    }
}

/// Appends the failures of a chunk that was never sent.
pub(super) fn unpack_unsent(py: Python<'_>, ended: &Ended, into: &Sink<'_, '_>) -> PyResult<()> {
    let Outcome::Unsent(exception) = &ended.outcome else { return Ok(()) };
    (0..ended.items).try_for_each(|item| fail(py, ended, item, exception.bind(py), into))
}

/// Appends the results of a run of items, and its failures.
pub(super) fn unpack(
    py: Python<'_>,
    ended: &Ended,
    piece: &PieceOutcome,
    is_apply: bool,
    into: &Sink<'_, '_>,
) -> PyResult<()> {
    let failure = match &piece.outcome {
        Ok(buffers) => match results(py, buffers) {
            Ok((value, head)) => {
                if is_apply {
                    into.values.append(value)?;
                } else {
                    let end = into.values.len();
                    into.values.set_slice(end, end, &value)?;
                }
                for (item, failure) in head.failures {
                    let exception = exception(py, ended, item, failure)?;
                    into.failures.append((
                        ended.first_item + u64::from(item),
                        exception,
                        item_of(py, ended, item),
                    ))?;
                }
                return Ok(());
            }
            // The results cannot be loaded here: that is the outcome of each.
            Err(error) => error.into_value(py).into_bound(py).into_any(),
        },
        Err(failure) => {
            let item = blamed(failure).unwrap_or(piece.items.start);
            exception(py, ended, item, failure.clone())?
        }
    };
    piece.items.clone().try_for_each(|item| fail(py, ended, item, &failure, into))
}

/// Which item a failure of a run of items is about, if it says so.
fn blamed(failure: &Failure) -> Option<u32> {
    match failure {
        Failure::Raised(raised) => raised.row.and_then(|row| u32::try_from(row).ok()),
        _ => None,
    }
}

fn fail(
    py: Python<'_>,
    ended: &Ended,
    item: u32,
    exception: &Bound<'_, PyAny>,
    into: &Sink<'_, '_>,
) -> PyResult<()> {
    into.values.append(py.None())?;
    let ordinal = ended.first_item + u64::from(item);
    into.failures.append((ordinal, exception, item_of(py, ended, item)))
}

fn item_of<'py>(py: Python<'py>, ended: &Ended, item: u32) -> Bound<'py, PyAny> {
    let kept = ended.kept.bind(py);
    match kept.cast::<PyList>() {
        Ok(list) => list.get_item(item as usize).unwrap_or_else(|_| py.None().into_bound(py)),
        Err(_) => kept.clone(),
    }
}

/// The exception that stands for a failure, which is told the item and its ordinal in the job.
fn exception<'py>(
    py: Python<'py>,
    ended: &Ended,
    item: u32,
    mut failure: Failure,
) -> PyResult<Bound<'py, PyAny>> {
    let describe = || Some(short_repr(&item_of(py, ended, item)));
    match &mut failure {
        Failure::Died(death) if death.item.is_none() => death.item = describe(),
        Failure::TimedOut { item, .. } if item.is_none() => *item = describe(),
        Failure::Raised(raised) if raised.row.is_some() => {
            raised.row = Some(ended.first_item + u64::from(item));
        }
        _ => {}
    }
    let fields = serde_json::json!({ "failure": failure, "text": failure.to_string() });
    static FROM_FAILURE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FROM_FAILURE.import(py, "windrow.pool.failures", "exception")?.call1((fields.to_string(),))
}

fn results<'py>(py: Python<'py>, buffers: &[Buffer]) -> PyResult<(Bound<'py, PyAny>, ResultsHead)> {
    let [head, pickled, buffers @ ..] = buffers else {
        return Err(PyRuntimeError::new_err("worker protocol broken: an answer is incomplete"));
    };
    let head: ResultsHead = serde_json::from_slice(head)
        .map_err(|error| PyRuntimeError::new_err(format!("worker protocol broken: {error}")))?;
    Ok((loads(py, pickled, buffers)?, head))
}
