//! `_native.WorkerPool`: what the Python faces of the pool are built on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use windrow_workers::wire::frame::Kind;
use windrow_workers::{CallRequest, KnownFunction, WorkerPool};

use super::board::{Board, Limit};
use super::echo::Echo;
use super::finished::Finished;
use super::job::{Job, Plan};
use super::options::{PoolOptions, worker_pool};
use super::room::{has_room, wait_for_room};
use super::ticket::{Slot, Ticket, deadline};
use crate::worker::call::{CallHead, Mode, body};

/// How long a wait goes on before signals are looked at.
const SLICE: Duration = Duration::from_millis(50);
/// How long to wait for the last lines that workers printed.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Worker processes that call functions on pickled arguments.
#[pyclass(frozen, name = "WorkerPool", module = "windrow._native")]
pub(crate) struct PyWorkerPool {
    pool: Arc<WorkerPool>,
    echo: Option<Arc<Echo>>,
    finished: Arc<Finished>,
    /// Whether the pool ends with this object.
    owned: bool,
}

/// How the calls of a job are made: attributes of any object.
#[derive(FromPyObject)]
struct JobOptions {
    /// Go on after an item that raised.
    collect: bool,
    /// Most coroutines at once in one worker.
    concurrency: usize,
    /// Seconds that one item may take.
    timeout: Option<f64>,
    /// How often an item that kills its worker is tried; 0 for the pool's number.
    max_attempts: u32,
}

/// A function that a pool knows.
#[pyclass(frozen, module = "windrow._native")]
pub(crate) struct PoolFunction {
    known: Arc<KnownFunction>,
    is_async: bool,
}

#[pymethods]
impl PoolFunction {
    /// The name of the function.
    #[getter]
    fn name(&self) -> &str {
        &self.known.name
    }
}

