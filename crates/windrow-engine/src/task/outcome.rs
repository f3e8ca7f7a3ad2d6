//! Errors as outcomes of tasks, and back: by whose fault, with the user's exception whole.

use datafusion::error::DataFusionError;
use windrow_tasks::{TaskError, TaskOutcome};

use super::Job;
use crate::error::{Error, Fault};
use crate::exchange::{StoreFault, gone, write_fault};

const FAULTS: &[(Fault, &str)] = &[
    (Fault::Plan, "plan"),
    (Fault::Column, "column"),
    (Fault::Missing, "missing"),
    (Fault::Data, "data"),
    (Fault::Function, "function"),
    (Fault::Resources, "resources"),
    (Fault::Settings, "settings"),
    (Fault::Unsupported, "unsupported"),
    (Fault::Cancelled, "cancelled"),
    (Fault::Internal, "internal"),
];

/// An error as a task tells it.
pub(crate) fn task_error(error: &Error) -> TaskError {
    let name =
        FAULTS.iter().find(|(fault, _)| *fault == error.fault()).map_or("", |(_, name)| name);
    TaskError {
        fault: name.to_owned(),
        message: error.message().to_owned(),
        hints: error.hints().to_vec(),
        failure: error.failure().and_then(|failure| serde_json::to_value(failure).ok()),
    }
}

/// The error that a task told.
pub(crate) fn error_of(told: &TaskError) -> Error {
    let failure = told.failure.clone().and_then(|value| serde_json::from_value(value).ok());
    let fault = FAULTS.iter().find(|(_, name)| *name == told.fault);
    let fault = fault.map_or(Fault::Internal, |(fault, _)| *fault);
    let error = Error::new(fault, told.message.clone());
    told.hints.iter().fold(error.with_failure(failure), |error, hint| error.hint(hint.clone()))
}

/// The outcome of a run that ended with `error`.
pub(super) fn of_run(job: &Job, error: &DataFusionError) -> TaskOutcome {
    if let Some(lost) = gone(error) {
        return TaskOutcome::InputLost { lost: vec![lost] };
    }
    if let Some(fault) = write_fault(error) {
        return of_store(&fault);
    }
    of_error(&job.session().run_error(error, job.files()))
}

/// Storage that failed: it may not fail elsewhere, or later.
pub(super) fn of_store(fault: &StoreFault) -> TaskOutcome {
    TaskOutcome::Retry(task_error(&Error::from(fault.clone())))
}

pub(super) fn of_error(error: &Error) -> TaskOutcome {
    match error.fault() {
        Fault::Cancelled => TaskOutcome::Cancelled,
        // Memory that siblings use, or a disk that others fill.
        Fault::Resources => TaskOutcome::Retry(task_error(error)),
        _ => TaskOutcome::Fatal(task_error(error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use windrow_workers::{Failure, RaisedException};

    use super::{Error, Fault, error_of, task_error};

    #[test]
    fn errors_are_told_whole() {
        let raised = RaisedException {
            type_name: "ZeroDivisionError".to_owned(),
            message: "division by zero".to_owned(),
            pickled: Some(vec![1, 2, 3]),
            row: Some(7),
            ..RaisedException::default()
        };
        for error in [
            Error::data("column `a` is text").hint("convert it"),
            Error::from(Failure::Raised(raised)),
            Error::new(Fault::Resources, "the disk is full"),
        ] {
            let text = serde_json::to_string(&task_error(&error)).unwrap();
            let back = error_of(&serde_json::from_str(&text).unwrap());
            assert_eq!(back.fault(), error.fault());
            assert_eq!(back.to_string(), error.to_string());
            assert_eq!(back.failure(), error.failure());
        }
    }
}
