//! The loop between the machine and a runner: carries instructions out, hands reports in.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use windrow_tasks::machine::{Event, Instruction, Machine, Policy, Verdict};
use windrow_tasks::{
    AttemptId, BlobRef, InputRef, JobPlan, LostInput, MapOutput, Output, Report, RunFolder,
    SPEC_VERSION, StageId, TaskSpec, manifest, split_points,
};

use super::client::runner_error;
use super::folder::State;
use super::near::Runners;
use super::tell::Teller;
use crate::error::{Error, Fault, Result};
use crate::exchange::Exchange;
use crate::task::error_of;

/// How long the loop waits for a report before it looks around.
const WAIT: Duration = Duration::from_millis(50);
/// How often slow tasks are looked for.
const TICK: Duration = Duration::from_millis(500);
/// How often it is looked whether another driver has taken the run over.
const FENCE: Duration = Duration::from_secs(10);

/// A job being driven.
pub(super) struct Control {
    plan: Arc<JobPlan>,
    folder: RunFolder,
    driver: u32,
    machine: Machine,
    exchange: Exchange,
    handle: Handle,
    /// The last manifest of each stage.
    manifests: HashMap<StageId, InputRef>,
    lost: Vec<LostInput>,
    started: Instant,
}

impl Control {
    pub(super) fn new(
        plan: &Arc<JobPlan>,
        state: State,
        exchange: Exchange,
        handle: Handle,
        policy: Policy,
    ) -> Result<Self> {
        let machine =
            Machine::resume(plan, policy, state.driver, state.remains).map_err(|why| {
                Error::data(format!("the record of the run `{}` is not whole: {why}", plan.run))
            })?;
        Ok(Self {
            folder: RunFolder::new(&plan.run),
            plan: Arc::clone(plan),
            driver: state.driver,
            machine,
            exchange,
            handle,
            manifests: HashMap::new(),
            lost: Vec::new(),
            started: Instant::now(),
        })
    }

