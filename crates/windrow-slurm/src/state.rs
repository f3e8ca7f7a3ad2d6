//! What was submitted, in a file, so that another driver can go on with it.
//!
//! JSON lines: each job is noted before it is submitted (its name, file and tasks) and again when
//! its id is known. A job whose id was not noted is found by its name.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::SlurmError;

/// One array job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its unique name.
    pub name: String,
    /// The id that Slurm gave it.
    pub id: Option<u64>,
    /// The stage of its tasks.
    pub stage: u32,
    /// What its elements may run at most, in seconds.
    pub seconds: u64,
    /// The tasks of its elements, in order; none for pilots.
    pub keys: Vec<String>,
    /// How many elements it has.
    pub elements: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Intent(Job),
    Submitted {
        name: String,
        id: u64,
    },
    /// A task that waits in the pilots' queue.
    Queued {
        key: String,
        stage: u32,
    },
}

/// The file of jobs.
#[derive(Debug)]
pub struct Jobs {
    path: PathBuf,
    file: File,
    jobs: BTreeMap<String, Job>,
    queued: BTreeMap<String, u32>,
}

impl Jobs {
    /// Opens the file, or begins it.
    ///
    /// # Errors
    /// A folder that cannot be written, or a file that is not ours.
    pub fn open(path: &Path) -> Result<Self, SlurmError> {
        let failed = |error: io::Error| SlurmError::file(path, &error);
        let mut jobs = BTreeMap::new();
        let mut queued = BTreeMap::new();
        let mut whole = 0;
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let mut reader = BufReader::new(&mut file);
        let mut text = Vec::new();
        while reader.read_until(b'\n', &mut text).map_err(failed)? > 0 && text.ends_with(b"\n") {
            let line = serde_json::from_slice(&text).map_err(|error| {
                SlurmError::new(format!("`{}` is no record of slurm jobs: {error}", path.display()))
            })?;
            match line {
                Line::Intent(job) => {
                    jobs.insert(job.name.clone(), job);
                }
                Line::Submitted { name, id } => {
                    if let Some(job) = jobs.get_mut(&name) {
                        job.id = Some(id);
                    }
                }
                Line::Queued { key, stage } => {
                    queued.insert(key, stage);
                }
            }
            whole += text.len() as u64;
            text.clear();
        }
        // A line that a dying driver left half written.
        file.set_len(whole).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, jobs, queued })
    }

    /// All jobs, by name.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// How many jobs were ever noted.
    pub fn count(&self) -> usize {
        self.jobs.len()
    }

    /// The tasks that were put into the pilots' queue, and their stages.
    pub fn queued(&self) -> impl Iterator<Item = (&str, u32)> {
        self.queued.iter().map(|(key, stage)| (key.as_str(), *stage))
    }

    /// Notes a job that is about to be submitted.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn intend(&mut self, job: Job) -> Result<(), SlurmError> {
        self.append(&[Line::Intent(job.clone())])?;
        self.jobs.insert(job.name.clone(), job);
        Ok(())
    }

    /// Notes the id of a job.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn submitted(&mut self, name: &str, id: u64) -> Result<(), SlurmError> {
        self.append(&[Line::Submitted { name: name.to_owned(), id }])?;
        if let Some(job) = self.jobs.get_mut(name) {
            job.id = Some(id);
        }
        Ok(())
    }

    /// Notes tasks that wait for a pilot.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn queue(&mut self, tasks: &[(String, u32)]) -> Result<(), SlurmError> {
        let lines: Vec<Line> = tasks
            .iter()
            .map(|(key, stage)| Line::Queued { key: key.clone(), stage: *stage })
            .collect();
        self.append(&lines)?;
        self.queued.extend(tasks.iter().cloned());
        Ok(())
    }

    fn append(&mut self, lines: &[Line]) -> Result<(), SlurmError> {
        let failed = |error: io::Error| SlurmError::file(&self.path, &error);
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(|error| failed(error.into()))?;
            text.push(b'\n');
        }
        self.file.write_all(&text).and_then(|()| self.file.sync_data()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::{Job, Jobs};

    fn job(name: &str) -> Job {
        Job {
            name: name.to_owned(),
            id: None,
            stage: 1,
            seconds: 60,
            keys: vec!["a".to_owned()],
            elements: 1,
        }
    }

    #[test]
    fn another_driver_reads_what_was_noted_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs");
        let mut jobs = Jobs::open(&path).unwrap();
        jobs.intend(job("one")).unwrap();
        jobs.submitted("one", 12).unwrap();
        jobs.intend(job("two")).unwrap();
        jobs.queue(&[("b".to_owned(), 2)]).unwrap();
        drop(jobs);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"intent\":{\"na")
            .unwrap();

        let mut jobs = Jobs::open(&path).unwrap();
        let ids: Vec<_> = jobs.jobs().map(|job| (job.name.clone(), job.id)).collect();
        assert_eq!(ids, [("one".to_owned(), Some(12)), ("two".to_owned(), None)]);
        assert_eq!(jobs.queued().collect::<Vec<_>>(), [("b", 2)]);
        jobs.submitted("two", 13).unwrap();
        assert!(Jobs::open(&path).unwrap().jobs().all(|job| job.id.is_some()));
    }

    #[test]
    fn another_file_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs");
        std::fs::write(&path, "my notes\n").unwrap();
        assert!(Jobs::open(&path).unwrap_err().message().contains("is no record of slurm jobs"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "my notes\n");
    }
}
