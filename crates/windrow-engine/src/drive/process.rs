//! Tasks in processes of this machine: warm ones that take task after task, or one for each.
//!
//! ```text
//!  driver ── spec, one JSON line ──► stdin   windrow task --serve   stdout ── outcome, one line ──►
//! ```
//!
//! A process whose driver is gone reads the end of its input and ends at once, also in a task.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use windrow_tasks::{
    AttemptId, Capabilities, Reach, Report, Runner, TaskError, TaskOutcome, TaskSpec,
};

/// How processes are started.
#[derive(Debug, Clone)]
pub struct ProcessOptions {
    /// The program, and the arguments that make it serve tasks.
    pub command: Vec<String>,
    /// Variables that it gets besides this process's own.
    pub environment: Vec<(String, String)>,
    /// The folder that it works in; this process's own when not given.
    pub folder: Option<PathBuf>,
    /// How many run at a time.
    pub processes: usize,
    /// Whether each takes one task only.
    pub one_task_each: bool,
}

/// What a process tells, by its number.
enum Heard {
    Line(u64, String),
    End(u64),
}

struct Worker {
    number: u64,
    process: Child,
    stdin: Option<ChildStdin>,
    task: Option<AttemptId>,
}

/// Carries out tasks in processes of this machine.
pub struct ProcessRunner {
    options: ProcessOptions,
    waiting: VecDeque<TaskSpec>,
    workers: Vec<Worker>,
    next: u64,
    sender: Sender<Heard>,
    heard: Receiver<Heard>,
    /// Processes in a row that ended before they had done anything.
    stillborn: u32,
}

/// So many processes that end before their first task mean that none will live.
const STILLBORN: u32 = 5;
/// How long processes may take to end by themselves.
const GRACE: Duration = Duration::from_secs(2);

impl ProcessRunner {
    /// A runner; processes start with the first tasks.
    #[must_use]
    pub fn new(options: ProcessOptions) -> Self {
        let (sender, heard) = channel();
        Self {
            options,
            waiting: VecDeque::new(),
            workers: Vec::new(),
            next: 0,
            sender,
            heard,
            stillborn: 0,
        }
    }

    /// The processes that run now.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.workers.iter().map(|worker| worker.process.id()).collect()
    }

    fn spawn(&mut self) -> Result<usize, TaskError> {
        let unstarted = |error: &dyn std::fmt::Display| {
            let program = self.options.command.first().map_or("", String::as_str);
            TaskError::resources(format!("cannot start `{program}` for tasks: {error}"))
                .hint("look at the limits on processes and open files, or use fewer processes")
        };
        let Some((program, arguments)) = self.options.command.split_first() else {
            return Err(TaskError::new("internal", "no command for tasks"));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(folder) = &self.options.folder {
            command.current_dir(folder);
        }
        let mut process = command.spawn().map_err(|error| unstarted(&error))?;
        let number = self.next;
        self.next += 1;
        let stdin = process.stdin.take();
        if let Some(stdout) = process.stdout.take() {
            let sender = self.sender.clone();
            let listen = move || {
                for line in BufReader::new(stdout).lines() {
                    let Ok(line) = line else { break };
                    if sender.send(Heard::Line(number, line)).is_err() {
                        return;
                    }
                }
                let _ = sender.send(Heard::End(number));
            };
            std::thread::Builder::new()
                .name("windrow-tasks".to_owned())
                .spawn(listen)
                .map_err(|error| unstarted(&error))?;
        }
        self.workers.push(Worker { number, process, stdin, task: None });
        Ok(self.workers.len() - 1)
    }

    /// Gives waiting tasks to processes that have none.
    fn assign(&mut self) -> Result<Vec<Report>, TaskError> {
        let mut reports = Vec::new();
        while !self.waiting.is_empty() {
            let idle =
                self.workers.iter().position(|one| one.task.is_none() && one.stdin.is_some());
            let place = match idle {
                Some(place) => place,
                None if self.workers.len() < self.options.processes => self.spawn()?,
                None => break,
            };
            let Some(spec) = self.waiting.pop_front() else { break };
            let attempt = spec.attempt;
            let mut line = serde_json::to_vec(&spec)
                .map_err(|error| TaskError::new("internal", error.to_string()))?;
            line.push(b'\n');
            let worker = &mut self.workers[place];
            worker.task = Some(attempt);
            reports.push(Report::Started { attempt });
            // A process that died since is heard of soon.
            let _ = worker.stdin.as_mut().map(|stdin| stdin.write_all(&line));
        }
        Ok(reports)
    }

    fn hear(&mut self, heard: Heard) -> Result<Option<Report>, TaskError> {
        match heard {
            Heard::Line(number, line) => {
                let Some(worker) = self.workers.iter_mut().find(|one| one.number == number) else {
                    return Ok(None);
                };
                let Some(attempt) = worker.task.take() else { return Ok(None) };
                self.stillborn = 0;
                if self.options.one_task_each {
                    worker.stdin = None;
                }
                let outcome = TaskOutcome::from_json(line.as_bytes()).unwrap_or_else(|error| {
                    TaskOutcome::Retry(TaskError::resources(format!(
                        "a process gave something that is no outcome: {error}"
                    )))
                });
                Ok(Some(Report::Ended { attempt, outcome }))
            }
            Heard::End(number) => {
                let Some(place) = self.workers.iter().position(|one| one.number == number) else {
                    return Ok(None);
                };
                let mut worker = self.workers.swap_remove(place);
                let status = worker.process.wait();
                let Some(attempt) = worker.task else { return Ok(None) };
                let reason = status.map_or_else(|error| error.to_string(), ended);
                self.stillborn += 1;
                if self.stillborn >= STILLBORN * u32::try_from(self.options.processes).unwrap_or(1)
                {
                    return Err(TaskError::resources(format!(
                        "the processes for tasks do not live: the last one {reason}"
                    ))
                    .hint("what they printed on standard error is above"));
                }
                Ok(Some(Report::Lost { attempt, reason }))
            }
        }
    }
}

