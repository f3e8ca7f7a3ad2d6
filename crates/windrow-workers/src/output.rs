//! What workers print: cut into lines, tagged with worker and task, handed to an observer.

use serde::{Deserialize, Serialize};

use crate::failure::Death;

/// A line without an end is handed on in pieces of this length.
const LONGEST_LINE: usize = 64 * 1024;

/// Which stream a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line that a worker printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The worker's number in its pool.
    pub worker: u64,
    /// The worker's process.
    pub pid: u32,
    /// The task that ran when the line was read; 0 for none.
    pub task: u64,
    /// The name of that task's function.
    pub function: Option<String>,
    /// Where it was printed to.
    pub stream: Stream,
    /// The text, with its line end if it had one.
    pub text: String,
}

/// What a pool tells about its workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerEvent {
    /// A worker printed a line.
    Line(Line),
    /// A worker is ready.
    Started {
        /// Its number in the pool.
        worker: u64,
        /// Its process.
        pid: u32,
    },
    /// A worker ended that was not asked to.
    Died(Death),
    /// Something the user should know.
    Note(String),
}

/// Receives what a pool tells. Called on the pool's I/O thread: must not wait for anything.
pub trait Observer: Send + Sync {
    /// Takes one event.
    fn event(&self, event: WorkerEvent);
}

/// Cuts bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes bytes in, gives the lines that are whole, ends included.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if self.partial.ends_with(b"\n") || self.partial.len() >= LONGEST_LINE {
                lines.extend(self.flush());
            }
        }
        lines
    }

    /// The line that has no end yet, if any.
    pub fn flush(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.partial);
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut lines = Lines::default();
        assert!(lines.push(b"hel").is_empty());
        assert_eq!(lines.push(b"lo\nwor"), ["hello\n"]);
        assert_eq!(lines.push(b"ld\n\n"), ["world\n", "\n"]);
        assert_eq!(lines.flush(), None);
    }

    #[test]
    fn the_last_line_needs_no_end() {
        let mut lines = Lines::default();
        assert!(lines.push("schön".as_bytes()).is_empty());
        assert_eq!(lines.flush().as_deref(), Some("schön"));
    }
}
