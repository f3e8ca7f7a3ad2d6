//! A world for the machine to live in: workers with random speeds that die, storage that loses
//! objects, drivers that die; and the memory of what every object was made from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::time::{Duration, Instant};

use windrow_tasks::machine::{Event, Instruction, Machine, Policy, Remains, Verdict};
use windrow_tasks::{
    AttemptId, Capabilities, Determinism, EpochsRecord, Fingerprint, FunctionPlace, JobPlan,
    LostInput, MapOutput, Output, Reach, Read, Resources, RunId, Slot, StageId, StageInput,
    StagePlan, TaskError, TaskKey, TaskOutcome, TaskReport,
};

/// Pseudo-random numbers (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True so many times in a million.
    pub fn falls(&mut self, in_a_million: u64) -> bool {
        self.roll() % 1_000_000 < in_a_million
    }
}

/// How often things go wrong, times in a million.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub die: u64,
    pub retry: u64,
    pub straggle: u64,
    pub lose: u64,
    pub twice: u64,
    pub driver_dies: u64,
}

pub fn stage(id: u32, tasks: u32, inputs: &[u32], determinism: Determinism) -> StagePlan {
    StagePlan {
        id: StageId(id),
        name: format!("stage {id}"),
        fragment: windrow_tasks::BlobRef { name: String::new(), len: 0 },
        tasks,
        inputs: inputs
            .iter()
            .map(|input| StageInput { stage: StageId(*input), read: Read::Slots })
            .collect(),
        output: Output::Hash(1),
        determinism,
    }
}

pub fn job(stages: Vec<StagePlan>) -> JobPlan {
    JobPlan {
        run: RunId::new(0, 0),
        build: Fingerprint(String::new()),
        identity: String::new(),
        options: BTreeMap::new(),
        functions: FunctionPlace::Interpreter,
        resources: Resources { memory_bytes: 1 << 30, threads: 1 },
        result: StageId(u32::try_from(stages.len()).unwrap() - 1),
        stages,
    }
}

/// What an object holds: a number for its rows, and the objects that it was made from.
struct Object {
    rows: u64,
    made_from: Vec<(u32, u32, String)>,
}

/// Storage, as all tasks and drivers see it.
#[derive(Default)]
struct Storage {
    objects: HashMap<String, Object>,
    gone: HashSet<String>,
    commits: HashMap<TaskKey, MapOutput>,
    epochs: EpochsRecord,
}

pub struct World {
    plan: JobPlan,
    faults: Faults,
    dice: Dice,
    storage: Storage,
    now: u64,
    room: Capabilities,
    slots: usize,
    /// What each driver's manifests of a stage list, by epoch.
    manifests: HashMap<u32, Vec<String>>,
    /// When attempts come to an end: time, order, and how.
    ends: BinaryHeap<Reverse<(u64, u64, AttemptId)>>,
    running: HashMap<AttemptId, Vec<(u32, u32, String)>>,
    cancelled: HashSet<AttemptId>,
    order: u64,
    pub events: u64,
    pub spent: Duration,
    pub drivers: u32,
    pub started: u64,
}

impl World {
    pub fn new(plan: JobPlan, workers: usize, faults: Faults, seed: u64) -> Self {
        let room = Capabilities {
            at_once: workers,
            whole_stages: false,
            speculation: true,
            reach: Reach::Machine,
            near_bytes: 0,
        };
        Self {
            plan,
            faults,
            dice: Dice(seed),
            storage: Storage::default(),
            now: 0,
            room,
            slots: 1,
            manifests: HashMap::new(),
            ends: BinaryHeap::new(),
            running: HashMap::new(),
            cancelled: HashSet::new(),
            order: 0,
            events: 0,
            spent: Duration::ZERO,
            drivers: 0,
            started: 0,
        }
    }

    pub fn with_slots(mut self, slots: usize) -> Self {
        self.slots = slots;
        self
    }

    pub fn with_whole_stages(mut self) -> Self {
        self.room.whole_stages = true;
        self
    }

    /// Runs the job to its end, with as many drivers as it takes.
    pub fn run(&mut self) -> Verdict {
        loop {
            if let Some(verdict) = self.drive() {
                return verdict;
            }
            self.drivers += 1;
        }
    }

