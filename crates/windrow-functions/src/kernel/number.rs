//! Arithmetic on single numbers as CPython defines it.

use std::cmp::Ordering;

use crate::ir::Cmp;

/// Integers up to here convert to a float and back without loss.
pub(crate) const EXACT: i64 = 1 << 53;

/// Whether an integer converts to a float and back without loss.
pub(crate) fn is_exact(value: i64) -> bool {
    value.wrapping_add(EXACT).cast_unsigned() <= 2 * EXACT.cast_unsigned()
}

/// Both as 32 bits, where division is several times quicker, if they are small and positive.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn small(a: i64, b: i64) -> Option<(u32, u32)> {
    let fits = (a | b) as u64 <= u64::from(u32::MAX) && b != 0;
    fits.then_some((a as u32, b as u32))
}

/// `a // b` for `b != 0`; None where the result needs more than 64 bits.
pub(crate) fn floor_div(a: i64, b: i64) -> Option<i64> {
    if let Some((a, b)) = small(a, b) {
        return Some(i64::from(a / b));
    }
    let quotient = a.checked_div(b)?;
    let inexact = quotient.wrapping_mul(b) != a;
    Some(if inexact && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

/// `a % b`; 0 for `b == 0`, which has left before.
pub(crate) fn modulo(a: i64, b: i64) -> i64 {
    if let Some((a, b)) = small(a, b) {
        return i64::from(a % b);
    }
    if b == 0 {
        return 0;
    }
    let rest = a.wrapping_rem(b);
    if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
}

/// `a ** b` for `b >= 0`, within 64 bits.
pub(crate) fn pow(a: i64, b: i64) -> Option<i64> {
    match (a, b) {
        (_, ..0) => None,
        (_, 0) | (1, _) => Some(1),
        (0, _) => Some(0),
        (-1, _) => Some(if b % 2 == 0 { 1 } else { -1 }),
        _ => a.checked_pow(u32::try_from(b).ok()?),
    }
}

/// `a << b`, within 64 bits.
pub(crate) fn shift_left(a: i64, b: i64) -> Option<i64> {
    match (a, b) {
        (_, ..0) => None,
        (0, _) => Some(0),
        (_, 0..=62) => {
            let shifted = a << b;
            (shifted >> b == a).then_some(shifted)
        }
        _ => None,
    }
}

/// `a >> b`
pub(crate) fn shift_right(a: i64, b: i64) -> Option<i64> {
    (b >= 0).then(|| a >> b.min(63))
}

/// `a / b` of integers that floats hold exactly.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn true_div(a: i64, b: i64) -> Option<f64> {
    let exact = -EXACT..=EXACT;
    (exact.contains(&a) && exact.contains(&b)).then(|| a as f64 / b as f64)
}

/// `a // b` of floats, as in CPython's `float_floor_div`.
pub(crate) fn float_floor_div(a: f64, b: f64) -> f64 {
    let rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest != 0.0 && (b < 0.0) != (rest < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return 0.0_f64.copysign(a / b);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

/// `a % b` of floats.
pub(crate) fn float_modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        0.0_f64.copysign(b)
    } else if (b < 0.0) != (rest < 0.0) {
        rest + b
    } else {
        rest
    }
}

/// `a ** b` of floats where nothing is special.
#[allow(clippy::float_cmp)]
pub(crate) fn float_pow(a: f64, b: f64) -> Option<f64> {
    let plain = a.is_finite() && b.is_finite() && (a != 0.0 || b >= 0.0);
    if !plain || (a < 0.0 && b.trunc() != b) {
        return None;
    }
    let power = a.powf(b);
    power.is_finite().then_some(power)
}

/// The integer of 64 bits that a whole float is.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn to_int(value: f64) -> Option<i64> {
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
        .contains(&value)
        .then_some(value as i64)
}

/// The integer that a float equals, if there is one of 64 bits.
#[allow(clippy::float_cmp)]
pub(crate) fn whole(value: f64) -> Option<i64> {
    to_int(value).filter(|_| value.trunc() == value)
}

/// `round(x, n)`: the decimal nearest to the exact binary value, ties to even.
pub(crate) fn round_digits(value: f64, digits: usize) -> f64 {
    if !value.is_finite() {
        return value;
    }
    format!("{value:.digits$}").parse().unwrap_or(value)
}

/// An exact comparison of an integer with a float; None if that is NaN.
#[allow(clippy::cast_possible_truncation)]
fn order(int: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        None
    } else if float >= 9_223_372_036_854_775_808.0 {
        Some(Ordering::Less)
    } else if float < -9_223_372_036_854_775_808.0 {
        Some(Ordering::Greater)
    } else {
        let whole = float.trunc();
        let rest = || 0.0_f64.partial_cmp(&(float - whole)).unwrap_or(Ordering::Equal);
        Some(int.cmp(&(whole as i64)).then_with(rest))
    }
}

/// `int <op> float`
pub(crate) fn compare_int_float(cmp: Cmp, int: i64, float: f64) -> bool {
    let Some(order) = order(int, float) else { return cmp == Cmp::Ne };
    match cmp {
        Cmp::Eq => order == Ordering::Equal,
        Cmp::Ne => order != Ordering::Equal,
        Cmp::Lt => order == Ordering::Less,
        Cmp::Le => order != Ordering::Greater,
        Cmp::Gt => order == Ordering::Greater,
        Cmp::Ge => order != Ordering::Less,
    }
}
