//! The runner of stages on Slurm: hands a run's tasks to the backend and tells what became of them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use windrow_events::RunId;
use windrow_tasks::{
    AttemptId, Capabilities, JobPlan, Reach, Report, Runner, TaskError, TaskOutcome, TaskSpec,
};

use crate::backend::{Backend, Batch, Event, Task, check_time};
use crate::command::Commands;
use crate::dry_run::{PlannedStage, about_stage, dry_run};
use crate::error::SlurmError;
use crate::pilot::write_whole;
use crate::settings::SlurmSettings;
use crate::watch::Limits;

/// How a client's tasks get to Slurm. It is kept in a run's folder, for whoever attaches to the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlurmOptions {
    /// As the user named it: `slurm://main`.
    pub name: String,
    /// What is asked of Slurm.
    pub settings: SlurmSettings,
    /// What starts windrow on a node.
    pub program: Vec<String>,
    /// The folder of the runs' folders, on storage that all nodes share.
    pub folder: PathBuf,
    /// A folder of this client's own: the pilots' queue, modules of the user's program.
    pub home: PathBuf,
    /// Whether `home` stays when the client is closed.
    pub keep: bool,
    /// Whether jobs go on when their driver goes away.
    pub detach: bool,
    /// Whether scripts are only shown.
    pub dry_run: bool,
}

/// The file of a run's folder that holds its [`SlurmOptions`].
const OPTIONS: &str = "slurm.json";

impl SlurmOptions {
    /// Those of a run, for another driver of it: jobs go on when that one goes away, too.
    ///
    /// # Errors
    /// A run that is not there, or was not on Slurm.
    pub fn of_run(folder: &Path, run: &RunId) -> Result<Self, SlurmError> {
        let path = folder.join(run.as_str()).join(OPTIONS);
        let text = fs::read(&path).map_err(|error| {
            SlurmError::new(format!("`{}` cannot be read: {error}", path.display())).hint(format!(
                "only a run on Slurm can be attached to; others go on with `windrow resume {run}`"
            ))
        })?;
        let options: Self = serde_json::from_slice(&text).map_err(|error| {
            SlurmError::new(format!("`{}` has no options of slurm: {error}", path.display()))
        })?;
        Ok(Self { folder: folder.to_owned(), keep: true, detach: true, ..options })
    }
}

/// Carries out the tasks of stages on Slurm, of one run after the other.
#[derive(Debug)]
pub struct SlurmRunner {
    options: SlurmOptions,
    commands: Commands,
    /// The run that it is at.
    run: Option<RunId>,
    /// For that run; with pilots, for all runs of the client.
    backend: Option<Backend>,
    /// The attempts in flight, by the names that the backend knows.
    keys: HashMap<String, AttemptId>,
    /// When there is next looked, and the pause after that.
    next_look: Instant,
    pause: Duration,
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A stage that reads less is done by the driver before Slurm has looked at its job.
const NEAR_BYTES: u64 = 16 << 20;

impl SlurmRunner {
    /// A runner; asks Slurm whether it could run tasks at all, unless they are only shown.
    ///
    /// # Errors
    /// A machine without Slurm, a partition that does not exist or allows less time.
    pub fn new(options: SlurmOptions, commands: Commands) -> Result<Self, SlurmError> {
        if !options.dry_run {
            let limits = Limits::ask(&commands, options.settings.partition.as_deref())?;
            check_time(&options.settings, limits)?;
        }
        Ok(Self {
            options,
            commands,
            run: None,
            backend: None,
            keys: HashMap::new(),
            next_look: Instant::now(),
            pause: SHORTEST_PAUSE,
        })
    }

    fn has_pilots(&self) -> bool {
        self.options.settings.pilots > 0
    }

    /// The name of an attempt in the backend: the pilots' queue has tasks of many runs.
    fn key(&self, run: &RunId, attempt: &AttemptId) -> String {
        if self.has_pilots() { format!("{run}.{attempt}") } else { attempt.to_string() }
    }

