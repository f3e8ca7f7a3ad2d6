//! `format(value, spec)` for integers, floats and text.

use std::fmt::Write;

use crate::lower::{FormatSpec, Grouping};

/// Appends a formatted integer.
pub(crate) fn int(value: i64, spec: &FormatSpec, out: &mut String) {
    let digits = value.unsigned_abs().to_string();
    let body = grouped(&digits, spec);
    pad(sign(value < 0, spec), &body, spec, '>', out);
}

/// Appends a formatted float (`f` or `%`).
pub(crate) fn float(value: f64, spec: &FormatSpec, out: &mut String) {
    let percent = spec.kind == Some('%');
    let value = if percent { value * 100.0 } else { value };
    let negative = value.is_sign_negative() && !value.is_nan();
    let mut body = if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        "inf".to_owned()
    } else {
        let mut text = String::new();
        let _ = write!(text, "{:.*}", spec.precision.unwrap_or(6), value.abs());
        grouped(&text, spec)
    };
    if percent {
        body.push('%');
    }
    pad(sign(negative, spec), &body, spec, '>', out);
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
    let whole = text.find('.').unwrap_or(text.len());
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
