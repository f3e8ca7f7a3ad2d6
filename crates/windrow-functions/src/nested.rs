//! Answers that are lists, dicts or timedeltas, and the Arrow arrays they become.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DurationMicrosecondArray, Float64Array, Int64Array,
    LargeStringArray, ListArray, NullArray, StringArray, StringViewArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::kernel::number::EXACT;

/// An answer that owns what it holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Nested {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Date(i64),
    DateTime(i64),
    Delta(i64),
    /// A list or tuple.
    List(Vec<Nested>),
    /// A dict with texts as keys.
    Struct(Vec<(String, Nested)>),
    /// What no array holds.
    Unfit,
}

impl Nested {
    /// Whether an array of `target` holds it without loss.
    pub(crate) fn fits(&self, target: &DataType) -> bool {
        match (self, target) {
            (Self::None, _)
            | (Self::Bool(_), DataType::Boolean)
            | (Self::Int(_), DataType::Int64)
            | (Self::Float(_), DataType::Float64)
            | (Self::Str(_), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
            | (Self::DateTime(_), DataType::Timestamp(TimeUnit::Microsecond, None))
            | (Self::Delta(_), DataType::Duration(TimeUnit::Microsecond))
            | (Self::Date(_), DataType::Date32) => true,
            (Self::Int(value), DataType::Float64) => (-EXACT..=EXACT).contains(value),
            (Self::List(items), DataType::List(field)) => {
                items.iter().all(|item| item.fits(field.data_type()))
            }
            (Self::Struct(items), DataType::Struct(fields)) => items.iter().all(|(name, item)| {
                fields.find(name).is_some_and(|(_, field)| item.fits(field.data_type()))
            }),
            _ => false,
        }
    }

    fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Self::None => DataType::Null,
            Self::Bool(_) => DataType::Boolean,
            Self::Int(_) => DataType::Int64,
            Self::Float(_) => DataType::Float64,
            Self::Str(_) => DataType::Utf8,
            Self::Date(_) => DataType::Date32,
            Self::DateTime(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Delta(_) => DataType::Duration(TimeUnit::Microsecond),
            Self::List(items) => {
                DataType::List(Arc::new(Field::new("item", common_type(items.iter())?, true)))
            }
            Self::Struct(items) => {
                let fields = items
                    .iter()
                    .map(|(name, item)| Some(Field::new(name, item.data_type()?, true)));
                DataType::Struct(fields.collect::<Option<_>>()?)
            }
            Self::Unfit => return None,
        })
    }
}

/// The type that holds all of them, as pyarrow would find it.
pub(crate) fn common_type<'n>(items: impl Iterator<Item = &'n Nested>) -> Option<DataType> {
    let mut common = DataType::Null;
    for item in items {
        common = joined(common, item.data_type()?)?;
    }
    Some(common)
}

fn joined(one: DataType, other: DataType) -> Option<DataType> {
    match (one, other) {
        (DataType::Null, same) | (same, DataType::Null) => Some(same),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            Some(DataType::Float64)
        }
        (DataType::List(one), DataType::List(other)) => {
            let item = joined(one.data_type().clone(), other.data_type().clone())?;
            Some(DataType::List(Arc::new(Field::new("item", item, true))))
        }
        (one, other) => (one == other).then_some(one),
    }
}

/// The array of answers that all fit `target`; None for a target that is not built.
pub(crate) fn build(target: &DataType, items: &[Option<&Nested>]) -> Option<ArrayRef> {
    macro_rules! each {
        ($($pattern:pat => $value:expr),+) => {
            items.iter().map(|item| match item { $(Some($pattern) => $value,)+ _ => None })
        };
    }
    Some(match target {
        DataType::Null => Arc::new(NullArray::new(items.len())),
        DataType::Boolean => {
            Arc::new(BooleanArray::from_iter(each!(Nested::Bool(value) => Some(*value))))
        }
        DataType::Int64 => {
            Arc::new(Int64Array::from_iter(each!(Nested::Int(value) => Some(*value))))
        }
        #[allow(clippy::cast_precision_loss)]
        DataType::Float64 => Arc::new(Float64Array::from_iter(
            each!(Nested::Float(value) => Some(*value), Nested::Int(value) => Some(*value as f64)),
        )),
        DataType::Utf8 => {
            Arc::new(StringArray::from_iter(each!(Nested::Str(text) => Some(text.as_str()))))
        }
        DataType::LargeUtf8 => {
            Arc::new(LargeStringArray::from_iter(each!(Nested::Str(text) => Some(text.as_str()))))
        }
        DataType::Utf8View => {
            Arc::new(StringViewArray::from_iter(each!(Nested::Str(text) => Some(text.as_str()))))
        }
        DataType::Date32 => {
            Arc::new(Date32Array::from_iter(each!(Nested::Date(days) => i32::try_from(*days).ok())))
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => Arc::new(
            TimestampMicrosecondArray::from_iter(each!(Nested::DateTime(micros) => Some(*micros))),
        ),
        DataType::Duration(TimeUnit::Microsecond) => Arc::new(DurationMicrosecondArray::from_iter(
            each!(Nested::Delta(micros) => Some(*micros)),
        )),
        DataType::List(field) => return list(field, items),
        DataType::Struct(fields) => {
            let mut columns = Vec::with_capacity(fields.len());
            for field in fields {
                let column: Vec<Option<&Nested>> = items
                    .iter()
                    .map(|item| match item {
                        Some(Nested::Struct(pairs)) => {
                            pairs.iter().find(|(name, _)| name == field.name()).map(|pair| &pair.1)
                        }
                        _ => None,
                    })
                    .collect();
                columns.push(build(field.data_type(), &column)?);
            }
            let present = items.iter().map(|item| matches!(item, Some(Nested::Struct(_))));
            let nulls = NullBuffer::from_iter(present);
            Arc::new(StructArray::try_new(fields.clone(), columns, Some(nulls)).ok()?)
        }
        _ => return None,
    })
}

fn list(field: &Arc<Field>, items: &[Option<&Nested>]) -> Option<ArrayRef> {
    let mut flat: Vec<Option<&Nested>> = Vec::new();
    let (mut lengths, mut present) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Some(Nested::List(list)) => {
                flat.extend(list.iter().map(Some));
                lengths.push(list.len());
                present.push(true);
            }
            _ => {
                lengths.push(0);
                present.push(false);
            }
        }
    }
    let values = build(field.data_type(), &flat)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls = Some(NullBuffer::from(present));
    Some(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, nulls).ok()?))
}
