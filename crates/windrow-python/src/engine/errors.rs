//! Errors of the engine as Python exceptions, by whose fault they are.

use pyo3::exceptions::{PyKeyboardInterrupt, PyNotImplementedError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use windrow_engine::{Error, Fault};
use windrow_workers::Failure;

use crate::rows::failure::to_exception;

/// The exception that `error` is to the user.
pub(crate) fn raised(error: Error) -> PyErr {
    if let Some(failure) = error.failure() {
        return function_error(&error, failure);
    }
    let text = error.to_string();
    match error.fault() {
        Fault::Plan | Fault::Settings => PyValueError::new_err(text),
        Fault::Unsupported => PyNotImplementedError::new_err(text),
        Fault::Cancelled => PyKeyboardInterrupt::new_err(text),
        Fault::Internal => PyRuntimeError::new_err(text),
        Fault::Column => named("ColumnNotFoundError", text),
        Fault::Missing => pyo3::exceptions::PyFileNotFoundError::new_err(text),
        Fault::Data => named("DataError", text),
        Fault::Resources => named("ResourceError", text),
        Fault::Shown => named("dry_run", text),
        Fault::Function => PyRuntimeError::new_err(text),
    }
}

/// The exception of the user's function, or what became of its worker.
fn function_error(error: &Error, failure: &Failure) -> PyErr {
    Python::attach(|py| {
        let exception = to_exception(py, failure);
        for hint in error.hints() {
            // A note less is better than another exception.
            let _ = exception.value(py).call_method1("add_note", (hint,));
        }
        exception
    })
}

/// An exception of `windrow.errors`.
fn named(class: &str, text: String) -> PyErr {
    Python::attach(|py| {
        let made = py
            .import("windrow.errors")
            .and_then(|errors| errors.getattr(class))
            .and_then(|class| class.call1((text.as_str(),)));
        match made {
            Ok(exception) => PyErr::from_value(exception),
            Err(error) => error,
        }
    })
}
