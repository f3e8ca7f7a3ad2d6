//! The constants of a function: literals and captured values, with an index for what is looked up.

use std::collections::HashMap;
use std::sync::Arc;

use bumpalo::Bump;

use crate::kernel::number::whole;
use crate::lower::float_of;
use crate::row::pattern::Pattern;
use crate::row::value::{Val, range_len};
use crate::spec::Literal;

/// A constant.
#[derive(Debug, Clone)]
pub(crate) enum Lit {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    Date(i64),
    DateTime(i64),
    Delta(i64),
    Frozen(Arc<Frozen>),
    Pattern(Arc<Pattern>),
}

/// A captured container.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) kind: Kind,
    /// The items, or the keys of a dict.
    pub(crate) items: Vec<Lit>,
    /// The values of a dict.
    pub(crate) values: Vec<Lit>,
    pub(crate) range: [i64; 3],
    index: HashMap<Key, usize>,
    texts: HashMap<Arc<str>, usize>,
    /// Whether a NaN is among the keys; it is found by identity.
    has_nan: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    List,
    Tuple,
    Set,
    Dict,
    Range,
}

/// What equal values have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    None,
    Int(i64),
    Float(u64),
    Str(String),
    Date(i64),
    DateTime(i64),
    Delta(i64),
    Tuple(Vec<Key>),
}

/// What looking a value up may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    At(usize),
    Missing,
    /// A list or dict as a key.
    Unhashable,
    Unsure,
}

impl Lit {
    /// Reads a constant; the error says what is not compiled.
    pub(crate) fn new(literal: &Literal) -> Result<Self, String> {
        let int = |digits: &String| digits.parse::<i64>();
        Ok(match literal {
            Literal::None => Self::None,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Int(digits) => Self::Int(
                int(digits).map_err(|_| "an integer beyond 64 bits is not compiled".to_owned())?,
            ),
            Literal::Float(_) => {
                Self::Float(float_of(literal).ok_or_else(|| "a broken float".to_owned())?)
            }
            Literal::Str(text) => Self::Str(Arc::from(text.as_str())),
            Literal::Date(days) => Self::Date(*days),
            Literal::Datetime(micros) => Self::DateTime(*micros),
            Literal::Timedelta(micros) => Self::Delta(*micros),
            Literal::Pattern(text, flags) => Self::Pattern(Arc::new(Pattern::new(text, *flags)?)),
            Literal::Range(parts) => {
                let range = parts.each_ref().map(|part| int(part).ok());
                match range {
                    [Some(start), Some(stop), Some(step)] if step != 0 => {
                        let mut frozen = Frozen::empty(Kind::Range);
                        frozen.range = [start, stop, step];
                        Self::Frozen(Arc::new(frozen))
                    }
                    _ => return Err("a range beyond 64 bits is not compiled".to_owned()),
                }
            }
            Literal::List(items) => Self::Frozen(Arc::new(Frozen::sequence(Kind::List, items)?)),
            Literal::Tuple(items) => Self::Frozen(Arc::new(Frozen::sequence(Kind::Tuple, items)?)),
            Literal::Set(items) => Self::Frozen(Arc::new(Frozen::sequence(Kind::Set, items)?)),
            Literal::Dict(items) => Self::Frozen(Arc::new(Frozen::dict(items)?)),
        })
    }

    pub(crate) fn val(&self) -> Val<'_> {
        match self {
            Self::None => Val::None,
            Self::Bool(value) => Val::Bool(*value),
            Self::Int(value) => Val::Int(*value),
            Self::Float(value) => Val::Float(*value),
            Self::Str(text) => Val::Str(text),
            Self::Date(days) => Val::Date(*days),
            Self::DateTime(micros) => Val::DateTime(*micros),
            Self::Delta(micros) => Val::Delta(*micros),
            Self::Frozen(frozen) => Val::Frozen(frozen),
            Self::Pattern(pattern) => Val::Pattern(pattern),
        }
    }
}

impl Frozen {
    fn empty(kind: Kind) -> Self {
        Self {
            kind,
            items: Vec::new(),
            values: Vec::new(),
            range: [0, 0, 1],
            index: HashMap::new(),
            texts: HashMap::new(),
            has_nan: false,
        }
    }

