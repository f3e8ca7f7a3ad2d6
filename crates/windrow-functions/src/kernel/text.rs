//! Text: Python counts code points, and has its own idea of white space.

use crate::ir::SplitWay;
use crate::kernel::part::Part;

/// What `str.strip()` and `str.split()` take for white space.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `len(text)`
pub(crate) fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// A byte position as a number of code points.
pub(crate) fn position(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or(byte, length)
}

/// The byte position of code point `index`, or the end.
fn offset(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        index.min(text.len())
    } else {
        text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
    }
}

/// `text[index]`
pub(crate) fn item(text: &str, index: i64) -> Option<&str> {
    let index = if index < 0 { index + signed(length(text)) } else { index };
    let start = usize::try_from(index).ok()?;
    if text.is_ascii() {
        return text.get(start..=start);
    }
    let (at, c) = text.char_indices().nth(start)?;
    text.get(at..at + c.len_utf8())
}

/// `text[lower:upper]`
pub(crate) fn slice(text: &str, lower: Option<i64>, upper: Option<i64>) -> &str {
    let length = signed(length(text));
    let clamp = |bound: i64| {
        let bound = if bound < 0 { bound.saturating_add(length) } else { bound };
        usize::try_from(bound.clamp(0, length)).unwrap_or(0)
    };
    let start = lower.map_or(0, clamp);
    let end = upper.map_or(usize::MAX, clamp);
    if start >= end {
        return "";
    }
    text.get(offset(text, start)..offset(text, end)).unwrap_or("")
}

/// `text.strip()`, or one side of it.
pub(crate) fn strip(text: &str, left: bool, right: bool) -> &str {
    // Mostly there is nothing at the ends.
    let plain = |byte: Option<&u8>| byte.is_some_and(|byte| (0x21..0x80).contains(byte));
    if plain(text.as_bytes().first()) && plain(text.as_bytes().last()) {
        return text;
    }
    let ascii = |byte: &u8| matches!(byte, 9..=13 | 0x1c..=0x20);
    let (mut start, mut end) = (0, text.len());
    let bytes = text.as_bytes();
    if left {
        start = bytes.iter().position(|byte| !ascii(byte)).unwrap_or(end);
    }
    if right {
        end = bytes.iter().rposition(|byte| !ascii(byte)).map_or(start, |last| last + 1);
    }
    let inner = text.get(start..end).unwrap_or("");
    // Wider white space may stand at the ends, and more of the narrow kind behind it.
    let wide = |byte: Option<&u8>| byte.is_some_and(|byte| !byte.is_ascii());
    let bytes = inner.as_bytes();
    if (left && wide(bytes.first())) || (right && wide(bytes.last())) {
        let inner = if left { inner.trim_start_matches(is_space) } else { inner };
        return if right { inner.trim_end_matches(is_space) } else { inner };
    }
    inner
}

/// `text.replace(from, to)`; `from` is not empty. What cannot be a piece of `text` is made of what
/// `write` has appended to an empty string.
#[inline]
pub(crate) fn replace<'a>(
    text: &'a str,
    from: &Part<'_>,
    to: &str,
    make: impl FnOnce(&dyn Fn(&mut String)) -> &'a str,
) -> &'a str {
    let Some(first) = from.find(text) else { return text };
    let (before, rest) = (text.get(..first).unwrap_or(""), tail(text, first + from.len()));
    if to.is_empty() && rest.is_empty() {
        return before;
    }
    let second = from.find(rest);
    if to.is_empty() && before.is_empty() && second.is_none() {
        return rest;
    }
    make(&|out| {
        out.push_str(before);
        out.push_str(to);
        let (mut rest, mut next) = (rest, second);
        while let Some(at) = next {
            out.push_str(rest.get(..at).unwrap_or(""));
            out.push_str(to);
            rest = tail(rest, at + from.len());
            next = from.find(rest);
        }
        out.push_str(rest);
    })
}

