//! Frames over a real socket pair: what is sent is what is received.
#![allow(clippy::unwrap_used, missing_docs)]

use std::os::fd::OwnedFd;
use std::panic::RefUnwindSafe;
use std::sync::{Arc, Mutex};

use arrow::buffer::Buffer;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use windrow_workers::wire::frame::{HEADER_LENGTH, Header, Kind, Layout, SHARED_FROM};
use windrow_workers::wire::shared::{GiveBack, SlabPool};
use windrow_workers::wire::socket::{Body, Frame, Inbox, Outbox, Outgoing};
use windrow_workers::wire::status::StatusPage;

/// Notes which slabs were given back.
#[derive(Default)]
struct Given(Mutex<Vec<u64>>);

impl RefUnwindSafe for Given {}

impl GiveBack for Given {
    fn give_back(&self, slab: u64) {
        self.0.lock().unwrap().push(slab);
    }
}

fn pair() -> (OwnedFd, OwnedFd) {
    let flags = SocketFlags::CLOEXEC;
    socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap()
}

/// Sends frames from another thread and gives them as they arrive.
fn through(frames: Vec<Outgoing>, given: &Arc<Given>) -> Vec<Frame> {
    let (ours, theirs) = pair();
    let sender = std::thread::spawn(move || {
        let mut outbox = Outbox::default();
        frames.into_iter().for_each(|frame| outbox.push(frame));
        assert!(outbox.write(&theirs).unwrap());
    });
    let give_back: Arc<dyn GiveBack> = Arc::<Given>::clone(given);
    let mut inbox = Inbox::default();
    let mut received = Vec::new();
    while !inbox.is_closed() {
        inbox.read(&ours).unwrap();
        while let Some(frame) = inbox.next(&give_back).unwrap() {
            received.push(frame);
        }
    }
    sender.join().unwrap();
    received
}

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

#[test]
fn buffers_arrive_as_they_were_sent() {
    let slabs = SlabPool::new(1 << 20);
    for lengths in [
        vec![],
        vec![0],
        vec![5],
        vec![64, 1, 0, 63],
        vec![SHARED_FROM],
        vec![3, 100_000, 7, 1 << 20],
    ] {
        let buffers: Vec<Vec<u8>> =
            lengths.iter().enumerate().map(|(seed, length)| bytes(*length, seed as u8)).collect();
        let parts: Vec<Vec<&[u8]>> = buffers.iter().map(|buffer| vec![buffer.as_slice()]).collect();
        let body = Body::new(&parts, &slabs).unwrap();
        let frame = body.frame(Header::bare(Kind::Call, 3, 4));
        let received = through(vec![frame], &Arc::default());
        assert_eq!(received.len(), 1);
        assert_eq!((received[0].header.function, received[0].header.task), (3, 4));
        let got: Vec<&[u8]> = received[0].buffers.iter().map(Buffer::as_slice).collect();
        assert_eq!(got, buffers.iter().map(Vec::as_slice).collect::<Vec<_>>(), "{lengths:?}");
        assert!(got.iter().all(|buffer| (buffer.as_ptr() as usize).is_multiple_of(64)));
    }
}

#[test]
fn segments_are_joined() {
    let body = Body::new(&[vec![b"ab", b"", b"cde"]], &SlabPool::new(0)).unwrap();
    let received = through(vec![body.frame(Header::bare(Kind::Rows, 1, 1))], &Arc::default());
    assert_eq!(received[0].buffers[0].as_slice(), b"abcde");
}

#[test]
fn many_frames_keep_their_order_and_their_descriptors() {
    let slabs = SlabPool::new(0);
    let mut frames = Vec::new();
    for task in 0..200_u64 {
        let content = bytes(if task % 7 == 0 { 70_000 } else { task as usize }, task as u8);
        let body = Body::new(&[vec![content.as_slice()]], &slabs).unwrap();
        frames.push(body.frame(Header::bare(Kind::Values, 0, task)));
    }
    let received = through(frames, &Arc::default());
    assert_eq!(received.len(), 200);
    for (task, frame) in received.iter().enumerate() {
        let length = if task % 7 == 0 { 70_000 } else { task };
        assert_eq!(frame.header.task, task as u64);
        assert_eq!(frame.buffers[0].as_slice(), bytes(length, task as u8));
    }
}

