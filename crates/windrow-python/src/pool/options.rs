//! Making a pool from Python's settings.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use windrow_workers::{Command, Observer, PoolSettings, Start, WorkerPool};

/// What a pool is made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolOptions {
    /// How many workers; 0 for one per processor.
    pub(crate) workers: usize,
    /// How often an item that kills its worker is tried; 0 for the default of 3.
    pub(crate) max_attempts: u32,
    /// Resident memory in bytes past which a worker is killed.
    pub(crate) memory_limit: Option<u64>,
    /// A worker is replaced after this many tasks.
    pub(crate) tasks_per_worker: Option<u64>,
    /// How long the fork server stays for the next pool, in seconds.
    pub(crate) keep_warm: Option<f64>,
    /// `fork_server` or `spawn`; `None` for what the environment says.
    pub(crate) start: Option<String>,
}

/// Makes a pool whose workers are like this interpreter. No process is started yet.
pub(crate) fn worker_pool(
    py: Python<'_>,
    options: &PoolOptions,
    observer: Option<Arc<dyn Observer>>,
) -> PyResult<WorkerPool> {
    let launch = py.import("windrow._worker.launch")?;
    let start: String = match &options.start {
        Some(start) => start.clone(),
        None => launch.call_method0("start_method")?.extract()?,
    };
    let (arguments, environment): (Vec<String>, Vec<(String, String)>) =
        launch.call_method1("command", (&start,))?.extract()?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if options.workers == 0 { processors } else { options.workers };
    let mut settings = PoolSettings::new(workers, Command { arguments, environment });
    settings.start = if start == "spawn" { Start::Spawn } else { Start::ForkServer };
    settings.memory_limit = options.memory_limit;
    settings.tasks_per_worker = options.tasks_per_worker;
    settings.observer = observer;
    if let Some(time) = options.keep_warm {
        settings.keep_warm = Duration::try_from_secs_f64(time).unwrap_or_default();
    }
    if options.max_attempts > 0 {
        settings.max_attempts = options.max_attempts;
    }
    Ok(WorkerPool::new(settings)?)
}
