//! Workers without a fork server: an interpreter of its own for each, for systems that lack memfd,
//! pidfd or packet sockets, and for libraries that do not survive a fork.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::forkserver::{process, wait_or_kill};
use super::protocol::{self, Request};
use super::{Command, Exit, Launcher, Report, WorkerEnds};
use crate::machine::WorkerNumber;
use crate::memory;

/// How long a worker may take to end after its sockets were closed.
const PATIENCE: Duration = Duration::from_millis(500);

/// Starts an interpreter per worker.
pub(crate) struct ExecLauncher {
    command: Command,
    children: HashMap<WorkerNumber, Running>,
    reports: Vec<Report>,
}

struct Running {
    child: Child,
    peak_memory: Option<u64>,
}

impl ExecLauncher {
    pub(crate) fn new(command: Command) -> Self {
        Self { command, children: HashMap::new(), reports: Vec::new() }
    }
}

impl Launcher for ExecLauncher {
    fn launch(&mut self, worker: WorkerNumber, ends: WorkerEnds) -> io::Result<()> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let WorkerEnds { task, control, status, stdout, stderr } = &ends;
        let descriptors = [task, control, status, stdout, stderr].map(AsFd::as_fd);
        protocol::send(&ours, &Request::Start { worker }, &descriptors)?;
        let child = process(&self.command)?.stdin(Stdio::from(theirs)).spawn()?;
        self.reports.push(Report::Started { worker, pid: child.id() });
        self.children.insert(worker, Running { child, peak_memory: None });
        Ok(())
    }

    fn kill(&mut self, worker: WorkerNumber) {
        if let Some(running) = self.children.get_mut(&worker) {
            let _ = running.child.kill();
        }
    }

    fn source(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn reports(&mut self) -> Vec<Report> {
        let mut reports = std::mem::take(&mut self.reports);
        self.children.retain(|worker, running| match running.child.try_wait() {
            Ok(None) => {
                let peak = memory::peak(running.child.id());
                running.peak_memory = peak.max(running.peak_memory);
                true
            }
            Ok(Some(status)) => {
                let exit = Exit {
                    signal: status.signal(),
                    code: status.code(),
                    peak_memory: running.peak_memory,
                };
                reports.extend(last_words(&mut running.child));
                reports.push(Report::Exited { worker: *worker, exit });
                false
            }
            Err(error) => {
                let message = error.to_string();
                reports.push(Report::Failed { worker: *worker, message });
                false
            }
        });
        reports
    }

    fn finish(self: Box<Self>, _keep: Duration) {}
}

impl Drop for ExecLauncher {
    fn drop(&mut self) {
        for running in self.children.values_mut() {
            wait_or_kill(&mut running.child, PATIENCE);
        }
    }
}

/// What it wrote before its standard error was replaced by the worker's pipe.
fn last_words(child: &mut Child) -> Option<Report> {
    let mut said = String::new();
    child.stderr.take()?.take(16 * 1024).read_to_string(&mut said).ok()?;
    let said = said.trim();
    (!said.is_empty()).then(|| Report::Note(format!("a worker could not start: {said}")))
}
