//! Columns of the input: Arrow arrays read value by value as plain Python scalars.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, Decimal128Array, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, PrimitiveArray, StringArray, StringViewArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow_pyarrow::ToPyArrow;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString, PyType, PyTzInfo};
use windrow_functions::Nulls;

use super::temporal;

const DAY_MILLIS: i64 = 86_400_000;

/// A column of the input.
pub(crate) struct Column {
    values: Values,
    nulls: Option<NullBuffer>,
    missing: Py<PyAny>,
}

enum Values {
    /// Nothing but missing values.
    Null,
    Boolean(BooleanBuffer),
    Int8(PrimitiveArray<Int8Type>),
    Int16(PrimitiveArray<Int16Type>),
    Int32(PrimitiveArray<Int32Type>),
    Int64(PrimitiveArray<Int64Type>),
    UInt8(PrimitiveArray<UInt8Type>),
    UInt16(PrimitiveArray<UInt16Type>),
    UInt32(PrimitiveArray<UInt32Type>),
    UInt64(PrimitiveArray<UInt64Type>),
    Float32(PrimitiveArray<Float32Type>),
    Float64(PrimitiveArray<Float64Type>),
    Utf8(StringArray),
    LargeUtf8(LargeStringArray),
    Utf8View(StringViewArray),
    Binary(BinaryArray),
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
    FixedBinary(FixedSizeBinaryArray),
    Date32(PrimitiveArray<Date32Type>),
    Date64(PrimitiveArray<Date64Type>),
    /// Microseconds since midnight.
    Time(PrimitiveArray<Int64Type>),
    Timestamp(PrimitiveArray<Int64Type>, TimeUnit, Option<Py<PyTzInfo>>),
    Duration(PrimitiveArray<Int64Type>, TimeUnit),
    Decimal(Decimal128Array, Py<PyAny>),
    /// Each distinct value converted once.
    Dictionary(PrimitiveArray<UInt64Type>, Vec<Py<PyAny>>),
    /// Types that pyarrow converts.
    Objects(Vec<Py<PyAny>>),
}

impl Column {
    /// Prepares an array for reading.
    pub(crate) fn new(py: Python<'_>, array: &ArrayRef, nulls: Nulls) -> PyResult<Self> {
        let missing = match nulls {
            Nulls::Nan => nan(py)?.clone_ref(py),
            Nulls::None => py.None(),
        };
        let mask = array.logical_nulls().filter(|mask| mask.null_count() > 0);
        Ok(Self { values: Values::new(py, array)?, nulls: mask, missing })
    }

    /// The value of a row.
    #[inline]
    pub(crate) fn get<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        if self.nulls.as_ref().is_some_and(|mask| mask.is_null(row)) {
            return Ok(self.missing.bind(py).clone());
        }
        self.values.get(py, row, &self.missing)
    }
}

