//! `Run`: a job that a Python face carries out on the session's workers, told as events.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use pyo3::prelude::*;
use windrow_events::{Event, EventBus, RunId, RunStatus, StageId, Unit, now_millis};

use super::session::PySession;

/// A run of stages of tasks; its end is told by `finish`, or when it is dropped.
#[pyclass(frozen, name = "Run", module = "windrow._native")]
pub(crate) struct PyRun {
    session: Py<PySession>,
    bus: EventBus,
    run: RunId,
    started: Instant,
    stage: AtomicU32,
    tasks: AtomicU32,
    rows: AtomicU64,
    ended: AtomicBool,
}

impl PyRun {
    pub(super) fn start(session: Py<PySession>, bus: EventBus, name: String) -> Self {
        let run = RunId::generate();
        bus.emit(&Event::RunStarted {
            run: run.clone(),
            at: now_millis(),
            name,
            plan: String::new(),
            functions: vec![],
        });
        Self {
            session,
            bus,
            run,
            started: Instant::now(),
            stage: AtomicU32::new(0),
            tasks: AtomicU32::new(0),
            rows: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    fn end(&self, status: RunStatus) {
        if self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        self.bus.emit(&Event::RunFinished {
            run: self.run.clone(),
            at: now_millis(),
            status,
            seconds: self.started.elapsed().as_secs_f64(),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: 0,
            peak_memory: None,
        });
    }
}

#[pymethods]
impl PyRun {
    /// Tells that a stage of `tasks` tasks, on `rows` rows if that is known, starts. With `items`
    /// its rows are called so.
    #[pyo3(signature = (name, tasks, rows=None, *, items=false))]
    fn stage(&self, name: String, tasks: u32, rows: Option<u64>, items: bool) {
        let stage = StageId(self.stage.fetch_add(1, Ordering::Relaxed) + 1);
        self.tasks.store(tasks, Ordering::Relaxed);
        self.bus.emit(&Event::StageStarted {
            run: self.run.clone(),
            at: now_millis(),
            stage,
            name,
            partitions: tasks,
            unit: if items { Unit::Items } else { Unit::Rows },
            rows_total: rows,
            bytes_total: None,
        });
    }

    /// Tells that `done` tasks of the stage, with `rows` rows, are done, and prints what workers
    /// have printed.
    #[pyo3(signature = (done, rows=0))]
    fn advance(&self, py: Python<'_>, done: u32, rows: u64) {
        self.bus.emit(&Event::Progress {
            run: self.run.clone(),
            at: now_millis(),
            stage: StageId(self.stage.load(Ordering::Relaxed)),
            rows,
            bytes: 0,
            rows_total: None,
            bytes_total: None,
            tasks_done: done,
            tasks_total: self.tasks.load(Ordering::Relaxed),
        });
        self.session.get().show_with(py);
    }

    /// Tells that `done` items, of `total` if that is known, are done.
    #[pyo3(signature = (done, total=None))]
    fn count(&self, py: Python<'_>, done: u64, total: Option<u64>) {
        self.bus.emit(&Event::Progress {
            run: self.run.clone(),
            at: now_millis(),
            stage: StageId(self.stage.load(Ordering::Relaxed)),
            rows: done,
            bytes: 0,
            rows_total: total,
            bytes_total: None,
            tasks_done: 0,
            tasks_total: self.tasks.load(Ordering::Relaxed),
        });
        self.rows.store(done, Ordering::Relaxed);
        self.session.get().show_with(py);
    }

    /// Tells the end: without `error` it succeeded.
    #[pyo3(signature = (error, cancelled=false))]
    fn finish(&self, py: Python<'_>, error: Option<String>, cancelled: bool) {
        self.end(match error {
            _ if cancelled => RunStatus::Cancelled,
            Some(message) => RunStatus::Failed { message },
            None => RunStatus::Succeeded,
        });
        self.session.get().show_with(py);
    }
}

impl Drop for PyRun {
    fn drop(&mut self) {
        self.end(RunStatus::Cancelled);
    }
}
