//! Arithmetic on values with Python's types: numbers, text, lists, dates.

use bumpalo::Bump;

use crate::kernel::number;
use crate::row::civil::{DAY, MAX_DATE, MAX_DELTA, MIN_DATE};
use crate::row::constants::{Kind, items_of};
use crate::row::trouble::{BIG, Eval, Exc, leave, list_fits, raise, text_fits, type_error};
use crate::row::value::{Val, list, set, tuple};
use crate::spec::{BinaryOp, UnaryOp};

const ZERO: &str = "division by zero";
const TYPES: &str = "values of these types in arithmetic";

/// `left <op> right`
pub(crate) fn binary<'a>(
    op: BinaryOp,
    left: Val<'a>,
    right: Val<'a>,
    arena: &'a Bump,
) -> Eval<Val<'a>> {
    match (left, right) {
        (Val::Int(a), Val::Int(b)) => ints(op, a, b),
        (Val::Float(a), Val::Float(b)) => floats(op, a, b),
        (Val::Bool(a), Val::Bool(b)) => match op {
            BinaryOp::And => Ok(Val::Bool(a & b)),
            BinaryOp::Or => Ok(Val::Bool(a | b)),
            BinaryOp::Xor => Ok(Val::Bool(a ^ b)),
            _ => ints(op, i64::from(a), i64::from(b)),
        },
        (Val::Float(a), _) if right.int().is_some() => floats(op, a, as_float(&right)),
        (_, Val::Float(b)) if left.int().is_some() => floats(op, as_float(&left), b),
        (Val::Str(text), _) => text_left(op, text, right, arena),
        (_, Val::Str(text)) if op == BinaryOp::Mul => repeat_text(text, left, arena),
        _ => match (left.int(), right.int()) {
            (Some(a), Some(b)) => ints(op, a, b),
            _ => rare(op, left, right, arena),
        },
    }
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn as_float(value: &Val<'_>) -> f64 {
    match value {
        Val::Float(value) => *value,
        other => other.int().unwrap_or(0) as f64,
    }
}

fn fit<'v>(value: Option<i64>) -> Eval<Val<'v>> {
    value.map_or_else(|| leave(BIG), |value| Ok(Val::Int(value)))
}

fn ints<'v>(op: BinaryOp, a: i64, b: i64) -> Eval<Val<'v>> {
    match op {
        BinaryOp::Add => fit(a.checked_add(b)),
        BinaryOp::Sub => fit(a.checked_sub(b)),
        BinaryOp::Mul => fit(a.checked_mul(b)),
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if b == 0 => {
            raise(Exc::ZeroDivision, ZERO)
        }
        BinaryOp::Div => number::true_div(a, b)
            .map_or_else(|| leave("an integer beyond 2**53 is divided"), |x| Ok(Val::Float(x))),
        BinaryOp::FloorDiv => fit(number::floor_div(a, b)),
        BinaryOp::Mod => Ok(Val::Int(number::modulo(a, b))),
        #[allow(clippy::cast_precision_loss)]
        BinaryOp::Pow if b < 0 => floats(op, a as f64, b as f64),
        BinaryOp::Pow => fit(number::pow(a, b)),
        BinaryOp::Shl | BinaryOp::Shr if b < 0 => raise(Exc::Value, "a negative shift"),
        BinaryOp::Shl => fit(number::shift_left(a, b)),
        BinaryOp::Shr => fit(number::shift_right(a, b)),
        BinaryOp::And => Ok(Val::Int(a & b)),
        BinaryOp::Or => Ok(Val::Int(a | b)),
        BinaryOp::Xor => Ok(Val::Int(a ^ b)),
    }
}

fn floats<'v>(op: BinaryOp, a: f64, b: f64) -> Eval<Val<'v>> {
    Ok(Val::Float(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if b == 0.0 => {
            return raise(Exc::ZeroDivision, ZERO);
        }
        BinaryOp::Div => a / b,
        BinaryOp::FloorDiv => number::float_floor_div(a, b),
        BinaryOp::Mod => number::float_modulo(a, b),
        BinaryOp::Pow if a == 0.0 && b < 0.0 && b.is_finite() => {
            return raise(Exc::ZeroDivision, "0.0 ** -x");
        }
        BinaryOp::Pow => match number::float_pow(a, b) {
            Some(power) => power,
            None => return leave("a power that is special, complex or too large"),
        },
        _ => return type_error("a bit operation on a float"),
    }))
}

