//! Text: Python counts code points, and has its own idea of white space.

use crate::ir::SplitWay;

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

/// A piece of text that is looked for, in many texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    text: &'a str,
    /// Its byte that is met least often, and where that is.
    byte: u8,
    key: usize,
}

impl<'a> Part<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes().iter().copied().enumerate();
        let (key, byte) = bytes.max_by_key(|(_, byte)| rarity(*byte)).unwrap_or((0, 0));
        Self { text, byte, key }
    }

    /// The same piece of text, at the same place in memory.
    pub(crate) fn is(&self, text: &str) -> bool {
        std::ptr::eq(self.text, text)
    }

    fn len(&self) -> usize {
        self.text.len()
    }

    /// The byte position of the first one in a text; quick for the short texts of columns.
    #[inline]
    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        if text.len() > 256 || self.len() == 0 {
            return text.find(self.text);
        }
        let (text, part) = (text.as_bytes(), self.text.as_bytes());
        let mut start = 0;
        // The rare byte is looked for; the others are compared where it is.
        loop {
            let at = start + find_byte(text.get(start + self.key..)?, self.byte)?;
            // A few bytes: sooner compared than a function is called for it.
            let here = text.get(at..)?;
            if here.len() < part.len() {
                return None;
            }
            if here.iter().zip(part).all(|(a, b)| a == b) {
                return Some(at);
            }
            start = at + 1;
        }
    }
}

/// How seldom a byte is met in text.
fn rarity(byte: u8) -> u8 {
    match byte {
        b' ' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' | b'0'..=b'9' => 2,
        _ => 3,
    }
}

/// The position of the first byte that is the wanted one, eight at a time; the last eight may
/// overlap those before, which have been found to be others.
#[inline]
fn find_byte(bytes: &[u8], wanted: u8) -> Option<usize> {
    let pattern = u64::from_ne_bytes([wanted; 8]);
    let first = |eight: &[u8; 8]| {
        let found = zero_bytes(u64::from_le_bytes(*eight) ^ pattern);
        (found != 0).then_some(found.trailing_zeros() as usize / 8)
    };
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().position(|&byte| byte == wanted);
    };
    for (place, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        if let Some(at) = first(eight) {
            return Some(8 * place + at);
        }
    }
    first(last).map(|at| bytes.len() - 8 + at)
}

/// The highest bit of each byte that is zero; all other bits are clear.
fn zero_bytes(eight: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    !(((eight & LOW) + LOW) | eight | LOW)
}

/// `text.replace(from, to)` where that is a piece of `text`; `from` is not empty.
pub(crate) fn replaced<'a>(text: &'a str, from: Part<'_>, to: &str) -> Option<&'a str> {
    let Some(at) = from.find(text) else { return Some(text) };
    let rest = text.get(at + from.len()..).filter(|_| to.is_empty())?;
    if rest.is_empty() {
        return text.get(..at);
    }
    (at == 0 && from.find(rest).is_none()).then_some(rest)
}

/// `text.replace(from, to)` for a `from` that is not empty.
pub(crate) fn replace(text: &str, from: Part<'_>, to: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = from.find(rest) {
        out.push_str(rest.get(..at).unwrap_or(""));
        out.push_str(to);
        rest = rest.get(at + from.len()..).unwrap_or("");
    }
    out.push_str(rest);
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
pub(crate) fn split_item<'a>(
    text: &'a str,
    separator: Part<'a>,
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
        return text.rsplit(separator.text).next();
    }
    let parts = parts(text, separator.text, way);
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

/// `text.count(part)`
pub(crate) fn count(text: &str, part: &str) -> usize {
    match *part.as_bytes() {
        [byte] => count_byte(text.as_bytes(), byte),
        _ => text.matches(part).count(),
    }
}

/// How often a byte is there, eight at a time; the last eight may overlap those before.
fn count_byte(bytes: &[u8], wanted: u8) -> usize {
    let pattern = u64::from_ne_bytes([wanted; 8]);
    // A 1 in each byte that is the wanted one.
    let found = |eight: [u8; 8]| zero_bytes(u64::from_le_bytes(eight) ^ pattern) >> 7;
    let Some(&last) = bytes.last_chunk::<8>() else {
        return bytes.iter().filter(|&&byte| byte == wanted).count();
    };
    let (eights, rest) = bytes.as_chunks::<8>();
    let bits = u32::try_from(64 - 8 * rest.len()).unwrap_or(64);
    let mut count = sum_of_bytes(found(last).checked_shr(bits).unwrap_or(0));
    for eight in eights {
        count += sum_of_bytes(found(*eight));
    }
    count
}

fn sum_of_bytes(bytes: u64) -> usize {
    usize::from(bytes.wrapping_mul(0x0101_0101_0101_0101).to_be_bytes()[0])
}

/// A length as Python's index type.
pub(crate) fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
