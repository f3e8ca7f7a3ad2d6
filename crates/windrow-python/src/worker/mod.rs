//! What runs in worker processes and in the fork server, called from `windrow._worker`.

mod arguments;
pub(crate) mod call;
mod cells;
mod forkserver;
pub(crate) mod pickled;
mod reaper;
mod serve;
mod session;

use pyo3::prelude::*;

pub(crate) use arguments::SharedBytes;

/// Adds what Python sees of this.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SharedBytes>()?;
    module.add_class::<session::WorkerEnds>()?;
    module.add_function(wrap_pyfunction!(forkserver::fork_server, module)?)?;
    module.add_function(wrap_pyfunction!(session::worker_ends, module)?)?;
    Ok(())
}
