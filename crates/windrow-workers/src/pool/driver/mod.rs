//! The I/O thread of a pool: one loop over everything that can happen.

mod deaths;
mod poll;
mod serve;
mod watch;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use self::poll::{Poller, Ready};
use super::calls::{Pending, PieceOutcome};
use super::connection::Connection;
use super::{Command, PoolSettings, Shared, lock};
use crate::failure::Failure;
use crate::host::CallId;
use crate::launch::{ExecLauncher, Launcher, Report, Start, keeper};
use crate::machine::{Limiter, Limits, Machine, WorkerNumber};
use crate::memory;
use crate::output::WorkerEvent;
use crate::wire::socket::Body;

/// Most bytes on their way to one worker, unless one task alone is larger.
const BYTES_PER_WORKER: usize = 64 << 20;
/// Workers that may be started at once, and per second in the long run.
const START_BURST: u32 = 32;
const STARTS_PER_SECOND: f64 = 40.0;
/// Workers that die before they say hello before the pool gives up.
const MOST_STILLBORN: u32 = 5;
/// How long workers may take to run their exit handlers.
const FAREWELL: Duration = Duration::from_secs(2);

/// The state of the I/O thread.
pub(super) struct Driver {
    shared: Arc<Shared>,
    settings: PoolSettings,
    poller: Poller,
    machine: Machine,
    launcher: Option<Box<dyn Launcher>>,
    workers: HashMap<WorkerNumber, Connection>,
    calls: HashMap<u64, Pending>,
    limiter: Limiter,
    next_worker: WorkerNumber,
    /// What every worker calls first.
    initializer: Option<Body>,
    /// Start workers although nothing waits.
    warm: bool,
    /// End when no call is left.
    finishing: bool,
    stopping: Option<Instant>,
    /// The kernel's count of kills for memory when it was read last.
    memory_kills: Option<u64>,
    memory_looked_at: Instant,
    /// When the next token for starting a worker is there.
    start_after: Option<Instant>,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, settings: PoolSettings) -> io::Result<Self> {
        let limits = Limits {
            workers: settings.workers,
            bytes_per_worker: BYTES_PER_WORKER,
            tasks_per_worker: settings.tasks_per_worker,
        };
        let burst = START_BURST.max(settings.workers as u32 * 2);
        Ok(Self {
            poller: Poller::new(&shared.wake)?,
            shared,
            machine: Machine::new(limits),
            launcher: None,
            workers: HashMap::new(),
            calls: HashMap::new(),
            limiter: Limiter::new(burst, STARTS_PER_SECOND, Instant::now()),
            next_worker: 1,
            initializer: None,
            warm: false,
            finishing: false,
            stopping: None,
            memory_kills: memory::kills(),
            memory_looked_at: Instant::now(),
            start_after: None,
            settings,
        })
    }

    /// Runs until the pool is stopped.
    pub(super) fn run(mut self) {
        loop {
            let timeout = self.timeout();
            let ready = match self.poller.wait(timeout) {
                Ok(ready) => ready,
                Err(error) => {
                    self.fail_all(&Failure::Worker(format!("the pool could not wait: {error}")));
                    break;
                }
            };
            // Reports come before the commands: a worker that is gone gets no more tasks.
            let reported = ready.contains(&Ready::Launcher) || self.polls_launcher();
            for event in ready {
                self.handle(event);
            }
            if reported {
                self.handle_reports();
            }
            self.handle_commands();
            self.watch(Instant::now());
            self.start_workers();
            self.send_tasks();
            if self.finishing && self.calls.is_empty() && self.stopping.is_none() {
                self.begin_stop(true);
            }
            if self.is_done() {
                break;
            }
        }
        self.end();
    }

    fn handle(&mut self, event: Ready) {
        match event {
            Ready::Wake => {
                let mut count = [0_u8; 8];
                let _ = rustix::io::read(&self.shared.wake, &mut count);
            }
            // Read after the rest: what a worker sent before it ended counts.
            Ready::Launcher => {}
            Ready::Output { worker, stream } => self.read_output(worker, stream),
            Ready::Task { worker } => self.serve(worker),
            Ready::Control { worker } => {
                if let Some(connection) = self.workers.get_mut(&worker) {
                    connection.read_control();
                }
            }
        }
    }

    fn handle_commands(&mut self) {
        let commands = std::mem::take(&mut lock(&self.shared.commands).waiting);
        for command in commands {
            match command {
                Command::Submit(id, request, done) => {
                    let pending = Pending::new(*request, done);
                    if self.stopping.is_some() {
                        self.settle(&pending);
                        pending.fail(Failure::Cancelled);
                        continue;
                    }
                    self.machine.submit(id.0, pending.spec());
                    self.calls.insert(id.0, pending);
                }
                Command::Cancel(id) => self.cancel(id),
                Command::GiveBack { worker, slab } => {
                    if let Some(connection) = self.workers.get(&worker) {
                        let message = crate::wire::control::Control::Dropped(slab);
                        let _ = message.send(&connection.control);
                    }
                }
                Command::Prepare => {
                    // What goes wrong here goes wrong again, and is told, with the first worker.
                    if self.launcher.is_none() && self.stopping.is_none() {
                        self.launcher = self.new_launcher().ok();
                    }
                }
                Command::Initializer(body) => self.initializer = Some(body),
                Command::Warm => self.warm = true,
                Command::Finish => self.finishing = true,
                Command::Stop { graceful } => self.begin_stop(graceful),
            }
        }
    }

    fn cancel(&mut self, id: CallId) {
        let now = Instant::now();
        for (worker, task) in self.machine.cancel(id.0) {
            if let Some(connection) = self.workers.get_mut(&worker) {
                connection.cancel(task, now);
            }
        }
        if let Some(pending) = self.calls.remove(&id.0) {
            self.settle(&pending);
            pending.fail(Failure::Cancelled);
        }
    }

    /// Takes the outcome of some items of a call, and delivers the call when that was the last.
    fn outcome(&mut self, call: u64, outcome: PieceOutcome) {
        let Some(pending) = self.calls.get_mut(&call) else { return };
        if pending.add(outcome)
            && let Some(pending) = self.calls.remove(&call)
        {
            self.machine.forget(call);
            self.settle(&pending);
            pending.finish();
        }
    }

    /// The call no longer counts as pending.
    fn settle(&self, pending: &Pending) {
        self.shared.pending.fetch_sub(1, Ordering::AcqRel);
        self.shared.pending_bytes.fetch_sub(pending.request.body.length(), Ordering::AcqRel);
    }

    fn fail_all(&mut self, failure: &Failure) {
        for (id, pending) in std::mem::take(&mut self.calls) {
            self.machine.cancel(id);
            self.settle(&pending);
            pending.fail(failure.clone());
        }
    }

    fn start_workers(&mut self) {
        let has_work = self.warm || self.machine.load() > 0;
        if !has_work || self.stopping.is_some() {
            return;
        }
        if self.machine.stillborn() >= MOST_STILLBORN {
            self.give_up();
            return;
        }
        self.start_after = None;
        for _ in 0..self.machine.wanted_workers() {
            let now = Instant::now();
            if let Err(wait) = self.limiter.take(now) {
                self.start_after = Some(now + wait);
                return;
            }
            if let Err(error) = self.start_worker() {
                let message = format!("could not start a worker: {error}");
                self.fail_all(&Failure::Worker(message));
                self.warm = false;
                return;
            }
        }
    }

    fn give_up(&mut self) {
        let message = format!(
            "{MOST_STILLBORN} workers in a row died before they were ready\n\
             hint: look at what they printed; {}",
            match self.initializer {
                Some(_) => "the initializer of the pool may have ended them",
                None => "`python -c \"import windrow._worker\"` must work",
            }
        );
        self.fail_all(&Failure::Worker(message));
        self.machine.forgive();
        self.warm = false;
    }

    fn start_worker(&mut self) -> io::Result<()> {
        if self.launcher.is_none() {
            self.launcher = Some(self.new_launcher()?);
        }
        let worker = self.next_worker;
        self.next_worker += 1;
        let (mut connection, ends) = Connection::new(worker, &self.shared)?;
        self.poller.add_worker(worker, &connection)?;
        if let Some(initializer) = &self.initializer {
            connection.initialize(initializer);
        }
        self.workers.insert(worker, connection);
        self.write_frames(worker);
        self.machine.worker_starting(worker);
        // From now on the workers are replaced when they die, also when nothing waits.
        self.warm = true;
        match &mut self.launcher {
            Some(launcher) => launcher.launch(worker, ends),
            None => Ok(()),
        }
    }

    fn new_launcher(&self) -> io::Result<Box<dyn Launcher>> {
        let launcher: Box<dyn Launcher> = match self.settings.start {
            Start::ForkServer => Box::new(keeper::start(&self.settings.command)?),
            Start::Spawn => Box::new(ExecLauncher::new(self.settings.command.clone())),
        };
        if let Some(source) = launcher.source() {
            self.poller.add_launcher(source)?;
        }
        Ok(launcher)
    }

    /// Whether the launcher must be asked for reports, having nothing to wait for.
    pub(super) fn polls_launcher(&self) -> bool {
        self.launcher.as_ref().is_some_and(|launcher| launcher.source().is_none())
    }

    fn handle_reports(&mut self) {
        let reports = self.launcher.as_mut().map(|launcher| launcher.reports());
        for report in reports.unwrap_or_default() {
            match report {
                Report::Started { worker, pid } => {
                    if let Some(connection) = self.workers.get_mut(&worker) {
                        connection.pid = pid;
                    }
                }
                Report::Exited { worker, exit } => self.exited(worker, exit),
                Report::Failed { worker, message } => {
                    self.tell(WorkerEvent::Note(message));
                    self.exited(worker, crate::launch::Exit::default());
                }
                Report::Note(text) => self.tell(WorkerEvent::Note(text)),
                Report::Lost(message) => self.launcher_lost(&message),
            }
        }
    }

    fn begin_stop(&mut self, graceful: bool) {
        self.fail_all(&Failure::Cancelled);
        let now = Instant::now();
        self.stopping = Some(if graceful { now + FAREWELL } else { now });
        if graceful {
            let workers = self.workers.values_mut().filter(|worker| worker.ready);
            workers.for_each(Connection::retire);
        }
    }

    fn is_done(&self) -> bool {
        self.stopping.is_some_and(|deadline| {
            Instant::now() >= deadline || self.workers.values().all(|worker| !worker.ready)
        })
    }

    /// Ends all processes, after reading what they still print.
    fn end(&mut self) {
        let workers: Vec<WorkerNumber> = self.workers.keys().copied().collect();
        for worker in &workers {
            self.drain_output(*worker);
            if let Some(mut connection) = self.workers.remove(worker) {
                self.flush_output(*worker, &mut connection);
            }
        }
        if let Some(launcher) = self.launcher.take() {
            launcher.finish(self.settings.keep_warm);
        }
        lock(&self.shared.pids).clear();
        self.fail_all(&Failure::Cancelled);
        let mut commands = lock(&self.shared.commands);
        commands.ended = true;
        let waiting = std::mem::take(&mut commands.waiting);
        drop(commands);
        for command in waiting {
            if let Command::Submit(_, request, done) = command {
                let pending = Pending::new(*request, done);
                self.settle(&pending);
                pending.fail(Failure::Cancelled);
            }
        }
    }

    fn tell(&self, event: WorkerEvent) {
        if let Some(observer) = &self.settings.observer {
            observer.event(event);
        }
    }
}
