//! The engine in Python: sessions, datasets and expressions.

// PyO3 hands arguments over by value, and `map_err` hands errors over by value.
#![allow(clippy::needless_pass_by_value)]

mod client;
mod command;
mod dataset;
mod errors;
mod expr;
mod literal;
mod run;
mod session;
mod tasks;

use pyo3::prelude::*;

pub(crate) use errors::raised;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<session::PySession>()?;
    module.add_class::<run::PyRun>()?;
    module.add_class::<dataset::PyDataset>()?;
    module.add_class::<expr::PyExpr>()?;
    module.add_class::<expr::PyFunction>()?;
    module.add_function(wrap_pyfunction!(command::cli_main, module)?)?;
    module.add_function(wrap_pyfunction!(command::doctor, module)?)?;
    module.add_function(wrap_pyfunction!(tasks::execute_task, module)?)?;
    module.add_function(wrap_pyfunction!(tasks::fingerprint, module)?)?;
    Ok(())
}
