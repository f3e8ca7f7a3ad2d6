//! Rows as the bytes of a CSV or JSON-lines file, compressed or not, under pandas' conventions.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::write::{Compression, WriteFormat, WriteOptions};
use crate::error::{Error, Result};

/// A file being encoded; its bytes are taken piece by piece.
pub(super) struct Encoder {
    format: WriteFormat,
    options: WriteOptions,
    sink: Sink,
    started: bool,
}

enum Sink {
    Plain(Vec<u8>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    pub(super) fn new(
        format: WriteFormat,
        options: &WriteOptions,
        compression: Compression,
    ) -> Result<Self> {
        let sink = match compression {
            Compression::None => Sink::Plain(Vec::new()),
            Compression::Gzip => Sink::Gzip(flate2::write::GzEncoder::new(
                Vec::new(),
                flate2::Compression::default(),
            )),
            Compression::Zstd => {
                Sink::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 0).map_err(failed)?)
            }
        };
        Ok(Self { format, options: options.clone(), sink, started: false })
    }

    /// Encodes `batch` and gives the bytes that are ready.
    pub(super) fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let mut text = Vec::with_capacity(batch.get_array_memory_size());
        match self.format {
            WriteFormat::Csv => {
                let batch = spelled_as_python(batch)?;
                let header = self.options.header && !self.started;
                arrow::csv::WriterBuilder::new()
                    .with_header(header)
                    .with_delimiter(self.options.sep)
                    .with_null(self.options.na_rep.clone())
                    .with_timestamp_format("%Y-%m-%d %H:%M:%S%.f".to_owned())
                    .build(&mut text)
                    .write(&batch)
                    .map_err(|error| Error::data(error.to_string()))?;
            }
            WriteFormat::Json | WriteFormat::Parquet => {
                let mut writer = arrow::json::WriterBuilder::new()
                    .with_explicit_nulls(true)
                    .build::<_, arrow::json::writer::LineDelimited>(&mut text);
                writer
                    .write(batch)
                    .and_then(|()| writer.finish())
                    .map_err(|error| Error::data(error.to_string()))?;
            }
        }
        self.started = true;
        self.push(&text)
    }

    fn push(&mut self, text: &[u8]) -> Result<Vec<u8>> {
        match &mut self.sink {
            Sink::Plain(_) => Ok(text.to_vec()),
            Sink::Gzip(encoder) => {
                encoder.write_all(text).map_err(failed)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Sink::Zstd(encoder) => {
                encoder.write_all(text).map_err(failed)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// Whether something was encoded; a CSV file without rows still has its header.
    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// The last bytes.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        match self.sink {
            Sink::Plain(rest) => Ok(rest),
            Sink::Gzip(encoder) => encoder.finish().map_err(failed),
            Sink::Zstd(encoder) => encoder.finish().map_err(failed),
        }
    }
}

#[allow(clippy::needless_pass_by_value)]
fn failed(error: std::io::Error) -> Error {
    Error::data(format!("cannot compress: {error}"))
}

/// Truth values spelled `True` and `False`.
fn spelled_as_python(batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = batch.schema();
    if !schema.fields().iter().any(|field| *field.data_type() == DataType::Boolean) {
        return Ok(batch.clone());
    }
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| match column.as_boolean_opt() {
            Some(truths) => {
                let words: StringArray = truths
                    .iter()
                    .map(|truth| truth.map(|truth| if truth { "True" } else { "False" }))
                    .collect();
                let field = Field::new(field.name(), DataType::Utf8, true);
                (field, Arc::new(words) as ArrayRef)
            }
            None => (field.as_ref().clone(), Arc::clone(column)),
        })
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Error::internal(error.to_string()))
}
