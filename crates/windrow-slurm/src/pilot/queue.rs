//! The queue: a folder for each state of a task, and a rename for each change.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::write_whole;

/// The queue's folder. Many processes of many machines may hold it at the same time.
#[derive(Debug, Clone)]
pub struct Queue {
    folder: PathBuf,
}

/// A task that a pilot has taken: nobody else runs it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its name.
    pub key: String,
    /// Its stage.
    pub stage: u32,
    /// Its spec.
    pub spec: Vec<u8>,
    path: PathBuf,
}

/// The name of a waiting task's file: what a pilot must know before it takes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    order: u64,
    seconds: u64,
    stage: u32,
    key: String,
}

impl Label {
    fn file(&self) -> String {
        format!("{:010}.{}.{}.{}", self.order, self.seconds, self.stage, self.key)
    }

    fn parse(file: &str) -> Option<Self> {
        let mut parts = file.splitn(4, '.');
        Some(Self {
            order: parts.next()?.parse().ok()?,
            seconds: parts.next()?.parse().ok()?,
            stage: parts.next()?.parse().ok()?,
            key: parts.next()?.to_owned(),
        })
    }
}

impl Queue {
    /// Makes the folders, or opens the queue again.
    ///
    /// # Errors
    /// A place that cannot be written.
    pub fn create(folder: &Path) -> io::Result<Self> {
        for name in ["todo", "taken", "outcomes"] {
            fs::create_dir_all(folder.join(name))?;
        }
        // A driver before closed it.
        gone_is_fine(fs::remove_file(folder.join("closed")))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// A queue that is there.
    ///
    /// # Errors
    /// A folder that is none, or cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::metadata(folder.join("todo"))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where outcomes are put, a file `KEY.json` for each.
    pub fn outcomes(&self) -> PathBuf {
        self.folder.join("outcomes")
    }

    /// Lets a task be taken, after those of smaller `order`, by pilots that have `seconds` left.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn put(
        &self,
        order: u64,
        seconds: u64,
        (stage, key): (u32, &str),
        spec: &[u8],
    ) -> io::Result<()> {
        let label = Label { order, seconds, stage, key: key.to_owned() };
        write_whole(&self.folder.join("todo").join(label.file()), spec)
    }

    /// The names of the tasks that nobody has taken, in order.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn waiting(&self) -> io::Result<Vec<String>> {
        Ok(self.labels()?.into_iter().map(|label| label.key).collect())
    }

    fn labels(&self) -> io::Result<Vec<Label>> {
        let names = file_names(&self.folder.join("todo"))?;
        let mut labels: Vec<Label> = names.iter().filter_map(|name| Label::parse(name)).collect();
        labels.sort();
        Ok(labels)
    }

    /// Takes waiting tasks out of the queue, so that nobody runs them; those that are taken stay.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn withdraw(&self, keys: &[&str]) -> io::Result<()> {
        for label in self.labels()? {
            if keys.contains(&label.key.as_str()) {
                gone_is_fine(fs::remove_file(self.folder.join("todo").join(label.file())))?;
            }
        }
        Ok(())
    }

    /// What pilots have taken and not finished: the pilot and the task's name.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn taken(&self) -> io::Result<Vec<(String, String)>> {
        let mut taken = Vec::new();
        for pilot in file_names(&self.folder.join("taken"))? {
            for key in file_names(&self.folder.join("taken").join(&pilot))? {
                taken.push((pilot.clone(), key));
            }
        }
        Ok(taken)
    }

    /// Forgets that a pilot, which is no more, had taken a task.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn forget(&self, pilot: &str, key: &str) -> io::Result<()> {
        gone_is_fine(fs::remove_file(self.folder.join("taken").join(pilot).join(key)))
    }

    /// Tells all pilots to end after the task that they are at.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn close(&self) -> io::Result<()> {
        write_whole(&self.folder.join("closed"), b"")
    }

    /// Whether pilots shall end.
    pub fn is_closed(&self) -> bool {
        self.folder.join("closed").exists()
    }

    /// Gives a task's outcome and lets go of it.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn finish(&self, taken: &Taken, outcome: &[u8]) -> io::Result<()> {
        write_whole(&self.outcomes().join(format!("{}.json", taken.key)), outcome)?;
        gone_is_fine(fs::remove_file(&taken.path))
    }
}

/// One pilot's way to tasks; it remembers a listing, so that each is read from the folder once.
#[derive(Debug)]
pub struct Taker {
    queue: Queue,
    mine: PathBuf,
    listed: VecDeque<Label>,
}

/// What a pilot may do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// This.
    Task(Taken),
    /// Nothing, for now.
    Empty,
    /// There are tasks, but none that ends before the pilot does.
    TooLong,
}

impl Taker {
    /// For the pilot of that name, which no other may have.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn new(queue: Queue, pilot: &str) -> io::Result<Self> {
        let mine = queue.folder.join("taken").join(pilot);
        fs::create_dir_all(&mine)?;
        Ok(Self { queue, mine, listed: VecDeque::new() })
    }

    /// Takes the first task that fits: `needs` tells how long one of a stage takes, given what its
    /// label says; `left` is the pilot's own time, none for no limit.
    ///
    /// # Errors
    /// Storage that fails.
    pub fn take(
        &mut self,
        left: Option<Duration>,
        needs: impl Fn(u32, Duration) -> Duration,
    ) -> io::Result<Next> {
        let mut too_long = false;
        if self.listed.is_empty() {
            self.listed = self.queue.labels()?.into();
        }
        while let Some(label) = self.listed.pop_front() {
            let needed = needs(label.stage, Duration::from_secs(label.seconds));
            if left.is_some_and(|left| needed > left) {
                too_long = true;
                continue;
            }
            if let Some(taken) = self.try_take(&label)? {
                return Ok(Next::Task(taken));
            }
        }
        Ok(if too_long { Next::TooLong } else { Next::Empty })
    }

    fn try_take(&self, label: &Label) -> io::Result<Option<Taken>> {
        let path = self.mine.join(&label.key);
        match fs::rename(self.queue.folder.join("todo").join(label.file()), &path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Somebody else was first; or over NFS it was us, and the answer was lost.
                if !path.exists() {
                    return Ok(None);
                }
            }
            Err(error) => return Err(error),
        }
        let spec = fs::read(&path)?;
        Ok(Some(Taken { key: label.key.clone(), stage: label.stage, spec, path }))
    }
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Names in a folder, without those that are being written.
fn file_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
