//! Going through what can be gone through, and comprehensions.

use bumpalo::Bump;

use crate::row::constants::{Frozen, Kind as FrozenKind};
use crate::row::tree::{Comp, CompKind, Each, Kind, Node};
use crate::row::trouble::{
    Eval, LARGE, MAX_LENGTH, Trouble, leave, list_fits, type_error, uncertain,
};
use crate::row::value::{Cells, Val, character, dict, list, range_len, set};
use crate::row::{compare, exec::Runner};

/// A dict or set made for a row is searched in order; larger ones are left to CPython.
pub(crate) const MAX_KEYS: usize = 256;

/// The items of a value, one after the other.
pub(crate) enum Items<'a> {
    Slice(std::slice::Iter<'a, Val<'a>>),
    Characters(std::str::Chars<'a>, &'a Bump),
    Range { next: i64, step: i64, left: i64 },
    Frozen(&'a Frozen, usize),
}

impl<'a> Items<'a> {
    pub(crate) fn new(value: Val<'a>, arena: &'a Bump) -> Eval<Self> {
        Ok(match value {
            Val::Str(text) => Self::Characters(text.chars(), arena),
            Val::Tuple(items) => Self::Slice(items.iter()),
            Val::List(cells) => {
                Self::Slice(cells.with(|items| &*arena.alloc_slice_copy(items)).iter())
            }
            Val::Range(range) => Self::range(range),
            Val::Dict(pairs) => {
                let keys: Vec<_> = pairs.with(|pairs| pairs.iter().map(|pair| pair.0).collect());
                Self::Slice(arena.alloc_slice_copy(&keys).iter())
            }
            Val::Set(cells) if cells.len() < 2 => {
                Self::Slice(cells.with(|items| &*arena.alloc_slice_copy(items)).iter())
            }
            Val::Set(_) => return leave("the order of a set"),
            Val::Frozen(frozen) if frozen.kind == FrozenKind::Range => Self::range(&frozen.range),
            Val::Frozen(frozen) if frozen.kind == FrozenKind::Set && frozen.len() > 1 => {
                return leave("the order of a set");
            }
            Val::Frozen(frozen) => Self::Frozen(frozen, 0),
            Val::Match(_) | Val::Pattern(_) => return leave("going through this"),
            _ => return type_error("a value that cannot be gone through"),
        })
    }

    fn range(range: &[i64; 3]) -> Self {
        Self::Range { next: range[0], step: range[2], left: range_len(range) }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Val<'a>;

    fn next(&mut self) -> Option<Val<'a>> {
        match self {
            Self::Slice(items) => items.next().copied(),
            Self::Characters(chars, arena) => {
                let arena: &'a Bump = arena;
                chars.next().map(|c| character(arena, c))
            }
            Self::Range { next, step, left } => {
                if *left == 0 {
                    return None;
                }
                let value = *next;
                *left -= 1;
                *next = next.wrapping_add(*step);
                Some(Val::Int(value))
            }
            Self::Frozen(frozen, at) => {
                let item = frozen.item(*at);
                *at += 1;
                item
            }
        }
    }
}

