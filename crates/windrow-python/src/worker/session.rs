//! A worker's ends of its sockets, and how it becomes a worker.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use rustix::io::{fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::RecvFlags;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use windrow_workers::launch::protocol::{Request, WORKER_DESCRIPTORS, receive};

use super::serve::Session;

/// A worker's ends: task socket, control socket, status page, standard output and error.
#[pyclass(frozen, module = "windrow._native")]
pub(crate) struct WorkerEnds {
    descriptors: Mutex<Option<[OwnedFd; WORKER_DESCRIPTORS]>>,
}

impl WorkerEnds {
    pub(super) fn new(descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let descriptors: Result<[OwnedFd; WORKER_DESCRIPTORS], _> = descriptors.try_into();
        let descriptors = descriptors.map_err(|_| io::Error::other("descriptors are missing"))?;
        Ok(Self { descriptors: Mutex::new(Some(descriptors)) })
    }
}

#[pymethods]
impl WorkerEnds {
    /// Makes standard output and error the pipes to the driver, and serves tasks until the driver
    /// closes its end.
    fn serve(&self, py: Python<'_>) -> PyResult<()> {
        let descriptors = self.descriptors.lock().unwrap_or_else(PoisonError::into_inner).take();
        let descriptors = descriptors.ok_or_else(|| PyRuntimeError::new_err("already served"))?;
        let [task, control, status, stdout, stderr] = descriptors;
        rustix::stdio::dup2_stdout(&stdout)
            .map_err(|error| PyOSError::new_err(error.to_string()))?;
        rustix::stdio::dup2_stderr(&stderr)
            .map_err(|error| PyOSError::new_err(error.to_string()))?;
        drop((stdout, stderr));
        Session::new(py, task, control, &status)?.run(py)
    }
}

/// The ends of a worker that was started by exec, received through standard input.
#[pyfunction]
pub(super) fn worker_ends() -> PyResult<WorkerEnds> {
    let socket = take_standard_input().map_err(PyOSError::new_err)?;
    let received = receive::<Request>(&socket, RecvFlags::empty()).map_err(PyOSError::new_err)?;
    match received {
        Some((Request::Start { .. }, descriptors)) => {
            WorkerEnds::new(descriptors).map_err(PyOSError::new_err)
        }
        _ => Err(PyOSError::new_err("the driver has closed its socket")),
    }
}

/// Moves the driver's socket away from descriptor 0, which becomes empty input, and ties the life
/// of this process to its parent's.
pub(super) fn take_standard_input() -> io::Result<OwnedFd> {
    die_with_parent()?;
    let socket = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let empty = OpenOptions::new().read(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&empty)?;
    fcntl_setfd(rustix::stdio::stdin(), rustix::io::FdFlags::empty())?;
    Ok(socket)
}

/// Has the kernel kill this process when the thread that started it ends.
fn die_with_parent() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let expected = std::env::var("WINDROW_WORKER_PARENT").ok();
    let expected = expected.and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
    // It may have ended before the line above.
    if expected.is_some() && getppid() != expected {
        return Err(io::Error::other("the driver has ended"));
    }
    Ok(())
}

/// The same for a forked worker, whose parent is the fork server.
pub(super) fn die_with(parent: Option<Pid>) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != parent {
        return Err(io::Error::other("the fork server has ended"));
    }
    Ok(())
}
