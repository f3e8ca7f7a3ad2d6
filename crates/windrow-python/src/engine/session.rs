//! `Session`: what plans run in, and what Python brings to it.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::compute::concat_batches;
use arrow::ffi_stream::ArrowArrayStreamReader;
use arrow_pyarrow::FromPyArrow;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use windrow_cli::TerminalBar;
use windrow_engine::session::{Session, Surroundings};
use windrow_engine::settings::Settings;
use windrow_engine::source::FileSource;
use windrow_engine::{Error, Fault};
use windrow_events::{Event, EventBus, Observer, Stream};
use windrow_workers::{FunctionHost, WorkerPool};

use super::dataset::PyDataset;
use super::errors::raised;
use super::run::PyRun;
use crate::hosts;
use crate::pool::PyWorkerPool;

/// What Python raised while a run was waited for (`KeyboardInterrupt`).
type Raised = Arc<Mutex<Option<PyErr>>>;

/// Settings, one memory budget, one pool of workers.
#[pyclass(frozen, weakref, name = "Session", module = "windrow._native")]
pub(crate) struct PySession {
    session: Session,
    raised: Raised,
    events: Mutex<Receiver<Event>>,
    lines: Mutex<Receiver<(Stream, String)>>,
    bar: Arc<TerminalBar>,
    observer: Mutex<Option<Py<PyAny>>>,
    workers: Workers,
}

/// The session's worker processes, once something has needed them.
type Workers = Arc<OnceLock<Arc<WorkerPool>>>;

/// Hands events to the thread that waits.
struct Queue(Mutex<Sender<Event>>);

impl Observer for Queue {
    fn observe(&self, event: &Event) {
        // Without a receiver the session is gone and nobody looks.
        let _ = lock(&self.0).send(event.clone());
    }
}

