//! What starts: the earliest stage that is wanted first; second attempts where there is room.

use std::cmp::Reverse;

use super::stage::{Held, Place};
use super::{Instruction, Machine};
use crate::id::AttemptId;

impl Machine {
    /// Finds out which stages the result needs: the incomplete ones on the way to it.
    pub(super) fn want(&mut self) {
        let mut wanted = vec![false; self.stages.len()];
        let mut open = vec![self.result];
        while let Some(stage) = open.pop() {
            if wanted[stage] || self.stages[stage].is_complete() {
                continue;
            }
            wanted[stage] = true;
            open.extend(self.inputs(stage));
        }
        for (stage, wanted) in wanted.into_iter().enumerate() {
            self.stages[stage].wanted = wanted;
            self.look(stage);
        }
    }

    /// Brings `ready` up to date with a stage.
    pub(super) fn look(&mut self, stage: usize) {
        let of = &mut self.stages[stage];
        of.tidy();
        if of.wanted && of.is_ready() {
            self.ready.insert(stage);
        } else {
            self.ready.remove(&stage);
        }
    }

    /// Queues the tasks again whose pause is over.
    pub(super) fn wake(&mut self, now: u64) {
        while let Some(Reverse((at, stage, epoch, partition))) = self.later.peek().copied() {
            if at > now {
                return;
            }
            self.later.pop();
            let of = &mut self.stages[stage];
            let task = &of.tasks[partition as usize];
            if of.epoch == epoch && task.place == Place::Out && task.held.is_empty() {
                of.queue_again(partition);
                self.look(stage);
            }
        }
    }

    fn has_room(&self) -> bool {
        self.room.is_some_and(|room| room.whole_stages || self.held < room.at_once)
    }

    /// Starts what can start.
    pub(super) fn fill(&mut self) {
        if self.stages[self.result].is_complete() {
            self.finish(super::Verdict::Succeeded);
            return;
        }
        let mut starts = Vec::new();
        while self.has_room()
            && let Some(stage) = self.ready.first().copied()
        {
            self.list_inputs(stage);
            self.stages[stage].tidy();
            if let Some(partition) = self.stages[stage].queue.pop_front() {
                starts.push(self.start(stage, partition));
            }
            self.look(stage);
        }
        if !starts.is_empty() {
            self.instructions.push(Instruction::Start(starts));
        }
    }

    /// Has the manifests of a stage's inputs written, where they are not up to date.
    fn list_inputs(&mut self, reader: usize) {
        if self.stages[reader].listed {
            return;
        }
        for input in self.inputs(reader) {
            let of = &mut self.stages[input];
            if !of.manifest {
                of.manifest = true;
                of.version += 1;
                self.instructions.push(Instruction::WriteManifest {
                    stage: of.plan.id,
                    epoch: of.epoch,
                    version: of.version,
                });
            }
        }
        self.stages[reader].listed = true;
    }

    fn start(&mut self, stage: usize, partition: u32) -> AttemptId {
        let of = &mut self.stages[stage];
        of.touched = true;
        of.out.insert(partition);
        let task = &mut of.tasks[partition as usize];
        task.place = Place::Out;
        let number = task.next;
        task.next += 1;
        task.held.push(Held { number, started: None });
        self.held += 1;
        self.attempt(stage, partition, number)
    }

    /// Starts second attempts at tasks that take much longer than most of their stage.
    pub(super) fn speculate(&mut self, now: u64) {
        let Some(patience) = self.policy.speculation else { return };
        if !self.room.is_some_and(|room| room.speculation) {
            return;
        }
        let mut starts = Vec::new();
        for stage in 0..self.stages.len() {
            let of = &self.stages[stage];
            // What is still queued comes before second attempts.
            if of.out.is_empty()
                || !of.queue.is_empty()
                || f64::from(of.done) < patience.done * f64::from(of.plan.tasks)
            {
                continue;
            }
            let Some(median) = of.durations.median() else { continue };
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let limit = patience.least.max((median as f64 * patience.factor) as u64);
            let slow: Vec<u32> = of
                .out
                .iter()
                .copied()
                .filter(|partition| match of.tasks[*partition as usize].held.as_slice() {
                    [Held { started: Some(at), .. }] => now.saturating_sub(*at) > limit,
                    _ => false,
                })
                .collect();
            for partition in slow {
                if self.has_room() {
                    starts.push(self.start(stage, partition));
                }
            }
        }
        if !starts.is_empty() {
            self.instructions.push(Instruction::Start(starts));
        }
    }
}
