//! A call that its caller may take back as long as no worker was given it.

use std::sync::atomic::{AtomicU8, Ordering};

const OPEN: u8 = 0;
const PASSED: u8 = 1;
const SHUT: u8 = 2;

/// Decides, once, whether a call goes to a worker or was taken back before.
#[derive(Debug, Default)]
pub struct Gate(AtomicU8);

impl Gate {
    /// The pool is about to give the call to a worker; `false` when it was taken back.
    pub(super) fn pass(&self) -> bool {
        self.decide(PASSED) == PASSED
    }

    /// Takes the call back; `false` when a worker was given it already.
    pub fn shut(&self) -> bool {
        self.decide(SHUT) == SHUT
    }

    /// Whether a worker was given the call.
    pub fn has_passed(&self) -> bool {
        self.0.load(Ordering::Acquire) == PASSED
    }

    fn decide(&self, wanted: u8) -> u8 {
        match self.0.compare_exchange(OPEN, wanted, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => wanted,
            Err(decided) => decided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gate;

    #[test]
    fn the_first_decides() {
        let gate = Gate::default();
        assert!(gate.pass() && gate.has_passed());
        assert!(!gate.shut());
        assert!(gate.pass());
        let gate = Gate::default();
        assert!(gate.shut() && gate.shut());
        assert!(!gate.pass() && !gate.has_passed());
    }
}
