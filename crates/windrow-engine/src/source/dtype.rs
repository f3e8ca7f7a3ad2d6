//! Type names as pandas, numpy and Arrow users write them (`"int64"`, `"str"`, `"datetime64[ns]"`), and back.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

/// A column type by name; serialized as the name it was given by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dtype {
    name: String,
    data_type: DataType,
}

/// The `dtype` option: one type for all columns, or a type for each of some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dtypes {
    /// For every column.
    All(Dtype),
    /// For these columns; the others are inferred.
    Columns(BTreeMap<String, Dtype>),
}

impl Default for Dtypes {
    fn default() -> Self {
        Self::Columns(BTreeMap::new())
    }
}

impl Dtypes {
    /// The declared type of `column`.
    pub fn of(&self, column: &str) -> Option<&DataType> {
        match self {
            Self::All(dtype) => Some(&dtype.data_type),
            Self::Columns(columns) => columns.get(column).map(|dtype| &dtype.data_type),
        }
    }

    /// The columns that are named.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let columns = match self {
            Self::All(_) => None,
            Self::Columns(columns) => Some(columns),
        };
        columns.into_iter().flat_map(|columns| columns.keys().map(String::as_str))
    }
}

impl Dtype {
    /// The Arrow type.
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }
}

impl From<DataType> for Dtype {
    fn from(data_type: DataType) -> Self {
        Self { name: name_of(&data_type), data_type }
    }
}

impl From<Dtype> for String {
    fn from(dtype: Dtype) -> Self {
        dtype.name
    }
}

impl TryFrom<String> for Dtype {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match parse(&name) {
            Some(data_type) => Ok(Self { name, data_type }),
            None => Err(format!(
                "`{name}` is not a type that a column can be read as; use one of int8 to int64, uint8 to uint64, \
                 float32, float64, bool, str, date, datetime64[us], decimal128(18, 2)"
            )),
        }
    }
}

fn parse(name: &str) -> Option<DataType> {
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_suffix("[pyarrow]").unwrap_or(&name).trim();
    Some(match name {
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" | "int" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float32" => DataType::Float32,
        "float64" | "float" | "double" => DataType::Float64,
        "bool" | "boolean" => DataType::Boolean,
        "str" | "string" | "object" | "utf8" | "string[python]" => DataType::Utf8,
        "large_string" | "large_utf8" => DataType::LargeUtf8,
        "date" | "date32" | "date32[day]" => DataType::Date32,
        "datetime" | "datetime64" | "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        other => return parse_with_arguments(other),
    })
}

/// `datetime64[ns, UTC]`, `timestamp[us]`, `decimal128(18, 2)`.
fn parse_with_arguments(name: &str) -> Option<DataType> {
    let (kind, arguments) = name.split_once(['[', '('])?;
    let arguments: Vec<&str> =
        arguments.strip_suffix([']', ')'])?.split(',').map(str::trim).collect();
    match (kind, arguments.as_slice()) {
        ("datetime64" | "timestamp", [unit]) => Some(DataType::Timestamp(time_unit(unit)?, None)),
        ("datetime64" | "timestamp", [unit, zone]) => {
            let zone = zone.strip_prefix("tz=").unwrap_or(zone);
            let zone = if zone == "utc" { "UTC".to_owned() } else { zone.to_owned() };
            Some(DataType::Timestamp(time_unit(unit)?, Some(zone.into())))
        }
        ("decimal128" | "decimal", [precision, scale]) => {
            let precision: u8 =
                precision.parse().ok().filter(|precision| (1..=38).contains(precision))?;
            let scale: i8 =
                scale.parse().ok().filter(|scale| (0..=precision as i8).contains(scale))?;
            Some(DataType::Decimal128(precision, scale))
        }
        _ => None,
    }
}

fn time_unit(name: &str) -> Option<TimeUnit> {
    Some(match name {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return None,
    })
}

/// The name under which a user would declare `data_type`.
pub(crate) fn name_of(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "str".to_owned(),
        DataType::Date32 => "date32".to_owned(),
        DataType::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second => "s",
                TimeUnit::Millisecond => "ms",
                TimeUnit::Microsecond => "us",
                TimeUnit::Nanosecond => "ns",
            };
            match zone {
                Some(zone) => format!("datetime64[{unit}, {zone}]"),
                None => format!("datetime64[{unit}]"),
            }
        }
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        other => other.to_string().to_lowercase(),
    }
}

/// What a value of `data_type` is called in a message: "a whole number (int64)".
pub(crate) fn description(data_type: &DataType) -> String {
    let words = match data_type {
        DataType::Boolean => "true or false",
        _ if data_type.is_integer() => "a whole number",
        _ if data_type.is_numeric() => "a number",
        DataType::Date32 => "a date",
        DataType::Timestamp(..) => "a date and time",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        _ => "a value",
    };
    format!("{words} ({})", name_of(data_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_three_libraries() {
        assert_eq!(parse("Int64"), Some(DataType::Int64));
        assert_eq!(parse("float"), Some(DataType::Float64));
        assert_eq!(parse("float32"), Some(DataType::Float32));
        assert_eq!(parse("double[pyarrow]"), Some(DataType::Float64));
        assert_eq!(parse("datetime64[ns]"), Some(DataType::Timestamp(TimeUnit::Nanosecond, None)));
        assert_eq!(
            parse("datetime64[ns, UTC]"),
            Some(DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())))
        );
        assert_eq!(parse("decimal128(18, 2)"), Some(DataType::Decimal128(18, 2)));
        assert_eq!(parse("category"), None);
    }

    #[test]
    fn a_wrong_name_lists_the_right_ones() {
        let error = serde_json::from_str::<Dtypes>(r#""intt""#).map_err(|error| error.to_string());
        assert!(error.is_err());
    }
}
