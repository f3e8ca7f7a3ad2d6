//! The options of CSV files, under pandas' names.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Fault, Result};
use crate::source::bytes::Compression;
use crate::source::dtype::Dtypes;

/// How to read CSV files; names, meanings and defaults are those of `pandas.read_csv` unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvOptions {
    /// Separator of fields, one ASCII character.
    #[serde(alias = "delimiter")]
    pub sep: char,
    /// Which row names the columns.
    pub header: Header,
    /// Names of all columns; with them the file has no header unless `header` says which row it is.
    pub names: Option<Vec<String>>,
    /// Declared types; other columns are inferred from a sample.
    pub dtype: Dtypes,
    /// The columns to read; they keep the order of the file.
    pub usecols: Option<Vec<ColumnRef>>,
    /// Columns to read as `datetime64[us]`, in ISO 8601 or in `date_format`.
    pub parse_dates: Vec<ColumnRef>,
    /// More strings that mean "missing", for all columns or by column.
    pub na_values: NaValues,
    /// Whether pandas' own strings for "missing" count too.
    pub keep_default_na: bool,
    /// Whether any string means "missing" at all.
    pub na_filter: bool,
    /// More strings that mean true.
    pub true_values: Vec<String>,
    /// More strings that mean false.
    pub false_values: Vec<String>,
    /// Read only the first rows of the source.
    pub nrows: Option<usize>,
    /// Lines to leave out at the start of each file.
    pub skiprows: usize,
    /// Whether empty lines are left out; if not, they are rows of missing values.
    pub skip_blank_lines: bool,
    /// Whether blanks after a separator are left out.
    pub skipinitialspace: bool,
    /// The quote character.
    pub quotechar: Option<char>,
    /// 0 for quoted fields where needed, 3 for none at all.
    pub quoting: u8,
    /// Whether two quotes inside a quoted field mean one.
    pub doublequote: bool,
    /// The character that takes the special meaning from the next.
    pub escapechar: Option<char>,
    /// The character after which the rest of a line is ignored.
    pub comment: Option<char>,
    /// The decimal point.
    pub decimal: char,
    /// The mark between groups of three digits.
    pub thousands: Option<char>,
    /// Only UTF-8 (and ASCII) can be read.
    pub encoding: Encoding,
    /// What to do with bytes that are no UTF-8.
    pub encoding_errors: EncodingErrors,
    /// What to do with rows of too few or too many fields. Unlike pandas, too few is an error too.
    pub on_bad_lines: BadLines,
    /// How the files are compressed.
    #[serde(deserialize_with = "compression")]
    pub compression: Compression,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            sep: ',',
            header: Header::Infer,
            names: None,
            dtype: Dtypes::default(),
            usecols: None,
            parse_dates: Vec::new(),
            na_values: NaValues::default(),
            keep_default_na: true,
            na_filter: true,
            true_values: Vec::new(),
            false_values: Vec::new(),
            nrows: None,
            skiprows: 0,
            skip_blank_lines: true,
            skipinitialspace: false,
            quotechar: Some('"'),
            quoting: 0,
            doublequote: true,
            escapechar: None,
            comment: None,
            decimal: '.',
            thousands: None,
            encoding: Encoding,
            encoding_errors: EncodingErrors::default(),
            on_bad_lines: BadLines::default(),
            compression: Compression::default(),
        }
    }
}

/// `None` in Python means no compression; leaving the option out means to infer it.
pub(crate) fn compression<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Compression, D::Error> {
    Ok(Option::<Compression>::deserialize(deserializer)?.unwrap_or(Compression::Plain))
}

