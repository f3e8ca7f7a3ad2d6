//! Results: Python objects checked one by one and collected into an Arrow array of a given type.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, Float64Builder, Int64Builder, LargeBinaryBuilder,
    LargeStringBuilder, NullArray, PrimitiveArray, UInt64Builder,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;
use arrow_pyarrow::{FromPyArrow, ToPyArrow};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyList, PyString};
use windrow_functions::Nulls;

use super::plain;
use super::slots::exact_int;
use super::temporal;

/// Integers up to this are exact in a float.
const EXACT: i64 = 1 << 53;

/// Collects the results of one call.
pub(super) struct Results {
    sink: Sink,
    nulls: Nulls,
    data_type: DataType,
}

enum Sink {
    Null(usize),
    Boolean(BooleanBuilder),
    /// All integers but u64, with the range of the type.
    Integer(Int64Builder, i64, i64),
    UInt64(UInt64Builder),
    /// All floats, with the largest finite value of the type.
    Float(Float64Builder, f64),
    Text(LargeStringBuilder),
    Bytes(LargeBinaryBuilder),
    Date(Int64Builder),
    /// Microseconds since midnight.
    Time(Int64Builder),
    Timestamp(Int64Builder, TimeUnit, bool),
    Duration(Int64Builder, TimeUnit),
    Decimal(Decimal128Builder, u8, i8),
    /// Types that pyarrow converts.
    Objects(Vec<Py<PyAny>>),
}

/// What became of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    No,
}

impl Results {
    /// An empty collection of `data_type` with room for `rows`.
    pub(super) fn new(data_type: &DataType, nulls: Nulls, rows: usize) -> Self {
        Self { sink: Sink::new(data_type, rows), nulls, data_type: data_type.clone() }
    }

    /// Takes a result in, or says that it does not fit.
    #[inline]
    pub(super) fn push(&mut self, value: &Bound<'_, PyAny>) -> PyResult<Fit> {
        match &mut self.sink {
            Sink::Integer(builder, low, high) => match exact_int(value) {
                Some(Some(number)) if *low <= number && number <= *high => {
                    builder.append_value(number);
                    Ok(Fit::Yes)
                }
                Some(_) => Ok(Fit::No),
                None => self.push_other(value),
            },
            Sink::Float(builder, most) => match value.cast_exact::<PyFloat>() {
                Ok(number) if fits_float(number.value(), *most) => {
                    builder.append_value(number.value());
                    Ok(Fit::Yes)
                }
                _ => self.push_other(value),
            },
            Sink::Text(builder) => match value.cast_exact::<PyString>().map(|text| text.to_str()) {
                Ok(Ok(text)) => {
                    builder.append_value(text);
                    Ok(Fit::Yes)
                }
                _ => self.push_other(value),
            },
            _ => self.push_other(value),
        }
    }

    fn push_other(&mut self, value: &Bound<'_, PyAny>) -> PyResult<Fit> {
        if value.is_none() {
            self.sink.push_null(value.py());
            return Ok(Fit::Yes);
        }
        if self.sink.push_plain(value)? == Fit::Yes {
            return Ok(Fit::Yes);
        }
        if self.nulls == Nulls::Nan && plain::is_nan(value) {
            self.sink.push_null(value.py());
            return Ok(Fit::Yes);
        }
        match plain::plain(value)? {
            Some(plain) if plain.is_none() => {
                self.sink.push_null(value.py());
                Ok(Fit::Yes)
            }
            Some(plain) if !plain.is(value) => self.push_other(&plain),
            _ => Ok(Fit::No),
        }
    }

    /// The array of all results.
    pub(super) fn finish(self, py: Python<'_>) -> Result<ArrayRef, ResultsError> {
        let target = &self.data_type;
        Ok(match self.sink {
            Sink::Null(rows) => Arc::new(NullArray::new(rows)),
            Sink::Boolean(mut builder) => Arc::new(builder.finish()),
            Sink::Integer(mut builder, _, _) => cast(&builder.finish(), target)?,
            Sink::UInt64(mut builder) => Arc::new(builder.finish()),
            Sink::Float(mut builder, _) => cast(&builder.finish(), target)?,
            Sink::Text(mut builder) => cast(&builder.finish(), target)?,
            Sink::Bytes(mut builder) => cast(&builder.finish(), target)?,
            Sink::Date(mut builder) => {
                let days = cast(&builder.finish(), &DataType::Int32)?;
                cast(&cast(&days, &DataType::Date32)?, target)?
            }
            Sink::Time(mut builder) => {
                let micros = cast(&builder.finish(), &DataType::Time64(TimeUnit::Microsecond))?;
                cast(&micros, target)?
            }
            Sink::Timestamp(mut builder, unit, _) => {
                let zone = match target {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => None,
                };
                timestamps(&builder.finish(), unit, zone)
            }
            Sink::Duration(mut builder, unit) => durations(&builder.finish(), unit),
            Sink::Decimal(mut builder, precision, scale) => {
                Arc::new(builder.finish().with_precision_and_scale(precision, scale)?)
            }
            Sink::Objects(values) => through_pyarrow(py, values, target)?,
        })
    }
}

