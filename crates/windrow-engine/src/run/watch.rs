//! What a run tells while it runs: started, how far, finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use windrow_events::{
    Event, EventBus, FunctionSummary, RunId, RunStatus, StageId, Unit, Verdict, now_millis,
};
use windrow_functions as functions;

use crate::error::{Error, Fault, Result};
use crate::plan::Dataset;

/// How often progress is told.
const EVERY: Duration = Duration::from_millis(100);

/// A run that is being told about; tells its end when [`Watch::finish`] is called or it is dropped
/// (then it was cancelled).
pub(super) struct Watch {
    bus: EventBus,
    run: RunId,
    plan: Arc<dyn ExecutionPlan>,
    started: Instant,
    ended: Arc<AtomicBool>,
    ticker: tokio::task::JoinHandle<()>,
}

/// A plan that runs in this process is one stage.
const STAGE: StageId = StageId(0);

fn verdict(verdict: functions::Verdict) -> Verdict {
    match verdict {
        functions::Verdict::Native => Verdict::Native,
        functions::Verdict::PartlyNative => Verdict::PartlyNative,
        functions::Verdict::Python => Verdict::Python,
    }
}

fn partitions(plan: &Arc<dyn ExecutionPlan>) -> u32 {
    u32::try_from(plan.output_partitioning().partition_count()).unwrap_or(u32::MAX)
}

/// What is said when a join is begun again.
pub(super) const LARGE_JOIN: &str = "the hash table of a join does not fit into the memory budget: joining by sorting, with spilling";

/// Tells something that the user should know.
pub(super) fn note(dataset: &Dataset, text: &str) {
    let note = Event::Note { run: None, at: now_millis(), text: text.to_owned() };
    dataset.session().events().emit(&note);
}

impl Watch {
    /// Tells that `name` starts, and from then on how far it is.
    pub(super) fn start(dataset: &Dataset, plan: &Arc<dyn ExecutionPlan>, name: &str) -> Self {
        let bus = dataset.session().events().clone();
        let run = RunId::generate();
        let functions = dataset
            .functions()
            .iter()
            .map(|(function, judged)| FunctionSummary {
                id: function.id.clone(),
                name: function.name.clone(),
                verdict: verdict(*judged),
            })
            .collect();
        bus.emit(&Event::RunStarted {
            run: run.clone(),
            at: now_millis(),
            name: name.to_owned(),
            plan: datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string(),
            functions,
        });
        let rows_total = leaf_rows(plan);
        // No bytes known rather than none.
        let bytes_total =
            Some(dataset.files().iter().map(|file| file.size).sum()).filter(|bytes| *bytes > 0);
        bus.emit(&Event::StageStarted {
            run: run.clone(),
            at: now_millis(),
            stage: STAGE,
            name: name.to_owned(),
            partitions: partitions(plan),
            unit: Unit::Rows,
            rows_total,
            bytes_total,
        });
        let ended = Arc::new(AtomicBool::new(false));
        let ticker = tokio::spawn(tick(
            bus.clone(),
            run.clone(),
            Arc::clone(plan),
            rows_total,
            Arc::clone(&ended),
        ));
        Self { bus, run, plan: Arc::clone(plan), started: Instant::now(), ended, ticker }
    }

    /// Tells how it ended.
    pub(super) fn finish<T>(self, outcome: &Result<T>, rows: u64) {
        self.ended.store(true, Ordering::Relaxed);
        let status = match outcome {
            Ok(_) => RunStatus::Succeeded,
            Err(error) if error.fault() == Fault::Cancelled => RunStatus::Cancelled,
            Err(error) => RunStatus::Failed { message: Error::message(error).to_owned() },
        };
        self.tell_end(status, rows);
    }

    fn tell_end(&self, status: RunStatus, rows: u64) {
        self.bus.emit(&Event::RunFinished {
            run: self.run.clone(),
            at: now_millis(),
            status,
            seconds: self.started.elapsed().as_secs_f64(),
            rows,
            bytes: scanned(&self.plan).1,
            peak_memory: crate::machine::peak_memory_bytes(),
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ticker.abort();
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.tell_end(RunStatus::Cancelled, 0);
        }
    }
}

async fn tick(
    bus: EventBus,
    run: RunId,
    plan: Arc<dyn ExecutionPlan>,
    rows_total: Option<u64>,
    ended: Arc<AtomicBool>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if ended.load(Ordering::Relaxed) {
            return;
        }
        let (rows, bytes) = scanned(&plan);
        bus.emit(&Event::Progress {
            run: run.clone(),
            at: now_millis(),
            stage: STAGE,
            rows,
            bytes,
            rows_total,
            bytes_total: None,
            // Partitions run together, and end together.
            tasks_done: 0,
            tasks_total: 0,
        });
    }
}

/// Rows and bytes that have come out of the plan's sources, or out of its functions if it has any:
/// those are what a run waits for.
fn scanned(plan: &Arc<dyn ExecutionPlan>) -> (u64, u64) {
    let mut rows = 0;
    let mut bytes = 0;
    add_scanned(plan, &mut rows, &mut bytes);
    (rows, bytes)
}

fn add_scanned(plan: &Arc<dyn ExecutionPlan>, rows: &mut u64, bytes: &mut u64) {
    let counts = plan.children().is_empty() || plan.name() == "FunctionExec";
    if counts && let Some(metrics) = plan.metrics() {
        *rows += metrics.output_rows().unwrap_or(0) as u64;
        *bytes += metrics.sum_by_name("bytes_scanned").map_or(0, |sum| sum.as_usize()) as u64;
    }
    if plan.name() == "FunctionExec" {
        return;
    }
    plan.children().into_iter().for_each(|child| add_scanned(child, rows, bytes));
}

/// The rows that the sources have, where all of them know.
fn leaf_rows(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    if plan.children().is_empty() {
        let statistics =
            StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok()?;
        return statistics.num_rows.get_value().map(|rows| *rows as u64);
    }
    plan.children().into_iter().map(leaf_rows).sum()
}
