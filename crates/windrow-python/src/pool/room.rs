//! Room for one more call: callers that produce without end wait here.

use std::time::Duration;

use pyo3::prelude::*;
use windrow_workers::WorkerPool;

/// Most calls, and bytes of them, that may wait.
const MOST_CALLS: usize = 1 << 16;
const MOST_BYTES: usize = 1 << 30;
/// How often room is looked for.
const ROOM_TICK: Duration = Duration::from_micros(500);

/// Whether one more call may be started now.
pub(super) fn has_room(pool: &WorkerPool) -> bool {
    let (calls, bytes) = pool.pending();
    calls == 0 || (calls < MOST_CALLS && bytes < MOST_BYTES)
}

/// Waits, interruptibly, until one more call may be started.
pub(super) fn wait_for_room(py: Python<'_>, pool: &WorkerPool) -> PyResult<()> {
    while !has_room(pool) {
        py.detach(|| std::thread::sleep(ROOM_TICK));
        py.check_signals()?;
    }
    Ok(())
}
