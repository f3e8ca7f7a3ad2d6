//! What lowering knows about a value: its possible Python types and where its lanes are.

use crate::ir::{File, Slot};
use crate::spec::Literal;

/// A set of Python types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Tags(u8);

impl Tags {
    pub(crate) const NEVER: Self = Self(0);
    pub(crate) const NONE: Self = Self(1);
    pub(crate) const BOOL: Self = Self(2);
    pub(crate) const INT: Self = Self(4);
    pub(crate) const FLOAT: Self = Self(8);
    pub(crate) const STR: Self = Self(16);
    /// Types that only rows have, not lanes.
    pub(crate) const DATE: Self = Self(32);
    pub(crate) const DATETIME: Self = Self(64);
    /// Lists, dicts and timedeltas.
    pub(crate) const OTHER: Self = Self(128);
    pub(crate) const EACH: [Self; 5] = [Self::NONE, Self::BOOL, Self::INT, Self::FLOAT, Self::STR];

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// The types in it, one at a time.
    pub(crate) fn each(self) -> impl Iterator<Item = Self> {
        Self::EACH.into_iter().filter(move |&tag| self.contains(tag))
    }

    pub(crate) fn is_single(self) -> bool {
        self.0.count_ones() == 1
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NONE => "NoneType",
            Self::BOOL => "bool",
            Self::INT => "int",
            Self::FLOAT => "float",
            Self::STR => "str",
            _ => "value",
        }
    }

    /// The register file that holds lanes of a single type; None has no lanes.
    pub(crate) fn file(self) -> Option<File> {
        match self {
            Self::BOOL => Some(File::Byte),
            Self::INT => Some(File::Int),
            Self::FLOAT => Some(File::Float),
            Self::STR => Some(File::Text),
            _ => None,
        }
    }
}

/// A value in all lanes: for each type it may have, the register with the lanes of that type.
///
/// Where it may have several, `tag` holds the bits of each lane's own. The lanes of a register
/// mean something only where the tag says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Value {
    pub(crate) tags: Tags,
    pub(crate) tag: Option<Slot>,
    pub(crate) bool: Option<Slot>,
    pub(crate) int: Option<Slot>,
    pub(crate) float: Option<Slot>,
    pub(crate) str: Option<Slot>,
    /// The same constant in every lane.
    pub(crate) known: Option<Literal>,
}

impl Value {
    /// A value of a single type in `slot`.
    pub(crate) fn single(tag: Tags, slot: Slot) -> Self {
        let mut value = Self { tags: tag, ..Self::default() };
        value.set(tag, slot);
        value
    }

    pub(crate) fn none() -> Self {
        Self { tags: Tags::NONE, known: Some(Literal::None), ..Self::default() }
    }

    pub(crate) fn slot(&self, tag: Tags) -> Option<Slot> {
        match tag {
            Tags::BOOL => self.bool,
            Tags::INT => self.int,
            Tags::FLOAT => self.float,
            Tags::STR => self.str,
            _ => None,
        }
    }

    pub(crate) fn set(&mut self, tag: Tags, slot: Slot) {
        match tag {
            Tags::BOOL => self.bool = Some(slot),
            Tags::INT => self.int = Some(slot),
            Tags::FLOAT => self.float = Some(slot),
            Tags::STR => self.str = Some(slot),
            _ => {}
        }
    }

    /// The same lanes, taken to be of the one type `tag`.
    pub(crate) fn only(&self, tag: Tags) -> Self {
        let mut value = Self { tags: tag, ..Self::default() };
        if let Some(slot) = self.slot(tag) {
            value.set(tag, slot);
        }
        if self.tags == tag {
            value.known.clone_from(&self.known);
        }
        value
    }

    pub(crate) fn is_never(&self) -> bool {
        self.tags == Tags::NEVER
    }
}
