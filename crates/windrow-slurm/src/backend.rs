//! Tasks on Slurm: hands batches over, and tells what became of each task.

mod arrays;
mod crew;
mod outcomes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::command::Commands;
use crate::end::{End, Lost, Scene};
use crate::error::SlurmError;
use crate::parse::Element;
use crate::pilot::Queue;
use crate::script::granted;
use crate::settings::SlurmSettings;
use crate::state::Jobs;
use crate::watch::{Limits, TaskState, Watch};

/// A task to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its unique name, which may stand in a file name; the outcome is `KEY.json`.
    pub key: String,
    /// Its stage.
    pub stage: u32,
    /// Its spec, as JSON.
    pub spec: String,
}

/// Tasks that may run now.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// What they are, for people who read the script.
    pub about: String,
    /// They are of one stage.
    pub tasks: Vec<Task>,
    /// Stages whose jobs must have left Slurm's nodes before.
    pub after: Vec<u32>,
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Slurm started it, or a pilot took it.
    Started {
        /// Which.
        key: String,
    },
    /// It left an outcome.
    Outcome {
        /// Which.
        key: String,
        /// The outcome's JSON.
        outcome: Vec<u8>,
    },
    /// Its job is over, and it left none.
    Lost {
        /// Which.
        key: String,
        /// How and why.
        lost: Lost,
    },
}

/// Where a task that was handed over is.
#[derive(Debug, Clone)]
struct Place {
    stage: u32,
    /// The array's name and the element; none while it waits for a pilot.
    element: Option<(String, u32)>,
    /// The time that a pilot must have had left for it.
    allowed: Duration,
    started: bool,
    /// Since when its job is over; its outcome may still be on the way through the shared storage.
    over_since: Option<Instant>,
}

/// The tasks of one run on Slurm.
#[derive(Debug)]
pub struct Backend {
    run: String,
    folder: PathBuf,
    settings: SlurmSettings,
    /// What starts windrow on a node.
    program: Vec<String>,
    commands: Commands,
    limits: Limits,
    watch: Watch,
    jobs: Jobs,
    queue: Option<Queue>,
    crew: crew::Crew,
    places: BTreeMap<String, Place>,
    /// How long tasks of a stage may run, where that is no longer what the user said.
    times: HashMap<u32, Duration>,
    /// How long an outcome may take to be seen after the end of its job.
    grace: Duration,
}

/// How long Slurm may be silent.
const PATIENCE: Duration = Duration::from_secs(600);

/// Pilots end when they had nothing to do for so long.
pub(crate) const IDLE: Duration = Duration::from_secs(60);