    /// Outputs of the result that were found to be gone.
    pub(super) fn lose(&mut self, lost: Vec<LostInput>) {
        self.lost = lost;
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Runs the job to its end; the outputs of its result.
    pub(super) fn drive(
        mut self,
        runners: &mut Runners<'_>,
        teller: &Teller,
        stop: &AtomicBool,
    ) -> Result<Vec<Arc<MapOutput>>> {
        if !self.lost.is_empty() {
            let lost = std::mem::take(&mut self.lost);
            self.tell(Event::ResultLost(lost), runners, teller)?;
        }
        let (mut ticked, mut fenced) = (Instant::now(), Instant::now());
        let mut room = runners.capabilities();
        self.tell(Event::Room(room), runners, teller)?;
        while self.machine.verdict().is_none() {
            if stop.load(Ordering::Relaxed) {
                self.tell(Event::Cancel, runners, teller)?;
                break;
            }
            for report in runners.report(WAIT).map_err(|told| runner_error(&told))? {
                self.tell(event(report, teller), runners, teller)?;
            }
            if fenced.elapsed() > FENCE {
                fenced = Instant::now();
                self.look_for_another_driver()?;
            }
            let wake = self.machine.next_wake().is_some_and(|at| at <= self.now());
            if wake || ticked.elapsed() > TICK {
                ticked = Instant::now();
                self.tell(Event::Tick, runners, teller)?;
            }
            let now = runners.capabilities();
            if now != room {
                room = now;
                self.tell(Event::Room(room), runners, teller)?;
            }
        }
        self.verdict()
    }

    fn verdict(&self) -> Result<Vec<Arc<MapOutput>>> {
        match self.machine.verdict() {
            Some(Verdict::Succeeded) => Ok(self.machine.outputs(self.plan.result)),
            Some(Verdict::Failed { error, .. }) => Err(error_of(error)),
            _ => Err(Error::new(Fault::Cancelled, "the run was interrupted")),
        }
    }

    fn tell(&mut self, event: Event, runners: &mut Runners<'_>, teller: &Teller) -> Result<()> {
        let now = self.now();
        for instruction in self.machine.on(now, event) {
            match instruction {
                Instruction::RecordEpochs(record) => self.record_epochs(&record)?,
                Instruction::WriteManifest { stage, epoch, version } => {
                    let bytes = self.write_manifest(stage, epoch, version)?;
                    runners.wrote(stage, bytes);
                }
                Instruction::Start(attempts) => {
                    let mut specs = Vec::with_capacity(attempts.len());
                    for attempt in attempts {
                        teller.stage_starts(&self.plan, attempt.task.stage);
                        specs.push(self.spec(attempt)?);
                    }
                    runners.start(specs).map_err(|told| runner_error(&told))?;
                }
                Instruction::Cancel(attempts) => runners.cancel(&attempts),
                Instruction::Finish(_) => {}
            }
        }
        teller.progress(&self.machine);
        Ok(())
    }

    fn spec(&self, attempt: AttemptId) -> Result<TaskSpec> {
        let stage = self
            .plan
            .stage(attempt.task.stage)
            .ok_or_else(|| Error::internal("a task of no stage"))?;
        let mut inputs: Vec<InputRef> = Vec::with_capacity(stage.inputs.len());
        for input in &stage.inputs {
            let known = self.manifests.get(&input.stage).ok_or_else(|| {
                Error::internal(format!("stage {} starts before what it reads", stage.id))
            })?;
            if !inputs.contains(known) {
                inputs.push(known.clone());
            }
        }
        Ok(TaskSpec {
            version: SPEC_VERSION,
            build: self.plan.build.clone(),
            run: self.plan.run.clone(),
            attempt,
            name: stage.name.clone(),
            exchange: self.exchange.name().to_owned(),
            fragment: stage.fragment.clone(),
            inputs,
            options: self.plan.options.clone(),
            functions: self.plan.functions,
            resources: self.plan.resources,
        })
    }

    fn record_epochs(&self, record: &windrow_tasks::EpochsRecord) -> Result<()> {
        let text = serde_json::to_vec(record)
            .map_err(|error| Error::internal(format!("epochs cannot be written: {error}")))?;
        let name = self.folder.epochs(record.number);
        if self.handle.block_on(self.exchange.put_new(&name, text))? {
            Ok(())
        } else {
            Err(self.taken_over())
        }
    }

    /// Writes the list of what a stage wrote; how much that is, in bytes.
    fn write_manifest(&mut self, stage: StageId, epoch: u32, version: u32) -> Result<u64> {
        let outputs = self.machine.outputs(stage);
        let outputs: Vec<&MapOutput> = outputs.iter().map(Arc::as_ref).collect();
        let splits = match self.plan.stage(stage).map(|stage| stage.output) {
            Some(Output::Run(readers)) => {
                split_points(outputs.iter().flat_map(|output| &output.keys), readers)
            }
            _ => vec![],
        };
        let bytes = manifest::encode((stage, epoch), &outputs, splits)
            .map_err(|error| Error::internal(error.to_string()))?;
        let name = self.folder.manifest(stage, epoch, self.driver, version);
        let blob = BlobRef { name, len: bytes.len() as u64 };
        self.handle.block_on(self.exchange.put(&blob.name, bytes))?;
        self.manifests.insert(stage, InputRef { stage, epoch, manifest: blob });
        Ok(outputs.iter().map(|output| output.len).sum())
    }

    fn look_for_another_driver(&self) -> Result<()> {
        let drivers = self.handle.block_on(self.exchange.list(&self.folder.drivers()))?;
        let later = drivers.iter().filter_map(|name| name.parse::<u32>().ok());
        if later.max() > Some(self.driver) { Err(self.taken_over()) } else { Ok(()) }
    }

    fn taken_over(&self) -> Error {
        Error::new(
            Fault::Resources,
            format!("another process has resumed the run `{}`", self.plan.run),
        )
        .hint("its answer comes there; what was committed here is not lost")
    }
}

fn event(report: Report, teller: &Teller) -> Event {
    match report {
        Report::Started { attempt } => Event::Started(attempt),
        Report::Ended { attempt, outcome } => {
            teller.ended(attempt, &outcome);
            Event::Ended(attempt, outcome)
        }
        Report::Lost { attempt, reason } => {
            teller.lost(attempt, &reason);
            Event::Lost(attempt, reason)
        }
    }
}
