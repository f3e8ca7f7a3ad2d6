//! Methods of text.

use crate::ir::TextTest;
use crate::kernel::part::{self, Part};
use crate::kernel::{format as layout, letters, text};
use crate::row::compare;
use crate::row::constants::Lookup;
use crate::row::exec::Runner;
use crate::row::names::Method;
use crate::row::trouble::{Eval, Exc, MAX_LENGTH, NON_ASCII, leave, raise, text_fits, type_error};
use crate::row::value::{Val, list, tuple};

const OTHER: &str = "these arguments of a method";

/// `text.method(args)`
pub(crate) fn call<'a>(
    runner: &mut Runner<'a>,
    value: &'a str,
    method: Method,
    args: &[Val<'a>],
) -> Eval<Val<'a>> {
    match (method, args) {
        (_, []) => plain(runner, value, method),
        (Method::Startswith | Method::Endswith, [affix]) => affixed(value, method, affix),
        (Method::Join, [_]) => leave("`join` of this"),
        (Method::Strip | Method::Lstrip | Method::Rstrip, [chars]) => {
            let (left, right) = (method != Method::Rstrip, method != Method::Lstrip);
            match chars {
                Val::None => Ok(Val::Str(text::strip(value, left, right))),
                Val::Str(chars) => Ok(Val::Str(text::strip_chars(value, chars, left, right))),
                _ => type_error("characters to strip that are no text"),
            }
        }
        (Method::Find | Method::Rfind | Method::Index | Method::Rindex | Method::Count, _) => {
            search(value, method, args)
        }
        (Method::Replace, [Val::Str(from), Val::Str(to), limit @ ..]) => {
            replace(runner, value, [from, to], limit.first())
        }
        (Method::Split | Method::Rsplit, _) => split(runner, value, method, args),
        (Method::Partition | Method::Rpartition, [Val::Str(separator)]) => {
            partition(runner, value, separator, method == Method::Rpartition)
        }
        (Method::Removeprefix, [Val::Str(affix)]) => {
            Ok(Val::Str(value.strip_prefix(affix).unwrap_or(value)))
        }
        (Method::Removesuffix, [Val::Str(affix)]) => {
            Ok(Val::Str(value.strip_suffix(affix).unwrap_or(value)))
        }
        (Method::Zfill | Method::Center | Method::Ljust | Method::Rjust, [width, fill @ ..]) => {
            justify(runner, value, method, width, fill.first())
        }
        (Method::Translate, [table]) => translate(runner, value, table),
        (Method::Lower | Method::Upper | Method::Title | Method::Capitalize, _)
        | (Method::Isdigit | Method::Isalpha | Method::Isalnum | Method::Isspace, _)
        | (Method::Removeprefix | Method::Removesuffix | Method::Replace, [_] | [_, _])
        | (Method::Partition | Method::Rpartition, [_]) => type_error(OTHER),
        _ => leave(OTHER),
    }
}

