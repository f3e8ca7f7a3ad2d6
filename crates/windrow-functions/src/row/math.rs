//! Functions of `math`: those of C, with Python's exceptions.

use crate::row::arith::as_float;
use crate::row::builtins::whole;
use crate::row::names::Known;
use crate::row::trouble::{Eval, Exc, leave, raise, type_error};
use crate::row::value::Val;

const DOMAIN: &str = "a number outside of the function's domain";

fn number(value: &Val<'_>) -> Eval<f64> {
    match value {
        Val::Float(_) | Val::Int(_) | Val::Bool(_) => Ok(as_float(value)),
        Val::None | Val::Str(_) => type_error("a function of `math` of no number"),
        _ => leave("a function of `math` of this"),
    }
}

/// A function of `math` of values.
pub(crate) fn call<'a>(known: Known, args: &[Val<'a>]) -> Eval<Val<'a>> {
    match args {
        [value] => one(known, value),
        [a, b] => two(known, a, b),
        _ => leave("this call"),
    }
}

fn one<'a>(known: Known, value: &Val<'a>) -> Eval<Val<'a>> {
    match (known, value) {
        (Known::Floor | Known::Ceil | Known::Trunc, _) if value.int().is_some() => {
            return Ok(Val::Int(value.int().unwrap_or(0)));
        }
        (Known::Floor, Val::Float(x)) => return whole(*x, f64::floor),
        (Known::Ceil, Val::Float(x)) => return whole(*x, f64::ceil),
        (Known::Trunc, Val::Float(x)) => return whole(*x, f64::trunc),
        (Known::Isqrt, _) => {
            return match value.int() {
                Some(x) if x >= 0 => Ok(Val::Int(x.isqrt())),
                Some(_) => raise(Exc::Value, DOMAIN),
                None => type_error("`isqrt` of no integer"),
            };
        }
        _ => {}
    }
    let x = number(value)?;
    Ok(match known {
        Known::IsNan => Val::Bool(x.is_nan()),
        Known::IsInf => Val::Bool(x.is_infinite()),
        Known::IsFinite => Val::Bool(x.is_finite()),
        Known::Fabs => Val::Float(x.abs()),
        Known::Radians => Val::Float(x * (std::f64::consts::PI / 180.0)),
        Known::Degrees => Val::Float(x * (180.0 / std::f64::consts::PI)),
        Known::Sqrt => within(x.is_nan() || x >= 0.0, x.sqrt())?,
        Known::Log => within(x.is_nan() || x > 0.0, x.ln())?,
        Known::Log2 => within(x.is_nan() || x > 0.0, x.log2())?,
        Known::Log10 => within(x.is_nan() || x > 0.0, x.log10())?,
        Known::Log1p => within(x.is_nan() || x > -1.0, x.ln_1p())?,
        Known::Sin => within(!x.is_infinite(), x.sin())?,
        Known::Cos => within(!x.is_infinite(), x.cos())?,
        Known::Tan => within(!x.is_infinite(), x.tan())?,
        Known::Asin => within(x.is_nan() || x.abs() <= 1.0, x.asin())?,
        Known::Acos => within(x.is_nan() || x.abs() <= 1.0, x.acos())?,
        Known::Atan => Val::Float(x.atan()),
        Known::Tanh => Val::Float(x.tanh()),
        Known::Exp => in_range(x, x.exp())?,
        Known::Expm1 => in_range(x, x.exp_m1())?,
        Known::Sinh => in_range(x, x.sinh())?,
        Known::Cosh => in_range(x, x.cosh())?,
        _ => return leave("this call"),
    })
}

fn within<'v>(valid: bool, value: f64) -> Eval<Val<'v>> {
    if valid { Ok(Val::Float(value)) } else { raise(Exc::Value, DOMAIN) }
}

fn in_range<'v>(x: f64, value: f64) -> Eval<Val<'v>> {
    if value.is_infinite() && x.is_finite() {
        return raise(Exc::Overflow, "a result that is too large");
    }
    Ok(Val::Float(value))
}

fn two<'a>(known: Known, a: &Val<'a>, b: &Val<'a>) -> Eval<Val<'a>> {
    if known == Known::Gcd {
        return match (a.int(), b.int()) {
            (Some(a), Some(b)) => gcd(a.unsigned_abs(), b.unsigned_abs()),
            _ => type_error("`gcd` of no integers"),
        };
    }
    let (x, y) = (number(a)?, number(b)?);
    match known {
        Known::Log => {
            if x.is_nan() || y.is_nan() {
                return leave("a logarithm of NaN");
            }
            if x <= 0.0 || y <= 0.0 {
                return raise(Exc::Value, DOMAIN);
            }
            let divisor = y.ln();
            if divisor == 0.0 {
                return raise(Exc::ZeroDivision, "a logarithm to the base 1");
            }
            Ok(Val::Float(x.ln() / divisor))
        }
        Known::Atan2 => Ok(Val::Float(x.atan2(y))),
        Known::CopySign => Ok(Val::Float(x.copysign(y))),
        Known::MathPow if x.is_finite() && y.is_finite() => {
            let power = x.powf(y);
            if power.is_finite() {
                Ok(Val::Float(power))
            } else {
                leave("a power that is special or too large")
            }
        }
        Known::Fmod if x.is_finite() && y.is_finite() => {
            if y == 0.0 {
                raise(Exc::Value, DOMAIN)
            } else {
                Ok(Val::Float(x % y))
            }
        }
        _ => leave("this call"),
    }
}

fn gcd<'v>(mut a: u64, mut b: u64) -> Eval<Val<'v>> {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).map_or_else(|_| leave(crate::row::trouble::BIG), |a| Ok(Val::Int(a)))
}

/// `math.isclose(a, b, rel_tol=1e-09, abs_tol=0.0)`
#[allow(clippy::float_cmp)]
pub(crate) fn is_close<'a>(args: &[Val<'a>], named: &[(&str, Val<'a>)]) -> Eval<Val<'a>> {
    let [a, b] = args else { return leave("this call") };
    let (a, b) = (number(a)?, number(b)?);
    let (mut relative, mut absolute) = (1e-9, 0.0);
    for (name, value) in named {
        match *name {
            "rel_tol" => relative = number(value)?,
            "abs_tol" => absolute = number(value)?,
            _ => return leave("this call"),
        }
    }
    if relative < 0.0 || absolute < 0.0 {
        return raise(Exc::Value, "a negative tolerance");
    }
    if a == b {
        return Ok(Val::Bool(true));
    }
    if a.is_infinite() || b.is_infinite() {
        return Ok(Val::Bool(false));
    }
    let difference = (b - a).abs();
    Ok(Val::Bool(
        difference <= (relative * b).abs()
            || difference <= (relative * a).abs()
            || difference <= absolute,
    ))
}
