//! Who runs what next, and what a death means: a pure state machine without I/O, clock or threads.
//!
//! ```text
//!   submit ──► queue of pieces ──assign──► worker (in flight, oldest runs) ──finished──► done
//!                 ▲                            │ died
//!                 │  the piece that ran: the item that ran, alone, charged with an attempt;
//!                 └──the rest of it and all others: as they were, in front ◄─┘
//! ```
//!
//! A call has items (one, unless it is a chunk). A *piece* is a run of items of one call that is
//! sent to a worker as one task. Pieces only ever get smaller, so a call's answers never overlap.
//!
//! A worker that dies while no item of its piece runs (it loads the arguments or sends the results)
//! makes all of the piece suspect, and in the end all of it is given up: the caller, who can pickle
//! items anew, sends it again in halves.

mod limiter;
mod pace;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

pub use limiter::Limiter;
pub use pace::Pace;

/// Number of a worker, never used again.
pub type WorkerNumber = u64;
/// Number of a call.
pub type CallNumber = u64;
/// Number of a task on the wire: one piece sent once.
pub type TaskNumber = u64;

/// What the machine needs to know of a call.
#[derive(Debug, Clone)]
pub struct CallSpec {
    /// Number of its function.
    pub function: u64,
    /// How many items it has.
    pub items: u32,
    /// Bytes that it occupies on its way.
    pub bytes: usize,
    /// How often an item that kills its worker is tried.
    pub max_attempts: u32,
    /// How long one item may take.
    pub timeout: Option<Duration>,
}

/// A run of items of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The call.
    pub call: CallNumber,
    /// The items.
    pub items: Range<u32>,
    /// How many workers died of it so far; above 0 it runs alone.
    pub attempts: u32,
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// What it ran is charged: a crash, an exit, its use of memory.
    Task,
    /// What it ran took too long: given up at once.
    Timeout,
    /// Nobody: we ended it, or its parent died.
    Nobody,
}

/// What a death leaves to report.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// The items that are given up.
    pub given_up: Option<Piece>,
}

#[derive(Debug)]
struct InFlight {
    task: TaskNumber,
    piece: Piece,
}

#[derive(Debug, Default)]
struct Worker {
    ready: bool,
    retiring: bool,
    in_flight: VecDeque<InFlight>,
    bytes: usize,
    sent: u64,
    /// Tasks that it answered.
    finished: u64,
    /// What was seen running last, and since when.
    seen: Option<(TaskNumber, Option<u64>, Instant)>,
}

/// Settings of the machine.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many workers there should be.
    pub workers: usize,
    /// Most bytes on their way to one worker, unless one task alone is larger.
    pub bytes_per_worker: usize,
    /// A worker is replaced after this many tasks.
    pub tasks_per_worker: Option<u64>,
}

/// The state machine.
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    calls: HashMap<CallNumber, CallSpec>,
    queue: VecDeque<Piece>,
    workers: BTreeMap<WorkerNumber, Worker>,
    dropped: HashSet<TaskNumber>,
    paces: HashMap<u64, Pace>,
    next_task: TaskNumber,
    stillborn: u32,
    /// How many of the calls have a timeout.
    timed: usize,
}

