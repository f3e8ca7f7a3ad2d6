//! Frames over a stream socket: incremental reading, queued writing, descriptors with them.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use arrow::buffer::{Buffer, MutableBuffer};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::frame::{HEADER_LENGTH, Header, Kind, Layout, Malformed, cut};
use super::shared::{self, GiveBack, Slab, SlabPool};

/// Bytes asked of the kernel at once: few at first, for what most workers ever get, and more when
/// that was not enough.
const FIRST_READ: usize = 16 * 1024;
const LONGEST_READ: usize = 256 * 1024;
/// Most frames written by one system call.
const WRITE_FRAMES: usize = 32;

/// A frame as it was received.
#[derive(Debug)]
pub struct Frame {
    /// Its header.
    pub header: Header,
    /// Its buffers, each on 64 bytes.
    pub buffers: Vec<Buffer>,
}

/// The body of a frame, ready to be sent any number of times under different headers.
#[derive(Debug, Clone)]
pub struct Body {
    inline: Arc<Vec<u8>>,
    shared: Option<(Arc<Slab>, usize)>,
    buffers: u32,
}

impl Body {
    /// Lays `buffers` out, each given in segments, and copies the large ones into shared memory.
    pub fn new(buffers: &[Vec<&[u8]>], slabs: &Arc<SlabPool>) -> io::Result<Self> {
        let length = |segments: &Vec<&[u8]>| segments.iter().map(|segment| segment.len()).sum();
        let layout = Layout::of(buffers.iter().map(length));
        let mut body = layout.body();
        let mut large = Vec::new();
        for (position, segments) in buffers.iter().enumerate() {
            let (is_shared, mut at) = layout.place(position);
            for segment in segments {
                if is_shared {
                    large.push((at, *segment));
                } else {
                    body[at..at + segment.len()].copy_from_slice(segment);
                }
                at += segment.len();
            }
        }
        let shared = match layout.shared {
            0 => None,
            length => Some((Arc::new(slabs.fill(length, large.into_iter())?), length)),
        };
        Ok(Self { inline: Arc::new(body), shared, buffers: layout.count() as u32 })
    }

    /// Bytes that it occupies until it was received and dropped.
    pub fn length(&self) -> usize {
        self.inline.len() + self.shared.as_ref().map_or(0, |shared| shared.1)
    }

    /// Its shared memory.
    pub fn slab(&self) -> Option<&Arc<Slab>> {
        self.shared.as_ref().map(|shared| &shared.0)
    }

    /// A frame of this body.
    pub fn frame(&self, mut header: Header) -> Outgoing {
        header.buffers = self.buffers;
        header.inline = self.inline.len() as u64;
        if let Some((slab, length)) = &self.shared {
            header.shared = *length as u64;
            header.slab = slab.number();
            header.descriptors = 1;
        }
        Outgoing { header: header.to_bytes(), body: Some(self.clone()), written: 0 }
    }
}

/// A frame on its way out.
#[derive(Debug)]
pub struct Outgoing {
    header: [u8; HEADER_LENGTH],
    body: Option<Body>,
    written: usize,
}

impl Outgoing {
    /// A frame without a body.
    pub fn bare(kind: Kind, function: u64, task: u64) -> Self {
        let header = Header::bare(kind, function, task).to_bytes();
        Self { header, body: None, written: 0 }
    }

    fn inline(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], |body| body.inline.as_slice())
    }

    fn length(&self) -> usize {
        HEADER_LENGTH + self.inline().len()
    }

    fn slab(&self) -> Option<&Arc<Slab>> {
        self.body.as_ref().and_then(Body::slab)
    }

    fn push_slices<'a>(&'a self, slices: &mut Vec<IoSlice<'a>>) {
        if self.written < HEADER_LENGTH {
            slices.push(IoSlice::new(&self.header[self.written..]));
        }
        let at = self.written.saturating_sub(HEADER_LENGTH);
        if at < self.inline().len() {
            slices.push(IoSlice::new(&self.inline()[at..]));
        }
    }
}

/// Frames waiting to be written.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Outgoing>,
}

impl Outbox {
    /// Queues a frame.
    pub fn push(&mut self, frame: Outgoing) {
        self.queue.push_back(frame);
    }

    /// Whether everything was written.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait.
    pub fn length(&self) -> usize {
        self.queue.iter().map(|frame| frame.length() - frame.written).sum()
    }