    fn drive(&mut self) -> Option<Verdict> {
        let remains = Remains {
            epochs: self.storage.epochs.clone(),
            commits: self.storage.commits.iter().map(|(key, out)| (*key, out.clone())).collect(),
        };
        self.manifests.clear();
        let policy = Policy { attempts: 20, losses: 40, ..Policy::default() };
        let mut machine = Machine::resume(&self.plan, policy, self.drivers, remains).unwrap();
        self.tell(&mut machine, Event::Room(self.room))?;
        let mut ticked = 0;
        loop {
            if let Some(verdict) = machine.verdict() {
                let verdict = verdict.clone();
                match self.result_lost(&machine) {
                    Some(_) if verdict == Verdict::Succeeded => return None,
                    _ => return Some(verdict),
                }
            }
            if self.dice.falls(self.faults.driver_dies) {
                return None;
            }
            if self.now >= ticked + 1000 || self.ends.is_empty() {
                ticked = self.now;
                self.now = self.now.max(machine.next_wake().unwrap_or(0));
                assert!(
                    !self.ends.is_empty() || machine.next_wake().is_some() || machine.held() == 0,
                    "nothing will ever happen"
                );
                self.tell(&mut machine, Event::Tick);
                assert!(
                    machine.verdict().is_some()
                        || !self.ends.is_empty()
                        || machine.next_wake().is_some(),
                    "the machine waits for nothing"
                );
            }
            if let Some(Reverse((at, _, attempt))) = self.ends.pop() {
                self.now = self.now.max(at);
                self.end(&mut machine, attempt);
            }
        }
    }

    /// Outputs of the result that are gone by the time the driver reads them: another driver
    /// finds them missing.
    fn result_lost(&mut self, machine: &Machine) -> Option<Vec<LostInput>> {
        let stage = self.plan.result;
        let lost: Vec<LostInput> = machine
            .outputs(stage)
            .iter()
            .enumerate()
            .filter(|(_, output)| self.storage.gone.contains(&output.object))
            .map(|(partition, output)| LostInput {
                stage,
                epoch: machine.epoch(stage),
                partition: u32::try_from(partition).unwrap(),
                object: output.object.clone(),
            })
            .collect();
        // A later driver sees no commit record of what it has found to be gone.
        for one in &lost {
            self.storage.commits.retain(|_, output| output.object != one.object);
        }
        (!lost.is_empty()).then_some(lost)
    }

    fn tell(&mut self, machine: &mut Machine, event: Event) -> Option<()> {
        self.events += 1;
        let start = Instant::now();
        let instructions = machine.on(self.now, event);
        self.spent += start.elapsed();
        for instruction in instructions {
            self.carry_out(machine, instruction);
        }
        assert!(self.room.whole_stages || machine.held() <= self.room.at_once);
        Some(())
    }

    fn carry_out(&mut self, machine: &mut Machine, instruction: Instruction) {
        match instruction {
            Instruction::RecordEpochs(record) => {
                assert_eq!(record.number, self.storage.epochs.number + 1);
                self.storage.epochs = record;
            }
            Instruction::WriteManifest { stage, .. } => {
                let outputs = machine.outputs(stage);
                let (done, tasks) = machine.progress(stage);
                assert_eq!(done, tasks, "a manifest of an incomplete stage");
                let objects = outputs.iter().map(|output| output.object.clone()).collect();
                self.manifests.insert(stage.0, objects);
            }
            Instruction::Start(attempts) => attempts.into_iter().for_each(|one| self.start(one)),
            Instruction::Cancel(attempts) => self.cancelled.extend(attempts),
            Instruction::Finish(_) => {}
        }
    }

    fn start(&mut self, attempt: AttemptId) {
        self.started += 1;
        let stage = self.plan.stage(attempt.task.stage).unwrap().clone();
        // What it will read is pinned when it starts.
        let mut reads = Vec::new();
        for input in &stage.inputs {
            let listed = self.manifests.get(&input.stage.0).expect("no manifest of an input");
            let tasks = self.plan.stage(input.stage).unwrap().tasks;
            assert_eq!(listed.len(), tasks as usize, "a manifest that does not list all");
            // One of many is enough to tell versions apart in large simulations.
            let few = listed.iter().enumerate().step_by(listed.len().div_ceil(8));
            reads.extend(
                few.map(|(map, object)| {
                    (input.stage.0, u32::try_from(map).unwrap(), object.clone())
                }),
            );
        }
        assert!(self.running.insert(attempt, reads).is_none(), "{attempt} was started before");
        let mut millis = 500 + self.dice.roll() % 1000;
        if self.dice.falls(self.faults.straggle) {
            millis *= 50;
        }
        self.order += 1;
        self.ends.push(Reverse((self.now + millis, self.order, attempt)));
    }

