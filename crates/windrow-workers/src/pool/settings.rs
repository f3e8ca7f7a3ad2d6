//! Settings of a pool of workers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::launch::{Command, Start};
use crate::output::Observer;

/// Settings of a pool of workers.
#[derive(Clone)]
pub struct PoolSettings {
    /// How many workers.
    pub workers: usize,
    /// Processors that all workers together may use.
    pub processors: usize,
    /// How to start an interpreter.
    pub command: Command,
    /// Fork server, or an exec per worker.
    pub start: Start,
    /// How often an item that kills its worker is tried.
    pub max_attempts: u32,
    /// Resident memory in bytes past which a worker is killed.
    pub memory_limit: Option<u64>,
    /// A worker is replaced after this many tasks.
    pub tasks_per_worker: Option<u64>,
    /// Bytes of shared memory kept for reuse.
    pub keep_shared: usize,
    /// How long a cancelled call may go on before its worker is killed.
    pub cancel_grace: Duration,
    /// How long the fork server stays for the next pool of the same kind, after this one has ended.
    pub keep_warm: Duration,
    /// Receives what workers print and what happens to them.
    pub observer: Option<Arc<dyn Observer>>,
}

impl PoolSettings {
    /// A pool of `workers` that are started by `command`.
    pub fn new(workers: usize, command: Command) -> Self {
        Self {
            workers: workers.max(1),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            command,
            start: Start::default(),
            max_attempts: 3,
            memory_limit: None,
            tasks_per_worker: None,
            keep_shared: 512 << 20,
            cancel_grace: Duration::from_millis(100),
            keep_warm: Duration::from_secs(10),
            observer: None,
        }
    }
}

impl fmt::Debug for PoolSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PoolSettings")
            .field("workers", &self.workers)
            .field("start", &self.start)
            .field("max_attempts", &self.max_attempts)
            .field("memory_limit", &self.memory_limit)
            .finish_non_exhaustive()
    }
}
