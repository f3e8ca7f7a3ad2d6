//! The machine in a simulated world: whatever dies or is lost, the answer is made from one version
//! of everything, and the job comes to an end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use proptest::prelude::*;
use windrow_tasks::machine::{Event, Instruction, Machine, Policy, Verdict};
use windrow_tasks::{
    AttemptId, Capabilities, Determinism, JobPlan, LostInput, MapOutput, Output, Reach, Slot,
    StageId, TaskError, TaskOutcome, TaskReport,
};
use world::{Faults, World, job, stage};

use Determinism::{Exact, Indeterminate, UnorderedExact};

/// Read, shuffle, join with a second table, sort.
fn diamond(width: u32, of_the_maps: Determinism) -> JobPlan {
    job(vec![
        stage(0, width, &[], of_the_maps),
        stage(1, width, &[], Exact),
        stage(2, width, &[0], UnorderedExact),
        stage(3, width, &[0, 1], UnorderedExact),
        stage(4, 2, &[2, 3], UnorderedExact),
    ])
}

#[test]
fn a_job_without_faults_runs_each_task_once() {
    let mut world = World::new(diamond(10, Exact), 3, Faults::default(), 1);
    assert_eq!(world.run(), Verdict::Succeeded);
    assert_eq!(world.started, 42);
    world.check();
}

#[test]
fn whole_stages_are_started_together() {
    let mut world = World::new(diamond(10, Exact), 3, Faults::default(), 1).with_whole_stages();
    assert_eq!(world.run(), Verdict::Succeeded);
    assert_eq!(world.started, 42);
}

const ROOM: Capabilities = Capabilities {
    at_once: 100,
    whole_stages: false,
    speculation: true,
    reach: Reach::Machine,
    near_bytes: 0,
};

/// A machine whose instructions a test looks at.
struct Seen {
    machine: Machine,
    now: u64,
    starts: Vec<AttemptId>,
    cancelled: Vec<AttemptId>,
    epochs: Vec<Vec<u32>>,
    verdict: Option<Verdict>,
}

impl Seen {
    fn new(plan: &JobPlan, policy: Policy) -> Self {
        let machine = Machine::new(plan, policy).unwrap();
        let mut seen = Self {
            machine,
            now: 0,
            starts: vec![],
            cancelled: vec![],
            epochs: vec![],
            verdict: None,
        };
        seen.tell(Event::Room(ROOM));
        seen
    }

    fn tell(&mut self, event: Event) {
        for instruction in self.machine.on(self.now, event) {
            match instruction {
                Instruction::Start(starts) => self.starts.extend(starts),
                Instruction::Cancel(attempts) => self.cancelled.extend(attempts),
                Instruction::RecordEpochs(record) => self.epochs.push(record.epochs),
                Instruction::Finish(verdict) => self.verdict = Some(verdict),
                Instruction::WriteManifest { .. } => {}
            }
        }
    }

    /// Ends all attempts that were started and not yet ended, and names them.
    fn finish_started(&mut self) -> Vec<String> {
        let starts = std::mem::take(&mut self.starts);
        starts.iter().for_each(|attempt| self.done(*attempt));
        starts.iter().map(ToString::to_string).collect()
    }

    fn done(&mut self, attempt: AttemptId) {
        let output = MapOutput {
            attempt,
            object: format!("data of {attempt}"),
            len: 1,
            slots: vec![Slot::default()],
            keys: vec![],
        };
        let report = TaskReport {
            output,
            first: true,
            rows: 1,
            bytes: 1,
            bytes_read: 1,
            seconds: 1.0,
            host: String::new(),
        };
        self.tell(Event::Ended(attempt, TaskOutcome::Done(report)));
    }

    /// The attempt finds that a file is gone.
    fn misses(&mut self, reader: AttemptId, partition: u32, object: &str) {
        let (stage, object) = (StageId(0), object.to_owned());
        let lost = vec![LostInput { stage, epoch: 0, partition, object }];
        self.tell(Event::Ended(reader, TaskOutcome::InputLost { lost }));
    }
}

fn chain(of_the_maps: Determinism) -> JobPlan {
    job(vec![stage(0, 2, &[], of_the_maps), stage(1, 2, &[0], UnorderedExact)])
}

