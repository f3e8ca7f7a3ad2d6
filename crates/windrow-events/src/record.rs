//! The run record: the events of a run in a file, so that it can be looked at afterwards.
//!
//! The format is JSON lines in UTF-8. The first line is the header, each line after it one
//! [`Event`], in the order of emission:
//!
//! ```text
//! {"record":"windrow-run","version":1}
//! {"event":"run_started","run":"20261120-143148-123-k3f9ab","at":1795185108123,"name":"collect",…}
//! {"event":"progress","run":"20261120-143148-123-k3f9ab","at":1795185108323,"stage":0,"rows":65536,…}
//! ```
//!
//! A record only grows. A writer that was killed leaves at most a cut last line: readers leave it
//! out, and [`RunRecord::append`] cuts it off before it goes on. Kinds of events that a reader does
//! not know are skipped; a version that it does not know is an error.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::bus::Observer;
use crate::event::Event;

const KIND: &str = "windrow-run";
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    record: String,
    version: u32,
}

/// A record cannot be written or read.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordError {
    /// The file.
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is no run record.
    NotARecord {
        /// Which.
        path: PathBuf,
    },
    /// It was written by a newer Windrow.
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A line, other than a cut last one, is no event.
    Line {
        /// Which.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => {
                write!(formatter, "run record `{}`: {error}", path.display())
            }
            Self::NotARecord { path } => {
                write!(formatter, "`{}` is no run record", path.display())
            }
            Self::Version { path, version } => write!(
                formatter,
                "run record `{}` has version {version}, this windrow reads {VERSION}\nhint: update windrow",
                path.display()
            ),
            Self::Line { path, line, message } => {
                write!(formatter, "line {line} of run record `{}`: {message}", path.display())
            }
        }
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Writes events to a file, one line each, as they come.
#[derive(Debug)]
pub struct RunRecord {
    path: PathBuf,
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    file: File,
    line: Vec<u8>,
    error: Option<io::Error>,
}

impl RunRecord {
    /// Begins a record at `path`, where no file may be.
    ///
    /// # Errors
    /// A file that is there already, a folder that is not, no permission.
    pub fn create(path: &Path) -> Result<Self, RecordError> {
        let at = |error| RecordError::File { path: path.to_owned(), error };
        let file = OpenOptions::new().append(true).create_new(true).open(path).map_err(at)?;
        let mut record = Self::over(path, file);
        record.begin().map_err(at)?;
        Ok(record)
    }

    /// Goes on with the record at `path`; a cut last line is removed.
    ///
    /// # Errors
    /// A file that is not there or is no record of this version.
    pub fn append(path: &Path) -> Result<Self, RecordError> {
        let at = |error| RecordError::File { path: path.to_owned(), error };
        // Nobody else's file is cut: it must have our header.
        RecordReader::open(path)?;
        let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(at)?;
        let whole = whole_lines(&mut file).map_err(at)?;
        file.set_len(whole).map_err(at)?;
        let mut record = Self::over(path, file);
        if whole == 0 {
            record.begin().map_err(at)?;
        }
        Ok(record)
    }

    fn over(path: &Path, file: File) -> Self {
        let out = Out { file, line: Vec::new(), error: None };
        Self { path: path.to_owned(), out: Mutex::new(out) }
    }

    fn begin(&mut self) -> io::Result<()> {
        let header = Header { record: KIND.to_owned(), version: VERSION };
        self.out.get_mut().unwrap_or_else(PoisonError::into_inner).write(&header)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `event`. Once a write has failed, nothing more is written.
    ///
    /// # Errors
    /// That of this or an earlier write.
    pub fn write(&self, event: &Event) -> Result<(), RecordError> {
        let mut out = self.lock();
        if out.error.is_none()
            && let Err(error) = out.write(event)
        {
            out.error = Some(error);
        }
        out.error.as_ref().map_or(Ok(()), |error| Err(self.failed(error)))
    }

    /// The first write that failed, if one did: the record ends before it.
    #[must_use]
    pub fn error(&self) -> Option<RecordError> {
        self.lock().error.as_ref().map(|error| self.failed(error))
    }

    fn failed(&self, error: &io::Error) -> RecordError {
        let error = io::Error::new(error.kind(), error.to_string());
        RecordError::File { path: self.path.clone(), error }
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run does not fail because its record cannot be written: ask [`RunRecord::error`] at its end.
impl Observer for RunRecord {
    fn observe(&self, event: &Event) {
        let _ = self.write(event);
    }
}

impl Out {
    /// One line in one call to the system, so that a killed writer leaves whole lines.
    fn write(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        self.file.write_all(&self.line)
    }
}

/// The length up to and with the last line end.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = [0_u8; 8192];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        #[allow(clippy::cast_possible_truncation)] // At most the block's length.
        let part = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(last) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Reads a record event by event.
#[derive(Debug)]
pub struct RecordReader {
    path: PathBuf,
    input: BufReader<File>,
    number: u64,
    line: Vec<u8>,
}

impl RecordReader {
    /// Opens the record at `path`. One whose header is cut has no events.
    ///
    /// # Errors
    /// A file that cannot be read, is no record, or is of a newer version.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let file =
            File::open(path).map_err(|error| RecordError::File { path: path.to_owned(), error })?;
        let mut reader = Self {
            path: path.to_owned(),
            input: BufReader::new(file),
            number: 0,
            line: Vec::new(),
        };
        if reader.next_line()? {
            let header: Option<Header> = serde_json::from_slice(&reader.line).ok();
            let path = path.to_owned();
            match header {
                Some(header) if header.record != KIND => Err(RecordError::NotARecord { path }),
                Some(header) if header.version != VERSION => {
                    Err(RecordError::Version { path, version: header.version })
                }
                Some(_) => Ok(reader),
                None => Err(RecordError::NotARecord { path }),
            }
        } else if reader.is_cut_header() {
            Ok(reader)
        } else {
            Err(RecordError::NotARecord { path: path.to_owned() })
        }
    }

    /// Reads a whole line; false at the end or at a cut last line.
    fn next_line(&mut self) -> Result<bool, RecordError> {
        self.line.clear();
        self.number += 1;
        self.input
            .read_until(b'\n', &mut self.line)
            .map_err(|error| RecordError::File { path: self.path.clone(), error })?;
        Ok(self.line.ends_with(b"\n"))
    }

    /// Whether the line that has no end begins as our header does.
    fn is_cut_header(&self) -> bool {
        let header = Header { record: KIND.to_owned(), version: VERSION };
        serde_json::to_vec(&header).is_ok_and(|header| header.starts_with(&self.line))
    }

    fn bad_line(&self, message: String) -> RecordError {
        RecordError::Line { path: self.path.clone(), line: self.number, message }
    }
}

impl Iterator for RecordReader {
    type Item = Result<Event, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_line() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
            match serde_json::from_slice(&self.line) {
                Ok(event) => return Some(Ok(event)),
                Err(_) if is_unknown_kind(&self.line) => {}
                Err(error) => return Some(Err(self.bad_line(error.to_string()))),
            }
        }
    }
}

fn is_unknown_kind(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        event: String,
    }
    serde_json::from_slice::<Kind>(line)
        .is_ok_and(|kind| !Event::KINDS.contains(&kind.event.as_str()))
}
