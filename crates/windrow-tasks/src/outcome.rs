//! What a task comes back with.

use std::fmt;

use serde::{Deserialize, Serialize};
use windrow_events::StageId;

use crate::hexadecimal;
use crate::id::AttemptId;

/// How an attempt ended, as whatever ran it tells. An attempt that tells nothing was lost
/// ([`Report::Lost`](crate::Report::Lost)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TaskOutcome {
    /// The output is committed, by this attempt or by another that was first.
    Done(TaskReport),
    /// Something that the manifests list is not there, or damaged: it must be made again first.
    InputLost {
        /// What is missing; at least one.
        lost: Vec<LostInput>,
    },
    /// It may succeed elsewhere or later: storage failed, a disk was full.
    Retry(TaskError),
    /// It would fail again: the user's data, function or plan, or a build that does not match.
    Fatal(TaskError),
    /// It was told to stop.
    Cancelled,
}

impl TaskOutcome {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Maps with text keys and plain values: there is nothing that JSON cannot hold.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From JSON.
    ///
    /// # Errors
    /// Bytes that are no outcome: a record that was cut off, or one of another version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// An attempt that succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// The output that counts.
    pub output: MapOutput,
    /// Whether this attempt's own output is the one that counts.
    pub first: bool,
    /// Rows that it wrote.
    pub rows: u64,
    /// Bytes that it wrote.
    pub bytes: u64,
    /// Bytes that it read from exchanges.
    pub bytes_read: u64,
    /// How long it ran.
    pub seconds: f64,
    /// The machine it ran on, where that is known.
    #[serde(default)]
    pub host: String,
}

/// A committed output: one object with a slice for each reader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapOutput {
    /// The attempt that wrote it.
    pub attempt: AttemptId,
    /// The object's name below the exchange folder.
    pub object: String,
    /// Its length in bytes.
    pub len: u64,
    /// The slices, in the order of the readers' partitions.
    pub slots: Vec<Slot>,
    /// Some of the sort keys in it, for the choice of ranges; empty unless it is a sorted run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeySample>,
}

impl MapOutput {
    /// All rows in it.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.slots.iter().map(|slot| slot.rows).sum()
    }
}

/// A slice of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64, u32)", into = "(u64, u64, u64, u32)")]
pub struct Slot {
    /// Where it starts.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// Rows.
    pub rows: u64,
    /// CRC-32 of the bytes.
    pub crc: u32,
}

impl From<(u64, u64, u64, u32)> for Slot {
    fn from((offset, len, rows, crc): (u64, u64, u64, u32)) -> Self {
        Self { offset, len, rows, crc }
    }
}

impl From<Slot> for (u64, u64, u64, u32) {
    fn from(slot: Slot) -> Self {
        (slot.offset, slot.len, slot.rows, slot.crc)
    }
}

/// A sort key, in a form whose bytes compare as the keys do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeySample {
    /// The key of the first of `rows` rows.
    #[serde(with = "hexadecimal")]
    pub key: Vec<u8>,
    /// How many rows of the run the key stands for.
    pub rows: u64,
}

/// An output that a reader could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostInput {
    /// The stage that made it.
    pub stage: StageId,
    /// The epoch of that stage in the reader's manifest.
    pub epoch: u32,
    /// The partition of that stage.
    pub partition: u32,
    /// The object.
    pub object: String,
}

/// Why an attempt failed, or a runner could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskError {
    /// Whose fault it is, in the engine's words: `data`, `function`, `resources`, `settings`, …
    pub fault: String,
    /// One sentence, lower case, no final stop, values in backticks.
    pub message: String,
    /// What the user can do.
    #[serde(default)]
    pub hints: Vec<String>,
    /// The structured failure of the user's function, as the engine encodes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<serde_json::Value>,
}

impl TaskError {
    /// An error of `fault`.
    pub fn new(fault: impl Into<String>, message: impl Into<String>) -> Self {
        Self { fault: fault.into(), message: message.into(), ..Self::default() }
    }

    /// Resources ran out, or a machine or service failed.
    pub fn resources(message: impl Into<String>) -> Self {
        Self::new("resources", message)
    }

    /// Something that the user set is wrong.
    pub fn settings(message: impl Into<String>) -> Self {
        Self::new("settings", message)
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        for hint in &self.hints {
            write!(formatter, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TaskError {}