#[pymethods]
impl PyWorkerPool {
    #[new]
    #[pyo3(signature = (
        workers = 0, *, start = None, max_attempts = 3, memory_limit = None,
        tasks_per_worker = None, keep_warm = None, echo = true, name_workers = false,
        prepare = false
    ))]
    #[allow(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        py: Python<'_>,
        workers: usize,
        start: Option<String>,
        max_attempts: u32,
        memory_limit: Option<u64>,
        tasks_per_worker: Option<u64>,
        keep_warm: Option<f64>,
        echo: bool,
        name_workers: bool,
        prepare: bool,
    ) -> PyResult<Self> {
        let options =
            PoolOptions { workers, max_attempts, memory_limit, tasks_per_worker, keep_warm, start };
        let echo = echo.then(|| Arc::new(Echo::new(name_workers)));
        let observer = echo.clone().map(|echo| echo as Arc<dyn windrow_workers::Observer>);
        let pool = Arc::new(worker_pool(py, &options, observer)?);
        if prepare {
            pool.prepare();
        }
        Ok(Self { pool, echo, finished: Arc::default(), owned: true })
    }

    /// Starts the workers in the background. `initializer` is the pickle of a callable and its
    /// arguments, which each of them calls before its first task.
    #[pyo3(signature = (initializer = None))]
    fn warm(&self, initializer: Option<&[u8]>) -> PyResult<()> {
        if let Some(initializer) = initializer {
            self.pool.set_initializer(initializer)?;
        }
        self.pool.warm();
        Ok(())
    }

    /// Processes of the workers that are ready.
    #[getter]
    fn pids(&self) -> Vec<u32> {
        self.pool.pids()
    }

    /// How many workers there are to be.
    #[getter]
    fn workers(&self) -> usize {
        self.pool.settings().workers
    }

    /// Calls that have no outcome yet, and bytes of them.
    fn pending(&self) -> (usize, usize) {
        self.pool.pending()
    }

    /// Makes a pickled callable known; the same bytes give the same function. The calls of an
    /// `async def` function share one event loop per worker.
    #[pyo3(signature = (name, pickled, *, is_async = false))]
    fn function(&self, name: &str, pickled: &[u8], is_async: bool) -> PyResult<PoolFunction> {
        Ok(PoolFunction { known: self.pool.call_function(name, pickled)?, is_async })
    }

    /// Starts a call.
    ///
    /// `mode` is `apply` (the pickle is of `(args, kwargs)`), `map` (of a list of items) or
    /// `starmap` (of a list of tuples); `buffers` are the pickle's out-of-band buffers. Waits while
    /// too much is pending. `next_finished` gives the number `announce` when the call has ended.
    #[pyo3(signature = (
        function, mode, pickled, buffers, items, *, collect = false, concurrency = 100,
        timeout = None, max_attempts = 0, announce = None
    ))]
    #[allow(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "as PyO3 gives them"
    )]
    fn submit(
        &self,
        py: Python<'_>,
        function: &PoolFunction,
        mode: &str,
        pickled: &Bound<'_, PyBytes>,
        buffers: Vec<PyBuffer<u8>>,
        items: u32,
        collect: bool,
        concurrency: usize,
        timeout: Option<f64>,
        max_attempts: u32,
        announce: Option<u64>,
    ) -> PyResult<Ticket> {
        let is_async = function.is_async;
        let mode = parse_mode(mode)?;
        let head = CallHead { mode, collect, is_async, concurrency, timeout };
        let head =
            serde_json::to_vec(&head).map_err(|error| PyValueError::new_err(error.to_string()))?;
        wait_for_room(py, &self.pool)?;
        let request = CallRequest {
            function: Arc::clone(&function.known),
            kind: Kind::Call,
            body: body(py, &head, pickled, &buffers, self.pool.slabs())?,
            items: items.max(1),
            max_attempts: self.attempts(max_attempts),
            timeout: item_limit(timeout, is_async),
            describe: None,
            gate: None,
        };
        let slot = Arc::new(Slot::default());
        let (filled, finished) = (Arc::clone(&slot), Arc::clone(&self.finished));
        let call = self.pool.call(
            request,
            Box::new(move |pieces| {
                filled.fill(pieces);
                if let Some(token) = announce {
                    finished.push(token);
                }
            }),
        );
        Ok(Ticket { slot, pool: Arc::downgrade(&self.pool), call, items: items.max(1) })
    }

    /// Makes a job: calls of `function` on chunks that are fed to it.
    ///
    /// `mode` as in `submit`. `bound`: most chunks on their way, each until it has its outcome, or
    /// with `until_taken` until it is taken. A job that is not `ordered` gives chunks as they come.
    /// `next_finished` gives the number `announce` when the job has ended. With `revocable` the job
    /// can be taken back as long as no worker was given it.
    #[pyo3(signature = (
        function, mode, options, *, ordered = true, bound = None, until_taken = false,
        announce = None, revocable = false
    ))]
    #[allow(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "keywords in Python"
    )]
    fn job(
        &self,
        function: &PoolFunction,
        mode: &str,
        options: JobOptions,
        ordered: bool,
        bound: Option<u64>,
        until_taken: bool,
        announce: Option<u64>,
        revocable: bool,
    ) -> PyResult<Job> {
        let JobOptions { collect, concurrency, timeout, max_attempts } = options;
        let is_async = function.is_async;
        let mode = parse_mode(mode)?;
        let head = CallHead { mode, collect, is_async, concurrency, timeout };
        let head =
            serde_json::to_vec(&head).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let plan = Plan {
            function: Arc::clone(&function.known),
            mode,
            head,
            max_attempts: self.attempts(max_attempts),
            timeout: item_limit(timeout, is_async),
            collects: collect,
        };
        let announce = announce.map(|number| (Arc::clone(&self.finished), number));
        let bound = bound.map(|chunks| Limit { chunks: chunks.max(1), until_taken });
        Ok(Job::new(&self.pool, plan, Board::new(ordered, announce), bound, revocable))
    }

    /// Whether a call may be started now without waiting for room.
    fn has_room(&self) -> bool {
        has_room(&self.pool)
    }

    /// Has the pool end when no call is left; workers then run their exit handlers. Does not wait.
    fn finish(&self) {
        self.pool.finish();
    }

    /// Waits for the end that `close` or `finish` brings about, at most `timeout` seconds; whether
    /// it has come.
    #[pyo3(signature = (timeout = None))]
    fn join(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let deadline = deadline(timeout);
        loop {
            let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let slice = rest.map_or(SLICE, |rest| rest.min(SLICE));
            let pool = &self.pool;
            if py.detach(|| pool.wait(slice)) {
                if let Some(echo) = &self.echo {
                    echo.flush(py, LAST_LINES);
                }
                return Ok(true);
            }
            py.check_signals()?;
            if rest.is_some_and(|rest| rest.is_zero()) {
                return Ok(false);
            }
        }
    }

    /// Waits for calls that were to be announced, at most `timeout` seconds, and gives the numbers
    /// given for those that have ended since it was asked last.
    #[pyo3(signature = (timeout = None))]
    fn next_finished(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Vec<u64>> {
        let deadline = deadline(timeout);
        loop {
            let slice = Instant::now() + SLICE;
            let until = deadline.map_or(slice, |deadline| deadline.min(slice));
            let finished = &self.finished;
            let calls = py.detach(|| finished.take_until(until));
            if !calls.is_empty() || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(calls);
            }
            py.check_signals()?;
        }
    }

    /// Makes `next_finished` return at once, with nothing new if nothing is.
    fn wake(&self) {
        self.finished.push(0);
    }

    /// Ends the pool: calls without an outcome are cancelled. With `graceful`, idle workers run
    /// their exit handlers. Raises `TimeoutError` when that takes longer than `timeout` seconds.
    #[pyo3(signature = (*, graceful = true, timeout = 10.0))]
    fn close(&self, py: Python<'_>, graceful: bool, timeout: f64) -> PyResult<()> {
        let limit = Duration::try_from_secs_f64(timeout.max(0.0)).unwrap_or(Duration::MAX);
        let pool = &self.pool;
        let has_ended = py.detach(|| pool.stop(graceful, limit.min(Duration::from_secs(86_400))));
        if let Some(echo) = &self.echo {
            echo.flush(py, LAST_LINES);
        }
        if has_ended {
            return Ok(());
        }
        Err(PyTimeoutError::new_err(format!("the workers did not end within {timeout} s")))
    }
}

