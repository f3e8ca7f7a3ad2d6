//! The `windrow` command: one program, built by cargo or called by the pip-installed command.
//!
//! ```text
//!  arguments ──► run ────► interpreter (found, or the one we are in) ──exec──► the user's script
//!           ├──► sql ────► windrow-engine ──► table, csv, json or a file
//!           ├──► doctor ─► facts ──judge──► report
//!           ├──► task ───► windrow-engine ──► outcome
//!           ├──► pilot ──► windrow-slurm ───► tasks of a queue, one after the other
//!           ├──► attach ─► windrow-engine ──► a run on Slurm
//!           └──► resume ─► windrow-engine ──► what is left of a run
//! ```

mod arguments;
mod console;
mod doctor;
mod error;
mod interpreter;
mod interrupt;
mod pilot;
mod progress;
mod resume;
mod run;
mod sql;
mod task;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use arguments::{Arguments, Command};
use console::Console;
use error::{CliError, Exit};
use windrow_engine::task::TaskHost;

pub use doctor::{Check, Report, State, examine};
pub use progress::{Lines, TerminalBar};

/// Who runs the command.
#[derive(Debug, Clone)]
pub enum Host {
    /// The program that cargo built: it looks for a Python.
    Binary,
    /// The command that pip installed.
    Python {
        /// `sys.executable`.
        executable: PathBuf,
        /// What runs tasks, with Python functions in this interpreter.
        tasks: fn() -> &'static TaskHost,
    },
}

/// Runs the command with `arguments` (the program's name first) and gives its exit code: 0; 1 when
/// it failed; 2 when it was not understood; 130 when Ctrl-C ended it.
///
/// `windrow run` does not return when it succeeds: the script's interpreter replaces this process.
#[must_use]
pub fn main(arguments: Vec<OsString>, host: &Host) -> u8 {
    let mut console = Console::standard();
    let outcome = command(arguments, host, &mut console).and_then(|code| {
        console.flush()?;
        Ok(code)
    });
    match outcome {
        Ok(code) => code,
        Err(Exit::Failed(error)) => {
            console.error(&error);
            1
        }
        Err(Exit::Usage(error)) => {
            // `--help` and `--version` come this way, too.
            console.usage(&error);
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
        Err(Exit::Cancelled) => 130,
        // `windrow ... | head`: the reader has seen enough.
        Err(Exit::NobodyReads) => 0,
    }
}

/// A script where a command should be is what `windrow run` is for.
fn misunderstood(error: clap::Error) -> Exit {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) if name.ends_with(".py") => {
            CliError::new(format!("there is no command `{name}`"))
                .hint(format!("`windrow run {name}`"))
                .into()
        }
        _ => Exit::Usage(error),
    }
}

fn command(arguments: Vec<OsString>, host: &Host, console: &mut Console) -> Result<u8, Exit> {
    let parsed = Arguments::try_parse_from(arguments).map_err(misunderstood)?;
    match parsed.command {
        Command::Run(run) => Err(run::run(&run, host)),
        Command::Sql(sql) => sql::run(&sql, console).map(|()| 0),
        Command::Doctor(doctor) => doctor::run(&doctor, host, console),
        Command::Task(task) => task::run(&task, host),
        Command::Pilot(pilot) => pilot::run(&pilot, host, console).map(|()| 0),
        Command::Attach(attach) => resume::attach(&attach, host, console).map(|()| 0),
        Command::Resume(resume) => resume::run(&resume, host, console).map(|()| 0),
    }
}
