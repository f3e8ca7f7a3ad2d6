//! Methods of lists, sets and dicts, and the dispatch of methods by the type of their value.

use crate::row::builtins::is_mapping;
use crate::row::constants::{Kind as FrozenKind, Lit, Lookup, items_of};
use crate::row::eval::within;
use crate::row::exec::Runner;
use crate::row::iterate::extend;
use crate::row::names::Method;
use crate::row::tree::Call;
use crate::row::trouble::{Eval, Exc, LARGE, leave, raise, type_error};
use crate::row::value::{Cells, Pairs, Val, list, set, tuple};
use crate::row::{compare, dates, gather, iterate, text_methods};

const NO_METHOD: &str = "the value has no such method";
const OTHER: &str = "this call of a method";

/// Whether a value certainly has no such method.
fn lacks(target: Val<'_>, method: Method) -> bool {
    let tuple = matches!(method, Method::Count | Method::Index);
    match target {
        Val::None | Val::Bool(_) | Val::Int(_) | Val::Float(_) => method.is_never_of_numbers(),
        Val::Str(_) => !tuple && !method.is_of_text(),
        Val::Tuple(_) => !tuple,
        Val::Frozen(frozen) if frozen.kind == FrozenKind::Tuple => !tuple,
        // Others have none that text has, but for these two.
        Val::List(_) | Val::Set(_) | Val::Dict(_) | Val::Frozen(_) => method.is_of_text(),
        _ => false,
    }
}