/// Methods without arguments.
fn plain<'a>(runner: &mut Runner<'a>, value: &'a str, method: Method) -> Eval<Val<'a>> {
    match method {
        Method::Strip => return Ok(Val::Str(text::strip(value, true, true))),
        Method::Lstrip => return Ok(Val::Str(text::strip(value, true, false))),
        Method::Rstrip => return Ok(Val::Str(text::strip(value, false, true))),
        Method::Split | Method::Rsplit => return split(runner, value, method, &[]),
        Method::Isascii => return Ok(Val::Bool(value.is_ascii())),
        Method::Append | Method::Keys | Method::Items | Method::Values | Method::Get => {
            return raise(Exc::Attribute, "text has no such method");
        }
        _ => {}
    }
    if !value.is_ascii() {
        return beyond_ascii(runner, value, method);
    }
    let bytes = value.as_bytes();
    let all =
        |wanted: fn(&u8) -> bool| Ok(Val::Bool(!bytes.is_empty() && bytes.iter().all(wanted)));
    match method {
        Method::Isdigit | Method::Isdecimal | Method::Isnumeric => all(u8::is_ascii_digit),
        Method::Isalpha => all(u8::is_ascii_alphabetic),
        Method::Isalnum => all(u8::is_ascii_alphanumeric),
        Method::Isspace => Ok(Val::Bool(!bytes.is_empty() && value.chars().all(text::is_space))),
        Method::Isupper => {
            Ok(Val::Bool(text::is_cased(value, u8::is_ascii_uppercase, u8::is_ascii_lowercase)))
        }
        Method::Islower => {
            Ok(Val::Bool(text::is_cased(value, u8::is_ascii_lowercase, u8::is_ascii_uppercase)))
        }
        Method::Isidentifier => Ok(Val::Bool(
            bytes.first().is_some_and(|b| !b.is_ascii_digit())
                && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'),
        )),
        Method::Lower | Method::Casefold => changed(runner, value, |c| c.to_ascii_lowercase()),
        Method::Upper => changed(runner, value, |c| c.to_ascii_uppercase()),
        Method::Swapcase => changed(runner, value, |c| {
            if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
        }),
        Method::Title | Method::Capitalize => {
            let mut out = String::with_capacity(value.len());
            if method == Method::Title {
                text::title(value, &mut out);
            } else {
                text::capitalize(value, &mut out);
            }
            Ok(Val::Str(runner.arena.alloc_str(&out)))
        }
        Method::Splitlines => {
            if bytes.iter().any(|b| matches!(b, 0x0b | 0x0c | 0x1c..=0x1e)) {
                return leave("rare line ends");
            }
            Ok(list(runner.arena, lines(value).into_iter().map(Val::Str)))
        }
        _ => leave(OTHER),
    }
}

/// The same for text with letters that are known.
fn beyond_ascii<'a>(runner: &Runner<'a>, value: &str, method: Method) -> Eval<Val<'a>> {
    let test = match method {
        Method::Isdigit | Method::Isdecimal | Method::Isnumeric => TextTest::Digit,
        Method::Isalpha => TextTest::Alpha,
        Method::Isalnum => TextTest::Alnum,
        Method::Isspace => TextTest::Space,
        Method::Isupper => TextTest::Upper,
        Method::Islower => TextTest::Lower,
        _ => {
            let mut out = String::with_capacity(value.len());
            let known = match method {
                Method::Lower => letters::lower(value, &mut out),
                Method::Upper => letters::upper(value, &mut out),
                Method::Title => letters::title(value, &mut out),
                Method::Capitalize => letters::capitalize(value, &mut out),
                _ => false,
            };
            return if known {
                Ok(Val::Str(runner.arena.alloc_str(&out)))
            } else {
                leave(NON_ASCII)
            };
        }
    };
    letters::test(test, value).map_or_else(|| leave(NON_ASCII), |answer| Ok(Val::Bool(answer)))
}

fn lines(value: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        lines.push(&rest[..end]);
        let after = &rest[end..];
        let skip = if after.starts_with("\r\n") { 2 } else { usize::from(!after.is_empty()) };
        rest = &after[skip..];
    }
    lines
}

fn changed<'a>(runner: &Runner<'a>, value: &str, change: impl Fn(char) -> char) -> Eval<Val<'a>> {
    let text = bumpalo::collections::String::from_iter_in(value.chars().map(change), runner.arena);
    Ok(Val::Str(text.into_bump_str()))
}

fn affixed<'a>(value: &str, method: Method, affix: &Val<'a>) -> Eval<Val<'a>> {
    let test = |affix: &str| {
        if method == Method::Startswith { value.starts_with(affix) } else { value.ends_with(affix) }
    };
    let items: Vec<Val<'a>> = match affix {
        Val::Str(affix) => return Ok(Val::Bool(test(affix))),
        Val::Tuple(items) => items.to_vec(),
        Val::Frozen(frozen) if frozen.kind == crate::row::constants::Kind::Tuple => {
            frozen.items.iter().map(crate::row::constants::Lit::val).collect()
        }
        _ => return type_error("an affix that is no text"),
    };
    for item in items {
        match item {
            Val::Str(affix) if test(affix) => return Ok(Val::Bool(true)),
            Val::Str(_) => {}
            _ => return type_error("an affix that is no text"),
        }
    }
    Ok(Val::Bool(false))
}

