//! The fork server: forks a worker for every request, tells how each ended, and takes all of them
//! with it when the driver's socket closes.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, pidfd_send_signal, waitpid,
};
use windrow_workers::launch::protocol::{Answer, Request, receive, send};

use super::reaper::{Fork, fork, reap};
use super::session::{WorkerEnds, die_with, take_standard_input};

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// How often children are looked at that have no pidfd.
const BLIND_TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// Serves the driver at standard input until it closes its end. Gives `None` then; in each worker
/// that it forks, gives the worker's ends. `warm_up` is called once: as soon as nobody waits for a
/// worker, or the first one was forked.
#[pyfunction]
#[pyo3(signature = (warm_up = None))]
pub(super) fn fork_server(
    py: Python<'_>,
    warm_up: Option<Py<PyAny>>,
) -> PyResult<Option<WorkerEnds>> {
    let socket = take_standard_input().map_err(PyOSError::new_err)?;
    let mut server = Server { socket, children: HashMap::new(), warm_up };
    match server.run(py) {
        Ok(None) => {
            server.kill_all();
            Ok(None)
        }
        // A worker: the server's descriptors are closed by dropping it.
        Ok(Some(ends)) => Ok(Some(ends)),
        Err(error) => {
            server.kill_all();
            Err(PyOSError::new_err(error))
        }
    }
}

struct Server {
    socket: OwnedFd,
    children: HashMap<i32, Child>,
    /// What is still to be loaded before it is as warm as it can be.
    warm_up: Option<Py<PyAny>>,
}

struct Child {
    worker: u64,
    pidfd: Option<OwnedFd>,
}

impl Server {
    fn run(&mut self, py: Python<'_>) -> io::Result<Option<WorkerEnds>> {
        self.answer(&Answer::Ready { threads: threads() })?;
        loop {
            self.warm_up(py)?;
            if self.wait(None)? {
                match receive::<Request>(&self.socket, RecvFlags::DONTWAIT) {
                    Ok(Some((Request::Start { worker }, descriptors))) => {
                        if let Some(ends) = self.start(py, worker, descriptors)? {
                            return Ok(Some(ends));
                        }
                    }
                    Ok(None | Some((Request::Stop, _))) => return Ok(None),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            self.reap_all()?;
        }
    }

    fn warm_up(&mut self, py: Python<'_>) -> io::Result<()> {
        if self.warm_up.is_none() || (self.children.is_empty() && self.wait(Some(&AT_ONCE))?) {
            return Ok(());
        }
        let Some(warm_up) = self.warm_up.take() else { return Ok(()) };
        let loaded = warm_up.call0(py);
        loaded.map(|_| ()).map_err(|error| io::Error::other(error.to_string()))
    }

    /// Waits for the driver or the end of a child, or as long as it may; `true` when the driver has
    /// said something.
    fn wait(&self, limit: Option<&Timespec>) -> io::Result<bool> {
        let mut sources = vec![PollFd::new(&self.socket, PollFlags::IN)];
        let pidfds = self.children.values().filter_map(|child| child.pidfd.as_ref());
        sources.extend(pidfds.map(|pidfd| PollFd::new(pidfd, PollFlags::IN)));
        let is_blind = sources.len() <= self.children.len();
        match poll(&mut sources, limit.or(is_blind.then_some(&BLIND_TICK))) {
            Ok(_) => Ok(!sources[0].revents().is_empty()),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn start(
        &mut self,
        py: Python<'_>,
        worker: u64,
        descriptors: Vec<OwnedFd>,
    ) -> io::Result<Option<WorkerEnds>> {
        let server = rustix::process::getpid();
        match fork(py) {
            Ok(Fork::Child) => {
                die_with(Some(server))?;
                self.children.clear();
                Ok(Some(WorkerEnds::new(descriptors)?))
            }
            Ok(Fork::Parent(pid)) => {
                let id = Pid::from_raw(pid);
                let pidfd = id.and_then(|id| pidfd_open(id, PidfdFlags::empty()).ok());
                let answer = Answer::Started { worker, pid: pid.unsigned_abs() };
                let descriptors: Vec<_> = pidfd.iter().map(AsFd::as_fd).collect();
                send(&self.socket, &answer, &descriptors)?;
                self.children.insert(pid, Child { worker, pidfd });
                Ok(None)
            }
            Err(error) => {
                let message = format!("could not fork a worker: {error}");
                self.answer(&Answer::Failed { worker, message })?;
                Ok(None)
            }
        }
    }

    fn reap_all(&mut self) -> io::Result<()> {
        let mut ended = Vec::new();
        self.children.retain(|pid, child| match reap(*pid) {
            Some(exit) => {
                ended.push(Answer::Exited { worker: child.worker, exit });
                false
            }
            None => true,
        });
        ended.iter().try_for_each(|answer| self.answer(answer))
    }

    fn answer(&self, answer: &Answer) -> io::Result<()> {
        match send(&self.socket, answer, &[]) {
            // The driver is gone: the next receive says so.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Ends all workers, and waits for it: when the server is gone, so are they.
    fn kill_all(&mut self) {
        for (pid, child) in &self.children {
            match (&child.pidfd, Pid::from_raw(*pid)) {
                (Some(pidfd), _) => {
                    let _ = pidfd_send_signal(pidfd, Signal::KILL);
                }
                (None, Some(pid)) => {
                    let _ = kill_process(pid, Signal::KILL);
                }
                (None, None) => {}
            }
        }
        for pid in self.children.keys().filter_map(|pid| Pid::from_raw(*pid)) {
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}
