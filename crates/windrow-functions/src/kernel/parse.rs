//! `int(text)` and `float(text)` for ASCII text; None for all the interpreter has to judge.

/// What C's `isspace` takes, which is what `int` and `float` strip from ASCII text.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

fn trim(text: &str) -> Option<&[u8]> {
    if !text.is_ascii() {
        return None;
    }
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|&b| !is_space(b))?;
    let end = bytes.iter().rposition(|&b| !is_space(b))?;
    bytes.get(start..=end)
}

/// `int(text)` within 64 bits.
pub(crate) fn int(text: &str) -> Option<i64> {
    let bytes = trim(text)?;
    let (negative, digits) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, bytes),
    };
    let mut value: i64 = 0;
    let mut after_digit = false;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                // Counted downwards: the smallest integer has no positive twin.
                value = value.checked_mul(10)?.checked_sub(i64::from(byte - b'0'))?;
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => return None,
        }
    }
    if !after_digit {
        return None;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// `float(text)` for plain numbers, `inf` and `nan`.
pub(crate) fn float(text: &str) -> Option<f64> {
    let bytes = trim(text)?;
    let mut plain = String::with_capacity(bytes.len());
    let mut before = 0u8;
    for (index, &byte) in bytes.iter().enumerate() {
        if byte == b'_' {
            // Only between digits.
            let next = bytes.get(index + 1).copied().unwrap_or(0);
            if !before.is_ascii_digit() || !next.is_ascii_digit() {
                return None;
            }
        } else {
            plain.push(char::from(byte));
        }
        before = byte;
    }
    let value: f64 = plain.parse().ok()?;
    // The sign of a NaN is the interpreter's business.
    (!value.is_nan() || bytes.len() == 3).then_some(value)
}
