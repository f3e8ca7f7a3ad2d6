//! Each batch of tasks as array jobs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Backend, Batch, Event, Place, Task};
use crate::end::{End, Lost};
use crate::error::SlurmError;
use crate::parse::Element;
use crate::pilot::write_whole;
use crate::script::{Array, array_script, granted, split};
use crate::state::Job;
use crate::watch::TaskState;

impl Backend {
    pub(super) fn submit_arrays(&mut self, batch: &Batch) -> Result<(), SlurmError> {
        let after = self.finished_jobs(&batch.after);
        for part in split(batch.tasks.len(), self.limits.largest_array) {
            self.submit_array(&batch.tasks[part], &batch.about, &after)?;
        }
        Ok(())
    }

    fn submit_array(
        &mut self,
        tasks: &[Task],
        about: &str,
        after: &[String],
    ) -> Result<(), SlurmError> {
        let stage = tasks.first().map_or(0, |task| task.stage);
        let name = format!("windrow-{}-s{stage}-{}", self.run, self.jobs.count());
        let file = self.folder.join("tasks").join(format!("{name}.json"));
        let specs: Vec<&str> = tasks.iter().map(|task| task.spec.as_str()).collect();
        write(&file, &format!("[{}]\n", specs.join(",\n")))?;
        let time = self.time(stage);
        let array = Array {
            name: &name,
            about: &format!("run {}: {about}", self.run),
            tasks: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
            file: &file,
            outcomes: &self.folder.join("outcomes"),
            logs: &self.folder.join("logs"),
            time,
            after,
        };
        let script = array_script(&array, &self.settings, &self.program);
        let job = Job {
            name: name.clone(),
            id: None,
            stage,
            seconds: granted(time).as_secs(),
            keys: tasks.iter().map(|task| task.key.clone()).collect(),
            elements: array.tasks,
        };
        self.submit(job, &script)?;
        for (index, task) in (0_u32..).zip(tasks) {
            let element = Some((name.clone(), index));
            self.places.insert(task.key.clone(), Place::new(stage, element));
        }
        Ok(())
    }

    /// Notes a job, submits it, and notes its id.
    pub(super) fn submit(&mut self, job: Job, script: &str) -> Result<u64, SlurmError> {
        let path = self.folder.join("tasks").join(format!("{}.sh", job.name));
        write(&path, script)?;
        let name = job.name.clone();
        self.jobs.intend(job)?;
        let id = self.commands.submit(&path, &name)?;
        self.jobs.submitted(&name, id)?;
        Ok(id)
    }

    /// The jobs of stages that have no tasks in flight, for those that follow them.
    fn finished_jobs(&self, stages: &[u32]) -> Vec<String> {
        let busy: BTreeSet<&str> = self
            .places
            .values()
            .filter_map(|place| Some(place.element.as_ref()?.0.as_str()))
            .collect();
        self.jobs
            .jobs()
            .filter(|job| stages.contains(&job.stage) && !busy.contains(job.name.as_str()))
            .filter_map(|job| Some(job.id?.to_string()))
            .collect()
    }

    /// Tells of starts; gives the tasks whose jobs are over without an outcome.
    pub(super) fn look_at_elements(
        &mut self,
        seen: &HashMap<Element, TaskState>,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Vec<(String, Lost)> {
        let ids: BTreeMap<&str, (u64, Duration)> = self
            .jobs
            .jobs()
            .filter_map(|job| {
                Some((job.name.as_str(), (job.id?, Duration::from_secs(job.seconds))))
            })
            .collect();
        let mut over = Vec::new();
        for (key, place) in &mut self.places {
            let Some((name, index)) = place.element.clone() else { continue };
            let Some((id, time)) = ids.get(name.as_str()) else { continue };
            let (end, node) = match seen.get(&(*id, index)) {
                Some(TaskState::Waiting { .. }) => continue,
                Some(TaskState::Running { .. }) => {
                    if !std::mem::replace(&mut place.started, true) {
                        events.push(Event::Started { key: key.clone() });
                    }
                    continue;
                }
                Some(TaskState::Ended { end, node }) => (end.clone(), node.clone()),
                None => (End::Gone, String::new()),
            };
            if place.is_over(now, self.grace) {
                over.push((key.clone(), place.stage, end, ((*id, index), node, name, *time)));
            }
        }
        over.into_iter()
            .map(|(key, stage, end, (element, node, name, time))| {
                let timeout = end == End::Timeout;
                let lost = self.lost(end, element, &node, (&name, time));
                if timeout {
                    self.allow_more(stage, time);
                }
                (key, lost)
            })
            .collect()
    }
}

fn write(path: &Path, text: &str) -> Result<(), SlurmError> {
    write_whole(path, text.as_bytes()).map_err(|error| SlurmError::file(path, &error))
}