#[test]
fn a_lost_output_of_a_repeatable_stage_is_made_again_alone() {
    let mut seen = Seen::new(&chain(Exact), Policy::default());
    assert_eq!(seen.finish_started(), ["0.e0.0.r0.a0-0", "0.e0.1.r0.a0-0"]);
    let readers = std::mem::take(&mut seen.starts);
    seen.done(readers[0]);
    seen.misses(readers[1], 1, "data of 0.e0.1.r0.a0-0");
    assert_eq!(seen.finish_started(), ["0.e0.1.r1.a0-1"]);
    assert_eq!(seen.finish_started(), ["1.e0.1.r0.a0-1"]);
    assert_eq!(seen.verdict, Some(Verdict::Succeeded));
    assert!(seen.epochs.is_empty());
}

#[test]
fn readers_of_an_indeterminate_stage_all_start_again() {
    let mut seen = Seen::new(&chain(Indeterminate), Policy::default());
    seen.finish_started();
    let readers = std::mem::take(&mut seen.starts);
    seen.done(readers[0]);
    seen.misses(readers[1], 1, "data of 0.e0.1.r0.a0-0");
    assert_eq!(seen.epochs, [[0, 1]]);
    assert_eq!(seen.finish_started(), ["0.e0.1.r1.a0-1"]);
    // What was committed in the old epoch comes too late.
    seen.done(readers[1]);
    assert_eq!(seen.verdict, None);
    assert_eq!(seen.finish_started(), ["1.e1.0.r0.a0-1", "1.e1.1.r0.a0-1"]);
    assert_eq!(seen.verdict, Some(Verdict::Succeeded));
}

#[test]
fn a_loss_that_was_told_before_is_not_told_twice() {
    let mut seen = Seen::new(&chain(Exact), Policy::default());
    seen.finish_started();
    let readers = std::mem::take(&mut seen.starts);
    seen.misses(readers[0], 1, "data of 0.e0.1.r0.a0-0");
    seen.misses(readers[1], 1, "data of 0.e0.1.r0.a0-0");
    assert_eq!(seen.finish_started(), ["0.e0.1.r1.a0-1"]);
    assert_eq!(seen.finish_started().len(), 2);
    assert_eq!(seen.verdict, Some(Verdict::Succeeded));
}

#[test]
fn a_task_that_always_dies_fails_the_job_and_says_so() {
    let mut seen = Seen::new(&chain(Exact), Policy::default());
    let other = seen.starts[1];
    for _ in 0..4 {
        let first = seen.starts.iter().rposition(|one| one.task.partition == 0).unwrap();
        let attempt = seen.starts[first];
        seen.tell(Event::Lost(attempt, "was killed by SIGKILL".to_owned()));
    }
    let Some(Verdict::Failed { error, .. }) = &seen.verdict else { panic!("{:?}", seen.verdict) };
    assert_eq!(
        error.message,
        "partition 0 of stage 0 (`stage 0`) failed 4 times; the last time: the process of a task was killed by SIGKILL"
    );
    assert_eq!(seen.cancelled, [other]);
}

#[test]
fn a_failure_that_may_pass_is_tried_after_a_pause() {
    let mut seen = Seen::new(&chain(Exact), Policy::default());
    let first = seen.starts[0];
    seen.starts.clear();
    let full = TaskError::resources("the disk is full");
    seen.tell(Event::Ended(first, TaskOutcome::Retry(full)));
    assert!(seen.starts.is_empty());
    seen.now = seen.machine.next_wake().unwrap();
    seen.tell(Event::Tick);
    assert_eq!(seen.starts.len(), 1);
}

#[test]
fn a_user_error_ends_the_job_at_once() {
    let mut seen = Seen::new(&chain(Exact), Policy::default());
    let (first, other) = (seen.starts[0], seen.starts[1]);
    let error = TaskError::new("function", "ZeroDivisionError: division by zero");
    seen.tell(Event::Ended(first, TaskOutcome::Fatal(error.clone())));
    assert_eq!(seen.verdict, Some(Verdict::Failed { attempt: Some(first), error }));
    assert_eq!(seen.cancelled, [other]);
    assert_eq!(seen.machine.held(), 0);
}

