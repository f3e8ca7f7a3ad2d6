//! What JSON values look like: the shape of one, the shape that holds several, and the Arrow type of that.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The shape of JSON values. Object keys keep the order in which they are first seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Shape {
    /// `null`, or no value at all.
    #[default]
    Missing,
    Bool,
    Int,
    /// Whole numbers, some above the range of int64.
    UInt,
    Float,
    Text,
    List(Box<Shape>),
    Object(Vec<(String, Shape)>),
    /// Two kinds that no type holds; their names.
    Mixed(&'static str, &'static str),
}

impl Shape {
    /// The shape that holds both.
    pub(crate) fn with(self, other: Self) -> Self {
        use Shape::{Float, Int, List, Missing, Mixed, Object, UInt};
        match (self, other) {
            (left, right) if left == right => left,
            (Missing, shape) | (shape, Missing) => shape,
            (mixed @ Mixed(..), _) | (_, mixed @ Mixed(..)) => mixed,
            (Int, UInt) | (UInt, Int) => UInt,
            (Int | UInt | Float, Int | UInt | Float) => Float,
            (List(left), List(right)) => List(Box::new(left.with(*right))),
            (Object(mut left), Object(right)) => {
                for (key, shape) in right {
                    match left.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => *known = std::mem::take(known).with(shape),
                        None => left.push((key, shape)),
                    }
                }
                Object(left)
            }
            (left, right) => Mixed(left.name(), right.name()),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Missing => "null",
            Self::Bool => "true or false",
            Self::Int | Self::UInt => "whole numbers",
            Self::Float => "numbers",
            Self::Text => "text",
            Self::List(_) => "lists",
            Self::Object(_) => "objects",
            Self::Mixed(..) => "several kinds",
        }
    }

    /// The Arrow type, or the two kinds that have none in common.
    pub(crate) fn data_type(&self) -> Result<DataType, (&'static str, &'static str)> {
        Ok(match self {
            Self::Missing | Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::UInt => DataType::UInt64,
            Self::Text => DataType::Utf8,
            Self::List(item) => {
                DataType::List(Arc::new(Field::new_list_field(item.data_type()?, true)))
            }
            Self::Object(entries) => {
                let field = |(key, shape): &(String, Shape)| {
                    shape.data_type().map(|inner| Field::new(key, inner, true))
                };
                DataType::Struct(entries.iter().map(field).collect::<Result<Vec<_>, _>>()?.into())
            }
            Self::Mixed(left, right) => return Err((left, right)),
        })
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Bool)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Int)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(if i64::try_from(value).is_ok() { Shape::Int } else { Shape::UInt })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Float)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Text)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut item = Shape::Missing;
        while let Some(next) = items.next_element::<Shape>()? {
            item = item.with(next);
        }
        Ok(Shape::List(Box::new(item)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut entries: Vec<(String, Shape)> = Vec::new();
        while let Some((key, shape)) = map.next_entry::<String, Shape>()? {
            match entries.iter_mut().find(|(known, _)| *known == key) {
                Some(entry) => entry.1 = shape,
                None => entries.push((key, shape)),
            }
        }
        Ok(Shape::Object(entries))
    }
}
