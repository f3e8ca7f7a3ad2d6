//! Bytes to fields: one record at a time, without copying.

use std::borrow::Cow;

use super::options::CsvOptions;

/// The characters with a meaning.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub(crate) sep: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) doublequote: bool,
    pub(crate) escape: Option<u8>,
    comment: Option<u8>,
    skip_blank_lines: bool,
    pub(crate) skip_initial_space: bool,
    /// Whether a byte ends a run of ordinary ones outside quotes.
    special: Box<[bool; 256]>,
}

impl Dialect {
    pub(crate) fn new(options: &CsvOptions) -> Self {
        let byte = |character: char| character as u8;
        let sep = byte(options.sep);
        let escape = options.escapechar.map(byte);
        let comment = options.comment.map(byte);
        let mut special = Box::new([false; 256]);
        for byte in [Some(sep), Some(b'\n'), Some(b'\r'), escape, comment].into_iter().flatten() {
            special[usize::from(byte)] = true;
        }
        Self {
            sep,
            quote: options.quotechar.filter(|_| options.quoting != 3).map(byte),
            doublequote: options.doublequote,
            escape,
            comment,
            skip_blank_lines: options.skip_blank_lines,
            skip_initial_space: options.skipinitialspace,
            special,
        }
    }

    /// Whether quotes alone decide where records start, so that a file can be cut without reading it field by field.
    pub(crate) fn divisible(&self) -> bool {
        self.escape.is_none() && self.comment.is_none() && !self.skip_initial_space
    }
}

/// Where a field is; `dirty` if the bytes there are not yet its value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) dirty: bool,
}

/// What comes next in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A record, whose fields were added; `lines` it takes.
    Record { next: usize, lines: u64 },
    /// A blank line or a comment.
    Nothing { next: usize },
    /// The bytes end before the record does.
    More,
    /// As `More`, but no bytes follow: a quote was never closed.
    OpenQuote,
}

impl Dialect {
    /// Reads the record at `start`, adding its fields to `fields`; `last` says that no bytes follow.
    pub(crate) fn record(
        &self,
        bytes: &[u8],
        start: usize,
        last: bool,
        fields: &mut Vec<Span>,
    ) -> Next {
        if self.comment.is_some() && bytes.get(start).copied() == self.comment {
            return line_end(bytes, start, last).map_or(Next::More, |next| Next::Nothing { next });
        }
        let first = fields.len();
        let mut at = start;
        let mut lines = 1;
        loop {
            let field = match self.field(bytes, at, last) {
                Ok(field) => field,
                Err(next) => {
                    fields.truncate(first);
                    return next;
                }
            };
            fields.push(field.span);
            lines += field.lines;
            at = field.end;
            match bytes.get(at) {
                Some(byte) if *byte == self.sep => at += 1,
                // A comment ends the record, too.
                _ => match line_end(bytes, at, last) {
                    Some(next) if self.is_blank(bytes, start, at, &fields[first..]) => {
                        fields.truncate(first);
                        return Next::Nothing { next };
                    }
                    Some(next) => return Next::Record { next, lines },
                    None => {
                        fields.truncate(first);
                        return Next::More;
                    }
                },
            }
        }
    }

