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
    let scientific = shortest(value);
    let (mantissa, exponent) = parts(&scientific);
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

/// The shortest digits that read back as `value`, such as `-1.25e-7`; of two texts that do, the one
/// that is nearer, and of two as near the one with an even last digit.
fn shortest(value: f64) -> String {
    // Rust's `{:e}` is the same but for the last rule: it takes the larger one.
    let mut found = String::with_capacity(24);
    let _ = write!(found, "{value:e}");
    let (mantissa, exponent) = parts(&found);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    if may_be_half_way(value, digits, exponent) {
        let even = format!("{value:.*e}", digits.saturating_sub(1));
        if even.parse() == Ok(value) {
            return even;
        }
    }
    found
}

fn parts(scientific: &str) -> (&str, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

/// Whether `value`, written with all its digits, could have just one more than `digits`.
fn may_be_half_way(value: f64, digits: usize, exponent: i32) -> bool {
    const MANTISSA: u64 = (1 << 52) - 1;
    let (bits, fraction) = (value.to_bits(), value.to_bits() & MANTISSA);
    let binary = i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    // The value is an odd number times two to this power.
    let (lowest, mantissa) =
        if binary == 0 { (-1074, fraction) } else { (binary - 1075, fraction | 1 << 52) };
    let power = lowest + i32::try_from(mantissa.trailing_zeros()).unwrap_or(0);
    if power >= 0 {
        // Below 2**53 all integers have their own digits.
        return value.abs() >= 9_007_199_254_740_992.0;
    }
    // A half has one digit behind the point, a quarter two, and so on.
    let all = exponent + 1 - power;
    (1..=2).contains(&(all - i32::try_from(digits).unwrap_or(0)))
}
