//! What happens next in a job: events in, instructions out.
//!
//! ```text
//!  task:   queued ──Start──► out ──Done──► done ──output lost──► queued (next round)
//!             ▲               │
//!             └─ lost, retry ─┘              four failures, or one that would come again: the job fails
//!
//!  stage:  waits for inputs ──all complete, manifest written──► its tasks start
//!             ▲
//!             └── an indeterminate input was made again: next epoch, all its tasks run again
//! ```
//!
//! The machine does no input or output, reads no clock and draws no random numbers: the time comes
//! with each event, in milliseconds from wherever the caller counts. Instructions must be carried
//! out in their order. What it knows can be lost at any moment: commit records and the epochs'
//! record bring it back ([`Machine::resume`]).

mod durations;
mod ended;
mod loss;
mod policy;
mod schedule;
mod stage;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use windrow_events::StageId;

pub use policy::{Policy, Speculation};

use crate::id::{AttemptId, TaskKey};
use crate::outcome::{LostInput, MapOutput, TaskError, TaskOutcome};
use crate::plan::JobPlan;
use crate::record::EpochsRecord;
use crate::runner::Capabilities;
use stage::{Place, Stage};

/// What has happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What the runner can do now; nothing starts before the first of these.
    Room(Capabilities),
    /// An attempt runs.
    Started(AttemptId),
    /// An attempt ended and told how.
    Ended(AttemptId, TaskOutcome),
    /// An attempt will not tell any more, and why.
    Lost(AttemptId, String),
    /// The driver could not read these outputs of the job's result.
    ResultLost(Vec<LostInput>),
    /// Time has passed.
    Tick,
    /// The user wants it to end.
    Cancel,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Instruction {
    /// Write this record if there is none of its number; if there is, another driver has taken the
    /// run over, and this one must stop.
    RecordEpochs(EpochsRecord),
    /// Write the list of a stage's outputs ([`Machine::outputs`]); later tasks read by it.
    WriteManifest {
        /// The stage.
        stage: StageId,
        /// Its epoch.
        epoch: u32,
        /// The list's number; a later list of the same epoch names other objects.
        version: u32,
    },
    /// Hand these attempts to the runner.
    Start(Vec<AttemptId>),
    /// Nobody needs these attempts any more.
    Cancel(Vec<AttemptId>),
    /// The job is over; nothing comes after this.
    Finish(Verdict),
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// All outputs of the result are committed.
    Succeeded,
    /// It cannot succeed.
    Failed {
        /// The attempt that decided it.
        attempt: Option<AttemptId>,
        /// Why.
        error: TaskError,
    },
    /// The user ended it.
    Cancelled,
}

/// What an earlier driver left: what a run is resumed from.
#[derive(Debug, Clone, Default)]
pub struct Remains {
    /// The last record of the stages' epochs, if there is one.
    pub epochs: EpochsRecord,
    /// Commit records of the stages' present epochs; of several rounds of a task the last counts.
    pub commits: Vec<(TaskKey, MapOutput)>,
}

/// A job as it is now.
#[derive(Debug)]
pub struct Machine {
    stages: Vec<Stage>,
    result: usize,
    policy: Policy,
    driver: u32,
    room: Option<Capabilities>,
    /// Stages that are wanted, have their inputs and have something to start.
    ready: BTreeSet<usize>,
    /// Attempts that the runner holds.
    held: usize,
    /// When tasks that wait after a failure are queued again: time, stage, epoch, partition.
    later: BinaryHeap<Reverse<(u64, usize, u32, u32)>>,
    epochs: EpochsRecord,
    instructions: Vec<Instruction>,
    verdict: Option<Verdict>,
}

impl Machine {
    /// A job of which nothing has run.
    ///
    /// # Errors
    /// As [`JobPlan::check`].
    pub fn new(plan: &JobPlan, policy: Policy) -> Result<Self, String> {
        Self::resume(plan, policy, 0, Remains::default())
    }

    /// A job of which an earlier driver has left something; `driver` numbers this one.
    ///
    /// # Errors
    /// As [`JobPlan::check`]; records that do not fit the plan.
    pub fn resume(
        plan: &JobPlan,
        policy: Policy,
        driver: u32,
        remains: Remains,
    ) -> Result<Self, String> {
        plan.check()?;
        let mut machine = Self {
            stages: plan.stages.iter().map(Stage::new).collect(),
            result: plan.result.0 as usize,
            policy,
            driver,
            room: None,
            ready: BTreeSet::new(),
            held: 0,
            later: BinaryHeap::new(),
            epochs: EpochsRecord { number: 0, epochs: vec![0; plan.stages.len()] },
            instructions: Vec::new(),
            verdict: None,
        };
        machine.take_over(remains)?;
        machine.link();
        machine.want();
        Ok(machine)
    }