/// Which row names the columns: `"infer"`, a number, or `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Header {
    /// The first row, unless `names` are given.
    #[default]
    Infer,
    /// The row of this number, counted from 0 after `skiprows`.
    Row(usize),
    /// The file has no header.
    None,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Row(usize),
            Word(String),
            Nothing(()),
        }
        match Given::deserialize(deserializer) {
            Ok(Given::Row(row)) => Ok(Self::Row(row)),
            Ok(Given::Word(word)) if word == "infer" => Ok(Self::Infer),
            Ok(Given::Nothing(())) => Ok(Self::None),
            _ => {
                Err(serde::de::Error::custom("`header` must be a row number, `None` or \"infer\""))
            }
        }
    }
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Infer => serializer.serialize_str("infer"),
            Self::Row(row) => serializer.serialize_u64(*row as u64),
            Self::None => serializer.serialize_none(),
        }
    }
}

/// A column by name or by position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ColumnRef {
    /// By position, from 0.
    Position(usize),
    /// By name.
    Name(String),
}

/// The `na_values` option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NaValues {
    /// One value for all columns.
    One(NaValue),
    /// Several values for all columns.
    All(Vec<NaValue>),
    /// By column.
    Columns(BTreeMap<String, NaList>),
}

/// One or several values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NaList {
    /// One.
    One(NaValue),
    /// Several.
    Many(Vec<NaValue>),
}

/// A value that means "missing".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NaValue {
    /// As written in the file.
    Text(String),
    /// Any way of writing this number.
    Number(f64),
}

impl Default for NaValues {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl NaValues {
    /// The values for `column`.
    pub(crate) fn of(&self, column: &str) -> &[NaValue] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::All(values) => values,
            Self::Columns(columns) => match columns.get(column) {
                Some(NaList::One(value)) => std::slice::from_ref(value),
                Some(NaList::Many(values)) => values,
                None => &[],
            },
        }
    }

    /// The columns that are named.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Columns(columns) => columns.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// The `encoding` option: only UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Option<String>", into = "String")]
pub struct Encoding;

impl TryFrom<Option<String>> for Encoding {
    type Error = String;

    fn try_from(name: Option<String>) -> Result<Self, String> {
        let name = name.unwrap_or_else(|| "utf-8".to_owned());
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii" => Ok(Self),
            _ => Err(format!(
                "encoding `{name}` cannot be read, only utf-8; convert the file first: `iconv -f {name} -t utf-8`"
            )),
        }
    }
}

impl From<Encoding> for String {
    fn from(_: Encoding) -> Self {
        "utf-8".to_owned()
    }
}

/// What to do with bytes that are no UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncodingErrors {
    /// An error that names the place.
    #[default]
    Strict,
    /// U+FFFD in their place.
    Replace,
}

/// What to do with rows that do not have the header's number of fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadLines {
    /// An error that names the row.
    #[default]
    Error,
    /// Leave them out.
    Skip,
    /// Fill too few with missing values, as pandas does; too many is an error.
    Pad,
}

impl CsvOptions {
    /// Checks what the types cannot.
    pub(crate) fn check(&self) -> Result<()> {
        let single = [
            ("sep", Some(self.sep)),
            ("quotechar", self.quotechar),
            ("escapechar", self.escapechar),
            ("comment", self.comment),
            ("decimal", Some(self.decimal)),
            ("thousands", self.thousands),
        ];
        for (name, character) in single {
            if let Some(character) = character
                && (!character.is_ascii() || matches!(character, '\n' | '\r'))
            {
                let shown = character.escape_debug();
                return Err(Error::plan(format!(
                    "`{name}` is `{shown}`, but must be one ASCII character"
                )));
            }
        }
        if Some(self.sep) == self.quotechar || Some(self.sep) == self.comment {
            return Err(Error::plan(format!(
                "`{}` cannot be the separator and the quote or comment mark",
                self.sep
            )));
        }
        if !matches!(self.quoting, 0 | 3) {
            return Err(Error::new(
                Fault::Unsupported,
                format!("`quoting={}` is not supported", self.quoting),
            )
            .hint("use 0 (quoted where needed) or 3 (no quotes at all)"));
        }
        Ok(())
    }
}