/// `find`, `rfind`, `index`, `rindex` and `count`, within bounds.
fn search<'a>(value: &str, method: Method, args: &[Val<'a>]) -> Eval<Val<'a>> {
    let (part, bounds) = match args {
        [Val::Str(part), bounds @ ..] if bounds.len() <= 2 => (part, bounds),
        [_, ..] => return type_error("a part that is no text"),
        [] => return leave(OTHER),
    };
    let mut limits = [None, None];
    for (limit, bound) in limits.iter_mut().zip(bounds) {
        *limit = match bound {
            Val::None => None,
            _ => match bound.int() {
                Some(bound) => Some(bound),
                None => return type_error("a bound that is no integer"),
            },
        };
    }
    let length = text::signed(text::length(value));
    let clamp = |bound: i64| if bound < 0 { (bound + length).max(0) } else { bound };
    let start = limits[0].map_or(0, clamp);
    let end = limits[1].map_or(length, clamp).min(length);
    let inside = start <= end;
    let window = if bounds.is_empty() { value } else { text::slice(value, Some(start), Some(end)) };
    if method == Method::Count {
        return Ok(Val::Int(if inside { text::signed(part::count(window, part)) } else { 0 }));
    }
    let from_right = matches!(method, Method::Rfind | Method::Rindex);
    let found = if !inside {
        None
    } else if from_right {
        window.rfind(part)
    } else {
        Part::new(part).find(window)
    };
    match found {
        Some(at) => Ok(Val::Int(start + text::signed(text::position(window, at)))),
        None if matches!(method, Method::Index | Method::Rindex) => {
            raise(Exc::Value, "the part is not in the text")
        }
        None => Ok(Val::Int(-1)),
    }
}

fn replace<'a>(
    runner: &Runner<'a>,
    value: &'a str,
    [from, to]: [&str; 2],
    limit: Option<&Val<'a>>,
) -> Eval<Val<'a>> {
    let limit = match limit {
        None => None,
        Some(limit) => match limit.int() {
            Some(limit) => usize::try_from(limit).ok(),
            None => return type_error("a count that is no integer"),
        },
    };
    if !from.is_empty() && Part::new(from).find(value).is_none() {
        return Ok(Val::Str(value));
    }
    // There are at most as many places as bytes, and one; they are counted where that matters.
    let longest = |places: usize| places.saturating_mul(to.len()).saturating_add(value.len());
    if longest(value.len() + 1) > MAX_LENGTH {
        text_fits(longest(value.matches(from).count()))?;
    }
    let replaced = match limit {
        Some(limit) => value.replacen(from, to, limit),
        None => value.replace(from, to),
    };
    Ok(Val::Str(runner.arena.alloc_str(&replaced)))
}

fn split<'a>(
    runner: &Runner<'a>,
    value: &'a str,
    method: Method,
    args: &[Val<'a>],
) -> Eval<Val<'a>> {
    let limit = match args.get(1) {
        None | Some(Val::None) => None,
        Some(limit) => match limit.int() {
            Some(limit) => usize::try_from(limit).ok(),
            None => return type_error("a limit that is no integer"),
        },
    };
    let right = method == Method::Rsplit;
    let parts: Vec<&'a str> = match args.first() {
        None | Some(Val::None) => words(value, limit, right),
        Some(Val::Str("")) => return raise(Exc::Value, "an empty separator"),
        Some(Val::Str(separator)) => match (limit, right) {
            (None, false) => value.split(separator).collect(),
            (Some(limit), false) => value.splitn(limit + 1, separator).collect(),
            (limit, true) => {
                let mut parts: Vec<_> = match limit {
                    Some(limit) => value.rsplitn(limit + 1, separator).collect(),
                    None => value.rsplit(separator).collect(),
                };
                parts.reverse();
                parts
            }
        },
        Some(_) => return type_error("a separator that is no text"),
    };
    Ok(list(runner.arena, parts.into_iter().map(Val::Str)))
}

/// `text.split()` and `text.rsplit()` with at most `limit` cuts.
fn words(value: &str, limit: Option<usize>, right: bool) -> Vec<&str> {
    let Some(limit) = limit else { return text::words(value).collect() };
    let mut parts = Vec::new();
    let mut rest = text::strip(value, !right, right);
    while !rest.is_empty() {
        if parts.len() == limit {
            parts.push(rest);
            break;
        }
        let cut = if right { rest.rfind(text::is_space) } else { rest.find(text::is_space) };
        let Some(at) = cut else {
            parts.push(rest);
            break;
        };
        let space = rest[at..].chars().next().map_or(1, char::len_utf8);
        let (word, after) =
            if right { (&rest[at + space..], &rest[..at]) } else { (&rest[..at], &rest[at..]) };
        parts.push(word);
        rest = text::strip(after, !right, right);
    }
    if right {
        parts.reverse();
    }
    parts
}