#[test]
fn a_slow_task_gets_a_second_attempt_and_the_first_to_end_counts() {
    let plan = job(vec![stage(0, 8, &[], Exact)]);
    let mut seen = Seen::new(&plan, Policy::default());
    let starts = std::mem::take(&mut seen.starts);
    starts.iter().for_each(|attempt| seen.tell(Event::Started(*attempt)));
    starts[..7].iter().for_each(|attempt| seen.done(*attempt));
    seen.now = 4_000;
    seen.tell(Event::Tick);
    assert!(seen.starts.is_empty());
    seen.now = 60_000;
    seen.tell(Event::Tick);
    assert_eq!(seen.finish_started(), ["0.e0.7.r0.a0-1"]);
    assert_eq!(seen.cancelled, [starts[7]]);
    assert_eq!(seen.verdict, Some(Verdict::Succeeded));
}

#[test]
fn equal_layouts_are_replaced_only_where_rows_keep_their_slots() {
    let mut dealt = stage(0, 2, &[], UnorderedExact);
    assert!(dealt.is_replaceable());
    dealt.output = Output::RoundRobin(4);
    assert!(!dealt.is_replaceable());
}

fn any_determinism() -> impl Strategy<Value = Determinism> {
    prop_oneof![Just(Exact), Just(UnorderedExact), Just(Indeterminate)]
}

fn any_job() -> impl Strategy<Value = JobPlan> {
    let one =
        (1_u32..6, any_determinism(), prop::collection::vec(any::<prop::sample::Index>(), 0..3));
    prop::collection::vec(one, 1..7).prop_map(|stages| {
        let stages = stages.into_iter().enumerate().map(|(id, (tasks, determinism, picks))| {
            let mut inputs: Vec<u32> = picks
                .iter()
                .filter(|_| id > 0)
                .map(|pick| u32::try_from(pick.index(id.max(1))).unwrap())
                .collect();
            inputs.sort_unstable();
            inputs.dedup();
            stage(u32::try_from(id).unwrap(), tasks, &inputs, determinism)
        });
        job(stages.collect())
    })
}

fn any_faults() -> impl Strategy<Value = Faults> {
    let often = || prop_oneof![Just(0), Just(20_000), Just(150_000)];
    (often(), often(), often(), often(), often(), prop_oneof![Just(0), Just(10_000)]).prop_map(
        |(die, retry, straggle, lose, twice, driver_dies)| Faults {
            die,
            retry,
            straggle,
            lose,
            twice,
            driver_dies,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_answer_is_made_from_one_version_of_everything(
        plan in any_job(),
        faults in any_faults(),
        workers in 1_usize..5,
        seed in any::<u64>(),
    ) {
        let mut world = World::new(plan, workers, faults, seed);
        match world.run() {
            Verdict::Succeeded => world.check(),
            Verdict::Failed { error, .. } => {
                // So many faults of one task are rare, not impossible.
                prop_assert!(error.message.contains("times"), "{}", error.message);
            }
            Verdict::Cancelled => prop_assert!(false, "nobody cancelled it"),
        }
    }
}

/// 100 stages of 1,000 tasks on 1,000 workers, with outputs of 200 slots.
#[test]
fn a_hundred_thousand_tasks_on_a_thousand_workers() {
    let stages = (0..100)
        .map(|id| {
            let inputs: Vec<u32> = if id == 0 { vec![] } else { vec![id - 1] };
            let determinism = if id % 10 == 3 { Indeterminate } else { UnorderedExact };
            stage(id, 1_000, &inputs, determinism)
        })
        .collect();
    let faults = Faults {
        die: 10_000,
        retry: 2_000,
        straggle: 10_000,
        lose: 100,
        twice: 1_000,
        driver_dies: 0,
    };
    let mut world = World::new(job(stages), 1_000, faults, 7).with_slots(200);
    assert_eq!(world.run(), Verdict::Succeeded);
    world.check();
    let micros = world.spent.as_secs_f64() * 1e6 / world.events as f64;
    let peak = peak_bytes();
    eprintln!(
        "{} attempts, {} events, {micros:.2} us an event, peak {} MB with the world's memory",
        world.started,
        world.events,
        peak >> 20
    );
    assert!(world.started > 100_000);
    assert!(micros < 20.0, "{micros} us an event");
    assert!(peak < 2 << 30, "{peak} bytes");
}

fn peak_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("VmHWM: 0 kB");
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
