//! Why a call gave no result, told apart by whose fault it was.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a call gave no result. `Display` is the full message for the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// The user's function raised.
    Raised(RaisedException),
    /// The function's result does not fit the result type.
    Misfit {
        /// Ordinal in the batch of the row.
        row: u64,
        /// Short repr of the value that the function returned.
        value: String,
        /// The Python type of that value.
        got: String,
        /// What was expected, and where that came from.
        expected: String,
        /// The values of the row: column name and repr.
        values: Vec<(String, String)>,
        /// What to do about it.
        hint: String,
    },
    /// The worker died while the call ran in it.
    Died(Death),
    /// The call took longer than its limit.
    TimedOut {
        /// The limit.
        seconds: f64,
        /// Short repr of what the call was working on.
        item: Option<String>,
    },
    /// The call was dropped before it had an outcome.
    Cancelled,
    /// The workers themselves failed: could not start, or broke the protocol.
    Worker(String),
}

/// An exception of the user's function, as data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RaisedException {
    /// The name of its type, with the module unless that is `builtins`.
    pub type_name: String,
    /// `str()` of it.
    pub message: String,
    /// The traceback as Python prints it, without frames of ours.
    pub traceback: String,
    /// The frames of the user's code, outermost first.
    pub frames: Vec<Frame>,
    /// The pickled exception; `None` when it cannot be pickled.
    #[serde(with = "hex", default)]
    pub pickled: Option<Vec<u8>>,
    /// Ordinal in the batch of the row that it was raised for.
    pub row: Option<u64>,
    /// The values of that row: column name and repr.
    pub values: Vec<(String, String)>,
    /// What is good to know besides, for example that the exception itself cannot be pickled.
    pub notes: Vec<String>,
    /// What it was raised from (`raise ... from cause`).
    #[serde(default)]
    pub cause: Option<Box<RaisedException>>,
    /// What was being handled when it was raised.
    #[serde(default)]
    pub context: Option<Box<RaisedException>>,
    /// Whether the context is not to be shown.
    #[serde(default)]
    pub suppress_context: bool,
}

/// One frame of a traceback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The file that the code came from.
    pub file: String,
    /// The function's qualified name.
    pub function: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The last line of the expression that was evaluated, if known.
    #[serde(default)]
    pub end_line: Option<u32>,
    /// Where the expression starts in its line, in bytes from 0, if known.
    #[serde(default)]
    pub column: Option<u32>,
    /// Where it ends in its last line, if known.
    #[serde(default)]
    pub end_column: Option<u32>,
}

/// How a worker process ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// The process.
    pub pid: u32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The exit code, when no signal ended it.
    pub exit_code: Option<i32>,
    /// The kernel, or our memory limit, most likely killed it for its use of memory.
    pub out_of_memory: bool,
    /// The most memory that it was seen to hold, in bytes.
    pub peak_memory: Option<u64>,
    /// How many times the call was tried.
    pub attempts: u32,
    /// Short repr of what it was working on.
    pub item: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised(raised) => raised.fmt(out),
            Self::Misfit { row, value, got, expected, values, hint } => {
                write!(
                    out,
                    "the function returned `{value}` ({got}), which does not fit {expected}"
                )?;
                write_row(out, Some(*row), values)?;
                if hint.is_empty() { Ok(()) } else { write!(out, "\nhint: {hint}") }
            }
            Self::Died(death) => death.fmt(out),
            Self::TimedOut { seconds, item } => {
                write!(out, "took longer than the limit of {seconds} s")?;
                match item {
                    Some(item) => write!(out, " on `{item}`"),
                    None => Ok(()),
                }
            }
            Self::Cancelled => out.write_str("cancelled"),
            Self::Worker(message) => out.write_str(message),
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for RaisedException {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.type_name)?;
        if !self.message.is_empty() {
            write!(out, ": {}", self.message)?;
        }
        write_row(out, self.row, &self.values)
    }
}

impl fmt::Display for Death {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "worker process {} {}", self.pid, self.cause())?;
        if let Some(item) = &self.item {
            write!(out, " while it worked on `{item}`")?;
        }
        if self.attempts > 1 {
            write!(out, ", {} attempts", self.attempts)?;
        }
        if let Some(bytes) = self.peak_memory {
            write!(out, "; it held up to {}", display_bytes(bytes))?;
        }
        write!(out, "\nhint: {}", self.hint())
    }
}

impl Death {
    /// How it ended, in words: `was killed by SIGKILL`, `exited with code 3`.
    pub fn cause(&self) -> String {
        let cause = match (self.signal, self.exit_code) {
            (Some(signal), _) => format!("was killed by {}", signal_name(signal)),
            (None, Some(code)) => format!("exited with code {code}"),
            (None, None) => "ended without saying why".to_owned(),
        };
        if self.out_of_memory { format!("{cause}, likely out of memory") } else { cause }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match (self.out_of_memory, self.signal, self.exit_code) {
            (true, _, _) => "use fewer workers, smaller partitions, or raise the memory limit",
            (_, Some(11 | 7 | 4 | 8 | 6), _) => {
                "native code that the function calls crashed; run it with `python -X faulthandler`"
            }
            (_, Some(_), _) => {
                "something outside sent the signal; the kernel does so when memory is short"
            }
            (_, None, Some(_)) => {
                "the function, or a library that it calls, ended the process (`os._exit`)"
            }
            (_, None, None) => "look at the worker's output above",
        }
    }
}

fn write_row(
    out: &mut fmt::Formatter<'_>,
    row: Option<u64>,
    values: &[(String, String)],
) -> fmt::Result {
    let Some(row) = row else { return Ok(()) };
    write!(out, "\nrow {row}")?;
    for (position, (name, value)) in values.iter().enumerate() {
        out.write_str(if position == 0 { ": " } else { ", " })?;
        write!(out, "{name}={value}")?;
    }
    Ok(())
}

/// The usual name of a signal on Linux: `SIGKILL` for 9.
pub fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        31 => "SIGSYS",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

/// A number of bytes for people: `1.5 GiB`.
pub fn display_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Bytes inside JSON, as hexadecimal text.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = bytes.as_ref().map(|bytes| {
            bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
                for digit in [byte >> 4, byte & 15] {
                    text.extend(char::from_digit(u32::from(digit), 16));
                }
                text
            })
        });
        text.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
        let digits = digits.ok_or_else(|| D::Error::custom("not hexadecimal"))?;
        Ok(Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
    }
}