impl Backend {
    /// For the run of that name, with its files in `folder`. Asks Slurm what it allows.
    ///
    /// # Errors
    /// A machine without Slurm, a partition that does not exist or allows less time, a folder that
    /// cannot be written.
    pub fn new(
        run: &str,
        folder: &Path,
        settings: SlurmSettings,
        program: Vec<String>,
        commands: Commands,
    ) -> Result<Self, SlurmError> {
        let limits = Limits::ask(&commands, settings.partition.as_deref())?;
        check_time(&settings, limits)?;
        for name in ["tasks", "outcomes", "logs"] {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).map_err(|error| SlurmError::file(&path, &error))?;
        }
        let queue = if settings.pilots > 0 {
            Some(Queue::create(folder).map_err(|error| SlurmError::file(folder, &error))?)
        } else {
            None
        };
        Ok(Self {
            run: run.to_owned(),
            folder: folder.to_owned(),
            watch: Watch::new(commands.clone(), settings.poll, PATIENCE),
            jobs: Jobs::open(&folder.join("slurm-jobs.jsonl"))?,
            grace: (settings.poll * 2).max(Duration::from_millis(200)),
            crew: crew::Crew::default(),
            places: BTreeMap::new(),
            times: HashMap::new(),
            settings,
            program,
            commands,
            limits,
            queue,
        })
    }

    /// Submits tasks, as an array job or to the pilots.
    ///
    /// # Errors
    /// A Slurm that refuses them; none of those that were submitted before is taken back.
    pub fn start(&mut self, batch: &Batch) -> Result<(), SlurmError> {
        if batch.tasks.is_empty() {
            return Ok(());
        }
        match self.queue.clone() {
            Some(queue) => self.enqueue(&queue, batch),
            None => self.submit_arrays(batch),
        }
    }

    /// Goes on with the tasks of a driver that is no more: those that have left no outcome that it
    /// can have seen are in flight again. Gives their names.
    ///
    /// # Errors
    /// A Slurm that does not answer.
    pub fn adopt(&mut self) -> Result<Vec<String>, SlurmError> {
        self.find_unnoted()?;
        for job in self.jobs.jobs().filter(|job| job.id.is_some()) {
            for (index, key) in (0_u32..).zip(&job.keys) {
                let element = Some((job.name.clone(), index));
                self.places.insert(key.clone(), Place::new(job.stage, element));
            }
        }
        for (key, stage) in self.jobs.queued() {
            self.places.insert(key.to_owned(), Place::new(stage, None));
        }
        Ok(self.places.keys().cloned().collect())
    }

    /// Jobs that were perhaps submitted by a driver that died before it could note their ids.
    fn find_unnoted(&mut self) -> Result<(), SlurmError> {
        let unnoted: Vec<String> =
            self.jobs.jobs().filter(|job| job.id.is_none()).map(|job| job.name.clone()).collect();
        for name in unnoted {
            if let Some(id) = self.commands.find(&name)? {
                self.jobs.submitted(&name, id)?;
            }
        }
        Ok(())
    }

    /// The tasks that were started and are not told of yet.
    pub fn in_flight(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// What has happened since the last call. Slurm is asked only when it is time to.
    ///
    /// # Errors
    /// A Slurm that has not answered for ten minutes, pilots that do not start, a folder that
    /// cannot be read.
    pub fn events(&mut self, now: Instant) -> Result<Vec<Event>, SlurmError> {
        let mut events = self.read_outcomes()?;
        let ids: BTreeSet<u64> = self.watched();
        let Some(mut seen) = self.watch.look(&ids, now)? else { return Ok(events) };
        self.recall(&ids, &mut seen, now);
        let over = match self.queue.clone() {
            Some(queue) => self.look_at_pilots(&queue, &seen, now, &mut events)?,
            None => self.look_at_elements(&seen, now, &mut events),
        };
        if over.is_empty() {
            return Ok(events);
        }
        // It may have been written since; and over NFS a look may have to be forced.
        outcomes::freshen(&self.folder.join("outcomes"))?;
        events.extend(self.read_outcomes()?);
        let mut waiting = Vec::new();
        for (key, lost) in over {
            let Some(place) = self.places.remove(&key) else { continue };
            if matches!(lost.end, End::NeverStarts(_)) {
                waiting.extend(self.element(&place));
            }
            events.push(Event::Lost { key, lost });
        }
        // Slurm would keep them in its queue.
        self.commands.cancel(&waiting)?;
        Ok(events)
    }

    /// As `squeue` shows it: `12_3`.
    fn element(&self, place: &Place) -> Option<String> {
        let (name, index) = place.element.as_ref()?;
        let job = self.jobs.jobs().find(|job| job.name == *name)?;
        Some(format!("{}_{index}", job.id?))
    }

    fn read_outcomes(&mut self) -> Result<Vec<Event>, SlurmError> {
        let found = outcomes::read(&self.folder.join("outcomes"), &self.places)?;
        for (key, _) in &found {
            if self.places.remove(key).is_some() {
                self.crew.progress();
            }
        }
        Ok(found.into_iter().map(|(key, outcome)| Event::Outcome { key, outcome }).collect())
    }

    /// Jobs that have tasks in flight, or pilots.
    fn watched(&self) -> BTreeSet<u64> {
        if self.places.is_empty() {
            return BTreeSet::new();
        }
        let names: BTreeSet<&str> = self
            .places
            .values()
            .filter_map(|place| Some(place.element.as_ref()?.0.as_str()))
            .collect();
        self.jobs
            .jobs()
            .filter(|job| {
                names.contains(job.name.as_str()) || (self.queue.is_some() && job.keys.is_empty())
            })
            .filter_map(|job| job.id)
            .collect()
    }

    /// Asks the accounting about elements that the queue has forgotten.
    fn recall(
        &mut self,
        ids: &BTreeSet<u64>,
        seen: &mut HashMap<Element, TaskState>,
        now: Instant,
    ) {
        let known: BTreeSet<u64> = seen.keys().map(|(job, _)| *job).collect();
        let forgotten: BTreeSet<u64> = ids.difference(&known).copied().collect();
        for (element, state) in self.watch.recall(&forgotten, now) {
            seen.entry(element).or_insert(state);
        }
    }

    /// Asks Slurm to end tasks; those that wait for a pilot are taken out of the queue.
    ///
    /// # Errors
    /// A Slurm that does not answer.
    pub fn cancel(&mut self, keys: &[&str]) -> Result<(), SlurmError> {
        let mut elements = Vec::new();
        for key in keys {
            let Some(place) = self.places.remove(*key) else { continue };
            elements.extend(self.element(&place));
        }
        if let Some(queue) = &self.queue {
            queue.withdraw(keys).map_err(|error| SlurmError::file(&self.folder, &error))?;
        }
        self.commands.cancel(&elements)
    }

    /// Ends all jobs of the run that are not over, and forgets their tasks.
    ///
    /// # Errors
    /// A Slurm that does not answer.
    pub fn cancel_all(&mut self) -> Result<(), SlurmError> {
        let keys: Vec<String> = self.places.keys().cloned().collect();
        if let Some(queue) = &self.queue {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            queue.withdraw(&keys).map_err(|error| SlurmError::file(&self.folder, &error))?;
        }
        let busy = self.watched();
        let pilots = self.jobs.jobs().filter(|job| job.keys.is_empty()).filter_map(|job| job.id);
        let ids: BTreeSet<u64> = busy.into_iter().chain(pilots).collect();
        self.places.clear();
        self.commands.cancel(&ids.iter().map(u64::to_string).collect::<Vec<_>>())
    }

    /// Ends all jobs of the run, and tells pilots that no more will come.
    ///
    /// # Errors
    /// A Slurm that does not answer.
    pub fn close(&mut self) -> Result<(), SlurmError> {
        self.find_unnoted()?;
        if let Some(queue) = &self.queue {
            queue.close().map_err(|error| SlurmError::file(&self.folder, &error))?;
        }
        self.cancel_all()
    }

    /// How long a task of that stage may run.
    fn time(&self, stage: u32) -> Duration {
        self.times.get(&stage).copied().unwrap_or(self.settings.time)
    }

    /// Whether Slurm would allow no more time than this.
    fn is_longest(&self, time: Duration) -> bool {
        self.limits.longest_time.is_some_and(|longest| granted(time) >= longest)
    }

    /// A task that its limit killed gets twice the time, as far as the partition allows it.
    fn allow_more(&mut self, stage: u32, had: Duration) {
        let twice = had * 2;
        let more = self.limits.longest_time.map_or(twice, |longest| twice.min(longest));
        let time = self.times.entry(stage).or_insert(self.settings.time);
        *time = (*time).max(more);
    }

    /// What is told of a task whose job is over.
    fn lost(
        &self,
        end: End,
        (job, index): Element,
        node: &str,
        (name, time): (&str, Duration),
    ) -> Lost {
        let log = self.folder.join("logs").join(format!("{name}-{job}_{index}.log"));
        let scene = Scene {
            job: format!("{job}_{index}"),
            node,
            log: &log,
            time: granted(time),
            longest: self.is_longest(time),
            memory: self.settings.mem(),
        };
        Lost::new(end, &scene)
    }
}

impl Place {
    fn new(stage: u32, element: Option<(String, u32)>) -> Self {
        Self { stage, element, allowed: Duration::ZERO, started: false, over_since: None }
    }

    /// Whether the job has been over for so long that an outcome would have been seen.
    fn is_over(&mut self, now: Instant, grace: Duration) -> bool {
        now.duration_since(*self.over_since.get_or_insert(now)) >= grace
    }
}

pub(crate) fn check_time(settings: &SlurmSettings, limits: Limits) -> Result<(), SlurmError> {
    use crate::script::slurm_time;
    let Some(longest) = limits.longest_time.filter(|longest| granted(settings.time) > *longest)
    else {
        return Ok(());
    };
    let partition = settings.partition.as_deref().unwrap_or_default();
    Err(SlurmError::new(format!(
        "partition `{partition}` allows {} at most, and `time=` asks for {}",
        slurm_time(longest),
        slurm_time(granted(settings.time)),
    ))
    .hint("lower `time=`, or take another partition: `sinfo -o '%P %l'`"))
}
