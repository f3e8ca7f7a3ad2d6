//! What a task context says about where functions run.

use std::fmt;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use futures::channel::oneshot;
use windrow_workers::{CallId, Failure, FunctionHost, RowCall, RowReply};

use crate::error::Error;

/// Gives the function host of a run; carried by the session's configuration.
pub struct FunctionHosts {
    host: Box<dyn Fn() -> crate::Result<Arc<dyn FunctionHost>> + Send + Sync>,
}

impl FunctionHosts {
    /// Hosts made (or started) by `host` when the first function is called.
    pub fn new(
        host: impl Fn() -> crate::Result<Arc<dyn FunctionHost>> + Send + Sync + 'static,
    ) -> Self {
        Self { host: Box::new(host) }
    }

    /// The host that `context` names.
    ///
    /// # Errors
    /// No host in the context, or workers that cannot be started.
    pub fn of(context: &TaskContext) -> Result<Arc<dyn FunctionHost>> {
        let hosts = context.session_config().get_extension::<Self>().ok_or_else(|| {
            external(Error::internal("this plan calls functions, and its context has no host"))
        })?;
        (hosts.host)().map_err(external)
    }
}

impl fmt::Debug for FunctionHosts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FunctionHosts")
    }
}

/// Our error as DataFusion carries it.
pub(crate) fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// A call in flight; dropping it cancels it.
pub(crate) struct Pending {
    host: Arc<dyn FunctionHost>,
    call: CallId,
    answer: Option<oneshot::Receiver<Result<RowReply, Failure>>>,
}

impl Pending {
    /// Starts `call` on `host`.
    pub(crate) fn start(host: &Arc<dyn FunctionHost>, call: RowCall) -> Self {
        let (sender, answer) = oneshot::channel();
        let call = host.submit(
            call,
            Box::new(move |outcome| {
                // Nobody waits any more when the run was cancelled.
                let _ = sender.send(outcome);
            }),
        );
        Self { host: Arc::clone(host), call, answer: Some(answer) }
    }

    /// Waits for the answer.
    pub(crate) async fn answer(mut self) -> Result<RowReply, Failure> {
        let Some(answer) = self.answer.take() else {
            return Err(Failure::Cancelled);
        };
        let host = Arc::clone(&self.host);
        let guard = CancelOnDrop { host, call: Some(self.call) };
        let outcome = answer.await.unwrap_or(Err(Failure::Cancelled));
        guard.disarm();
        outcome
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.answer.is_some() {
            self.host.cancel(self.call);
        }
    }
}

struct CancelOnDrop {
    host: Arc<dyn FunctionHost>,
    call: Option<CallId>,
}

impl CancelOnDrop {
    fn disarm(mut self) {
        self.call = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(call) = self.call {
            self.host.cancel(call);
        }
    }
}
