//! Calls whose end was to be announced and that have ended, by number.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Calls whose end was to be announced and that have ended, by number.
#[derive(Default)]
pub(super) struct Finished {
    calls: Mutex<VecDeque<u64>>,
    changed: Condvar,
}

impl Finished {
    pub(super) fn push(&self, call: u64) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push_back(call);
        self.changed.notify_all();
    }

    /// Waits for such calls until `deadline` at most.
    pub(super) fn take_until(&self, deadline: Instant) -> Vec<u64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        while calls.is_empty() {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(calls, rest);
            calls = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        calls.drain(..).collect()
    }
}
