//! Asking Slurm about all jobs at once, and only so often.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::command::{CommandError, Commands};
use crate::end::End;
use crate::error::SlurmError;
use crate::parse::{self, Element};

/// What Slurm says of one element of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// Not started.
    Waiting {
        /// Slurm's word for why.
        reason: String,
    },
    /// Started and not over.
    Running {
        /// Where.
        node: String,
        /// For how long.
        ran: Duration,
    },
    /// Over.
    Ended {
        /// How.
        end: End,
        /// Where it ran, if it did.
        node: String,
    },
}

impl TaskState {
    pub(crate) fn ran(mut self, time: Duration) -> Self {
        if let Self::Running { ran, .. } = &mut self {
            *ran = time;
        }
        self
    }

    /// Whether it may still leave an outcome.
    pub fn is_alive(&self) -> bool {
        !matches!(self, Self::Ended { .. })
    }
}

/// What the cluster allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elements of an array at most.
    pub largest_array: usize,
    /// How long a job may run in the partition; none: as long as it likes.
    pub longest_time: Option<Duration>,
}

impl Limits {
    /// Asks `scontrol`.
    ///
    /// # Errors
    /// A Slurm that does not answer, or a partition that does not exist.
    pub fn ask(commands: &Commands, partition: Option<&str>) -> Result<Self, SlurmError> {
        let config = commands
            .run("scontrol", &["show", "config"])
            .map_err(|error| error.explain("scontrol"))?;
        let longest_time = match partition {
            Some(name) => parse::longest_time(&partition_line(commands, name)?),
            None => None,
        };
        // Slurm's own default where it does not say.
        let largest_array = parse::largest_array(&config).unwrap_or(1001).max(1);
        Ok(Self { largest_array, longest_time })
    }
}

fn partition_line(commands: &Commands, name: &str) -> Result<String, SlurmError> {
    commands.run("scontrol", &["--oneliner", "show", "partition", name]).map_err(|error| {
        match &error {
            CommandError::Failed(said) if said.contains("not found") => {
                SlurmError::new(format!("slurm has no partition `{name}`"))
                    .hint("`sinfo -s` shows the partitions: `slurm://NAME`")
            }
            _ => error.explain("scontrol"),
        }
    })
}

/// How long after a failure `sacct` is not asked again.
const SACCT_REST: Duration = Duration::from_secs(300);

/// One look at the queue for all jobs, shared by all tasks.
#[derive(Debug)]
pub struct Watch {
    commands: Commands,
    every: Duration,
    /// How long Slurm may not answer before that is an error.
    patience: Duration,
    looked: Option<Instant>,
    silent_since: Option<Instant>,
    no_sacct_before: Option<Instant>,
}

impl Watch {
    /// Looks at most once in `every`.
    pub fn new(commands: Commands, every: Duration, patience: Duration) -> Self {
        Self { commands, every, patience, looked: None, silent_since: None, no_sacct_before: None }
    }

    /// What Slurm says of `jobs`, or None when it is not time to look or Slurm does not answer now.
    /// Elements that it does not know are not in the answer.
    ///
    /// # Errors
    /// Slurm has not answered for longer than the patience, or cannot be asked at all.
    pub fn look(
        &mut self,
        jobs: &BTreeSet<u64>,
        now: Instant,
    ) -> Result<Option<HashMap<Element, TaskState>>, SlurmError> {
        let due = self.looked.is_none_or(|looked| now.duration_since(looked) >= self.every);
        if jobs.is_empty() || !due {
            return Ok(None);
        }
        self.looked = Some(now);
        let list = jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let fields = parse::QUEUE_FIELDS;
        let arguments = ["--noheader", "--array", "--states=all", "--jobs", &list, "-O", fields];
        match self.commands.run("squeue", &arguments) {
            Ok(said) => {
                self.silent_since = None;
                Ok(Some(said.lines().filter_map(parse::queue_line).collect()))
            }
            Err(CommandError::Failed(said)) if parse::is_over(&said) => {
                self.silent_since = None;
                Ok(Some(HashMap::new()))
            }
            Err(error) => {
                let since = *self.silent_since.get_or_insert(now);
                if error == CommandError::Missing || now.duration_since(since) >= self.patience {
                    return Err(error.explain("squeue"));
                }
                Ok(None)
            }
        }
    }

    /// What the accounting says of jobs that the queue has forgotten; nothing where there is none.
    pub fn recall(&mut self, jobs: &BTreeSet<u64>, now: Instant) -> HashMap<Element, TaskState> {
        if jobs.is_empty() || self.no_sacct_before.is_some_and(|then| now < then) {
            return HashMap::new();
        }
        let list = jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let fields = parse::ACCOUNT_FIELDS;
        let arguments = ["--noheader", "--allocations", "--parsable2", "-o", fields, "-j", &list];
        match self.commands.run("sacct", &arguments) {
            Ok(said) => said.lines().filter_map(parse::account_line).collect(),
            Err(_) => {
                self.no_sacct_before = Some(now + SACCT_REST);
                HashMap::new()
            }
        }
    }
}
