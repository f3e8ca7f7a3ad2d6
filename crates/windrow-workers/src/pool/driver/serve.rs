//! Frames to and from workers.

use std::time::Instant;

use super::super::calls::{Pending, PieceOutcome};
use super::super::connection::Doom;
use super::super::lock;
use super::Driver;
use crate::batch::{HelloHead, ValuesHead};
use crate::failure::Failure;
use crate::machine::{Piece, TaskNumber, WorkerNumber};
use crate::output::WorkerEvent;
use crate::wire::frame::{Header, Kind};
use crate::wire::socket::Frame;

/// Reads of one worker's socket in one turn, so that one worker cannot starve the others.
const READS_PER_TURN: usize = 16;

impl Driver {
    /// A worker's task socket is ready: read what it sent, write what it can take.
    pub(super) fn serve(&mut self, worker: WorkerNumber) {
        self.read_frames(worker, READS_PER_TURN);
        self.write_frames(worker);
    }

    /// Reads frames, at most `turns` times; a broken or closed socket is noted.
    pub(super) fn read_frames(&mut self, worker: WorkerNumber, turns: usize) {
        for _ in 0..turns {
            let Some(connection) = self.workers.get_mut(&worker) else { return };
            if connection.closed.is_some() {
                return;
            }
            let more = connection.inbox.read(&connection.task);
            loop {
                let Some(connection) = self.workers.get_mut(&worker) else { return };
                match connection.inbox.next(&connection.give_back) {
                    Ok(Some(frame)) => self.received(worker, frame),
                    Ok(None) => break,
                    Err(malformed) => {
                        self.tell(WorkerEvent::Note(format!("worker {worker}: {malformed}")));
                        self.socket_closed(worker);
                        return;
                    }
                }
            }
            let closed = self.workers.get(&worker).is_some_and(|worker| worker.inbox.is_closed());
            if closed || more.is_err() {
                self.socket_closed(worker);
                return;
            }
            if !matches!(more, Ok(true)) {
                return;
            }
        }
    }

    fn received(&mut self, worker: WorkerNumber, frame: Frame) {
        let header = frame.header;
        let outcome = match header.kind {
            Kind::Hello => return self.hello(worker, &frame),
            Kind::Values if header.task == 0 => return self.ready(worker),
            Kind::Failed if header.task == 0 => {
                return self.uninitialized(worker, &failure(&frame));
            }
            Kind::Values => Ok(frame.buffers),
            Kind::Failed => Err(failure(&frame)),
            _ => return,
        };
        let nanos = match &outcome {
            Ok(buffers) => nanos(buffers),
            Err(_) => 0,
        };
        if let Some(connection) = self.workers.get_mut(&worker)
            && connection.cancelling.is_some_and(|(task, _)| task == header.task)
        {
            connection.cancelling = None;
        }
        if let Some(piece) = self.machine.finished(worker, header.task, nanos) {
            self.outcome(piece.call, PieceOutcome { items: piece.items, outcome });
        }
        self.let_retired_go();
    }

    fn hello(&mut self, worker: WorkerNumber, frame: &Frame) {
        let head = frame.buffers.first().map(|head| serde_json::from_slice::<HelloHead>(head));
        let Some(connection) = self.workers.get_mut(&worker) else { return };
        if let Some(Ok(head)) = head {
            connection.pid = head.pid;
        }
        if !connection.is_initializing {
            self.ready(worker);
        }
    }

    /// A worker can be given tasks.
    fn ready(&mut self, worker: WorkerNumber) {
        self.machine.worker_ready(worker);
        if let Some(connection) = self.workers.get_mut(&worker) {
            connection.ready = true;
            let pid = connection.pid;
            lock(&self.shared.pids).push(pid);
            self.tell(WorkerEvent::Started { worker, pid });
        }
    }

    /// The user's initializer raised: that is the outcome of all that waits. The next call has it
    /// tried again, by new workers.
    fn uninitialized(&mut self, worker: WorkerNumber, failure: &Failure) {
        if let Some(connection) = self.workers.get_mut(&worker) {
            connection.doom = Some(Doom::Uninitialized);
        }
        self.fail_all(failure);
        self.warm = false;
    }

    fn let_retired_go(&mut self) {
        if self.settings.tasks_per_worker.is_none() {
            return;
        }
        for worker in self.machine.retired() {
            if let Some(connection) = self.workers.get_mut(&worker)
                && connection.doom.is_none()
            {
                connection.retire();
            }
        }
    }

    /// Hands out what the machine lets go, and writes it.
    pub(super) fn send_tasks(&mut self) {
        let calls = &self.calls;
        let assigned = self.machine.assign(|call| calls.get(&call).is_some_and(Pending::may_start));
        let mut workers: Vec<WorkerNumber> = Vec::new();
        for (worker, task, piece) in assigned {
            self.send_task(worker, task, &piece);
            if workers.last() != Some(&worker) {
                workers.push(worker);
            }
        }
        workers.sort_unstable();
        workers.dedup();
        for worker in workers {
            self.write_frames(worker);
        }
    }

    fn send_task(&mut self, worker: WorkerNumber, task: TaskNumber, piece: &Piece) {
        let (Some(connection), Some(pending)) =
            (self.workers.get_mut(&worker), self.calls.get(&piece.call))
        else {
            return;
        };
        let request = &pending.request;
        let function = &request.function;
        connection.define(function);
        let mut header = Header::bare(request.kind, function.number, task);
        header.start = piece.items.start;
        header.stop = piece.items.end;
        connection.send(request.body.frame(header), request.body.slab());
    }

    /// Writes what the worker's socket takes.
    pub(super) fn write_frames(&mut self, worker: WorkerNumber) {
        let Some(connection) = self.workers.get_mut(&worker) else { return };
        if connection.closed.is_some() {
            return;
        }
        // A broken pipe shows as the end of the file when the socket is read, after the results
        // that the worker sent before it died.
        let waits = matches!(connection.outbox.write(&connection.task), Ok(false));
        if waits != connection.waits_to_write {
            connection.waits_to_write = waits;
            self.poller.wait_to_write(worker, connection, waits);
        }
    }

    fn socket_closed(&mut self, worker: WorkerNumber) {
        let now = Instant::now();
        let Some(connection) = self.workers.get_mut(&worker) else { return };
        if connection.closed.is_some() {
            return;
        }
        connection.closed = Some(now);
        self.poller.remove(&connection.task);
        if connection.exit.is_some() {
            self.bury(worker);
        }
    }
}

fn failure(frame: &Frame) -> Failure {
    let text = frame.buffers.first().map(|buffer| serde_json::from_slice(buffer));
    match text {
        Some(Ok(failure)) => failure,
        _ => Failure::Worker("worker protocol broken: a failure cannot be read".to_owned()),
    }
}

fn nanos(buffers: &[arrow::buffer::Buffer]) -> u64 {
    let head = buffers.first().and_then(|head| serde_json::from_slice::<ValuesHead>(head).ok());
    head.unwrap_or_default().nanos
}
