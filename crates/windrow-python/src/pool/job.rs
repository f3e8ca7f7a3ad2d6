//! `_native.Job`: the calls of one function over chunks of items, fed one after the other. What
//! `windrow.Pool` and `windrow.Executor` are built on.

use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyRuntimeError, PyStopIteration, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyTuple};
use windrow_workers::wire::frame::Kind;
use windrow_workers::{CallRequest, FunctionHost, Gate, KnownFunction, WorkerPool};

use super::board::{Board, Ended, Limit, Outcome, Taken};
use super::chunk;
use super::room::wait_for_room;
use super::ticket::deadline;
use crate::worker::call::Mode;

/// How long a wait goes on before signals are looked at.
const SLICE: Duration = Duration::from_millis(50);

/// What all calls of a job have in common.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) function: Arc<KnownFunction>,
    pub(super) mode: Mode,
    /// The JSON that goes with the arguments.
    pub(super) head: Vec<u8>,
    pub(super) max_attempts: u32,
    pub(super) timeout: Option<Duration>,
    /// Whether the job goes on after an item that failed.
    pub(super) collects: bool,
}

/// The calls of one function over chunks of items.
#[pyclass(frozen, module = "windrow._native")]
pub(crate) struct Job {
    pool: Weak<WorkerPool>,
    plan: Plan,
    board: Arc<Board>,
    bound: Option<Limit>,
    gate: Option<Arc<Gate>>,
}

impl Job {
    pub(super) fn new(
        pool: &Arc<WorkerPool>,
        plan: Plan,
        board: Board,
        bound: Option<Limit>,
        is_revocable: bool,
    ) -> Self {
        Self {
            pool: Arc::downgrade(pool),
            plan,
            board: Arc::new(board),
            bound,
            gate: is_revocable.then(Arc::default),
        }
    }

    /// Waits without the interpreter's lock, in slices between which signals are looked at.
    fn wait<T: Send>(
        &self,
        py: Python<'_>,
        deadline: Option<Instant>,
        look: impl Fn(&Board, Instant) -> Option<T> + Sync,
    ) -> PyResult<Option<T>> {
        // Without giving the lock away when there is nothing to wait for.
        if let Some(found) = look(&self.board, Instant::now()) {
            return Ok(Some(found));
        }
        loop {
            let slice = Instant::now() + SLICE;
            let until = deadline.map_or(slice, |deadline| deadline.min(slice));
            if let Some(found) = py.detach(|| look(&self.board, until)) {
                return Ok(Some(found));
            }
            py.check_signals()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(None);
            }
        }
    }

    fn send(&self, py: Python<'_>, items: &Bound<'_, PyAny>) -> PyResult<()> {
        let pool = self.pool.upgrade().ok_or_else(ended_pool)?;
        wait_for_room(py, &pool)?;
        if let Some(bound) = self.bound {
            self.wait(py, None, |board, until| board.wait_room(bound, until).then_some(()))?;
        }
        if self.board.is_cancelled() {
            return Err(PyRuntimeError::new_err("this job was cancelled"));
        }
        let count = match self.plan.mode {
            Mode::Apply => 1,
            Mode::Map | Mode::Starmap => u32::try_from(items.len()?)
                .map_err(|_| PyValueError::new_err("a chunk has more than 2**32 - 1 items"))?,
        };
        let request = CallRequest {
            function: Arc::clone(&self.plan.function),
            kind: Kind::Call,
            body: chunk::pack(py, &self.plan.head, items, pool.slabs())?,
            items: count,
            max_attempts: self.plan.max_attempts,
            timeout: self.plan.timeout,
            describe: None,
            gate: self.gate.clone(),
        };
        let index = self.board.begin(count, items.clone().unbind());
        let board = Arc::clone(&self.board);
        let done = move |pieces| board.fill(index, Outcome::Pieces(pieces));
        let call = pool.call(request, Box::new(done));
        if self.board.started(index, call) {
            pool.cancel(call);
        }
        Ok(())
    }
}

#[pymethods]
impl Job {
    /// Sends a list of items (for `apply`: `(args, kwargs)`) to be worked on; waits for room.
    /// Raises what its pickling raises; the job then goes on without it.
    fn feed(&self, py: Python<'_>, items: &Bound<'_, PyAny>) -> PyResult<()> {
        self.send(py, items)
    }

