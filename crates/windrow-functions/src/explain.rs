//! The verdict on a function and its reasons, as text for people.

use std::fmt::Write;

use crate::{CallForm, Function, Program, Reason, Verdict};

impl Verdict {
    /// The word that opens an explanation.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::PartlyNative => "partly native",
            Self::Python => "python",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `line:column  snippet  reason`, as far as the place is known.
impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "{line}:{column}: ")?,
            (Some(line), None) => write!(f, "{line}: ")?,
            _ => {}
        }
        if !self.snippet.is_empty() {
            write!(f, "`{}`: ", self.snippet)?;
        }
        f.write_str(&self.text)
    }
}

impl Function {
    /// What runs where and why.
    ///
    /// The first line is `native`, `partly native` or `python`; then comes what is called and with
    /// what, and one line for each reason, with its line and column in the user's file and the
    /// source it is about.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = self.headline(self.verdict);
        for reason in &self.reasons {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {reason}");
        }
        text
    }

    /// The first two lines of an explanation: a verdict, and what it is about.
    #[must_use]
    pub fn headline(&self, verdict: Verdict) -> String {
        format!("{verdict}\n  {}, called {}", self.place(), self.call_text())
    }

    fn place(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("`{}` ({file}:{line})", self.name),
            _ => format!("`{}`", self.name),
        }
    }

    fn call_text(&self) -> String {
        match (self.call, self.columns.as_deref()) {
            (CallForm::Positional, Some(columns)) => {
                format!("with the values of {}", quoted(columns))
            }
            (CallForm::Positional, None) => "with the values of all columns".to_owned(),
            (CallForm::Row, None) => "with a row object over all columns".to_owned(),
            (CallForm::Row, Some(columns)) => format!("with a row object over {}", quoted(columns)),
            (CallForm::Batch, _) => "with a pandas frame".to_owned(),
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Program {
    /// What of the function is native, what is left to the interpreter, and when a row goes there.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = self.verdict().to_string();
        for reason in self.left_out() {
            let _ = write!(text, "\n  in the interpreter: {reason}");
        }
        for exit in self.exits() {
            if !self.left_out().contains(&exit.reason) {
                let _ = write!(text, "\n  a row goes to the interpreter at {}", exit.reason);
            }
        }
        text
    }
}

impl Function {
    /// Takes over what compiling the function has shown: its verdict and the reasons for it.
    pub fn judge(&mut self, compiled: &Result<Program, Reason>) {
        match compiled {
            Ok(program) => {
                self.verdict = program.verdict();
                self.reasons = program.left_out().to_vec();
            }
            Err(reason) => {
                self.verdict = Verdict::Python;
                self.reasons = vec![reason.clone()];
            }
        }
    }
}
