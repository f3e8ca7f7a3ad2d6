//! A client: a runner, and where and how its runs keep what they exchange.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use windrow_events::RunId;
use windrow_tasks::machine::Policy;
use windrow_tasks::{FunctionPlace, JobPlan, Resources, RunFolder, Runner, TaskError};

use super::threads::ThreadRunner;
use crate::error::{Error, Fault, Result};
use crate::exchange::{Exchange, StoreFault};
use crate::task::{Job, error_of};

/// How long the runner waits before it is asked again.
const WAIT: Duration = Duration::from_millis(100);

/// How a client's runs are carried out.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The folder or URL of the exchanges.
    pub exchange: String,
    /// Whether runs are kept there after they have ended.
    pub durable: bool,
    /// Whether what tasks write is compressed: worth its time where it stays or travels.
    pub compress: bool,
    /// Which runs are continued rather than begun.
    pub resume: Resume,
    /// Where tasks call Python functions.
    pub functions: FunctionPlace,
    /// What a task may use.
    pub resources: Resources,
    /// How patient the driver is.
    pub policy: Policy,
    /// The build that tasks must have ([`crate::task::fingerprint`]).
    pub build: String,
}

/// Which runs are continued.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Resume {
    /// None.
    #[default]
    No,
    /// The last one that did the same work.
    Same,
    /// This one, where it did the same work.
    Run(RunId),
}

/// A runner and its options; a session with one runs its datasets as stages.
pub struct Client {
    options: ClientOptions,
    /// `None`: tasks run on the session's own threads.
    runner: Option<Mutex<Box<dyn Runner>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Client {
    /// A client whose tasks `runner` carries out; without one, the session's threads do.
    #[must_use]
    pub fn new(options: ClientOptions, runner: Option<Box<dyn Runner>>) -> Self {
        Self { options, runner: runner.map(Mutex::new) }
    }

    /// Its options.
    #[must_use]
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Whether the answer of a run may stay in memory: threads of this process make it, and nobody
    /// else will ask for it.
    pub(super) fn keeps_answers(&self) -> bool {
        self.runner.is_none() && !self.options.durable
    }

    /// Ends the runner; the client runs nothing after it.
    pub fn close(&self) {
        if let Some(runner) = &self.runner {
            runner.lock().unwrap_or_else(PoisonError::into_inner).close();
        }
    }

    /// Calls `work` with the runner; one run at a time has it.
    pub(super) fn with_runner<T>(
        &self,
        job: &Arc<Job>,
        work: impl FnOnce(&mut dyn Runner) -> Result<T>,
    ) -> Result<T> {
        match &self.runner {
            Some(runner) => {
                let mut runner = runner.lock().unwrap_or_else(PoisonError::into_inner);
                work(runner.as_mut())
            }
            None => work(&mut ThreadRunner::new(Arc::clone(job))),
        }
    }

    /// What its runner would do for a job, where it only shows that.
    pub(super) fn shown(&self, plan: &JobPlan) -> Option<String> {
        self.runner.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).shown(plan)
    }

    /// Waits for what an earlier driver of `run` has left running, until `stop` is set.
    pub(super) async fn settle(
        self: &Arc<Self>,
        run: &RunId,
        stop: &Arc<AtomicBool>,
    ) -> Result<()> {
        let (client, run, stop) = (Arc::clone(self), run.clone(), Arc::clone(stop));
        let settled = tokio::task::spawn_blocking(move || -> Result<()> {
            let Some(runner) = &client.runner else { return Ok(()) };
            let mut runner = runner.lock().unwrap_or_else(PoisonError::into_inner);
            while !runner.settle(&run, WAIT).map_err(|told| runner_error(&told))? {
                if stop.load(Ordering::Relaxed) {
                    return Err(Error::new(Fault::Cancelled, "the run was interrupted"));
                }
            }
            Ok(())
        });
        settled
            .await
            .map_err(|join| Error::internal(format!("a waiting thread panicked: {join}")))?
    }

    /// The run that is to be continued, if there is one that did the same work.
    pub(super) async fn earlier(
        &self,
        exchange: &Exchange,
        identity: &str,
    ) -> Result<Option<JobPlan>> {
        match &self.options.resume {
            Resume::No => Ok(None),
            Resume::Run(run) => {
                let known = job_of(exchange, run).await?.ok_or_else(|| {
                    Error::missing(format!("there is no run `{run}` in `{}`", exchange.name()))
                })?;
                Ok(Some(known).filter(|known| known.identity == identity))
            }
            Resume::Same => {
                let mut runs = exchange.folders().await?;
                runs.sort_unstable();
                for name in runs.into_iter().rev() {
                    let Some(run) = RunId::parse(&name) else { continue };
                    if let Some(known) = job_of(exchange, &run).await?
                        && known.identity == identity
                    {
                        return Ok(Some(known));
                    }
                }
                Ok(None)
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

/// The plan of a run, if there is such a run.
pub(super) async fn job_of(exchange: &Exchange, run: &RunId) -> Result<Option<JobPlan>> {
    match exchange.get(&RunFolder::new(run).job()).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Error::data(format!("the record of the run `{run}` cannot be read: {error}"))
        }),
        Err(StoreFault::Missing) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// A runner's error as ours.
pub(super) fn runner_error(told: &TaskError) -> Error {
    error_of(told)
}