#[test]
fn shared_memory_is_given_back_when_the_last_view_is_dropped() {
    let given = Arc::new(Given::default());
    let slabs = SlabPool::new(1 << 20);
    let content = bytes(100_000, 1);
    let body = Body::new(&[vec![content.as_slice()], vec![b"small"]], &slabs).unwrap();
    let number = body.slab().unwrap().number();
    let mut received = through(vec![body.frame(Header::bare(Kind::Call, 1, 1))], &given);
    let view = received[0].buffers[0].slice(10);
    received.clear();
    assert!(given.0.lock().unwrap().is_empty());
    assert_eq!(view.as_slice(), &content[10..]);
    drop(view);
    assert_eq!(*given.0.lock().unwrap(), [number]);
}

#[test]
fn a_slab_is_reused_only_when_nobody_owns_it() {
    let slabs = SlabPool::new(1 << 22);
    let content = bytes(1 << 20, 1);
    let first = Body::new(&[vec![content.as_slice()]], &slabs).unwrap();
    let number = first.slab().unwrap().number();
    let kept = first.clone();
    drop(first);
    let second = Body::new(&[vec![content.as_slice()]], &slabs).unwrap();
    assert_ne!(second.slab().unwrap().number(), number);
    drop(kept);
    let other = bytes(1 << 20, 9);
    let third = Body::new(&[vec![other.as_slice()]], &slabs).unwrap();
    assert_eq!(third.slab().unwrap().number(), number);
    let received = through(vec![third.frame(Header::bare(Kind::Call, 1, 1))], &Arc::default());
    assert_eq!(received[0].buffers[0].as_slice(), other);
}

#[test]
fn malformed_headers_are_refused() {
    let good = Header::bare(Kind::Call, 1, 2).to_bytes();
    assert!(Header::from_bytes(&good).is_ok());
    for (at, value, says) in [
        (0, b'X', "starts with"),
        (4, 99, "version 99"),
        (6, 77, "kind 77"),
        (30, 1, "a body of"),
        (38, 1, "shared memory"),
        (48, 1, "buffers"),
        (52, 1, "descriptors"),
    ] {
        let mut bad: [u8; HEADER_LENGTH] = good;
        bad[at] = value;
        let error = Header::from_bytes(&bad).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_table_that_points_outside_is_refused() {
    let layout = Layout::of([10_usize].into_iter());
    let mut body = layout.body();
    body[0..8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    let mut header = Header::bare(Kind::Call, 0, 0);
    header.buffers = 1;
    header.inline = body.len() as u64;
    let cut = windrow_workers::wire::frame::cut(&header, &Buffer::from(body), None);
    assert!(cut.unwrap_err().to_string().contains("a buffer of"));
}

#[test]
fn a_status_page_tells_the_other_side() {
    let (driver, descriptor) = StatusPage::create().unwrap();
    let worker = StatusPage::open(&descriptor).unwrap();
    assert_eq!(driver.running(), (0, None));
    worker.set_task(5);
    assert_eq!(driver.running(), (5, None));
    worker.set_item(17);
    assert_eq!(driver.running(), (5, Some(17)));
    driver.cancel(5);
    assert!(worker.is_cancelled(5) && !worker.is_cancelled(6));
}

#[test]
fn tasks_are_claimed_until_the_driver_takes_them_back() {
    let (driver, descriptor) = StatusPage::create().unwrap();
    let worker = StatusPage::open(&descriptor).unwrap();
    assert!(worker.claim() && worker.claim());
    assert_eq!(driver.revoke(), 2);
    assert!(!worker.claim() && !worker.claim());
    worker.restore(2);
    assert!(worker.claim());
    assert_eq!(driver.revoke(), 3);
}