impl<'a> Runner<'a> {
    /// `value.method(args)`
    pub(crate) fn method(&mut self, call: &'a Call) -> Eval<Val<'a>> {
        let target = self.eval(&call.target)?;
        if call.of_str && !matches!(target, Val::Str(_)) {
            return type_error("a method of `str` on what is no text");
        }
        // The method is looked up before the arguments are computed.
        if lacks(target, call.method) {
            return raise(Exc::Attribute, NO_METHOD);
        }
        if let (Val::Str(separator), Method::Join, [items]) = (target, call.method, &call.args[..])
        {
            let items = self.all_items(items)?;
            return self.join(separator, &items);
        }
        if let (Method::Extend, [items]) = (call.method, &call.args[..])
            && let Val::List(cells) = target
        {
            let items = self.all_items(items)?;
            return extend(cells, items).map(|()| Val::None);
        }
        let args = self.values(&call.args)?;
        self.method_of(target, call.method, &args)
    }

    fn method_of(&mut self, target: Val<'a>, method: Method, args: &[Val<'a>]) -> Eval<Val<'a>> {
        match target {
            Val::Str(text) => text_methods::call(self, text, method, args),
            Val::List(cells) => self.list_method(cells, method, args),
            Val::Set(cells) => self.set_method(cells, method, args),
            Val::Dict(pairs) => self.dict_method(pairs, method, args),
            Val::Frozen(frozen) if frozen.kind == FrozenKind::Dict => {
                self.captured_dict(target, method, args)
            }
            Val::Frozen(frozen) if frozen.is_sequence() => {
                let items = items_of(frozen, self.arena);
                self.sequence_method(items, method, args)
            }
            Val::Tuple(items) => self.sequence_method(items, method, args),
            Val::Float(x) if method == Method::IsInteger && args.is_empty() => {
                Ok(Val::Bool(x.is_finite() && x.floor() == x))
            }
            Val::Int(x) if method == Method::BitLength && args.is_empty() => {
                Ok(Val::Int(i64::from(64 - x.unsigned_abs().leading_zeros())))
            }
            Val::Date(_) | Val::DateTime(_) | Val::Delta(_) => {
                dates::method(self, target, method, args)
            }
            Val::Pattern(pattern) => self.pattern_method(pattern, method, args),
            Val::Match(found) => self.match_method(found, method, args),
            _ => leave(OTHER),
        }
    }

    fn sequence_method(
        &mut self,
        items: &[Val<'a>],
        method: Method,
        args: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        match (method, args) {
            (Method::Count, [wanted]) => {
                let mut count = 0;
                for item in items {
                    count += i64::from(self.is_item(item, wanted)?);
                }
                Ok(Val::Int(count))
            }
            (Method::Index, [wanted]) => {
                for (at, item) in items.iter().enumerate() {
                    if self.is_item(item, wanted)? {
                        return Ok(Val::Int(crate::kernel::text::signed(at)));
                    }
                }
                raise(Exc::Value, "the value is not in the list")
            }
            (Method::Copy, []) => Ok(list(self.arena, items.iter().copied())),
            _ => leave(OTHER),
        }
    }

    fn list_method(
        &mut self,
        cells: &'a Cells<'a>,
        method: Method,
        args: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        match (method, args) {
            (Method::Append, [item]) => cells.with(|items| items.push(*item)),
            (Method::Clear, []) => cells.with(|items| items.clear()),
            (Method::Reverse, []) => cells.with(|items| items.reverse()),
            (Method::Insert, [at, item]) => {
                let Some(at) = at.int() else { return type_error("a place that is no integer") };
                let length = crate::kernel::text::signed(cells.len());
                let at = if at < 0 { at.saturating_add(length) } else { at }.clamp(0, length);
                let at = usize::try_from(at).unwrap_or(0);
                cells.with(|items| items.insert(at, *item));
            }
            (Method::Pop, [] | [_]) => {
                let index = match args.first() {
                    None => -1,
                    Some(index) => match index.int() {
                        Some(index) => index,
                        None => return type_error("an index that is no integer"),
                    },
                };
                return match within(index, cells.len()) {
                    Some(at) => Ok(cells.with(|items| items.remove(at))),
                    None => raise(Exc::Index, "the index is out of range"),
                };
            }
            (Method::Remove, [wanted]) => {
                let items = cells.with(|items| items.to_vec());
                for (at, item) in items.iter().enumerate() {
                    if self.is_item(item, wanted)? {
                        cells.with(|items| items.remove(at));
                        return Ok(Val::None);
                    }
                }
                return raise(Exc::Value, "the value is not in the list");
            }
            (Method::Sort, []) => {
                let items = cells.with(|items| items.to_vec());
                if items.iter().any(Val::is_nan) {
                    return leave("NaN in order");
                }
                let ranked = items.into_iter().map(|item| (item, item)).collect();
                let sorted = gather::sort(ranked, false)?;
                cells.with(|items| items.copy_from_slice(&sorted));
            }
            _ => {
                let items = cells.with(|items| items.to_vec());
                return self.sequence_method(&items, method, args);
            }
        }
        Ok(Val::None)
    }

    fn set_method(
        &mut self,
        cells: &'a Cells<'a>,
        method: Method,
        args: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        let target = Val::Set(cells);
        match (method, args) {
            (Method::Add, [item]) => {
                iterate::add(target, *item)?;
                Ok(Val::None)
            }
            (Method::Discard, [item]) => {
                if compare::contains(&target, item)? {
                    let items = cells.with(|items| items.to_vec());
                    for (at, candidate) in items.iter().enumerate() {
                        if self.is_item(candidate, item)? {
                            cells.with(|items| items.remove(at));
                            break;
                        }
                    }
                }
                Ok(Val::None)
            }
            (Method::Union | Method::Intersection | Method::Difference, [other]) => {
                let other = match other {
                    Val::Set(_) => *other,
                    _ => {
                        let made = set(self.arena, []);
                        for item in self.collect(*other)? {
                            iterate::add(made, item)?;
                        }
                        made
                    }
                };
                let op = match method {
                    Method::Union => crate::spec::BinaryOp::Or,
                    Method::Intersection => crate::spec::BinaryOp::And,
                    _ => crate::spec::BinaryOp::Sub,
                };
                crate::row::arith::binary(op, target, other, self.arena)
            }
            _ => leave(OTHER),
        }
    }

    fn dict_method(
        &mut self,
        pairs: &'a Pairs<'a>,
        method: Method,
        args: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        match (method, args) {
            (Method::Get, [key] | [key, _]) => Ok(match self.find(pairs, key)? {
                Some(at) => pairs.with(|pairs| pairs[at].1),
                None => args.get(1).copied().unwrap_or(Val::None),
            }),
            (Method::Setdefault, [key, default]) => match self.find(pairs, key)? {
                Some(at) => Ok(pairs.with(|pairs| pairs[at].1)),
                None if pairs.len() >= iterate::MAX_KEYS => leave(LARGE),
                None => {
                    pairs.with(|pairs| pairs.push((*key, *default)));
                    Ok(*default)
                }
            },
            (Method::Pop, [key] | [key, _]) => match (self.find(pairs, key)?, args.get(1)) {
                (Some(at), _) => Ok(pairs.with(|pairs| pairs.remove(at).1)),
                (None, Some(default)) => Ok(*default),
                (None, None) => raise(Exc::Key, "the key is not in the dict"),
            },
            (Method::Items | Method::Keys | Method::Values, []) => {
                let all = pairs.with(|pairs| pairs.to_vec());
                Ok(self.view(method, all))
            }
            _ => leave(OTHER),
        }
    }

    fn view(&self, method: Method, pairs: Vec<(Val<'a>, Val<'a>)>) -> Val<'a> {
        let arena = self.arena;
        match method {
            Method::Items => {
                list(arena, pairs.into_iter().map(|(key, value)| tuple(arena, &[key, value])))
            }
            Method::Keys => list(arena, pairs.into_iter().map(|pair| pair.0)),
            _ => list(arena, pairs.into_iter().map(|pair| pair.1)),
        }
    }

    fn captured_dict(
        &mut self,
        target: Val<'a>,
        method: Method,
        args: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        let Val::Frozen(frozen) = target else { return leave(OTHER) };
        debug_assert!(is_mapping(&target));
        match (method, args) {
            (Method::Get, [key] | [key, _]) => match frozen.find(key) {
                Lookup::At(at) => Ok(frozen.values[at].val()),
                Lookup::Missing => Ok(args.get(1).copied().unwrap_or(Val::None)),
                Lookup::Unhashable => type_error("a list or dict is no key"),
                Lookup::Unsure => leave("a key that is NaN"),
            },
            (Method::Items | Method::Keys | Method::Values, []) => {
                let keys = frozen.items.iter().map(Lit::val);
                let all = keys.zip(frozen.values.iter().map(Lit::val)).collect();
                Ok(self.view(method, all))
            }
            _ => leave(OTHER),
        }
    }
}
