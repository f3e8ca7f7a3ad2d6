//! Row functions: the one converter between Arrow batches and calls of Python functions, used by
//! worker processes and by the interpreter that we are in.

mod batch_form;
mod call;
mod civil;
mod columns;
pub(crate) mod failure;
mod infer;
mod inprocess;
mod plain;
mod results;
mod row;
mod slots;
mod temporal;
mod vectorcall;

use pyo3::prelude::*;

pub(crate) use call::{RowFunction, Watch};
#[allow(unused_imports, reason = "the engine's session takes it")]
pub(crate) use inprocess::InProcessHost;

/// Adds what Python sees of this.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<row::Row>()?;
    slots::install(module.py());
    Ok(())
}
