//! A run as a bar or a page shows it: events folded into state. Pure; time comes with the events.

use std::collections::{BTreeMap, VecDeque};

use crate::event::{Event, FunctionSummary};
use crate::id::{RunId, StageId, WorkerId};
use crate::state::{RunState, Unit};

/// Rates are those of the last ten seconds.
const WINDOW_MILLIS: u64 = 10_000;
/// A rate over less time than this says nothing yet.
const LEAST_MILLIS: u64 = 200;
/// Deaths, failed rows and notes kept as text; beyond it they are only counted.
const KEPT: usize = 100;

/// What is known of a run from its events so far. The first run heard of is the one it follows;
/// events of other runs are left out, events of no run (workers) are taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunView {
    /// The run.
    pub run: Option<RunId>,
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: RunState,
    /// The user's functions in it.
    pub functions: Vec<FunctionSummary>,
    /// Its stages by number.
    pub stages: BTreeMap<StageId, StageView>,
    /// The worker processes alive, and their process ids.
    pub workers: BTreeMap<WorkerId, u32>,
    /// How worker processes died, the first hundred.
    pub deaths: Vec<String>,
    /// How many rows a function failed on.
    pub rows_failed: u64,
    /// Things said once, the first hundred.
    pub notes: Vec<String>,
    /// Rows of the result, known at the end.
    pub rows: u64,
    /// The most memory held, in bytes, known at the end.
    pub peak_memory: Option<u64>,
    started: u64,
    last: u64,
    seconds: Option<f64>,
    current: Option<StageId>,
}

/// One stage of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageView {
    /// What it does.
    pub name: String,
    /// How far it is.
    pub rows: u64,
    /// How far it is, in bytes read.
    pub bytes: u64,
    /// How many rows there are, if that is known.
    pub rows_total: Option<u64>,
    /// How many bytes there are, if that is known.
    pub bytes_total: Option<u64>,
    /// Tasks that ended.
    pub tasks_done: u32,
    /// All its tasks; 0 where they are not counted.
    pub tasks_total: u32,
    /// What its rows are called.
    pub unit: Unit,
    samples: VecDeque<Sample>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    at: u64,
    rows: u64,
    bytes: u64,
    tasks: u32,
}

/// By what it is told how far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// By its rows.
    Rows,
    /// By the bytes that were read.
    Bytes,
    /// By its tasks.
    Tasks,
}

impl RunView {
    /// The view that the events of a record, or of any other sequence, give.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut view = Self::default();
        events.into_iter().for_each(|event| view.observe(event));
        view
    }

    /// Takes notice of `event`.
    pub fn observe(&mut self, event: &Event) {
        if let Some(run) = event.run()
            && self.run.get_or_insert_with(|| run.clone()) != run
        {
            return;
        }
        self.last = self.last.max(event.at());
        match event {
            Event::RunStarted { at, name, functions, .. } => {
                self.name.clone_from(name);
                self.functions.clone_from(functions);
                self.started = *at;
                self.state = RunState::Running;
            }
            Event::StageStarted { stage, .. } => {
                self.current = Some(*stage);
                self.stages.insert(*stage, StageView::started(event));
            }
            Event::Progress { stage, .. } => {
                self.current = Some(*stage);
                self.stages.entry(*stage).or_default().advance(event);
            }
            Event::WorkerStarted { worker, pid, .. } => {
                self.workers.insert(*worker, *pid);
            }
            Event::WorkerDied { worker, pid, cause, .. } => {
                self.workers.remove(worker);
                keep(&mut self.deaths, || format!("worker process {pid} {cause}"));
            }
            Event::RowFailed { .. } => self.rows_failed += 1,
            Event::Note { text, .. } => keep(&mut self.notes, || text.clone()),
            Event::RunFinished { status, seconds, rows, peak_memory, .. } => {
                self.state = RunState::Finished(status.clone());
                self.seconds = Some(*seconds);
                self.rows = *rows;
                self.peak_memory = *peak_memory;
            }
            // Progress says how many tasks are done; output is for the terminal.
            Event::TaskFinished { .. } | Event::Output { .. } => {}
        }
    }

    /// The stage that was heard of last.
    #[must_use]
    pub fn stage(&self) -> Option<&StageView> {
        self.stages.get(&self.current?)
    }

    /// How long the run lasted, or has lasted at its latest event.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds.unwrap_or_else(|| millis(self.last.saturating_sub(self.started)))
    }
}

