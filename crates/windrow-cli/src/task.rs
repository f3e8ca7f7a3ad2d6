//! `windrow task`: one task of a file, or tasks as they come on standard input.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};

use windrow_engine::session::Surroundings;
use windrow_engine::task::{TaskHost, TaskOutcome, TaskSpec, outcome_name};

use crate::Host;
use crate::arguments::TaskArguments;
use crate::error::{CliError, Exit};

pub(crate) fn host_of(host: &Host) -> &'static TaskHost {
    static BARE: LazyLock<TaskHost> = LazyLock::new(|| TaskHost::new("", Surroundings::bare));
    match host {
        Host::Python { tasks, .. } => tasks(),
        Host::Binary => &BARE,
    }
}

/// Runs what the arguments say. A task that fails is no failure of the command: its outcome says so.
pub(crate) fn run(arguments: &TaskArguments, host: &Host) -> Result<u8, Exit> {
    let host = host_of(host);
    match (&arguments.file, &arguments.outcomes) {
        (Some(file), Some(outcomes)) => {
            let specs = read(file)?;
            let count = specs.len();
            let spec = specs.into_iter().nth(arguments.index).ok_or_else(|| {
                CliError::new(format!(
                    "`{}` has {count} tasks, so there is no task {}",
                    file.display(),
                    arguments.index
                ))
            })?;
            let outcome = host.execute(&spec);
            write(outcomes, &spec, &outcome)?;
            Ok(0)
        }
        _ => serve(host),
    }
}

fn read(file: &Path) -> Result<Vec<TaskSpec>, CliError> {
    let unreadable = |error: &dyn std::fmt::Display| {
        CliError::new(format!("cannot read tasks from `{}`", file.display())).cause(error)
    };
    let text = fs::read(file).map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(&error))
}

/// Writes the record aside and renames it: whoever waits for it never sees half of it.
fn write(folder: &Path, spec: &TaskSpec, outcome: &TaskOutcome) -> Result<(), CliError> {
    let name = outcome_name(spec);
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let aside = folder.join(format!(".{name}.{}", std::process::id()));
        let mut file = File::create(&aside)?;
        file.write_all(&outcome.to_json())?;
        file.sync_all()?;
        fs::rename(&aside, folder.join(&name))
    };
    written().map_err(|error| {
        CliError::new(format!("cannot write the outcome of a task to `{}`", folder.display()))
            .cause(&error)
    })
}

/// Runs tasks from standard input until it ends; when it ends in a task, so does the process: its
/// driver is gone, or has no use for the task any more.
fn serve(host: &TaskHost) -> Result<u8, Exit> {
    let broken = |error: &dyn std::fmt::Display| {
        Exit::from(CliError::new("cannot use the standard streams for tasks").cause(error))
    };
    // What the user's functions print must not stand among outcomes.
    let own = rustix::io::dup(rustix::stdio::stdout()).map_err(|error| broken(&error))?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr()).map_err(|error| broken(&error))?;
    let mut answers = File::from(own);
    let (sender, specs) = channel::<TaskSpec>();
    let idle = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let listening = Arc::clone(&idle);
    std::thread::Builder::new()
        .name("windrow-tasks".to_owned())
        .spawn(move || {
            for line in BufReader::new(std::io::stdin()).lines() {
                let spec = line.ok().and_then(|line| serde_json::from_str(&line).ok());
                let Some(spec) = spec else { break };
                listening.store(false, std::sync::atomic::Ordering::SeqCst);
                if sender.send(spec).is_err() {
                    return;
                }
            }
            if !listening.load(std::sync::atomic::Ordering::SeqCst) {
                #[allow(
                    clippy::disallowed_methods,
                    reason = "this process exists for its driver's tasks alone, and the driver is gone"
                )]
                std::process::exit(0);
            }
        })
        .map_err(|error| broken(&error))?;
    for spec in specs {
        let outcome = host.execute(&spec);
        let mut line = outcome.to_json();
        line.push(b'\n');
        idle.store(true, std::sync::atomic::Ordering::SeqCst);
        if answers.write_all(&line).is_err() {
            break;
        }
    }
    Ok(0)
}
