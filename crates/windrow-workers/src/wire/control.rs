//! Messages of the control socket: one packet each, read also while the task socket is not.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

const LENGTH: usize = 16;

/// A message of the control socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Driver to worker: do not start this task, or stop it between rows.
    Cancel(u64),
    /// To the owner of a slab: nothing looks at it any more.
    Dropped(u64),
}

impl Control {
    fn to_bytes(self) -> [u8; LENGTH] {
        let (kind, number): (u64, u64) = match self {
            Self::Cancel(task) => (1, task),
            Self::Dropped(slab) => (2, slab),
        };
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&kind.to_le_bytes());
        bytes[8..].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let kind = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
        let number = u64::from_le_bytes(bytes.get(8..LENGTH)?.try_into().ok()?);
        match kind {
            1 => Some(Self::Cancel(number)),
            2 => Some(Self::Dropped(number)),
            _ => None,
        }
    }

    /// Sends it without waiting; `Errno::AGAIN` when the socket is full.
    pub fn send(self, socket: impl AsFd) -> rustix::io::Result<()> {
        send(socket, &self.to_bytes(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL).map(|_| ())
    }

    /// The next message; `Ok(None)` when there is none yet. The other end's closing is an error.
    pub fn receive(socket: impl AsFd) -> rustix::io::Result<Option<Self>> {
        let mut bytes = [0; LENGTH];
        match recv(socket, &mut bytes, RecvFlags::DONTWAIT) {
            Ok((0, _)) => Err(Errno::CONNRESET),
            Ok((length, _)) => Ok(Self::from_bytes(&bytes[..length])),
            Err(Errno::AGAIN) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
