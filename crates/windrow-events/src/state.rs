//! The states that runs and tasks can be in, and other words with few values.

use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// With a result.
    Succeeded,
    /// With an error.
    Failed {
        /// What the user was told.
        message: String,
    },
    /// The user, or a failed sibling, ended it.
    Cancelled,
}

/// What a run is doing, as its events so far tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// Nothing was heard of it yet.
    #[default]
    Waiting,
    /// It started and has not ended.
    Running,
    /// It ended.
    Finished(RunStatus),
}

/// How a task attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskStatus {
    /// Its output is there.
    Succeeded,
    /// With an error.
    Failed {
        /// What happened.
        message: String,
    },
    /// Nobody needs it any more.
    Cancelled,
    /// What ran it went away.
    Lost,
}

/// What a worker's line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// How much of a function runs natively.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All of it.
    Native,
    /// Some of it; the interpreter runs the rest.
    PartlyNative,
    /// None of it.
    #[default]
    Python,
}

/// What the rows of a stage are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Of a table.
    #[default]
    Rows,
    /// Of a list, each for a call.
    Items,
}

impl Unit {
    /// In words, for more than one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Items => "items",
        }
    }
}
