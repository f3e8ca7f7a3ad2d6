//! Errors sorted by whose fault they are, each with what to do about it.

use std::fmt;

use windrow_workers::Failure;

/// What the engine returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an error is; decides the Python exception it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The program asks for something that cannot be planned (`ValueError`).
    Plan,
    /// A column that is not there (`KeyError`).
    Column,
    /// A file, folder or object that is not there (`FileNotFoundError`).
    Missing,
    /// The data is not what it is said to be (`windrow.DataError`).
    Data,
    /// The user's function raised, gave a value that does not fit, or killed its worker.
    Function,
    /// Memory, disk or processes ran out (`windrow.ResourceError`).
    Resources,
    /// A setting has a value it cannot have (`ValueError`).
    Settings,
    /// Something known that Windrow cannot do yet (`NotImplementedError`).
    Unsupported,
    /// None: it was asked what would run, and the message is that (`windrow.errors.DryRun`).
    Shown,
    /// The run was cancelled (`KeyboardInterrupt` when Ctrl-C did it).
    Cancelled,
    /// A defect of Windrow (`RuntimeError`).
    Internal,
}

/// An error with its fault, one sentence in lower case, and hints.
#[derive(Debug, Clone)]
pub struct Error {
    fault: Fault,
    message: String,
    hints: Vec<String>,
    failure: Option<Box<Failure>>,
}

impl Error {
    /// An error of `fault` with `message`: lower case, no final stop, values in backticks.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), hints: Vec::new(), failure: None }
    }

    /// An error in the program's plan.
    pub fn plan(message: impl Into<String>) -> Self {
        Self::new(Fault::Plan, message)
    }

    /// An error in the data.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Fault::Data, message)
    }

    /// A file or object that is not there.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(Fault::Missing, message)
    }

    /// A defect of Windrow.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Fault::Internal, message)
    }

    /// Adds what the user can do; shown on a `hint:` line of its own.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Carries the structured failure of a user's function.
    pub(crate) fn with_failure(mut self, failure: Option<Failure>) -> Self {
        self.failure = failure.map(Box::new);
        self
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The sentence without its hints.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the user can do.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Whether the hash table of a join was what did not fit into memory.
    pub(crate) fn is_of_large_join(&self) -> bool {
        self.fault == Fault::Resources && self.message.contains("HashJoinInput")
    }

    /// The structured failure of a user's function, if that is what this is.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        for hint in &self.hints {
            write!(formatter, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let fault = match failure {
            Failure::Cancelled => Fault::Cancelled,
            _ => Fault::Function,
        };
        Self {
            fault,
            message: failure.to_string(),
            hints: Vec::new(),
            failure: Some(Box::new(failure)),
        }
    }
}
