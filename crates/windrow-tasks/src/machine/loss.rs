//! Outputs that are gone: they are made again, and so is all that must not be mixed with them.
//!
//! A reader of a stage may have read the old output and another may read the new one. That is right
//! as long as both hold the same rows. Where they may not (random functions, impure Python), every
//! stage that has read the old one starts a new epoch: what its tasks committed does not count any
//! more, and tasks of the old epoch that still run write where nobody looks.

use super::ended::lost_too_often;
use super::stage::Place;
use super::{Instruction, Machine};
use crate::outcome::LostInput;

impl Machine {
    pub(super) fn lose_all(&mut self, lost: &[LostInput]) {
        let before = self.epochs.epochs.clone();
        for one in lost {
            self.lose(one);
        }
        if self.verdict.is_some() {
            return;
        }
        self.epochs.epochs = self.stages.iter().map(|stage| stage.epoch).collect();
        if self.epochs.epochs != before {
            self.epochs.number += 1;
            self.instructions.push(Instruction::RecordEpochs(self.epochs.clone()));
        }
        self.want();
    }

    fn lose(&mut self, lost: &LostInput) {
        let (stage, partition) = (lost.stage.0 as usize, lost.partition);
        let Some(of) = self.stages.get_mut(stage) else { return };
        let complete = of.is_complete();
        let Some(task) = of.tasks.get_mut(partition as usize) else { return };
        // Somebody else has told it before, and a new one is there or on its way.
        if lost.epoch != of.epoch
            || task.output.as_ref().is_none_or(|output| output.object != lost.object)
        {
            return;
        }
        task.output = None;
        task.place = Place::Queued;
        task.round += 1;
        task.failures = 0;
        let times = task.round;
        of.done -= 1;
        of.manifest = false;
        of.queue_again(partition);
        let name = of.plan.name.clone();
        let replaceable = of.plan.is_replaceable();
        let readers = of.readers.clone();
        if times > self.policy.losses {
            self.fail(None, lost_too_often(partition, stage, &name, times));
            return;
        }
        for reader in readers {
            self.stages[reader].listed = false;
            if complete {
                self.stages[reader].waits_for += 1;
            }
            if !replaceable {
                self.start_epoch(reader);
            }
        }
    }

    /// What a stage reads will be other rows: all that it and its readers have done is void.
    fn start_epoch(&mut self, stage: usize) {
        if !self.stages[stage].touched {
            return;
        }
        let out: Vec<u32> = self.stages[stage].out.iter().copied().collect();
        let held: Vec<_> =
            out.into_iter().flat_map(|partition| self.release_all(stage, partition)).collect();
        if !held.is_empty() {
            self.instructions.push(Instruction::Cancel(held));
        }
        let complete = self.stages[stage].is_complete();
        self.stages[stage].start_epoch();
        for reader in self.stages[stage].readers.clone() {
            self.stages[reader].listed = false;
            if complete {
                self.stages[reader].waits_for += 1;
            }
            self.start_epoch(reader);
        }
    }
}
