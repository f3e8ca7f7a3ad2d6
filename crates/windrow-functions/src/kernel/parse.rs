//! `int(text)` and `float(text)` for ASCII text; None for all the interpreter has to judge.

/// What C's `isspace` takes, which is what `int` and `float` strip from ASCII text.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

/// ASCII text without white space around it; None when nothing is left.
fn trim(text: &str) -> Option<&[u8]> {
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|&b| !is_space(b))?;
    let end = bytes.iter().rposition(|&b| !is_space(b))?;
    bytes.get(start..=end)
}

/// What a text may turn out to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Parsed<T> {
    Is(T),
    /// CPython raises ValueError.
    Wrong,
    /// CPython has to find out.
    Unsure,
}

/// `int(text)`
pub(crate) fn int_sure(text: &str) -> Parsed<i64> {
    if !text.is_ascii() {
        return Parsed::Unsure;
    }
    let Some(bytes) = trim(text) else { return Parsed::Wrong };
    let (negative, digits) = match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, bytes),
    };
    let mut value: Option<i64> = Some(0);
    let mut after_digit = false;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                // Counted downwards: the smallest integer has no positive twin.
                value = value
                    .and_then(|value| value.checked_mul(10)?.checked_sub(i64::from(byte - b'0')));
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => return Parsed::Wrong,
        }
    }
    if !after_digit {
        return Parsed::Wrong;
    }
    let value = if negative { value } else { value.and_then(i64::checked_neg) };
    value.map_or(Parsed::Unsure, Parsed::Is)
}

/// `int(text)` within 64 bits.
pub(crate) fn int(text: &str) -> Option<i64> {
    // Nearly always there are a few digits and nothing else.
    if (1..=18).contains(&text.len()) {
        let (mut value, mut digits) = (0, true);
        for &byte in text.as_bytes() {
            let digit = byte.wrapping_sub(b'0');
            digits &= digit < 10;
            value = value * 10 + i64::from(digit & 15);
        }
        if digits {
            return Some(value);
        }
    }
    match int_sure(text) {
        Parsed::Is(value) => Some(value),
        _ => None,
    }
}

/// `float(text)`: plain numbers, `inf` and `nan`.
pub(crate) fn float_sure(text: &str) -> Parsed<f64> {
    if !text.is_ascii() {
        return Parsed::Unsure;
    }
    let Some(bytes) = trim(text) else { return Parsed::Wrong };
    let joined;
    let mut plain = bytes;
    if bytes.contains(&b'_') {
        // Only between digits.
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let right = |at: usize| at > 0 && digit(at - 1) && digit(at + 1);
        if (0..bytes.len()).any(|at| bytes[at] == b'_' && !right(at)) {
            return Parsed::Wrong;
        }
        joined = bytes.iter().copied().filter(|&byte| byte != b'_').collect::<Vec<u8>>();
        plain = &joined;
    }
    let value = std::str::from_utf8(plain).ok().and_then(|plain| plain.parse::<f64>().ok());
    match value {
        None => Parsed::Wrong,
        // The sign of a NaN is the interpreter's business.
        Some(value) if value.is_nan() && bytes.len() != 3 => Parsed::Unsure,
        Some(value) => Parsed::Is(value),
    }
}

/// `float(text)` for plain numbers, `inf` and `nan`.
pub(crate) fn float(text: &str) -> Option<f64> {
    match float_sure(text) {
        Parsed::Is(value) => Some(value),
        _ => None,
    }
}
