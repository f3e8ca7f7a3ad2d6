//! Taking a run over without the program that began it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use windrow_events::RunId;
use windrow_tasks::JobPlan;

use super::Stop;
use super::client::{Client, job_of};
use super::control::Control;
use super::folder::State;
use super::near::Runners;
use super::tell::Teller;
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::session::Session;
use crate::settings::Settings;
use crate::task::{Job, JobOptions};

/// A run that was brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// Tasks that were committed before.
    pub found: u64,
    /// All tasks.
    pub tasks: u64,
    /// Rows of the answer, which stays in the run's folder.
    pub rows: u64,
}

/// The settings that a session must have to resume `run`: those that its plan was made with, and
/// otherwise `settings`.
///
/// # Errors
/// No such run.
pub async fn settings_of(client: &Client, run: &RunId, settings: Settings) -> Result<Settings> {
    let exchange = Exchange::open(&client.options().exchange)?;
    let plan = known(&exchange, run).await?;
    let options = JobOptions::of_map(&plan.options).ok_or_else(|| not_whole(run))?;
    let JobOptions { partitions, batch_rows, native, .. } = options;
    Ok(Settings { partitions, batch_rows, native, ..settings })
}

async fn known(exchange: &Exchange, run: &RunId) -> Result<JobPlan> {
    job_of(exchange, run).await?.ok_or_else(|| {
        Error::missing(format!("there is no run `{run}` in `{}`", exchange.name()))
            .hint("name the folder that was given as `durable=` or `exchange=`")
    })
}

fn not_whole(run: &RunId) -> Error {
    Error::data(format!("the record of the run `{run}` is not whole"))
}

/// Brings the run `run` in the client's folder to its end, in a session with [`settings_of`] it. A program that is run again
/// with `resume` then has its answer at once.
///
/// # Errors
/// No such run; a run of another build; what the run itself fails with.
pub async fn resume(session: &Session, client: &Arc<Client>, run: &RunId) -> Result<Resumed> {
    let exchange = Exchange::open(&client.options().exchange)?;
    let plan = known(&exchange, run).await?;
    if plan.build.0 != client.options().build {
        return Err(Error::plan(format!(
            "the run `{run}` was begun by another build: `{}`, and this is `{}`",
            plan.build,
            client.options().build
        ))
        .hint("resume it with the windrow that began it"));
    }
    let options = JobOptions::of_map(&plan.options).ok_or_else(|| not_whole(run))?;
    let program = match plan.stages.first() {
        Some(stage) => exchange.get(&stage.fragment.name).await?,
        None => return Err(Error::data(format!("the run `{run}` has no stages"))),
    };
    let job = Job::plan(session.clone(), exchange.clone(), run.clone(), &program, options).await?;
    let (job, plan) = (Arc::new(job), Arc::new(plan));
    // Whoever does not wait for it any more ends it.
    let stop = Arc::new(AtomicBool::new(false));
    let _stopping = Stop(Arc::clone(&stop));
    client.settle(run, &stop).await?;
    let state = State::load(&exchange, &plan).await?;
    let found = state.remains.commits.len() as u64;
    let teller = Teller::of(session.events(), run);
    let handle = tokio::runtime::Handle::current();
    let (client, tasks) = (Arc::clone(client), plan.tasks());
    let driven = tokio::task::spawn_blocking(move || {
        client.with_runner(&job, |runner| {
            let policy = client.options().policy;
            let control = Control::new(&plan, state, exchange, handle, policy)?;
            control.drive(&mut Runners::new(&job, runner), &teller, &stop)
        })
    });
    let outputs = driven
        .await
        .map_err(|join| Error::internal(format!("the driver's thread panicked: {join}")))??;
    let rows = outputs.iter().filter_map(|output| output.slots.first()).map(|slot| slot.rows).sum();
    Ok(Resumed { found, tasks, rows })
}
