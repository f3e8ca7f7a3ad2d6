//! JSON lines: an object per line, typed by a sample.

mod fit;
mod shape;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::json::ReaderBuilder;
use datafusion::arrow::json::reader::Decoder;
use serde::{Deserialize, Serialize};

use fit::{Misfit, check};
use shape::Shape;

use super::bytes::{Compression, StoredFile};
use super::csv::Encoding;
use super::dtype::{Dtypes, description, name_of};
use super::fault::{Misread, ReadError, What, shown};
use super::lines::LineBuffer;
use super::scan::{Bounds, RowDecoder, RowFormat};
use super::text::line_bounds;
use crate::error::Fault;
use crate::nearest::column_hint;

/// Bytes sampled at the head of a file.
const HEAD: u64 = 512 * 1024;
/// Bytes sampled in its middle, and again at its end.
const SPOT: u64 = 128 * 1024;
/// At most this many files are sampled.
const SAMPLED_FILES: usize = 8;
/// A batch is closed early above this many bytes.
const LARGEST: usize = 64 << 20;

/// How to read JSON lines; names are those of `pandas.read_json(lines=True)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JsonOptions {
    /// Must be true: one object per line.
    pub lines: bool,
    /// Declared types; other columns are inferred from a sample. A column declared `str` takes numbers as text.
    pub dtype: Dtypes,
    /// Read only the first rows of the source.
    pub nrows: Option<usize>,
    /// Only UTF-8 can be read.
    pub encoding: Encoding,
    /// How the files are compressed.
    #[serde(deserialize_with = "super::csv::compression")]
    pub compression: Compression,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            lines: true,
            dtype: Dtypes::default(),
            nrows: None,
            encoding: Encoding,
            compression: Compression::default(),
        }
    }
}

/// JSON lines as rows.
#[derive(Debug)]
pub(crate) struct JsonFormat {
    schema: SchemaRef,
    /// Whether columns declared as text take numbers.
    coerce: bool,
}

/// Reads what the schema needs of `files`.
pub(crate) async fn open(
    options: &JsonOptions,
    files: &[StoredFile],
) -> Result<JsonFormat, ReadError> {
    if !options.lines {
        return Err(ReadError::new(
            Fault::Unsupported,
            "`lines=False` is not supported: a file must hold one object per line",
        )
        .hint("convert it: `jq -c '.[]' in.json > out.jsonl`"));
    }
    let step = files.len().div_ceil(SAMPLED_FILES).max(1);
    let mut shape = Shape::Missing;
    let mut left = options.nrows.unwrap_or(usize::MAX);
    for file in files.iter().step_by(step) {
        shape = sample(file, shape, &mut left).await?;
    }
    let entries = match shape {
        Shape::Object(entries) => entries,
        _ => {
            return Err(ReadError::data(format!(
                "file `{}` is empty: no columns to read",
                files[0].file.name
            )));
        }
    };
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(unknown) = options.dtype.names().find(|name| !names.contains(name)) {
        let error =
            format!("`dtype` names a column `{unknown}`, which the sampled rows do not have");
        return Err(ReadError::new(Fault::Column, error).hint(column_hint(unknown, &names)));
    }
    let mut fields = Vec::with_capacity(entries.len());
    let mut coerce = false;
    for (name, shape) in &entries {
        let data_type = match options.dtype.of(name) {
            Some(declared) => {
                coerce |= matches!(declared, DataType::Utf8 | DataType::LargeUtf8);
                declared.clone()
            }
            None => shape.data_type().map_err(|(left, right)| mixed(name, left, right))?,
        };
        fields.push(Field::new(name, data_type, true));
    }
    Ok(JsonFormat { schema: Arc::new(Schema::new(fields)), coerce })
}

fn mixed(name: &str, left: &str, right: &str) -> ReadError {
    ReadError::data(format!("column `{name}` holds {left} in some rows and {right} in others"))
        .hint(format!(
            "pass `dtype={{\"{name}\": \"str\"}}` to read numbers and truth values as text"
        ))
}

async fn sample(file: &StoredFile, shape: Shape, left: &mut usize) -> Result<Shape, ReadError> {
    let size = file.file.meta.size;
    let mut spots = Vec::from([(0, HEAD)]);
    if file.file.is_plain() && size > HEAD && *left == usize::MAX {
        spots.push((size / 2, (size / 2 + SPOT).min(size)));
        spots.push((size.saturating_sub(SPOT).max(HEAD), size));
    }
    let mut shape = shape;
    for (start, end) in spots {
        let bounds = line_bounds(file, start..end).await?;
        let end = if file.file.is_plain() { bounds.range.end } else { HEAD };
        let bytes = file.range(bounds.range.start..end).await?;
        let complete =
            file.file.is_plain() || (bytes.len() as u64) < HEAD.saturating_sub(bounds.range.start);
        let mut lines = LineBuffer::default();
        lines.push(&bytes);
        let mut number = 0;
        while *left > 0
            && let Some(line) = lines.next_line(complete)
        {
            let line = &lines.bytes()[line];
            number += 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            *left -= 1;
            let row = serde_json::from_slice::<Shape>(line);
            match row {
                Ok(row @ Shape::Object(_)) => shape = shape.with(row),
                // Reading names the row; here only the head's line number is known.
                other if bounds.range.start == bounds.body => {
                    return Err(not_an_object(file, number, other.as_ref().err(), line));
                }
                _ => {}
            }
        }
    }
    Ok(shape)
}

