//! Types, schemas, constants and rows as Arrow IPC streams; short ones as hexadecimal text.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result};

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("a program that travelled cannot be read: {error}"))
}

pub(super) fn rows_to_bytes(schema: &Schema, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let written = StreamWriter::try_new(&mut bytes, schema).and_then(|mut writer| {
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()
    });
    written.map_err(|error| Error::internal(format!("rows cannot be encoded: {error}")))?;
    Ok(bytes)
}

pub(super) fn rows_of(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let reader = StreamReader::try_new(bytes, None).map_err(|error| unreadable(&error))?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(&error))?;
    Ok((schema, batches))
}

pub(super) fn schema_to_text(schema: &Schema) -> Result<String> {
    rows_to_bytes(schema, &[]).map(|bytes| hexadecimal(&bytes))
}

pub(super) fn schema_of(text: &str) -> Result<SchemaRef> {
    Ok(rows_of(&bytes_of(text)?)?.0)
}

pub(super) fn type_to_text(data_type: &DataType) -> Result<String> {
    schema_to_text(&Schema::new(vec![Field::new("", data_type.clone(), true)]))
}

pub(super) fn type_of(text: &str) -> Result<DataType> {
    let schema = schema_of(text)?;
    match schema.fields().first() {
        Some(field) => Ok(field.data_type().clone()),
        None => Err(unreadable(&"a type is missing")),
    }
}

pub(super) fn scalar_to_text(value: &ScalarValue) -> Result<String> {
    let array = value
        .to_array()
        .map_err(|error| Error::internal(format!("a constant cannot be encoded: {error}")))?;
    let schema = Arc::new(Schema::new(vec![Field::new("", array.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array])
        .map_err(|error| Error::internal(error.to_string()))?;
    rows_to_bytes(&schema, &[batch]).map(|bytes| hexadecimal(&bytes))
}

pub(super) fn scalar_of(text: &str) -> Result<ScalarValue> {
    let (_, batches) = rows_of(&bytes_of(text)?)?;
    let column = batches.first().filter(|batch| batch.num_rows() == 1).map(|one| one.column(0));
    let column = column.ok_or_else(|| unreadable(&"a constant is missing"))?;
    ScalarValue::try_from_array(column, 0).map_err(|error| unreadable(&error))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes_of(text: &str) -> Result<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return Err(unreadable(&"not hexadecimal"));
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|error| unreadable(&error)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn types_and_constants_are_read_back() {
        for value in [
            ScalarValue::Int64(Some(-7)),
            ScalarValue::Int64(None),
            ScalarValue::Utf8View(Some("é`\"".to_owned())),
            ScalarValue::Float64(Some(f64::INFINITY)),
            ScalarValue::TimestampNanosecond(Some(5), Some("Europe/Berlin".into())),
            ScalarValue::Null,
        ] {
            let text = scalar_to_text(&value).unwrap();
            assert_eq!(scalar_of(&text).unwrap(), value);
            assert_eq!(
                type_of(&type_to_text(&value.data_type()).unwrap()).unwrap(),
                value.data_type()
            );
        }
        assert!(scalar_of("zz").is_err());
        assert!(type_of("00").is_err());
    }
}
