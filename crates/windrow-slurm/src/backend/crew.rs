//! The pilots of a run: as many as there is work for, and what became of those that died.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::{Backend, Batch, Event, IDLE, Place};
use crate::end::{End, Lost};
use crate::error::SlurmError;
use crate::parse::Element;
use crate::pilot::Queue;
use crate::script::{Pilots, pilot_script};
use crate::state::Job;
use crate::watch::TaskState;

/// How the crew is doing.
#[derive(Debug, Default)]
pub(super) struct Crew {
    order: u64,
    /// Arrays of pilots that were submitted since a task of theirs was last done.
    in_vain: u32,
}

/// So many arrays of pilots may end without any task done before that is an error.
const IN_VAIN: u32 = 3;

/// What a pilot needs of its time for itself.
const RESERVE: Duration = Duration::from_secs(30);

impl Crew {
    /// A task was done.
    pub(super) fn progress(&mut self) {
        self.in_vain = 0;
    }
}

impl Backend {
    pub(super) fn enqueue(&mut self, queue: &Queue, batch: &Batch) -> Result<(), SlurmError> {
        let noted: Vec<(String, u32)> =
            batch.tasks.iter().map(|task| (task.key.clone(), task.stage)).collect();
        self.jobs.queue(&noted)?;
        for task in &batch.tasks {
            let seconds = self.needed(task.stage);
            self.crew.order += 1;
            queue
                .put(self.crew.order, seconds, (task.stage, &task.key), task.spec.as_bytes())
                .map_err(|error| SlurmError::file(&self.folder, &error))?;
            let place =
                Place { allowed: Duration::from_secs(seconds), ..Place::new(task.stage, None) };
            self.places.insert(task.key.clone(), place);
        }
        if self.jobs.jobs().all(|job| !job.keys.is_empty()) {
            self.send_pilots(self.settings.pilots)?;
        }
        Ok(())
    }

    /// How much time a pilot must have left for a task of that stage, as far as is known.
    fn needed(&self, stage: u32) -> u64 {
        self.times.get(&stage).map_or(0, Duration::as_secs)
    }

    fn send_pilots(&mut self, count: u32) -> Result<(), SlurmError> {
        let name = format!("windrow-{}-pilots-{}", self.run, self.jobs.count());
        let pilots = Pilots {
            name: &name,
            count,
            folder: &self.folder,
            logs: &self.folder.join("logs"),
            time: self.settings.time,
            idle: IDLE,
        };
        let script = pilot_script(&pilots, &self.settings, &self.program);
        let job = Job {
            name: name.clone(),
            id: None,
            stage: 0,
            seconds: self.settings.time.as_secs(),
            keys: Vec::new(),
            elements: count,
        };
        self.submit(job, &script)?;
        self.crew.in_vain += 1;
        Ok(())
    }

    /// Tells of starts, sends more pilots when there are too few; gives the tasks of dead pilots.
    pub(super) fn look_at_pilots(
        &mut self,
        queue: &Queue,
        seen: &HashMap<Element, TaskState>,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Result<Vec<(String, Lost)>, SlurmError> {
        let failed = |error| SlurmError::file(&self.folder, &error);
        let taken = queue.taken().map_err(failed)?;
        let alive: BTreeSet<String> = seen
            .iter()
            .filter(|(_, state)| state.is_alive())
            .map(|((job, index), _)| format!("{job}_{index}"))
            .collect();
        let mut dead = Vec::new();
        for (pilot, key) in taken {
            let Some(place) = self.places.get_mut(&key) else { continue };
            if !std::mem::replace(&mut place.started, true) {
                events.push(Event::Started { key: key.clone() });
            }
            if alive.contains(&pilot) {
                place.over_since = None;
            } else if place.is_over(now, self.grace) {
                dead.push((pilot, key, place.clone()));
            }
        }
        let mut over = Vec::new();
        for (pilot, key, place) in dead {
            queue.forget(&pilot, &key).map_err(|error| SlurmError::file(&self.folder, &error))?;
            over.push((key, self.lost_with(&pilot, &place, seen)));
        }
        self.refill(alive.len(), seen)?;
        Ok(over)
    }

    /// What is told of a task that its pilot took to the grave.
    fn lost_with(
        &mut self,
        pilot: &str,
        place: &Place,
        seen: &HashMap<Element, TaskState>,
    ) -> Lost {
        let element = pilot
            .split_once('_')
            .and_then(|(job, index)| Some((job.parse().ok()?, index.parse().ok()?)))
            .unwrap_or_default();
        let (end, node) = match seen.get(&element) {
            Some(TaskState::Ended { end, node }) => (end.clone(), node.clone()),
            _ => (End::Gone, String::new()),
        };
        let name =
            self.jobs.jobs().find(|job| job.id == Some(element.0)).map(|job| job.name.clone());
        let time = self.settings.time;
        let mut lost = self.lost(end, element, &node, (&name.unwrap_or_default(), time));
        if lost.end == End::Timeout {
            // It had perhaps been started late: a fresh pilot may try it, but only once.
            let whole = Duration::from_secs(time.saturating_sub(RESERVE).as_secs().max(1));
            lost.again = place.allowed < whole;
            self.times.insert(place.stage, whole);
        }
        lost
    }

    /// Sends pilots for the tasks that have none.
    fn refill(
        &mut self,
        alive: usize,
        seen: &HashMap<Element, TaskState>,
    ) -> Result<(), SlurmError> {
        let work = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let wanted = self.settings.pilots.min(work);
        let here = u32::try_from(alive).unwrap_or(u32::MAX);
        if here >= wanted {
            return Ok(());
        }
        if here == 0 && self.crew.in_vain >= IN_VAIN {
            return Err(self.pilots_in_vain(seen));
        }
        self.send_pilots(wanted - here)
    }

    fn pilots_in_vain(&self, seen: &HashMap<Element, TaskState>) -> SlurmError {
        let last = seen.iter().max_by_key(|(element, _)| **element);
        let told = last.and_then(|(element, state)| {
            let TaskState::Ended { end, node } = state else { return None };
            let job = self.jobs.jobs().find(|job| job.id == Some(element.0))?;
            Some(self.lost(end.clone(), *element, node, (&job.name, self.settings.time)))
        });
        let message = format!("the pilots ended {IN_VAIN} times without finishing a task");
        let Some(lost) = told else { return SlurmError::new(message) };
        let error = SlurmError::new(format!("{message}\n{}", lost.message));
        match lost.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
