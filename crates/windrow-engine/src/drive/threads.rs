//! Tasks on the session's own threads: the reference that other runners are compared with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinHandle;
use windrow_tasks::{
    AttemptId, Capabilities, Reach, Report, Runner, TaskError, TaskOutcome, TaskSpec,
};

use crate::task::{Job, attempt};

/// Carries out the tasks of one job in this process.
pub struct ThreadRunner {
    job: Arc<Job>,
    running: HashMap<AttemptId, JoinHandle<()>>,
    sender: Sender<Report>,
    reports: Receiver<Report>,
}

impl ThreadRunner {
    /// A runner for the tasks of `job`.
    pub(crate) fn new(job: Arc<Job>) -> Self {
        let (sender, reports) = channel();
        Self { job, running: HashMap::new(), sender, reports }
    }

    /// Whether it has nothing to do and nothing to tell.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }
}

impl Runner for ThreadRunner {
    fn name(&self) -> &str {
        "threads"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // While some wait for a file, others keep the threads busy.
            at_once: 2 * self.job.session().settings().workers,
            whole_stages: false,
            speculation: false,
            reach: Reach::Process,
            near_bytes: 0,
        }
    }

    fn start(&mut self, tasks: Vec<TaskSpec>) -> Result<(), TaskError> {
        for spec in tasks {
            let (job, sender) = (Arc::clone(&self.job), self.sender.clone());
            let id = spec.attempt;
            let task = self.job.session().handle().spawn(async move {
                let work = std::panic::AssertUnwindSafe(attempt(&job, &spec)).catch_unwind();
                let outcome = work.await.unwrap_or_else(|_| {
                    TaskOutcome::Fatal(TaskError::new("internal", "a thread of a task panicked"))
                });
                // Without a receiver the run is over.
                let _ = sender.send(Report::Ended { attempt: id, outcome });
            });
            self.running.insert(id, task);
        }
        Ok(())
    }

    fn cancel(&mut self, attempts: &[AttemptId]) {
        for attempt in attempts {
            if let Some(task) = self.running.remove(attempt) {
                task.abort();
            }
        }
    }

    fn report(&mut self, wait: Duration) -> Result<Vec<Report>, TaskError> {
        let mut reports = match self.reports.recv_timeout(wait) {
            Ok(first) => vec![first],
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => vec![],
        };
        reports.extend(self.reports.try_iter());
        for report in &reports {
            if let Report::Ended { attempt, .. } = report {
                self.running.remove(attempt);
            }
        }
        Ok(reports)
    }

    fn close(&mut self) {
        self.running.drain().for_each(|(_, task)| task.abort());
    }
}

impl Drop for ThreadRunner {
    fn drop(&mut self) {
        self.close();
    }
}
