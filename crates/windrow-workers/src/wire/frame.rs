//! The frame: a fixed header, a table of buffers, and the small buffers themselves.
//!
//! ```text
//! 0      4       6      8          16     24       32       40     48        52           56      60     64
//! | magic|version| kind | function | task | inline | shared | slab | buffers | descriptors| start | stop |
//! body: `buffers` entries of (length u64, place u64), then the inline buffers, each on 64 bytes.
//! place: offset in the body, or with the top bit set the offset in the shared memory.
//! ```

use std::fmt;

use arrow::buffer::Buffer;

/// First bytes of every frame.
pub const MAGIC: [u8; 4] = *b"WNDR";
/// Version of the frame; driver and worker must agree on it.
pub const VERSION: u16 = 2;
/// Length of the header in bytes.
pub const HEADER_LENGTH: usize = 64;
/// Longest body that is read from a socket; larger buffers travel in shared memory.
pub const LONGEST_BODY: u64 = 1 << 30;
/// Most shared memory that one frame may carry.
pub const LARGEST_SHARED: u64 = 1 << 40;
/// Buffers of this length and more travel in shared memory.
pub const SHARED_FROM: usize = 64 * 1024;
/// Alignment of every buffer, as Arrow wants it.
pub const ALIGNMENT: usize = 64;

const ENTRY_LENGTH: usize = 16;
const IN_SHARED: u64 = 1 << 63;

/// What a frame means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Kind {
    /// Worker to driver: ready. Buffer 0: JSON about the worker.
    Hello = 1,
    /// Driver to worker: a function. Buffer 0: JSON of its description, buffer 1: its pickle.
    Define = 2,
    /// Driver to worker: call a function over rows. Buffer 0: JSON, 1: result schema, 2: the rows.
    Rows = 3,
    /// Driver to worker: call a function on pickled arguments.
    Call = 4,
    /// Worker to driver: the answer. Buffer 0: JSON about it, the rest is the value.
    Values = 5,
    /// Worker to driver: no answer. Buffer 0: JSON of the failure.
    Failed = 6,
    /// Driver to worker: what was taken back ends here; `task` tasks were claimed so far.
    Resume = 7,
    /// Driver to worker: this function will be defined again before it is called again.
    Forget = 8,
    /// Driver to worker: call the pool's initializer. Buffer 0: the pickle of it and its arguments.
    /// The answer is about task 0.
    Initialize = 9,
}

impl Kind {
    fn from_wire(kind: u16) -> Option<Self> {
        Some(match kind {
            1 => Self::Hello,
            2 => Self::Define,
            3 => Self::Rows,
            4 => Self::Call,
            5 => Self::Values,
            6 => Self::Failed,
            7 => Self::Resume,
            8 => Self::Forget,
            9 => Self::Initialize,
            _ => return None,
        })
    }
}

/// The fixed part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the frame means.
    pub kind: Kind,
    /// Number of the function that it is about; 0 for none.
    pub function: u64,
    /// Number of the task that it is about; 0 for none.
    pub task: u64,
    /// Bytes of the body that follow on the socket.
    pub inline: u64,
    /// Bytes in the shared memory that comes with it.
    pub shared: u64,
    /// Number of that shared memory at its sender.
    pub slab: u64,
    /// Buffers in the table.
    pub buffers: u32,
    /// Descriptors that come with the first byte.
    pub descriptors: u32,
    /// First item of the task's items to work on.
    pub start: u32,
    /// One past the last item.
    pub stop: u32,
}

