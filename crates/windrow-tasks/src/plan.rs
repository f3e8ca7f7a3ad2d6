//! A job: stages, what each reads and writes, and whether a task that runs again gives the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use windrow_events::{RunId, StageId};

use crate::id::Fingerprint;
use crate::spec::{BlobRef, FunctionPlace, Resources};

/// A job, as `job.json` holds it: with the commit records all that is needed to resume the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobPlan {
    /// The run.
    pub run: RunId,
    /// The build that cut the plan.
    pub build: Fingerprint,
    /// Names the work: the same plan over the same inputs has the same identity.
    pub identity: String,
    /// Session options that the plan was made for.
    pub options: BTreeMap<String, String>,
    /// Where tasks call Python functions.
    pub functions: FunctionPlace,
    /// What a task may use.
    pub resources: Resources,
    /// The stages: each reads stages before it.
    pub stages: Vec<StagePlan>,
    /// The stage whose outputs are the answer, in the order of its partitions.
    pub result: StageId,
}

/// The part of a plan between exchanges; all its tasks run the same fragment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Its place among the stages.
    pub id: StageId,
    /// What it does, in a few words.
    pub name: String,
    /// The encoded plan.
    pub fragment: BlobRef,
    /// Its partitions.
    pub tasks: u32,
    /// What it reads.
    pub inputs: Vec<StageInput>,
    /// How its tasks' outputs are laid out.
    pub output: Output,
    /// What a task gives that runs again.
    pub determinism: Determinism,
}

/// A stage that is read, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageInput {
    /// The stage.
    pub stage: StageId,
    /// Which part of it each task reads.
    pub read: Read,
}

/// Which part of a stage's outputs the task of partition `p` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// Slot `p` of every output.
    Slots,
    /// Output `p`; a task may ask for all of them one by one, as a merge does.
    Maps,
    /// All outputs.
    Broadcast,
    /// Range `p` of the sort keys, from every output.
    Range,
}

/// How a task's output is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// So many slots, chosen by the hash of the keys.
    Hash(u32),
    /// So many slots, batches dealt in turn.
    RoundRobin(u32),
    /// One slot.
    Single,
    /// One slot, sorted, of which so many readers read a range of keys each.
    Run(u32),
}

/// What a task gives that runs again over the same inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Determinism {
    /// The same rows in the same order.
    Exact,
    /// The same rows in any order.
    UnorderedExact,
    /// Perhaps other rows: random functions, impure Python, limits without an order.
    Indeterminate,
}

impl StagePlan {
    /// Whether an output that is made again may stand for the one that was lost, although some
    /// readers have read the old one.
    #[must_use]
    pub fn is_replaceable(&self) -> bool {
        match self.determinism {
            Determinism::Exact => true,
            // Which slot a row is dealt to depends on its place.
            Determinism::UnorderedExact => !matches!(self.output, Output::RoundRobin(_)),
            Determinism::Indeterminate => false,
        }
    }
}

impl JobPlan {
    /// The stage of that id.
    #[must_use]
    pub fn stage(&self, id: StageId) -> Option<&StagePlan> {
        self.stages.get(id.0 as usize)
    }

    /// All tasks of all stages.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        self.stages.iter().map(|stage| u64::from(stage.tasks)).sum()
    }

    /// What is wrong with it, if anything: a record that was changed or cut off.
    ///
    /// # Errors
    /// Stages out of their places, inputs that are not earlier stages, a stage without tasks.
    pub fn check(&self) -> Result<(), String> {
        for (place, stage) in self.stages.iter().enumerate() {
            if stage.id.0 as usize != place {
                return Err(format!("stage {} stands at place {place}", stage.id));
            }
            if stage.tasks == 0 {
                return Err(format!("stage {place} has no tasks"));
            }
            if let Some(input) = stage.inputs.iter().find(|input| input.stage >= stage.id) {
                return Err(format!("stage {place} reads stage {}", input.stage));
            }
        }
        match self.stage(self.result) {
            Some(_) => Ok(()),
            None => Err(format!("there is no stage {}", self.result)),
        }
    }
}
