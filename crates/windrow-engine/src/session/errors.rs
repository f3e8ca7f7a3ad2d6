//! DataFusion's errors as ours: by whose fault, in the user's words.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::Session;
use crate::error::{Error, Fault};
use crate::exchange::write_fault;
use crate::plan::no_column;
use crate::source::{FileInfo, explain_error};

impl Session {
    /// The error of a run over `files`.
    pub(crate) fn run_error(&self, error: &DataFusionError, files: &[FileInfo]) -> Error {
        if let Some(own) = own(error) {
            return own;
        }
        if let Some(fault) = write_fault(error) {
            return fault.into();
        }
        if let Some(explained) = explain_error(error, files) {
            return explained;
        }
        let budget = self.settings().memory;
        match error.find_root() {
            DataFusionError::ResourcesExhausted(message) => {
                Error::new(Fault::Resources, exhausted(message)).hint(format!(
                    "the budget is {}; raise it with `configure(memory=...)` or `WINDROW_MEMORY`, or use fewer columns or smaller partitions",
                    bytes(budget)
                ))
            }
            _ => plan_error(error),
        }
    }
}

/// Our own error, if that is what DataFusion carries.
fn own(error: &DataFusionError) -> Option<Error> {
    if let DataFusionError::External(inner) = error.find_root()
        && let Some(own) = inner.downcast_ref::<Error>()
    {
        return Some(own.clone());
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = source {
        if let Some(own) = inner.downcast_ref::<Error>() {
            return Some(own.clone());
        }
        source = inner.source();
    }
    None
}

/// An error of planning.
pub(crate) fn plan_error(error: &DataFusionError) -> Error {
    if let Some(own) = own(error) {
        return own;
    }
    match error.find_root() {
        DataFusionError::SchemaError(inner, _) => schema_error(inner),
        DataFusionError::SQL(inner, _) => Error::plan(format!("the query does not parse: {inner}")),
        DataFusionError::Plan(message) => match unknown_table(message) {
            Some(table) => Error::plan(format!("there is no table `{table}`"))
                .hint(format!("give it by name: `sql(query, {table}=frame)`")),
            None => Error::plan(lowered(message)),
        },
        DataFusionError::NotImplemented(message) => {
            Error::new(Fault::Unsupported, lowered(message))
        }
        DataFusionError::Internal(message) => Error::internal(lowered(message)),
        DataFusionError::Execution(message) => Error::data(lowered(message)),
        DataFusionError::ArrowError(inner, _) => Error::data(lowered(&inner.to_string())),
        DataFusionError::ResourcesExhausted(message) => {
            Error::new(Fault::Resources, exhausted(message))
        }
        DataFusionError::IoError(inner) if inner.kind() == std::io::ErrorKind::StorageFull => {
            Error::new(Fault::Resources, format!("the disk is full: {inner}"))
                .hint("set `temp` to a folder with more space")
        }
        other => Error::data(lowered(&other.strip_backtrace())),
    }
}

/// The table that a query names and that is not given, if that is what `message` says.
fn unknown_table(message: &str) -> Option<&str> {
    message.strip_prefix("table 'datafusion.public.")?.strip_suffix("' not found")
}

fn schema_error(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: Vec<String> =
                valid_fields.iter().map(|column| column.name.clone()).collect();
            no_column(&field.name, &names)
        }
        other => Error::plan(lowered(&other.to_string())),
    }
}

/// DataFusion's list of consumers, in one sentence.
fn exhausted(message: &str) -> String {
    format!("the memory budget is used up: {}", lowered(message.trim()))
}

fn lowered(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut letters = message.chars();
    match letters.next() {
        // A word in capitals is a name or a keyword.
        Some(first) if !letters.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message.to_owned(),
    }
}

fn bytes(count: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let gigabytes = count as f64 / 1e9;
    format!("{gigabytes:.1} GB")
}
