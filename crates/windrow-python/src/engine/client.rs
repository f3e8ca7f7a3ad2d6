//! Clients: what a session's datasets run on, and runners that Python brings.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Deserialize;
use windrow_engine::drive::{Client, ClientOptions, Policy, ProcessOptions, ProcessRunner, Resume};
use windrow_engine::task::{FunctionPlace, Resources};
use windrow_engine::{Error, Fault};
use windrow_events::RunId;
use windrow_slurm::{Commands, SlurmError, SlurmOptions, SlurmRunner, SlurmSettings};
use windrow_tasks::{
    AttemptId, Capabilities, Reach, Report, Runner, TaskError, TaskOutcome, TaskSpec,
};

use super::errors::raised;
use super::tasks;

/// What `connect` was given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// `threads`, `processes`, `slurm` or `python`.
    kind: String,
    exchange: String,
    durable: bool,
    compress: bool,
    /// Nothing, `true`, or the id of a run.
    #[serde(default)]
    resume: Option<serde_json::Value>,
    #[serde(default)]
    functions: FunctionPlace,
    memory_bytes: u64,
    /// `processes`: how they are started.
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: HashMap<String, String>,
    #[serde(default)]
    folder: Option<PathBuf>,
    #[serde(default)]
    processes: usize,
    #[serde(default)]
    one_task_each: bool,
    /// `slurm`: how its jobs are.
    #[serde(default)]
    slurm: Option<GivenSlurm>,
}

/// What `connect` was given for Slurm.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenSlurm {
    name: String,
    settings: serde_json::Value,
    home: PathBuf,
    detach: bool,
    dry_run: bool,
    /// Whether a task's memory follows from what is asked of Slurm.
    share_memory: bool,
}

/// The runner, and what a task may use of what a job gets.
fn slurm(given: &Given) -> PyResult<(SlurmRunner, Resources)> {
    let wrong = |error: &SlurmError| {
        let told = Error::new(Fault::Settings, error.message());
        raised(error.advice().into_iter().fold(told, Error::hint))
    };
    let Some(slurm) = &given.slurm else {
        return Err(raised(Error::internal("slurm without its options")));
    };
    let settings =
        SlurmSettings::from_json(&slurm.settings.to_string()).map_err(|error| wrong(&error))?;
    let memory = settings.memory_bytes.filter(|_| slurm.share_memory);
    let resources = Resources {
        // The task's Python lives in it as well.
        memory_bytes: memory.map_or(given.memory_bytes, |bytes| bytes / 10 * 7),
        threads: settings.cpus,
    };
    let options = SlurmOptions {
        name: slurm.name.clone(),
        folder: settings.folder.clone().unwrap_or_else(|| PathBuf::from(&given.exchange)),
        settings,
        program: given.command.clone(),
        home: slurm.home.clone(),
        keep: given.durable,
        detach: slurm.detach,
        dry_run: slurm.dry_run,
    };
    let runner = SlurmRunner::new(options, Commands::default()).map_err(|error| wrong(&error))?;
    Ok((runner, resources))
}

fn resume(given: Option<&serde_json::Value>) -> Result<Resume, Error> {
    match given {
        None | Some(serde_json::Value::Null | serde_json::Value::Bool(false)) => Ok(Resume::No),
        Some(serde_json::Value::Bool(true)) => Ok(Resume::Same),
        Some(serde_json::Value::String(text)) => RunId::parse(text)
            .map(Resume::Run)
            .ok_or_else(|| Error::plan(format!("`{text}` is no id of a run"))),
        Some(other) => Err(Error::plan(format!("`resume` is `{other}`"))
            .hint("it can be `True` or the id of a run")),
    }
}

/// The client that `options` (JSON) describes; `runner` is Python's, where it brings one.
pub(super) fn client(options: &str, runner: Option<Py<PyAny>>) -> PyResult<Arc<Client>> {
    let given: Given = serde_json::from_str(options)
        .map_err(|error| raised(Error::new(Fault::Settings, format!("bad options: {error}"))))?;
    let mut resources = Resources { memory_bytes: given.memory_bytes, threads: 1 };
    let mut batch: Option<Box<dyn Runner>> = None;
    if given.kind == "slurm" {
        let (runner, of_job) = slurm(&given)?;
        batch = Some(Box::new(runner));
        resources = of_job;
    }
    let options = ClientOptions {
        exchange: given.exchange,
        durable: given.durable,
        compress: given.compress,
        resume: resume(given.resume.as_ref()).map_err(raised)?,
        functions: given.functions,
        resources,
        policy: Policy::default(),
        build: tasks::host().fingerprint().to_owned(),
    };
    let runner: Option<Box<dyn Runner>> = match (given.kind.as_str(), runner) {
        ("threads", _) => None,
        ("slurm", _) => batch,
        ("processes", _) => Some(Box::new(ProcessRunner::new(ProcessOptions {
            command: given.command,
            environment: given.environment.into_iter().collect(),
            folder: given.folder,
            processes: given.processes.max(1),
            one_task_each: given.one_task_each,
        }))),
        ("python", Some(object)) => Some(Box::new(PythonRunner::new(object)?)),
        (other, _) => {
            return Err(raised(Error::plan(format!("there is no runner `{other}`"))));
        }
    };
    Ok(Arc::new(Client::new(options, runner)))
}

