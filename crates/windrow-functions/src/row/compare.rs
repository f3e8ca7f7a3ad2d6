//! Equality, order, identity and membership of values.

use std::cmp::Ordering;

use crate::ir::Cmp;
use crate::kernel::number::compare_int_float;
use crate::kernel::part::Part;
use crate::row::constants::{Frozen, Kind, Lookup};
use crate::row::trouble::{Eval, SAME_NAN, leave, type_error};
use crate::row::value::{Val, range_len};
use crate::spec::CompareOp;

/// `left <op> right`
pub(crate) fn compare(op: CompareOp, left: &Val<'_>, right: &Val<'_>) -> Eval<bool> {
    match op {
        CompareOp::Eq => equal(left, right),
        CompareOp::Ne => equal(left, right).map(|same| !same),
        CompareOp::Lt => ordered(Cmp::Lt, left, right),
        CompareOp::Le => ordered(Cmp::Le, left, right),
        CompareOp::Gt => ordered(Cmp::Gt, left, right),
        CompareOp::Ge => ordered(Cmp::Ge, left, right),
        CompareOp::Is => identical(left, right),
        CompareOp::IsNot => identical(left, right).map(|same| !same),
        CompareOp::In => contains(right, left),
        CompareOp::NotIn => contains(right, left).map(|inside| !inside),
    }
}

fn numbers(cmp: Cmp, left: &Val<'_>, right: &Val<'_>) -> Option<bool> {
    Some(match (left, right) {
        (Val::Float(a), Val::Float(b)) => holds_partial(cmp, a.partial_cmp(b)),
        (Val::Float(a), _) => compare_int_float(cmp.flipped(), right.int()?, *a),
        (_, Val::Float(b)) => compare_int_float(cmp, left.int()?, *b),
        _ => holds(cmp, left.int()?.cmp(&right.int()?)),
    })
}

fn holds(cmp: Cmp, order: Ordering) -> bool {
    match cmp {
        Cmp::Eq => order == Ordering::Equal,
        Cmp::Ne => order != Ordering::Equal,
        Cmp::Lt => order == Ordering::Less,
        Cmp::Le => order != Ordering::Greater,
        Cmp::Gt => order == Ordering::Greater,
        Cmp::Ge => order != Ordering::Less,
    }
}

fn holds_partial(cmp: Cmp, order: Option<Ordering>) -> bool {
    order.map_or(cmp == Cmp::Ne, |order| holds(cmp, order))
}

/// `left == right`
pub(crate) fn equal(left: &Val<'_>, right: &Val<'_>) -> Eval<bool> {
    if let Some(same) = numbers(Cmp::Eq, left, right) {
        return Ok(same);
    }
    match (left, right) {
        (Val::Str(a), Val::Str(b)) => Ok(a == b),
        (Val::None, Val::None) => Ok(true),
        (Val::Date(a), Val::Date(b))
        | (Val::DateTime(a), Val::DateTime(b))
        | (Val::Delta(a), Val::Delta(b)) => Ok(a == b),
        _ => equal_containers(left, right),
    }
}

fn equal_containers(left: &Val<'_>, right: &Val<'_>) -> Eval<bool> {
    if left.type_name() != right.type_name() || !is_container(left) {
        // A pattern or match equals itself only.
        return match (left, right) {
            (Val::Pattern(_), Val::Pattern(_)) | (Val::Match(_), Val::Match(_)) => {
                leave("a comparison of matches")
            }
            _ => Ok(false),
        };
    }
    match (sequence(left), sequence(right)) {
        (Some(a), Some(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for index in 0..a.len() {
                if !same_item(&a.item(index), &b.item(index))? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => leave("a comparison of these containers"),
    }
}

/// Whether two items are the same or equal, as containers ask.
fn same_item(left: &Val<'_>, right: &Val<'_>) -> Eval<bool> {
    if left.is_nan() && right.is_nan() {
        return leave(SAME_NAN);
    }
    equal(left, right)
}

fn is_container(value: &Val<'_>) -> bool {
    matches!(
        value,
        Val::Tuple(_) | Val::List(_) | Val::Set(_) | Val::Dict(_) | Val::Range(_) | Val::Frozen(_)
    )
}

/// A tuple, list or captured sequence, item by item.
pub(crate) enum Sequence<'v, 'a> {
    Slice(&'v [Val<'a>]),
    Copy(Vec<Val<'a>>),
    Frozen(&'a Frozen),
}

impl<'a> Sequence<'_, 'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Slice(items) => items.len(),
            Self::Copy(items) => items.len(),
            Self::Frozen(frozen) => frozen.len(),
        }
    }

    pub(crate) fn item(&self, index: usize) -> Val<'a> {
        match self {
            Self::Slice(items) => items.get(index).copied().unwrap_or(Val::None),
            Self::Copy(items) => items.get(index).copied().unwrap_or(Val::None),
            Self::Frozen(frozen) => frozen.item(index).unwrap_or(Val::None),
        }
    }
}

fn sequence<'a>(value: &Val<'a>) -> Option<Sequence<'a, 'a>> {
    match value {
        Val::Tuple(items) => Some(Sequence::Slice(items)),
        Val::List(cells) => Some(Sequence::Copy(cells.with(|items| items.to_vec()))),
        Val::Frozen(frozen) if matches!(frozen.kind, Kind::List | Kind::Tuple) => {
            Some(Sequence::Frozen(frozen))
        }
        _ => None,
    }
}

