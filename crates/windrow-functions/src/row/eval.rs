//! Expressions: the dispatch, and what is too small for a file of its own.

use crate::kernel::text;
use crate::row::constants::{Kind as FrozenKind, Lookup, items_of};
use crate::row::exec::Runner;
use crate::row::tree::{Kind, Node};
use crate::row::trouble::{Eval, Exc, LARGE, leave, raise, type_error};
use crate::row::value::{Val, dict, list, set, tuple};
use crate::row::{arith, compare, dates, iterate};
use crate::spec::CompareOp;

impl<'a> Runner<'a> {
    /// The value of an expression.
    pub(crate) fn eval(&mut self, node: &'a Node) -> Eval<Val<'a>> {
        let result = self.evaluate(node);
        self.blame(node.at, result)
    }

    fn evaluate(&mut self, node: &'a Node) -> Eval<Val<'a>> {
        match &node.kind {
            Kind::Lit(lit) => Ok(lit.val()),
            Kind::Local(slot) => self.local(*slot),
            Kind::Binary(op, sides) => {
                let left = self.eval(&sides[0])?;
                let right = self.eval(&sides[1])?;
                arith::binary(*op, left, right, self.arena)
            }
            Kind::Unary(op, value) => arith::unary(*op, self.eval(value)?),
            Kind::And(values) => self.junction(values, false),
            Kind::Or(values) => self.junction(values, true),
            Kind::Compare(left, rights) => self.comparison(left, rights),
            Kind::Choose(parts) => {
                let holds = self.eval(&parts[0])?.truth();
                self.eval(if holds { &parts[1] } else { &parts[2] })
            }
            Kind::Walrus(slot, value) => {
                let value = self.eval(value)?;
                self.set(*slot, value);
                Ok(value)
            }
            Kind::Call(known, args, keywords) => self.known(*known, args, keywords),
            Kind::Regex(known, pattern, args) => self.regex(*known, pattern, args),
            Kind::Inline(routine, args) => {
                let mut given = Vec::with_capacity(args.len());
                for (slot, arg) in args {
                    given.push((*slot, self.eval(arg)?));
                }
                self.call(*routine, &given)
            }
            Kind::Method(call) => self.method(call),
            Kind::Attr(value, attribute) => {
                let value = self.eval(value)?;
                dates::attribute(value, *attribute)
            }
            Kind::Index(parts) => {
                let value = self.eval(&parts[0])?;
                let index = self.eval(&parts[1])?;
                self.item(value, index)
            }
            Kind::Slice(parts) => self.slice(parts),
            Kind::Format(parts) => self.formatted(parts),
            Kind::Tuple(items) => {
                let items = self.values(items)?;
                Ok(tuple(self.arena, &items))
            }
            Kind::List(items) => {
                let items = self.values(items)?;
                Ok(list(self.arena, items))
            }
            Kind::Set(items) => {
                let items = self.values(items)?;
                let made = set(self.arena, []);
                for item in items {
                    iterate::add(made, item)?;
                }
                Ok(made)
            }
            Kind::Dict(pairs) => {
                let made = dict(self.arena, []);
                for (key, value) in pairs {
                    let key = self.eval(key)?;
                    let value = self.eval(value)?;
                    self.store(made, key, value)?;
                }
                Ok(made)
            }
            Kind::Comp(comp) => self.comprehension(comp),
            Kind::Types(_) | Kind::Function(_) => leave("a function or type used as a value"),
            Kind::Leave => leave("an expression that is not compiled"),
        }
    }

    pub(crate) fn values(&mut self, nodes: &'a [Node]) -> Eval<Vec<Val<'a>>> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            values.push(self.eval(node)?);
        }
        Ok(values)
    }

    pub(crate) fn local(&self, slot: u32) -> Eval<Val<'a>> {
        match self.get(slot) {
            Val::Unbound => raise(Exc::UnboundLocal, "the name has no value here"),
            value => Ok(value),
        }
    }