    fn end(&mut self, machine: &mut Machine, attempt: AttemptId) {
        let reads = self.running.remove(&attempt).unwrap();
        let ours = attempt.driver == self.drivers;
        if ours {
            self.tell(machine, Event::Started(attempt));
        }
        // Something is lost now and then, before or after it was read.
        if self.dice.falls(self.faults.lose)
            && let Some((_, _, object)) = reads.first()
        {
            self.storage.gone.insert(object.clone());
        }
        let event = if self.dice.falls(self.faults.die) {
            Event::Lost(attempt, "was killed by SIGKILL".to_owned())
        } else if self.dice.falls(self.faults.retry) {
            Event::Ended(attempt, TaskOutcome::Retry(TaskError::resources("the disk is full")))
        } else if self.cancelled.contains(&attempt) && self.dice.falls(500_000) {
            Event::Ended(attempt, TaskOutcome::Cancelled)
        } else {
            let again = self.dice.falls(self.faults.twice);
            let outcome = self.work(attempt, &reads);
            if again && ours {
                self.tell(machine, Event::Ended(attempt, outcome.clone()));
            }
            Event::Ended(attempt, outcome)
        };
        // Attempts of a driver that died have nobody to tell.
        if ours {
            self.tell(machine, event);
        }
    }

    fn work(&mut self, attempt: AttemptId, reads: &[(u32, u32, String)]) -> TaskOutcome {
        let lost: Vec<LostInput> = reads
            .iter()
            .filter(|(_, _, object)| self.storage.gone.contains(object))
            .map(|(stage, partition, object)| LostInput {
                stage: StageId(*stage),
                epoch: object.split(':').next().unwrap().parse().unwrap(),
                partition: *partition,
                object: object.clone(),
            })
            .collect();
        if !lost.is_empty() {
            return TaskOutcome::InputLost { lost };
        }
        let stage = self.plan.stage(attempt.task.stage).unwrap();
        let mut rows = u64::from(attempt.task.stage.0) << 32 | u64::from(attempt.task.partition);
        for (_, _, object) in reads {
            rows = Dice(rows ^ self.storage.objects[object].rows).roll();
        }
        if stage.determinism == Determinism::Indeterminate {
            rows ^= self.dice.roll();
        }
        let object = format!("{}:{attempt}", attempt.task.epoch);
        self.storage.objects.insert(object.clone(), Object { rows, made_from: reads.to_vec() });
        let output = MapOutput {
            attempt,
            object,
            len: 1,
            slots: vec![Slot::default(); self.slots],
            keys: vec![],
        };
        let winner = self.storage.commits.entry(attempt.task).or_insert_with(|| output.clone());
        TaskOutcome::Done(TaskReport {
            first: winner.object == output.object,
            output: winner.clone(),
            rows: 1,
            bytes: 1,
            bytes_read: 1,
            seconds: 1.0,
            host: String::new(),
        })
    }

    /// Whether the answer was made from one version of everything: of each task whose rows may
    /// differ, all that stands in the answer has read the same rows.
    pub fn check(&self) {
        let mut seen: HashMap<(u32, u32), u64> = HashMap::new();
        let mut visited: HashSet<&str> = HashSet::new();
        let result = self.plan.stage(self.plan.result).unwrap();
        let epoch = match self.storage.epochs.number {
            0 => 0,
            _ => self.storage.epochs.epochs[self.plan.result.0 as usize],
        };
        for partition in 0..result.tasks {
            let last = (0..=40).rev().find_map(|round| {
                let key = TaskKey { stage: result.id, epoch, partition, round };
                self.storage.commits.get(&key)
            });
            let output = last.expect("a partition of the result is missing");
            let mut open = vec![(result.id.0, partition, output.object.as_str())];
            while let Some((stage, map, object)) = open.pop() {
                let content = &self.storage.objects[object];
                let known = *seen.entry((stage, map)).or_insert(content.rows);
                assert_eq!(known, content.rows, "two versions of partition {map} of stage {stage}");
                if visited.insert(object) {
                    open.extend(content.made_from.iter().map(|(s, m, o)| (*s, *m, o.as_str())));
                }
            }
        }
    }
}
