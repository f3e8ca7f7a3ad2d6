//! Compiled regular expressions and the functions of `re`.

use std::sync::OnceLock;

use regex::Regex;

use crate::row::exec::Runner;
use crate::row::names::Known;
use crate::row::pattern_syntax::translate;
use crate::row::tree::{Callee, Kind, Node};
use crate::row::trouble::{Eval, NON_ASCII, leave, type_error};
use crate::row::value::{Found, Val, list, tuple};

/// A regular expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    /// Found anywhere, at the beginning, and as a whole.
    anywhere: Regex,
    at_start: OnceLock<Option<Regex>>,
    whole: OnceLock<Option<Regex>>,
    /// By group, from 1.
    pub(crate) names: Vec<Option<String>>,
    nullable: bool,
    dollar: bool,
}

/// A replacement.
enum Replace<'a> {
    Text(&'a str),
    Template(Vec<Piece>),
    Call(&'a Callee),
}

enum Piece {
    Text(String),
    Group(usize),
}

const NULLABLE: &str = "a regular expression that can match nothing is not compiled here";

impl Pattern {
    /// Compiles a regular expression of Python's `re`; the error says what is not compiled.
    pub(crate) fn new(pattern: &str, flags: u32) -> Result<Self, String> {
        let translated = translate(pattern, flags)?;
        let anywhere = Regex::new(&translated.text)
            .map_err(|_| "this regular expression is not compiled".to_owned())?;
        Ok(Self {
            text: translated.text,
            anywhere,
            at_start: OnceLock::new(),
            whole: OnceLock::new(),
            names: translated.names,
            nullable: translated.nullable,
            dollar: translated.dollar,
        })
    }

    /// Whether a function can be used with it; the error says why not.
    pub(crate) fn supports(&self, known: Known) -> Result<(), String> {
        let once = matches!(known, Known::ReSearch | Known::ReMatch | Known::ReFullmatch);
        if self.nullable && !once { Err(NULLABLE.to_owned()) } else { Ok(()) }
    }

    fn variant(&self, known: Known) -> Eval<&Regex> {
        let (cell, end) = match known {
            Known::ReMatch => (&self.at_start, ""),
            Known::ReFullmatch => (&self.whole, "\\z"),
            _ => return Ok(&self.anywhere),
        };
        let made = cell.get_or_init(|| {
            // The flag at the beginning stays there.
            let (flag, rest) = match self.text.strip_prefix("(?i)") {
                Some(rest) => ("(?i)", rest),
                None => ("", self.text.as_str()),
            };
            Regex::new(&format!("{flag}\\A(?:{rest}){end}")).ok()
        });
        made.as_ref().map_or_else(|| leave("this regular expression"), Ok)
    }

    /// Whether a text is one on which both engines agree.
    fn check(&self, text: &str) -> Eval<()> {
        if !text.is_ascii() {
            return leave(NON_ASCII);
        }
        if self.dollar && text.ends_with('\n') {
            return leave("`$` before a final line end");
        }
        Ok(())
    }

    /// The number of a group by its name.
    pub(crate) fn group_named(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known.as_deref() == Some(name)).map(|at| at + 1)
    }
}

