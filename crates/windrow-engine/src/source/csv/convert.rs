//! Fields to Arrow columns, exactly: a value that its type cannot hold is an error, never a guess.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, GenericStringBuilder, OffsetSizeTrait, PrimitiveBuilder,
};
use datafusion::arrow::compute::kernels::cast_utils::{Parser, parse_decimal, string_to_datetime};
use datafusion::arrow::datatypes::*;

use super::missing::{Missing, Truth};
use super::options::{CsvOptions, EncodingErrors};
use super::parse::Numbers;
use super::tokenize::{Dialect, Span};
use crate::source::dtype::{description, name_of};
use crate::source::fault::{What, shown};

/// A column of the table: where it is in the file, and how its values are read.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) position: usize,
    pub(crate) field: FieldRef,
    pub(crate) missing: Missing,
    /// Whether its type was inferred from a sample.
    pub(crate) inferred: bool,
}

/// What all columns share.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) truth: Truth,
    pub(crate) numbers: Numbers,
    pub(crate) errors: EncodingErrors,
}

impl Values {
    pub(crate) fn new(options: &CsvOptions) -> Self {
        Self {
            truth: Truth::new(options),
            numbers: Numbers::new(options),
            errors: options.encoding_errors,
        }
    }
}

/// The fields of one column in a batch.
pub(crate) struct Cells<'a> {
    pub(crate) dialect: &'a Dialect,
    pub(crate) bytes: &'a [u8],
    pub(crate) spans: &'a [Span],
}

impl<'a> Cells<'a> {
    fn iter(&self) -> impl Iterator<Item = Cow<'a, [u8]>> + '_ {
        self.spans.iter().map(|span| self.dialect.value(self.bytes, *span))
    }
}

/// A bad value: its index in the batch, and what is wrong.
pub(crate) type Bad = (usize, What);

