//! Running Slurm's commands: those on `PATH`, with a time limit, and none of this job's own variables.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::SlurmError;
use crate::parse;

/// Where the commands are found and how long they may take.
#[derive(Debug, Clone)]
pub struct Commands {
    /// Variables that differ from this process's own, such as `PATH` or `SLURM_CONF`.
    pub environment: Vec<(String, String)>,
    /// After this time a command that has not answered is killed.
    pub timeout: Duration,
    /// Waits between attempts to submit while the controller does not answer.
    pub pauses: Vec<Duration>,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            environment: Vec::new(),
            timeout: Duration::from_secs(30),
            pauses: [1, 2, 5, 10, 20].map(Duration::from_secs).to_vec(),
        }
    }
}

/// Why a command gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandError {
    /// It is not on `PATH`.
    Missing,
    /// It did not answer in time.
    Timeout(Duration),
    /// It could not be started or read.
    System(String),
    /// It ended with another exit code than 0; what it said, to standard error if it did.
    Failed(String),
}

impl CommandError {
    /// Whether the same command may well succeed a little later.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Missing | Self::System(_) => false,
            Self::Timeout(_) => true,
            Self::Failed(said) => parse::passes(said),
        }
    }

    /// As an error for people, about `program`.
    pub(crate) fn explain(&self, program: &str) -> SlurmError {
        match self {
            Self::Missing => SlurmError::new(format!("there is no `{program}` here"))
                .hint("run this where Slurm's commands are: on a login node, or inside a job"),
            Self::Timeout(limit) => {
                SlurmError::new(format!("`{program}` did not answer within {} s", limit.as_secs()))
                    .hint("Slurm's controller may be down: try `sinfo`")
            }
            Self::System(reason) => SlurmError::new(format!("`{program}` cannot be run: {reason}")),
            Self::Failed(said) => {
                let error = SlurmError::new(format!("`{program}` failed: {said}"));
                match parse::advice(said) {
                    Some(hint) => error.hint(hint),
                    None => error,
                }
            }
        }
    }
}

impl Commands {
    /// Gives a script to `sbatch`; the id of the job. `name` is its unique name: a submission that
    /// seemed to fail but did not is found by it.
    ///
    /// # Errors
    /// A job that Slurm does not take, or a controller that does not answer for long.
    pub fn submit(&self, script: &Path, name: &str) -> Result<u64, SlurmError> {
        let path = script.to_string_lossy();
        let mut pauses = self.pauses.iter();
        loop {
            let error = match self.run("sbatch", &["--parsable", &path]) {
                Ok(said) => {
                    return parse::submitted(&said).ok_or_else(|| {
                        SlurmError::new(format!(
                            "`sbatch` answered `{}`, which has no job id",
                            said.trim()
                        ))
                    });
                }
                Err(error) => error,
            };
            let Some(pause) = pauses.next().filter(|_| error.passes()) else {
                return Err(error.explain("sbatch"));
            };
            thread::sleep(*pause);
            if let Ok(Some(job)) = self.find(name) {
                return Ok(job);
            }
        }
    }

    /// The job of this name, if there is one.
    ///
    /// # Errors
    /// A controller that does not answer.
    pub fn find(&self, name: &str) -> Result<Option<u64>, SlurmError> {
        let arguments = ["--noheader", "--states=all", "--name", name, "-O", "ArrayJobID:30"];
        let said = self.run("squeue", &arguments).map_err(|error| error.explain("squeue"))?;
        Ok(said.split_whitespace().filter_map(|word| word.parse().ok()).max())
    }

    /// Cancels jobs (`12`) and elements of arrays (`12_3`); what has ended already is left alone.
    ///
    /// # Errors
    /// A controller that does not answer.
    pub fn cancel(&self, jobs: &[String]) -> Result<(), SlurmError> {
        for some in jobs.chunks(500) {
            let mut arguments = vec!["--quiet"];
            arguments.extend(some.iter().map(String::as_str));
            match self.run("scancel", &arguments) {
                Err(CommandError::Failed(said)) if parse::is_over(&said) => {}
                Err(error) => return Err(error.explain("scancel")),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// The standard output of a command.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<String, CommandError> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Inside a job, that job's own variables would be taken for options.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("SLURM_") && !matches!(&*name, "SLURM_CONF" | "SLURM_CLUSTERS") {
                command.env_remove(&*name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // A group of its own: Ctrl-C is ours to handle, and what it starts can be ended with it.
        let child = command.process_group(0).spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CommandError::Missing,
            _ => CommandError::System(error.to_string()),
        })?;
        self.answer(child)
    }

    fn answer(&self, mut child: Child) -> Result<String, CommandError> {
        let deadline = Instant::now() + self.timeout;
        let output = child.stdout.take().map(read_all);
        let errors = child.stderr.take().map(read_all);
        let status = wait(&mut child, deadline);
        let collected = |text: Option<Receiver<String>>| {
            let rest = deadline.saturating_duration_since(Instant::now());
            text.and_then(|text| text.recv_timeout(rest.max(Duration::from_millis(100))).ok())
        };
        let (said, complained) = (collected(output), collected(errors));
        match (status, said) {
            (Ok(Some(status)), Some(said)) if status.success() => Ok(said),
            // `scontrol` complains to its standard output.
            (Ok(Some(status)), Some(said)) => {
                let texts = [complained.unwrap_or_default(), said];
                Err(CommandError::Failed(complaint(&texts, status)))
            }
            (Err(error), _) => Err(CommandError::System(error.to_string())),
            _ => {
                end(&mut child);
                Err(CommandError::Timeout(self.timeout))
            }
        }
    }
}

/// The first of `texts` that says something, in one line.
fn complaint(texts: &[String], status: ExitStatus) -> String {
    let lines = |text: &String| -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    let said = texts.iter().map(lines).find(|lines| !lines.is_empty());
    said.map_or_else(|| status.to_string(), |lines| lines.join("; "))
}

/// Reads to the end in a thread: the two pipes fill independently.
fn read_all(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before a failure is better than nothing.
        let _ = pipe.read_to_end(&mut bytes);
        // Nobody listens any more once the time is up.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// None when the deadline passed first.
fn wait(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Ends the command and what it started.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself in the meantime.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
