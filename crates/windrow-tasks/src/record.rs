//! The small records that a run's state consists of.

use serde::{Deserialize, Serialize};

use crate::outcome::MapOutput;

/// Says which execution of a task counts. It is made only if there is none yet, and never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitRecord(pub MapOutput);

/// The epochs of all stages, in their order; of several records the one with the highest number
/// counts. Written before anything of a new epoch starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EpochsRecord {
    /// The record's number, counted from 1.
    pub number: u32,
    /// One for each stage.
    pub epochs: Vec<u32>,
}

impl CommitRecord {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From JSON.
    ///
    /// # Errors
    /// Bytes that are no such record.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
