//! Column types from a sample: the head, the middle and the end of some of the files.
//!
//! A column is what all sampled values of it are: bool, int64 (uint64 above its range), float64, else text. Missing
//! values do not count, so whole numbers with gaps stay int64 with nulls; a column of nothing but missing values is
//! float64, as in pandas. Nothing is taken for a date unless `parse_dates` says so. A value outside the sample that
//! does not fit is an error when it is read, never a silent change.

use super::header::Head;
use super::missing::{Missing, Truth};
use super::options::{BadLines, CsvOptions};
use super::parse::{Kind, Numbers};
use super::tokenize::{Dialect, Next, Span};
use crate::source::bytes::StoredFile;
use crate::source::fault::ReadError;

/// Bytes sampled at the head of a file.
const HEAD: usize = 256 * 1024;
/// Bytes sampled in its middle, and again at its end.
const SPOT: u64 = 64 * 1024;

/// What was seen of the columns so far.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    options: &'a CsvOptions,
    dialect: &'a Dialect,
    missing: Vec<Missing>,
    truth: Truth,
    numbers: Numbers,
    pub(crate) kinds: Vec<Kind>,
    rows_left: usize,
}

impl<'a> Sample<'a> {
    pub(crate) fn new(options: &'a CsvOptions, dialect: &'a Dialect, names: &[String]) -> Self {
        Self {
            options,
            dialect,
            missing: names.iter().map(|name| Missing::new(options, name)).collect(),
            truth: Truth::new(options),
            numbers: Numbers::new(options),
            kinds: vec![Kind::default(); names.len()],
            rows_left: options.nrows.unwrap_or(usize::MAX),
        }
    }

    /// Takes in a sample of `file`.
    pub(crate) async fn add(&mut self, file: &StoredFile, head: &Head) -> Result<(), ReadError> {
        let body = head.body;
        let (size, plain) = (file.file.meta.size, file.file.is_plain());
        let bytes = file.range(body..body + HEAD as u64).await?;
        let whole = bytes.len() < HEAD;
        self.add_rows(&bytes, 0, whole);
        // The rest of a compressed file cannot be reached without reading it all.
        if whole || !plain || self.options.nrows.is_some() || size < body + HEAD as u64 + 4 * SPOT {
            if plain && !whole && self.options.nrows.is_none() {
                self.add_spot(file, body + HEAD as u64..size).await?;
            }
            return Ok(());
        }
        let middle = body + (size - body) / 2;
        self.add_spot(file, middle..middle + SPOT).await?;
        self.add_spot(file, size - SPOT..size).await
    }

    /// Rows from the middle of a file. Where they start is a guess, since a line end may be inside quotes; if rows then
    /// have the wrong number of fields, the guess was wrong and the spot is left out.
    async fn add_spot(
        &mut self,
        file: &StoredFile,
        range: std::ops::Range<u64>,
    ) -> Result<(), ReadError> {
        let at_end = range.end >= file.file.meta.size;
        let bytes = file.range(range).await?;
        let Some(start) = memchr::memchr(b'\n', &bytes).map(|found| found + 1) else {
            return Ok(());
        };
        if self.rows(&bytes, start, at_end).iter().all(|row| row.len() == self.kinds.len()) {
            self.add_rows(&bytes, start, at_end);
        }
        Ok(())
    }

    fn rows(&self, bytes: &[u8], start: usize, last: bool) -> Vec<Vec<Span>> {
        let mut rows = Vec::new();
        let mut at = start;
        while at < bytes.len() && rows.len() < self.rows_left {
            let mut fields = Vec::new();
            match self.dialect.record(bytes, at, last, &mut fields) {
                Next::Record { next, .. } => {
                    rows.push(fields);
                    at = next;
                }
                Next::Nothing { next } => at = next,
                Next::More | Next::OpenQuote => break,
            }
        }
        rows
    }

    fn add_rows(&mut self, bytes: &[u8], start: usize, last: bool) {
        let rows = self.rows(bytes, start, last);
        self.rows_left = self.rows_left.saturating_sub(rows.len());
        for row in rows {
            let fits = row.len() == self.kinds.len();
            if !fits && self.options.on_bad_lines == BadLines::Skip {
                continue;
            }
            for (position, span) in row.iter().enumerate().take(self.kinds.len()) {
                // Text holds everything: there is nothing left to learn.
                if self.kinds[position] == Kind::Text {
                    continue;
                }
                let value = self.dialect.value(bytes, *span);
                let missing = &self.missing[position];
                let number = || {
                    self.numbers.float(&value).is_some_and(|number| missing.contains_number(number))
                };
                if !missing.contains(&value) && !number() {
                    self.kinds[position] =
                        self.kinds[position].with(Kind::of(&value, &self.truth, &self.numbers));
                }
            }
        }
    }
}
