//! What the end of an attempt means.

use std::cmp::Reverse;
use std::sync::Arc;

use super::stage::Place;
use super::{Instruction, Machine};
use crate::id::AttemptId;
use crate::outcome::{LostInput, TaskError, TaskOutcome, TaskReport};

impl Machine {
    pub(super) fn started(&mut self, now: u64, attempt: AttemptId) {
        let Some(stage) = self.stages.get_mut(attempt.task.stage.0 as usize) else { return };
        if attempt.driver != self.driver || attempt.task.epoch != stage.epoch {
            return;
        }
        let Some(task) = stage.tasks.get_mut(attempt.task.partition as usize) else { return };
        if let Some(held) = task.held.iter_mut().find(|held| held.number == attempt.number) {
            // A host that retries tells it again; the last start counts.
            held.started = Some(now);
        }
    }

    pub(super) fn ended(&mut self, now: u64, attempt: AttemptId, outcome: TaskOutcome) {
        match outcome {
            TaskOutcome::Done(report) => self.done(attempt, report),
            TaskOutcome::InputLost { lost } => self.bereft(attempt, &lost),
            TaskOutcome::Retry(error) => self.failed(attempt, error, Some(now)),
            TaskOutcome::Fatal(error) => {
                if self.release(attempt) {
                    self.fail(Some(attempt), error);
                }
            }
            TaskOutcome::Cancelled => self.lost(attempt, "was cancelled by somebody else"),
        }
    }

    fn done(&mut self, attempt: AttemptId, report: TaskReport) {
        self.release(attempt);
        let (place, partition) = (attempt.task.stage.0 as usize, attempt.task.partition);
        let Some(stage) = self.stages.get_mut(place) else { return };
        let Some(task) = stage.tasks.get_mut(partition as usize) else { return };
        // Of an earlier epoch or round: what it has committed does not count any more.
        if attempt.task.epoch != stage.epoch
            || attempt.task.round != task.round
            || task.place == Place::Done
        {
            return;
        }
        task.place = Place::Done;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        stage.durations.add((report.seconds * 1000.0) as u64);
        task.output = Some(Arc::new(report.output));
        stage.done += 1;
        let others = self.release_all(place, partition);
        if !others.is_empty() {
            self.instructions.push(Instruction::Cancel(others));
        }
        self.look(place);
        if self.stages[place].is_complete() {
            self.stages[place].wanted = false;
            for reader in self.stages[place].readers.clone() {
                self.stages[reader].waits_for -= 1;
                self.look(reader);
            }
        }
    }

    /// An attempt that will not tell any more.
    pub(super) fn lost(&mut self, attempt: AttemptId, reason: &str) {
        let error = TaskError::resources(format!("the process of a task {reason}"));
        self.failed(attempt, error, None);
    }

    /// An attempt failed in a way that may pass; it waits first if that takes time (`now`).
    fn failed(&mut self, attempt: AttemptId, error: TaskError, now: Option<u64>) {
        if !self.release(attempt) {
            return;
        }
        let (stage, partition) = (attempt.task.stage.0 as usize, attempt.task.partition);
        let Self { policy, stages, later, .. } = self;
        let (epoch, of) = (stages[stage].epoch, &mut stages[stage]);
        let task = &mut of.tasks[partition as usize];
        task.failures += 1;
        if task.failures >= policy.attempts {
            let tried = format!(
                "partition {partition} of stage {stage} (`{}`) failed {} times; the last time: {}",
                of.plan.name, task.failures, error.message
            );
            self.fail(Some(attempt), TaskError { message: tried, ..error });
            return;
        }
        if task.place != Place::Out || !task.held.is_empty() {
            return;
        }
        match now {
            Some(now) => {
                let pause = policy.pause.saturating_mul(1 << (task.failures - 1).min(10));
                later.push(Reverse((now.saturating_add(pause), stage, epoch, partition)));
            }
            None => {
                of.queue_again(partition);
                self.look(stage);
            }
        }
    }

    /// An attempt found that some of what it reads is gone.
    fn bereft(&mut self, attempt: AttemptId, lost: &[LostInput]) {
        if !self.release(attempt) {
            return;
        }
        let (stage, partition) = (attempt.task.stage.0 as usize, attempt.task.partition);
        let of = &mut self.stages[stage];
        let task = &mut of.tasks[partition as usize];
        task.bereft += 1;
        if task.bereft > self.policy.losses {
            let times = task.bereft;
            let name = of.plan.name.clone();
            self.fail(Some(attempt), lost_too_often(partition, stage, &name, times));
            return;
        }
        if task.place == Place::Out && task.held.is_empty() {
            of.queue_again(partition);
        }
        self.lose_all(lost);
    }
}

pub(super) fn lost_too_often(partition: u32, stage: usize, name: &str, times: u32) -> TaskError {
    TaskError::resources(format!(
        "partition {partition} of stage {stage} (`{name}`) found its inputs lost {times} times"
    ))
    .hint("something removes files from the exchange folder, or tasks do not all see the same one")
}