/// What is wrong with bytes that should have been a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "malformed frame: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl Header {
    /// The header of a frame without a body.
    pub fn bare(kind: Kind, function: u64, task: u64) -> Self {
        Self {
            kind,
            function,
            task,
            inline: 0,
            shared: 0,
            slab: 0,
            buffers: 0,
            descriptors: 0,
            start: 0,
            stop: 0,
        }
    }

    /// The header as it travels.
    pub fn to_bytes(&self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6..8].copy_from_slice(&(self.kind as u16).to_le_bytes());
        let longs = [self.function, self.task, self.inline, self.shared, self.slab];
        for (place, long) in longs.iter().enumerate() {
            bytes[8 + place * 8..16 + place * 8].copy_from_slice(&long.to_le_bytes());
        }
        let shorts = [self.buffers, self.descriptors, self.start, self.stop];
        for (place, short) in shorts.iter().enumerate() {
            bytes[48 + place * 4..52 + place * 4].copy_from_slice(&short.to_le_bytes());
        }
        bytes
    }

    /// Reads and checks a header.
    pub fn from_bytes(bytes: &[u8; HEADER_LENGTH]) -> Result<Self, Malformed> {
        if bytes[0..4] != MAGIC {
            return Err(Malformed(format!("it starts with {:02x?}", &bytes[0..4])));
        }
        let version = u16::from_le_bytes([bytes[4], bytes[5]]);
        if version != VERSION {
            return Err(Malformed(format!("version {version}, expected {VERSION}")));
        }
        let kind = u16::from_le_bytes([bytes[6], bytes[7]]);
        let kind = Kind::from_wire(kind).ok_or_else(|| Malformed(format!("kind {kind}")))?;
        let header = Self {
            kind,
            function: long(bytes, 8),
            task: long(bytes, 16),
            inline: long(bytes, 24),
            shared: long(bytes, 32),
            slab: long(bytes, 40),
            buffers: short(bytes, 48),
            descriptors: short(bytes, 52),
            start: short(bytes, 56),
            stop: short(bytes, 60),
        };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.inline > LONGEST_BODY {
            return Err(Malformed(format!("a body of {} bytes", self.inline)));
        }
        if self.shared > LARGEST_SHARED {
            return Err(Malformed(format!("{} bytes of shared memory", self.shared)));
        }
        if u64::from(self.buffers) * ENTRY_LENGTH as u64 > self.inline {
            return Err(Malformed(format!("{} buffers in {} bytes", self.buffers, self.inline)));
        }
        if self.descriptors != u32::from(self.shared > 0) {
            return Err(Malformed(format!("{} descriptors", self.descriptors)));
        }
        Ok(())
    }
}

/// Where each buffer of a frame goes: computed before anything is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Length and place of every buffer.
    entries: Vec<(u64, u64)>,
    /// Length of the body on the socket.
    pub inline: usize,
    /// Length of the shared memory.
    pub shared: usize,
}

impl Layout {
    /// Places buffers of these lengths.
    pub fn of(lengths: impl ExactSizeIterator<Item = usize>) -> Self {
        let mut entries = Vec::with_capacity(lengths.len());
        let mut inline = (lengths.len() * ENTRY_LENGTH).next_multiple_of(ALIGNMENT);
        let mut shared = 0_usize;
        for length in lengths {
            let region = if length >= SHARED_FROM { &mut shared } else { &mut inline };
            let flag = if length >= SHARED_FROM { IN_SHARED } else { 0 };
            entries.push((length as u64, *region as u64 | flag));
            *region = (*region + length).next_multiple_of(ALIGNMENT);
        }
        Self { entries, inline, shared }
    }

    /// Where buffer `position` starts: in shared memory or not, and the offset there.
    pub fn place(&self, position: usize) -> (bool, usize) {
        let place = self.entries.get(position).map_or(0, |entry| entry.1);
        (place & IN_SHARED != 0, (place & !IN_SHARED) as usize)
    }

    /// How many buffers there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// The body with its table filled in and room for the inline buffers.
    pub fn body(&self) -> Vec<u8> {
        let mut body = vec![0; self.inline];
        for (entry, (length, place)) in body.chunks_exact_mut(ENTRY_LENGTH).zip(&self.entries) {
            entry[..8].copy_from_slice(&length.to_le_bytes());
            entry[8..].copy_from_slice(&place.to_le_bytes());
        }
        body
    }
}

/// Cuts the buffers of a received frame out of its body and its shared memory.
pub fn cut(
    header: &Header,
    body: &Buffer,
    shared: Option<&Buffer>,
) -> Result<Vec<Buffer>, Malformed> {
    let table = body
        .get(..header.buffers as usize * ENTRY_LENGTH)
        .ok_or_else(|| Malformed("table longer than the body".to_owned()))?;
    let mut buffers = Vec::with_capacity(header.buffers as usize);
    for entry in table.chunks_exact(ENTRY_LENGTH) {
        let length = long(entry, 0) as usize;
        let place = long(entry, 8);
        let region = if place & IN_SHARED == 0 { Some(body) } else { shared };
        let region = region.ok_or_else(|| Malformed("no shared memory came with it".to_owned()))?;
        let offset = (place & !IN_SHARED) as usize;
        let end = offset.checked_add(length).filter(|end| *end <= region.len());
        if end.is_none() {
            return Err(Malformed(format!("a buffer of {length} bytes at {offset}")));
        }
        buffers.push(region.slice_with_length(offset, length));
    }
    Ok(buffers)
}

fn long(bytes: &[u8], at: usize) -> u64 {
    let mut long = [0; 8];
    long.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(long)
}

fn short(bytes: &[u8], at: usize) -> u32 {
    let mut short = [0; 4];
    short.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(short)
}