    fn is_blank(&self, bytes: &[u8], start: usize, end: usize, fields: &[Span]) -> bool {
        self.skip_blank_lines
            && fields.len() == 1
            && bytes[start..end].iter().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    fn field(&self, bytes: &[u8], start: usize, last: bool) -> Result<Field, Next> {
        let mut start = start;
        if self.skip_initial_space {
            start += bytes[start..].iter().take_while(|byte| **byte == b' ').count();
        }
        match (bytes.get(start), self.quote) {
            (Some(byte), Some(quote)) if *byte == quote => self.quoted(bytes, start, quote, last),
            _ => {
                let (end, dirty) = self.plain_end(bytes, start, last)?;
                Ok(Field { span: Span { start, end, dirty }, end, lines: 0 })
            }
        }
    }

    /// The end of unquoted bytes, and whether there are escapes among them.
    fn plain_end(&self, bytes: &[u8], start: usize, last: bool) -> Result<(usize, bool), Next> {
        let mut at = start;
        let mut dirty = false;
        loop {
            match bytes[at..].iter().position(|byte| self.special[usize::from(*byte)]) {
                Some(found) => at += found,
                None if last => return Ok((bytes.len(), dirty)),
                None => return Err(Next::More),
            }
            if Some(bytes[at]) != self.escape {
                return Ok((at, dirty));
            }
            dirty = true;
            if at + 1 >= bytes.len() && !last {
                return Err(Next::More);
            }
            at = (at + 2).min(bytes.len());
        }
    }

    /// A field that starts with a quote at `open`.
    fn quoted(&self, bytes: &[u8], open: usize, quote: u8, last: bool) -> Result<Field, Next> {
        let unfinished = if last { Next::OpenQuote } else { Next::More };
        let mut dirty = false;
        let mut at = open + 1;
        let close = loop {
            let found = memchr::memchr2(quote, self.escape.unwrap_or(quote), &bytes[at..])
                .ok_or(unfinished)?
                + at;
            if Some(bytes[found]) == self.escape && self.escape != self.quote {
                dirty = true;
                at = found + 2;
                if at > bytes.len() {
                    return Err(unfinished);
                }
            } else if found + 1 == bytes.len() && !last {
                return Err(Next::More);
            } else if self.doublequote && bytes.get(found + 1) == Some(&quote) {
                dirty = true;
                at = found + 2;
            } else {
                break found;
            }
        };
        let lines = memchr::memchr_iter(b'\n', &bytes[open..close]).count() as u64;
        let after = close + 1;
        if bytes
            .get(after)
            .is_none_or(|byte| self.special[usize::from(*byte)] && Some(*byte) != self.escape)
        {
            let span = if dirty {
                Span { start: open, end: after, dirty }
            } else {
                Span { start: open + 1, end: close, dirty }
            };
            return Ok(Field { span, end: after, lines });
        }
        let (end, _) = self.plain_end(bytes, after, last)?;
        Ok(Field { span: Span { start: open, end, dirty: true }, end, lines })
    }

    /// The value of a field.
    pub(crate) fn value<'a>(&self, bytes: &'a [u8], span: Span) -> Cow<'a, [u8]> {
        let raw = &bytes[span.start..span.end];
        if span.dirty { Cow::Owned(self.unescape(raw)) } else { Cow::Borrowed(raw) }
    }

    fn unescape(&self, raw: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(raw.len());
        let mut inside = self.quote.is_some() && raw.first().copied() == self.quote;
        let mut at = usize::from(inside);
        while at < raw.len() {
            let byte = raw[at];
            if Some(byte) == self.escape && at + 1 < raw.len() {
                value.push(raw[at + 1]);
                at += 2;
            } else if inside && Some(byte) == self.quote {
                if self.doublequote && raw.get(at + 1).copied() == self.quote {
                    value.push(byte);
                    at += 2;
                } else {
                    inside = false;
                    at += 1;
                }
            } else {
                value.push(byte);
                at += 1;
            }
        }
        value
    }
}

struct Field {
    span: Span,
    end: usize,
    lines: u64,
}

/// Where the next line starts; None if that is not known yet.
fn line_end(bytes: &[u8], at: usize, last: bool) -> Option<usize> {
    match memchr::memchr2(b'\n', b'\r', &bytes[at..]).map(|found| found + at) {
        None => last.then_some(bytes.len()),
        Some(found) if bytes[found] == b'\n' => Some(found + 1),
        Some(found) if found + 1 == bytes.len() => last.then_some(found + 1),
        Some(found) => Some(found + 1 + usize::from(bytes[found + 1] == b'\n')),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn records(text: &str, options: &CsvOptions) -> Vec<Vec<String>> {
        let dialect = Dialect::new(options);
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut found = Vec::new();
        while at < bytes.len() {
            let mut fields = Vec::new();
            match dialect.record(bytes, at, true, &mut fields) {
                Next::Record { next, .. } => {
                    let text = |span: &Span| {
                        String::from_utf8(dialect.value(bytes, *span).into_owned()).unwrap()
                    };
                    found.push(fields.iter().map(text).collect());
                    at = next;
                }
                Next::Nothing { next } => at = next,
                other => panic!("{other:?}"),
            }
        }
        found
    }

    #[test]
    fn quotes_escapes_and_line_ends() {
        let plain = CsvOptions::default();
        assert_eq!(
            records("a,b\r\n\"x,\"\"y\"\"\",\"1\n2\"\rz,", &plain),
            [["a", "b"], ["x,\"y\"", "1\n2"], ["z", ""]]
        );
        assert_eq!(records("5\" pipe,\"a\"b\n", &plain), [["5\" pipe", "ab"]]);
        assert_eq!(records("a\n\n  \nb\n", &plain), [["a"], ["b"]]);
        assert_eq!(records("\"\"\n", &plain), [[""]]);
        let escape = CsvOptions { escapechar: Some('\\'), doublequote: false, ..plain.clone() };
        assert_eq!(records("a\\,b,\"c\\\"d\"\n", &escape), [["a,b", "c\"d"]]);
        let comment = CsvOptions { comment: Some('#'), ..plain };
        assert_eq!(records("# x,y\na,b # c\n", &comment), [["a", "b "]]);
    }
}
