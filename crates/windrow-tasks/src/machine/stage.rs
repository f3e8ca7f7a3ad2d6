//! A stage and its tasks, as the machine sees them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::durations::Durations;
use crate::outcome::MapOutput;
use crate::plan::StagePlan;

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In its stage's queue.
    Queued,
    /// Attempts run; or it waits for a moment after one failed.
    Out,
    /// Its output is committed.
    Done,
}

/// An attempt that a runner holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) number: u32,
    /// When it started to run, if the runner told.
    pub(super) started: Option<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) place: Place,
    pub(super) round: u32,
    /// The number that the next attempt gets.
    pub(super) next: u32,
    pub(super) failures: u32,
    /// How often it found its inputs lost.
    pub(super) bereft: u32,
    pub(super) held: Vec<Held>,
    pub(super) output: Option<Arc<MapOutput>>,
}

impl Task {
    fn new() -> Self {
        Self {
            place: Place::Queued,
            round: 0,
            next: 0,
            failures: 0,
            bereft: 0,
            held: Vec::new(),
            output: None,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) plan: StagePlan,
    pub(super) epoch: u32,
    /// Stages that read it, each once.
    pub(super) readers: Vec<usize>,
    /// How many of its distinct inputs are not complete.
    pub(super) waits_for: usize,
    /// Whether a task of this epoch may have read its inputs.
    pub(super) touched: bool,
    /// Whether the result needs it: it or a reader of it is not complete.
    pub(super) wanted: bool,
    /// Whether the list of its outputs is up to date.
    pub(super) manifest: bool,
    /// Whether the lists of its inputs were seen to be up to date.
    pub(super) listed: bool,
    pub(super) done: u32,
    /// The manifest that readers get; counted over all drivers.
    pub(super) version: u32,
    /// Partitions to be started; entries of tasks that are no longer queued are skipped.
    pub(super) queue: VecDeque<u32>,
    /// Partitions that a runner holds attempts at.
    pub(super) out: BTreeSet<u32>,
    pub(super) durations: Durations,
    pub(super) tasks: Vec<Task>,
}

impl Stage {
    pub(super) fn new(plan: &StagePlan) -> Self {
        Self {
            epoch: 0,
            readers: Vec::new(),
            waits_for: 0,
            touched: false,
            wanted: false,
            manifest: false,
            listed: false,
            done: 0,
            version: 0,
            queue: (0..plan.tasks).collect(),
            out: BTreeSet::new(),
            durations: Durations::default(),
            tasks: (0..plan.tasks).map(|_| Task::new()).collect(),
            plan: plan.clone(),
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.done == self.plan.tasks
    }

    /// Whether it has something to start.
    pub(super) fn is_ready(&self) -> bool {
        self.waits_for == 0 && !self.queue.is_empty()
    }

    /// Drops queue entries of tasks that are not queued any more, up to the first that is.
    pub(super) fn tidy(&mut self) {
        while let Some(first) = self.queue.front()
            && self.tasks[*first as usize].place != Place::Queued
        {
            self.queue.pop_front();
        }
    }

    /// Puts a task into the queue again; what is made again comes first.
    pub(super) fn queue_again(&mut self, partition: u32) {
        self.tasks[partition as usize].place = Place::Queued;
        self.queue.push_front(partition);
    }

    /// Forgets all that its tasks did: its inputs are others now.
    pub(super) fn start_epoch(&mut self) {
        self.epoch += 1;
        self.touched = false;
        self.manifest = false;
        self.listed = false;
        self.done = 0;
        self.out.clear();
        self.queue = (0..self.plan.tasks).collect();
        for task in &mut self.tasks {
            task.place = Place::Queued;
            task.round = 0;
            task.held.clear();
            task.output = None;
        }
    }
}
