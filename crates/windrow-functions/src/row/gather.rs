//! Functions that go through many values: `any`, `all`, `min`, `max`, `sorted`, `next`.

use std::cmp::Ordering;

use crate::ir::Cmp;
use crate::row::compare::ordered;
use crate::row::exec::Runner;
use crate::row::names::Known;
use crate::row::tree::{Kind, Node};
use crate::row::trouble::{Eval, Exc, Trouble, leave, raise, uncertain};
use crate::row::value::{Val, list};

impl<'a> Runner<'a> {
    /// `any(items)` or `all(items)`: what comes after the item that decides is not computed.
    pub(crate) fn any_or_all(&mut self, items: &'a Node, decides: bool) -> Eval<Val<'a>> {
        let mut found = !decides;
        self.each_item(items, &mut |_, item| {
            if item.truth() == decides {
                found = decides;
                return Ok(false);
            }
            Ok(true)
        })?;
        Ok(Val::Bool(found))
    }

    /// `next(items, default)` of a generator.
    pub(crate) fn next(&mut self, items: &'a Node, default: Option<&'a Node>) -> Eval<Val<'a>> {
        if !matches!(items.kind, Kind::Comp(_)) {
            return leave("`next` of this");
        }
        let default = default.map(|default| self.eval(default)).transpose()?;
        let mut first = None;
        self.each_item(items, &mut |_, item| {
            first = Some(item);
            Ok(false)
        })?;
        match first.or(default) {
            Some(value) => Ok(value),
            None => raise(Exc::StopIteration, "`next` of nothing"),
        }
    }

    /// `min` or `max` of arguments or of the items of one.
    pub(crate) fn extreme(
        &mut self,
        known: Known,
        args: &'a [Node],
        keywords: &'a [(String, Node)],
    ) -> Eval<Val<'a>> {
        let (mut key, mut default) = (None, None);
        for (name, node) in keywords {
            match name.as_str() {
                "key" => key = Some(node),
                "default" => default = Some(self.eval(node)?),
                _ => return leave("these keyword arguments"),
            }
        }
        let (items, after) = match args {
            [items] => self.gathered(items),
            _ => (self.values(args)?, None),
        };
        let best = self.best(known, &items, key);
        match (best, after) {
            (Err(trouble), _) | (Ok(_), Some(trouble)) => Err(trouble),
            (Ok(Some(best)), None) => Ok(best),
            (Ok(None), None) => match default {
                Some(default) => Ok(default),
                None => raise(Exc::Value, "the least or greatest of nothing"),
            },
        }
    }

    fn best(
        &mut self,
        known: Known,
        items: &[Val<'a>],
        key: Option<&'a Node>,
    ) -> Eval<Option<Val<'a>>> {
        let cmp = if known == Known::Min { Cmp::Lt } else { Cmp::Gt };
        let mut best: Option<(Val<'a>, Val<'a>)> = None;
        for item in items {
            let rank = self.rank(key, *item)?;
            let better = match &best {
                None => true,
                Some((_, before)) => ordered(cmp, &rank, before)?,
            };
            if better {
                best = Some((*item, rank));
            }
        }
        Ok(best.map(|best| best.0))
    }

    /// What an item is ordered by.
    fn rank(&mut self, key: Option<&'a Node>, item: Val<'a>) -> Eval<Val<'a>> {
        match key.map(|key| &key.kind) {
            None | Some(Kind::Lit(crate::row::constants::Lit::None)) => Ok(item),
            Some(Kind::Function(callee)) => self.invoke(callee, &[item]),
            Some(_) => leave("this key"),
        }
    }

    /// `sorted(items, key=..., reverse=...)`
    pub(crate) fn sorted(
        &mut self,
        items: &'a Node,
        keywords: &'a [(String, Node)],
    ) -> Eval<Val<'a>> {
        let (mut key, mut reverse) = (None, false);
        for (name, node) in keywords {
            match name.as_str() {
                "key" => key = Some(node),
                "reverse" => reverse = self.eval(node)?.truth(),
                _ => return leave("these keyword arguments"),
            }
        }
        let items = match self.set_items(items)? {
            Some(items) => items,
            None => self.all_items(items)?,
        };
        let mut ranked = Vec::with_capacity(items.len());
        for item in items {
            let rank = self.rank(key, item)?;
            if rank.is_nan() {
                return leave("NaN in order");
            }
            ranked.push((rank, item));
        }
        let sorted = sort(ranked, reverse)?;
        Ok(list(self.arena, sorted))
    }

    /// The items of a set, whose order does not matter here.
    fn set_items(&mut self, node: &'a Node) -> Eval<Option<Vec<Val<'a>>>> {
        if matches!(&node.kind, Kind::Comp(comp) if comp.kind == crate::row::tree::CompKind::Generator)
        {
            return Ok(None);
        }
        if !matches!(&node.kind, Kind::Local(_) | Kind::Lit(_) | Kind::Set(_) | Kind::Comp(_))
            && !matches!(&node.kind, Kind::Call(Known::Set, _, _) | Kind::Binary(_, _))
        {
            return Ok(None);
        }
        let value = self.eval(node)?;
        let items = match value {
            Val::Set(cells) => cells.with(|items| items.to_vec()),
            Val::Frozen(frozen) if frozen.kind == crate::row::constants::Kind::Set => {
                crate::row::constants::items_of(frozen, self.arena).to_vec()
            }
            other => self.collect(other)?,
        };
        Ok(Some(items))
    }
}

/// Sorts by rank, keeping the order of equals; what has no order is left to CPython.
pub(crate) fn sort<'a>(mut ranked: Vec<(Val<'a>, Val<'a>)>, reverse: bool) -> Eval<Vec<Val<'a>>> {
    let mut trouble: Option<Trouble> = None;
    ranked.sort_by(|(a, _), (b, _)| {
        let (left, right) = if reverse { (b, a) } else { (a, b) };
        match (ordered(Cmp::Lt, left, right), ordered(Cmp::Lt, right, left)) {
            (Ok(true), _) => Ordering::Less,
            (_, Ok(true)) => Ordering::Greater,
            (Ok(false), Ok(false)) => Ordering::Equal,
            (Err(why), _) | (_, Err(why)) => {
                trouble = Some(why);
                Ordering::Equal
            }
        }
    });
    match trouble {
        Some(trouble) => Err(uncertain(trouble)),
        None => Ok(ranked.into_iter().map(|(_, item)| item).collect()),
    }
}