/// How a process ended, in words that follow "it".
fn ended(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) => "was killed by SIGKILL, likely out of memory".to_owned(),
        (Some(15), _) => "was killed by SIGTERM".to_owned(),
        (Some(11), _) => "was killed by SIGSEGV".to_owned(),
        (Some(6), _) => "was killed by SIGABRT".to_owned(),
        (Some(signal), _) => format!("was killed by signal {signal}"),
        (None, Some(code)) => format!("ended with code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

impl Runner for ProcessRunner {
    fn name(&self) -> &str {
        "local"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            at_once: self.options.processes,
            whole_stages: false,
            speculation: true,
            reach: Reach::Machine,
            near_bytes: 0,
        }
    }

    fn start(&mut self, tasks: Vec<TaskSpec>) -> Result<(), TaskError> {
        self.waiting.extend(tasks);
        Ok(())
    }

    fn cancel(&mut self, attempts: &[AttemptId]) {
        self.waiting.retain(|spec| !attempts.contains(&spec.attempt));
        for worker in &mut self.workers {
            if worker.task.is_some_and(|task| attempts.contains(&task)) {
                worker.task = None;
                worker.stdin = None;
                let _ = worker.process.kill();
            }
        }
    }

    fn report(&mut self, wait: Duration) -> Result<Vec<Report>, TaskError> {
        let mut reports = self.assign()?;
        let wait = if reports.is_empty() { wait } else { Duration::ZERO };
        let first = self.heard.recv_timeout(wait).ok();
        let heard: Vec<Heard> = first.into_iter().chain(self.heard.try_iter()).collect();
        for one in heard {
            reports.extend(self.hear(one)?);
        }
        reports.extend(self.assign()?);
        Ok(reports)
    }

    fn close(&mut self) {
        self.waiting.clear();
        for worker in &mut self.workers {
            // One that is in a task ends by itself as well: nobody reads what it would say.
            worker.stdin = None;
        }
        let deadline = Instant::now() + GRACE;
        for mut worker in self.workers.drain(..) {
            while matches!(worker.process.try_wait(), Ok(None)) {
                if Instant::now() > deadline {
                    let _ = worker.process.kill();
                    let _ = worker.process.wait();
                    break;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

impl Drop for ProcessRunner {
    fn drop(&mut self) {
        self.close();
    }
}