/// What a comprehension does with its next item: whether it goes on.
type Take<'t, 'a> = dyn FnMut(&mut Runner<'a>, Val<'a>, Option<Val<'a>>) -> Eval<bool> + 't;

impl<'a> Runner<'a> {
    /// All items of a value.
    pub(crate) fn collect(&mut self, value: Val<'a>) -> Eval<Vec<Val<'a>>> {
        if let Val::Range(range) = value
            && range_len(range) > i64::try_from(MAX_LENGTH).unwrap_or(i64::MAX)
        {
            return leave("a very long range");
        }
        Ok(Items::new(value, self.arena)?.collect())
    }

    /// The items that `a, b = value` unpacks.
    pub(crate) fn unpacked(&mut self, value: Val<'a>) -> Eval<&'a [Val<'a>]> {
        match value {
            Val::Tuple(items) => Ok(items),
            _ => {
                let items = self.collect(value)?;
                Ok(self.arena.alloc_slice_copy(&items))
            }
        }
    }

    /// The items of an argument that may be a generator, and what went wrong after the last.
    pub(crate) fn gathered(&mut self, node: &'a Node) -> (Vec<Val<'a>>, Option<Trouble>) {
        let mut items = Vec::new();
        let result = self.each_item(node, &mut |_, item| {
            items.push(item);
            list_fits(items.len()).map(|()| true)
        });
        let result = self.blame(node.at, result);
        (items, result.err())
    }

    /// The items of an argument that takes all of them before it does anything else.
    pub(crate) fn all_items(&mut self, node: &'a Node) -> Eval<Vec<Val<'a>>> {
        match self.gathered(node) {
            (items, None) => Ok(items),
            (_, Some(trouble)) => Err(trouble),
        }
    }

    /// Hands over the items of an argument one by one, as a generator does; it is not made.
    pub(crate) fn each_item(
        &mut self,
        node: &'a Node,
        take: &mut dyn FnMut(&mut Self, Val<'a>) -> Eval<bool>,
    ) -> Eval<()> {
        if let Kind::Comp(comp) = &node.kind
            && comp.kind == CompKind::Generator
        {
            self.clause(comp, 0, &mut |runner, item, _| take(runner, item))?;
            return Ok(());
        }
        let value = self.eval(node)?;
        for item in Items::new(value, self.arena)? {
            self.tick()?;
            if !take(self, item)? {
                break;
            }
        }
        Ok(())
    }

    /// A comprehension as a value.
    pub(crate) fn comprehension(&mut self, comp: &'a Comp) -> Eval<Val<'a>> {
        match comp.kind {
            CompKind::List | CompKind::Generator => {
                let mut items = Vec::new();
                self.clause(comp, 0, &mut |_, item, _| {
                    items.push(item);
                    list_fits(items.len()).map(|()| true)
                })?;
                Ok(list(self.arena, items))
            }
            CompKind::Set => {
                let made = set(self.arena, []);
                self.clause(comp, 0, &mut |_, item, _| add(made, item).map(|()| true))?;
                Ok(made)
            }
            CompKind::Dict => {
                let made = dict(self.arena, []);
                self.clause(comp, 0, &mut |runner, key, value| {
                    runner.store(made, key, value.unwrap_or(Val::None)).map(|()| true)
                })?;
                Ok(made)
            }
        }
    }

    fn clause(&mut self, comp: &'a Comp, index: usize, take: &mut Take<'_, 'a>) -> Eval<bool> {
        let Some(Each { goal, iter, tests }) = comp.clauses.get(index) else {
            let element = self.eval(&comp.element)?;
            let value = comp.value.as_ref().map(|value| self.eval(value)).transpose()?;
            return take(self, element, value);
        };
        let holder = self.eval(iter)?;
        'items: for item in Items::new(holder, self.arena)? {
            self.tick()?;
            self.bind(goal, item)?;
            for test in tests {
                if !self.eval(test)?.truth() {
                    continue 'items;
                }
            }
            if !self.clause(comp, index + 1, take)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The items of an argument in a place where CPython would work lazily.
    pub(crate) fn eager(&mut self, node: &'a Node) -> Eval<Vec<Val<'a>>> {
        self.all_items(node).map_err(uncertain)
    }
}

/// `list.extend(items)`
pub(crate) fn extend<'a>(cells: &Cells<'a>, items: Vec<Val<'a>>) -> Eval<()> {
    list_fits(cells.len() + items.len())?;
    cells.with(|all| all.extend(items));
    Ok(())
}

/// `set.add(item)`
pub(crate) fn add<'a>(target: Val<'a>, item: Val<'a>) -> Eval<()> {
    let Val::Set(cells) = target else { return leave("this container cannot be changed here") };
    if !compare::contains(&target, &item)? {
        if cells.len() >= MAX_KEYS {
            return leave(LARGE);
        }
        cells.with(|items| items.push(item));
    }
    Ok(())
}
