//! One task: a spec in, an outcome out. The same function runs in a thread of the driver, in a
//! process that a batch system started, and in another cluster's warm worker.

// An outcome is made once a task, and whoever gets it takes it apart by value.
#![allow(clippy::result_large_err)]

mod answer;
mod job;
mod outcome;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::physical_plan::execution_plan::reset_plan_states;
use windrow_tasks::{
    AttemptId, CommitRecord, MapOutput, SPEC_VERSION, Slot, TaskError, TaskReport,
};

use answer::Taken;

use crate::error::Error;
use crate::exchange::{Destination, Exchange, Inputs, StoreFault, write};
use crate::session::{Session, Surroundings};
use crate::settings::Settings;

pub use windrow_tasks::{FunctionPlace, Resources, TaskOutcome, TaskSpec};

pub(crate) use job::{Job, JobOptions};
pub(crate) use outcome::error_of;

/// Names this build and where it runs: tasks of one job must agree in it.
///
/// `interpreter` is what a pickled function depends on, such as `python 3.11`.
#[must_use]
pub fn fingerprint(interpreter: &str) -> String {
    let (version, build) = (env!("CARGO_PKG_VERSION"), env!("WINDROW_BUILD"));
    let machine = std::env::consts::ARCH;
    if interpreter.is_empty() {
        format!("windrow {version} build {build} {machine}")
    } else {
        format!("windrow {version} build {build} {machine}, {interpreter}")
    }
}

/// The file name of the record of a task's outcome.
#[must_use]
pub fn outcome_name(spec: &TaskSpec) -> String {
    let path = spec.folder().outcome(&spec.attempt);
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// What tasks of a process share: its surroundings, and the jobs that it has planned.
pub struct TaskHost {
    fingerprint: String,
    surroundings: Box<dyn Fn() -> Surroundings + Send + Sync>,
    jobs: Mutex<Vec<Arc<Job>>>,
    /// Sessions for jobs to come, with what they have read of files.
    sessions: Mutex<Vec<(Settings, Session)>>,
}

impl std::fmt::Debug for TaskHost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TaskHost").field("fingerprint", &self.fingerprint).finish()
    }
}

/// Jobs whose plans are kept, and sessions.
const KEPT: usize = 4;

impl TaskHost {
    /// A host whose sessions get `surroundings`; `interpreter` as in [`fingerprint`].
    pub fn new(
        interpreter: &str,
        surroundings: impl Fn() -> Surroundings + Send + Sync + 'static,
    ) -> Self {
        Self {
            fingerprint: fingerprint(interpreter),
            surroundings: Box::new(surroundings),
            jobs: Mutex::new(Vec::new()),
            sessions: Mutex::new(Vec::new()),
        }
    }

    /// The build that it runs tasks of.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Runs `spec` in this process and says how it ended. Never fails otherwise.
    pub fn execute(&self, spec: &TaskSpec) -> TaskOutcome {
        if let Err(error) = self.check(spec) {
            return TaskOutcome::Fatal(error);
        }
        let job = match self.job(spec) {
            Ok(job) => job,
            Err(outcome) => return outcome,
        };
        let session = job.session().clone();
        let spec = spec.clone();
        let outcome = session.wait(async move { Ok(attempt(&job, &spec).await) });
        outcome.unwrap_or_else(|error| outcome::of_error(&error))
    }

    fn check(&self, spec: &TaskSpec) -> Result<(), TaskError> {
        if spec.version != SPEC_VERSION || spec.build.0 != self.fingerprint {
            return Err(TaskError::new(
                "settings",
                format!(
                    "the driver and a task run different builds: `{}` and `{}`",
                    spec.build, self.fingerprint
                ),
            )
            .hint("install the same windrow, for the same Python, wherever tasks run"));
        }
        Ok(())
    }

    /// A session with `settings`: that of an earlier job, as long as it has no worker processes. Those
    /// have imported the modules of the job that they were started for.
    fn session(&self, settings: Settings) -> Result<Session, Error> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|(_, session)| !session.has_workers());
        if let Some((_, known)) = sessions.iter().find(|(of, _)| *of == settings) {
            return Ok(known.clone());
        }
        let session = Session::new(settings.clone(), (self.surroundings)())?;
        if sessions.len() == KEPT {
            sessions.remove(0);
        }
        sessions.push((settings, session.clone()));
        Ok(session)
    }

    fn job(&self, spec: &TaskSpec) -> Result<Arc<Job>, TaskOutcome> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = jobs.iter().find(|job| job.is_of(spec)) {
            return Ok(Arc::clone(known));
        }
        let options = JobOptions::of(spec).map_err(TaskOutcome::Fatal)?;
        let settings = options.settings(spec.resources, spec.functions);
        let session = self.session(settings).map_err(|error| outcome::of_error(&error))?;
        let exchange = Exchange::open(&spec.exchange).map_err(|error| outcome::of_error(&error))?;
        let (fragment, run) = (spec.fragment.clone(), spec.run.clone());
        let waiter = session.clone();
        let loaded = waiter.wait(async move {
            let program = exchange.get(&fragment.name).await;
            let program = match program {
                Ok(program) => program,
                Err(fault) => return Ok(Err(outcome::of_store(&fault))),
            };
            Job::plan(session, exchange, run, &program, options).await.map(Ok)
        });
        match loaded {
            Ok(Ok(job)) => {
                let job = Arc::new(job);
                if jobs.len() == KEPT {
                    jobs.remove(0);
                }
                jobs.push(Arc::clone(&job));
                Ok(job)
            }
            Ok(Err(outcome)) => Err(outcome),
            Err(error) => Err(outcome::of_error(&error)),
        }
    }
}

