//! The start of a CSV file: byte order mark, skipped lines, header; and the names that come of it.

use std::collections::{HashMap, HashSet};

use super::options::{BadLines, ColumnRef, CsvOptions, Header};
use super::tokenize::{Dialect, Next};
use crate::error::Fault;
use crate::nearest::column_hint;
use crate::source::bytes::StoredFile;
use crate::source::fault::ReadError;
use crate::source::lines::BYTE_ORDER_MARK;

/// Headers longer than this are taken for a mistake in the options.
const LONGEST: usize = 64 << 20;

/// What comes before the rows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The header's fields, or, without a header, None.
    pub(crate) names: Option<Vec<String>>,
    /// How many fields the header or the first row has.
    pub(crate) width: usize,
    /// Where the rows start.
    pub(crate) body: u64,
    /// How many lines are before that.
    pub(crate) lines: u64,
}

/// Reads the start of `file`.
pub(crate) async fn read(
    file: &StoredFile,
    options: &CsvOptions,
    dialect: &Dialect,
) -> Result<Head, ReadError> {
    let mut limit = 64 * 1024;
    loop {
        let (bytes, whole) = file.head(limit).await?;
        if let Some(head) = parse(&bytes, whole, file, (options, dialect))? {
            return Ok(head);
        }
        if limit >= LONGEST {
            return Err(ReadError::data(format!(
                "no end of the header of `{}` found in its first 64 MiB",
                file.file.name
            ))
            .hint("check `sep`, `quotechar` and `quoting`"));
        }
        limit *= 8;
    }
}

/// None if more bytes are needed.
fn parse(
    bytes: &[u8],
    whole: bool,
    file: &StoredFile,
    (options, dialect): (&CsvOptions, &Dialect),
) -> Result<Option<Head>, ReadError> {
    let name = &file.file.name;
    let mut at = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    for _ in 0..options.skiprows {
        match memchr::memchr(b'\n', &bytes[at..]) {
            Some(found) => at += found + 1,
            None if whole => at = bytes.len(),
            None => return Ok(None),
        }
    }
    let mut lines = options.skiprows as u64;
    let header = match (options.header, &options.names) {
        (Header::Row(row), _) => Some(row),
        (Header::Infer, None) => Some(0),
        _ => None,
    };
    let mut left = header.unwrap_or(0);
    loop {
        if at == bytes.len() && whole {
            return Err(empty(file, options));
        }
        let mut fields = Vec::new();
        match dialect.record(bytes, at, whole, &mut fields) {
            Next::More => return Ok(None),
            Next::OpenQuote => {
                return Err(ReadError::data(format!(
                    "the quote opened in the header of `{name}` is never closed"
                ))
                .hint("check `quotechar`, or pass `quoting=3`"));
            }
            Next::Nothing { next } => {
                at = next;
                lines += 1;
            }
            Next::Record { .. } if header.is_none() => {
                return Ok(Some(Head { names: None, width: fields.len(), body: at as u64, lines }));
            }
            Next::Record { next, lines: taken } => {
                at = next;
                lines += taken;
                if left > 0 {
                    left -= 1;
                    continue;
                }
                let text = |span| match String::from_utf8(dialect.value(bytes, span).into_owned()) {
                    Ok(text) => Ok(text),
                    Err(_) => Err(ReadError::data(format!(
                        "the header (line {lines}) of `{name}` is not UTF-8 text"
                    ))
                    .hint("convert the file first: `iconv -f latin1 -t utf-8`")),
                };
                let names = fields.iter().map(|span| text(*span)).collect::<Result<Vec<_>, _>>()?;
                return Ok(Some(Head {
                    width: names.len(),
                    names: Some(names),
                    body: at as u64,
                    lines,
                }));
            }
        }
    }
}

fn empty(file: &StoredFile, options: &CsvOptions) -> ReadError {
    let name = &file.file.name;
    if options.skiprows > 0
        || !matches!(options.header, Header::Infer | Header::None | Header::Row(0))
    {
        return ReadError::data(format!(
            "file `{name}` has no rows left after `skiprows` and `header`"
        ));
    }
    ReadError::data(format!("file `{name}` is empty: no columns to read"))
        .hint("check that what writes the file has finished")
}