    fn take_over(&mut self, remains: Remains) -> Result<(), String> {
        if remains.epochs.number > 0 {
            if remains.epochs.epochs.len() != self.stages.len() {
                return Err("the record of epochs is of another plan".to_owned());
            }
            for (stage, epoch) in self.stages.iter_mut().zip(&remains.epochs.epochs) {
                stage.epoch = *epoch;
            }
            self.epochs = remains.epochs;
        }
        for (key, output) in remains.commits {
            let Some(stage) = self.stages.get_mut(key.stage.0 as usize) else {
                return Err(format!("there is no stage {}", key.stage));
            };
            let epoch = stage.epoch;
            let Some(task) = stage.tasks.get_mut(key.partition as usize) else {
                return Err(format!("stage {} has no partition {}", key.stage, key.partition));
            };
            if key.epoch != epoch || (task.output.is_some() && key.round < task.round) {
                continue;
            }
            if task.place != Place::Done {
                task.place = Place::Done;
                stage.done += 1;
            }
            task.round = key.round;
            task.output = Some(Arc::new(output));
        }
        Ok(())
    }

    /// Finds out who reads whom and what is waited for.
    fn link(&mut self) {
        for reader in 0..self.stages.len() {
            // Tasks of an earlier driver may still run and have read something.
            self.stages[reader].touched = self.driver > 0;
            for input in self.inputs(reader) {
                self.stages[input].readers.push(reader);
                if !self.stages[input].is_complete() {
                    self.stages[reader].waits_for += 1;
                }
            }
        }
    }

    /// The stages that a stage reads, each once.
    fn inputs(&self, stage: usize) -> BTreeSet<usize> {
        self.stages[stage].plan.inputs.iter().map(|input| input.stage.0 as usize).collect()
    }

    /// What is to be done now that `event` has happened at `now` (milliseconds, never going back).
    pub fn on(&mut self, now: u64, event: Event) -> Vec<Instruction> {
        if self.verdict.is_some() {
            return Vec::new();
        }
        match event {
            Event::Room(room) => self.room = Some(room),
            Event::Started(attempt) => self.started(now, attempt),
            Event::Ended(attempt, outcome) => self.ended(now, attempt, outcome),
            Event::Lost(attempt, reason) => self.lost(attempt, &reason),
            Event::ResultLost(lost) => self.lose_all(&lost),
            Event::Tick => self.speculate(now),
            Event::Cancel => self.finish(Verdict::Cancelled),
        }
        if self.verdict.is_none() {
            self.wake(now);
            self.fill();
        }
        std::mem::take(&mut self.instructions)
    }

    fn finish(&mut self, verdict: Verdict) {
        if self.verdict.is_some() {
            return;
        }
        let mut held = Vec::with_capacity(self.held);
        for stage in 0..self.stages.len() {
            let out: Vec<u32> = self.stages[stage].out.iter().copied().collect();
            for partition in out {
                held.extend(self.release_all(stage, partition));
            }
        }
        if !held.is_empty() {
            self.instructions.push(Instruction::Cancel(held));
        }
        self.instructions.push(Instruction::Finish(verdict.clone()));
        self.verdict = Some(verdict);
    }

    fn fail(&mut self, attempt: Option<AttemptId>, error: TaskError) {
        self.finish(Verdict::Failed { attempt, error });
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// The committed outputs of a stage, in the order of its partitions.
    #[must_use]
    pub fn outputs(&self, stage: StageId) -> Vec<Arc<MapOutput>> {
        let tasks = self.stages.get(stage.0 as usize).map(|stage| stage.tasks.iter());
        tasks.into_iter().flatten().filter_map(|task| task.output.clone()).collect()
    }

    /// The epoch of a stage.
    #[must_use]
    pub fn epoch(&self, stage: StageId) -> u32 {
        self.stages.get(stage.0 as usize).map_or(0, |stage| stage.epoch)
    }

    /// How many tasks of a stage are done, and how many there are.
    #[must_use]
    pub fn progress(&self, stage: StageId) -> (u32, u32) {
        self.stages.get(stage.0 as usize).map_or((0, 0), |stage| (stage.done, stage.plan.tasks))
    }

    /// Attempts that the runner holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// When something is to be done although nothing happens, if that is known.
    #[must_use]
    pub fn next_wake(&self) -> Option<u64> {
        self.later.peek().map(|Reverse((at, ..))| *at)
    }

    /// The full name of an attempt.
    fn attempt(&self, stage: usize, partition: u32, number: u32) -> AttemptId {
        let of = &self.stages[stage];
        let task = TaskKey {
            stage: of.plan.id,
            epoch: of.epoch,
            partition,
            round: of.tasks[partition as usize].round,
        };
        AttemptId { task, driver: self.driver, number }
    }

    /// Forgets an attempt; whether it was held.
    fn release(&mut self, attempt: AttemptId) -> bool {
        let Some(stage) = self.stages.get_mut(attempt.task.stage.0 as usize) else { return false };
        let partition = attempt.task.partition;
        if attempt.driver != self.driver || attempt.task.epoch != stage.epoch {
            return false;
        }
        let Some(task) = stage.tasks.get_mut(partition as usize) else { return false };
        let Some(place) = task.held.iter().position(|held| held.number == attempt.number) else {
            return false;
        };
        task.held.swap_remove(place);
        if task.held.is_empty() {
            stage.out.remove(&partition);
        }
        self.held -= 1;
        true
    }

    /// Forgets all attempts at a partition and names them.
    fn release_all(&mut self, stage: usize, partition: u32) -> Vec<AttemptId> {
        let held = std::mem::take(&mut self.stages[stage].tasks[partition as usize].held);
        self.stages[stage].out.remove(&partition);
        self.held -= held.len();
        held.iter().map(|held| self.attempt(stage, partition, held.number)).collect()
    }
}
