//! The driver's ends of one worker: sockets, pipes, status page, and what was lent to it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};

use super::{Command, KnownFunction, Shared};
use crate::launch::{Exit, WorkerEnds};
use crate::output::Lines;
use crate::wire::control::Control;
use crate::wire::frame::{Header, Kind};
use crate::wire::shared::{GiveBack, Slab};
use crate::wire::socket::{Body, Inbox, Outbox, Outgoing};
use crate::wire::status::StatusPage;

/// Functions that a worker knows at a time.
const MOST_FUNCTIONS: usize = 256;

/// Why we ended a worker ourselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Doom {
    /// A task of it was cancelled and did not stop.
    Cancelled,
    /// An item took longer than this.
    TimedOut(Duration),
    /// It held more memory than it may.
    Memory,
    /// It has done what it was meant to do.
    Retired,
    /// The user's initializer raised in it.
    Uninitialized,
}

/// The driver's ends of one worker.
pub(super) struct Connection {
    pub(super) task: OwnedFd,
    pub(super) control: OwnedFd,
    pub(super) outputs: [Output; 2],
    pub(super) status: StatusPage,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    known: HashSet<u64>,
    /// The functions in `known`, oldest first.
    known_order: VecDeque<u64>,
    /// Shared memory that the worker looks at, once for every frame that it came with.
    pub(super) lent: HashMap<u64, Vec<Arc<Slab>>>,
    pub(super) give_back: Arc<dyn GiveBack>,
    pub(super) pid: u32,
    pub(super) ready: bool,
    /// It was sent the pool's initializer, and has not answered yet.
    pub(super) is_initializing: bool,
    pub(super) doom: Option<Doom>,
    pub(super) exit: Option<Exit>,
    /// When its task socket was seen closed.
    pub(super) closed: Option<Instant>,
    /// The task that was asked to stop, and when.
    pub(super) cancelling: Option<(u64, Instant)>,
    pub(super) peak_memory: u64,
    /// Whether the poller waits for room to write.
    pub(super) waits_to_write: bool,
}

/// A pipe that the worker prints to.
pub(super) struct Output {
    pub(super) pipe: Option<OwnedFd>,
    pub(super) lines: Lines,
}

/// Gives slabs back to a worker through the I/O thread.
struct ToWorker {
    worker: u64,
    shared: Arc<Shared>,
}

// Plain data and a mutex that recovers from poisoning.
impl std::panic::RefUnwindSafe for ToWorker {}

impl GiveBack for ToWorker {
    fn give_back(&self, slab: u64) {
        let _ = self.shared.command(Command::GiveBack { worker: self.worker, slab });
    }
}

impl Connection {
    /// Makes both ends.
    pub(super) fn new(worker: u64, shared: &Arc<Shared>) -> io::Result<(Self, WorkerEnds)> {
        let flags = SocketFlags::CLOEXEC;
        let (task, worker_task) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let (control, worker_control) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let (stdout, worker_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, worker_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        for descriptor in [&task, &control, &stdout, &stderr] {
            rustix::fs::fcntl_setfl(descriptor, OFlags::NONBLOCK)?;
        }
        let (status, worker_status) = StatusPage::create()?;
        let connection = Self {
            task,
            control,
            outputs: [stdout, stderr]
                .map(|pipe| Output { pipe: Some(pipe), lines: Lines::default() }),
            status,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            known: HashSet::new(),
            known_order: VecDeque::new(),
            lent: HashMap::new(),
            give_back: Arc::new(ToWorker { worker, shared: Arc::clone(shared) }),
            pid: 0,
            ready: false,
            is_initializing: false,
            doom: None,
            exit: None,
            closed: None,
            cancelling: None,
            peak_memory: 0,
            waits_to_write: false,
        };
        let ends = WorkerEnds {
            task: worker_task,
            control: worker_control,
            status: worker_status,
            stdout: worker_stdout,
            stderr: worker_stderr,
        };
        Ok((connection, ends))
    }

    /// Queues a frame; its shared memory is the worker's until it gives it back.
    pub(super) fn send(&mut self, frame: Outgoing, slab: Option<&Arc<Slab>>) {
        if let Some(slab) = slab {
            self.lent.entry(slab.number()).or_default().push(Arc::clone(slab));
        }
        self.outbox.push(frame);
    }

    /// Queues the call that comes before all others; the worker reads it when it is there.
    pub(super) fn initialize(&mut self, initializer: &Body) {
        self.is_initializing = true;
        let header = Header::bare(Kind::Initialize, 0, 0);
        self.send(initializer.frame(header), initializer.slab());
    }

    /// Makes sure that the worker knows `function` when it reads what is sent next.
    pub(super) fn define(&mut self, function: &KnownFunction) {
        if !self.known.insert(function.number) {
            return;
        }
        self.known_order.push_back(function.number);
        if self.known_order.len() > MOST_FUNCTIONS
            && let Some(oldest) = self.known_order.pop_front()
        {
            // Whatever calls it comes before this in the stream.
            self.known.remove(&oldest);
            self.outbox.push(Outgoing::bare(Kind::Forget, oldest, 0));
        }
        let header = Header::bare(Kind::Define, function.number, 0);
        self.send(function.body.frame(header), function.body.slab());
    }

    /// Takes back what the worker no longer looks at.
    pub(super) fn read_control(&mut self) {
        while let Ok(Some(message)) = Control::receive(&self.control) {
            if let Control::Dropped(slab) = message
                && let Some(lent) = self.lent.get_mut(&slab)
            {
                lent.pop();
                if lent.is_empty() {
                    self.lent.remove(&slab);
                }
            }
        }
    }

    /// Asks for a task to be stopped or not to be started.
    pub(super) fn cancel(&mut self, task: u64, now: Instant) {
        let _ = Control::Cancel(task).send(&self.control);
        self.status.announce_message();
        if self.status.running().0 == task {
            self.status.cancel(task);
        }
        self.cancelling = Some((task, now));
    }

    /// Tells the worker that no more tasks will come: it ends when it has done the ones it has.
    pub(super) fn retire(&mut self) {
        self.doom = Some(Doom::Retired);
        let _ = rustix::net::shutdown(&self.task, Shutdown::Write);
    }
}
