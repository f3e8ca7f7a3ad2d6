//! What has to be looked at from time to time: limits of time and memory, tasks that wait behind a
//! long one, workers that do not end.

use std::time::{Duration, Instant};

use super::super::connection::Doom;
use super::Driver;
use crate::machine::WorkerNumber;
use crate::memory;
use crate::wire::frame::Kind;
use crate::wire::socket::Outgoing;

/// How often limits are looked at.
const TICK: Duration = Duration::from_millis(5);
/// How often processes without a descriptor to wait for, or their memory, are looked at.
const SLOW_TICK: Duration = Duration::from_millis(20);
/// How long a worker whose socket is closed may take to end.
const LINGER: Duration = Duration::from_millis(300);
/// How long a task must have run before those behind it are given to idle workers.
const PATIENCE: Duration = Duration::from_millis(4);

impl Driver {
    /// How long to wait at most for something to happen.
    pub(super) fn timeout(&self) -> Option<Duration> {
        if let Some(deadline) = self.stopping {
            return Some(deadline.saturating_duration_since(Instant::now()).min(TICK));
        }
        let lingering = |worker: &super::Connection| {
            worker.closed.is_some() || worker.cancelling.is_some() || worker.doom.is_some()
        };
        let fast = self.machine.has_timeouts()
            || self.machine.may_hoard()
            || self.workers.values().any(lingering);
        let slow = self.polls_launcher()
            || (self.settings.memory_limit.is_some() && self.machine.load() > 0);
        let tick = match (fast, slow) {
            (true, _) => Some(TICK),
            (false, true) => Some(SLOW_TICK),
            (false, false) => None,
        };
        let start = self.start_after.map(|at| at.saturating_duration_since(Instant::now()));
        match (tick, start) {
            (Some(tick), Some(start)) => Some(tick.min(start)),
            (tick, start) => tick.or(start),
        }
    }

    /// Looks at all workers.
    pub(super) fn watch(&mut self, now: Instant) {
        let looks_at_memory = now.duration_since(self.memory_looked_at) >= SLOW_TICK;
        if looks_at_memory {
            self.memory_looked_at = now;
        }
        let timed = self.machine.has_timeouts() || self.machine.may_hoard();
        let mut doomed: Vec<(WorkerNumber, Doom)> = Vec::new();
        for (number, connection) in &mut self.workers {
            if timed
                && let Some(timeout) =
                    self.machine.observe(*number, connection.status.running(), now)
            {
                doomed.push((*number, Doom::TimedOut(timeout)));
            }
            let grace = self.settings.cancel_grace;
            let late = |(task, since): (u64, Instant)| {
                connection.status.running().0 == task && now.duration_since(since) > grace
            };
            if connection.cancelling.is_some_and(late) {
                doomed.push((*number, Doom::Cancelled));
            }
            if let Some(limit) = self.settings.memory_limit.filter(|_| looks_at_memory) {
                let resident = memory::resident(connection.pid).unwrap_or(0);
                connection.peak_memory = connection.peak_memory.max(resident);
                if resident > limit {
                    doomed.push((*number, Doom::Memory));
                }
            }
        }
        for (worker, doom) in doomed {
            self.end_worker(worker, doom);
        }
        self.end_lingerers(now);
        self.take_back(now);
    }

    fn end_worker(&mut self, worker: WorkerNumber, doom: Doom) {
        let Some(connection) = self.workers.get_mut(&worker) else { return };
        if connection.doom.is_some() {
            return;
        }
        connection.doom = Some(doom);
        connection.cancelling = None;
        if let Some(launcher) = &mut self.launcher {
            launcher.kill(worker);
        }
    }

    /// Kills workers that have closed their socket but go on.
    fn end_lingerers(&mut self, now: Instant) {
        let late = |since: Instant| now.duration_since(since) > LINGER;
        let lingering = self.workers.iter().filter(|(_, worker)| worker.closed.is_some_and(late));
        let lingering: Vec<WorkerNumber> = lingering.map(|(number, _)| *number).collect();
        for worker in lingering {
            if let Some(launcher) = &mut self.launcher {
                launcher.kill(worker);
            }
            let since = self.workers.get(&worker).and_then(|worker| worker.closed);
            if since.is_some_and(|since| now.duration_since(since) > LINGER * 10) {
                self.bury(worker);
            }
        }
    }

    /// Takes tasks that wait behind a long one back, when there are workers with nothing to do.
    fn take_back(&mut self, now: Instant) {
        for worker in self.machine.hoarders(now, PATIENCE) {
            let Some(connection) = self.workers.get_mut(&worker) else { continue };
            if !connection.outbox.is_empty() || connection.doom.is_some() {
                continue;
            }
            let claimed = connection.status.revoke();
            self.machine.revoked(worker, claimed);
            connection.outbox.push(Outgoing::bare(Kind::Resume, 0, claimed));
            self.write_frames(worker);
        }
    }
}
