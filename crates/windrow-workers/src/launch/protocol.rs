//! What driver and fork server say to each other: one JSON text a packet, descriptors with it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Exit;

const LONGEST: usize = 4096;
/// Descriptors of a worker: task socket, control socket, status page, stdout, stderr.
pub const WORKER_DESCRIPTORS: usize = 5;

/// From the driver.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// Fork a worker; its five descriptors come along.
    Start {
        /// Its number.
        worker: u64,
    },
    /// End, and take all workers along. The end of the socket means the same, but a fork of the
    /// driver may keep that open.
    Stop,
}

/// From the fork server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    /// It is warm.
    Ready {
        /// Threads that it has; forking with more than one is not safe.
        threads: usize,
    },
    /// The worker exists; its pidfd comes along if the system has such.
    Started {
        /// Its number.
        worker: u64,
        /// Its process.
        pid: u32,
    },
    /// The worker is gone.
    Exited {
        /// Its number.
        worker: u64,
        /// How it ended.
        exit: Exit,
    },
    /// The worker could not be started.
    Failed {
        /// Its number.
        worker: u64,
        /// Why.
        message: String,
    },
}

/// Sends one message with its descriptors.
pub fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(WORKER_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let slices = [IoSlice::new(&text)];
    rustix::io::retry_on_intr(|| sendmsg(&socket, &slices, &mut control, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives one message; `None` when the other end has closed. `WouldBlock` when there is none.
pub fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
    flags: RecvFlags,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut text = [0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(WORKER_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let received = rustix::io::retry_on_intr(|| {
        recvmsg(&socket, &mut [IoSliceMut::new(&mut text)], &mut control, flags)
    })?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    Ok(Some((serde_json::from_slice(&text[..received.bytes])?, descriptors)))
}
