//! Chunks of a CSV file to batches.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema, SchemaRef};

use super::convert::{Cells, Column, Values, column};
use super::options::BadLines;
use super::tokenize::{Dialect, Next, Span};
use crate::source::fault::{Misread, What};
use crate::source::scan::RowDecoder;

/// A batch is closed early above this many bytes, so that long values cannot overflow its offsets.
const LARGEST: usize = 64 << 20;

/// What a decoder needs to know.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) dialect: Dialect,
    pub(crate) values: Values,
    /// How many fields a row has.
    pub(crate) width: usize,
    pub(crate) bad_lines: BadLines,
    pub(crate) columns: Vec<Column>,
}

pub(crate) struct CsvDecoder {
    layout: Arc<Layout>,
    /// The columns wanted, as positions in the layout.
    wanted: Vec<usize>,
    schema: SchemaRef,
    batch_size: usize,
    bytes: Vec<u8>,
    /// Where the batch in the making starts; spans count from here.
    base: usize,
    /// Where the next record starts.
    next: usize,
    /// No use trying again before there are so many bytes after `next`.
    needed: usize,
    /// The wanted fields of the batch in the making, column by column.
    spans: Vec<Vec<Span>>,
    /// The line on which each row of the batch in the making starts.
    starts: Vec<u64>,
    /// Scratch: the fields of one record.
    fields: Vec<Span>,
    rows: u64,
    lines: u64,
}

impl CsvDecoder {
    pub(crate) fn new(layout: Arc<Layout>, wanted: &[usize], batch_size: usize) -> Self {
        let fields: Vec<_> =
            wanted.iter().map(|position| Arc::clone(&layout.columns[*position].field)).collect();
        Self {
            spans: vec![Vec::with_capacity(batch_size); wanted.len()],
            layout,
            wanted: wanted.to_vec(),
            schema: Arc::new(Schema::new(fields)),
            batch_size,
            bytes: Vec::new(),
            base: 0,
            next: 0,
            needed: 0,
            starts: Vec::with_capacity(batch_size),
            fields: Vec::new(),
            rows: 0,
            lines: 0,
        }
    }

    /// Reads records until the batch is full (true) or the bytes are used up (false).
    fn fill(&mut self, last: bool) -> Result<bool, Misread> {
        let layout = Arc::clone(&self.layout);
        while self.starts.len() < self.batch_size && self.next - self.base < LARGEST {
            let left = self.bytes.len() - self.next;
            if left == 0 || (!last && left < self.needed) {
                return Ok(false);
            }
            self.fields.clear();
            match layout.dialect.record(&self.bytes, self.next, last, &mut self.fields) {
                Next::More => {
                    self.needed = left * 2;
                    return Ok(false);
                }
                Next::OpenQuote => return Err(self.misread(self.starts.len(), What::OpenQuote)),
                Next::Nothing { next } => {
                    self.next = next;
                    self.lines += 1;
                }
                Next::Record { next, lines } => {
                    self.take(&layout)?;
                    self.next = next;
                    self.lines += lines;
                }
            }
            self.needed = 0;
        }
        Ok(true)
    }

    /// Adds the record in `fields` to the batch.
    fn take(&mut self, layout: &Layout) -> Result<(), Misread> {
        let found = self.fields.len();
        if found != layout.width && !self.is_blank() {
            match layout.bad_lines {
                BadLines::Skip => return Ok(()),
                BadLines::Pad if found < layout.width => {}
                _ => {
                    // Rows before it may have an error of their own, which comes first.
                    let ragged = What::Ragged { found, expected: layout.width };
                    let misread = self.misread(self.starts.len(), ragged);
                    self.columns()?;
                    return Err(misread);
                }
            }
        }
        for (spans, position) in self.spans.iter_mut().zip(&self.wanted) {
            let span = self.fields.get(layout.columns[*position].position).copied();
            let span = span.unwrap_or(Span { start: self.base, end: self.base, dirty: false });
            spans.push(Span {
                start: span.start - self.base,
                end: span.end - self.base,
                dirty: span.dirty,
            });
        }
        self.starts.push(self.lines);
        Ok(())
    }

    /// An empty line, which is a row of missing values when blank lines are not left out.
    fn is_blank(&self) -> bool {
        matches!(self.fields.as_slice(), [only] if only.start == only.end && only.start == self.next)
    }

    fn misread(&self, index: usize, what: What) -> Misread {
        let line = self.starts.get(index).copied().unwrap_or(self.lines);
        Misread { row: self.rows + index as u64, line, what }
    }

    fn columns(&self) -> Result<Vec<datafusion::arrow::array::ArrayRef>, Misread> {
        let bytes = &self.bytes[self.base..];
        let mut arrays = Vec::with_capacity(self.wanted.len());
        let mut first: Option<(usize, What)> = None;
        for (spans, position) in self.spans.iter().zip(&self.wanted) {
            let cells = Cells { dialect: &self.layout.dialect, bytes, spans };
            match column(&self.layout.columns[*position], &self.layout.values, &cells) {
                Ok(array) => arrays.push(array),
                Err(bad) if first.as_ref().is_none_or(|first| bad.0 < first.0) => first = Some(bad),
                Err(_) => {}
            }
        }
        match first {
            None => Ok(arrays),
            Some((index, what)) => Err(self.misread(index, what)),
        }
    }
}

impl RowDecoder for CsvDecoder {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.base);
        self.next -= self.base;
        self.base = 0;
        self.bytes.extend_from_slice(chunk);
    }

    fn next_batch(&mut self, last: bool) -> Result<Option<RecordBatch>, Misread> {
        let full = self.fill(last)?;
        if !full && (!last || self.starts.is_empty()) {
            return Ok(None);
        }
        let count = self.starts.len();
        let arrays = self.columns()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| {
            self.misread(
                0,
                What::Other { text: format!("cannot be read: {error}"), hints: Vec::new() },
            )
        })?;
        self.rows += count as u64;
        self.starts.clear();
        self.spans.iter_mut().for_each(Vec::clear);
        self.base = self.next;
        Ok(Some(batch))
    }

    fn position(&self) -> (u64, u64) {
        (self.rows + self.starts.len() as u64, self.lines)
    }
}
