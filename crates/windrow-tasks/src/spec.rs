//! What is handed to whatever runs a task: all that it needs, and nothing that changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use windrow_events::{RunId, StageId};

use crate::folder::RunFolder;
use crate::id::{AttemptId, Fingerprint};

/// The version of [`TaskSpec`] and [`TaskOutcome`](crate::TaskOutcome) that this build speaks.
pub const SPEC_VERSION: u16 = 1;

/// One attempt at one task, as JSON of about a kilobyte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// [`SPEC_VERSION`] of the driver.
    pub version: u16,
    /// The driver's build; another build refuses the task.
    pub build: Fingerprint,
    /// The run that it is part of.
    pub run: RunId,
    /// Which attempt at which task.
    pub attempt: AttemptId,
    /// What the stage does, in a few words: for logs and names of jobs.
    pub name: String,
    /// The folder of exchanges: an absolute path or a URL (`s3://bucket/prefix`). All names below
    /// it are those of [`RunFolder`].
    pub exchange: String,
    /// The encoded plan of the stage.
    pub fragment: BlobRef,
    /// What its exchanges read, one for each input stage.
    pub inputs: Vec<InputRef>,
    /// Session options that the plan was made for; they are no part of the plan.
    pub options: BTreeMap<String, String>,
    /// Where Python functions are called.
    pub functions: FunctionPlace,
    /// What it may use.
    pub resources: Resources,
}

impl TaskSpec {
    /// The names of its run's objects.
    #[must_use]
    pub fn folder(&self) -> RunFolder {
        RunFolder::new(&self.run)
    }
}

/// An immutable object below the exchange folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlobRef {
    /// Its name below the exchange folder, `/` between the parts.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// The outputs of a stage that a task reads, pinned to exact objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRef {
    /// The stage.
    pub stage: StageId,
    /// Its epoch.
    pub epoch: u32,
    /// The manifest.
    pub manifest: BlobRef,
}

/// Where a task calls Python functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionPlace {
    /// In the interpreter that runs the task; where there is none, in worker processes.
    #[default]
    Interpreter,
    /// In worker processes of the task's own.
    Workers,
}

/// What a task may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Bytes of memory; operators spill before they pass it.
    pub memory_bytes: u64,
    /// Threads.
    pub threads: u16,
}
