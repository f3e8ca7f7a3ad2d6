//! Waiting for what a session's threads do, and their end.

use std::sync::PoisonError;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use futures::future::AbortHandle;

use super::Session;
use crate::error::{Error, Fault, Result};

/// How often a wait looks for an interrupt.
const SLICE: Duration = Duration::from_millis(20);
/// How long an interrupted run may take to wind down before it is left to itself.
const WIND_DOWN: Duration = Duration::from_millis(1500);

impl Session {
    /// Runs `work` on the session's threads; an interrupt cancels it.
    ///
    /// # Errors
    /// Those of `work`, and [`Fault::Cancelled`].
    pub fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.wait_with(work, &mut || ())
    }

    /// As [`Session::wait`]; `look` is called on this thread every now and then.
    ///
    /// # Errors
    /// Those of `work`, [`Fault::Cancelled`], and in a fork of the process that made the session.
    pub fn wait_with<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
        look: &mut dyn FnMut(),
    ) -> Result<T> {
        if !self.inner.scratch.is_ours() {
            return Err(forked());
        }
        let (sender, receiver) = sync_channel(1);
        let (abort, registration) = AbortHandle::new_pair();
        let task = self.inner.handle.spawn(async move {
            let outcome = futures::future::Abortable::new(work, registration).await;
            let _ = sender.send(outcome);
        });
        let mut cancelled = false;
        loop {
            match receiver.recv_timeout(if cancelled { WIND_DOWN } else { SLICE }) {
                Ok(Ok(outcome)) if !cancelled => return outcome,
                Ok(_) => return Err(cancellation()),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::internal("a thread of the engine panicked")
                        .hint("please report this with the message above"));
                }
                Err(RecvTimeoutError::Timeout) if cancelled => {
                    task.abort();
                    return Err(cancellation());
                }
                Err(RecvTimeoutError::Timeout) => {
                    look();
                    if (self.inner.surroundings.interrupted)() {
                        cancelled = true;
                        abort.abort();
                    }
                }
            }
        }
    }

    /// Ends workers and threads and removes temporary files. The session cannot run plans after it.
    pub fn close(&self) {
        if !self.inner.scratch.is_ours() {
            return;
        }
        let runtime = self.inner.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(WIND_DOWN);
        }
        self.inner.scratch.remove();
    }
}

fn cancellation() -> Error {
    Error::new(Fault::Cancelled, "the run was interrupted")
}

fn forked() -> Error {
    Error::plan("this frame belongs to the process that made it, not to its fork")
        .hint("make the frame in the process that computes it")
}