impl Machine {
    /// A machine without workers.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            calls: HashMap::new(),
            queue: VecDeque::new(),
            workers: BTreeMap::new(),
            dropped: HashSet::new(),
            paces: HashMap::new(),
            next_task: 1,
            stillborn: 0,
            timed: 0,
        }
    }

    /// Takes a call in.
    pub fn submit(&mut self, call: CallNumber, spec: CallSpec) {
        self.queue.push_back(Piece { call, items: 0..spec.items, attempts: 0 });
        self.timed += usize::from(spec.timeout.is_some());
        self.calls.insert(call, spec);
    }

    /// Forgets a call whose last answer was delivered.
    pub fn forget(&mut self, call: CallNumber) {
        let spec = self.calls.remove(&call);
        self.timed -= usize::from(spec.is_some_and(|spec| spec.timeout.is_some()));
    }

    /// Drops a call: what waits is forgotten, what is on a worker is listed, to be cancelled there.
    pub fn cancel(&mut self, call: CallNumber) -> Vec<(WorkerNumber, TaskNumber)> {
        self.forget(call);
        self.queue.retain(|piece| piece.call != call);
        let mut tasks = Vec::new();
        for (number, worker) in &self.workers {
            let of_call = worker.in_flight.iter().filter(|sent| sent.piece.call == call);
            tasks.extend(of_call.map(|sent| (*number, sent.task)));
        }
        self.dropped.extend(tasks.iter().map(|(_, task)| *task));
        tasks
    }

    /// How many workers to start now.
    pub fn wanted_workers(&self) -> usize {
        let working = self.workers.values().filter(|worker| !worker.retiring).count();
        self.limits.workers.saturating_sub(working)
    }

    /// A worker is being started.
    pub fn worker_starting(&mut self, worker: WorkerNumber) {
        self.workers.insert(worker, Worker::default());
    }

    /// A worker said hello.
    pub fn worker_ready(&mut self, worker: WorkerNumber) {
        self.stillborn = 0;
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.ready = true;
        }
    }

    /// Forgets how many workers died before they said hello.
    pub fn forgive(&mut self) {
        self.stillborn = 0;
    }

    /// How many workers in a row died before they said hello.
    pub fn stillborn(&self) -> u32 {
        self.stillborn
    }

    /// A worker answered a task. `None` when the answer is no longer wanted.
    pub fn finished(
        &mut self,
        worker: WorkerNumber,
        task: TaskNumber,
        nanos: u64,
    ) -> Option<Piece> {
        let worker = self.workers.get_mut(&worker)?;
        let position = worker.in_flight.iter().position(|sent| sent.task == task)?;
        let sent = worker.in_flight.remove(position)?;
        worker.finished += 1;
        let spec = self.calls.get(&sent.piece.call);
        worker.bytes -= spec.map_or(0, |spec| spec.bytes).min(worker.bytes);
        if worker.in_flight.is_empty() {
            worker.bytes = 0;
        }
        if self.dropped.remove(&task) {
            return None;
        }
        let function = spec?.function;
        self.paces.entry(function).or_default().add(nanos);
        Some(sent.piece)
    }

    /// Whether a worker has answered any task.
    pub fn has_answered(&self, worker: WorkerNumber) -> bool {
        self.workers.get(&worker).is_some_and(|worker| worker.finished > 0)
    }

    /// Hands out what can be sent now; a call that may not start is left out.
    pub fn assign(
        &mut self,
        mut may_start: impl FnMut(CallNumber) -> bool,
    ) -> Vec<(WorkerNumber, TaskNumber, Piece)> {
        let mut sent = Vec::new();
        while let Some(piece) = self.queue.front() {
            let Some(spec) = self.calls.get(&piece.call) else {
                self.queue.pop_front();
                continue;
            };
            let bytes = spec.bytes;
            let Some(number) = self.pick(piece, spec) else { break };
            let Some(piece) = self.queue.pop_front() else { break };
            if !may_start(piece.call) {
                continue;
            }
            let task = self.next_task;
            self.next_task += 1;
            if let Some(worker) = self.workers.get_mut(&number) {
                worker.bytes += bytes;
                worker.sent += 1;
                worker.retiring =
                    self.limits.tasks_per_worker.is_some_and(|most| worker.sent >= most);
                worker.in_flight.push_back(InFlight { task, piece: piece.clone() });
            }
            sent.push((number, task, piece));
        }
        sent
    }

    /// The worker with the least to do that may take `piece`.
    fn pick(&self, piece: &Piece, spec: &CallSpec) -> Option<WorkerNumber> {
        let depth = self.paces.get(&spec.function).map_or(1, Pace::depth);
        let depth = if piece.attempts > 0 { 1 } else { depth };
        let takes = |worker: &Worker| {
            let alone = worker.in_flight.front().is_some_and(|sent| sent.piece.attempts > 0);
            let room = worker.in_flight.is_empty()
                || worker.bytes + spec.bytes <= self.limits.bytes_per_worker;
            worker.ready && !worker.retiring && !alone && room && worker.in_flight.len() < depth
        };
        let free = self.workers.iter().filter(|(_, worker)| takes(worker));
        free.min_by_key(|(_, worker)| worker.in_flight.len()).map(|(number, _)| *number)
    }

    /// Workers that have done all that they were meant to do, to be let go.
    pub fn retired(&self) -> Vec<WorkerNumber> {
        let done = |worker: &Worker| worker.retiring && worker.in_flight.is_empty();
        self.workers.iter().filter(|(_, worker)| done(worker)).map(|(number, _)| *number).collect()
    }

    /// A worker is gone; `running` is what its status page says.
    pub fn died(
        &mut self,
        worker: WorkerNumber,
        running: (TaskNumber, Option<u64>),
        blame: Blame,
    ) -> Loss {
        let mut loss = Loss::default();
        let Some(worker) = self.workers.remove(&worker) else { return loss };
        if !worker.ready {
            self.stillborn += 1;
        }
        for sent in worker.in_flight.into_iter().rev() {
            if self.dropped.remove(&sent.task) {
                continue;
            }
            if sent.task != running.0 || blame == Blame::Nobody {
                self.queue.push_front(sent.piece);
            } else {
                loss = self.charge(&sent.piece, running.1, blame);
            }
        }
        loss
    }

    /// Charges the item that ran, or all of the piece when none did; queues what is left, in front.
    fn charge(&mut self, piece: &Piece, item: Option<u64>, blame: Blame) -> Loss {
        let length = piece.items.end - piece.items.start;
        let item = item.and_then(|item| u32::try_from(item).ok());
        let item = item.filter(|item| piece.items.contains(item));
        let culprit = if length == 1 { Some(piece.items.start) } else { item };
        let Some(culprit) = culprit else {
            return self.suspect(piece, piece.items.clone(), piece.attempts + 1, blame);
        };
        self.requeue(piece, culprit + 1..piece.items.end);
        let attempts = if length == 1 { piece.attempts + 1 } else { 1 };
        let loss = self.suspect(piece, culprit..culprit + 1, attempts, blame);
        self.requeue(piece, piece.items.start..culprit);
        loss
    }

    /// Queues items that have killed so many workers, or gives them up.
    fn suspect(&mut self, of: &Piece, items: Range<u32>, attempts: u32, blame: Blame) -> Loss {
        let most = self.calls.get(&of.call).map_or(1, |spec| spec.max_attempts);
        let suspect = Piece { call: of.call, items, attempts };
        if attempts >= most || blame == Blame::Timeout {
            return Loss { given_up: Some(suspect) };
        }
        self.queue.push_front(suspect);
        Loss::default()
    }

    /// Queues, in front, innocent items whose results went with their worker. They are cut in two:
    /// where workers die often, small pieces get done between two deaths.
    fn requeue(&mut self, piece: &Piece, items: Range<u32>) {
        let middle = items.start + (items.end - items.start) / 2;
        for half in [middle..items.end, items.start..middle] {
            if !half.is_empty() {
                self.queue.push_front(Piece { call: piece.call, items: half, attempts: 0 });
            }
        }
    }

    /// Notes what a worker is seen running; gives the timeout that it has exceeded, if any.
    pub fn observe(
        &mut self,
        worker: WorkerNumber,
        running: (TaskNumber, Option<u64>),
        now: Instant,
    ) -> Option<Duration> {
        let worker = self.workers.get_mut(&worker)?;
        let since = match worker.seen {
            Some((task, item, since)) if (task, item) == running => since,
            _ => {
                worker.seen = Some((running.0, running.1, now));
                now
            }
        };
        let sent = worker.in_flight.iter().find(|sent| sent.task == running.0)?;
        let timeout = self.calls.get(&sent.piece.call)?.timeout?;
        (now.duration_since(since) > timeout).then_some(timeout)
    }

    /// Workers with tasks that have not started, behind one that has run for long, while others
    /// have nothing to do: what they have not started should be taken back.
    pub fn hoarders(&self, now: Instant, patience: Duration) -> Vec<WorkerNumber> {
        let idle =
            |worker: &Worker| worker.ready && !worker.retiring && worker.in_flight.is_empty();
        if !self.queue.is_empty() || !self.workers.values().any(idle) {
            return Vec::new();
        }
        let hoards = |worker: &Worker| {
            worker.in_flight.len() > 1
                && worker.seen.is_some_and(|seen| now.duration_since(seen.2) > patience)
        };
        self.workers
            .iter()
            .filter(|(_, worker)| hoards(worker))
            .map(|(number, _)| *number)
            .collect()
    }

    /// Whether any worker holds tasks that another could start.
    pub fn may_hoard(&self) -> bool {
        self.workers.len() > 1 && self.workers.values().any(|worker| worker.in_flight.len() > 1)
    }

    /// A worker was stopped from starting more than the first `claimed` tasks it was ever sent;
    /// the others are queued again, in front.
    pub fn revoked(&mut self, worker: WorkerNumber, claimed: u64) {
        let Some(worker) = self.workers.get_mut(&worker) else { return };
        let started = claimed.saturating_sub(worker.finished) as usize;
        while worker.in_flight.len() > started {
            let Some(sent) = worker.in_flight.pop_back() else { break };
            worker.sent -= 1;
            if !self.dropped.remove(&sent.task) {
                let bytes = self.calls.get(&sent.piece.call).map_or(0, |spec| spec.bytes);
                worker.bytes -= bytes.min(worker.bytes);
                self.queue.push_front(sent.piece);
            }
        }
    }

    /// How many items wait or run.
    pub fn load(&self) -> usize {
        self.queue.len() + self.workers.values().map(|worker| worker.in_flight.len()).sum::<usize>()
    }

    /// Whether a call with a timeout is known.
    pub fn has_timeouts(&self) -> bool {
        self.timed > 0
    }

    /// The call of the first task that `worker` was given and has not answered.
    pub fn first_call_of(&self, worker: WorkerNumber) -> Option<CallNumber> {
        self.workers.get(&worker)?.in_flight.front().map(|sent| sent.piece.call)
    }

    /// The call of a task that `worker` was given and has not answered.
    pub fn call_of(&self, worker: WorkerNumber, task: TaskNumber) -> Option<CallNumber> {
        let in_flight = &self.workers.get(&worker)?.in_flight;
        in_flight.iter().find(|sent| sent.task == task).map(|sent| sent.piece.call)
    }
}
