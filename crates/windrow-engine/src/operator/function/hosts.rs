//! What a task context says about where functions run.

use std::fmt;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use futures::channel::oneshot;
use windrow_events::{Event, EventBus, now_millis};
use windrow_workers::{CallId, Failure, FunctionHost, RowCall, RowReply};

use crate::error::Error;

type MakeHost = dyn Fn() -> crate::Result<Arc<dyn FunctionHost>> + Send + Sync;

/// Where the functions of a run are called, and how closely native code is watched; carried by the
/// session's configuration.
pub struct FunctionHosts {
    host: Box<MakeHost>,
    near: Option<Arc<dyn FunctionHost>>,
    verify: f64,
    events: EventBus,
}

impl FunctionHosts {
    /// Hosts made (or started) by `host` when the first function is called.
    pub fn new(
        host: impl Fn() -> crate::Result<Arc<dyn FunctionHost>> + Send + Sync + 'static,
    ) -> Self {
        Self { host: Box::new(host), near: None, verify: 0.0, events: EventBus::default() }
    }

    /// Calls functions on the rows that leave native code in `near`, while they are few.
    #[must_use]
    pub fn with_near(mut self, near: Option<Arc<dyn FunctionHost>>) -> Self {
        self.near = near;
        self
    }

    /// Calls functions again in the interpreter on this share of the rows that native code answers.
    #[must_use]
    pub fn with_verified_share(mut self, share: f64) -> Self {
        self.verify = share;
        self
    }

    /// Tells there what the user should know.
    #[must_use]
    pub fn with_events(mut self, events: EventBus) -> Self {
        self.events = events;
        self
    }

    /// The hosts that `context` names.
    ///
    /// # Errors
    /// No hosts in the context.
    pub fn of(context: &TaskContext) -> Result<Arc<Self>> {
        context.session_config().get_extension::<Self>().ok_or_else(|| {
            external(Error::internal("this plan calls functions, and its context has no host"))
        })
    }

    /// Where functions are called.
    ///
    /// # Errors
    /// Workers that cannot be started.
    pub fn host(&self) -> Result<Arc<dyn FunctionHost>> {
        (self.host)().map_err(external)
    }

    /// Where a function is called on rows that left native code; `few`: not many have so far.
    pub(super) fn host_for_leaving(&self, few: bool) -> Result<Arc<dyn FunctionHost>> {
        match &self.near {
            Some(near) if few => Ok(Arc::clone(near)),
            _ => self.host(),
        }
    }

    pub(super) fn verified_share(&self) -> f64 {
        self.verify
    }

    pub(super) fn note(&self, text: String) {
        self.events.emit(&Event::Note { run: None, at: now_millis(), text });
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
