//! Where functions run: this interpreter, or worker processes.

use std::sync::Arc;

use windrow_engine::Result;
use windrow_engine::settings::Settings;
use windrow_workers::FunctionHost;

/// Functions in this interpreter.
pub(crate) fn in_process() -> Option<Arc<dyn FunctionHost>> {
    None
}

/// Starts the worker processes.
pub(crate) fn start_workers(_settings: &Settings) -> Result<Arc<dyn FunctionHost>> {
    Err(windrow_engine::Error::internal("no workers"))
}
