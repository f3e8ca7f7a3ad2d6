//! What can happen in a run: one enum, versioned by the record that holds it.
//!
//! Kinds and fields may be added within a version: readers skip kinds and fields they do not know,
//! and a field that was added later has a default. What changes meaning or goes away is a new
//! version.

use serde::{Deserialize, Serialize};

use crate::id::{RunId, StageId, TaskId, WorkerId};
use crate::state::{RunStatus, Stream, TaskStatus, Unit, Verdict};

/// Something that happened. `at` is when, in milliseconds since the epoch, as its emitter saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)] // `at`, `run`, `stage` and `task` mean the same in every kind.
pub enum Event {
    /// A run begins.
    RunStarted {
        run: RunId,
        at: u64,
        /// What runs: `collect`, `write`, `mapreduce`, or the user's name for it.
        name: String,
        /// The plan in a few lines.
        #[serde(default)]
        plan: String,
        /// The user's functions in it.
        #[serde(default)]
        functions: Vec<FunctionSummary>,
    },
    /// A stage begins. Totals are estimates, absent when nothing is known.
    StageStarted {
        run: RunId,
        at: u64,
        stage: StageId,
        /// What it does: `read`, `apply home_advantage`, `reduce`.
        name: String,
        partitions: u32,
        /// What its rows are called.
        #[serde(default)]
        unit: Unit,
        #[serde(default)]
        rows_total: Option<u64>,
        #[serde(default)]
        bytes_total: Option<u64>,
    },
    /// How far a stage is, counted from its start. Sent a few times a second at most.
    Progress {
        run: RunId,
        at: u64,
        stage: StageId,
        rows: u64,
        bytes: u64,
        #[serde(default)]
        rows_total: Option<u64>,
        #[serde(default)]
        bytes_total: Option<u64>,
        tasks_done: u32,
        /// 0 where tasks are not counted.
        tasks_total: u32,
    },
    /// A task attempt ended.
    TaskFinished {
        run: RunId,
        at: u64,
        task: TaskId,
        status: TaskStatus,
        /// How long it ran.
        seconds: f64,
        rows: u64,
        bytes: u64,
    },
    /// A worker process is ready. Workers outlive runs: `run` is the one that made it start.
    WorkerStarted {
        #[serde(default)]
        run: Option<RunId>,
        at: u64,
        worker: WorkerId,
        pid: u32,
    },
    /// A worker process ended when it should not have.
    WorkerDied {
        #[serde(default)]
        run: Option<RunId>,
        at: u64,
        worker: WorkerId,
        pid: u32,
        /// How, in words: `was killed by SIGKILL, likely out of memory`.
        cause: String,
    },
    /// The user's code wrote a line.
    Output {
        #[serde(default)]
        run: Option<RunId>,
        at: u64,
        worker: WorkerId,
        #[serde(default)]
        task: Option<TaskId>,
        stream: Stream,
        /// Without its line end.
        line: String,
    },
    /// A row that a function failed on.
    RowFailed {
        run: RunId,
        at: u64,
        /// The function's name.
        function: String,
        /// The row's number in its dataset, counted from 0, where it is known.
        #[serde(default)]
        row: Option<u64>,
        /// The exception or misfit, in one line.
        message: String,
        /// The row: column name and repr.
        #[serde(default)]
        values: Vec<(String, String)>,
    },
    /// Something worth saying once: a fallback and its reason, a default that was chosen.
    Note {
        #[serde(default)]
        run: Option<RunId>,
        at: u64,
        text: String,
    },
    /// A run ended; nothing of it comes after this.
    RunFinished {
        run: RunId,
        at: u64,
        status: RunStatus,
        seconds: f64,
        /// Rows of the result.
        rows: u64,
        /// Bytes that were read.
        bytes: u64,
        /// The most memory that this process and its workers held, in bytes.
        #[serde(default)]
        peak_memory: Option<u64>,
    },
}

/// A function of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionSummary {
    /// Its content hash.
    pub id: String,
    /// The name that the user gave it.
    pub name: String,
    /// How much of it runs natively.
    pub verdict: Verdict,
}

impl Event {
    /// The kinds of this version, as `event` names them in a record.
    pub const KINDS: &'static [&'static str] = &[
        "run_started",
        "stage_started",
        "progress",
        "task_finished",
        "worker_started",
        "worker_died",
        "output",
        "row_failed",
        "note",
        "run_finished",
    ];

    /// The run that it belongs to; none for what happens between runs.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::RunStarted { run, .. }
            | Self::StageStarted { run, .. }
            | Self::Progress { run, .. }
            | Self::TaskFinished { run, .. }
            | Self::RowFailed { run, .. }
            | Self::RunFinished { run, .. } => Some(run),
            Self::WorkerStarted { run, .. }
            | Self::WorkerDied { run, .. }
            | Self::Output { run, .. }
            | Self::Note { run, .. } => run.as_ref(),
        }
    }

    /// When it happened, in milliseconds since the epoch.
    #[must_use]
    pub fn at(&self) -> u64 {
        match self {
            Self::RunStarted { at, .. }
            | Self::StageStarted { at, .. }
            | Self::Progress { at, .. }
            | Self::TaskFinished { at, .. }
            | Self::WorkerStarted { at, .. }
            | Self::WorkerDied { at, .. }
            | Self::Output { at, .. }
            | Self::RowFailed { at, .. }
            | Self::Note { at, .. }
            | Self::RunFinished { at, .. } => *at,
        }
    }
}