fn partition<'a>(
    runner: &Runner<'a>,
    value: &'a str,
    separator: &'a str,
    right: bool,
) -> Eval<Val<'a>> {
    if separator.is_empty() {
        return raise(Exc::Value, "an empty separator");
    }
    let cut = if right { value.rsplit_once(separator) } else { value.split_once(separator) };
    let parts = match cut {
        Some((before, after)) => [before, separator, after],
        None if right => ["", "", value],
        None => [value, "", ""],
    };
    Ok(tuple(runner.arena, &parts.map(Val::Str)))
}

fn justify<'a>(
    runner: &Runner<'a>,
    value: &'a str,
    method: Method,
    width: &Val<'a>,
    fill: Option<&Val<'a>>,
) -> Eval<Val<'a>> {
    let Some(width) = width.int() else { return type_error("a width that is no integer") };
    let width = usize::try_from(width).unwrap_or(0);
    if width > 1 << 16 {
        return leave("a very long text");
    }
    let mut out = String::with_capacity(value.len().max(width));
    if method == Method::Zfill {
        if fill.is_some() {
            return type_error(OTHER);
        }
        text::zfill(value, width, &mut out);
        return Ok(Val::Str(runner.arena.alloc_str(&out)));
    }
    let fill = match fill {
        None => ' ',
        Some(Val::Str(fill)) => {
            let mut chars = fill.chars();
            match (chars.next(), chars.next()) {
                (Some(fill), None) => fill,
                _ => return type_error("a fill that is no single character"),
            }
        }
        Some(_) => return type_error("a fill that is no single character"),
    };
    let missing = width.saturating_sub(text::length(value));
    let left = match method {
        Method::Ljust => 0,
        Method::Rjust => missing,
        // The odd one goes to the left only if the width is odd.
        _ => missing / 2 + (missing & width & 1),
    };
    layout::repeat(fill, left, &mut out);
    out.push_str(value);
    layout::repeat(fill, missing - left, &mut out);
    Ok(Val::Str(runner.arena.alloc_str(&out)))
}

/// `text.translate(table)`, the table being a captured dict.
fn translate<'a>(runner: &Runner<'a>, value: &'a str, table: &Val<'a>) -> Eval<Val<'a>> {
    let Val::Frozen(frozen) = table else { return leave("a computed table") };
    if frozen.kind != crate::row::constants::Kind::Dict {
        return leave("a table that is no dict");
    }
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match frozen.find(&Val::Int(i64::from(u32::from(c)))) {
            Lookup::Missing => out.push(c),
            Lookup::At(at) => match frozen.values[at].val() {
                Val::None => {}
                Val::Str(text) => out.push_str(text),
                Val::Int(code) => match u32::try_from(code).ok().and_then(char::from_u32) {
                    Some(c) => out.push(c),
                    None => return leave("a code that is no character"),
                },
                _ => return type_error("a table of other values"),
            },
            _ => return leave("a computed table"),
        }
    }
    Ok(Val::Str(runner.arena.alloc_str(&out)))
}

impl<'a> Runner<'a> {
    /// `separator.join(items)`
    pub(crate) fn join(&mut self, separator: &str, items: &[Val<'a>]) -> Eval<Val<'a>> {
        let mut out = bumpalo::collections::String::new_in(self.arena);
        for (index, item) in items.iter().enumerate() {
            let Val::Str(item) = item else { return type_error("`join` of what is no text") };
            if index > 0 {
                out.push_str(separator);
            }
            out.push_str(item);
            text_fits(out.len())?;
        }
        Ok(Val::Str(out.into_bump_str()))
    }

    /// Whether a value equals an item, as `list.index` and `count` ask.
    pub(crate) fn is_item(&self, item: &Val<'a>, wanted: &Val<'a>) -> Eval<bool> {
        compare::contains(&Val::Tuple(self.arena.alloc([*item])), wanted)
    }
}
