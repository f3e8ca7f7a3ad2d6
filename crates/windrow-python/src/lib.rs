//! The Python module `windrow._native`.
//!
//! The only crate that knows PyO3. `engine` wraps sessions, datasets and expressions; `rows`,
//! `worker` and `pool` are the Python side of functions and worker processes.

#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod hosts;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use super::{Bound, PyModule, PyResult};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        #[cfg(feature = "engine")]
        super::engine::register(module)?;
        Ok(())
    }
}