fn text_left<'a>(op: BinaryOp, text: &'a str, right: Val<'a>, arena: &'a Bump) -> Eval<Val<'a>> {
    match (op, right) {
        (BinaryOp::Add, Val::Str(other)) => {
            text_fits(text.len() + other.len())?;
            let mut joined =
                bumpalo::collections::String::with_capacity_in(text.len() + other.len(), arena);
            joined.push_str(text);
            joined.push_str(other);
            Ok(Val::Str(joined.into_bump_str()))
        }
        (BinaryOp::Mul, _) => repeat_text(text, right, arena),
        (BinaryOp::Mod, _) => leave("formatting with a computed template"),
        _ => type_error(TYPES),
    }
}

fn repeat_text<'a>(text: &str, count: Val<'a>, arena: &'a Bump) -> Eval<Val<'a>> {
    let Some(count) = count.int() else { return type_error("text repeated by no integer") };
    let count = usize::try_from(count).unwrap_or(0);
    if text.is_empty() {
        return Ok(Val::Str(""));
    }
    text_fits(text.len().saturating_mul(count))?;
    let mut repeated = bumpalo::collections::String::with_capacity_in(text.len() * count, arena);
    (0..count).for_each(|_| repeated.push_str(text));
    Ok(Val::Str(repeated.into_bump_str()))
}

fn rare<'a>(op: BinaryOp, left: Val<'a>, right: Val<'a>, arena: &'a Bump) -> Eval<Val<'a>> {
    match (op, left, right) {
        (BinaryOp::Add, Val::Tuple(a), Val::Tuple(b)) => Ok(tuple(arena, &[a, b].concat())),
        (BinaryOp::Add, Val::List(a), Val::List(b)) => {
            let both = [a, b].map(|cells| cells.with(|items| items.to_vec())).concat();
            list_fits(both.len())?;
            Ok(list(arena, both))
        }
        (BinaryOp::Mul, Val::List(cells), count) | (BinaryOp::Mul, count, Val::List(cells))
            if count.int().is_some() =>
        {
            let items = cells.with(|items| items.to_vec());
            let count = usize::try_from(count.int().unwrap_or(0)).unwrap_or(0);
            list_fits(items.len().saturating_mul(count))?;
            Ok(list(arena, items.repeat(count)))
        }
        (_, Val::Date(_) | Val::DateTime(_) | Val::Delta(_), _)
        | (_, _, Val::Date(_) | Val::DateTime(_) | Val::Delta(_)) => dates(op, left, right),
        (BinaryOp::Sub | BinaryOp::And | BinaryOp::Or, _, _) => sets(op, left, right, arena),
        _ if is_container(&left) || is_container(&right) => leave("arithmetic on these containers"),
        _ => type_error(TYPES),
    }
}

fn is_container(value: &Val<'_>) -> bool {
    !matches!(value, Val::None | Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Str(_))
}

/// The items of a set.
fn set_items<'a>(value: Val<'a>, arena: &'a Bump) -> Option<Vec<Val<'a>>> {
    match value {
        Val::Set(cells) => Some(cells.with(|items| items.to_vec())),
        Val::Frozen(frozen) if frozen.kind == Kind::Set => Some(items_of(frozen, arena).to_vec()),
        _ => None,
    }
}

fn sets<'a>(op: BinaryOp, left: Val<'a>, right: Val<'a>, arena: &'a Bump) -> Eval<Val<'a>> {
    let (Some(a), Some(b)) = (set_items(left, arena), set_items(right, arena)) else {
        return if is_container(&left) || is_container(&right) {
            leave("arithmetic on these containers")
        } else {
            type_error(TYPES)
        };
    };
    let mut items = Vec::new();
    for item in &a {
        let inside = crate::row::compare::contains(&right, item)?;
        if op == BinaryOp::Or || inside == (op == BinaryOp::And) {
            items.push(*item);
        }
    }
    if op == BinaryOp::Or {
        for item in &b {
            if !crate::row::compare::contains(&left, item)? {
                items.push(*item);
            }
        }
    }
    Ok(set(arena, items))
}

