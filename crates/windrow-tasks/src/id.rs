//! The names of builds, tasks and attempts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use windrow_events::{StageId, TaskId};

/// Names a build of Windrow: all tasks of a job must run the same one, since neither the hash that
/// distributes rows nor the encoding of plans is promised to stay.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An output that is wanted: one partition of one stage.
///
/// A stage starts a new *epoch* when what it reads has changed for good (an indeterminate input was
/// lost and made again): what its tasks had committed no longer counts. A partition starts a new
/// *round* when its own output was lost and only it is made again.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct TaskKey {
    /// The stage.
    pub stage: StageId,
    /// Which version of the stage, counted from 0.
    pub epoch: u32,
    /// The partition, counted from 0.
    pub partition: u32,
    /// How often its output was lost in this epoch.
    pub round: u32,
}

/// One attempt at a task. Hosts that retry by themselves may carry it out more than once.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct AttemptId {
    /// What is attempted.
    pub task: TaskKey,
    /// Which driver of the run started it: 0 for the first, 1 for the one that resumed it.
    pub driver: u32,
    /// Counted from 0 for each partition and driver.
    pub number: u32,
}

impl AttemptId {
    /// As events name it.
    #[must_use]
    pub fn told(&self) -> TaskId {
        TaskId { stage: self.task.stage, partition: self.task.partition, attempt: self.number }
    }
}

/// `3.e0.17.r1`: stage 3, epoch 0, partition 17, round 1. It may stand in a file name.
impl fmt::Display for TaskKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, epoch, partition, round } = self;
        write!(formatter, "{stage}.e{epoch}.{partition}.r{round}")
    }
}

/// `3.e0.17.r1.a0-2`: as [`TaskKey`], then the driver and the number of the attempt.
impl fmt::Display for AttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.a{}-{}", self.task, self.driver, self.number)
    }
}

/// The text is no attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAttempt(String);

impl fmt::Display for NoAttempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` names no attempt at a task", self.0)
    }
}

impl std::error::Error for NoAttempt {}

impl FromStr for AttemptId {
    type Err = NoAttempt;

    fn from_str(text: &str) -> Result<Self, NoAttempt> {
        attempt(text).ok_or_else(|| NoAttempt(text.to_owned()))
    }
}

fn attempt(text: &str) -> Option<AttemptId> {
    let mut parts = text.split('.');
    let mut next = |prefix: &str| parts.next()?.strip_prefix(prefix).map(str::to_owned);
    let task = TaskKey {
        stage: StageId(next("")?.parse().ok()?),
        epoch: next("e")?.parse().ok()?,
        partition: next("")?.parse().ok()?,
        round: next("r")?.parse().ok()?,
    };
    let last = next("a")?;
    let (driver, number) = last.split_once('-')?;
    let found = AttemptId { task, driver: driver.parse().ok()?, number: number.parse().ok()? };
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::{AttemptId, TaskKey};
    use windrow_events::StageId;

    #[test]
    fn names_are_read_back() {
        let task = TaskKey { stage: StageId(3), epoch: 1, partition: 17, round: 2 };
        let attempt = AttemptId { task, driver: 4, number: 5 };
        assert_eq!(attempt.to_string(), "3.e1.17.r2.a4-5");
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
        for other in ["", "3.e1.17.r2", "3.e1.17.r2.a4", "3.e1.17.r2.a4-5.x", "a.e1.17.r2.a4-5"] {
            assert!(other.parse::<AttemptId>().is_err(), "{other}");
        }
    }
}
