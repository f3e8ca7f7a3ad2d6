//! The columns of a batch, row by row, as Python values.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{self as types, DataType, TimeUnit};

use crate::Nulls;
use crate::machine::Column;
use crate::row::civil::{DAY, MAX_DATE, MAX_DELTA, MIN_DATE};
use crate::row::trouble::{Eval, leave};
use crate::row::value::Val;

/// Whether rows of this type can be read.
pub(crate) fn accepts(data_type: &DataType) -> bool {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => true,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => true,
        DataType::Float32 | DataType::Float64 | DataType::Boolean => true,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Date32 | DataType::Timestamp(_, None) | DataType::Duration(_) => true,
        DataType::Null => true,
        DataType::Dictionary(_, values) => !values.is_nested() && accepts(values),
        _ => false,
    }
}

/// Reads a column.
pub(crate) struct Reader<'a> {
    source: Source<'a>,
    missing: Option<&'a NullBuffer>,
    nulls: Nulls,
}

enum Source<'a> {
    Plain(Column<'a>),
    Unsigned(&'a [u64]),
    Date(&'a [i32]),
    /// With the number of units in a microsecond, or the other way round if it is negative.
    Stamp(&'a [i64], TimeUnit),
    Span(&'a [i64], TimeUnit),
    Null,
}

fn counts(array: &ArrayRef) -> Option<&[i64]> {
    use types::{
        DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
        DurationSecondType, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType,
    };
    Some(match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            array.as_primitive_opt::<TimestampSecondType>()?.values()
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive_opt::<TimestampMillisecondType>()?.values()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive_opt::<TimestampMicrosecondType>()?.values()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive_opt::<TimestampNanosecondType>()?.values()
        }
        DataType::Duration(TimeUnit::Second) => {
            array.as_primitive_opt::<DurationSecondType>()?.values()
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            array.as_primitive_opt::<DurationMillisecondType>()?.values()
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            array.as_primitive_opt::<DurationMicrosecondType>()?.values()
        }
        DataType::Duration(TimeUnit::Nanosecond) => {
            array.as_primitive_opt::<DurationNanosecondType>()?.values()
        }
        _ => return None,
    })
}

/// Microseconds, if it is a whole number of them within 64 bits.
fn micros(count: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => count.checked_mul(1_000_000),
        TimeUnit::Millisecond => count.checked_mul(1_000),
        TimeUnit::Microsecond => Some(count),
        TimeUnit::Nanosecond => (count % 1_000 == 0).then_some(count / 1_000),
    }
}

impl<'a> Reader<'a> {
    /// A reader; None for a type that is not read.
    pub(crate) fn new(array: &'a ArrayRef, nulls: Nulls) -> Option<Self> {
        let source = match array.data_type() {
            DataType::UInt64 => {
                Source::Unsigned(array.as_primitive_opt::<types::UInt64Type>()?.values())
            }
            DataType::Date32 => {
                Source::Date(array.as_primitive_opt::<types::Date32Type>()?.values())
            }
            DataType::Timestamp(unit, None) => Source::Stamp(counts(array)?, *unit),
            DataType::Duration(unit) => Source::Span(counts(array)?, *unit),
            DataType::Null => Source::Null,
            _ => Source::Plain(Column::new(array, false)?),
        };
        let missing = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Some(Self { source, missing, nulls })
    }

    /// The value of a row; it leaves where Python has another type for it.
    pub(crate) fn get(&self, row: usize) -> Eval<Val<'a>> {
        let absent = match self.nulls {
            Nulls::Nan => Val::Float(f64::NAN),
            Nulls::None => Val::None,
        };
        if self.missing.is_some_and(|missing| missing.is_null(row)) {
            return Ok(absent);
        }
        match &self.source {
            Source::Plain(column) => Ok(column.value(row)),
            Source::Null => Ok(absent),
            Source::Unsigned(values) => match i64::try_from(values[row]) {
                Ok(value) => Ok(Val::Int(value)),
                Err(_) => leave("an unsigned integer beyond 63 bits"),
            },
            Source::Date(values) => {
                let days = i64::from(values[row]);
                let inside = (MIN_DATE..=MAX_DATE).contains(&days);
                if inside { Ok(Val::Date(days)) } else { leave("a date out of range") }
            }
            Source::Stamp(values, unit) => match micros(values[row], *unit) {
                Some(micros) if (MIN_DATE * DAY..(MAX_DATE + 1) * DAY).contains(&micros) => {
                    Ok(Val::DateTime(micros))
                }
                _ => leave("a time beyond microseconds or the calendar"),
            },
            Source::Span(values, unit) => match micros(values[row], *unit) {
                Some(micros) if micros.abs() <= MAX_DELTA => Ok(Val::Delta(micros)),
                _ => leave("a time beyond microseconds"),
            },
        }
    }
}

impl<'a> Column<'a> {
    /// The value of a row that is not missing.
    fn value(&self, row: usize) -> Val<'a> {
        match self {
            Self::Ints(values) => Val::Int(values[row]),
            Self::OwnedInts(values) => Val::Int(values[row]),
            Self::Floats(values) => Val::Float(values[row]),
            Self::OwnedFloats(values) => Val::Float(values[row]),
            Self::Bools(bits) => Val::Bool(bits.value(row)),
            Self::Text(array) => Val::Str(array.value(row)),
            Self::LargeText(array) => Val::Str(array.value(row)),
            Self::TextView(array) => Val::Str(array.value(row)),
        }
    }
}
