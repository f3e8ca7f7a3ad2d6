//! What the I/O thread waits for: one epoll, numbers in place of pointers.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::super::connection::Connection;
use crate::machine::WorkerNumber;

/// Most events taken at once.
const EVENTS: usize = 128;
const WAKE: u64 = 0;
const LAUNCHER: u64 = 1;
/// A worker's entries are its number times this, plus one of the kinds below.
const KINDS: u64 = 4;
const TASK: u64 = 0;
const CONTROL: u64 = 1;
const OUTPUT: u64 = 2;

/// Something that is ready. In the order in which they must be handled: what a task printed is
/// seen before its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ready {
    /// A worker printed something.
    Output { worker: WorkerNumber, stream: usize },
    /// A worker sent a control message.
    Control { worker: WorkerNumber },
    /// A worker's task socket can be read or written, or is closed.
    Task { worker: WorkerNumber },
    /// The launcher has reports.
    Launcher,
    /// There are commands.
    Wake,
}

/// The epoll of a pool.
pub(super) struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    pub(super) fn new(wake: &OwnedFd) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        Ok(Self { epoll })
    }

    pub(super) fn add_launcher(&self, source: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(LAUNCHER), EventFlags::IN)?)
    }

    pub(super) fn add_worker(
        &self,
        worker: WorkerNumber,
        connection: &Connection,
    ) -> io::Result<()> {
        let add = |descriptor: BorrowedFd<'_>, kind| {
            let data = EventData::new_u64(worker * KINDS + kind);
            epoll::add(&self.epoll, descriptor, data, EventFlags::IN)
        };
        add(connection.task.as_fd(), TASK)?;
        add(connection.control.as_fd(), CONTROL)?;
        for (stream, output) in connection.outputs.iter().enumerate() {
            if let Some(pipe) = &output.pipe {
                add(pipe.as_fd(), OUTPUT + stream as u64)?;
            }
        }
        Ok(())
    }

    /// Waits for room to write too, or no longer.
    pub(super) fn wait_to_write(&self, worker: WorkerNumber, connection: &Connection, wait: bool) {
        let flags = if wait { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        let data = EventData::new_u64(worker * KINDS + TASK);
        let _ = epoll::modify(&self.epoll, &connection.task, data, flags);
    }

    /// Stops watching a descriptor that is at its end.
    pub(super) fn remove(&self, descriptor: impl AsFd) {
        let _ = epoll::delete(&self.epoll, descriptor);
    }

    /// Waits until something is ready or the time is over.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> io::Result<Vec<Ready>> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        let mut room = [const { MaybeUninit::<Event>::uninit() }; EVENTS];
        let events = match epoll::wait(&self.epoll, &mut room, timeout.as_ref()) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut ready: Vec<Ready> = events.iter().map(|event| decode(event.data.u64())).collect();
        ready.sort_unstable();
        Ok(ready)
    }
}

fn decode(data: u64) -> Ready {
    let worker = data / KINDS;
    match (data, data % KINDS) {
        (WAKE, _) => Ready::Wake,
        (LAUNCHER, _) => Ready::Launcher,
        (_, TASK) => Ready::Task { worker },
        (_, CONTROL) => Ready::Control { worker },
        (_, kind) => Ready::Output { worker, stream: (kind - OUTPUT) as usize },
    }
}