/// Why results that were all taken in do not make an array.
#[derive(Debug)]
pub(super) enum ResultsError {
    Arrow(ArrowError),
    Python(PyErr),
    /// The row whose result pyarrow refuses, and that result.
    Misfit(usize, Py<PyAny>),
}

impl From<ArrowError> for ResultsError {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

impl From<PyErr> for ResultsError {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl Sink {
    fn new(data_type: &DataType, rows: usize) -> Self {
        let integers = || Int64Builder::with_capacity(rows);
        let integer = |low, high| Self::Integer(Int64Builder::with_capacity(rows), low, high);
        match data_type {
            DataType::Null => Self::Null(0),
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            DataType::Int8 => integer(i64::from(i8::MIN), i64::from(i8::MAX)),
            DataType::Int16 => integer(i64::from(i16::MIN), i64::from(i16::MAX)),
            DataType::Int32 => integer(i64::from(i32::MIN), i64::from(i32::MAX)),
            DataType::Int64 => integer(i64::MIN, i64::MAX),
            DataType::UInt8 => integer(0, i64::from(u8::MAX)),
            DataType::UInt16 => integer(0, i64::from(u16::MAX)),
            DataType::UInt32 => integer(0, i64::from(u32::MAX)),
            DataType::UInt64 => Self::UInt64(UInt64Builder::with_capacity(rows)),
            DataType::Float16 => Self::Float(Float64Builder::with_capacity(rows), 65_504.0),
            DataType::Float32 => {
                Self::Float(Float64Builder::with_capacity(rows), f64::from(f32::MAX))
            }
            DataType::Float64 => Self::Float(Float64Builder::with_capacity(rows), f64::MAX),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Text(LargeStringBuilder::with_capacity(rows, rows * 8))
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                Self::Bytes(LargeBinaryBuilder::with_capacity(rows, rows * 8))
            }
            DataType::Date32 | DataType::Date64 => Self::Date(integers()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(integers()),
            DataType::Timestamp(unit, zone) => Self::Timestamp(integers(), *unit, zone.is_some()),
            DataType::Duration(unit) => Self::Duration(integers(), *unit),
            DataType::Decimal128(precision, scale) => {
                Self::Decimal(Decimal128Builder::with_capacity(rows), *precision, *scale)
            }
            _ => Self::Objects(Vec::with_capacity(rows)),
        }
    }

    fn push_null(&mut self, py: Python<'_>) {
        match self {
            Self::Null(rows) => *rows += 1,
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder, _, _)
            | Self::Date(builder)
            | Self::Time(builder)
            | Self::Timestamp(builder, _, _)
            | Self::Duration(builder, _) => builder.append_null(),
            Self::UInt64(builder) => builder.append_null(),
            Self::Float(builder, _) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Decimal(builder, _, _) => builder.append_null(),
            Self::Objects(values) => values.push(py.None()),
        }
    }

