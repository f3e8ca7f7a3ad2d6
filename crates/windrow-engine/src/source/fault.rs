//! What goes wrong while reading files, as data that survives the trip through DataFusion's error type.

use std::fmt;
use std::sync::Arc;

use datafusion::error::DataFusionError;

use super::FileInfo;
use crate::error::{Error, Fault};

/// A reading error: whose fault, one sentence, hints. Cheap to clone, and found again in a DataFusion error chain.
#[derive(Debug, Clone)]
pub struct ReadError {
    fault: Fault,
    message: String,
    hints: Vec<String>,
}

impl ReadError {
    pub(crate) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), hints: Vec::new() }
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::new(Fault::Data, message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(Fault::Missing, message)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// An operating system error while reading the file named `file`.
    pub(crate) fn io(file: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound => Self::missing(format!(
                "file `{file}` is gone: it was there when the frame was made"
            )),
            ErrorKind::PermissionDenied => {
                Self::new(Fault::Data, format!("file `{file}` may not be read: permission denied"))
                    .hint("check the owner and the mode of the file and of the folders above it")
            }
            _ => Self::data(format!("file `{file}` could not be read: {error}")),
        }
    }

    /// An error while decompressing the file named `file`.
    pub(crate) fn decompress(file: &str, format: &str, error: &std::io::Error) -> Self {
        let text = error.to_string().to_lowercase();
        let cut = error.kind() == std::io::ErrorKind::UnexpectedEof
            || [
                "unexpected end",
                "unexpected eof",
                "incomplete",
                "premature",
                "truncated",
                "finished while",
            ]
            .iter()
            .any(|sign| text.contains(sign));
        if cut {
            Self::data(format!(
                "{format} file `{file}` is truncated: its compressed data ends too early"
            ))
            .hint("copy or download the file again; rows before the cut were read without error")
        } else {
            Self::data(format!("{format} file `{file}` is damaged: {text}"))
                .hint("copy or download the file again")
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        for hint in &self.hints {
            write!(formatter, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ReadError {}

impl From<ReadError> for DataFusionError {
    fn from(error: ReadError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        let start = Error::new(error.fault, error.message);
        error.hints.into_iter().fold(start, Error::hint)
    }
}

/// The reading error inside `error`, told as ours; None if `error` did not come from reading files.
///
/// `files` are the files of the sources in the plan; they name the culprit where DataFusion does not.
pub fn explain_error(error: &DataFusionError, files: &[FileInfo]) -> Option<Error> {
    match error {
        DataFusionError::External(inner) => {
            inner.downcast_ref::<ReadError>().map(|found| found.clone().into()).or_else(|| {
                inner.downcast_ref::<DataFusionError>().and_then(|next| explain_error(next, files))
            })
        }
        DataFusionError::Context(_, next) | DataFusionError::Diagnostic(_, next) => {
            explain_error(next, files)
        }
        DataFusionError::Shared(next) => explain_error(next, files),
        DataFusionError::Collection(all) => all.iter().find_map(|next| explain_error(next, files)),
        DataFusionError::ArrowError(inner, _) => explain_arrow(inner, files),
        DataFusionError::ParquetError(inner) => {
            let culprit = super::parquet::culprit(files);
            Some(super::parquet::unreadable(&culprit, &inner.to_string()).into())
        }
        DataFusionError::ObjectStore(inner) => Some(super::remote::explain("a file", inner).into()),
        _ => None,
    }
}

fn explain_arrow(
    error: &datafusion::arrow::error::ArrowError,
    files: &[FileInfo],
) -> Option<Error> {
    use datafusion::arrow::error::ArrowError;
    match error {
        ArrowError::ExternalError(inner) => {
            inner.downcast_ref::<ReadError>().map(|found| found.clone().into()).or_else(|| {
                inner.downcast_ref::<DataFusionError>().and_then(|next| explain_error(next, files))
            })
        }
        ArrowError::ParquetError(text) => {
            let culprit = super::parquet::culprit(files);
            Some(super::parquet::unreadable(&culprit, text).into())
        }
        _ => None,
    }
}

/// Where a decoder stopped, counted from the start of the bytes it was given.
#[derive(Debug, Clone)]
pub(crate) struct Misread {
    /// Rows before the bad one.
    pub(crate) row: u64,
    /// Lines before the one the bad row starts on.
    pub(crate) line: u64,
    pub(crate) what: What,
}

/// What is wrong with a row.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A number of fields other than the header's.
    Ragged { found: usize, expected: usize },
    /// A value that its column's type cannot hold.
    Value { column: String, value: String, expected: String, hints: Vec<String> },
    /// Bytes that are no UTF-8.
    Encoding { column: Option<String> },
    /// A quoted field that the file's end cuts.
    OpenQuote,
    /// Anything else, as a sentence part: "is not valid JSON: ...".
    Other { text: String, hints: Vec<String> },
}

/// How many rows and lines of the file come before a slice of it; None where counting would cost too much.
pub(crate) type Before = Option<(u64, u64)>;

impl Misread {
    /// The message for the user, with 1-based data row and line of the file.
    pub(crate) fn explain(&self, file: &Arc<str>, before: Before) -> ReadError {
        let place = match before {
            Some((rows, lines)) => {
                format!("row {} (line {})", rows + self.row + 1, lines + self.line + 1)
            }
            None => format!("row {} of a later part", self.row + 1),
        };
        match &self.what {
            What::Ragged { found, expected } => {
                let error = ReadError::data(format!(
                    "{place} of `{file}` has {found} fields, expected {expected}"
                ));
                if found < expected {
                    error.hint(
                        "pass `on_bad_lines=\"pad\"` to fill the missing fields with missing values, \
                         or `on_bad_lines=\"skip\"` to leave such rows out",
                    )
                } else {
                    error.hint(
                        "a value that contains the separator must be quoted; \
                         pass `on_bad_lines=\"skip\"` to leave such rows out",
                    )
                }
            }
            What::Value { column, value, expected, hints } => {
                let error = ReadError::data(format!(
                    "value `{value}` in column `{column}`, {place} of `{file}` is not {expected}"
                ));
                hints.iter().fold(error, |error, hint| error.hint(hint.clone()))
            }
            What::Encoding { column } => {
                let within =
                    column.as_ref().map(|name| format!("column `{name}`, ")).unwrap_or_default();
                ReadError::data(format!("{within}{place} of `{file}` is not UTF-8 text")).hint(
                    "pass `encoding_errors=\"replace\"` to read the bad bytes as U+FFFD, \
                     or convert the file: `iconv -f latin1 -t utf-8`",
                )
            }
            What::OpenQuote => {
                ReadError::data(format!("the quote opened in {place} of `{file}` is never closed"))
                    .hint("if quote characters are ordinary text in this file, pass `quoting=3`")
            }
            What::Other { text, hints } => {
                let error = ReadError::data(format!("{place} of `{file}` {text}"));
                hints.iter().fold(error, |error, hint| error.hint(hint.clone()))
            }
        }
    }
}

/// A value as shown in a message: shortened, with control characters escaped.
pub(crate) fn shown(value: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(value).chars().take(81).collect();
    let short = if text.chars().count() > 80 {
        format!("{}...", text.chars().take(77).collect::<String>())
    } else {
        text
    };
    short.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}
