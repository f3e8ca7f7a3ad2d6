//! The driver: runs a dataset as stages on a runner, tells how it goes, reads the answer.
//!
//! ```text
//!  dataset ──encode──► program ──plan, cut──► job.json ──► Machine ◄──► Runner
//!                                                              │
//!                     answer ◄── last stage's outputs ◄────────┘
//! ```
//!
//! All that the driver knows is in the run's folder, too. If it dies, another one takes the run over
//! and runs only what is not committed.

mod answer;
mod client;
mod control;
mod folder;
mod near;
mod process;
mod resume;
mod tell;
mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windrow_events::{RunId, now_millis};
use windrow_tasks::{BlobRef, Fingerprint, JobPlan, LostInput, MapOutput, StagePlan};

pub(crate) use answer::{Answered, Collected, Take};
pub use client::{Client, ClientOptions, Resume};
pub use process::{ProcessOptions, ProcessRunner};
pub use resume::{Resumed, resume, settings_of};
pub use threads::ThreadRunner;
pub use windrow_tasks::machine::Policy;

use crate::error::{Error, Fault, Result};
use crate::exchange::Exchange;
use crate::plan::Dataset;
use crate::program::{digest, encode};
use crate::session::Session;
use crate::stage::Fragment;
use crate::task::{Job, JobOptions};
use control::Control;
use folder::State;
use near::Runners;
use tell::Teller;

/// How a dataset ran on a client.
pub(crate) enum Ran<T> {
    /// As stages: what was made of the answer.
    Staged(T),
    /// Not at all, and why: it must run in this process.
    Stays(String),
}

/// Runs `dataset` on `client` and gives the answer to `taker`.
///
/// # Errors
/// Those of the plan, the data and the user's functions; a runner or a storage that fails; those of
/// `taker`.
pub(crate) async fn answer<T: Take>(
    dataset: &Dataset,
    client: &Arc<Client>,
    name: &str,
    taker: &T,
) -> Result<Ran<T::Taken>> {
    // Finds the types that are not known yet.
    dataset.logical_plan().await?;
    let program = match encode(dataset) {
        Ok(program) => program,
        Err(error) if error.fault() == Fault::Unsupported => {
            return Ok(Ran::Stays(error.message().to_owned()));
        }
        Err(error) => return Err(error),
    };
    let session = dataset.session();
    let exchange = Exchange::open(&client.options().exchange)?;
    let prepared = match prepare(session, client, &exchange, &program, T::WHOLE).await {
        Err(error) if error.fault() == Fault::Unsupported => {
            return Ok(Ran::Stays(error.message().to_owned()));
        }
        other => other?,
    };
    let (job, plan) = prepared;
    if let Some(text) = client.shown(&plan) {
        // It holds the program, which nobody will run.
        let _ = exchange.remove_all(windrow_tasks::RunFolder::new(job.run()).root()).await;
        return Err(Error::new(Fault::Shown, text));
    }
    let teller = Teller::start(dataset, &job, name);
    // Told also when the user interrupts the run and this is dropped.
    let ending = tell::Ending::of(&teller);
    let outcome = run(&job, plan, client, &teller, taker).await;
    ending.finish(outcome.as_ref().err(), outcome.as_ref().map_or(0, |(rows, _)| *rows));
    if !client.options().durable {
        // What cannot be removed is left to whoever cleans the folder.
        let _ = exchange.remove_all(windrow_tasks::RunFolder::new(job.run()).root()).await;
    }
    Ok(Ran::Staged(outcome?.1))
}

