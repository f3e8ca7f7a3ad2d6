//! `Session`: what plans run in, and what Python brings to it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::compute::concat_batches;
use arrow::ffi_stream::ArrowArrayStreamReader;
use arrow_pyarrow::FromPyArrow;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use windrow_engine::session::{Session, Surroundings};
use windrow_engine::settings::Settings;
use windrow_engine::source::FileSource;
use windrow_engine::{Error, Fault};
use windrow_events::{Event, Observer};

use super::dataset::PyDataset;
use super::errors::raised;
use crate::hosts;

/// What Python raised while a run was waited for (`KeyboardInterrupt`).
type Raised = Arc<Mutex<Option<PyErr>>>;

/// Settings, one memory budget, one pool of workers.
#[pyclass(frozen, name = "Session", module = "windrow._native")]
pub(crate) struct PySession {
    session: Session,
    raised: Raised,
    events: Mutex<Receiver<Event>>,
    observer: Mutex<Option<Py<PyAny>>>,
}

/// Hands events to the thread that waits.
struct Queue(Mutex<Sender<Event>>);

impl Observer for Queue {
    fn observe(&self, event: &Event) {
        // Without a receiver the session is gone and nobody looks.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).send(event.clone());
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
            let interrupt =
                self.raised.lock().unwrap_or_else(PoisonError::into_inner).take();
            match interrupt {
                Some(interrupt) if error.fault() == Fault::Cancelled => interrupt,
                _ => raised(error),
            }
        })
    }

    /// Gives waiting events to the Python observer.
    fn show(&self) {
        let observed =
            self.observer.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if observed {
            Python::attach(|py| self.show_with(py));
        } else {
            self.waiting();
        }
    }

    fn waiting(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).try_iter().collect()
    }

    fn show_with(&self, py: Python<'_>) {
        let observer = self
            .observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(|observer| observer.clone_ref(py));
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

fn surroundings(raised: &Raised) -> Surroundings {
    let raised = Arc::clone(raised);
    Surroundings {
        in_process: hosts::in_process(),
        start_workers: Box::new(hosts::start_workers),
        interrupted: Box::new(move || {
            Python::attach(|py| match py.check_signals() {
                Ok(()) => false,
                Err(error) => {
                    *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
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
        let raised = Raised::default();
        let surroundings = surroundings(&raised);
        let session =
            py.detach(|| Session::new(settings, surroundings)).map_err(super::raised)?;
        let (sender, events) = channel();
        session.events().add(Arc::new(Queue(Mutex::new(sender))));
        Ok(Self { session, raised, events: Mutex::new(events), observer: Mutex::new(None) })
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
        *self.observer.lock().unwrap_or_else(PoisonError::into_inner) = observer;
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.session.close());
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