impl StageView {
    fn started(event: &Event) -> Self {
        let mut stage = Self::default();
        if let Event::StageStarted { at, name, partitions, unit, rows_total, bytes_total, .. } =
            event
        {
            stage.unit = *unit;
            stage.name.clone_from(name);
            stage.tasks_total = *partitions;
            stage.rows_total = *rows_total;
            stage.bytes_total = *bytes_total;
            stage.samples.push_back(Sample { at: *at, rows: 0, bytes: 0, tasks: 0 });
        }
        stage
    }

    fn advance(&mut self, event: &Event) {
        if let Event::Progress {
            at,
            rows,
            bytes,
            rows_total,
            bytes_total,
            tasks_done,
            tasks_total,
            ..
        } = event
        {
            self.rows = *rows;
            self.bytes = *bytes;
            self.rows_total = rows_total.or(self.rows_total);
            self.bytes_total = bytes_total.or(self.bytes_total);
            self.tasks_done = *tasks_done;
            self.tasks_total = *tasks_total;
            self.sample(Sample { at: *at, rows: *rows, bytes: *bytes, tasks: *tasks_done });
        }
    }

    /// Keeps the samples of the window and the one before it.
    fn sample(&mut self, sample: Sample) {
        self.samples.push_back(sample);
        while self.samples.get(1).is_some_and(|second| second.at + WINDOW_MILLIS <= sample.at) {
            self.samples.pop_front();
        }
    }

    /// By what it is told how far it is: rows if their total is known, else bytes, else tasks; what
    /// there is when no total is known.
    #[must_use]
    pub fn measure(&self) -> Measure {
        match (self.rows_total, self.bytes_total) {
            (Some(total), _) if total > 0 => Measure::Rows,
            (_, Some(total)) if total > 0 => Measure::Bytes,
            _ if self.tasks_total > 1 => Measure::Tasks,
            _ if self.rows == 0 && self.bytes > 0 => Measure::Bytes,
            _ => Measure::Rows,
        }
    }

    /// How far it is and, if that is known, how far there is to go.
    #[must_use]
    pub fn done(&self) -> (u64, Option<u64>) {
        match self.measure() {
            Measure::Rows => (self.rows, self.rows_total.filter(|total| *total > 0)),
            Measure::Bytes => (self.bytes, self.bytes_total.filter(|total| *total > 0)),
            Measure::Tasks => (self.tasks_done.into(), Some(self.tasks_total.into())),
        }
    }

    /// The part that is done, from 0 to 1. `None` when nothing says anything about that.
    #[must_use]
    pub fn fraction(&self) -> Option<f64> {
        // An estimate may be too small: done is only what the tasks say is done.
        let all_done = self.tasks_total > 0 && self.tasks_done >= self.tasks_total;
        let most = if all_done { 1.0 } else { 0.99 };
        let (done, Some(total)) = self.done() else { return all_done.then_some(1.0) };
        Some(if all_done { 1.0 } else { ratio(done, total).min(most) })
    }

    /// Rows a second of late; `None` before that can be told.
    #[must_use]
    pub fn rows_per_second(&self) -> Option<f64> {
        self.rate(|sample| sample.rows)
    }

    /// Bytes a second of late; `None` before that can be told.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<f64> {
        self.rate(|sample| sample.bytes)
    }

    /// Seconds until the stage is done, if it goes on as of late.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let (done, total) = self.done();
        let left = total?.saturating_sub(done);
        let rate = match self.measure() {
            Measure::Rows => self.rows_per_second(),
            Measure::Bytes => self.bytes_per_second(),
            Measure::Tasks => self.rate(|sample| sample.tasks.into()),
        }?;
        #[allow(clippy::cast_precision_loss)] // An estimate.
        (rate > 0.0).then(|| left as f64 / rate)
    }

    #[allow(clippy::cast_precision_loss)] // An estimate.
    fn rate(&self, of: impl Fn(&Sample) -> u64) -> Option<f64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let span = last.at.saturating_sub(first.at);
        (span >= LEAST_MILLIS).then(|| of(last).saturating_sub(of(first)) as f64 / millis(span))
    }
}

fn keep(list: &mut Vec<String>, text: impl FnOnce() -> String) {
    if list.len() < KEPT {
        list.push(text());
    }
}

#[allow(clippy::cast_precision_loss)] // A ratio for the eye.
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[allow(clippy::cast_precision_loss)] // Exact for 285,000 years.
fn millis(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