impl PySession {
    /// Runs `work` on the engine's threads with the interpreter's lock released.
    pub(super) fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl Future<Output = windrow_engine::Result<T>> + Send + 'static,
    ) -> PyResult<T> {
        self.detached(py, || self.session.wait_with(work, &mut || self.show()))
    }

    /// Calls `work` with the interpreter's lock released.
    pub(super) fn detached<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce() -> windrow_engine::Result<T> + Send,
    ) -> PyResult<T> {
        let outcome = py.detach(work);
        self.show_with(py);
        outcome.map_err(|error| {
            let interrupt = lock(&self.raised).take();
            match interrupt {
                Some(interrupt) if error.fault() == Fault::Cancelled => interrupt,
                _ => raised(error),
            }
        })
    }

    /// Gives waiting events to the Python observer, and lines of workers to `sys.stdout`.
    fn show(&self) {
        Python::attach(|py| self.show_with(py));
    }

    fn waiting(&self) -> Vec<Event> {
        lock(&self.events).try_iter().collect()
    }

    pub(super) fn show_with(&self, py: Python<'_>) {
        let lines: Vec<_> = lock(&self.lines).try_iter().collect();
        if !lines.is_empty() {
            self.bar.suspend(|| {
                for (stream, line) in &lines {
                    if let Err(error) = print(py, *stream, line) {
                        error.write_unraisable(py, None);
                    }
                }
            });
        }
        let observer = lock(&self.observer).as_ref().map(|observer| observer.clone_ref(py));
        for event in self.waiting() {
            let Some(observer) = &observer else { continue };
            let Ok(text) = serde_json::to_string(&event) else { continue };
            if let Err(error) = observer.call1(py, (text,)) {
                // A display that fails must not end the run.
                error.write_unraisable(py, None);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints where the user's own `print` would: a notebook replaces `sys.stdout`.
fn print(py: Python<'_>, stream: Stream, line: &str) -> PyResult<()> {
    let name = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    let file = py.import("sys")?.getattr(name)?;
    if !file.is_none() {
        file.call_method1("write", (format!("{line}\n"),))?;
    }
    Ok(())
}

fn surroundings(raised: &Raised, workers: &Workers, events: &EventBus) -> Surroundings {
    let raised = Arc::clone(raised);
    let workers = Arc::clone(workers);
    let told = events.clone();
    Surroundings {
        events: events.clone(),
        in_process: Some(hosts::in_process()),
        start_workers: Box::new(move |settings| {
            if let Some(started) = workers.get() {
                return Ok(Arc::clone(started) as Arc<dyn FunctionHost>);
            }
            let pool = hosts::worker_pool(settings, &told)?;
            Ok(Arc::clone(workers.get_or_init(|| pool)) as Arc<dyn FunctionHost>)
        }),
        interrupted: Box::new(move || {
            Python::attach(|py| match py.check_signals() {
                Ok(()) => false,
                Err(error) => {
                    *lock(&raised) = Some(error);
                    true
                }
            })
        }),
    }
}

#[pymethods]
impl PySession {
    #[new]
    #[pyo3(signature = (settings="{}"))]
    fn new(py: Python<'_>, settings: &str) -> PyResult<Self> {
        let settings = Settings::resolve(settings).map_err(super::raised)?;
        let (raised, workers, bus) = (Raised::default(), Workers::default(), EventBus::default());
        let surroundings = surroundings(&raised, &workers, &bus);
        let notebook: bool =
            py.import("windrow._progress")?.call_method0("in_notebook")?.extract()?;
        let progress = if notebook { Some(false) } else { settings.progress };
        let session = py.detach(|| Session::new(settings, surroundings)).map_err(super::raised)?;
        let (sender, events) = channel();
        bus.add(Arc::new(Queue(Mutex::new(sender))));
        let (sender, lines) = channel();
        let sender = Mutex::new(sender);
        let pass_on = move |stream: Stream, line: &str| {
            // Without a receiver the session is gone and nobody reads.
            let _ = lock(&sender).send((stream, line.to_owned()));
        };
        let bar = Arc::new(TerminalBar::with_lines(progress, Box::new(pass_on)));
        bus.add(Arc::clone(&bar) as Arc<dyn Observer>);
        Ok(Self {
            session,
            raised,
            events: Mutex::new(events),
            lines: Mutex::new(lines),
            bar,
            observer: Mutex::new(None),
            workers,
        })
    }

    fn settings(&self) -> PyResult<String> {
        serde_json::to_string(self.session.settings())
            .map_err(|error| super::raised(Error::internal(error.to_string())))
    }

    fn scan(
        slf: &Bound<'_, Self>,
        format: &str,
        paths: Vec<String>,
        options: &str,
    ) -> PyResult<PyDataset> {
        let source = FileSource::from_json(format, paths, options).map_err(super::raised)?;
        let this = slf.get();
        let dataset = this.detached(slf.py(), || this.session.scan(source, format))?;
        Ok(PyDataset { dataset, session: slf.clone().unbind() })
    }

    #[pyo3(signature = (stream, npartitions, divisions=None))]
    fn from_arrow(
        slf: &Bound<'_, Self>,
        stream: &Bound<'_, PyAny>,
        npartitions: usize,
        divisions: Option<Vec<i64>>,
    ) -> PyResult<PyDataset> {
        let reader = ArrowArrayStreamReader::from_pyarrow_bound(stream)?;
        let schema = reader.schema();
        let this = slf.get();
        let dataset = this.detached(slf.py(), || {
            let unreadable = |error: arrow::error::ArrowError| Error::data(error.to_string());
            let batches = reader.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
            let whole = concat_batches(&schema, &batches).map_err(unreadable)?;
            this.session.from_batches(schema, slices(&whole, npartitions), divisions)
        })?;
        Ok(PyDataset { dataset, session: slf.clone().unbind() })
    }

    fn sql(slf: &Bound<'_, Self>, query: &str, tables: &Bound<'_, PyDict>) -> PyResult<PyDataset> {
        let tables = tables
            .iter()
            .map(|(name, table)| {
                let table = table.cast::<PyDataset>()?;
                Ok((name.extract::<String>()?, table.get().dataset.clone()))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let this = slf.get();
        let dataset = this.detached(slf.py(), || this.session.sql(query, tables))?;
        Ok(PyDataset { dataset, session: slf.clone().unbind() })
    }

    #[pyo3(signature = (observer))]
    fn on_event(&self, observer: Option<Py<PyAny>>) {
        *lock(&self.observer) = observer;
    }

    /// The folder for temporary files; it goes with the session.
    #[getter]
    fn scratch(&self) -> PathBuf {
        self.session.scratch().to_path_buf()
    }

    /// How many worker processes there are.
    #[getter]
    fn workers(&self) -> usize {
        self.session.settings().workers
    }

    /// The session's worker processes.
    fn pool(&self, py: Python<'_>) -> PyResult<PyWorkerPool> {
        py.detach(|| self.session.workers()).map_err(super::raised)?;
        match self.workers.get() {
            Some(pool) => Ok(PyWorkerPool::shared(Arc::clone(pool))),
            None => Err(super::raised(Error::internal("workers that are not ours"))),
        }
    }

    /// Tells that a job of a Python face starts.
    fn start_run(slf: &Bound<'_, Self>, name: String) -> PyRun {
        PyRun::start(slf.clone().unbind(), slf.get().session.events().clone(), name)
    }

    /// Runs datasets as stages from now on: on what `options` (JSON) says, or on `runner`, an object
    /// of Python.
    #[pyo3(signature = (options, runner=None))]
    fn connect(&self, py: Python<'_>, options: &str, runner: Option<Py<PyAny>>) -> PyResult<()> {
        let client = super::client::client(options, runner)?;
        py.detach(|| self.session.set_client(Some(client)));
        Ok(())
    }

    /// Runs datasets in this process again, and ends the runner.
    fn disconnect(&self, py: Python<'_>) {
        py.detach(|| {
            let client = self.session.client();
            self.session.set_client(None);
            if let Some(client) = client {
                client.close();
            }
        });
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            if let Some(client) = self.session.client() {
                client.close();
            }
            if let Some(workers) = self.workers.get() {
                workers.stop(false, Duration::from_secs(2));
            }
            self.session.close();
        });
    }
}

/// `count` slices of equal size, but for the last; empty ones where there are fewer rows.
fn slices(batch: &RecordBatch, count: usize) -> Vec<Vec<RecordBatch>> {
    let rows = batch.num_rows();
    let size = rows.div_ceil(count.max(1)).max(1);
    let mut partitions: Vec<_> = (0..rows.div_ceil(size))
        .map(|part| vec![batch.slice(part * size, size.min(rows - part * size))])
        .collect();
    if partitions.is_empty() {
        partitions.push(vec![]);
    }
    partitions
}