    /// `and`, `or`: the first operand that decides, else the last.
    fn junction(&mut self, values: &'a [Node], decides: bool) -> Eval<Val<'a>> {
        let mut last = Val::None;
        for value in values {
            last = self.eval(value)?;
            if last.truth() == decides {
                break;
            }
        }
        Ok(last)
    }

    fn comparison(&mut self, left: &'a Node, rights: &'a [(CompareOp, Node)]) -> Eval<Val<'a>> {
        let mut left = self.eval_or_type(left)?;
        let mut holds = true;
        for (op, right) in rights {
            let right = self.eval_or_type(right)?;
            holds = match (&left, &right) {
                (Operand::Value(a), Operand::Value(b)) => compare::compare(*op, a, b)?,
                (Operand::Type(a), Operand::Type(b)) => match op {
                    CompareOp::Eq | CompareOp::Is => a == b,
                    CompareOp::Ne | CompareOp::IsNot => a != b,
                    CompareOp::In => b.contains(a.first().unwrap_or(&"")),
                    CompareOp::NotIn => !b.contains(a.first().unwrap_or(&"")),
                    _ => return leave("types in order"),
                },
                _ => return leave("a type compared with a value"),
            };
            if !holds {
                break;
            }
            left = right;
        }
        Ok(Val::Bool(holds))
    }

    /// `type(x)` and the types it is compared with.
    fn eval_or_type(&mut self, node: &'a Node) -> Eval<Operand<'a>> {
        use crate::row::names::Known;
        match &node.kind {
            Kind::Types(names) => Ok(Operand::Type(names.iter().map(String::as_str).collect())),
            Kind::Call(Known::TypeOf, args, _) if args.len() == 1 => {
                Ok(Operand::Type(vec![self.eval(&args[0])?.type_name()]))
            }
            _ => Ok(Operand::Value(self.eval(node)?)),
        }
    }

    // --- items ---

    /// `value[index]`
    pub(crate) fn item(&mut self, value: Val<'a>, index: Val<'a>) -> Eval<Val<'a>> {
        match value {
            Val::Str(text) => {
                let index = position(&index)?;
                match text::item(text, index) {
                    Some(item) => Ok(Val::Str(item)),
                    None => raise(Exc::Index, "the index is out of range"),
                }
            }
            Val::Tuple(items) => pick(items, &index),
            Val::List(cells) => cells.with(|items| pick(items, &index)),
            Val::Range(range) => match self.collect(Val::Range(range)) {
                Ok(items) => pick(&items, &index),
                Err(trouble) => Err(trouble),
            },
            Val::Dict(pairs) => match self.find(pairs, &index)? {
                Some(at) => Ok(pairs.with(|pairs| pairs[at].1)),
                None => raise(Exc::Key, "the key is not in the dict"),
            },
            Val::Frozen(frozen) if frozen.kind == FrozenKind::Dict => match frozen.find(&index) {
                Lookup::At(at) => Ok(frozen.values[at].val()),
                Lookup::Missing => raise(Exc::Key, "the key is not in the dict"),
                Lookup::Unhashable => type_error("a list or dict is no key"),
                Lookup::Unsure => leave("a key that is NaN"),
            },
            Val::Frozen(frozen) if frozen.is_sequence() => {
                let at = within(position(&index)?, frozen.len());
                match at.and_then(|at| frozen.item(at)) {
                    Some(item) => Ok(item),
                    None => raise(Exc::Index, "the index is out of range"),
                }
            }
            Val::Match(found) => self.group(found, &index),
            _ => type_error("an index into what has none"),
        }
    }

