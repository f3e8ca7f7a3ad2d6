//! The Arrow type of results, inferred from a sample of them.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use arrow_pyarrow::FromPyArrow;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDelta, PyFloat, PyInt, PyList, PyString,
    PyTime,
};
use windrow_functions::Nulls;

use super::plain;

/// Kinds of results that do not mix, except int and float.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Float,
    Text,
    Bytes,
    Date,
    /// With the name of the time zone, if any.
    Datetime(Option<String>),
    Time,
    Duration,
    /// Lists, dicts, decimals: pyarrow knows.
    Nested(String),
}

/// Two results that have no common type: their rows; twice the same where it has none itself, or not
/// with all others.
#[derive(Debug)]
pub(super) struct Mixture {
    pub(super) first: usize,
    pub(super) second: usize,
}

/// Infers the type of `values`.
pub(super) fn infer(
    py: Python<'_>,
    values: &[Py<PyAny>],
    nulls: Nulls,
) -> PyResult<Result<DataType, Mixture>> {
    let mut found: Option<(Kind, usize)> = None;
    let mut first_nan = None;
    for (row, value) in values.iter().enumerate() {
        let value = value.bind(py);
        if nulls == Nulls::Nan && plain::is_nan(value) {
            first_nan.get_or_insert(row);
            continue;
        }
        let Some(kind) = kind(value)? else { continue };
        found = match found {
            None => Some((kind, row)),
            Some((known, first)) => match join(&known, &kind) {
                Some(joint) => Some((joint, first)),
                None => return Ok(Err(Mixture { first, second: row })),
            },
        };
    }
    Ok(Ok(match found {
        None if first_nan.is_some() => DataType::Float64,
        None => DataType::Null,
        Some((Kind::Int, _)) if first_nan.is_some() => DataType::Float64,
        // A row of labelled values would lose its labels in a list.
        Some((Kind::Nested(name), first)) if name == "Series" => {
            return Ok(Err(Mixture { first, second: first }));
        }
        Some((Kind::Nested(_), first)) => match nested(py, values)? {
            Some(data_type) => data_type,
            None => {
                let row = alone(py, values)?.unwrap_or(first);
                return Ok(Err(Mixture { first: row, second: row }));
            }
        },
        Some((kind, _)) => simple(&kind),
    }))
}

/// The kind of one result; nothing for a missing one.
fn kind(value: &Bound<'_, PyAny>) -> PyResult<Option<Kind>> {
    if value.is_none() {
        return Ok(None);
    }
    let kind = if value.is_instance_of::<PyBool>() {
        Kind::Bool
    } else if value.is_instance_of::<PyInt>() {
        Kind::Int
    } else if value.is_instance_of::<PyFloat>() {
        Kind::Float
    } else if value.is_instance_of::<PyString>() {
        Kind::Text
    } else if value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>() {
        Kind::Bytes
    } else {
        return rare_kind(value);
    };
    Ok(Some(kind))
}

fn rare_kind(value: &Bound<'_, PyAny>) -> PyResult<Option<Kind>> {
    if let Some(plain) = plain::plain(value)?
        && !plain.is(value)
    {
        return kind(&plain);
    }
    let kind = if value.is_instance_of::<PyDateTime>() {
        Kind::Datetime(zone(value)?)
    } else if value.is_instance_of::<PyDate>() {
        Kind::Date
    } else if value.is_instance_of::<PyDelta>() {
        Kind::Duration
    } else if value.is_instance_of::<PyTime>() {
        Kind::Time
    } else {
        let name = value.get_type().name()?.to_string();
        // Tuples are lists of results, too.
        Kind::Nested(if name == "tuple" { "list".to_owned() } else { name })
    };
    Ok(Some(kind))
}

fn zone(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let zone = value.getattr("tzinfo")?;
    if zone.is_none() {
        return Ok(None);
    }
    let name = zone.str()?.to_string();
    let offset = name.strip_prefix("UTC").filter(|offset| !offset.is_empty());
    Ok(Some(offset.map(str::to_owned).unwrap_or(name)))
}

fn join(known: &Kind, other: &Kind) -> Option<Kind> {
    match (known, other) {
        (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) => Some(Kind::Float),
        (Kind::Datetime(Some(one)), Kind::Datetime(Some(two))) if one != two => {
            Some(Kind::Datetime(Some("UTC".to_owned())))
        }
        (known, other) if known == other => Some(known.clone()),
        _ => None,
    }
}

fn simple(kind: &Kind) -> DataType {
    match kind {
        Kind::Bool => DataType::Boolean,
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Text => DataType::Utf8,
        Kind::Bytes => DataType::Binary,
        Kind::Date => DataType::Date32,
        Kind::Datetime(zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_deref().map(Arc::from))
        }
        Kind::Time => DataType::Time64(TimeUnit::Microsecond),
        Kind::Duration => DataType::Duration(TimeUnit::Microsecond),
        Kind::Nested(_) => DataType::Null,
    }
}

/// The first of `values` that has no type even alone.
fn alone(py: Python<'_>, values: &[Py<PyAny>]) -> PyResult<Option<usize>> {
    for (row, value) in values.iter().enumerate() {
        if nested(py, std::slice::from_ref(value))?.is_none() {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

fn nested(py: Python<'_>, values: &[Py<PyAny>]) -> PyResult<Option<DataType>> {
    let list = PyList::new(py, values.iter().map(|value| value.bind(py)))?;
    let inferred = py.import("windrow._worker.batches")?.call_method1("infer", (list,))?;
    if inferred.is_none() {
        return Ok(None);
    }
    Ok(Some(DataType::from_pyarrow_bound(&inferred)?))
}