    /// Writes until everything is written (`true`) or the socket takes no more (`false`).
    pub fn write(&mut self, socket: impl AsFd) -> io::Result<bool> {
        while !self.queue.is_empty() {
            match self.write_some(socket.as_fd()) {
                Ok(written) => self.advance(written),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// One system call: many small frames, or one up to the next that carries a descriptor.
    fn write_some(&self, socket: impl AsFd) -> rustix::io::Result<usize> {
        let mut slices = Vec::with_capacity(WRITE_FRAMES * 2);
        let mut descriptor = None;
        for (position, frame) in self.queue.iter().take(WRITE_FRAMES).enumerate() {
            let starts_here = frame.written == 0;
            let frame_descriptor =
                frame.slab().filter(|_| starts_here).and_then(|slab| slab.descriptor());
            if position > 0 && frame_descriptor.is_some() {
                break;
            }
            frame.push_slices(&mut slices);
            if frame_descriptor.is_some() {
                descriptor = frame_descriptor;
                break;
            }
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = descriptor.map(|descriptor| [descriptor]);
        if let Some(descriptors) = &descriptors {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        sendmsg(socket, &slices, &mut control, SendFlags::NOSIGNAL)
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(frame) = self.queue.front_mut() {
            let rest = frame.length() - frame.written;
            if written < rest {
                frame.written += written;
                return;
            }
            written -= rest;
            self.queue.pop_front();
        }
    }
}

/// Puts received bytes together into frames.
#[derive(Debug)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// The bytes that were read and not taken yet.
    start: usize,
    end: usize,
    descriptors: VecDeque<OwnedFd>,
    partial: Option<(Header, MutableBuffer)>,
    closed: bool,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            bytes: vec![0; FIRST_READ],
            start: 0,
            end: 0,
            descriptors: VecDeque::new(),
            partial: None,
            closed: false,
        }
    }
}

impl Inbox {
    /// Reads once. `Ok(false)`: nothing there yet. The other end's closing sets [`Inbox::is_closed`].
    pub fn read(&mut self, socket: impl AsFd) -> io::Result<bool> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut self.bytes[self.end..])];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(socket, &mut slices, &mut control, flags);
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        match received {
            Ok(received) => {
                self.end += received.bytes;
                self.closed = received.bytes == 0;
                if self.end == self.bytes.len() && self.end < LONGEST_READ {
                    self.bytes.resize(self.end * 4, 0);
                }
                Ok(received.bytes > 0)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(Errno::CONNRESET) => {
                self.closed = true;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the other end has closed its socket, or died.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there are bytes that [`Inbox::next`] has not given yet.
    pub fn has_bytes(&self) -> bool {
        self.start < self.end
    }

    /// The next whole frame of what was read; `None` when more must be read first.
    pub fn next(&mut self, give_back: &Arc<dyn GiveBack>) -> Result<Option<Frame>, Malformed> {
        if self.partial.is_none() {
            let Some(header) = self.take_header()? else { return Ok(None) };
            self.partial = Some((header, MutableBuffer::with_capacity(header.inline as usize)));
        }
        let Some((header, mut body)) = self.partial.take() else { return Ok(None) };
        let rest = header.inline as usize - body.len();
        let taken = rest.min(self.end - self.start);
        body.extend_from_slice(&self.bytes[self.start..self.start + taken]);
        self.start += taken;
        if taken < rest {
            self.partial = Some((header, body));
            return Ok(None);
        }
        self.finish(header, &body.into(), give_back).map(Some)
    }

    fn take_header(&mut self) -> Result<Option<Header>, Malformed> {
        let waiting = &self.bytes[self.start..self.end];
        let Some(bytes) = waiting.first_chunk::<HEADER_LENGTH>() else { return Ok(None) };
        let header = Header::from_bytes(bytes)?;
        self.start += HEADER_LENGTH;
        Ok(Some(header))
    }

    fn finish(
        &mut self,
        header: Header,
        body: &Buffer,
        give_back: &Arc<dyn GiveBack>,
    ) -> Result<Frame, Malformed> {
        let shared = match header.descriptors {
            0 => None,
            _ => {
                let file = self.descriptors.pop_front();
                let file = file.ok_or_else(|| Malformed("its descriptor is missing".to_owned()))?;
                let length = header.shared as usize;
                let mapped = shared::receive(&file, length, header.slab, Arc::clone(give_back));
                Some(mapped.map_err(|error| Malformed(error.to_string()))?)
            }
        };
        let buffers = cut(&header, body, shared.as_ref())?;
        Ok(Frame { header, buffers })
    }
}