/// A runner that Python brings: an object with `capabilities`, `start`, `report`, `cancel` and
/// `close`.
struct PythonRunner {
    object: Py<PyAny>,
    name: String,
    last: Capabilities,
}

impl PythonRunner {
    fn new(object: Py<PyAny>) -> PyResult<Self> {
        Python::attach(|py| {
            let name = object.getattr(py, "name")?.extract(py)?;
            let last = capabilities(object.bind(py))?;
            Ok(Self { object, name, last })
        })
    }
}

fn capabilities(object: &Bound<'_, PyAny>) -> PyResult<Capabilities> {
    let told = object.call_method0("capabilities")?;
    let flag =
        |name: &str| -> PyResult<bool> { told.call_method1("get", (name, false))?.extract() };
    Ok(Capabilities {
        at_once: told.get_item("at_once")?.extract::<usize>()?.max(1),
        whole_stages: flag("whole_stages")?,
        speculation: flag("speculation")?,
        reach: Reach::Machines,
        near_bytes: told.call_method1("get", ("near_bytes", 0))?.extract()?,
    })
}

fn told(error: &PyErr) -> TaskError {
    Python::attach(|py| TaskError::resources(error.value(py).to_string()))
}

impl Runner for PythonRunner {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        // A cluster that does not answer now has what it had.
        Python::attach(|py| capabilities(self.object.bind(py))).unwrap_or(self.last)
    }

    fn start(&mut self, specs: Vec<TaskSpec>) -> Result<(), TaskError> {
        let texts: Result<Vec<Vec<u8>>, _> = specs.iter().map(serde_json::to_vec).collect();
        let texts = texts.map_err(|error| TaskError::new("internal", error.to_string()))?;
        Python::attach(|py| {
            let specs: Vec<_> = texts.iter().map(|text| PyBytes::new(py, text)).collect();
            self.object.call_method1(py, "start", (specs,)).map(|_| ())
        })
        .map_err(|error| told(&error))
    }

    fn cancel(&mut self, attempts: &[AttemptId]) {
        let names: Vec<String> = attempts.iter().map(ToString::to_string).collect();
        Python::attach(|py| {
            if let Err(error) = self.object.call_method1(py, "cancel", (names,)) {
                error.write_unraisable(py, None);
            }
        });
    }

    fn report(&mut self, wait: Duration) -> Result<Vec<Report>, TaskError> {
        let found: PyResult<Vec<Report>> = Python::attach(|py| {
            let reports = self.object.call_method1(py, "report", (wait.as_secs_f64(),))?;
            let reports: Vec<(String, String, Bound<'_, PyAny>)> = reports.extract(py)?;
            reports.into_iter().filter_map(|one| report(one).transpose()).collect()
        });
        found.map_err(|error| told(&error))
    }

    fn close(&mut self) {
        Python::attach(|py| {
            if let Err(error) = self.object.call_method0(py, "close") {
                error.write_unraisable(py, None);
            }
        });
    }
}

/// A report as Python gives it: the attempt's name, a kind, and the outcome's JSON or a reason.
fn report((name, kind, detail): (String, String, Bound<'_, PyAny>)) -> PyResult<Option<Report>> {
    let Ok(attempt) = name.parse::<AttemptId>() else { return Ok(None) };
    Ok(match kind.as_str() {
        "started" => Some(Report::Started { attempt }),
        "ended" => {
            let bytes: Vec<u8> = detail.extract()?;
            let outcome = TaskOutcome::from_json(&bytes).unwrap_or_else(|error| {
                let text = format!("a worker gave something that is no outcome: {error}");
                TaskOutcome::Retry(TaskError::resources(text))
            });
            Some(Report::Ended { attempt, outcome })
        }
        "lost" => Some(Report::Lost { attempt, reason: detail.extract()? }),
        _ => None,
    })
}
