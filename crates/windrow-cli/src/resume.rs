//! `windrow resume` and `windrow attach`: what is left of a run, on processes of this machine or Slurm.

use std::sync::Arc;

use windrow_engine::drive::{self, Client, ClientOptions, ProcessOptions, ProcessRunner, Resume};
use windrow_engine::session::{Session, Surroundings};
use windrow_engine::settings::Settings;
use windrow_engine::task::{FunctionPlace, Resources};
use windrow_events::RunId;
use windrow_slurm::{Commands, SlurmError, SlurmOptions, SlurmRunner};
use windrow_tasks::Runner;

use crate::Host;
use crate::arguments::{AttachArguments, ResumeArguments};
use crate::console::Console;
use crate::error::{CliError, Exit};
use crate::interrupt::Interrupt;
use crate::task::host_of;

/// Runs what is not committed yet and says how much that was.
pub(crate) fn run(
    arguments: &ResumeArguments,
    host: &Host,
    console: &mut Console,
) -> Result<(), Exit> {
    let settings = Settings::resolve(&arguments.settings.json())?;
    let left = Left::of(arguments)?;
    let runner = ProcessRunner::new(ProcessOptions {
        command: command(host)?,
        environment: vec![],
        folder: None,
        processes: settings.workers,
        one_task_each: false,
    });
    left.finish(settings, Box::new(runner), (host, console))
}

/// Goes on with a run on Slurm: waits for its jobs, submits the stages that are left.
pub(crate) fn attach(
    arguments: &AttachArguments,
    host: &Host,
    console: &mut Console,
) -> Result<(), Exit> {
    let of_slurm = |error: &SlurmError| {
        let told = CliError::new(error.message());
        Exit::from(error.advice().into_iter().fold(told, CliError::hint))
    };
    let settings = Settings::resolve(&arguments.run.settings.json())?;
    let left = Left::of(&arguments.run)?;
    let folder = match &arguments.folder {
        Some(folder) => std::path::absolute(folder)?,
        None if left.exchange.contains("://") => {
            let told = format!("jobs of a run in `{}` have a folder, too", left.exchange);
            return Err(CliError::new(told)
                .hint("name it with `--folder`, as the program did with `folder=`")
                .into());
        }
        None => left.exchange.clone().into(),
    };
    let options = SlurmOptions::of_run(&folder, &left.run).map_err(|error| of_slurm(&error))?;
    let runner =
        SlurmRunner::new(options, Commands::default()).map_err(|error| of_slurm(&error))?;
    left.finish(settings, Box::new(runner), (host, console))
}

/// A run that was left, and where.
struct Left {
    run: RunId,
    exchange: String,
}

impl Left {
    fn of(arguments: &ResumeArguments) -> Result<Self, Exit> {
        let run = RunId::parse(&arguments.run)
            .ok_or_else(|| CliError::new(format!("`{}` is no id of a run", arguments.run)))?;
        let exchange = if arguments.exchange.contains("://") {
            arguments.exchange.clone()
        } else {
            std::path::absolute(&arguments.exchange)?.to_string_lossy().into_owned()
        };
        Ok(Self { run, exchange })
    }

    /// Brings the run to its end on `runner`.
    fn finish(
        self,
        settings: Settings,
        runner: Box<dyn Runner>,
        (host, console): (&Host, &mut Console),
    ) -> Result<(), Exit> {
        let Self { run, exchange } = self;
        let options = ClientOptions {
            exchange,
            durable: true,
            compress: true,
            resume: Resume::Run(run.clone()),
            functions: FunctionPlace::Interpreter,
            resources: Resources {
                memory_bytes: settings.memory / settings.workers.max(1) as u64,
                threads: 1,
            },
            policy: drive::Policy::default(),
            build: host_of(host).fingerprint().to_owned(),
        };
        let client = Arc::new(Client::new(options, Some(runner)));
        let interrupt = Interrupt::watch();
        let surroundings = Surroundings {
            interrupted: Box::new(move || interrupt.is_raised()),
            ..Surroundings::bare()
        };
        let settings = settings_of(&client, &run, settings)?;
        let session = Session::new(settings, surroundings)?;
        let (driver, own) = (Arc::clone(&client), session.clone());
        let (wanted, waited) = (run.clone(), session.clone());
        let outcome = waited.wait(async move { drive::resume(&own, &driver, &wanted).await });
        client.close();
        session.close();
        let done = outcome?;
        console.line(format!(
            "run `{run}` is complete: {} of {} tasks were there, {} rows\nrun the program again with `resume=` to have its answer",
            done.found, done.tasks, done.rows
        ))?;
        Ok(())
    }
}

/// The settings that the run was begun with.
fn settings_of(
    client: &Arc<Client>,
    run: &RunId,
    settings: Settings,
) -> windrow_engine::Result<Settings> {
    let looking = Session::new(settings.clone(), Surroundings::bare())?;
    let (client, run) = (Arc::clone(client), run.clone());
    let found = looking.wait(async move { drive::settings_of(&client, &run, settings).await });
    looking.close();
    found
}

/// What serves tasks: this command, in the interpreter that we are in.
fn command(host: &Host) -> Result<Vec<String>, Exit> {
    let words: Vec<String> = match host {
        Host::Python { executable, .. } => {
            vec![executable.to_string_lossy().into_owned(), "-m".into(), "windrow._cli".into()]
        }
        Host::Binary => vec![std::env::current_exe()?.to_string_lossy().into_owned()],
    };
    Ok(words.into_iter().chain(["task".to_owned(), "--serve".to_owned()]).collect())
}
