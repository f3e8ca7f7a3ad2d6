//! Failures of a row function as data: exceptions and results that do not fit.

use arrow::datatypes::DataType;
use pyo3::prelude::*;
use pyo3::types::{PyAnyMethods, PyBytes};
use windrow_workers::{Failure, RaisedException};

/// Longest repr of a value in a message.
const LONGEST_REPR: usize = 200;
/// Most values of a row in a message.
const MOST_VALUES: usize = 50;

/// A short repr that never fails.
pub(crate) fn short_repr(value: &Bound<'_, PyAny>) -> String {
    let Ok(text) = value.repr().and_then(|text| text.extract::<String>()) else {
        return format!("<a {} that cannot be printed>", type_name(value));
    };
    let text = if text.contains('\n') { text.lines().collect::<Vec<_>>().join("; ") } else { text };
    match text.char_indices().nth(LONGEST_REPR) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The name of a value's type.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().qualname();
    name.map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

/// Names and short reprs of the values of a row.
pub(super) fn describe<'py>(
    names: &[String],
    values: impl Iterator<Item = Bound<'py, PyAny>>,
) -> Vec<(String, String)> {
    let pairs = names.iter().zip(values).take(MOST_VALUES);
    pairs.map(|(name, value)| (name.clone(), short_repr(&value))).collect()
}

/// The exception as data.
pub(crate) fn raised(py: Python<'_>, error: &PyErr) -> RaisedException {
    describe_exception(py, error).unwrap_or_else(|trouble| RaisedException {
        type_name: type_name(error.value(py).as_any()),
        message: error.value(py).str().map_or_else(|_| String::new(), |text| text.to_string()),
        notes: vec![format!("the exception could not be described: {trouble}")],
        ..RaisedException::default()
    })
}

fn describe_exception(py: Python<'_>, error: &PyErr) -> PyResult<RaisedException> {
    let describe = py.import("windrow._worker.errors")?.getattr("describe")?;
    // Below Python 3.12 the traceback is apart from the exception until it is asked for its value.
    let exception = error.clone_ref(py).into_value(py);
    let (text, pickled): (String, Option<Bound<'_, PyBytes>>) =
        describe.call1((exception,))?.extract()?;
    let parsed: Result<RaisedException, _> = serde_json::from_str(&text);
    let mut raised =
        parsed.map_err(|problem| pyo3::exceptions::PyValueError::new_err(problem.to_string()))?;
    raised.pickled = pickled.map(|pickled| pickled.as_bytes().to_vec());
    Ok(raised)
}

/// The exception to raise for a failure: the user's own as itself, ours otherwise.
pub(crate) fn to_exception(py: Python<'_>, failure: &Failure) -> PyErr {
    rebuild(py, failure).unwrap_or_else(|trouble| trouble)
}

fn rebuild(py: Python<'_>, failure: &Failure) -> PyResult<PyErr> {
    let fields = serde_json::json!({ "failure": failure, "text": failure.to_string() });
    let errors = py.import("windrow._worker.errors")?;
    Ok(PyErr::from_value(errors.call_method1("from_failure", (fields.to_string(),))?))
}

/// The exception as a failure at a row.
pub(super) fn raised_at(
    py: Python<'_>,
    error: &PyErr,
    row: Option<u64>,
    values: Vec<(String, String)>,
) -> Failure {
    Failure::Raised(RaisedException { row, values, ..raised(py, error) })
}

/// A result that does not fit the type that was declared, or inferred from a sample.
pub(super) fn misfit(
    value: &Bound<'_, PyAny>,
    data_type: &DataType,
    row: usize,
    values: Vec<(String, String)>,
) -> Failure {
    Failure::Misfit {
        row: row as u64,
        value: short_repr(value),
        got: type_name(value),
        expected: format!("the result type `{}`", display_type(data_type)),
        values,
        hint: hint(value, data_type).to_owned(),
    }
}

fn hint(value: &Bound<'_, PyAny>, data_type: &DataType) -> &'static str {
    let is_int = type_name(value) == "int";
    match data_type {
        _ if data_type.is_integer() && is_int => {
            "the integer is too large for the type; pass `result_type=` with a wider type, \
             or return a float or a str"
        }
        _ if data_type.is_floating() && is_int => {
            "integers beyond 2**53 are not exact in a float; return a float, \
             or pass `result_type=\"int64\"`"
        }
        _ => {
            "return values of one type from every path of the function, \
             or pass `result_type=` with the type that all of them fit"
        }
    }
}

/// A type as pandas users write it.
pub(super) fn display_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "str".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes".to_owned(),
        DataType::Null => "null (all results of the sample were missing)".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
