//! The pool of workers for Python: calls on pickled arguments, as `windrow.Pool` needs them, and
//! the pool that the engine calls row functions in.

mod board;
mod chunk;
mod echo;
mod finished;
mod job;
mod options;
mod room;
mod rows;
mod ticket;
mod worker_pool;

use pyo3::prelude::*;

#[allow(unused_imports, reason = "the engine's hosts take them")]
pub(crate) use options::{PoolOptions, worker_pool};
#[cfg(feature = "engine")]
pub(crate) use worker_pool::PyWorkerPool;

/// Adds what Python sees of this.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<worker_pool::PyWorkerPool>()?;
    module.add_class::<worker_pool::PoolFunction>()?;
    module.add_class::<ticket::Ticket>()?;
    module.add_class::<job::Job>()?;
    module.add_function(wrap_pyfunction!(rows::call_rows, module)?)?;
    // Registered before any session or pool registers its own end, so that it runs after them.
    let end = wrap_pyfunction!(end_fork_servers, module)?;
    module.py().import("atexit")?.call_method1("register", (end,))?;
    Ok(())
}

/// Ends the fork servers that wait for the next pool: when this process has ended, so have they.
#[pyfunction]
fn end_fork_servers(py: Python<'_>) {
    py.detach(windrow_workers::launch::end_kept);
}