fn tail(text: &str, start: usize) -> &str {
    text.get(start..).unwrap_or("")
}

/// The parts of `text.split(separator)` and its like.
fn parts<'a>(text: &'a str, separator: &'a str, way: SplitWay) -> Vec<&'a str> {
    let limit = usize::from(way.limit) + 1;
    if way.partition {
        let cut =
            if way.from_right { text.rsplit_once(separator) } else { text.split_once(separator) };
        return match cut {
            Some((before, after)) => vec![before, separator, after],
            None if way.from_right => vec!["", "", text],
            None => vec![text, "", ""],
        };
    }
    match (way.limit, way.from_right) {
        (0, false) => text.split(separator).collect(),
        (_, false) => text.splitn(limit, separator).collect(),
        (limited, true) => {
            let mut parts: Vec<&str> = if limited == 0 {
                text.rsplit(separator).collect()
            } else {
                text.rsplitn(limit, separator).collect()
            };
            parts.reverse();
            parts
        }
    }
}

/// `text.split(separator)[index]`
#[inline]
pub(crate) fn split_item<'a>(
    text: &'a str,
    separator: &Part<'a>,
    index: i64,
    way: SplitWay,
) -> Option<&'a str> {
    let plain = way.limit == 0 && !way.from_right && !way.partition;
    if plain && index >= 0 {
        let mut rest = text;
        for _ in 0..index {
            rest = rest.get(separator.find(rest)? + separator.len()..)?;
        }
        return rest.get(..separator.find(rest).unwrap_or(rest.len()));
    }
    // From the right a longer separator may overlap itself in another way.
    if plain && index == -1 && separator.len() == 1 {
        return text.rsplit(separator.text()).next();
    }
    let parts = parts(text, separator.text(), way);
    let index = if index < 0 { index.saturating_add(signed(parts.len())) } else { index };
    parts.get(usize::try_from(index).ok()?).copied()
}

/// `len(text.split(separator))`
pub(crate) fn split_count(text: &str, separator: &str, way: SplitWay) -> usize {
    parts(text, separator, way).len()
}

/// `text.split()[index]`
pub(crate) fn split_space_item(text: &str, index: i64) -> Option<&str> {
    let index = if index < 0 { index + signed(words(text).count()) } else { index };
    words(text).nth(usize::try_from(index).ok()?)
}

/// The parts of `text.split()`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// `text.strip(characters)`, or one side of it.
pub(crate) fn strip_chars<'a>(text: &'a str, chars: &str, left: bool, right: bool) -> &'a str {
    let drop = |c: char| chars.contains(c);
    let text = if left { text.trim_start_matches(drop) } else { text };
    if right { text.trim_end_matches(drop) } else { text }
}

/// `text.zfill(width)`
pub(crate) fn zfill(text: &str, width: usize, out: &mut String) {
    let missing = width.saturating_sub(length(text));
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    out.push_str(&text[..text.len() - digits.len()]);
    (0..missing).for_each(|_| out.push('0'));
    out.push_str(digits);
}

/// `text.title()` of ASCII text.
pub(crate) fn title(text: &str, out: &mut String) {
    let mut inside = false;
    for c in text.chars() {
        out.push(if inside { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() });
        inside = c.is_ascii_alphabetic();
    }
}

/// `text.capitalize()` of ASCII text.
pub(crate) fn capitalize(text: &str, out: &mut String) {
    let mut chars = text.chars();
    if let Some(first) = chars.next() {
        out.push(first.to_ascii_uppercase());
    }
    out.extend(chars.map(|c| c.to_ascii_lowercase()));
}

/// `text.isupper()` of ASCII text; with the tests exchanged `islower()`.
pub(crate) fn is_cased(text: &str, wanted: fn(&u8) -> bool, other: fn(&u8) -> bool) -> bool {
    text.as_bytes().iter().any(wanted) && !text.as_bytes().iter().any(other)
}

/// A length as Python's index type.
pub(crate) fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
