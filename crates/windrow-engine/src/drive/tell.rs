//! What a run of stages tells: the same events as a run in this process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use windrow_events::{
    Event, EventBus, FunctionSummary, RunId, RunStatus, StageId, TaskStatus, Unit, Verdict,
    now_millis,
};
use windrow_tasks::machine::Machine;
use windrow_tasks::{AttemptId, JobPlan, TaskOutcome};

use crate::error::{Error, Fault};
use crate::plan::Dataset;
use crate::stage::Fragment;
use crate::task::Job;

/// How often progress is told.
const EVERY: Duration = Duration::from_millis(100);

/// Tells the events of one run.
#[derive(Clone)]
pub(super) struct Teller {
    bus: EventBus,
    run: RunId,
    started: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    stages: HashSet<StageId>,
    told: Option<Instant>,
    rows: std::collections::HashMap<StageId, (u64, u64)>,
    bytes: u64,
}

impl Teller {
    /// Tells that a run starts.
    pub(super) fn start(dataset: &Dataset, job: &Job, name: &str) -> Self {
        let verdict = |verdict: windrow_functions::Verdict| match verdict {
            windrow_functions::Verdict::Native => Verdict::Native,
            windrow_functions::Verdict::PartlyNative => Verdict::PartlyNative,
            windrow_functions::Verdict::Python => Verdict::Python,
        };
        let functions = dataset.functions();
        let functions = functions.iter().map(|(function, judged)| FunctionSummary {
            id: function.id.clone(),
            name: function.name.clone(),
            verdict: verdict(*judged),
        });
        let teller = Self::of(dataset.session().events(), job.run());
        teller.bus.emit(&Event::RunStarted {
            run: job.run().clone(),
            at: now_millis(),
            name: name.to_owned(),
            plan: job.fragments().iter().map(Fragment::text).collect::<Vec<_>>().join("\n"),
            functions: functions.collect(),
        });
        teller
    }

    /// A teller of a run that has started elsewhere.
    pub(super) fn of(bus: &EventBus, run: &RunId) -> Self {
        Self { bus: bus.clone(), run: run.clone(), started: Instant::now(), state: Arc::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells that a stage starts, once.
    pub(super) fn stage_starts(&self, plan: &JobPlan, stage: StageId) {
        if !self.state().stages.insert(stage) {
            return;
        }
        let Some(of) = plan.stage(stage) else { return };
        self.bus.emit(&Event::StageStarted {
            run: self.run.clone(),
            at: now_millis(),
            stage,
            name: of.name.clone(),
            partitions: of.tasks,
            unit: Unit::Rows,
            rows_total: None,
            bytes_total: None,
        });
    }

    /// Tells how an attempt ended.
    pub(super) fn ended(&self, attempt: AttemptId, outcome: &TaskOutcome) {
        let failed = |message: String| (TaskStatus::Failed { message }, 0.0, 0, 0);
        let (status, seconds, rows, bytes) = match outcome {
            TaskOutcome::Done(report) => {
                (TaskStatus::Succeeded, report.seconds, report.rows, report.bytes)
            }
            TaskOutcome::InputLost { lost } => {
                let object = lost.first().map(|one| one.object.as_str()).unwrap_or_default();
                failed(format!("its input `{object}` is gone"))
            }
            TaskOutcome::Retry(error) | TaskOutcome::Fatal(error) => failed(error.message.clone()),
            TaskOutcome::Cancelled => (TaskStatus::Cancelled, 0.0, 0, 0),
        };
        if let TaskOutcome::Done(report) = outcome {
            let mut state = self.state();
            state.bytes += report.bytes;
            let counts = state.rows.entry(attempt.task.stage).or_default();
            counts.0 += rows;
            counts.1 += bytes;
        }
        self.task(attempt, status, seconds, (rows, bytes));
    }

    /// Tells that an attempt's process went away.
    pub(super) fn lost(&self, attempt: AttemptId, reason: &str) {
        self.task(attempt, TaskStatus::Lost, 0.0, (0, 0));
        self.bus.emit(&Event::Note {
            run: Some(self.run.clone()),
            at: now_millis(),
            text: format!("the process of task {} {reason}; it is run again", attempt.told()),
        });
    }

    fn task(&self, attempt: AttemptId, status: TaskStatus, seconds: f64, size: (u64, u64)) {
        self.bus.emit(&Event::TaskFinished {
            run: self.run.clone(),
            at: now_millis(),
            task: attempt.told(),
            status,
            seconds,
            rows: size.0,
            bytes: size.1,
        });
    }

    /// Tells how far the stages are, a few times a second at most.
    pub(super) fn progress(&self, machine: &Machine) {
        let mut state = self.state();
        if state.told.is_some_and(|told| told.elapsed() < EVERY) && machine.verdict().is_none() {
            return;
        }
        state.told = Some(Instant::now());
        let stages: Vec<StageId> = state.stages.iter().copied().collect();
        for stage in stages {
            let (tasks_done, tasks_total) = machine.progress(stage);
            let (rows, bytes) = state.rows.get(&stage).copied().unwrap_or_default();
            self.bus.emit(&Event::Progress {
                run: self.run.clone(),
                at: now_millis(),
                stage,
                rows,
                bytes,
                rows_total: None,
                bytes_total: None,
                tasks_done,
                tasks_total,
            });
        }
    }

    /// Tells how the run ended.
    fn finish(&self, error: Option<&Error>, rows: u64) {
        let status = match error {
            None => RunStatus::Succeeded,
            Some(error) if error.fault() == Fault::Cancelled => RunStatus::Cancelled,
            Some(error) => RunStatus::Failed { message: error.message().to_owned() },
        };
        self.bus.emit(&Event::RunFinished {
            run: self.run.clone(),
            at: now_millis(),
            status,
            seconds: self.started.elapsed().as_secs_f64(),
            rows,
            bytes: self.state().bytes,
            peak_memory: crate::machine::peak_memory_bytes(),
        });
    }
}

/// Tells the end of a run, also when it is dropped before (then it was cancelled).
pub(super) struct Ending(Option<Teller>);

impl Ending {
    pub(super) fn of(teller: &Teller) -> Self {
        Self(Some(teller.clone()))
    }

    /// As [`Teller::finish`].
    pub(super) fn finish(mut self, error: Option<&Error>, rows: u64) {
        if let Some(teller) = self.0.take() {
            teller.finish(error, rows);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(teller) = self.0.take() {
            teller.finish(Some(&Error::new(Fault::Cancelled, "the run was interrupted")), 0);
        }
    }
}
