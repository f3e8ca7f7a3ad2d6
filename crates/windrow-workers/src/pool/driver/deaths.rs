//! The end of workers: read what they left, tell how they died, requeue what they had.

use super::super::calls::PieceOutcome;
use super::super::connection::Doom;
use super::super::lock;
use super::Driver;
use crate::failure::{Death, Failure};
use crate::launch::Exit;
use crate::machine::{Blame, Piece, WorkerNumber};
use crate::memory;
use crate::output::{Line, Stream, WorkerEvent};

/// Share of the machine's memory past which a SIGKILL is most likely the kernel's.
const LIKELY_SHARE: u64 = 2;

impl Driver {
    /// The process is gone. What it had sent before still counts.
    pub(super) fn exited(&mut self, worker: WorkerNumber, exit: Exit) {
        if let Some(connection) = self.workers.get_mut(&worker) {
            connection.exit = Some(exit);
            self.bury(worker);
        }
    }

    /// Drains and forgets a worker.
    pub(super) fn bury(&mut self, worker: WorkerNumber) {
        self.drain_output(worker);
        self.read_frames(worker, usize::MAX);
        let Some(mut connection) = self.workers.remove(&worker) else { return };
        self.flush_output(worker, &mut connection);
        lock(&self.shared.pids).retain(|pid| *pid != connection.pid);
        let running = connection.status.running();
        let exit = connection.exit.unwrap_or_default();
        let was_asked =
            matches!(connection.doom, Some(Doom::Cancelled | Doom::Retired | Doom::Uninitialized));
        let blame = match connection.doom {
            Some(Doom::Cancelled | Doom::Retired | Doom::Uninitialized) => Blame::Nobody,
            Some(Doom::TimedOut(_)) => Blame::Timeout,
            Some(Doom::Memory) => Blame::Task,
            None if connection.exit.is_some() => Blame::Task,
            None => Blame::Nobody,
        };
        let mut death = Death {
            pid: connection.pid,
            signal: exit.signal,
            exit_code: exit.code,
            out_of_memory: connection.doom == Some(Doom::Memory),
            peak_memory: exit.peak_memory.max(Some(connection.peak_memory).filter(|b| *b > 0)),
            attempts: 1,
            item: None,
        };
        if exit.signal == Some(9) && connection.doom.is_none() {
            death.out_of_memory = self.kernel_killed(death.peak_memory);
        }
        if self.machine.has_answered(worker) {
            self.limiter.give_back();
        }
        let loss = self.machine.died(worker, running, blame);
        if connection.doom == Some(Doom::Uninitialized) {
            self.machine.forgive();
        }
        if !was_asked && self.stopping.is_none() {
            self.tell(WorkerEvent::Died(death.clone()));
        }
        if let Some(piece) = loss.given_up {
            self.give_up_items(piece, death, connection.doom);
        }
    }

    fn give_up_items(&mut self, piece: Piece, mut death: Death, doom: Option<Doom>) {
        let running = self.calls.get(&piece.call);
        let describe = running.and_then(|pending| pending.request.describe.as_ref());
        let item = describe.and_then(|describe| describe(u64::from(piece.items.start)));
        let failure = match doom {
            Some(Doom::TimedOut(timeout)) => {
                Failure::TimedOut { seconds: timeout.as_secs_f64(), item }
            }
            _ => {
                death.item = item;
                death.attempts = piece.attempts;
                Failure::Died(death)
            }
        };
        self.outcome(piece.call, PieceOutcome { items: piece.items, outcome: Err(failure) });
    }

    /// Whether the kernel has killed for memory since it was asked last, or the process held so
    /// much that it most likely did.
    fn kernel_killed(&mut self, peak: Option<u64>) -> bool {
        let kills = memory::kills();
        let more = kills > self.memory_kills;
        self.memory_kills = kills;
        let total = memory::total().unwrap_or(u64::MAX);
        more || peak.is_some_and(|peak| peak > total / LIKELY_SHARE)
    }

    /// The launcher is gone, and its workers with it.
    pub(super) fn launcher_lost(&mut self, message: &str) {
        self.launcher = None;
        let never_worked = self.workers.values().all(|worker| !worker.ready);
        let workers: Vec<WorkerNumber> = self.workers.keys().copied().collect();
        for worker in workers {
            self.bury(worker);
        }
        if never_worked {
            self.fail_all(&Failure::Worker(message.to_owned()));
            self.machine.forgive();
            self.warm = false;
        } else {
            self.tell(WorkerEvent::Note(message.to_owned()));
        }
    }

    /// Reads what a worker printed, once.
    pub(super) fn read_output(&mut self, worker: WorkerNumber, stream: usize) {
        self.read_pipe(worker, stream);
    }

    /// Reads what a worker printed, all of it.
    pub(super) fn drain_output(&mut self, worker: WorkerNumber) {
        for stream in 0..2 {
            while self.read_pipe(worker, stream) {}
        }
    }

    /// One read of one pipe; `false` when nothing is there.
    fn read_pipe(&mut self, worker: WorkerNumber, stream: usize) -> bool {
        let mut bytes = [0; 16 * 1024];
        let Some(connection) = self.workers.get_mut(&worker) else { return false };
        let Some(output) = connection.outputs.get_mut(stream) else { return false };
        let Some(pipe) = &output.pipe else { return false };
        match rustix::io::read(pipe, &mut bytes) {
            Ok(0) => {
                self.poller.remove(pipe);
                output.pipe = None;
                false
            }
            Ok(length) => {
                let lines = output.lines.push(&bytes[..length]);
                self.tell_lines(worker, stream, lines);
                true
            }
            Err(_) => false,
        }
    }

    pub(super) fn flush_output(&self, worker: WorkerNumber, connection: &mut super::Connection) {
        for stream in 0..2 {
            if let Some(text) = connection.outputs[stream].lines.flush() {
                self.tell(WorkerEvent::Line(Line {
                    worker,
                    pid: connection.pid,
                    task: connection.status.running().0,
                    function: None,
                    stream: stream_of(stream),
                    text,
                }));
            }
        }
    }

    fn tell_lines(&self, worker: WorkerNumber, stream: usize, lines: Vec<String>) {
        let Some(connection) = self.workers.get(&worker) else { return };
        let task = connection.status.running().0;
        // What a task printed is read before its answer, which may be on its way already.
        let call =
            self.machine.call_of(worker, task).or_else(|| self.machine.first_call_of(worker));
        let pending = call.and_then(|call| self.calls.get(&call));
        let function = pending.map(|pending| pending.request.function.name.clone());
        for text in lines {
            self.tell(WorkerEvent::Line(Line {
                worker,
                pid: connection.pid,
                task,
                function: function.clone(),
                stream: stream_of(stream),
                text,
            }));
        }
    }
}

fn stream_of(stream: usize) -> Stream {
    if stream == 0 { Stream::Stdout } else { Stream::Stderr }
}
