//! The engine in Python: sessions, datasets and expressions.

mod command;
mod dataset;
mod errors;
mod expr;
mod literal;
mod run;
mod session;

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
    Ok(())
}
