//! Text files: a row per line, in one column `text`.
//!
//! A line ends with `\n` or `\r\n`, which are no part of it; the last line may lack its end. An empty line is a row of
//! an empty string; an empty file has no rows.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::bytes::{Compression, StoredFile};
use super::csv::{Encoding, EncodingErrors};
use super::fault::{Misread, ReadError, What};
use super::lines::{BYTE_ORDER_MARK, LineBuffer, whole_lines};
use super::scan::{Bounds, RowDecoder, RowFormat};

/// A batch is closed early above this many bytes.
const LARGEST: usize = 64 << 20;

/// How to read text files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextOptions {
    /// Only UTF-8 (and ASCII) can be read.
    pub encoding: Encoding,
    /// What to do with bytes that are no UTF-8.
    pub encoding_errors: EncodingErrors,
    /// Read only the first rows of the source.
    pub nrows: Option<usize>,
    /// How the files are compressed.
    #[serde(deserialize_with = "super::csv::compression")]
    pub compression: Compression,
}

/// Text files as rows.
#[derive(Debug)]
pub(crate) struct TextFormat {
    schema: SchemaRef,
    errors: EncodingErrors,
}

impl TextFormat {
    pub(crate) fn new(options: &TextOptions) -> Self {
        let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
        Self { schema, errors: options.encoding_errors }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// The whole lines of `range`, without the byte order mark that a file may start with.
pub(crate) async fn line_bounds(file: &StoredFile, range: Range<u64>) -> Result<Bounds, ReadError> {
    let marked = file.range(0..BYTE_ORDER_MARK.len() as u64).await? == BYTE_ORDER_MARK;
    let body = if marked { BYTE_ORDER_MARK.len() as u64 } else { 0 };
    let range = if file.file.is_plain() {
        let lines = whole_lines(file, range).await?;
        lines.start.max(body)..lines.end.max(body)
    } else {
        body..u64::MAX
    };
    Ok(Bounds { range, body, header_lines: 0 })
}

#[async_trait]
impl RowFormat for TextFormat {
    fn name(&self) -> &'static str {
        "text"
    }

    async fn bounds(&self, file: &StoredFile, range: Range<u64>) -> Result<Bounds, ReadError> {
        line_bounds(file, range).await
    }

    fn decoder(
        &self,
        projection: &[usize],
        batch_size: usize,
    ) -> datafusion::error::Result<Box<dyn RowDecoder>> {
        Ok(Box::new(TextDecoder {
            schema: Arc::new(self.schema.project(projection)?),
            errors: self.errors,
            batch_size,
            lines: LineBuffer::default(),
            text: StringBuilder::new(),
            count: 0,
            rows: 0,
        }))
    }
}

struct TextDecoder {
    schema: SchemaRef,
    errors: EncodingErrors,
    batch_size: usize,
    lines: LineBuffer,
    text: StringBuilder,
    /// Rows of the batch in the making.
    count: usize,
    /// Rows of the batches before.
    rows: u64,
}

impl TextDecoder {
    fn batch(&mut self) -> Result<RecordBatch, Misread> {
        let count = std::mem::take(&mut self.count);
        let text: ArrayRef = Arc::new(self.text.finish());
        let columns = if self.schema.fields().is_empty() {
            Vec::new()
        } else {
            vec![text; self.schema.fields().len()]
        };
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| {
                let text = format!("cannot be read: {error}");
                Misread {
                    row: self.rows,
                    line: self.rows,
                    what: What::Other { text, hints: Vec::new() },
                }
            })?;
        self.rows += count as u64;
        Ok(batch)
    }
}

impl RowDecoder for TextDecoder {
    fn push(&mut self, chunk: &[u8]) {
        self.lines.push(chunk);
    }

    fn next_batch(&mut self, last: bool) -> Result<Option<RecordBatch>, Misread> {
        let wanted = !self.schema.fields().is_empty();
        while self.count < self.batch_size && self.text.values_slice().len() < LARGEST {
            let Some(line) = self.lines.next_line(last) else {
                return if last && self.count > 0 { self.batch().map(Some) } else { Ok(None) };
            };
            if wanted {
                let line = &self.lines.bytes()[line];
                match std::str::from_utf8(line) {
                    Ok(text) => self.text.append_value(text),
                    Err(_) if self.errors == EncodingErrors::Replace => {
                        self.text.append_value(String::from_utf8_lossy(line));
                    }
                    Err(_) => {
                        let row = self.rows + self.count as u64;
                        return Err(Misread {
                            row,
                            line: row,
                            what: What::Encoding { column: None },
                        });
                    }
                }
            }
            self.count += 1;
        }
        self.batch().map(Some)
    }

    fn position(&self) -> (u64, u64) {
        let rows = self.rows + self.count as u64;
        (rows, rows)
    }
}