    /// The backend for tasks of `run`.
    fn backend(&mut self, run: &RunId) -> Result<&mut Backend, SlurmError> {
        if self.run.as_ref() != Some(run) {
            self.leave();
            self.enter(run)?;
            self.run = Some(run.clone());
        }
        if self.backend.is_none() {
            let SlurmOptions { folder, home, settings, program, .. } = &self.options;
            let (name, folder) = if self.has_pilots() {
                let name = home.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (name, home.clone())
            } else {
                (run.to_string(), folder.join(run.as_str()))
            };
            let commands = self.commands.clone();
            let backend = Backend::new(&name, &folder, settings.clone(), program.clone(), commands);
            self.backend = Some(backend?);
        }
        self.backend.as_mut().ok_or_else(|| SlurmError::new("there is no backend"))
    }

    /// Notes in the run's folder how to go on with it.
    fn enter(&self, run: &RunId) -> Result<(), SlurmError> {
        let folder = self.options.folder.join(run.as_str());
        let path = folder.join(OPTIONS);
        let text = serde_json::to_vec_pretty(&self.options)
            .map_err(|error| SlurmError::new(format!("options cannot be written: {error}")))?;
        fs::create_dir_all(&folder)
            .and_then(|()| write_whole(&path, &text))
            .map_err(|error| SlurmError::file(&path, &error))
    }

    /// Lets go of the run that it is at. Its tasks are over, or nobody wants them any more.
    fn leave(&mut self) {
        let keys: Vec<String> = self.keys.drain().map(|(key, _)| key).collect();
        self.run = None;
        let Some(backend) = &mut self.backend else { return };
        if self.options.detach {
            self.backend = None;
            return;
        }
        // A Slurm that does not answer now does not keep the next run from starting.
        if self.options.settings.pilots > 0 {
            let _ = backend.cancel(&keys.iter().map(String::as_str).collect::<Vec<_>>());
        } else {
            let _ = backend.close();
            self.backend = None;
        }
    }

    fn submit(&mut self, tasks: Vec<TaskSpec>) -> Result<(), SlurmError> {
        let Some(run) = tasks.first().map(|task| task.run.clone()) else { return Ok(()) };
        self.backend(&run)?;
        let mut stages: BTreeMap<u32, Vec<TaskSpec>> = BTreeMap::new();
        for task in tasks {
            stages.entry(task.attempt.task.stage.0).or_default().push(task);
        }
        for (stage, tasks) in stages {
            let batch = self.batch(&run, stage, &tasks)?;
            for (task, spec) in batch.tasks.iter().zip(&tasks) {
                self.keys.insert(task.key.clone(), spec.attempt);
            }
            self.backend(&run)?.start(&batch)?;
        }
        (self.pause, self.next_look) = (SHORTEST_PAUSE, Instant::now());
        Ok(())
    }

    fn batch(&self, run: &RunId, stage: u32, tasks: &[TaskSpec]) -> Result<Batch, SlurmError> {
        let name = tasks.first().map(|task| one_line(&task.name)).unwrap_or_default();
        let after = tasks.first().map(|task| task.inputs.iter().map(|input| input.stage.0));
        let of_spec = |spec: &TaskSpec| -> Result<Task, SlurmError> {
            let text = serde_json::to_string(spec)
                .map_err(|error| SlurmError::new(format!("a task cannot be written: {error}")))?;
            Ok(Task { key: self.key(run, &spec.attempt), stage, spec: text })
        };
        Ok(Batch {
            about: about_stage(stage, &name, tasks.len()),
            tasks: tasks.iter().map(of_spec).collect::<Result<_, SlurmError>>()?,
            after: after.into_iter().flatten().collect(),
        })
    }

    fn told(&mut self, event: Event) -> Option<Report> {
        match event {
            Event::Started { key } => {
                let attempt = *self.keys.get(&key)?;
                Some(Report::Started { attempt })
            }
            Event::Outcome { key, outcome } => {
                let attempt = self.keys.remove(&key)?;
                let outcome = TaskOutcome::from_json(&outcome).unwrap_or_else(|error| {
                    let text =
                        format!("a task on slurm left something that is no outcome: {error}");
                    TaskOutcome::Retry(TaskError::resources(text))
                });
                Some(Report::Ended { attempt, outcome })
            }
            Event::Lost { key, lost } => {
                let attempt = self.keys.remove(&key)?;
                let hint = lost.hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                if lost.again {
                    let reason = format!("was lost: {}{hint}", lost.message);
                    return Some(Report::Lost { attempt, reason });
                }
                let error = TaskError::resources(format!("{}{hint}", lost.message));
                Some(Report::Ended { attempt, outcome: TaskOutcome::Fatal(error) })
            }
        }
    }