/// Runs one attempt at a task of `job`.
pub(crate) async fn attempt(job: &Job, spec: &TaskSpec) -> TaskOutcome {
    match run(job, spec).await {
        Ok(report) => TaskOutcome::Done(report),
        Err(outcome) => outcome,
    }
}

async fn run(job: &Job, spec: &TaskSpec) -> Result<TaskReport, TaskOutcome> {
    let started = Instant::now();
    let exchange = job.exchange();
    let record = spec.folder().commit(&spec.attempt.task);
    // Another attempt may have been first, perhaps one that a host has started again by itself.
    match exchange.get(&record).await {
        Ok(bytes) => return Ok(report(committed(&bytes)?, false, started.elapsed(), 0)),
        Err(StoreFault::Missing) => {}
        Err(fault) => return Err(outcome::of_store(&fault)),
    }
    let inputs = Arc::new(Inputs::new(exchange.clone(), &spec.inputs));
    let output = output(job, spec, &inputs).await?;
    let bytes = CommitRecord(output.clone()).to_json();
    let first =
        exchange.put_new(&record, bytes).await.map_err(|fault| outcome::of_store(&fault))?;
    let read = inputs.bytes_read();
    if first {
        return Ok(report(output, true, started.elapsed(), read));
    }
    // Nobody will read what this attempt wrote; that it cannot be removed hurts nobody.
    let _ = exchange.remove(&output.object).await;
    let winner = exchange.get(&record).await.map_err(|fault| outcome::of_store(&fault))?;
    Ok(report(committed(&winner)?, false, started.elapsed(), read))
}

fn committed(bytes: &[u8]) -> Result<MapOutput, TaskOutcome> {
    CommitRecord::from_json(bytes).map(|record| record.0).map_err(|error| {
        TaskOutcome::Retry(TaskError::resources(format!("a commit record is damaged: {error}")))
    })
}

fn report(output: MapOutput, first: bool, took: Duration, bytes_read: u64) -> TaskReport {
    TaskReport {
        first,
        rows: output.rows(),
        bytes: output.len,
        bytes_read,
        seconds: took.as_secs_f64(),
        host: std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|name| name.trim().to_owned())
            .unwrap_or_default(),
        output,
    }
}

/// Runs the stage's plan for the task's partition and writes what comes out.
async fn output(
    job: &Job,
    spec: &TaskSpec,
    inputs: &Arc<Inputs>,
) -> Result<MapOutput, TaskOutcome> {
    let AttemptId { task, .. } = spec.attempt;
    let fragment = job.fragment(task.stage).ok_or_else(|| {
        TaskOutcome::Fatal(TaskError::new("internal", format!("there is no stage {}", task.stage)))
    })?;
    let fault = |error: datafusion::error::DataFusionError| outcome::of_run(job, &error);
    // What operators remember of an earlier attempt in this process is forgotten.
    let plan = reset_plan_states(Arc::clone(&fragment.plan)).map_err(fault)?;
    let context = job.session().stage_context(Arc::clone(inputs));
    let partition = task.partition as usize;
    let stream = plan.execute(partition, Arc::clone(&context)).map_err(fault)?;
    let nonce = nonce();
    let object = spec.folder().data(&spec.attempt, nonce);
    let stream = match job.answer(task.stage) {
        None => stream,
        Some(answer) => {
            let taken = answer.take(&object, stream, context.memory_pool()).await.map_err(fault)?;
            match taken {
                Taken::TooLarge(stream) => stream,
                Taken::Whole(rows) => {
                    let slots = vec![Slot { rows, ..Slot::default() }];
                    return Ok(MapOutput {
                        attempt: spec.attempt,
                        object,
                        len: 0,
                        slots,
                        keys: vec![],
                    });
                }
            }
        }
    };
    let to = Destination {
        exchange: job.exchange(),
        object,
        compress: job.options().compress,
        scratch: job.session().scratch().to_path_buf(),
        partition: (partition, fragment.tasks() as usize),
    };
    let written = write(stream, &fragment.layout, &to, &context).await;
    let written = match written {
        Ok(written) => written,
        Err(error) => {
            let _ = job.exchange().remove(&to.object).await;
            return Err(fault(error));
        }
    };
    Ok(MapOutput {
        attempt: spec.attempt,
        object: to.object,
        len: written.len,
        slots: written.slots,
        keys: written.keys,
    })
}

/// A number that no other execution has.
fn nonce() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
