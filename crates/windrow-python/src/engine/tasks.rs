//! Tasks of stages in this interpreter: what `windrow task` and other clusters' workers call.

use std::sync::OnceLock;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use windrow_engine::session::Surroundings;
use windrow_engine::task::{TaskHost, TaskSpec};
use windrow_events::EventBus;
use windrow_workers::FunctionHost;

use crate::hosts;

/// What tasks of this process share.
pub(super) fn host() -> &'static TaskHost {
    static HOST: OnceLock<TaskHost> = OnceLock::new();
    HOST.get_or_init(|| {
        let interpreter = Python::attach(|py| {
            let version = py.version_info();
            format!("python {}.{}", version.major, version.minor)
        });
        TaskHost::new(&interpreter, surroundings)
    })
}

fn surroundings() -> Surroundings {
    let events = EventBus::default();
    let told = events.clone();
    Surroundings {
        in_process: Some(hosts::in_process()),
        start_workers: Box::new(move |settings| {
            let pool = hosts::worker_pool(settings, &told)?;
            Ok(pool as std::sync::Arc<dyn FunctionHost>)
        }),
        interrupted: Box::new(|| false),
        events,
    }
}

/// Runs the task that `spec` (JSON) describes; gives its outcome as JSON.
#[pyfunction]
pub(super) fn execute_task<'py>(py: Python<'py>, spec: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let spec: TaskSpec = serde_json::from_slice(spec)
        .map_err(|error| PyValueError::new_err(format!("this is no task: {error}")))?;
    let host = host();
    let outcome = py.detach(|| host.execute(&spec).to_json());
    Ok(PyBytes::new(py, &outcome))
}

/// Names the build and the Python that tasks must have.
#[pyfunction]
pub(super) fn fingerprint() -> String {
    host().fingerprint().to_owned()
}