fn not_an_object(
    file: &StoredFile,
    line: u64,
    error: Option<&serde_json::Error>,
    bytes: &[u8],
) -> ReadError {
    let what = syntax(error, bytes);
    Misread { row: line - 1, line: line - 1, what }.explain(&file.file.name, Some((0, 0)))
}

fn syntax(error: Option<&serde_json::Error>, line: &[u8]) -> What {
    if std::str::from_utf8(line).is_err() {
        return What::Encoding { column: None };
    }
    let text = match error {
        Some(error) if !error.is_data() => {
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default();
            format!(
                "is not valid JSON: {reason} at character {}: `{}`",
                error.column(),
                shown(line)
            )
        }
        _ => format!("is not a JSON object but `{}`", shown(line)),
    };
    let array = line.trim_ascii_start().first() == Some(&b'[');
    let hints = if array {
        vec!["a file must hold one object per line; convert an array: `jq -c '.[]'`".to_owned()]
    } else {
        Vec::new()
    };
    What::Other { text, hints }
}

impl JsonFormat {
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[async_trait]
impl RowFormat for JsonFormat {
    fn name(&self) -> &'static str {
        "json"
    }

    async fn bounds(&self, file: &StoredFile, range: Range<u64>) -> Result<Bounds, ReadError> {
        line_bounds(file, range).await
    }

    fn decoder(
        &self,
        projection: &[usize],
        batch_size: usize,
    ) -> datafusion::error::Result<Box<dyn RowDecoder>> {
        let schema = Arc::new(self.schema.project(projection)?);
        let decoder = ReaderBuilder::new(Arc::clone(&schema))
            .with_batch_size(batch_size)
            .with_coerce_primitive(self.coerce)
            .build_decoder()?;
        Ok(Box::new(JsonDecoder {
            schema,
            decoder,
            coerce: self.coerce,
            batch_size,
            lines: LineBuffer::default(),
            count: 0,
            bytes: 0,
            rows: 0,
            line: 0,
        }))
    }
}

struct JsonDecoder {
    schema: SchemaRef,
    decoder: Decoder,
    coerce: bool,
    batch_size: usize,
    lines: LineBuffer,
    /// Rows and bytes of the batch in the making.
    count: usize,
    bytes: usize,
    /// Rows of the batches before, and lines so far.
    rows: u64,
    line: u64,
}

impl JsonDecoder {
    fn misread(&self, what: What) -> Misread {
        Misread { row: self.rows + self.count as u64, line: self.line.saturating_sub(1), what }
    }

    fn batch(&mut self) -> Result<RecordBatch, Misread> {
        let count = self.count;
        let batch = if self.schema.fields().is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(count));
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), Vec::new(), &options)
                .map(Some)
        } else {
            self.decoder.flush()
        };
        let failed = |text: String| What::Other { text, hints: Vec::new() };
        let batch = batch.map_err(|error| {
            self.misread(failed(format!(
                "or one of the {count} rows before it cannot be read: {error}"
            )))
        })?;
        let batch = batch.ok_or_else(|| self.misread(failed("was lost".to_owned())))?;
        self.rows += count as u64;
        self.count = 0;
        self.bytes = 0;
        Ok(batch)
    }

    fn explain(&self, misfit: Misfit, line: &[u8]) -> What {
        match misfit {
            Misfit::Syntax(error) => syntax(Some(&error), line),
            Misfit::Value { column, value, expected } => {
                let wider = if expected.is_integer() && value.parse::<f64>().is_ok() {
                    DataType::Float64
                } else {
                    DataType::Utf8
                };
                let hints = vec![format!("pass `dtype={{\"{column}\": \"{}\"}}`", name_of(&wider))];
                What::Value {
                    column,
                    value: shown(value.as_bytes()),
                    expected: description(&expected),
                    hints,
                }
            }
        }
    }
}

impl RowDecoder for JsonDecoder {
    fn push(&mut self, chunk: &[u8]) {
        self.lines.push(chunk);
    }

    fn next_batch(&mut self, last: bool) -> Result<Option<RecordBatch>, Misread> {
        while self.count < self.batch_size && self.bytes < LARGEST {
            let Some(range) = self.lines.next_line(last) else {
                return if last && self.count > 0 { self.batch().map(Some) } else { Ok(None) };
            };
            self.line += 1;
            let line = &self.lines.bytes()[range];
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let Err(misfit) = check(line, self.schema.fields(), self.coerce) {
                return Err(self.misread(self.explain(misfit, line)));
            }
            if !self.schema.fields().is_empty() {
                let failed = |error| What::Other {
                    text: format!("cannot be read: {error}"),
                    hints: Vec::new(),
                };
                let decoded = self.decoder.decode(line).and_then(|_| self.decoder.decode(b"\n"));
                decoded.map_err(|error| Misread {
                    row: self.rows + self.count as u64,
                    line: self.line - 1,
                    what: failed(error.to_string()),
                })?;
            }
            self.count += 1;
            self.bytes += line.len();
        }
        self.batch().map(Some)
    }

    fn position(&self) -> (u64, u64) {
        (self.rows + self.count as u64, self.line)
    }
}
