//! What goes wrong in an exchange, as data that survives the trip through DataFusion's error type.

use std::fmt;

use datafusion::error::DataFusionError;
use windrow_tasks::LostInput;

use super::StoreFault;

/// An output that is listed and not there, or damaged.
#[derive(Debug, Clone)]
pub(crate) struct InputGone(pub(crate) LostInput);

impl fmt::Display for InputGone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LostInput { stage, partition, object, .. } = &self.0;
        write!(formatter, "the output `{object}` of partition {partition} of stage {stage} is gone")
    }
}

impl std::error::Error for InputGone {}

impl From<InputGone> for DataFusionError {
    fn from(gone: InputGone) -> Self {
        Self::External(Box::new(gone))
    }
}

/// Storage that did not take or give what it should.
#[derive(Debug, Clone)]
pub(crate) struct WriteFault(pub(crate) StoreFault);

impl fmt::Display for WriteFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for WriteFault {}

impl From<WriteFault> for DataFusionError {
    fn from(fault: WriteFault) -> Self {
        Self::External(Box::new(fault))
    }
}

/// The lost input that `error` is about, if it is about one.
pub(crate) fn gone(error: &DataFusionError) -> Option<LostInput> {
    find::<InputGone>(error).map(|gone| gone.0.clone())
}

/// The storage fault that `error` is, if it is one.
pub(crate) fn write_fault(error: &DataFusionError) -> Option<StoreFault> {
    find::<WriteFault>(error).map(|fault| fault.0.clone())
}

fn find<T: std::error::Error + 'static>(error: &DataFusionError) -> Option<&T> {
    if let DataFusionError::External(inner) = error.find_root()
        && let Some(found) = inner.downcast_ref::<T>()
    {
        return Some(found);
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = source {
        if let Some(found) = inner.downcast_ref::<T>() {
            return Some(found);
        }
        source = inner.source();
    }
    None
}
