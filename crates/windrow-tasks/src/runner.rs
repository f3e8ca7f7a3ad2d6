//! What carries out tasks: threads, processes, a batch system, another cluster.

use std::time::Duration;

use windrow_events::RunId;

use crate::id::AttemptId;
use crate::outcome::{TaskError, TaskOutcome};
use crate::plan::JobPlan;
use crate::spec::TaskSpec;

/// What carries out tasks.
///
/// The driver calls it from one thread. Nothing here decides what runs: it starts what it is given,
/// at once or when there is room, and tells how it ended. A runner may carry out an attempt more
/// than once (a host that retries); it must tell of an attempt that will never end.
pub trait Runner: Send {
    /// As the user names it: `local`, `slurm://debug`.
    fn name(&self) -> &str;

    /// What it can do; asked before every round of starts, since clusters grow and shrink.
    fn capabilities(&self) -> Capabilities;

    /// Takes `tasks` over.
    ///
    /// # Errors
    /// None of them will run: the runner is not there, or refuses them. This ends the job.
    fn start(&mut self, tasks: Vec<TaskSpec>) -> Result<(), TaskError>;

    /// Asks for attempts to be dropped; what they report afterwards is ignored. Never blocks long.
    fn cancel(&mut self, attempts: &[AttemptId]);

    /// What has happened; waits for something for at most `wait`.
    ///
    /// # Errors
    /// The runner itself is gone. This ends the job.
    fn report(&mut self, wait: Duration) -> Result<Vec<Report>, TaskError>;

    /// Waits, for at most `wait`, for tasks of `run` that an earlier driver has left running; whether
    /// there are none. Asked before it is read what is committed.
    ///
    /// # Errors
    /// The runner itself is gone. This ends the job.
    fn settle(&mut self, _run: &RunId, _wait: Duration) -> Result<bool, TaskError> {
        Ok(true)
    }

    /// What it would do for a job, where it was made to show that and to run nothing.
    fn shown(&mut self, _plan: &JobPlan) -> Option<String> {
        None
    }

    /// Ends all that it has started. Called once, also after a failure.
    fn close(&mut self);
}

/// What a runner can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Attempts that it wants to hold at a time, running and waiting.
    pub at_once: usize,
    /// Whether it wants all tasks of a stage together (a batch system's array) rather than one by
    /// one as others end. `at_once` does not count then.
    pub whole_stages: bool,
    /// Whether a second attempt at a slow task is worth it, and the runner tells of starts.
    pub speculation: bool,
    /// Who must reach the exchange folder.
    pub reach: Reach,
    /// A stage that reads at most so many bytes, and runs nothing of the user's, the driver carries
    /// out itself: handing it over takes longer. 0: none.
    pub near_bytes: u64,
}

/// Who must reach the exchange folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Only this process.
    Process,
    /// Processes of this machine.
    Machine,
    /// Other machines.
    Machines,
}

/// Something that happened to an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// It runs now.
    Started {
        /// Which.
        attempt: AttemptId,
    },
    /// It ended and told how.
    Ended {
        /// Which.
        attempt: AttemptId,
        /// How.
        outcome: TaskOutcome,
    },
    /// It will not tell any more: its process died, its machine went away, it was cancelled by
    /// somebody else.
    Lost {
        /// Which.
        attempt: AttemptId,
        /// What happened, in words: `was killed by SIGKILL, likely out of memory`.
        reason: String,
    },
}
