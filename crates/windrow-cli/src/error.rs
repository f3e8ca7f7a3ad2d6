//! What ends the command early: a message with its causes and hints, or nothing to say.

use std::fmt;
use std::io;

/// Why the command ends before its work is done.
#[derive(Debug)]
pub(crate) enum Exit {
    /// With a message.
    Failed(CliError),
    /// The arguments were not understood, or asked for help.
    Usage(clap::Error),
    /// Ctrl-C.
    Cancelled,
    /// Standard output was closed.
    NobodyReads,
}

/// One sentence in lower case, what caused it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliError {
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl CliError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: vec![], hints: vec![] }
    }

    /// Adds what is behind it.
    #[must_use]
    pub(crate) fn cause(mut self, cause: &dyn fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds what the user can do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "error: {}", indented(&self.message))?;
        for cause in &self.causes {
            writeln!(formatter, "  caused by: {}", indented(cause))?;
        }
        for hint in &self.hints {
            writeln!(formatter, "hint: {}", indented(hint))?;
        }
        Ok(())
    }
}

/// Further lines of a message stand under its first.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n  ")
}

impl From<CliError> for Exit {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for Exit {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Failed(CliError::new("cannot write the output").cause(&error)),
        }
    }
}

impl From<windrow_engine::Error> for Exit {
    fn from(error: windrow_engine::Error) -> Self {
        if error.fault() == windrow_engine::Fault::Cancelled {
            return Self::Cancelled;
        }
        let start = CliError::new(error.message());
        Self::Failed(error.hints().iter().fold(start, CliError::hint))
    }
}

#[cfg(test)]
mod tests {
    use super::CliError;

    #[test]
    fn causes_come_before_hints() {
        let error = CliError::new("cannot start `python3`")
            .hint("name another with `--python`")
            .cause(&"first line\nsecond line");
        insta::assert_snapshot!(error.to_string(), @r"
        error: cannot start `python3`
          caused by: first line
          second line
        hint: name another with `--python`
        ");
    }

    #[test]
    fn errors_of_the_engine_keep_their_hints() {
        let error = windrow_engine::Error::plan("there is no column `scor`")
            .hint("did you mean `score`?")
            .into();
        let super::Exit::Failed(error) = error else { panic!("not a failure: {error:?}") };
        insta::assert_snapshot!(error.to_string(), @r"
        error: there is no column `scor`
        hint: did you mean `score`?
        ");
    }
}