    /// Takes a value of the very Python type in that belongs to the column.
    fn push_plain(&mut self, value: &Bound<'_, PyAny>) -> PyResult<Fit> {
        let taken = match self {
            Self::Null(_) => None,
            Self::Boolean(builder) => {
                value.cast::<PyBool>().ok().map(|truth| builder.append_value(truth.is_true()))
            }
            Self::Integer(builder, low, high) => integer::<i64>(value)
                .filter(|number| *low <= *number && *number <= *high)
                .map(|number| builder.append_value(number)),
            Self::UInt64(builder) => {
                integer::<u64>(value).map(|number| builder.append_value(number))
            }
            Self::Float(builder, most) => {
                float(value).filter(|x| fits_float(*x, *most)).map(|x| builder.append_value(x))
            }
            Self::Text(builder) => value
                .cast::<PyString>()
                .ok()
                .and_then(|text| text.to_str().ok())
                .map(|text| builder.append_value(text)),
            Self::Bytes(builder) => push_bytes(builder, value),
            Self::Date(builder) => {
                temporal::date_days(value).map(|days| builder.append_value(days))
            }
            Self::Time(builder) => {
                temporal::time_micros(value).map(|micros| builder.append_value(micros))
            }
            Self::Timestamp(builder, unit, aware) => {
                let count = temporal::timestamp_count(value, *unit, *aware)?;
                count.map(|count| builder.append_value(count))
            }
            Self::Duration(builder, unit) => {
                let count = temporal::duration_count(value, *unit)?;
                count.map(|count| builder.append_value(count))
            }
            Self::Decimal(builder, precision, scale) => {
                let unscaled = plain::unscaled(value, *precision, *scale)?;
                unscaled.map(|unscaled| builder.append_value(unscaled))
            }
            Self::Objects(values) => {
                values.push(value.clone().unbind());
                Some(())
            }
        };
        Ok(if taken.is_some() { Fit::Yes } else { Fit::No })
    }
}

fn push_bytes(builder: &mut LargeBinaryBuilder, value: &Bound<'_, PyAny>) -> Option<()> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        builder.append_value(bytes.as_bytes());
        return Some(());
    }
    let bytes = value.cast::<PyByteArray>().ok()?;
    builder.append_value(bytes.to_vec());
    Some(())
}

/// The value of an `int` that is not a `bool`.
fn integer<'a, 'py, T: FromPyObject<'a, 'py>>(value: &'a Bound<'py, PyAny>) -> Option<T> {
    if value.is_instance_of::<PyBool>() || !value.is_instance_of::<PyInt>() {
        return None;
    }
    value.extract().ok()
}

/// The value of a `float`, or of an `int` that is exact as one.
fn float(value: &Bound<'_, PyAny>) -> Option<f64> {
    if let Ok(number) = value.cast::<PyFloat>() {
        return Some(number.value());
    }
    let number: i64 = integer(value)?;
    (-EXACT..=EXACT).contains(&number).then_some(number as f64)
}

fn fits_float(value: f64, most: f64) -> bool {
    value.abs() <= most || !value.is_finite()
}

fn timestamps(
    counts: &PrimitiveArray<Int64Type>,
    unit: TimeUnit,
    zone: Option<Arc<str>>,
) -> ArrayRef {
    macro_rules! of {
        ($unit:ty) => {
            Arc::new(counts.reinterpret_cast::<$unit>().with_timezone_opt(zone)) as ArrayRef
        };
    }
    match unit {
        TimeUnit::Second => of!(TimestampSecondType),
        TimeUnit::Millisecond => of!(TimestampMillisecondType),
        TimeUnit::Microsecond => of!(TimestampMicrosecondType),
        TimeUnit::Nanosecond => of!(TimestampNanosecondType),
    }
}

fn durations(counts: &PrimitiveArray<Int64Type>, unit: TimeUnit) -> ArrayRef {
    match unit {
        TimeUnit::Second => Arc::new(counts.reinterpret_cast::<DurationSecondType>()),
        TimeUnit::Millisecond => Arc::new(counts.reinterpret_cast::<DurationMillisecondType>()),
        TimeUnit::Microsecond => Arc::new(counts.reinterpret_cast::<DurationMicrosecondType>()),
        TimeUnit::Nanosecond => Arc::new(counts.reinterpret_cast::<DurationNanosecondType>()),
    }
}

fn through_pyarrow(
    py: Python<'_>,
    values: Vec<Py<PyAny>>,
    target: &DataType,
) -> Result<ArrayRef, ResultsError> {
    let data_type = target.to_pyarrow(py)?;
    let convert = py.import("windrow._worker.batches")?.getattr("array")?;
    let list = PyList::new(py, &values)?;
    let array = match convert.call1((list, &data_type)) {
        Ok(array) => array,
        Err(error) => {
            for (row, value) in values.into_iter().enumerate() {
                if convert.call1((PyList::new(py, [&value])?, &data_type)).is_err() {
                    return Err(ResultsError::Misfit(row, value));
                }
            }
            return Err(error.into());
        }
    };
    let data = arrow::array::ArrayData::from_pyarrow_bound(&array)?;
    Ok(arrow::array::make_array(data))
}
