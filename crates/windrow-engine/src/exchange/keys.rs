//! Sort keys as bytes that compare as the keys do, and the index of a sorted run.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{Result, internal_err};
use datafusion::physical_expr::LexOrdering;
use windrow_tasks::KeySample;

use super::slots::Encoded;

/// Keys of a run that its driver gets to see, at most.
const SAMPLES: usize = 256;

/// Whether runs sorted by `keys` can be read by ranges: all key types have such bytes, and no
/// column has a dictionary, which a reader that starts in the middle would miss.
pub(crate) fn is_range_sortable(keys: &LexOrdering, schema: &Schema) -> Result<bool> {
    fn has_dictionary(data_type: &DataType) -> bool {
        match data_type {
            DataType::Dictionary(..) => true,
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::ListView(field)
            | DataType::LargeListView(field)
            | DataType::FixedSizeList(field, _)
            | DataType::Map(field, _) => has_dictionary(field.data_type()),
            DataType::Struct(fields) => {
                fields.iter().any(|field| has_dictionary(field.data_type()))
            }
            DataType::Union(fields, _) => {
                fields.iter().any(|(_, field)| has_dictionary(field.data_type()))
            }
            DataType::RunEndEncoded(_, values) => has_dictionary(values.data_type()),
            _ => false,
        }
    }
    if schema.fields().iter().any(|field| has_dictionary(field.data_type())) {
        return Ok(false);
    }
    Ok(RowConverter::supports_fields(&sort_fields(keys, schema)?))
}

fn sort_fields(keys: &LexOrdering, schema: &Schema) -> Result<Vec<SortField>> {
    keys.iter()
        .map(|key| Ok(SortField::new_with_options(key.expr.data_type(schema)?, key.options)))
        .collect()
}

/// Turns rows into their keys.
#[derive(Debug)]
pub(super) struct Keys {
    converter: RowConverter,
    keys: LexOrdering,
}

impl Keys {
    pub(super) fn new(keys: &LexOrdering, schema: &Schema) -> Result<Self> {
        Ok(Self { converter: RowConverter::new(sort_fields(keys, schema)?)?, keys: keys.clone() })
    }

    pub(super) fn of(&self, batch: &RecordBatch) -> Result<Rows> {
        let columns: Vec<ArrayRef> = self
            .keys
            .iter()
            .map(|key| key.expr.evaluate(batch)?.into_array(batch.num_rows()))
            .collect::<Result<_>>()?;
        Ok(self.converter.convert_columns(&columns)?)
    }
}

/// A batch of a run.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where it is in its slot.
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) rows: u64,
    /// The key of its first row.
    pub(super) key: Vec<u8>,
}

/// The batches of a run, with their first keys.
pub(super) struct RunIndex {
    keys: Keys,
    entries: Vec<Entry>,
}

impl RunIndex {
    pub(super) fn new(keys: &LexOrdering, schema: &Schema) -> Result<Self> {
        Ok(Self { keys: Keys::new(keys, schema)?, entries: Vec::new() })
    }

    pub(super) fn add(&mut self, encoded: &[Encoded]) -> Result<()> {
        for Encoded { offset, len, batch } in encoded {
            let first = self.keys.of(&batch.slice(0, 1))?;
            self.entries.push(Entry {
                offset: *offset,
                len: *len,
                rows: batch.num_rows() as u64,
                key: first.row(0).as_ref().to_vec(),
            });
        }
        Ok(())
    }

    /// Some of the keys; each stands for the rows up to the next.
    pub(super) fn samples(&self) -> Vec<KeySample> {
        let step = self.entries.len().div_ceil(SAMPLES).max(1);
        let sample = |part: &[Entry]| KeySample {
            key: part.first().map(|entry| entry.key.clone()).unwrap_or_default(),
            rows: part.iter().map(|entry| entry.rows).sum(),
        };
        self.entries.chunks(step).map(sample).collect()
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("offset", DataType::UInt64, false),
            Field::new("len", DataType::UInt64, false),
            Field::new("rows", DataType::UInt64, false),
            Field::new("key", DataType::Binary, false),
        ]));
        let numbers = |of: fn(&Entry) -> u64| -> ArrayRef {
            Arc::new(self.entries.iter().map(of).collect::<UInt64Array>())
        };
        let keys: BinaryArray =
            self.entries.iter().map(|entry| Some(entry.key.as_slice())).collect();
        let columns = vec![
            numbers(|entry| entry.offset),
            numbers(|entry| entry.len),
            numbers(|entry| entry.rows),
            Arc::new(keys) as ArrayRef,
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &schema)?;
        writer.write(&batch)?;
        writer.finish()?;
        drop(writer);
        Ok(bytes)
    }
}

/// The entries that [`RunIndex::to_bytes`] wrote.
pub(super) fn entries_of(bytes: &[u8]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for batch in StreamReader::try_new(bytes, None)? {
        let batch = batch?;
        let [offset, len, rows, key] = batch.columns() else {
            return internal_err!("the index of a run has {} columns", batch.num_columns());
        };
        let number = |column: &ArrayRef, at| column.as_primitive::<UInt64Type>().value(at);
        entries.extend((0..batch.num_rows()).map(|at| Entry {
            offset: number(offset, at),
            len: number(len, at),
            rows: number(rows, at),
            key: key.as_binary::<i32>().value(at).to_vec(),
        }));
    }
    Ok(entries)
}
