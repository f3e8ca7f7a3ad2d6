//! The life of a pilot: take, execute, tell; until there is nothing more to do or no time for it.

use std::collections::HashMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::queue::{Next, Queue, Taker};

/// What a pilot is told at its start.
#[derive(Debug, Clone)]
pub struct Pilot {
    /// Its name, which no other has: Slurm's `JOB_INDEX`.
    pub name: String,
    /// It ends when there was nothing to do for this long.
    pub idle: Duration,
    /// It ends after this time, and starts nothing that would not be finished by then.
    pub time: Option<Duration>,
}

/// Why a pilot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The driver said so.
    Closed,
    /// Nothing to do.
    Idle,
    /// No time for any of the tasks that wait.
    Time,
}

/// What a pilot did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How many tasks it executed.
    pub tasks: u64,
    /// Why it ended.
    pub why: Why,
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Pilot {
    /// Executes tasks: `execute` makes an outcome of a spec.
    ///
    /// # Errors
    /// Storage that fails; a task that was taken then is told as lost once Slurm says that the
    /// pilot is over.
    pub fn work(
        &self,
        queue: &Queue,
        execute: &mut dyn FnMut(&[u8]) -> Vec<u8>,
    ) -> io::Result<Summary> {
        let start = Instant::now();
        let mut taker = Taker::new(queue.clone(), &self.name)?;
        let mut longest: HashMap<u32, Duration> = HashMap::new();
        let (mut tasks, mut useful, mut pause) = (0, Instant::now(), SHORTEST_PAUSE);
        loop {
            if queue.is_closed() {
                return Ok(Summary { tasks, why: Why::Closed });
            }
            let left = self.time.map(|time| time.saturating_sub(start.elapsed()));
            let needs = |stage, told: Duration| {
                // The next may take a little longer than the longest so far.
                longest.get(&stage).map_or(told, |seen| told.max(*seen * 5 / 4))
            };
            match taker.take(left, needs)? {
                Next::Task(taken) => {
                    let began = Instant::now();
                    let outcome = execute(&taken.spec);
                    queue.finish(&taken, &outcome)?;
                    let took = longest.entry(taken.stage).or_default();
                    *took = (*took).max(began.elapsed());
                    tasks += 1;
                    (useful, pause) = (Instant::now(), SHORTEST_PAUSE);
                    continue;
                }
                Next::TooLong => return Ok(Summary { tasks, why: Why::Time }),
                Next::Empty if left.is_some_and(|left| left.is_zero()) => {
                    return Ok(Summary { tasks, why: Why::Time });
                }
                Next::Empty if useful.elapsed() >= self.idle => {
                    return Ok(Summary { tasks, why: Why::Idle });
                }
                Next::Empty => {}
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