    /// Goes on with what an earlier driver of the run has left in flight; whether nothing is left.
    fn wait_for_earlier(&mut self, run: &RunId) -> Result<bool, SlurmError> {
        let begun = self.options.folder.join(run.as_str()).join("slurm-jobs.jsonl").exists();
        // Pilots of an earlier driver end by themselves; what they commit until then counts.
        if self.has_pilots() || !begun {
            return Ok(true);
        }
        let is_new = self.run.as_ref() != Some(run);
        let backend = self.backend(run)?;
        if is_new {
            backend.adopt()?;
        }
        // Outcomes need not be told: what is committed is read next.
        backend.events(Instant::now())?;
        Ok(backend.in_flight().next().is_none())
    }
}

impl Runner for SlurmRunner {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            at_once: usize::MAX,
            whole_stages: true,
            speculation: false,
            reach: Reach::Machines,
            near_bytes: NEAR_BYTES,
        }
    }

    fn start(&mut self, tasks: Vec<TaskSpec>) -> Result<(), TaskError> {
        self.submit(tasks).map_err(|error| as_task_error(&error))
    }

    fn cancel(&mut self, attempts: &[AttemptId]) {
        let Some(run) = self.run.clone() else { return };
        let keys: Vec<String> = attempts.iter().map(|attempt| self.key(&run, attempt)).collect();
        for key in &keys {
            self.keys.remove(key);
        }
        if let Some(backend) = self.backend.as_mut().filter(|_| !self.options.detach) {
            // What goes on in vain is not read.
            let _ = backend.cancel(&keys.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    fn report(&mut self, wait: Duration) -> Result<Vec<Report>, TaskError> {
        let rest = self.next_look.saturating_duration_since(Instant::now());
        thread::sleep(rest.min(wait));
        if rest > wait {
            return Ok(vec![]);
        }
        let Some(backend) = &mut self.backend else { return Ok(vec![]) };
        let events = backend.events(Instant::now()).map_err(|error| as_task_error(&error))?;
        let quiet = events.is_empty();
        self.pause = if quiet { (self.pause * 2).min(LONGEST_PAUSE) } else { SHORTEST_PAUSE };
        self.next_look = Instant::now() + self.pause;
        Ok(events.into_iter().filter_map(|event| self.told(event)).collect())
    }

    fn settle(&mut self, run: &RunId, wait: Duration) -> Result<bool, TaskError> {
        let settled = self.wait_for_earlier(run).map_err(|error| as_task_error(&error))?;
        if !settled {
            thread::sleep(wait);
        }
        Ok(settled)
    }

    fn shown(&mut self, plan: &JobPlan) -> Option<String> {
        let SlurmOptions { settings, program, folder, home, dry_run: shows, .. } = &self.options;
        if !shows {
            return None;
        }
        let stages: Vec<PlannedStage> = plan
            .stages
            .iter()
            .map(|stage| PlannedStage {
                id: stage.id.0,
                name: one_line(&stage.name),
                tasks: stage.tasks as usize,
                inputs: stage.inputs.iter().map(|input| input.stage.0).collect(),
            })
            .collect();
        // Scripts are shown also where there is no Slurm: with its own default.
        let limits = Limits::ask(&self.commands, settings.partition.as_deref());
        let largest = limits.map_or(1001, |limits| limits.largest_array);
        let folder = if settings.pilots > 0 { home.clone() } else { folder.join("RUN") };
        Some(dry_run(&folder, &stages, settings, program, largest))
    }

    fn close(&mut self) {
        self.leave();
        if let Some(mut backend) = self.backend.take() {
            // There is nobody left to tell.
            let _ = backend.close();
        }
        if !self.options.keep && !self.options.dry_run {
            let _ = fs::remove_dir_all(&self.options.home);
        }
    }
}

impl Drop for SlurmRunner {
    fn drop(&mut self) {
        self.close();
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn as_task_error(error: &SlurmError) -> TaskError {
    let told = TaskError::resources(error.message());
    match error.advice() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}
