//! What goes over the sockets: frames, shared memory, the status page and control messages.
//!
//! ```text
//!            task socket (stream)       frames: define, rows, call ──►  ◄── hello, values, failed
//!   driver ═ control socket (packets)   cancel, dropped           ──►  ◄── dropped           ═ worker
//!            status page (shared)       ◄── which task and item runs now;  ──► cancel, revoke
//!            memfd slabs                buffers of 64 KiB and more, by descriptor with the frame
//! ```

pub mod control;
pub mod frame;
pub mod shared;
pub mod socket;
pub mod status;
