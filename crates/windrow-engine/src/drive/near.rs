//! Two runners as one: the client's, and this process for stages that are done sooner than handed
//! over. On a batch system such a stage would wait in its queue; on any cluster it costs a round trip.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use windrow_tasks::{AttemptId, Capabilities, Report, Runner, StageId, TaskError, TaskSpec};

use super::threads::ThreadRunner;
use crate::stage::Fragment;
use crate::task::Job;

/// How long one of the two is waited for while the other may have something to tell.
const BRIEFLY: Duration = Duration::from_millis(2);

/// The client's runner, and threads of this process beside it.
pub(super) struct Runners<'a> {
    far: &'a mut dyn Runner,
    /// What `far` has been given and has not told the end of.
    out: HashSet<AttemptId>,
    near: ThreadRunner,
    job: Arc<Job>,
    /// How much a stage may read that this process carries out; 0: none does.
    most: u64,
    /// What the tasks of each complete stage wrote, in bytes.
    written: HashMap<StageId, u64>,
}

impl<'a> Runners<'a> {
    /// `far`, and threads for the tasks of `job` that it need not be bothered with.
    pub(super) fn new(job: &Arc<Job>, far: &'a mut dyn Runner) -> Self {
        Self {
            most: far.capabilities().near_bytes,
            far,
            out: HashSet::new(),
            near: ThreadRunner::new(Arc::clone(job)),
            job: Arc::clone(job),
            written: HashMap::new(),
        }
    }

    /// Remembers how much a stage wrote.
    pub(super) fn wrote(&mut self, stage: StageId, bytes: u64) {
        self.written.insert(stage, bytes);
    }

    /// What the client's runner can do; what runs here counts as running there.
    pub(super) fn capabilities(&self) -> Capabilities {
        self.far.capabilities()
    }

    /// Takes tasks of one or more stages over.
    pub(super) fn start(&mut self, tasks: Vec<TaskSpec>) -> Result<(), TaskError> {
        let (near, far): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| self.is_near(task));
        self.near.start(near)?;
        if far.is_empty() {
            return Ok(());
        }
        self.out.extend(far.iter().map(|task| task.attempt));
        self.far.start(far)
    }

    /// Whether the stage of a task reads little, gives no more, and runs nothing of the user's.
    fn is_near(&self, task: &TaskSpec) -> bool {
        if self.most == 0 || task.inputs.is_empty() {
            return false;
        }
        let read = task.inputs.iter().map(|input| self.written.get(&input.stage).copied());
        let read = read.sum::<Option<u64>>();
        let fragment = self.job.fragment(task.attempt.task.stage);
        read.is_some_and(|read| read <= self.most) && fragment.is_some_and(Fragment::only_reduces)
    }

    /// Drops attempts.
    pub(super) fn cancel(&mut self, attempts: &[AttemptId]) {
        let (far, near): (Vec<_>, Vec<_>) =
            attempts.iter().partition(|attempt| self.out.remove(*attempt));
        self.near.cancel(&near);
        if !far.is_empty() {
            self.far.cancel(&far);
        }
    }

    /// What has happened, after waiting for at most `wait`.
    pub(super) fn report(&mut self, wait: Duration) -> Result<Vec<Report>, TaskError> {
        let (near, far) = match (self.near.is_idle(), self.out.is_empty()) {
            (true, _) => (None, wait),
            (false, true) => (Some(wait), Duration::ZERO),
            (false, false) => (Some(BRIEFLY), BRIEFLY),
        };
        let mut reports = match near {
            Some(wait) => self.near.report(wait)?,
            None => vec![],
        };
        let told = self.far.report(if reports.is_empty() { far } else { Duration::ZERO })?;
        for report in &told {
            if let Report::Ended { attempt, .. } | Report::Lost { attempt, .. } = report {
                self.out.remove(attempt);
            }
        }
        reports.extend(told);
        Ok(reports)
    }
}
