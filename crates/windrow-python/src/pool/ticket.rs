//! A call that was submitted: waited for without the interpreter's lock, in slices, so that Ctrl-C
//! is noticed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arrow::buffer::Buffer;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use windrow_workers::{CallId, FunctionHost, PieceOutcome, WorkerPool};

use crate::rows::failure::to_exception;
use crate::worker::call::{ResultsHead, loads};

/// How long a wait goes on before signals are looked at.
const SLICE: Duration = Duration::from_millis(50);

/// Where the I/O thread puts the outcome.
#[derive(Default)]
pub(super) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pieces: Option<Vec<PieceOutcome>>,
    is_ready: bool,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fill(&self, pieces: Vec<PieceOutcome>) {
        let mut state = self.lock();
        state.pieces = Some(pieces);
        state.is_ready = true;
        self.changed.notify_all();
    }

    /// Waits until `deadline` at most; gives whether the outcome is there.
    fn wait_until(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while !state.is_ready {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return false;
            }
            state =
                self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// A call that was submitted to a pool.
#[pyclass(frozen, module = "windrow._native")]
pub(crate) struct Ticket {
    pub(super) slot: Arc<Slot>,
    pub(super) pool: Weak<WorkerPool>,
    pub(super) call: CallId,
    pub(super) items: u32,
}

#[pymethods]
impl Ticket {
    /// Number of the call in its pool.
    #[getter]
    fn number(&self) -> u64 {
        self.call.0
    }

    /// How many items the call has.
    #[getter]
    fn items(&self) -> u32 {
        self.items
    }

    /// Whether the outcome is there.
    fn ready(&self) -> bool {
        self.slot.lock().is_ready
    }

    /// Waits for the outcome, at most `timeout` seconds; gives whether it is there.
    #[pyo3(signature = (timeout = None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        if self.slot.lock().is_ready {
            return Ok(true);
        }
        let deadline = deadline(timeout);
        loop {
            let slice = Instant::now() + SLICE;
            let until = deadline.map_or(slice, |deadline| deadline.min(slice));
            let slot = &self.slot;
            if py.detach(|| slot.wait_until(until)) {
                return Ok(true);
            }
            py.check_signals()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
        }
    }

    /// Drops the call: its outcome is a `windrow.errors.Cancelled`, unless it is there already.
    fn cancel(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.cancel(self.call);
        }
    }

    /// Takes the outcome, once: `(start, stop, values, failures, failure)` for runs of items, in
    /// order. `values` is None where `failure`, an exception, is the outcome of all of the run;
    /// `failures` lists `(item, exception)` of single items.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let pieces = self.slot.lock().pieces.take();
        let pieces = pieces.ok_or_else(|| {
            PyRuntimeError::new_err(
                "the outcome of this call is not there yet, or was taken before",
            )
        })?;
        let list = PyList::empty(py);
        for piece in pieces {
            list.append(piece_object(py, &piece)?)?;
        }
        Ok(list)
    }
}

/// When a wait of `timeout` seconds ends; `None` for never.
pub(super) fn deadline(timeout: Option<f64>) -> Option<Instant> {
    let timeout = timeout?;
    let duration = Duration::try_from_secs_f64(timeout.max(0.0)).ok()?;
    Instant::now().checked_add(duration)
}

fn piece_object<'py>(py: Python<'py>, piece: &PieceOutcome) -> PyResult<Bound<'py, PyTuple>> {
    let (start, stop) = (piece.items.start, piece.items.end);
    let none = || py.None().into_bound(py);
    let failure = match &piece.outcome {
        Ok(buffers) => match values(py, buffers) {
            Ok((values, failures)) => {
                return (start, stop, values, failures, none()).into_pyobject(py);
            }
            // The values cannot be loaded here: that is the outcome.
            Err(error) => error.into_value(py).into_bound(py).into_any(),
        },
        Err(failure) => to_exception(py, failure).into_value(py).into_bound(py).into_any(),
    };
    (start, stop, none(), PyList::empty(py), failure).into_pyobject(py)
}

type Values<'py> = (Bound<'py, PyAny>, Bound<'py, PyList>);

fn values<'py>(py: Python<'py>, buffers: &[Buffer]) -> PyResult<Values<'py>> {
    let [head, pickled, buffers @ ..] = buffers else {
        return Err(PyRuntimeError::new_err("worker protocol broken: an answer is incomplete"));
    };
    let head: ResultsHead = serde_json::from_slice(head)
        .map_err(|error| PyRuntimeError::new_err(format!("worker protocol broken: {error}")))?;
    let failures = PyList::empty(py);
    for (item, failure) in &head.failures {
        failures.append((item, to_exception(py, failure).into_value(py)))?;
    }
    Ok((loads(py, pickled, buffers)?, failures))
}