/// Plans and cuts a program, and writes down what a driver that resumes it needs.
async fn prepare(
    session: &Session,
    client: &Client,
    exchange: &Exchange,
    program: &[u8],
    whole: bool,
) -> Result<(Arc<Job>, JobPlan)> {
    let settings = session.settings();
    let options = JobOptions {
        partitions: settings.partitions,
        batch_rows: settings.batch_rows,
        native: settings.native,
        compress: client.options().compress,
        now: i64::try_from(now_millis()).unwrap_or(i64::MAX),
        digest: String::new(),
    };
    let mut identity = program.to_vec();
    identity.extend_from_slice(
        format!(
            "{} {} {} {}",
            options.partitions,
            options.batch_rows,
            options.native,
            client.options().build
        )
        .as_bytes(),
    );
    let identity = digest(&identity);
    if let Some(known) = client.earlier(exchange, &identity).await? {
        let options = JobOptions::of_map(&known.options)
            .ok_or_else(|| Error::internal("the record of a run lacks its options"))?;
        let job = Job::plan(session.clone(), exchange.clone(), known.run.clone(), program, options);
        return Ok((Arc::new(job.await?), known));
    }
    let run = RunId::generate();
    let job = Job::plan(session.clone(), exchange.clone(), run.clone(), program, options).await?;
    let job = if whole && client.keeps_answers() { job.with_answer_kept() } else { job };
    let folder = windrow_tasks::RunFolder::new(&run);
    let blob = BlobRef { name: folder.blob("program"), len: program.len() as u64 };
    exchange.put(&blob.name, program.to_vec()).await?;
    let plan = job_plan(&job, client, &blob, identity);
    let text = serde_json::to_vec_pretty(&plan)
        .map_err(|error| Error::internal(format!("a plan cannot be written: {error}")))?;
    exchange.put(&folder.job(), text).await?;
    Ok((Arc::new(job), plan))
}

fn job_plan(job: &Job, client: &Client, program: &BlobRef, identity: String) -> JobPlan {
    let of_stage = |(place, fragment): (usize, &Fragment)| StagePlan {
        id: windrow_tasks::StageId(u32::try_from(place).unwrap_or(u32::MAX)),
        name: fragment.name(),
        fragment: program.clone(),
        tasks: fragment.tasks(),
        inputs: fragment.inputs.clone(),
        output: fragment.layout.output(),
        determinism: fragment.determinism,
    };
    let stages: Vec<StagePlan> = job.fragments().iter().enumerate().map(of_stage).collect();
    JobPlan {
        run: job.run().clone(),
        build: Fingerprint(client.options().build.clone()),
        identity,
        options: job.options().to_map(),
        functions: client.options().functions,
        resources: client.options().resources,
        result: stages.last().map(|stage| stage.id).unwrap_or_default(),
        stages,
    }
}

/// Tells the thread that drives to stop when nobody waits for it any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How often a result may be found to be gone while it is read.
const READS: u32 = 5;

async fn run<T: Take>(
    job: &Arc<Job>,
    plan: JobPlan,
    client: &Arc<Client>,
    teller: &Teller,
    taker: &T,
) -> Result<(u64, T::Taken)> {
    let plan = Arc::new(plan);
    let mut lost = Vec::new();
    for _ in 0..READS {
        let outputs = drive(job, &plan, client, teller, std::mem::take(&mut lost)).await?;
        let answer = Answered::new(Arc::clone(job), outputs);
        let taken = taker.take(&answer).await;
        lost = answer.lost();
        match taken {
            Err(_) if !lost.is_empty() => {}
            taken => return taken,
        }
    }
    Err(Error::new(Fault::Resources, "the outputs of a run are lost faster than they can be read")
        .hint("something removes files from the exchange folder"))
}

async fn drive(
    job: &Arc<Job>,
    plan: &Arc<JobPlan>,
    client: &Arc<Client>,
    teller: &Teller,
    lost: Vec<LostInput>,
) -> Result<Vec<Arc<MapOutput>>> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Stop(Arc::clone(&stop));
    client.settle(&plan.run, &stop).await?;
    let state = State::load(job.exchange(), plan).await?;
    let (job, plan, client) = (Arc::clone(job), Arc::clone(plan), Arc::clone(client));
    let (teller, handle) = (teller.clone(), tokio::runtime::Handle::current());
    let driven = tokio::task::spawn_blocking(move || {
        client.with_runner(&job, |runner| {
            let exchange = job.exchange();
            let policy = client.options().policy;
            let mut control = Control::new(&plan, state, exchange.clone(), handle.clone(), policy)?;
            control.lose(lost);
            let outcome = control.drive(&mut Runners::new(&job, runner), &teller, &stop);
            if stop.load(Ordering::Relaxed) && !client.options().durable {
                // Nobody waits for the run any more; whoever closes the client waits for this.
                let folder = windrow_tasks::RunFolder::new(&plan.run);
                let _ = handle.block_on(exchange.remove_all(folder.root()));
            }
            outcome
        })
    });
    let outcome = driven.await;
    drop(stopping);
    outcome.map_err(|join| Error::internal(format!("the driver's thread panicked: {join}")))?
}
