//! The values a row is computed with. They are small and copied; what they refer to lives in the
//! arena of a few rows, or in the function's constants.

use std::cell::RefCell;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::row::constants::Frozen;
use crate::row::pattern::Pattern;

/// A Python value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Val<'a> {
    /// No value: a local that is not bound.
    Unbound,
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'a str),
    Tuple(&'a [Val<'a>]),
    List(&'a Cells<'a>),
    Set(&'a Cells<'a>),
    Dict(&'a Pairs<'a>),
    Range(&'a [i64; 3]),
    /// A container that the function has captured; nothing changes it.
    Frozen(&'a Frozen),
    /// Days since 1970-01-01.
    Date(i64),
    /// A naive datetime: microseconds since 1970-01-01.
    DateTime(i64),
    /// A timedelta in microseconds.
    Delta(i64),
    Pattern(&'a Pattern),
    Match(&'a Found<'a>),
}

/// The items of a list or set.
#[derive(Debug)]
pub(crate) struct Cells<'a>(RefCell<BumpVec<'a, Val<'a>>>);

impl<'a> Cells<'a> {
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut BumpVec<'a, Val<'a>>) -> T) -> T {
        work(&mut self.0.borrow_mut())
    }

    pub(crate) fn len(&self) -> usize {
        self.with(|items| items.len())
    }
}

/// The items of a dict, in the order of their insertion.
#[derive(Debug)]
pub(crate) struct Pairs<'a>(RefCell<BumpVec<'a, (Val<'a>, Val<'a>)>>);

impl<'a> Pairs<'a> {
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut BumpVec<'a, (Val<'a>, Val<'a>)>) -> T,
    ) -> T {
        work(&mut self.0.borrow_mut())
    }

    pub(crate) fn len(&self) -> usize {
        self.with(|items| items.len())
    }
}

/// A match of a regular expression.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) text: &'a str,
    pub(crate) pattern: &'a Pattern,
    /// By group, from 0; where it begins and ends.
    pub(crate) spans: &'a [Option<(usize, usize)>],
}

impl<'a> Found<'a> {
    pub(crate) fn group(&self, index: usize) -> Option<Val<'a>> {
        Some(match self.spans.get(index)? {
            Some((start, end)) => Val::Str(self.text.get(*start..*end)?),
            None => Val::None,
        })
    }
}

pub(crate) fn list<'a>(arena: &'a Bump, items: impl IntoIterator<Item = Val<'a>>) -> Val<'a> {
    Val::List(arena.alloc(Cells(RefCell::new(BumpVec::from_iter_in(items, arena)))))
}

pub(crate) fn set<'a>(arena: &'a Bump, items: impl IntoIterator<Item = Val<'a>>) -> Val<'a> {
    Val::Set(arena.alloc(Cells(RefCell::new(BumpVec::from_iter_in(items, arena)))))
}

pub(crate) fn dict<'a>(
    arena: &'a Bump,
    items: impl IntoIterator<Item = (Val<'a>, Val<'a>)>,
) -> Val<'a> {
    Val::Dict(arena.alloc(Pairs(RefCell::new(BumpVec::from_iter_in(items, arena)))))
}

pub(crate) fn tuple<'a>(arena: &'a Bump, items: &[Val<'a>]) -> Val<'a> {
    Val::Tuple(arena.alloc_slice_copy(items))
}

/// A text of one character, without making one for ASCII.
pub(crate) fn character<'a>(arena: &'a Bump, c: char) -> Val<'a> {
    static ASCII: &str = "\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\x7f";
    let code = c as usize;
    match ASCII.get(code..=code) {
        Some(one) => Val::Str(one),
        None => Val::Str(arena.alloc_str(c.encode_utf8(&mut [0; 4]))),
    }
}

impl Val<'_> {
    /// The name of its Python type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Tuple(_) => "tuple",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Dict(_) => "dict",
            Self::Range(_) => "range",
            Self::Frozen(frozen) => frozen.type_name(),
            Self::Date(_) => "date",
            Self::DateTime(_) => "datetime",
            Self::Delta(_) => "timedelta",
            Self::Pattern(_) => "Pattern",
            Self::Match(_) => "Match",
        }
    }

    /// Python's truth of it.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Unbound | Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Tuple(items) => !items.is_empty(),
            Self::List(cells) | Self::Set(cells) => cells.len() > 0,
            Self::Dict(pairs) => pairs.len() > 0,
            Self::Range(range) => range_len(range) > 0,
            Self::Frozen(frozen) => frozen.len() > 0,
            Self::Delta(micros) => *micros != 0,
            Self::Date(_) | Self::DateTime(_) | Self::Pattern(_) | Self::Match(_) => true,
        }
    }

    /// An integer; bools count as 0 and 1.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    pub(crate) fn is_nan(&self) -> bool {
        matches!(self, Self::Float(value) if value.is_nan())
    }
}

/// `len(range)`; a range never has more than 2**63 items here.
pub(crate) fn range_len(range: &[i64; 3]) -> i64 {
    let [start, stop, step] = range.map(i128::from);
    let count = if step > 0 {
        (stop - start + step - 1).div_euclid(step)
    } else {
        (start - stop - step - 1).div_euclid(-step)
    };
    i64::try_from(count.max(0)).unwrap_or(i64::MAX)
}
