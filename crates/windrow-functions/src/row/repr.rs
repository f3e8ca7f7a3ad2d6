//! `str` and `repr` of values.

use std::fmt::Write;

use crate::kernel::float_text;
use crate::row::civil::{DAY, clock, date_of};
use crate::row::constants::{Kind, Lit};
use crate::row::trouble::{Eval, NON_ASCII, leave};
use crate::row::value::Val;

/// Appends `str(value)`.
pub(crate) fn text(value: &Val<'_>, out: &mut String) -> Eval<()> {
    match value {
        Val::Str(text) => out.push_str(text),
        Val::Date(days) => date(*days, out),
        Val::DateTime(micros) => datetime(*micros, ' ', out),
        Val::Delta(micros) => delta(*micros, out),
        _ => return repr(value, out),
    }
    Ok(())
}

/// Appends `repr(value)`.
pub(crate) fn repr(value: &Val<'_>, out: &mut String) -> Eval<()> {
    match value {
        Val::None => out.push_str("None"),
        Val::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Val::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Val::Float(value) => float_text::repr(*value, out),
        Val::Str(text) => return quoted(text, out),
        Val::Tuple(items) => return sequence(items.iter().copied(), items.len(), "()", out),
        Val::List(cells) => {
            let items = cells.with(|items| items.to_vec());
            return sequence(items.iter().copied(), items.len(), "[]", out);
        }
        Val::Frozen(frozen) if frozen.kind == Kind::List => {
            return sequence(frozen.items.iter().map(Lit::val), frozen.len(), "[]", out);
        }
        Val::Frozen(frozen) if frozen.kind == Kind::Tuple => {
            return sequence(frozen.items.iter().map(Lit::val), frozen.len(), "()", out);
        }
        Val::Dict(pairs) => {
            let pairs = pairs.with(|pairs| pairs.to_vec());
            out.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                repr(key, out)?;
                out.push_str(": ");
                repr(value, out)?;
            }
            out.push('}');
        }
        _ => return leave("the text of this value"),
    }
    Ok(())
}

fn sequence<'a>(
    items: impl Iterator<Item = Val<'a>>,
    length: usize,
    brackets: &str,
    out: &mut String,
) -> Eval<()> {
    out.push_str(&brackets[..1]);
    for (index, item) in items.enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        repr(&item, out)?;
    }
    if length == 1 && brackets == "()" {
        out.push(',');
    }
    out.push_str(&brackets[1..]);
    Ok(())
}

/// The text in quotes; only ASCII, since what is printable depends on the version of Unicode.
fn quoted(text: &str, out: &mut String) -> Eval<()> {
    if !text.is_ascii() {
        return leave(NON_ASCII);
    }
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    Ok(())
}

/// `2024-02-29`
pub(crate) fn date(days: i64, out: &mut String) {
    let (year, month, day) = date_of(days);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
}

/// `2024-02-29 12:30:00`, with microseconds if there are any.
pub(crate) fn datetime(micros: i64, separator: char, out: &mut String) {
    date(micros.div_euclid(DAY), out);
    let (hour, minute, second, micro) = clock(micros);
    let _ = write!(out, "{separator}{hour:02}:{minute:02}:{second:02}");
    if micro != 0 {
        let _ = write!(out, ".{micro:06}");
    }
}

/// `-1 day, 0:00:01`
fn delta(micros: i64, out: &mut String) {
    let days = micros.div_euclid(DAY);
    if days != 0 {
        let plural = if days.abs() == 1 { "" } else { "s" };
        let _ = write!(out, "{days} day{plural}, ");
    }
    let (hour, minute, second, micro) = clock(micros);
    let _ = write!(out, "{hour}:{minute:02}:{second:02}");
    if micro != 0 {
        let _ = write!(out, ".{micro:06}");
    }
}
