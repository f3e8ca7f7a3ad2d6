//! The status page: a page shared by driver and worker that tells, also after the worker was killed,
//! which task and which of its items ran, and that lets the driver take back what has not started.
//!
//! A busy worker writes it with plain atomic stores, about a nanosecond each, so no heartbeat
//! message is needed.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::shared;

const LENGTH: usize = 4096;
/// The item is not known: the worker reads the task's arguments or writes its results.
pub const NO_ITEM: u64 = u64::MAX;

const TASK: usize = 0;
const ITEM: usize = 1;
const CANCEL: usize = 2;
const CLAIM: usize = 3;
const MESSAGES: usize = 4;
const REVOKED: u64 = 1 << 63;

/// One worker's status page, mapped here.
#[derive(Debug)]
pub struct StatusPage {
    map: MmapRaw,
}

impl StatusPage {
    /// Makes a fresh page and the descriptor by which the worker maps it too.
    pub fn create() -> io::Result<(Self, OwnedFd)> {
        let descriptor = shared::anonymous_file(LENGTH as u64)?;
        let page = Self::open(&descriptor)?;
        page.set_task(0);
        Ok((page, descriptor))
    }

    /// Maps the page behind `descriptor`.
    pub fn open(descriptor: impl AsFd) -> io::Result<Self> {
        let descriptor = descriptor.as_fd();
        if rustix::fs::fstat(descriptor)?.st_size < LENGTH as i64 {
            return Err(io::Error::other("the status page is too short"));
        }
        let map = MmapOptions::new().len(LENGTH).map_raw(&descriptor)?;
        Ok(Self { map })
    }

    fn word(&self, position: usize) -> &AtomicU64 {
        // SAFETY: the mapping is page-aligned, LENGTH bytes long and lives as long as `self`;
        // `position` is one of the constants above. All access, also by the other process, is
        // atomic. The file is sealed against shrinking (or was just made by us).
        unsafe { &*self.map.as_mut_ptr().cast::<AtomicU64>().add(position) }
    }

    /// The worker runs `task` from now on, no item of it yet; 0 for none.
    pub fn set_task(&self, task: u64) {
        self.word(ITEM).store(NO_ITEM, Ordering::Release);
        self.word(TASK).store(task, Ordering::Release);
    }

    /// The worker runs this item of its task from now on.
    #[inline]
    pub fn set_item(&self, item: u64) {
        self.word(ITEM).store(item, Ordering::Release);
    }

    /// The task that runs (0: none) and its item, if known.
    pub fn running(&self) -> (u64, Option<u64>) {
        let task = self.word(TASK).load(Ordering::Acquire);
        let item = self.word(ITEM).load(Ordering::Acquire);
        (task, (item != NO_ITEM).then_some(item))
    }

    /// Asks the worker to stop `task` at the next row or item, if that is what it runs.
    pub fn cancel(&self, task: u64) {
        self.word(CANCEL).store(task, Ordering::Release);
    }

    /// Whether `task` was asked to stop.
    #[inline]
    pub fn is_cancelled(&self, task: u64) -> bool {
        self.word(CANCEL).load(Ordering::Relaxed) == task
    }

    /// Driver: a control message waits that the worker should read before its next task.
    pub fn announce_message(&self) {
        self.word(MESSAGES).fetch_add(1, Ordering::AcqRel);
    }

    /// How many control messages were announced so far.
    #[inline]
    pub fn messages(&self) -> u64 {
        self.word(MESSAGES).load(Ordering::Acquire)
    }

    /// Worker: claims the next task in the order of sending. `false`: the driver took back this
    /// task and all that follow it up to the next [`super::frame::Kind::Resume`].
    pub fn claim(&self) -> bool {
        let claimed = self.word(CLAIM).fetch_add(1, Ordering::AcqRel);
        claimed & REVOKED == 0
    }

    /// Driver: takes back whatever has not been claimed; gives how many tasks were claimed so far.
    pub fn revoke(&self) -> u64 {
        self.word(CLAIM).fetch_or(REVOKED, Ordering::AcqRel) & !(REVOKED)
    }

    /// Worker: claims again from here on, `claimed` tasks being behind it.
    pub fn restore(&self, claimed: u64) {
        self.word(CLAIM).store(claimed, Ordering::Release);
    }
}