    /// Feeds all of a list in chunks of `size`, and closes the job. After an exception, gives the
    /// position at which the chunk starts that could not be sent, and the exception.
    fn feed_all<'py>(
        &self,
        py: Python<'py>,
        items: &Bound<'py, PyList>,
        size: usize,
    ) -> Option<(usize, Bound<'py, PyAny>)> {
        let mut at = 0;
        while at < items.len() {
            let end = at.saturating_add(size.max(1)).min(items.len());
            let sent = if at == 0 && end == items.len() {
                self.send(py, items.as_any())
            } else {
                self.send(py, items.get_slice(at, end).as_any())
            };
            if let Err(error) = sent {
                return Some((at, error.into_value(py).into_bound(py).into_any()));
            }
            at = end;
        }
        self.board.close();
        None
    }

    /// Feeds all that an iterable gives in chunks of `size`, each as soon as it is there, and closes
    /// the job. Raises what the iterable, or the pickling of its items, raises.
    fn feed_each(&self, py: Python<'_>, items: &Bound<'_, PyAny>, size: usize) -> PyResult<()> {
        static ISLICE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let islice = ISLICE.import(py, "itertools", "islice")?;
        let (items, size) = (items.try_iter()?, size.max(1));
        loop {
            let chunk = islice.call1((&items, size))?;
            let chunk = py.get_type::<PyList>().call1((chunk,))?;
            let length = chunk.len()?;
            if length > 0 {
                self.send(py, &chunk)?;
            }
            if length < size {
                self.board.close();
                return Ok(());
            }
        }
    }

    /// Adds items that cannot be sent: `exception` is the outcome of each.
    fn fail(&self, items: &Bound<'_, PyList>, exception: &Bound<'_, PyAny>) {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let index = self.board.begin(count, items.clone().into_any().unbind());
        self.board.fill(index, Outcome::Unsent(exception.clone().unbind()));
    }

    /// Nothing will be fed any more.
    fn close(&self) {
        self.board.close();
    }

    /// Whether everything has its outcome and nothing will be fed any more.
    fn ready(&self) -> bool {
        self.board.is_over()
    }

    /// How many items have their outcome, and how many were fed.
    fn progress(&self) -> (u64, u64) {
        self.board.progress()
    }

    /// Waits until the job is ready, at most `timeout` seconds; whether it is.
    #[pyo3(signature = (timeout = None))]
    fn wait_ready(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let look = |board: &Board, until| board.wait_over(until).then_some(());
        Ok(self.wait(py, deadline(timeout), look)?.is_some())
    }

    /// Takes the next chunk, at most after `timeout` seconds: `(first item, values, failures)`, or
    /// None at the timeout. `values` has None for an item that failed; `failures` lists
    /// `(item's ordinal in the job, exception, item)`. With `promptly` off the caller is woken for
    /// several chunks at a time. Raises `StopIteration` when there are no more.
    #[pyo3(signature = (timeout = None, promptly = true))]
    fn take<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        promptly: bool,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let look = |board: &Board, until| board.take(promptly, until);
        match self.wait(py, deadline(timeout), look)? {
            None => Ok(None),
            Some(Taken::Over) => Err(PyStopIteration::new_err(())),
            Some(Taken::Chunk(ended)) => {
                let first_item = ended.first_item;
                let values = PyList::empty(py);
                let failures = PyList::empty(py);
                self.unpack(py, &ended, &values, &failures)?;
                Ok(Some((first_item, values, failures).into_pyobject(py)?))
            }
        }
    }

    /// Takes all chunks, waiting for them, and appends to `values` and `failures` as `take` gives
    /// them; whether that was all, or `timeout` seconds are over. May be called again then.
    #[pyo3(signature = (values, failures, timeout = None))]
    fn gather(
        &self,
        py: Python<'_>,
        values: &Bound<'_, PyList>,
        failures: &Bound<'_, PyList>,
        timeout: Option<f64>,
    ) -> PyResult<bool> {
        let deadline = deadline(timeout);
        loop {
            match self.wait(py, deadline, |board, until| board.take(false, until))? {
                None => return Ok(false),
                Some(Taken::Over) => return Ok(true),
                Some(Taken::Chunk(ended)) => self.unpack(py, &ended, values, failures)?,
            }
        }
    }

    /// Drops what has no outcome yet: its outcome is a `windrow.errors.Cancelled`.
    fn cancel(&self) {
        let calls = self.board.cancel();
        if let Some(pool) = self.pool.upgrade() {
            calls.into_iter().for_each(|call| pool.cancel(call));
        }
    }

    /// Of a revocable job: cancels it if no worker was given it; whether that is so.
    fn take_back(&self) -> bool {
        let is_back = self.gate.as_ref().is_some_and(|gate| gate.shut());
        if is_back {
            self.cancel();
        }
        is_back
    }

    /// Of a revocable job: whether a worker was given it.
    fn has_started(&self) -> bool {
        self.gate.as_ref().is_none_or(|gate| gate.has_passed())
    }
}

impl Job {
    fn unpack(
        &self,
        py: Python<'_>,
        ended: &Ended,
        values: &Bound<'_, PyList>,
        failures: &Bound<'_, PyList>,
    ) -> PyResult<()> {
        let into = chunk::Sink { values, failures };
        let Outcome::Pieces(pieces) = &ended.outcome else {
            return chunk::unpack_unsent(py, ended, &into);
        };
        for piece in pieces {
            if chunk::is_halved(piece, self.plan.collects) {
                self.halve(py, ended, &piece.items, &into)?;
            } else {
                chunk::unpack(py, ended, piece, self.plan.mode == Mode::Apply, &into)?;
            }
        }
        Ok(())
    }

    /// Sends items again whose pickle has killed workers, or could not be loaded: in halves, which
    /// are pickled anew and come here again, until it is one item that fails alone.
    fn halve(
        &self,
        py: Python<'_>,
        ended: &Ended,
        items: &Range<u32>,
        into: &chunk::Sink<'_, '_>,
    ) -> PyResult<()> {
        let Some(pool) = self.pool.upgrade() else { return Err(ended_pool()) };
        let board = Board::starting_at(ended.first_item + u64::from(items.start));
        let half = Self::new(&pool, self.plan.clone(), board, None, false);
        let kept = ended.kept.bind(py).cast::<PyList>()?;
        let middle = items.start + (items.end - items.start) / 2;
        for (start, end) in [(items.start, middle), (middle, items.end)] {
            half.send(py, kept.get_slice(start as usize, end as usize).as_any())?;
        }
        half.board.close();
        let gathered = half.gather(py, into.values, into.failures, None);
        if gathered.is_err() {
            half.cancel();
        }
        gathered.map(|_| ())
    }
}

fn ended_pool() -> PyErr {
    PyRuntimeError::new_err("the pool of this job has ended")
}
