//! Shared memory for large buffers: slabs of memfd, lent with a frame, recycled when given back.
//!
//! The sender keeps a slab until the receiver reports that nothing looks at it any more: an array
//! that the user kept would change silently otherwise. The receiver maps it privately, so that
//! arrays on it stay writable. A receiver that can be killed leaves nothing behind: a memfd has no
//! name.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::buffer::Buffer;
use memmap2::{Advice, MmapMut, MmapOptions};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

/// Kept slabs are reused for frames of at least this part of their size.
const SMALLEST_FILL: usize = 4;

/// Makes a file without a name, of `length` bytes, that nobody can shrink.
pub fn anonymous_file(length: u64) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = match rustix::fs::memfd_create("windrow", flags) {
        Ok(file) => file,
        Err(Errno::NOSYS | Errno::PERM) => return unlinked_file(length),
        Err(error) => return Err(error.into()),
    };
    rustix::fs::ftruncate(&file, length)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// The same on systems without memfd: a file of the temporary folder that is unlinked at once.
fn unlinked_file(length: u64) -> io::Result<OwnedFd> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("windrow-{}-{count}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    file.set_len(length)?;
    Ok(file.into())
}

/// The slabs of one sender.
#[derive(Debug)]
pub struct SlabPool {
    free: Mutex<Vec<SlabMemory>>,
    numbers: AtomicU64,
    /// Most bytes kept for reuse.
    keep: usize,
}

#[derive(Debug)]
struct SlabMemory {
    number: u64,
    file: OwnedFd,
    length: usize,
    /// Made when the slab is used for the second time: a fresh one is written by `pwrite`.
    map: Option<MmapMut>,
}

/// A piece of shared memory, filled and about to be sent, or lent. Goes back to its pool when the
/// last owner drops it.
#[derive(Debug)]
pub struct Slab {
    memory: Option<SlabMemory>,
    pool: Weak<SlabPool>,
}

impl SlabPool {
    /// An empty pool that keeps at most `keep` bytes for reuse.
    pub fn new(keep: usize) -> Arc<Self> {
        Arc::new(Self { free: Mutex::default(), numbers: AtomicU64::new(1), keep })
    }

    /// Copies segments, each with its offset, into a slab of at least `length` bytes.
    pub fn fill<'a>(
        self: &Arc<Self>,
        length: usize,
        segments: impl Iterator<Item = (usize, &'a [u8])>,
    ) -> io::Result<Slab> {
        let mut memory = match self.take(length) {
            Some(memory) => memory,
            None => self.fresh(length)?,
        };
        match &mut memory.map {
            Some(map) => segments.for_each(|(at, bytes)| {
                map[at..at + bytes.len()].copy_from_slice(bytes);
            }),
            None => {
                for (at, bytes) in segments {
                    write_at(&memory.file, at, bytes)?;
                }
            }
        }
        Ok(Slab { memory: Some(memory), pool: Arc::downgrade(self) })
    }

    fn take(&self, length: usize) -> Option<SlabMemory> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fits =
            |slab: &SlabMemory| slab.length >= length && slab.length / SMALLEST_FILL <= length;
        let position = free.iter().rposition(fits)?;
        Some(free.swap_remove(position))
    }

    fn fresh(&self, length: usize) -> io::Result<SlabMemory> {
        let length = length.next_power_of_two().min(length.next_multiple_of(1 << 20));
        let file = anonymous_file(length as u64)?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Ok(SlabMemory { number, file, length, map: None })
    }

    fn give_back(&self, mut memory: SlabMemory) {
        if memory.map.is_none() {
            // SAFETY: the file is ours and sealed against shrinking; the receiver maps it
            // privately and has reported (or died) that it no longer looks at it.
            let map = unsafe { MmapOptions::new().len(memory.length).map_mut(&memory.file) };
            memory.map = map.ok();
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = free.iter().map(|slab| slab.length).sum();
        if memory.map.is_some() && kept + memory.length <= self.keep {
            free.push(memory);
        }
    }
}

fn write_at(file: &OwnedFd, mut at: usize, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(file, bytes, at as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                at += written;
                bytes = &bytes[written..];
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl Slab {
    /// Its number at its sender.
    pub fn number(&self) -> u64 {
        self.memory.as_ref().map_or(0, |memory| memory.number)
    }

    /// The descriptor to send with the frame.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.memory.as_ref().map(|memory| memory.file.as_fd())
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        if let (Some(memory), Some(pool)) = (self.memory.take(), self.pool.upgrade()) {
            pool.give_back(memory);
        }
    }
}

/// Takes the numbers of slabs that nothing looks at any more back to their sender.
pub trait GiveBack: Send + Sync + std::panic::RefUnwindSafe {
    /// The slab of this number is no longer looked at.
    fn give_back(&self, slab: u64);
}

/// A received slab, mapped here; reports its drop.
struct Received {
    map: MmapMut,
    slab: u64,
    give_back: Arc<dyn GiveBack>,
}

impl Drop for Received {
    fn drop(&mut self) {
        self.give_back.give_back(self.slab);
    }
}

/// Maps the shared memory of a received frame, after checking that it cannot shrink under us.
pub fn receive(
    file: &OwnedFd,
    length: usize,
    slab: u64,
    give_back: Arc<dyn GiveBack>,
) -> io::Result<Buffer> {
    if rustix::fs::fstat(file)?.st_size < length as i64 {
        return Err(io::Error::other("shared memory is shorter than its frame says"));
    }
    if let Ok(seals) = rustix::fs::fcntl_get_seals(file)
        && !seals.contains(SealFlags::SHRINK)
    {
        return Err(io::Error::other("shared memory is not sealed against shrinking"));
    }
    // SAFETY: the mapping is private, and the sender does not write to the file again before
    // `Received` reports its drop.
    let mut map = unsafe { MmapOptions::new().len(length).map_copy(file)? };
    // Faults the pages in at once; older kernels do not know it, and fault them in one by one.
    let _ = map.advise(Advice::PopulateRead);
    let Some(start) = NonNull::new(map.as_mut_ptr()) else {
        return Err(io::Error::other("mapped at address 0"));
    };
    let received = Arc::new(Received { map, slab, give_back });
    debug_assert_eq!(received.map.len(), length);
    // SAFETY: `start` is valid for `length` bytes as long as `received` lives, which the buffer owns.
    Ok(unsafe { Buffer::from_custom_allocation(start, length, received) })
}
