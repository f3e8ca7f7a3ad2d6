//! The formats and how their options are read from JSON.

use serde::{Deserialize, Serialize};

use super::bytes::Compression;
use super::csv::CsvOptions;
use super::json::JsonOptions;
use super::list::Kind;
use super::parquet::ParquetOptions;
use super::text::TextOptions;
use crate::error::{Error, Fault, Result};
use crate::nearest::nearest;

/// A file format with its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated values and their like.
    Csv(Box<CsvOptions>),
    /// Apache Parquet.
    Parquet(ParquetOptions),
    /// JSON lines.
    Json(JsonOptions),
    /// A row per line.
    Text(TextOptions),
}

impl Format {
    /// The format called `name` (`csv`, `parquet`, `json`, `text`) with options in JSON under pandas' names.
    pub fn from_options(name: &str, options: &str) -> Result<Self> {
        let format = match name {
            "csv" => serde_json::from_str(options).map(|options| Self::Csv(Box::new(options))),
            "parquet" => serde_json::from_str(options).map(Self::Parquet),
            "json" => serde_json::from_str(options).map(Self::Json),
            "text" => serde_json::from_str(options).map(Self::Text),
            _ => {
                return Err(Error::plan(format!(
                    "`{name}` is not a format: csv, parquet, json or text"
                )));
            }
        };
        format.map_err(|error| explain(name, options, &error.to_string()))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Csv(_) => Kind { reader: "read_csv", extensions: &["csv", "tsv"] },
            Self::Parquet(_) => {
                Kind { reader: "read_parquet", extensions: &["parquet", "parq", "pq"] }
            }
            Self::Json(_) => Kind { reader: "read_json", extensions: &["json", "jsonl", "ndjson"] },
            Self::Text(_) => Kind { reader: "read_text", extensions: &["txt", "text", "log"] },
        }
    }

    pub(crate) fn compression(&self) -> Compression {
        match self {
            Self::Csv(options) => options.compression,
            // Parquet compresses inside.
            Self::Parquet(_) => Compression::Plain,
            Self::Json(options) => options.compression,
            Self::Text(options) => options.compression,
        }
    }

    pub(crate) fn nrows(&self) -> Option<usize> {
        match self {
            Self::Csv(options) => options.nrows,
            Self::Parquet(_) => None,
            Self::Json(options) => options.nrows,
            Self::Text(options) => options.nrows,
        }
    }
}

/// serde's message as ours: `unknown field `nrow`, expected one of `sep`, ...`.
fn explain(format: &str, options: &str, message: &str) -> Error {
    let place = message.split(" at line ").next().unwrap_or(message);
    let reader = format!("read_{format}");
    let Some((unknown, known)) =
        place.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected"))
    else {
        return Error::plan(format!("`{reader}`: {place}{}", culprit(format, options)));
    };
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let error = Error::new(Fault::Unsupported, format!("`{reader}` has no option `{unknown}`"));
    match nearest(unknown, known.iter().copied()) {
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None => error.hint(format!("the options are {}", known.join(", "))),
    }
}

/// The option whose value is wrong, found by reading each alone, since serde does not name it.
fn culprit(format: &str, options: &str) -> String {
    let Ok(serde_json::Value::Object(all)) = serde_json::from_str(options) else {
        return String::new();
    };
    let wrong = all.into_iter().find(|(name, value)| {
        let alone = serde_json::json!({ name.as_str(): value }).to_string();
        match format {
            "csv" => serde_json::from_str::<CsvOptions>(&alone).is_err(),
            "parquet" => serde_json::from_str::<ParquetOptions>(&alone).is_err(),
            "json" => serde_json::from_str::<JsonOptions>(&alone).is_err(),
            _ => serde_json::from_str::<TextOptions>(&alone).is_err(),
        }
    });
    wrong.map(|(name, value)| format!(" (option `{name}`, given as `{value}`)")).unwrap_or_default()
}
