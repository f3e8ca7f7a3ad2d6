//! `str(x)` of a float: the shortest digits that read back as `x`, in Python's layout.

use std::fmt::Write;

/// Appends `str(value)`.
pub(crate) fn repr(value: f64, out: &mut String) {
    if value.is_nan() {
        out.push_str("nan");
        return;
    }
    if value.is_infinite() {
        out.push_str(if value > 0.0 { "inf" } else { "-inf" });
        return;
    }
    // Rust's `{:e}` has the same shortest digits: `-1.25e-7`.
    let mut scientific = String::with_capacity(24);
    let _ = write!(scientific, "{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    if unsigned.len() < mantissa.len() {
        out.push('-');
    }
    if !(-4..16).contains(&exponent) {
        out.push_str(unsigned);
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
        return;
    }
    let digits = unsigned.chars().filter(char::is_ascii_digit);
    if exponent < 0 {
        out.push_str("0.");
        (1..exponent.unsigned_abs()).for_each(|_| out.push('0'));
        out.extend(digits);
        return;
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    let mut written = 0;
    for digit in digits {
        if written == whole {
            out.push('.');
        }
        out.push(digit);
        written += 1;
    }
    if written <= whole {
        (written..whole).for_each(|_| out.push('0'));
        out.push_str(".0");
    }
}
