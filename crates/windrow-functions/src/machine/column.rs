//! The columns of a batch, as lanes.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, LargeStringArray, PrimitiveArray,
    StringArray, StringViewArray, types,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::DataType;

use crate::machine::wide::spread_all;

/// A column that a function reads.
#[derive(Debug)]
pub(crate) enum Column<'a> {
    Ints(&'a [i64]),
    Floats(&'a [f64]),
    /// Narrower integers, converted to 64 bits.
    OwnedInts(Vec<i64>),
    /// Converted to 64 bits, or with NaN where a value is missing.
    OwnedFloats(Vec<f64>),
    Bools(&'a BooleanBuffer),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<&PrimitiveArray<T>> {
    array.as_any().downcast_ref()
}

fn widened<T>(array: &ArrayRef) -> Option<Column<'_>>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64>,
{
    let values = primitive::<T>(array)?.values();
    Some(Column::OwnedInts(values.iter().map(|&value| value.into()).collect()))
}

impl<'a> Column<'a> {
    /// The lanes of an array; None for a type that is not compiled.
    ///
    /// With `fill`, a missing float is NaN.
    pub(crate) fn new(array: &'a ArrayRef, fill: bool) -> Option<Self> {
        let any = array.as_any();
        match array.data_type() {
            DataType::Int64 => Some(Self::Ints(primitive::<types::Int64Type>(array)?.values())),
            DataType::Int32 => widened::<types::Int32Type>(array),
            DataType::Int16 => widened::<types::Int16Type>(array),
            DataType::Int8 => widened::<types::Int8Type>(array),
            DataType::UInt32 => widened::<types::UInt32Type>(array),
            DataType::UInt16 => widened::<types::UInt16Type>(array),
            DataType::UInt8 => widened::<types::UInt8Type>(array),
            DataType::Float64 => {
                let values = primitive::<types::Float64Type>(array)?.values();
                Some(match array.nulls().filter(|nulls| fill && nulls.null_count() > 0) {
                    None => Self::Floats(values),
                    Some(nulls) => Self::OwnedFloats(filled(values.iter().copied(), nulls)),
                })
            }
            DataType::Float32 => {
                let values = primitive::<types::Float32Type>(array)?.values();
                let wide = values.iter().map(|&value| f64::from(value));
                Some(Self::OwnedFloats(match array.nulls().filter(|_| fill) {
                    None => wide.collect(),
                    Some(nulls) => filled(wide, nulls),
                }))
            }
            DataType::Boolean => Some(Self::Bools(any.downcast_ref::<BooleanArray>()?.values())),
            DataType::Utf8 => Some(Self::Text(any.downcast_ref()?)),
            DataType::LargeUtf8 => Some(Self::LargeText(any.downcast_ref()?)),
            DataType::Utf8View => Some(Self::TextView(any.downcast_ref()?)),
            _ => None,
        }
    }

    pub(crate) fn ints(&self) -> &[i64] {
        match self {
            Self::Ints(values) => values,
            Self::OwnedInts(values) => values,
            _ => &[],
        }
    }

    pub(crate) fn floats(&self) -> &[f64] {
        match self {
            Self::Floats(values) => values,
            Self::OwnedFloats(values) => values,
            _ => &[],
        }
    }

    /// Unpacks the lanes of a block of truth values.
    pub(crate) fn read_bools(&self, start: usize, count: usize, out: &mut Vec<u8>) {
        out.resize(count, 0);
        if let Self::Bools(bits) = self {
            unpack(bits, start, out);
        }
    }

    /// The lanes of a block of texts; missing ones are empty.
    pub(crate) fn read_texts(&self, start: usize, count: usize, out: &mut Vec<&'a str>) {
        out.clear();
        let lanes = start..start + count;
        match self {
            Self::Text(array) => texts(lanes, array.nulls(), |lane| array.value(lane), out),
            Self::LargeText(array) => texts(lanes, array.nulls(), |lane| array.value(lane), out),
            Self::TextView(array) => texts(lanes, array.nulls(), |lane| array.value(lane), out),
            _ => out.resize(count, ""),
        }
    }
}

fn texts<'a>(
    lanes: std::ops::Range<usize>,
    nulls: Option<&NullBuffer>,
    value: impl Fn(usize) -> &'a str,
    out: &mut Vec<&'a str>,
) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => out.extend(lanes.map(value)),
        Some(nulls) => {
            out.extend(lanes.map(|lane| if nulls.is_valid(lane) { value(lane) } else { "" }));
        }
    }
}

fn filled(values: impl Iterator<Item = f64>, nulls: &NullBuffer) -> Vec<f64> {
    values.zip(nulls.iter()).map(|(value, valid)| if valid { value } else { f64::NAN }).collect()
}

/// One byte, 0 or 1, for each bit from `start`, until `out` is full.
pub(crate) fn unpack(bits: &BooleanBuffer, start: usize, out: &mut [u8]) {
    let bits = bits.slice(start, out.len());
    let chunks = bits.bit_chunks();
    let (blocks, rest) = out.as_chunks_mut::<64>();
    spread_all(chunks.iter(), blocks);
    for (lane, out) in rest.iter_mut().enumerate() {
        *out = u8::from(chunks.remainder_bits() >> lane & 1 == 1);
    }
}
