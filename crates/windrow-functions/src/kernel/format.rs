//! `format(value, spec)` for integers, floats and text.

use std::fmt::Write;

use crate::lower::{FormatSpec, Grouping};

/// Appends a formatted integer.
pub(crate) fn int(value: i64, spec: &FormatSpec, out: &mut String) {
    let digits = value.unsigned_abs();
    let body = match spec.kind {
        Some('x') => format!("{digits:x}"),
        Some('X') => format!("{digits:X}"),
        Some('o') => format!("{digits:o}"),
        Some('b') => format!("{digits:b}"),
        _ => grouped(&digits.to_string(), spec),
    };
    pad(sign(value < 0, spec), &body, spec, '>', out);
}

/// Appends a formatted float.
pub(crate) fn float(value: f64, spec: &FormatSpec, out: &mut String) {
    let percent = spec.kind == Some('%');
    let value = if percent { value * 100.0 } else { value };
    let negative = value.is_sign_negative() && !value.is_nan();
    let upper = spec.kind.is_some_and(|kind| kind.is_ascii_uppercase());
    let mut body = if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        "inf".to_owned()
    } else {
        grouped(&digits(value.abs(), spec), spec)
    };
    if upper {
        body.make_ascii_uppercase();
    }
    if percent {
        body.push('%');
    }
    pad(sign(negative, spec), &body, spec, '>', out);
}

/// The digits of a number that is not negative.
fn digits(value: f64, spec: &FormatSpec) -> String {
    let precision = spec.precision.unwrap_or(6);
    match spec.kind.map(|kind| kind.to_ascii_lowercase()) {
        Some('e') => scientific(value, precision),
        Some('g') => general(value, precision.max(1)),
        None => {
            let mut text = String::new();
            crate::kernel::float_text::repr(value, &mut text);
            text
        }
        _ => {
            let mut text = String::new();
            let _ = write!(text, "{value:.precision$}");
            text
        }
    }
}

/// `1.5e-07`
fn scientific(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{exponent:0>2}")
}

/// The shorter of both forms, with `precision` digits at most and no zeros at the end.
fn general(value: f64, precision: usize) -> String {
    let text = format!("{value:.*e}", precision - 1);
    let (_, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let most = i64::try_from(precision).unwrap_or(i64::MAX);
    if (-4..most).contains(&exponent) {
        let decimals = usize::try_from(most - 1 - exponent).unwrap_or(0);
        let text = format!("{value:.decimals$}");
        return trimmed(&text).to_owned();
    }
    let text = scientific(value, precision - 1);
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa)),
        None => text,
    }
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Appends a character so many times.
pub(crate) fn repeat(fill: char, count: usize, out: &mut String) {
    (0..count).for_each(|_| out.push(fill));
}

/// Appends formatted text; the precision cuts it.
pub(crate) fn text(value: &str, spec: &FormatSpec, out: &mut String) {
    let cut = match spec.precision {
        Some(length) => match value.char_indices().nth(length) {
            Some((end, _)) => &value[..end],
            None => value,
        },
        None => value,
    };
    pad("", cut, spec, '<', out);
}

fn sign(negative: bool, spec: &FormatSpec) -> &'static str {
    match (negative, spec.sign) {
        (true, _) => "-",
        (false, '+') => "+",
        (false, ' ') => " ",
        _ => "",
    }
}

/// Sets the thousands of the whole part apart.
fn grouped(text: &str, spec: &FormatSpec) -> String {
    let separator = match spec.grouping {
        Grouping::Nothing => return text.to_owned(),
        Grouping::Comma => ',',
        Grouping::Underscore => '_',
    };
    let whole = text.find(['.', 'e']).unwrap_or(text.len());
    let mut out = String::with_capacity(text.len() + whole / 3);
    for (index, digit) in text.chars().enumerate() {
        if index > 0 && index < whole && (whole - index).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

fn pad(sign: &str, body: &str, spec: &FormatSpec, default: char, out: &mut String) {
    let length = sign.len() + body.chars().count();
    let missing = spec.width.saturating_sub(length);
    let align = spec.align.unwrap_or(default);
    let (left, inside, right) = match align {
        '<' => (0, 0, missing),
        '^' => (missing / 2, 0, missing - missing / 2),
        '=' => (0, missing, 0),
        _ => (missing, 0, 0),
    };
    let fill = |count: usize, out: &mut String| (0..count).for_each(|_| out.push(spec.fill));
    fill(left, out);
    out.push_str(sign);
    fill(inside, out);
    out.push_str(body);
    fill(right, out);
}