impl PyWorkerPool {
    /// A pool that belongs to a session.
    #[cfg(feature = "engine")]
    pub(crate) fn shared(pool: Arc<WorkerPool>) -> Self {
        Self { pool, echo: None, finished: Arc::default(), owned: false }
    }

    fn attempts(&self, given: u32) -> u32 {
        if given == 0 { self.pool.settings().max_attempts } else { given }
    }

    pub(super) fn pool(&self) -> &Arc<WorkerPool> {
        &self.pool
    }
}

impl Drop for PyWorkerPool {
    fn drop(&mut self) {
        if self.owned {
            // Ends the I/O thread without waiting for it: this runs with the interpreter's lock held.
            self.pool.stop(false, Duration::ZERO);
        }
    }
}

/// The time that the pool grants an item; the event loop of a worker limits the time of its
/// coroutines itself.
fn item_limit(seconds: Option<f64>, is_async: bool) -> Option<Duration> {
    seconds.filter(|_| !is_async).and_then(|limit| Duration::try_from_secs_f64(limit).ok())
}

fn parse_mode(mode: &str) -> PyResult<Mode> {
    match mode {
        "apply" => Ok(Mode::Apply),
        "map" => Ok(Mode::Map),
        "starmap" => Ok(Mode::Starmap),
        _ => Err(PyValueError::new_err(format!("unknown mode `{mode}`"))),
    }
}