/// `left < right` and its like.
pub(crate) fn ordered(cmp: Cmp, left: &Val<'_>, right: &Val<'_>) -> Eval<bool> {
    if let Some(result) = numbers(cmp, left, right) {
        return Ok(result);
    }
    match (left, right) {
        (Val::Str(a), Val::Str(b)) => Ok(holds(cmp, a.cmp(b))),
        (Val::Date(a), Val::Date(b))
        | (Val::DateTime(a), Val::DateTime(b))
        | (Val::Delta(a), Val::Delta(b)) => Ok(holds(cmp, a.cmp(b))),
        (Val::Set(_), Val::Set(_)) => leave("a comparison of sets"),
        (Val::Frozen(a), Val::Frozen(b)) if a.kind == Kind::Set && b.kind == Kind::Set => {
            leave("a comparison of sets")
        }
        (Val::Frozen(frozen), Val::Set(_)) | (Val::Set(_), Val::Frozen(frozen))
            if frozen.kind == Kind::Set =>
        {
            leave("a comparison of sets")
        }
        _ if left.type_name() == right.type_name() => match (sequence(left), sequence(right)) {
            (Some(a), Some(b)) => ordered_sequences(cmp, &a, &b),
            _ => type_error("values that have no order are compared"),
        },
        _ => type_error("values of these types have no order"),
    }
}

fn ordered_sequences(cmp: Cmp, left: &Sequence<'_, '_>, right: &Sequence<'_, '_>) -> Eval<bool> {
    for index in 0..left.len().min(right.len()) {
        let (a, b) = (left.item(index), right.item(index));
        if !same_item(&a, &b)? {
            return ordered(cmp, &a, &b);
        }
    }
    Ok(holds(cmp, left.len().cmp(&right.len())))
}

/// `left is right`, where identity is a matter of value.
fn identical(left: &Val<'_>, right: &Val<'_>) -> Eval<bool> {
    match (left, right) {
        (Val::None, Val::None) => Ok(true),
        (Val::None, _) | (_, Val::None) => Ok(false),
        (Val::Bool(a), Val::Bool(b)) => Ok(a == b),
        (Val::Bool(_), _) | (_, Val::Bool(_)) => Ok(false),
        _ if left.type_name() != right.type_name() => Ok(false),
        _ => leave("`is` between values"),
    }
}

/// `item in holder`
pub(crate) fn contains(holder: &Val<'_>, item: &Val<'_>) -> Eval<bool> {
    match holder {
        Val::Str(whole) => match item {
            Val::Str(part) => Ok(Part::new(part).find(whole).is_some()),
            _ => type_error("`in` a text asks for a text"),
        },
        Val::Tuple(items) => any_same(items, item),
        Val::List(cells) => any_same(&cells.with(|items| items.to_vec()), item),
        Val::Set(cells) => {
            hashable(item)?;
            any_same(&cells.with(|items| items.to_vec()), item)
        }
        Val::Dict(pairs) => {
            hashable(item)?;
            let keys: Vec<Val<'_>> = pairs.with(|pairs| pairs.iter().map(|pair| pair.0).collect());
            any_same(&keys, item)
        }
        Val::Range(range) => in_range(range, item),
        Val::Frozen(frozen) if frozen.kind == Kind::Range => in_range(&frozen.range, item),
        Val::Frozen(frozen) => match frozen.find(item) {
            Lookup::At(_) => Ok(true),
            Lookup::Missing => Ok(false),
            Lookup::Unhashable => type_error("a list or dict is no key"),
            Lookup::Unsure => leave("a value whose place in the container is not certain"),
        },
        _ => type_error("`in` something that is no container"),
    }
}

fn any_same(items: &[Val<'_>], item: &Val<'_>) -> Eval<bool> {
    for candidate in items {
        if same_item(candidate, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) fn hashable(value: &Val<'_>) -> Eval<()> {
    match value {
        Val::List(_) | Val::Dict(_) | Val::Set(_) => type_error("a list, dict or set is no key"),
        Val::Frozen(frozen) if matches!(frozen.kind, Kind::List | Kind::Dict) => {
            type_error("a list or dict is no key")
        }
        Val::Frozen(frozen) if frozen.kind == Kind::Set => leave("a captured set as a key"),
        Val::Tuple(items) => items.iter().try_for_each(hashable),
        _ => Ok(()),
    }
}

fn in_range(range: &[i64; 3], item: &Val<'_>) -> Eval<bool> {
    let value = match item {
        Val::Float(value) => match crate::kernel::number::whole(*value) {
            Some(value) => value,
            None => return Ok(false),
        },
        _ => match item.int() {
            Some(value) => value,
            None => return Ok(false),
        },
    };
    let [start, _, step] = *range;
    let count = range_len(range);
    if count == 0 {
        return Ok(false);
    }
    let distance = i128::from(value) - i128::from(start);
    let steps = distance / i128::from(step);
    Ok(distance % i128::from(step) == 0 && steps >= 0 && steps < i128::from(count))
}
