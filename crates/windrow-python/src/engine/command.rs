//! The `windrow` command as pip installs it.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;
use windrow_cli::{Host, examine, main};

use super::tasks::host as tasks;

/// Runs the command with `arguments` (the program's name first) and gives its exit code.
#[pyfunction]
pub(super) fn cli_main(py: Python<'_>, arguments: Vec<OsString>, executable: PathBuf) -> u8 {
    py.detach(|| main(arguments, &Host::Python { executable, tasks }))
}

/// The report of `windrow doctor` as text.
#[pyfunction]
pub(super) fn doctor(py: Python<'_>, executable: PathBuf) -> String {
    py.detach(|| examine(&Host::Python { executable, tasks }).to_string())
}