    fn sequence(kind: Kind, items: &[Literal]) -> Result<Self, String> {
        let mut frozen = Self::empty(kind);
        for item in items {
            frozen.push(Lit::new(item)?);
        }
        Ok(frozen)
    }

    fn dict(items: &[(Literal, Literal)]) -> Result<Self, String> {
        let mut frozen = Self::empty(Kind::Dict);
        for (key, value) in items {
            frozen.push(Lit::new(key)?);
            frozen.values.push(Lit::new(value)?);
        }
        Ok(frozen)
    }

    fn push(&mut self, item: Lit) {
        let position = self.items.len();
        if let Lit::Str(text) = &item {
            self.texts.entry(Arc::clone(text)).or_insert(position);
        } else {
            match key_of(&item.val()) {
                Some(key) => {
                    self.index.entry(key).or_insert(position);
                }
                None => self.has_nan = true,
            }
        }
        self.items.push(item);
    }

    pub(crate) fn len(&self) -> usize {
        match self.kind {
            Kind::Range => usize::try_from(range_len(&self.range)).unwrap_or(usize::MAX),
            _ => self.items.len(),
        }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::List => "list",
            Kind::Tuple => "tuple",
            Kind::Set => "set",
            Kind::Dict => "dict",
            Kind::Range => "range",
        }
    }

    /// Whether positions mean something.
    pub(crate) fn is_sequence(&self) -> bool {
        matches!(self.kind, Kind::List | Kind::Tuple | Kind::Range)
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List | Kind::Tuple)
    }

    pub(crate) fn item<'a>(&'a self, position: usize) -> Option<Val<'a>> {
        if self.kind == Kind::Range {
            let position = i64::try_from(position).ok()?;
            let [start, _, step] = self.range;
            return (position < range_len(&self.range)).then(|| Val::Int(start + step * position));
        }
        self.items.get(position).map(Lit::val)
    }

    /// The position of a key or item equal to `value`.
    pub(crate) fn find(&self, value: &Val<'_>) -> Lookup {
        if let Val::Str(text) = value {
            return self.texts.get(*text).map_or(Lookup::Missing, |at| Lookup::At(*at));
        }
        if value.is_nan() {
            return if self.has_nan { Lookup::Unsure } else { Lookup::Missing };
        }
        match key_of(value) {
            Some(key) => match self.index.get(&key) {
                Some(at) => Lookup::At(*at),
                None if self.has_nan && !matches!(key, Key::Int(_) | Key::None | Key::Float(_)) => {
                    Lookup::Unsure
                }
                None => Lookup::Missing,
            },
            None if matches!(self.kind, Kind::Dict | Kind::Set)
                && matches!(value, Val::List(_) | Val::Dict(_) | Val::Set(_)) =>
            {
                Lookup::Unhashable
            }
            None => Lookup::Unsure,
        }
    }
}

/// The key of a value; None for NaN and for what cannot be a key (or is not used as one).
pub(crate) fn key_of(value: &Val<'_>) -> Option<Key> {
    Some(match value {
        Val::None => Key::None,
        Val::Bool(value) => Key::Int(i64::from(*value)),
        Val::Int(value) => Key::Int(*value),
        Val::Float(value) if value.is_nan() => return None,
        Val::Float(value) => whole(*value).map_or_else(|| Key::Float(value.to_bits()), Key::Int),
        Val::Str(text) => Key::Str((*text).to_owned()),
        Val::Date(days) => Key::Date(*days),
        Val::DateTime(micros) => Key::DateTime(*micros),
        Val::Delta(micros) => Key::Delta(*micros),
        Val::Tuple(items) => Key::Tuple(items.iter().map(key_of).collect::<Option<_>>()?),
        Val::Frozen(frozen) if frozen.kind == Kind::Tuple => {
            let items = frozen.items.iter().map(|item| key_of(&item.val()));
            Key::Tuple(items.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// The items of a captured container as values.
pub(crate) fn items_of<'a>(frozen: &'a Frozen, arena: &'a Bump) -> &'a [Val<'a>] {
    match frozen.kind {
        Kind::Range => arena.alloc_slice_fill_iter(
            (0..frozen.len()).map(|at| frozen.item(at).unwrap_or(Val::None)),
        ),
        _ => arena.alloc_slice_fill_iter(frozen.items.iter().map(Lit::val)),
    }
}
