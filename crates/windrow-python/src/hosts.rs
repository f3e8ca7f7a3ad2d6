//! Where a session's functions run: this interpreter, or worker processes; and what workers tell.

use std::sync::Arc;

use pyo3::prelude::*;
use windrow_engine::settings::Settings;
use windrow_engine::{Error, Fault, Result};
use windrow_events::{Event, EventBus, Stream, WorkerId, now_millis};
use windrow_workers::{FunctionHost, Observer, WorkerEvent, WorkerPool};

use crate::pool::{self, PoolOptions};
use crate::rows::InProcessHost;

/// Functions in this interpreter.
pub(crate) fn in_process() -> Arc<dyn FunctionHost> {
    Arc::new(InProcessHost::default())
}

/// Makes the pool of worker processes; they start with the first call.
pub(crate) fn worker_pool(settings: &Settings, events: &EventBus) -> Result<Arc<WorkerPool>> {
    let options = PoolOptions { workers: settings.workers, ..PoolOptions::default() };
    let observer = Arc::new(Told { events: events.clone() });
    Python::attach(|py| pool::worker_pool(py, &options, Some(observer)))
        .map(Arc::new)
        .map_err(|error| unstarted(&error))
}

fn unstarted(error: &dyn std::fmt::Display) -> Error {
    Error::new(Fault::Resources, format!("cannot start worker processes: {error}"))
        .hint("look at the limits on processes and open files, or use fewer workers")
}

/// Hands what the workers tell to the session's events.
struct Told {
    events: EventBus,
}

impl Observer for Told {
    fn event(&self, event: WorkerEvent) {
        let at = now_millis();
        let number = |worker: u64| WorkerId(u32::try_from(worker).unwrap_or(u32::MAX));
        let told = match event {
            WorkerEvent::Line(line) => Event::Output {
                run: None,
                at,
                worker: number(line.worker),
                task: None,
                stream: match line.stream {
                    windrow_workers::Stream::Stdout => Stream::Stdout,
                    windrow_workers::Stream::Stderr => Stream::Stderr,
                },
                line: line.text.trim_end_matches('\n').to_owned(),
            },
            WorkerEvent::Started { worker, pid } => {
                Event::WorkerStarted { run: None, at, worker: number(worker), pid }
            }
            WorkerEvent::Died(death) => Event::WorkerDied {
                run: None,
                at,
                worker: WorkerId::default(),
                pid: death.pid,
                cause: death.cause(),
            },
            WorkerEvent::Note(text) => Event::Note { run: None, at, text },
        };
        self.events.emit(&told);
    }
}
