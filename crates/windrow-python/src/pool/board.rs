//! The chunks of a job and their outcomes: the I/O thread puts them here, callers wait for them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pyo3::prelude::*;
use windrow_workers::{CallId, PieceOutcome};

use super::finished::Finished;

/// Jobs of more chunks than this are not worth waking a caller for each of them.
const FEW_CHUNKS: u64 = 64;
/// Chunks that a caller of a job with many of them waits for at a time.
const BATCH: u64 = 32;

/// What became of a chunk.
pub(super) enum Outcome {
    /// What the workers say of its items.
    Pieces(Vec<PieceOutcome>),
    /// It was never sent: the exception says why.
    Unsent(Py<PyAny>),
}

/// A chunk that has its outcome.
pub(super) struct Ended {
    /// Ordinal of its first item in the job.
    pub(super) first_item: u64,
    pub(super) items: u32,
    /// The items themselves.
    pub(super) kept: Py<PyAny>,
    pub(super) outcome: Outcome,
}

struct Chunk {
    first_item: u64,
    items: u32,
    kept: Py<PyAny>,
    call: Option<CallId>,
    outcome: Option<Outcome>,
}

#[derive(Default)]
struct State {
    chunks: HashMap<u64, Chunk>,
    /// Of an unordered job: chunks that have their outcome and were not taken, as they got it.
    arrived: VecDeque<u64>,
    fed: u64,
    finished: u64,
    taken: u64,
    items_fed: u64,
    items_finished: u64,
    /// No chunk will be fed any more.
    is_whole: bool,
    is_cancelled: bool,
    waiters: usize,
    /// Nobody who waits needs to know before so many chunks are finished.
    quiet_until: u64,
}

impl State {
    fn is_over(&self) -> bool {
        self.is_whole && self.finished == self.fed
    }
}

/// How many chunks may be on their way.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) chunks: u64,
    /// Counts a chunk until it is taken, and not only until it has its outcome.
    pub(super) until_taken: bool,
}

/// The chunks of a job.
pub(super) struct Board {
    /// Whether chunks are taken in the order in which they were fed.
    is_ordered: bool,
    state: Mutex<State>,
    changed: Condvar,
    /// Who is told when the job is over, and the number to tell.
    announce: Option<(Arc<Finished>, u64)>,
}

impl Board {
    pub(super) fn new(is_ordered: bool, announce: Option<(Arc<Finished>, u64)>) -> Self {
        Self { is_ordered, state: Mutex::default(), changed: Condvar::new(), announce }
    }

    /// For a part of another job that starts with its item `first`.
    pub(super) fn starting_at(first: u64) -> Self {
        let board = Self::new(true, None);
        board.lock().items_fed = first;
        board
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a chunk in; gives its index.
    pub(super) fn begin(&self, items: u32, kept: Py<PyAny>) -> u64 {
        let mut state = self.lock();
        let index = state.fed;
        let first_item = state.items_fed;
        state.fed += 1;
        state.items_fed += u64::from(items);
        let chunk = Chunk { first_item, items, kept, call: None, outcome: None };
        state.chunks.insert(index, chunk);
        index
    }

    /// The call that carries a chunk out; `true` when it must be dropped again.
    pub(super) fn started(&self, index: u64, call: CallId) -> bool {
        let mut state = self.lock();
        if let Some(chunk) = state.chunks.get_mut(&index) {
            chunk.call = Some(call);
        }
        state.is_cancelled
    }

    /// The outcome of a chunk.
    pub(super) fn fill(&self, index: u64, outcome: Outcome) {
        let mut state = self.lock();
        let Some(chunk) = state.chunks.get_mut(&index) else { return };
        chunk.outcome = Some(outcome);
        let items = u64::from(chunk.items);
        state.items_finished += items;
        state.finished += 1;
        if !self.is_ordered {
            state.arrived.push_back(index);
        }
        self.tell(&state);
    }

    /// No chunk will be fed any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if !state.is_whole {
            state.is_whole = true;
            state.quiet_until = 0;
            self.tell(&state);
        }
    }

    /// Drops what has no outcome: gives the calls to be cancelled.
    pub(super) fn cancel(&self) -> Vec<CallId> {
        let mut state = self.lock();
        state.is_cancelled = true;
        state.quiet_until = 0;
        self.changed.notify_all();
        let open = state.chunks.values().filter(|chunk| chunk.outcome.is_none());
        open.filter_map(|chunk| chunk.call).collect()
    }

    fn tell(&self, state: &State) {
        let is_over = state.is_over();
        if state.waiters > 0 && (is_over || state.finished >= state.quiet_until) {
            self.changed.notify_all();
        }
        if is_over && let Some((finished, number)) = &self.announce {
            finished.push(*number);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.lock().is_cancelled
    }

    /// How many items are finished, and how many were fed.
    pub(super) fn progress(&self) -> (u64, u64) {
        let state = self.lock();
        (state.items_finished, state.items_fed)
    }

    /// Waits until the job is over, `deadline` at most; whether it is.
    pub(super) fn wait_over(&self, deadline: Instant) -> bool {
        self.wait(deadline, |_| u64::MAX, |state| state.is_over().then_some(())).is_some()
    }

    /// Waits for room for one more chunk, `deadline` at most; whether there is, or the job is
    /// cancelled.
    pub(super) fn wait_room(&self, bound: Limit, deadline: Instant) -> bool {
        let has_room = |state: &mut State| {
            let gone = if bound.until_taken { state.taken } else { state.finished };
            (state.is_cancelled || state.fed - gone < bound.chunks).then_some(())
        };
        self.wait(deadline, |_| 0, has_room).is_some()
    }

    /// Takes the next chunk, waiting for it until `deadline` at most. Without `promptly`, a caller
    /// is woken for several at a time.
    pub(super) fn take(&self, promptly: bool, deadline: Instant) -> Option<Taken> {
        let quiet = |state: &State| {
            let many = !promptly && state.fed > FEW_CHUNKS;
            if many { state.finished + BATCH } else { 0 }
        };
        self.wait(deadline, quiet, |state| {
            if state.is_over() && state.taken == state.fed {
                return Some(Taken::Over);
            }
            let index =
                if self.is_ordered { Some(state.taken) } else { state.arrived.pop_front() }?;
            let chunk = state.chunks.remove(&index)?;
            let Some(outcome) = chunk.outcome else {
                state.chunks.insert(index, chunk);
                return None;
            };
            state.taken += 1;
            if state.waiters > 0 {
                self.changed.notify_all();
            }
            let Chunk { first_item, items, kept, .. } = chunk;
            Some(Taken::Chunk(Ended { first_item, items, kept, outcome }))
        })
    }

    /// Waits until `look` gives something.
    fn wait<T>(
        &self,
        deadline: Instant,
        quiet_until: impl Fn(&State) -> u64,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&mut state) {
                return Some(found);
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return None;
            }
            let quiet = quiet_until(&state);
            state.quiet_until =
                if state.waiters == 0 { quiet } else { quiet.min(state.quiet_until) };
            state.waiters += 1;
            let waited = self.changed.wait_timeout(state, rest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.waiters -= 1;
        }
    }
}

/// What taking a chunk gives.
pub(super) enum Taken {
    Chunk(Ended),
    /// There are no more.
    Over,
}