fn date<'v>(days: Option<i64>) -> Eval<Val<'v>> {
    match days {
        Some(days) if (MIN_DATE..=MAX_DATE).contains(&days) => Ok(Val::Date(days)),
        _ => raise(Exc::Overflow, "a date out of range"),
    }
}

fn datetime<'v>(micros: Option<i64>) -> Eval<Val<'v>> {
    match micros {
        Some(micros) if (MIN_DATE * DAY..(MAX_DATE + 1) * DAY).contains(&micros) => {
            Ok(Val::DateTime(micros))
        }
        _ => raise(Exc::Overflow, "a date out of range"),
    }
}

fn delta<'v>(micros: Option<i64>) -> Eval<Val<'v>> {
    match micros {
        Some(micros) if (-MAX_DELTA..=MAX_DELTA).contains(&micros) => Ok(Val::Delta(micros)),
        _ => leave("a long time between dates"),
    }
}

fn dates<'a>(op: BinaryOp, left: Val<'a>, right: Val<'a>) -> Eval<Val<'a>> {
    match (op, left, right) {
        (BinaryOp::Add, Val::Date(days), Val::Delta(micros))
        | (BinaryOp::Add, Val::Delta(micros), Val::Date(days)) => {
            date(days.checked_add(micros.div_euclid(DAY)))
        }
        (BinaryOp::Sub, Val::Date(days), Val::Delta(micros)) => {
            date(days.checked_sub(micros.div_euclid(DAY)))
        }
        (BinaryOp::Sub, Val::Date(a), Val::Date(b)) => delta((a - b).checked_mul(DAY)),
        (BinaryOp::Add, Val::DateTime(a), Val::Delta(b))
        | (BinaryOp::Add, Val::Delta(b), Val::DateTime(a)) => datetime(a.checked_add(b)),
        (BinaryOp::Sub, Val::DateTime(a), Val::Delta(b)) => datetime(a.checked_sub(b)),
        (BinaryOp::Sub, Val::DateTime(a), Val::DateTime(b))
        | (BinaryOp::Sub, Val::Delta(a), Val::Delta(b)) => delta(a.checked_sub(b)),
        (BinaryOp::Add, Val::Delta(a), Val::Delta(b)) => delta(a.checked_add(b)),
        (BinaryOp::Mul, Val::Delta(micros), Val::Int(count))
        | (BinaryOp::Mul, Val::Int(count), Val::Delta(micros)) => delta(micros.checked_mul(count)),
        (BinaryOp::Div, Val::Delta(a), Val::Delta(b)) => ints(op, a, b),
        (BinaryOp::FloorDiv, Val::Delta(a), Val::Delta(b)) => ints(op, a, b),
        (BinaryOp::FloorDiv, Val::Delta(a), Val::Int(b)) => match ints(op, a, b)? {
            Val::Int(micros) => delta(Some(micros)),
            other => Ok(other),
        },
        (_, Val::Delta(_), _) | (_, _, Val::Delta(_)) => leave("this arithmetic with a timedelta"),
        _ => type_error("dates in this arithmetic"),
    }
}

/// `-x`, `+x`, `~x`
pub(crate) fn unary<'a>(op: UnaryOp, value: Val<'a>) -> Eval<Val<'a>> {
    match (op, value) {
        (UnaryOp::Not, _) => Ok(Val::Bool(!value.truth())),
        (UnaryOp::Neg, Val::Float(x)) => Ok(Val::Float(-x)),
        (UnaryOp::Pos, Val::Float(x)) => Ok(Val::Float(x)),
        (UnaryOp::Neg, Val::Delta(micros)) => delta(micros.checked_neg()),
        (UnaryOp::Pos, Val::Delta(_)) => Ok(value),
        _ => match (op, value.int()) {
            (UnaryOp::Neg, Some(x)) => fit(x.checked_neg()),
            (UnaryOp::Pos, Some(x)) => Ok(Val::Int(x)),
            (_, Some(x)) => Ok(Val::Int(!x)),
            (_, None) => type_error("the sign of this value"),
        },
    }
}