    /// The position of a key in a dict made for this row.
    pub(crate) fn find(
        &mut self,
        pairs: &'a crate::row::value::Pairs<'a>,
        key: &Val<'a>,
    ) -> Eval<Option<usize>> {
        compare::hashable(key)?;
        let keys: Vec<Val<'a>> = pairs.with(|pairs| pairs.iter().map(|pair| pair.0).collect());
        for (at, candidate) in keys.iter().enumerate() {
            if candidate.is_nan() && key.is_nan() {
                return leave("a key that is NaN");
            }
            if compare::equal(candidate, key)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// `target[index] = value`
    pub(crate) fn store(&mut self, target: Val<'a>, index: Val<'a>, value: Val<'a>) -> Eval<()> {
        match target {
            Val::Dict(pairs) => {
                let found = self.find(pairs, &index)?;
                if found.is_none() && pairs.len() >= iterate::MAX_KEYS {
                    return leave(LARGE);
                }
                pairs.with(|pairs| match found {
                    Some(at) => pairs[at].1 = value,
                    None => pairs.push((index, value)),
                });
                Ok(())
            }
            Val::List(cells) => {
                let at = within(position(&index)?, cells.len());
                match at {
                    Some(at) => {
                        cells.with(|items| items[at] = value);
                        Ok(())
                    }
                    None => raise(Exc::Index, "the index is out of range"),
                }
            }
            Val::Frozen(_) => leave("a captured container would be changed"),
            _ => type_error("this value has no items to assign"),
        }
    }

    /// `value[lower:upper:step]`
    fn slice(&mut self, parts: &'a [Option<Node>; 4]) -> Eval<Val<'a>> {
        let [value, bounds @ ..] = parts;
        let value = match value {
            Some(value) => self.eval(value)?,
            None => Val::None,
        };
        let mut given = [Val::None; 3];
        for (given, bound) in given.iter_mut().zip(bounds) {
            if let Some(bound) = bound {
                *given = self.eval(bound)?;
            }
        }
        // The step is looked at first.
        let [lower, upper, step] = given;
        let step = limit(&step)?.unwrap_or(1);
        if step == 0 && is_sliceable(&value) {
            return raise(Exc::Value, "a slice step of zero");
        }
        let (lower, upper) = (limit(&lower)?, limit(&upper)?);
        match value {
            Val::Str(text) if step == 1 => Ok(Val::Str(text::slice(text, lower, upper))),
            Val::Str(text) => {
                let chars: Vec<char> = text.chars().collect();
                let picked = steps(chars.len(), lower, upper, step).map(|at| chars[at]);
                let text = bumpalo::collections::String::from_iter_in(picked, self.arena);
                Ok(Val::Str(text.into_bump_str()))
            }
            Val::Tuple(items) => {
                let picked: Vec<_> =
                    steps(items.len(), lower, upper, step).map(|i| items[i]).collect();
                Ok(tuple(self.arena, &picked))
            }
            Val::List(cells) => {
                let items = cells.with(|items| items.to_vec());
                let picked = steps(items.len(), lower, upper, step).map(|at| items[at]);
                Ok(list(self.arena, picked))
            }
            Val::Frozen(frozen) if matches!(frozen.kind, FrozenKind::List | FrozenKind::Tuple) => {
                let items = items_of(frozen, self.arena);
                let picked = steps(items.len(), lower, upper, step).map(|at| items[at]);
                if frozen.kind == FrozenKind::List {
                    return Ok(list(self.arena, picked));
                }
                let picked: Vec<_> = picked.collect();
                Ok(tuple(self.arena, &picked))
            }
            Val::Frozen(_) | Val::Range(_) | Val::Dict(_) => leave("a slice of this"),
            _ => type_error("a slice of what is no sequence"),
        }
    }
}

enum Operand<'a> {
    Value(Val<'a>),
    Type(Vec<&'a str>),
}

fn is_sliceable(value: &Val<'_>) -> bool {
    matches!(value, Val::Str(_) | Val::Tuple(_) | Val::List(_) | Val::Frozen(_))
}

fn position(index: &Val<'_>) -> Eval<i64> {
    match index.int() {
        Some(index) => Ok(index),
        None => type_error("an index that is no integer"),
    }
}

/// A position counted from the end if it is negative.
pub(crate) fn within(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(text::signed(length))? } else { index };
    usize::try_from(index).ok().filter(|at| *at < length)
}

fn pick<'a>(items: &[Val<'a>], index: &Val<'a>) -> Eval<Val<'a>> {
    match within(position(index)?, items.len()) {
        Some(at) => Ok(items[at]),
        None => raise(Exc::Index, "the index is out of range"),
    }
}

/// The positions of a slice, as CPython's `PySlice_AdjustIndices` finds them.
fn steps(
    length: usize,
    lower: Option<i64>,
    upper: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    let length = text::signed(length);
    let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let clamp = |bound: i64| {
        let bound = if bound < 0 { bound.saturating_add(length) } else { bound };
        bound.clamp(least, most)
    };
    let start = lower.map_or(if step > 0 { 0 } else { length - 1 }, clamp);
    let stop = upper.map_or(if step > 0 { length } else { -1 }, clamp);
    let mut at = start;
    std::iter::from_fn(move || {
        let inside = if step > 0 { at < stop } else { at > stop };
        let here = usize::try_from(at).ok().filter(|_| inside)?;
        at = at.saturating_add(step);
        Some(here)
    })
}

/// A bound of a slice; nothing where there is none.
fn limit(bound: &Val<'_>) -> Eval<Option<i64>> {
    match (bound, bound.int()) {
        (Val::None, _) => Ok(None),
        (_, Some(bound)) => Ok(Some(bound)),
        _ => type_error("a slice bound that is no integer"),
    }
}
