//! Whether a JSON row fits a schema exactly. Arrow's decoder would cut 1.5 to 1 in a column of whole numbers.

use std::borrow::Cow;
use std::fmt;

use datafusion::arrow::datatypes::{DataType, Fields};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Checks one row, an object, against `fields`; with `coerce`, text columns take other scalars.
pub(crate) fn check(row: &[u8], fields: &Fields, coerce: bool) -> Result<(), Misfit> {
    let found = std::cell::RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(row);
    let seed = Object { fields, path: None, coerce, found: &found };
    let result = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (result, found.into_inner()) {
        (_, Some((column, value, expected))) => Err(Misfit::Value { column, value, expected }),
        (Err(error), None) => Err(Misfit::Syntax(error)),
        (Ok(()), None) => Ok(()),
    }
}

/// Why a row does not fit.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// No JSON, or no object.
    Syntax(serde_json::Error),
    /// A value that its column's type cannot hold.
    Value { column: String, value: String, expected: DataType },
}

type Found = std::cell::RefCell<Option<(String, String, DataType)>>;

#[derive(Clone, Copy)]
struct Object<'a> {
    fields: &'a Fields,
    /// None for the row itself.
    path: Option<&'a str>,
    coerce: bool,
    found: &'a Found,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object such as {\"a\": 1}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match self.fields.find(&key) {
                Some((_, field)) => {
                    let column = self.path.unwrap_or(&key);
                    let (coerce, found) = (self.coerce, self.found);
                    map.next_value_seed(Value {
                        data_type: field.data_type(),
                        column,
                        coerce,
                        found,
                    })?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Value<'a> {
    data_type: &'a DataType,
    column: &'a str,
    coerce: bool,
    found: &'a Found,
}

impl Value<'_> {
    fn expect<E: Error>(&self, fits: bool, value: impl fmt::Display) -> Result<(), E> {
        if fits {
            return Ok(());
        }
        let misfit = (self.column.to_owned(), value.to_string(), self.data_type.clone());
        *self.found.borrow_mut() = Some(misfit);
        Err(E::custom("does not fit"))
    }

    fn is_text(&self) -> bool {
        matches!(self.data_type, DataType::Utf8 | DataType::LargeUtf8)
    }

    /// Whether this takes any scalar as text.
    fn takes_all(&self) -> bool {
        self.coerce && self.is_text()
    }

    fn holds_integer(&self, value: i128) -> bool {
        match self.data_type {
            DataType::Int8 => i8::try_from(value).is_ok(),
            DataType::Int16 => i16::try_from(value).is_ok(),
            DataType::Int32 => i32::try_from(value).is_ok(),
            DataType::Int64 => i64::try_from(value).is_ok(),
            DataType::UInt8 => u8::try_from(value).is_ok(),
            DataType::UInt16 => u16::try_from(value).is_ok(),
            DataType::UInt32 => u32::try_from(value).is_ok(),
            DataType::UInt64 => u64::try_from(value).is_ok(),
            DataType::Timestamp(..) => true,
            _ => self.data_type.is_floating() || matches!(self.data_type, DataType::Decimal128(..)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a value of type {}", self.data_type)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.expect(self.data_type == &DataType::Boolean || self.takes_all(), value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.expect(self.holds_integer(value.into()) || self.takes_all(), value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.expect(self.holds_integer(value.into()) || self.takes_all(), value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let fits = self.data_type.is_floating()
            || matches!(self.data_type, DataType::Decimal128(..))
            || self.takes_all();
        self.expect(fits, value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let fits =
            self.is_text() || matches!(self.data_type, DataType::Timestamp(..) | DataType::Date32);
        self.expect(fits, value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let DataType::List(item) = self.data_type else {
            return self.expect(false, "[...]");
        };
        let seed = Value { data_type: item.data_type(), ..self };
        while items.next_element_seed(seed)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        match self.data_type {
            DataType::Struct(fields) => {
                let (coerce, found) = (self.coerce, self.found);
                Object { fields, path: Some(self.column), coerce, found }.visit_map(map)
            }
            _ => self.expect(false, "{...}"),
        }
    }
}
