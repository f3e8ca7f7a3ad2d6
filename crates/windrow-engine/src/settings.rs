//! The one typed source of settings: defaults, then `WINDROW_*` variables, then what the program sets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault, Result};
use crate::machine;

/// Where row functions run that are not native.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FunctionPlace {
    /// In the caller's interpreter when the whole job is small, else in worker processes.
    #[default]
    Auto,
    /// Always in worker processes.
    Workers,
    /// Always in the caller's interpreter.
    InProcess,
}

/// What a session runs with. Every field has a default that suits the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes that all operators and results together may use; beyond it they spill, then fail.
    #[serde(deserialize_with = "size::deserialize")]
    pub memory: u64,
    /// Python worker processes, and how many things run at a time.
    pub workers: usize,
    /// Partitions that a file source or an exchange is cut into.
    pub partitions: usize,
    /// Folder for what is spilled; the system's temporary folder when not set.
    pub temp: Option<PathBuf>,
    /// Whether to show progress; `None`: on a terminal or in a notebook.
    pub progress: Option<bool>,
    /// Where row functions run that are not native.
    pub functions: FunctionPlace,
    /// Rows in a batch that goes through the operators.
    pub batch_rows: usize,
    /// Whether row functions run as native code as far as they can be compiled.
    pub native: bool,
    /// The share of the rows of native functions that the interpreter computes again, to compare.
    pub verify: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = machine::cores();
        let memory = machine::memory_bytes().unwrap_or(4 << 30);
        Self {
            memory: memory / 10 * 7,
            workers: cores,
            partitions: (cores * 2).max(4),
            temp: None,
            progress: None,
            functions: FunctionPlace::Auto,
            batch_rows: 16384,
            native: true,
            verify: 0.0,
        }
    }
}

const VARIABLES: &[(&str, &str)] = &[
    ("WINDROW_MEMORY", "memory"),
    ("WINDROW_WORKERS", "workers"),
    ("WINDROW_PARTITIONS", "partitions"),
    ("WINDROW_TEMP", "temp"),
    ("WINDROW_PROGRESS", "progress"),
    ("WINDROW_FUNCTIONS", "functions"),
    ("WINDROW_BATCH_ROWS", "batch_rows"),
    ("WINDROW_NATIVE", "native"),
    ("WINDROW_VERIFY", "verify"),
];

impl Settings {
    /// The names that can be set.
    pub const NAMES: &'static [&'static str] = &[
        "memory",
        "workers",
        "partitions",
        "temp",
        "progress",
        "functions",
        "batch_rows",
        "native",
        "verify",
    ];

    /// Defaults, then the environment, then `json` (an object of settings that are given).
    ///
    /// # Errors
    /// A name that is no setting, or a value it cannot have.
    pub fn resolve(json: &str) -> Result<Self> {
        let mut all = serde_json::Map::new();
        for (variable, name) in VARIABLES {
            if let Ok(text) = std::env::var(variable) {
                let value =
                    serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text.clone()));
                all.insert((*name).to_owned(), value);
            }
        }
        let given: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(json).map_err(|error| bad(&error.to_string()))?;
        for (name, value) in given {
            if !Self::NAMES.contains(&name.as_str()) {
                return Err(Error::new(Fault::Settings, format!("there is no setting `{name}`"))
                    .hint(format!("the settings are {}", Self::NAMES.join(", "))));
            }
            if !value.is_null() {
                all.insert(name, value);
            }
        }
        let settings: Self = serde_json::from_value(serde_json::Value::Object(all))
            .map_err(|error| bad(&error.to_string()))?;
        settings.checked()
    }

    fn checked(self) -> Result<Self> {
        for (name, value) in [
            ("workers", self.workers),
            ("partitions", self.partitions),
            ("batch_rows", self.batch_rows),
        ] {
            if value == 0 {
                return Err(bad(&format!("`{name}` must be at least 1")));
            }
        }
        if !(0.0..=1.0).contains(&self.verify) {
            return Err(bad(&format!("`verify` is {}, it is a share from 0 to 1", self.verify)));
        }
        if self.memory < 16 << 20 {
            return Err(bad(&format!("`memory` is {} bytes, the least is 16 MB", self.memory)));
        }
        if let Some(folder) = &self.temp
            && !folder.is_dir()
        {
            return Err(bad(&format!("`temp` is `{}`, which is no folder", folder.display())));
        }
        Ok(self)
    }
}

fn bad(message: &str) -> Error {
    Error::new(Fault::Settings, format!("bad settings: {message}"))
}

/// Sizes as numbers of bytes or as text such as `8GB` or `512 MiB`.
mod size {
    use serde::{Deserialize, Deserializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
        match Size::deserialize(input)? {
            Size::Bytes(bytes) => Ok(bytes),
            Size::Text(text) => parse(&text).ok_or_else(|| {
                D::Error::custom(format!("`{text}` is no size; write `8GB` or `512MiB`"))
            }),
        }
    }

    fn parse(text: &str) -> Option<u64> {
        let text = text.trim();
        let split = text.find(|letter: char| letter.is_alphabetic()).unwrap_or(text.len());
        let number: f64 = text[..split].trim().parse().ok()?;
        let factor: f64 = match text[split..].to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "t" | "tb" => 1e12,
            "kib" => 1024.0,
            "mib" => 1048576.0,
            "gib" => 1073741824.0,
            "tib" => 1099511627776.0,
            _ => return None,
        };
        let bytes = number * factor;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        (bytes.is_finite() && bytes >= 0.0).then_some(bytes as u64)
    }

    #[cfg(test)]
    mod tests {
        use super::parse;

        #[test]
        fn sizes_are_read() {
            assert_eq!(parse("8GB"), Some(8_000_000_000));
            assert_eq!(parse("1.5 GiB"), Some(1_610_612_736));
            assert_eq!(parse("77"), Some(77));
            assert_eq!(parse("ten"), None);
        }
    }
}
