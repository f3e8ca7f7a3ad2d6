//! The arguments of the command, and the settings among them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value};

/// The Python function you already have, on every core, then on the cluster you already have.
#[derive(Debug, Parser)]
#[command(name = "windrow", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a Python script that uses windrow.
    Run(RunArguments),
    /// Run a query over files.
    Sql(SqlArguments),
    /// Say what windrow runs with on this machine, what is missing and how to get it.
    Doctor(DoctorArguments),
    /// Bring a run of stages to its end that its program has left.
    Resume(ResumeArguments),
    /// Go on driving a run on Slurm that its program has left.
    Attach(AttachArguments),
    /// Run tasks from a queue of files until there are none: what a long job on Slurm does.
    Pilot(PilotArguments),
    /// Run tasks of a run of stages: what runners start, on this machine or another.
    Task(TaskArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The run's id: the name of its folder.
    pub(crate) run: String,

    /// The folder or URL that the program gave as `durable=` or `exchange=`.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) exchange: String,

    #[command(flatten)]
    pub(crate) settings: SettingArguments,
}

#[derive(Debug, Args)]
pub(crate) struct AttachArguments {
    #[command(flatten)]
    pub(crate) run: ResumeArguments,

    /// The folder that the program gave as `folder=`, where its exchange is no folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PilotArguments {
    /// The queue's folder.
    pub(crate) folder: PathBuf,

    /// Its name, which no other pilot of the queue has.
    #[arg(long)]
    pub(crate) name: String,

    /// End after so many seconds without a task.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) idle: u64,

    /// End after so many seconds, and start nothing that would take longer.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct TaskArguments {
    /// A JSON array of tasks.
    #[arg(required_unless_present = "serve")]
    pub(crate) file: Option<PathBuf>,

    /// Which of them to run, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) index: usize,

    /// The folder for the record of its outcome.
    #[arg(long, value_name = "FOLDER", required_unless_present = "serve")]
    pub(crate) outcomes: Option<PathBuf>,

    /// Run the tasks that come as lines on standard input; outcomes go to standard output.
    #[arg(long, conflicts_with_all = ["file", "outcomes"])]
    pub(crate) serve: bool,
}

#[derive(Debug, Args)]
#[command(override_usage = "windrow run [OPTIONS] <SCRIPT> [ARGUMENTS]...")]
pub(crate) struct RunArguments {
    /// The interpreter: a path, a name on PATH or a version such as `3.12`.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,

    /// SCRIPT is the name of a module, as with `python -m`.
    #[arg(short, long)]
    pub(crate) module: bool,

    /// Show what would be submitted to a batch system, and run none of it.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// The script, and its arguments.
    #[command(subcommand)]
    pub(crate) script: Script,

    #[command(flatten)]
    pub(crate) settings: SettingArguments,
}

/// All that comes after our own options is the script's, options too.
#[derive(Debug, Subcommand)]
pub(crate) enum Script {
    #[command(external_subcommand)]
    Given(Vec<OsString>),
}

#[derive(Debug, Args)]
pub(crate) struct SqlArguments {
    /// The query; `-` reads it from standard input.
    pub(crate) query: String,

    /// A table of the query: its name, and a path, glob, folder or URL of csv, parquet, json or
    /// text files, by their extension.
    #[arg(short, long = "table", value_name = "NAME=PATH", value_parser = named_path)]
    pub(crate) tables: Vec<(String, String)>,

    /// Write the result to this file: .parquet, .csv or .json (the latter two also .gz or .zst).
    #[arg(short, long, value_name = "FILE", conflicts_with = "format")]
    pub(crate) out: Option<String>,

    /// How the result is shown.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) format: OutputFormat,

    /// Rows of a table that are shown; 0 shows all.
    #[arg(long, value_name = "ROWS", default_value_t = 100)]
    pub(crate) rows: usize,

    #[command(flatten)]
    pub(crate) settings: SettingArguments,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// As JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,

    /// The interpreter to look at: a path, a name on PATH or a version such as `3.12`.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
}

/// How `windrow sql` shows its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    #[default]
    Table,
    /// A header and a line a row.
    Csv,
    /// An object a row.
    Json,
}

/// Settings of the runs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingArguments {
    /// Python worker processes, and how many things run at a time [default: the cores].
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,

    /// Memory that all may use together, such as `8GB` [default: 70 % of the machine].
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,

    /// Partitions that a file is cut into [default: twice the cores].
    #[arg(long, value_name = "N")]
    pub(crate) partitions: Option<usize>,

    /// Folder for what does not fit into memory [default: the system's temporary folder].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) temp: Option<PathBuf>,

    /// Show progress, also where there is no terminal.
    #[arg(long, overrides_with = "no_progress")]
    pub(crate) progress: bool,

    /// Show no progress.
    #[arg(long)]
    pub(crate) no_progress: bool,
}

impl SettingArguments {
    /// What is given, as `Settings::resolve` of the engine reads it.
    pub(crate) fn json(&self) -> String {
        let mut given = Map::new();
        for (name, _, value) in self.given() {
            given.insert(name.to_owned(), value);
        }
        Value::Object(given).to_string()
    }

    /// What is given, as environment variables.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        self.given()
            .into_iter()
            .map(|(_, variable, value)| (variable, text(value).into()))
            .collect()
    }

    fn given(&self) -> Vec<(&'static str, &'static str, Value)> {
        // The script may change its folder before it makes a session.
        let temp = self.temp.as_ref().map(|path| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            Value::from(absolute.to_string_lossy())
        });
        let progress = match (self.progress, self.no_progress) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        [
            ("workers", "WINDROW_WORKERS", self.workers.map(Value::from)),
            ("memory", "WINDROW_MEMORY", self.memory.clone().map(Value::from)),
            ("partitions", "WINDROW_PARTITIONS", self.partitions.map(Value::from)),
            ("temp", "WINDROW_TEMP", temp),
            ("progress", "WINDROW_PROGRESS", progress.map(Value::from)),
        ]
        .into_iter()
        .filter_map(|(name, variable, value)| Some((name, variable, value?)))
        .collect()
    }
}

/// `x=file.parquet`: the name is a word, the path may have further `=`.
fn named_path(text: &str) -> Result<(String, String), String> {
    let (name, path) =
        text.split_once('=').ok_or("write the table's name before its path: `x=file.parquet`")?;
    let word = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if name.is_empty() || !word || name.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Err(format!("`{name}` is no name for a table: use letters, digits and `_`"));
    }
    if path.is_empty() {
        return Err(format!("table `{name}` has no path"));
    }
    Ok((name.to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests;
