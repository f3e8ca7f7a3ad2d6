//! The names of everything that a run keeps on shared storage.
//!
//! ```text
//! <exchange>/<run>/job.json                             the plan
//!                  fragments/3.plan                     encoded plan of a stage
//!                  blobs/<hash>                         functions, small tables
//!                  drivers/0                            one for each driver, the first is 0
//!                  epochs/1.json                        the stages' epochs; the last one counts
//!                  stages/3/e0/17.r0.a0-1.<nonce>.arrow data of one execution of an attempt
//!                  stages/3/e0/17.r0.ok                 commit record: the first one counts
//!                  stages/3/e0.a0.v1.manifest           the outputs of a stage, for its readers
//!                  tasks/3.a0.5.json                    specs, as runners pass them on
//!                  outcomes/3.e0.17.r0.a0-1.json        outcomes, as runners get them back
//!                  logs/3.e0.17.r0.a0-1.log             what a task printed
//! ```

use windrow_events::{RunId, StageId};

use crate::id::{AttemptId, TaskKey};

/// The names of a run's objects, below the exchange folder, `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    run: String,
}

impl RunFolder {
    /// Those of `run`.
    #[must_use]
    pub fn new(run: &RunId) -> Self {
        Self { run: run.as_str().to_owned() }
    }

    /// The folder of all of them.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.run
    }

    /// The plan.
    #[must_use]
    pub fn job(&self) -> String {
        format!("{}/job.json", self.run)
    }

    /// The encoded plan of a stage.
    #[must_use]
    pub fn fragment(&self, stage: StageId) -> String {
        format!("{}/fragments/{stage}.plan", self.run)
    }

    /// Bytes under the hash of what they are.
    #[must_use]
    pub fn blob(&self, hash: &str) -> String {
        format!("{}/blobs/{hash}", self.run)
    }

    /// The folder of the drivers' claims.
    #[must_use]
    pub fn drivers(&self) -> String {
        format!("{}/drivers", self.run)
    }

    /// The claim of the driver of that number.
    #[must_use]
    pub fn driver(&self, number: u32) -> String {
        format!("{}/drivers/{number}", self.run)
    }

    /// The folder of the stages' epochs.
    #[must_use]
    pub fn all_epochs(&self) -> String {
        format!("{}/epochs", self.run)
    }

    /// The record of the stages' epochs of that number.
    #[must_use]
    pub fn epochs(&self, number: u32) -> String {
        format!("{}/epochs/{number}.json", self.run)
    }

    /// The folder of the outputs of a stage.
    #[must_use]
    pub fn outputs(&self, stage: StageId, epoch: u32) -> String {
        format!("{}/stages/{stage}/e{epoch}", self.run)
    }

    /// The data of one execution; `nonce` is its own.
    #[must_use]
    pub fn data(&self, attempt: &AttemptId, nonce: u64) -> String {
        let AttemptId { task, driver, number } = attempt;
        let folder = self.outputs(task.stage, task.epoch);
        let TaskKey { partition, round, .. } = task;
        format!("{folder}/{partition}.r{round}.a{driver}-{number}.{nonce:016x}.arrow")
    }

    /// The commit record of a task.
    #[must_use]
    pub fn commit(&self, task: &TaskKey) -> String {
        let folder = self.outputs(task.stage, task.epoch);
        format!("{folder}/{}.r{}.ok", task.partition, task.round)
    }

    /// The task whose commit record of a stage has that file name.
    #[must_use]
    pub fn task_of_commit(stage: StageId, epoch: u32, file_name: &str) -> Option<TaskKey> {
        let (partition, rest) = file_name.strip_suffix(".ok")?.split_once(".r")?;
        let (partition, round) = (partition.parse().ok()?, rest.parse().ok()?);
        Some(TaskKey { stage, epoch, partition, round })
    }

    /// The list of a stage's outputs, the `version`th that its driver wrote.
    #[must_use]
    pub fn manifest(&self, stage: StageId, epoch: u32, driver: u32, version: u32) -> String {
        format!("{}/stages/{stage}/e{epoch}.a{driver}.v{version}.manifest", self.run)
    }

    /// A JSON array of specs of a stage, the `batch`th that its driver wrote.
    #[must_use]
    pub fn specs(&self, stage: StageId, driver: u32, batch: u32) -> String {
        format!("{}/tasks/{stage}.a{driver}.{batch}.json", self.run)
    }

    /// The outcome of an attempt, as JSON of [`TaskOutcome`](crate::TaskOutcome).
    #[must_use]
    pub fn outcome(&self, attempt: &AttemptId) -> String {
        format!("{}/outcomes/{attempt}.json", self.run)
    }

    /// The attempt whose outcome has that file name.
    #[must_use]
    pub fn attempt_of_outcome(file_name: &str) -> Option<AttemptId> {
        file_name.strip_suffix(".json")?.parse().ok()
    }

    /// What an attempt printed.
    #[must_use]
    pub fn log(&self, attempt: &AttemptId) -> String {
        format!("{}/logs/{attempt}.log", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::RunFolder;
    use crate::id::{AttemptId, TaskKey};
    use windrow_events::{RunId, StageId};

    #[test]
    fn names_are_read_back() {
        let folder = RunFolder::new(&RunId::new(0, 0));
        let task = TaskKey { stage: StageId(3), epoch: 1, partition: 17, round: 2 };
        let attempt = AttemptId { task, driver: 1, number: 0 };
        let name = |path: String| path.rsplit('/').next().map(str::to_owned).unwrap_or_default();
        let commit = name(folder.commit(&task));
        assert_eq!(commit, "17.r2.ok");
        assert_eq!(RunFolder::task_of_commit(StageId(3), 1, &commit), Some(task));
        assert_eq!(RunFolder::task_of_commit(StageId(3), 1, "17.r2.a0-1.00.arrow"), None);
        assert_eq!(RunFolder::attempt_of_outcome(&name(folder.outcome(&attempt))), Some(attempt));
        assert!(
            folder.data(&attempt, 255).ends_with("/stages/3/e1/17.r2.a1-0.00000000000000ff.arrow")
        );
    }
}