impl<'a> Runner<'a> {
    /// A function of `re`; its first argument is the pattern.
    pub(crate) fn regex(
        &mut self,
        known: Known,
        pattern: &'a Pattern,
        args: &'a [Node],
    ) -> Eval<Val<'a>> {
        if known == Known::ReSub
            && let [replace, text, count @ ..] = args
        {
            if let Kind::Function(callee) = &replace.kind {
                let rest = self.values(&args[1..])?;
                return self.sub(pattern, &Replace::Call(callee), &rest);
            }
            let replace = self.eval(replace)?;
            let mut rest = vec![self.eval(text)?];
            rest.extend(self.values(count)?);
            return self.sub_text(pattern, replace, &rest);
        }
        let values = self.values(args)?;
        self.regex_of(known, pattern, &values)
    }

    /// `pattern.sub(replace, text, count)` with a text as the replacement.
    pub(crate) fn sub_text(
        &mut self,
        pattern: &'a Pattern,
        replace: Val<'a>,
        rest: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        let Val::Str(replace) = replace else { return leave("this replacement") };
        let replace = if replace.contains('\\') {
            match template(replace, pattern) {
                Some(pieces) => Replace::Template(pieces),
                None => return leave("this template"),
            }
        } else {
            Replace::Text(replace)
        };
        self.sub(pattern, &replace, rest)
    }

    fn sub(
        &mut self,
        pattern: &'a Pattern,
        replace: &Replace<'a>,
        rest: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        let (text, limit) = subject(rest)?;
        pattern.check(text)?;
        if pattern.nullable {
            return leave(NULLABLE);
        }
        let (mut out, mut last, mut count) = (String::new(), 0, 0);
        let mut from = 0;
        while limit.is_none_or(|limit| count < limit) {
            let Some(found) = self.find_from(&pattern.anywhere, pattern, text, from)? else {
                break;
            };
            let (start, end) = found.spans[0].unwrap_or((0, 0));
            out.push_str(text.get(last..start).unwrap_or(""));
            match replace {
                Replace::Text(with) => out.push_str(with),
                Replace::Template(pieces) => {
                    for piece in pieces {
                        match piece {
                            Piece::Text(text) => out.push_str(text),
                            Piece::Group(group) => {
                                if let Some(Val::Str(part)) = found.group(*group) {
                                    out.push_str(part);
                                }
                            }
                        }
                    }
                }
                Replace::Call(callee) => match self.invoke(callee, &[Val::Match(found)])? {
                    Val::Str(with) => out.push_str(with),
                    _ => return leave("a replacement that is no text"),
                },
            }
            (last, from) = (end, end);
            count += 1;
        }
        if count == 0 {
            return Ok(Val::Str(text));
        }
        out.push_str(text.get(last..).unwrap_or(""));
        Ok(Val::Str(self.arena.alloc_str(&out)))
    }

    /// A function of `re` but `sub`, of values.
    pub(crate) fn regex_of(
        &mut self,
        known: Known,
        pattern: &'a Pattern,
        args: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        let (text, limit) = subject(args)?;
        if limit.is_some() && known != Known::ReSplit {
            return leave("positions in a regular expression's text");
        }
        pattern.check(text)?;
        let regex = pattern.variant(known)?;
        if matches!(known, Known::ReSearch | Known::ReMatch | Known::ReFullmatch) {
            return Ok(match self.find_from(regex, pattern, text, 0)? {
                Some(found) => Val::Match(found),
                None => Val::None,
            });
        }
        if pattern.nullable {
            return leave(NULLABLE);
        }
        let mut matches = Vec::new();
        let mut from = 0;
        while limit.is_none_or(|limit| matches.len() < limit) {
            self.tick()?;
            let Some(found) = self.find_from(regex, pattern, text, from)? else { break };
            from = found.spans[0].map_or(text.len(), |span| span.1);
            matches.push(found);
        }
        let arena = self.arena;
        Ok(match known {
            Known::ReFindall => list(arena, matches.into_iter().map(|found| self.listed(found))),
            Known::ReFinditer => list(arena, matches.into_iter().map(Val::Match)),
            Known::ReSplit => {
                let mut parts = Vec::new();
                let mut last = 0;
                for found in matches {
                    let (start, end) = found.spans[0].unwrap_or((0, 0));
                    parts.push(Val::Str(text.get(last..start).unwrap_or("")));
                    parts.extend((1..found.spans.len()).filter_map(|group| found.group(group)));
                    last = end;
                }
                parts.push(Val::Str(text.get(last..).unwrap_or("")));
                list(arena, parts)
            }
            _ => return leave("this function of `re`"),
        })
    }

    /// What `findall` lists of a match.
    fn listed(&self, found: &'a Found<'a>) -> Val<'a> {
        let group = |index| match found.group(index) {
            Some(Val::Str(text)) => Val::Str(text),
            _ => Val::Str(""),
        };
        match found.spans.len() {
            1 => group(0),
            2 => group(1),
            count => {
                let groups: Vec<_> = (1..count).map(group).collect();
                tuple(self.arena, &groups)
            }
        }
    }

    fn find_from(
        &self,
        regex: &Regex,
        pattern: &'a Pattern,
        text: &'a str,
        from: usize,
    ) -> Eval<Option<&'a Found<'a>>> {
        let spans: &'a [Option<(usize, usize)>] = if pattern.names.is_empty() {
            let Some(found) = regex.find_at(text, from) else { return Ok(None) };
            self.arena.alloc_slice_copy(&[Some((found.start(), found.end()))])
        } else {
            let Some(found) = regex.captures_at(text, from) else { return Ok(None) };
            let spans = (0..found.len())
                .map(|group| found.get(group).map(|part| (part.start(), part.end())));
            self.arena.alloc_slice_fill_iter(spans.collect::<Vec<_>>())
        };
        Ok(Some(self.arena.alloc(Found { text, pattern, spans })))
    }
}

/// The text that is searched, and the number of matches if it is limited.
fn subject<'a>(args: &[Val<'a>]) -> Eval<(&'a str, Option<usize>)> {
    match args {
        [Val::Str(text)] => Ok((text, None)),
        [Val::Str(text), limit] => match limit.int() {
            Some(..0) => leave("a negative count"),
            Some(limit) => Ok((text, usize::try_from(limit).ok().filter(|limit| *limit > 0))),
            None => type_error("a count that is no integer"),
        },
        [_] | [_, _] => type_error("a regular expression is searched for in a text"),
        _ => leave("these arguments of a regular expression"),
    }
}

/// A template with references to groups.
fn template(text: &str, pattern: &Pattern) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let c = after.chars().next()?;
        let (group, used) = match c {
            '\\' | 'n' | 't' | 'r' => {
                plain.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    _ => '\\',
                });
                rest = &after[1..];
                continue;
            }
            '1'..='9' => {
                // Two digits, or an octal escape: rare.
                if after[1..].starts_with(|c: char| c.is_ascii_digit()) {
                    return None;
                }
                (usize::try_from(c.to_digit(10)?).ok()?, 1)
            }
            'g' => {
                let end = after.find('>')?;
                let name = after.get(2..end).filter(|_| after[1..].starts_with('<'))?;
                let group = match name.parse() {
                    Ok(number) => number,
                    Err(_) => pattern.group_named(name)?,
                };
                (group, end + 1)
            }
            _ => return None,
        };
        if group > pattern.names.len() {
            return None;
        }
        pieces.push(Piece::Text(std::mem::take(&mut plain)));
        pieces.push(Piece::Group(group));
        rest = &after[used..];
    }
    plain.push_str(rest);
    pieces.push(Piece::Text(plain));
    Some(pieces)
}
