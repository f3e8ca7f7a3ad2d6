//! The Python module `windrow._native`.
//!
//! The only crate that knows PyO3. `engine` wraps sessions, datasets and expressions; `rows`,
//! `worker` and `pool` are the Python side of functions and worker processes.

// A failure is made at most once a call, and its callers take it apart by value.
#![allow(clippy::result_large_err)]

#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod hosts;
mod pool;
mod rows;
mod worker;

use pyo3::prelude::*;

// Only what is allocated in Rust: Python has its own.
#[cfg(feature = "engine")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule]
mod _native {
    use super::{Bound, PyModule, PyResult};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        super::rows::register(module)?;
        super::worker::register(module)?;
        super::pool::register(module)?;
        #[cfg(feature = "engine")]
        super::engine::register(module)?;
        Ok(())
    }
}