/// One NaN for all missing values: `x in [x]` and `is` then behave as in pandas.
pub(crate) fn nan(py: Python<'_>) -> PyResult<&'static Py<PyAny>> {
    static NAN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    NAN.get_or_try_init(py, || Ok(PyFloat::new(py, f64::NAN).into_any().unbind()))
}

fn decimal(py: Python<'_>) -> PyResult<Py<PyAny>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    Ok(DECIMAL.import(py, "decimal", "Decimal")?.clone().into_any().unbind())
}

impl Values {
    fn new(py: Python<'_>, array: &ArrayRef) -> PyResult<Self> {
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array.as_boolean().values().clone()),
            DataType::Int8 => Self::Int8(array.as_primitive().clone()),
            DataType::Int16 => Self::Int16(array.as_primitive().clone()),
            DataType::Int32 => Self::Int32(array.as_primitive().clone()),
            DataType::Int64 => Self::Int64(array.as_primitive().clone()),
            DataType::UInt8 => Self::UInt8(array.as_primitive().clone()),
            DataType::UInt16 => Self::UInt16(array.as_primitive().clone()),
            DataType::UInt32 => Self::UInt32(array.as_primitive().clone()),
            DataType::UInt64 => Self::UInt64(array.as_primitive().clone()),
            DataType::Float16 => {
                let wide = cast(array, &DataType::Float32).map_err(|error| arrow(&error))?;
                Self::Float32(wide.as_primitive().clone())
            }
            DataType::Float32 => Self::Float32(array.as_primitive().clone()),
            DataType::Float64 => Self::Float64(array.as_primitive().clone()),
            DataType::Utf8 => Self::Utf8(array.as_string().clone()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string().clone()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view().clone()),
            DataType::Binary => Self::Binary(array.as_binary().clone()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary().clone()),
            DataType::BinaryView => Self::BinaryView(array.as_binary_view().clone()),
            DataType::FixedSizeBinary(_) => Self::FixedBinary(array.as_fixed_size_binary().clone()),
            DataType::Decimal128(_, _) => Self::Decimal(array.as_primitive().clone(), decimal(py)?),
            DataType::Dictionary(_, _) => Self::dictionary(py, array)?,
            DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(_, _)
            | DataType::Duration(_) => Self::temporal(py, array)?,
            _ => Self::objects(py, array)?,
        })
    }

    fn temporal(py: Python<'_>, array: &ArrayRef) -> PyResult<Self> {
        Ok(match array.data_type() {
            DataType::Date32 => Self::Date32(array.as_primitive().clone()),
            DataType::Date64 => Self::Date64(array.as_primitive().clone()),
            DataType::Timestamp(unit, zone) => {
                let zone = zone.as_ref().map(|zone| temporal::zone(py, zone)).transpose()?;
                Self::Timestamp(timestamp_counts(array, *unit), *unit, zone.map(Bound::unbind))
            }
            DataType::Duration(unit) => Self::Duration(duration_counts(array, *unit), *unit),
            _ => {
                let micros = DataType::Time64(TimeUnit::Microsecond);
                let micros = cast(array, &micros).map_err(|error| arrow(&error))?;
                let micros = cast(&micros, &DataType::Int64).map_err(|error| arrow(&error))?;
                Self::Time(micros.as_primitive().clone())
            }
        })
    }

    /// Converts the distinct values once, unless there are more of them than rows.
    fn dictionary(py: Python<'_>, array: &ArrayRef) -> PyResult<Self> {
        let dictionary = array.as_any_dictionary();
        let keys = cast(&dictionary.keys().slice(0, array.len()), &DataType::UInt64);
        let keys = keys.map_err(|error| arrow(&error))?;
        if dictionary.values().len() > array.len() {
            let plain = take(dictionary.values(), &keys, None).map_err(|error| arrow(&error))?;
            return Self::new(py, &plain);
        }
        let column = Column::new(py, dictionary.values(), Nulls::None)?;
        let values = (0..dictionary.values().len()).map(|row| Ok(column.get(py, row)?.unbind()));
        let values: PyResult<Vec<_>> = values.collect();
        Ok(Self::Dictionary(keys.as_primitive().clone(), values?))
    }

    fn objects(py: Python<'_>, array: &ArrayRef) -> PyResult<Self> {
        let list = array.to_data().to_pyarrow(py)?.call_method0("to_pylist")?;
        let list = list.cast_into::<PyList>()?;
        Ok(Self::Objects(list.iter().map(Bound::unbind).collect()))
    }

    #[inline]
    fn get<'py>(
        &self,
        py: Python<'py>,
        row: usize,
        missing: &Py<PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Self::Int64(array) => PyInt::new(py, array.value(row)).into_any(),
            Self::Float64(array) => PyFloat::new(py, array.value(row)).into_any(),
            Self::Boolean(array) => PyBool::new(py, array.value(row)).to_owned().into_any(),
            Self::Utf8(array) => PyString::new(py, array.value(row)).into_any(),
            Self::LargeUtf8(array) => PyString::new(py, array.value(row)).into_any(),
            Self::Utf8View(array) => PyString::new(py, array.value(row)).into_any(),
            Self::Int8(array) => PyInt::new(py, array.value(row)).into_any(),
            Self::Int16(array) => PyInt::new(py, array.value(row)).into_any(),
            Self::Int32(array) => PyInt::new(py, array.value(row)).into_any(),
            Self::UInt8(array) => PyInt::new(py, array.value(row)).into_any(),
            Self::UInt16(array) => PyInt::new(py, array.value(row)).into_any(),
            Self::UInt32(array) => PyInt::new(py, array.value(row)).into_any(),
            Self::UInt64(array) => PyInt::new(py, array.value(row)).into_any(),
            Self::Float32(array) => PyFloat::new(py, f64::from(array.value(row))).into_any(),
            Self::Dictionary(keys, values) => values[keys.value(row) as usize].bind(py).clone(),
            Self::Objects(values) => values[row].bind(py).clone(),
            Self::Null => missing.bind(py).clone(),
            other => return other.get_rare(py, row),
        })
    }

    fn get_rare<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Binary(array) => Ok(PyBytes::new(py, array.value(row)).into_any()),
            Self::LargeBinary(array) => Ok(PyBytes::new(py, array.value(row)).into_any()),
            Self::BinaryView(array) => Ok(PyBytes::new(py, array.value(row)).into_any()),
            Self::FixedBinary(array) => Ok(PyBytes::new(py, array.value(row)).into_any()),
            Self::Date32(array) => temporal::date(py, i64::from(array.value(row))),
            Self::Date64(array) => temporal::date(py, array.value(row).div_euclid(DAY_MILLIS)),
            Self::Time(array) => temporal::time(py, array.value(row)),
            Self::Timestamp(array, unit, zone) => {
                let zone = zone.as_ref().map(|zone| zone.bind(py));
                temporal::timestamp(py, array.value(row), *unit, zone)
            }
            Self::Duration(array, unit) => temporal::duration(py, array.value(row), *unit),
            Self::Decimal(array, decimal) => decimal.bind(py).call1((array.value_as_string(row),)),
            _ => Ok(py.None().into_bound(py)),
        }
    }
}

fn timestamp_counts(array: &ArrayRef, unit: TimeUnit) -> PrimitiveArray<Int64Type> {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().reinterpret_cast(),
        TimeUnit::Millisecond => {
            array.as_primitive::<TimestampMillisecondType>().reinterpret_cast()
        }
        TimeUnit::Microsecond => {
            array.as_primitive::<TimestampMicrosecondType>().reinterpret_cast()
        }
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().reinterpret_cast(),
    }
}

fn duration_counts(array: &ArrayRef, unit: TimeUnit) -> PrimitiveArray<Int64Type> {
    match unit {
        TimeUnit::Second => array.as_primitive::<DurationSecondType>().reinterpret_cast(),
        TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().reinterpret_cast(),
        TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().reinterpret_cast(),
        TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().reinterpret_cast(),
    }
}

fn arrow(error: &ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
