//! How workers come to be: a warm fork server where there is one, otherwise one exec per worker.

pub(crate) mod environment;
mod exec;
mod forkserver;
pub(crate) mod keeper;
pub mod protocol;

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use exec::ExecLauncher;
pub(crate) use forkserver::ForkServer;
pub use keeper::end_kept;

use crate::machine::WorkerNumber;

/// Which body starts the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Fork from a warm process that never had threads: about 2 ms a worker.
    #[default]
    ForkServer,
    /// Start an interpreter for every worker: for systems where that cannot be.
    Spawn,
}

/// How to start an interpreter that can be a worker, or a server of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments. Descriptor 0 will be the socket to the driver.
    pub arguments: Vec<String>,
    /// Environment variables on top of the driver's.
    pub environment: Vec<(String, String)>,
}

/// What the worker at the other end is given.
#[derive(Debug)]
pub(crate) struct WorkerEnds {
    pub(crate) task: OwnedFd,
    pub(crate) control: OwnedFd,
    pub(crate) status: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// What a launcher tells.
#[derive(Debug)]
pub(crate) enum Report {
    /// The process exists.
    Started { worker: WorkerNumber, pid: u32 },
    /// The process is gone.
    Exited { worker: WorkerNumber, exit: Exit },
    /// It could not be started.
    Failed { worker: WorkerNumber, message: String },
    /// Something to be said to the user once.
    Note(String),
    /// The launcher itself is gone, and its workers with it; what it said last.
    Lost(String),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Its exit code, when no signal ended it.
    pub code: Option<i32>,
    /// The most memory that it held, in bytes.
    pub peak_memory: Option<u64>,
}

/// Starts and ends worker processes.
pub(crate) trait Launcher: Send {
    /// Starts a worker; a report follows.
    fn launch(&mut self, worker: WorkerNumber, ends: WorkerEnds) -> io::Result<()>;
    /// Kills a worker at once; a report follows.
    fn kill(&mut self, worker: WorkerNumber);
    /// What to poll for reports; without it, `reports` must be asked from time to time.
    fn source(&self) -> Option<BorrowedFd<'_>>;
    /// What happened since it was asked last. Does not wait.
    fn reports(&mut self) -> Vec<Report>;
    /// Ends every worker that it started, and waits for it; may keep itself warm for `keep`.
    fn finish(self: Box<Self>, keep: Duration);
}
