//! From those who emit events to those who watch.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::event::Event;

/// Watches events. It is called on whatever thread emits, so it must be quick and must not block.
pub trait Observer: Send + Sync {
    /// Takes notice of `event`.
    fn observe(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn observe(&self, event: &Event) {
        self(event);
    }
}

/// Names an observer to its bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObserverId(u64);

#[derive(Default)]
struct Inner {
    next: u64,
    // Copied when it changes, so that nobody is called while the lock is held.
    observers: Arc<Vec<(ObserverId, Arc<dyn Observer>)>>,
}

/// Hands every event to several observers, in the order they were added. Cheap to clone: clones
/// share their observers.
#[derive(Clone, Default)]
pub struct EventBus {
    inner: Arc<RwLock<Inner>>,
}

impl EventBus {
    /// Adds `observer`; it sees what is emitted from now on.
    pub fn add(&self, observer: Arc<dyn Observer>) -> ObserverId {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let id = ObserverId(inner.next);
        inner.next += 1;
        Arc::make_mut(&mut inner.observers).push((id, observer));
        id
    }

    /// Removes an observer; one that is being called may see that event to its end.
    pub fn remove(&self, id: ObserverId) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut inner.observers).retain(|(known, _)| *known != id);
    }

    /// Gives `event` to all observers.
    pub fn emit(&self, event: &Event) {
        let observers = self.snapshot();
        for (_, observer) in observers.iter() {
            observer.observe(event);
        }
    }

    /// True when nobody watches, so that what only events need can be left out.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.snapshot().is_empty()
    }

    fn snapshot(&self) -> Arc<Vec<(ObserverId, Arc<dyn Observer>)>> {
        Arc::clone(&self.inner.read().unwrap_or_else(PoisonError::into_inner).observers)
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventBus").field("observers", &self.snapshot().len()).finish()
    }
}