/// A column to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    /// Its position in the file.
    pub(crate) position: usize,
    pub(crate) name: String,
}

/// All columns' names, as pandas gives them: `names`, or the header with blanks named and doubles numbered.
pub(crate) fn names(
    head: &Head,
    options: &CsvOptions,
    file: &str,
) -> Result<Vec<String>, ReadError> {
    let Some(given) = &options.names else {
        return Ok(match &head.names {
            Some(header) => numbered(header),
            None => (0..head.width).map(|position| position.to_string()).collect(),
        });
    };
    let mut seen = HashSet::new();
    if let Some(double) = given.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(ReadError::new(Fault::Plan, format!("`names` has `{double}` twice")));
    }
    let fits = given.len() == head.width
        || (given.len() > head.width && options.on_bad_lines == BadLines::Pad);
    if !fits {
        return Err(ReadError::new(
            Fault::Plan,
            format!("`names` has {} names, but `{file}` has {} columns", given.len(), head.width),
        )
        .hint("name every column of the file, and choose among them by `usecols`"));
    }
    Ok(given.clone())
}

/// `Unnamed: 0` for an empty name, `a.1` for a second `a`.
fn numbered(header: &[String]) -> Vec<String> {
    let named: Vec<String> = header
        .iter()
        .enumerate()
        .map(
            |(position, name)| {
                if name.is_empty() { format!("Unnamed: {position}") } else { name.clone() }
            },
        )
        .collect();
    let given: HashSet<&String> = named.iter().collect();
    let mut counts: HashMap<&String, usize> = HashMap::new();
    let mut used = HashSet::new();
    let mut result = Vec::with_capacity(named.len());
    for name in &named {
        let count = counts.entry(name).or_insert(0);
        let mut unique = name.clone();
        while *count > 0 || used.contains(&unique) {
            unique = format!("{name}.{}", (*count).max(1));
            *count = (*count).max(1) + 1;
            if !used.contains(&unique) && !given.contains(&unique) {
                break;
            }
        }
        if *count == 0 {
            *count = 1;
        }
        used.insert(unique.clone());
        result.push(unique);
    }
    result
}

/// The columns that `usecols` asks for, in the order of the file.
pub(crate) fn select(names: &[String], options: &CsvOptions) -> Result<Vec<Selected>, ReadError> {
    let all =
        names.iter().enumerate().map(|(position, name)| Selected { position, name: name.clone() });
    let Some(wanted) = &options.usecols else { return Ok(all.collect()) };
    let positions = positions(wanted, names, "usecols")?;
    Ok(all.filter(|column| positions.contains(&column.position)).collect())
}

/// The positions of the columns that an option names.
pub(crate) fn positions(
    wanted: &[ColumnRef],
    names: &[String],
    option: &str,
) -> Result<HashSet<usize>, ReadError> {
    wanted
        .iter()
        .map(|column| match column {
            ColumnRef::Position(position) if *position < names.len() => Ok(*position),
            ColumnRef::Position(position) => Err(ReadError::new(
                Fault::Column,
                format!(
                    "`{option}` asks for column number {position}, but there are {} columns",
                    names.len()
                ),
            )
            .hint("columns are counted from 0")),
            ColumnRef::Name(name) => names
                .iter()
                .position(|known| known == name)
                .ok_or_else(|| unknown(name, names.iter().map(String::as_str), option)),
        })
        .collect()
}

/// The error for a column that is not there.
pub(crate) fn unknown<'a>(
    name: &str,
    names: impl Iterator<Item = &'a str>,
    option: &str,
) -> ReadError {
    let names: Vec<&str> = names.collect();
    ReadError::new(
        Fault::Column,
        format!("`{option}` names a column `{name}`, which the file does not have"),
    )
    .hint(column_hint(name, &names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_pandas_makes_them() {
        let header = ["", "a", "a", "b", "a.1", "a", ""].map(str::to_owned);
        assert_eq!(numbered(&header), ["Unnamed: 0", "a", "a.2", "b", "a.1", "a.3", "Unnamed: 6"]);
        let plain = ["a", "a", "a"].map(str::to_owned);
        assert_eq!(numbered(&plain), ["a", "a.1", "a.2"]);
    }
}
