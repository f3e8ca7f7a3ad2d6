//! What goes wrong with Slurm itself: a message and what to do.

use std::fmt;
use std::io;
use std::path::Path;

/// Slurm, its settings or the shared folder cannot do what the run needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlurmError {
    message: String,
    hint: Option<String>,
}

impl SlurmError {
    /// `message`: one sentence in lower case, the user's names and values in backticks.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file of the run's folder that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("`{}`: {error}", path.display()))
            .hint("the folder of a Slurm run must be one that this machine and all nodes can write")
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do, if something can be done.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for SlurmError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SlurmError {}
