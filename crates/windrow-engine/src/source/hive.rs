//! `year=2024/month=1/` folders as columns.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::ScalarValue;

use super::bytes::StoredFile;

/// How Hive, Spark and others write a missing value.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that the folders of `files` give: those that every file has and `schema` lacks.
///
/// A column is int64 if all its values are whole numbers, else text.
pub(crate) fn columns(files: &[StoredFile], schema: &Schema) -> Vec<FieldRef> {
    let Some(first) = files.first() else { return Vec::new() };
    let names =
        |file: &StoredFile| file.file.keys.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let common = names(first);
    if !files.iter().all(|file| names(file) == common) {
        return Vec::new();
    }
    let absent = common.into_iter().filter(|name| schema.field_with_name(name).is_err());
    absent
        .map(|name| {
            let whole = files
                .iter()
                .filter_map(|file| value(file, &name))
                .all(|value| value.parse::<i64>().is_ok());
            Arc::new(Field::new(&name, if whole { DataType::Int64 } else { DataType::Utf8 }, true))
        })
        .collect()
}

fn value<'a>(file: &'a StoredFile, name: &str) -> Option<&'a str> {
    let found = file.file.keys.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).filter(|value| *value != MISSING)
}

/// The values of `columns` for a file.
pub(crate) fn values(file: &StoredFile, columns: &[FieldRef]) -> Vec<ScalarValue> {
    columns
        .iter()
        .map(|column| {
            let value = value(file, column.name());
            match column.data_type() {
                DataType::Int64 => ScalarValue::Int64(value.and_then(|value| value.parse().ok())),
                _ => ScalarValue::Utf8(value.map(str::to_owned)),
            }
        })
        .collect()
}