/// The Arrow column of these fields.
pub(crate) fn column(column: &Column, values: &Values, cells: &Cells<'_>) -> Result<ArrayRef, Bad> {
    let numbers = &values.numbers;
    macro_rules! integers {
        ($type:ty) => {
            primitive::<$type>(column, cells, |value| {
                let number = numbers.integer(value)?;
                let missing = column.missing.contains_number(number as f64);
                <$type as ArrowPrimitiveType>::Native::try_from(number)
                    .ok()
                    .map(|number| (!missing).then_some(number))
            })
        };
    }
    macro_rules! floats {
        ($type:ty) => {
            primitive::<$type>(column, cells, |value| {
                let number = numbers.float(value)?;
                Some((!column.missing.contains_number(number)).then_some(number as _))
            })
        };
    }
    match column.field.data_type() {
        DataType::Int8 => integers!(Int8Type),
        DataType::Int16 => integers!(Int16Type),
        DataType::Int32 => integers!(Int32Type),
        DataType::Int64 => integers!(Int64Type),
        DataType::UInt8 => integers!(UInt8Type),
        DataType::UInt16 => integers!(UInt16Type),
        DataType::UInt32 => integers!(UInt32Type),
        DataType::UInt64 => integers!(UInt64Type),
        DataType::Float32 => floats!(Float32Type),
        DataType::Float64 => floats!(Float64Type),
        DataType::Boolean => booleans(column, values, cells),
        DataType::Date32 => primitive::<Date32Type>(column, cells, |value| {
            Some(Some(Date32Type::parse(text(value)?)?))
        }),
        DataType::Decimal128(precision, scale) => {
            let (precision, scale) = (*precision, *scale);
            let array = primitive::<Decimal128Type>(column, cells, |value| {
                let plain = numbers.plain(value);
                parse_decimal::<Decimal128Type>(text(&plain)?, precision, scale).ok().map(Some)
            })?;
            Ok(array)
        }
        DataType::Timestamp(unit, zone) => timestamps(column, cells, *unit, zone.as_deref()),
        DataType::LargeUtf8 => strings::<i64>(column, values, cells),
        _ => strings::<i32>(column, values, cells),
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().map(str::trim)
}

fn misfit(column: &Column, index: usize, value: &[u8]) -> Bad {
    let name = column.field.name();
    let data_type = column.field.data_type();
    let mut hints = Vec::new();
    if column.inferred {
        hints.push(format!(
            "the type was inferred from a sample of the file; pass `dtype={{\"{name}\": \"{}\"}}` to declare it, \
             or `na_values=[\"{}\"]` if the value means missing",
            wider(data_type, value),
            shown(value),
        ));
    } else if matches!(data_type, DataType::Timestamp(..) | DataType::Date32) {
        hints.push(format!("dates are read in ISO 8601, as 2024-01-31 12:30:00; drop `{name}` from `parse_dates` to read text"));
    } else {
        hints.push(format!(
            "pass `dtype={{\"{name}\": \"{}\"}}`, or `na_values=[\"{}\"]` if the value means missing",
            wider(data_type, value),
            shown(value),
        ));
    }
    let expected = description(data_type);
    (index, What::Value { column: name.clone(), value: shown(value), expected, hints })
}

/// A type that would hold `value`, too.
fn wider(data_type: &DataType, value: &[u8]) -> String {
    let as_float = text(value).is_some_and(|text| text.parse::<f64>().is_ok());
    let as_int = text(value).is_some_and(|text| text.parse::<i64>().is_ok());
    match data_type {
        _ if data_type.is_integer() && as_int => name_of(&DataType::Int64),
        _ if data_type.is_integer() && as_float => name_of(&DataType::Float64),
        _ => name_of(&DataType::Utf8),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    column: &Column,
    cells: &Cells<'_>,
    parse: impl Fn(&[u8]) -> Option<Option<T::Native>>,
) -> Result<ArrayRef, Bad> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.spans.len())
        .with_data_type(column.field.data_type().clone());
    for (index, value) in cells.iter().enumerate() {
        // Most values are no missing ones, so parsing comes first.
        match parse(&value) {
            Some(number) => builder.append_option(number),
            None if column.missing.contains(&value) => builder.append_null(),
            None => return Err(misfit(column, index, &value)),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn booleans(column: &Column, values: &Values, cells: &Cells<'_>) -> Result<ArrayRef, Bad> {
    let mut builder = BooleanBuilder::with_capacity(cells.spans.len());
    for (index, value) in cells.iter().enumerate() {
        match values.truth.of(&value) {
            Some(truth) => builder.append_value(truth),
            None if column.missing.contains(&value) => builder.append_null(),
            None => return Err(misfit(column, index, &value)),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn timestamps(
    column: &Column,
    cells: &Cells<'_>,
    unit: TimeUnit,
    zone: Option<&str>,
) -> Result<ArrayRef, Bad> {
    let other = |text: String| (0, What::Other { text, hints: Vec::new() });
    let parsed = Tz::from_str(zone.unwrap_or("+00:00")).map_err(|_| {
        other(format!("has a column `{}` of an unknown time zone", column.field.name()))
    })?;
    let parse = |value: &[u8]| {
        let text = text(value)?;
        // A time that names its own zone would lose it in a column that has none.
        if zone.is_none() && has_zone(text) {
            return None;
        }
        let time = string_to_datetime(&parsed, text).ok()?;
        match unit {
            TimeUnit::Second => Some(time.timestamp()),
            TimeUnit::Millisecond => Some(time.timestamp_millis()),
            TimeUnit::Microsecond => Some(time.timestamp_micros()),
            TimeUnit::Nanosecond => time.timestamp_nanos_opt(),
        }
        .map(Some)
    };
    let result = match unit {
        TimeUnit::Second => primitive::<TimestampSecondType>(column, cells, parse),
        TimeUnit::Millisecond => primitive::<TimestampMillisecondType>(column, cells, parse),
        TimeUnit::Microsecond => primitive::<TimestampMicrosecondType>(column, cells, parse),
        TimeUnit::Nanosecond => primitive::<TimestampNanosecondType>(column, cells, parse),
    };
    result.map_err(|(index, what)| match what {
        What::Value { column: name, value, expected, mut hints } if zone.is_none() && has_zone(&value) => {
            hints.insert(0, format!("the value has a time zone; pass `dtype={{\"{name}\": \"datetime64[us, UTC]\"}}`"));
            (index, What::Value { column: name, value, expected, hints })
        }
        what => (index, what),
    })
}

/// Whether a time ends in `Z` or an offset such as `+01:00`.
fn has_zone(text: &str) -> bool {
    let time = text.get(10..).unwrap_or_default();
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

fn strings<O: OffsetSizeTrait>(
    column: &Column,
    values: &Values,
    cells: &Cells<'_>,
) -> Result<ArrayRef, Bad> {
    let size = cells.spans.iter().map(|span| span.end - span.start).sum();
    let mut builder = GenericStringBuilder::<O>::with_capacity(cells.spans.len(), size);
    for (index, value) in cells.iter().enumerate() {
        if column.missing.contains(&value) {
            builder.append_null();
            continue;
        }
        match std::str::from_utf8(&value) {
            Ok(text) => builder.append_value(text),
            Err(_) if values.errors == EncodingErrors::Replace => {
                builder.append_value(String::from_utf8_lossy(&value))
            }
            Err(_) => {
                return Err((index, What::Encoding { column: Some(column.field.name().clone()) }));
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}
