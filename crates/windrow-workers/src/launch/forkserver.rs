//! The driver's side of the fork server: a process started by exec, forks workers on request.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair};
use rustix::process::{PidfdFlags, Signal};

use super::keeper::{self, Surroundings};
use super::protocol::{self, Answer, Request};
use super::{Command, Launcher, Report, WorkerEnds};
use crate::machine::WorkerNumber;

/// How long it may take to end after its socket was closed.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long its workers may take to end after they were killed, for it to be kept.
const EMPTYING: Duration = Duration::from_millis(300);

/// A running fork server.
pub(crate) struct ForkServer {
    child: Child,
    socket: Option<OwnedFd>,
    workers: HashMap<WorkerNumber, WorkerProcess>,
    /// Workers that were asked for and have not ended.
    outstanding: usize,
    is_ready: bool,
    surroundings: Surroundings,
}

struct WorkerProcess {
    pid: u32,
    pidfd: Option<OwnedFd>,
}

impl ForkServer {
    /// Starts the interpreter; it warms up in the background, requests wait in its socket.
    pub(super) fn start(surroundings: Surroundings) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let child = process(surroundings.command())?.stdin(Stdio::from(theirs)).spawn()?;
        Ok(Self {
            child,
            socket: Some(ours),
            workers: HashMap::new(),
            outstanding: 0,
            is_ready: false,
            surroundings,
        })
    }

    /// What it has taken over from this process.
    pub(super) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let mut sources = [PollFd::new(socket, PollFlags::RDHUP)];
        let _ = poll(&mut sources, Some(&Timespec::default()));
        sources[0].revents().is_empty()
    }

    /// Kills its workers and waits for their end; whether that went well.
    fn empty(&mut self) -> bool {
        let deadline = Instant::now() + EMPTYING;
        loop {
            self.reports();
            let Some(socket) = &self.socket else { return false };
            if self.outstanding == 0 {
                return true;
            }
            let workers: Vec<WorkerNumber> = self.workers.keys().copied().collect();
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return false;
            }
            let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(rest.subsec_nanos()) };
            let mut sources = [PollFd::new(socket, PollFlags::IN)];
            for worker in workers {
                Self::kill_worker(&self.workers, worker);
            }
            let _ = poll(&mut sources, Some(&timeout));
        }
    }

    fn kill_worker(workers: &HashMap<WorkerNumber, WorkerProcess>, worker: WorkerNumber) {
        let Some(process) = workers.get(&worker) else { return };
        match &process.pidfd {
            Some(pidfd) => {
                let _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
            }
            None => kill_pid(process.pid),
        }
    }

    fn report(&mut self, answer: Answer, descriptors: Vec<OwnedFd>) -> Option<Report> {
        match answer {
            Answer::Ready { threads } => {
                self.is_ready = true;
                (threads > 1).then(|| Report::Note(threads_note(threads)))
            }
            Answer::Started { worker, pid } => {
                let pidfd = descriptors.into_iter().next();
                self.workers.insert(worker, WorkerProcess { pid, pidfd });
                Some(Report::Started { worker, pid })
            }
            Answer::Exited { worker, exit } => {
                self.workers.remove(&worker);
                self.outstanding = self.outstanding.saturating_sub(1);
                Some(Report::Exited { worker, exit })
            }
            Answer::Failed { worker, message } => {
                self.outstanding = self.outstanding.saturating_sub(1);
                Some(Report::Failed { worker, message })
            }
        }
    }

    fn lost(&mut self) -> Report {
        self.socket = None;
        let _ = self.child.kill();
        let status = self.child.wait().map_or_else(|error| error.to_string(), |s| s.to_string());
        let mut said = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = stderr.take(64 * 1024).read_to_string(&mut said);
        }
        let said = said.trim_end();
        let stage = if self.is_ready { "ended" } else { "could not start" };
        Report::Lost(format!("the fork server {stage} ({status}): {said}"))
    }
}

fn threads_note(threads: usize) -> String {
    format!(
        "the fork server has {threads} threads, and forking a process with threads can hang\n\
         hint: a module that it loads ahead starts threads; set WINDROW_PRELOAD to a list without it"
    )
}

impl Launcher for ForkServer {
    fn launch(&mut self, worker: WorkerNumber, ends: WorkerEnds) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let WorkerEnds { task, control, status, stdout, stderr } = &ends;
        let descriptors = [task, control, status, stdout, stderr].map(AsFd::as_fd);
        self.outstanding += 1;
        match protocol::send(socket, &Request::Start { worker }, &descriptors) {
            // It has ended: the next report tells that, with what it said.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }

    fn kill(&mut self, worker: WorkerNumber) {
        Self::kill_worker(&self.workers, worker);
    }

    fn source(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    fn reports(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        while let Some(socket) = &self.socket {
            match protocol::receive::<Answer>(socket, RecvFlags::DONTWAIT) {
                Ok(Some((answer, descriptors))) => reports.extend(self.report(answer, descriptors)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(None) | Err(_) => reports.push(self.lost()),
            }
        }
        reports
    }

    fn finish(mut self: Box<Self>, keep: Duration) {
        if self.is_ready && !keep.is_zero() && self.empty() {
            keeper::keep(*self, keep);
        }
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            let _ = protocol::send(&socket, &Request::Stop, &[]);
        }
        wait_or_kill(&mut self.child, PATIENCE);
    }
}

/// The process to start, its output kept for the message should it fail.
pub(super) fn process(command: &Command) -> io::Result<std::process::Command> {
    let (program, arguments) = command
        .arguments
        .split_first()
        .ok_or_else(|| io::Error::other("no interpreter to start workers with"))?;
    let mut process = std::process::Command::new(program);
    process.args(arguments).envs(command.environment.iter().map(|(name, value)| (name, value)));
    process.env("WINDROW_WORKER_PARENT", std::process::id().to_string());
    process.stdout(Stdio::null()).stderr(Stdio::piped());
    Ok(process)
}

pub(super) fn kill_pid(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Waits for a process that was told to end; kills it when it does not.
pub(super) fn wait_or_kill(child: &mut Child, patience: Duration) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let pidfd = pid.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
    if let Some(pidfd) = pidfd {
        let mut ends = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        let timeout = rustix::time::Timespec {
            tv_sec: patience.as_secs() as i64,
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        let _ = rustix::event::poll(&mut ends, Some(&timeout));
    } else {
        let start = Instant::now();
        while matches!(child.try_wait(), Ok(None)) && start.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    if matches!(child.try_wait(), Ok(None)) {
        let _ = child.kill();
    }
    let _ = child.wait();
}
