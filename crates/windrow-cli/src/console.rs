//! Where the command writes: the one module that knows standard output and standard error.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use crate::error::CliError;

/// Standard output (buffered) and standard error.
pub(crate) struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    out_colors: bool,
    err_colors: bool,
}

impl Console {
    /// The process's own.
    pub(crate) fn standard() -> Self {
        // https://no-color.org
        let colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            out: Box::new(BufWriter::with_capacity(1 << 16, io::stdout())),
            err: Box::new(io::stderr()),
            out_colors: colors && io::stdout().is_terminal(),
            err_colors: colors && io::stderr().is_terminal(),
        }
    }

    /// Where results go.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Writes `text` and a line end to standard output.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Says something beside the result, on standard error.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        // Nobody is left to tell when standard error is closed.
        let _ = writeln!(self.err, "{text}");
    }

    /// Tells an error; what was written before comes first.
    pub(crate) fn error(&mut self, error: &CliError) {
        let _ = self.flush();
        let text = error.to_string();
        let text = if self.err_colors { colored(&text) } else { text };
        let _ = self.err.write_all(text.as_bytes());
    }

    /// Tells that arguments were not understood, or shows the help that was asked for.
    pub(crate) fn usage(&mut self, error: &clap::Error) {
        let (text, wrong) = (error.render(), error.use_stderr());
        let colors = if wrong { self.err_colors } else { self.out_colors };
        let text = if colors { text.ansi().to_string() } else { text.to_string() };
        let out = if wrong { &mut self.err } else { &mut self.out };
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Writes what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `error:` in red and `hint:` in cyan, at the start of their lines.
fn colored(text: &str) -> String {
    let paint = |line: &str| {
        if let Some(rest) = line.strip_prefix("error:") {
            format!("\x1b[1;31merror:\x1b[0m{rest}")
        } else if let Some(rest) = line.strip_prefix("hint:") {
            format!("\x1b[1;36mhint:\x1b[0m{rest}")
        } else {
            line.to_owned()
        }
    };
    text.lines().map(|line| paint(line) + "\n").collect()
}
