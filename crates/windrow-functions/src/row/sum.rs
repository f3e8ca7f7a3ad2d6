//! `sum`: integers exactly; floats as the Python version at hand adds them.

use crate::row::arith::binary;
use crate::row::exec::Runner;
use crate::row::tree::Node;
use crate::row::trouble::{Eval, leave, type_error};
use crate::row::value::Val;
use crate::spec::BinaryOp;

impl<'a> Runner<'a> {
    /// `sum(items, start)`
    pub(crate) fn sum(
        &mut self,
        items: &'a Node,
        start: Option<&'a Node>,
        keywords: &'a [(String, Node)],
    ) -> Eval<Val<'a>> {
        let start = match (start, keywords) {
            (Some(node), []) => Some(node),
            (None, [(name, node)]) if name == "start" => Some(node),
            (None, []) => None,
            _ => return leave("these arguments of `sum`"),
        };
        let (items, after) = self.gathered(items);
        let start = start.map_or(Ok(Val::Int(0)), |start| self.eval(start))?;
        let total = self.total(start, &items)?;
        after.map_or(Ok(total), Err)
    }

    fn total(&mut self, start: Val<'a>, items: &[Val<'a>]) -> Eval<Val<'a>> {
        if matches!(start, Val::Str(_)) {
            return type_error("`sum` of texts");
        }
        let mut total = start;
        let mut items = items.iter();
        while !matches!(total, Val::Float(_)) {
            let Some(item) = items.next() else { return Ok(total) };
            total = binary(BinaryOp::Add, total, *item, self.arena)?;
        }
        let Val::Float(first) = total else { return Ok(total) };
        self.float_total(first, items)
    }

    fn float_total(&mut self, first: f64, items: std::slice::Iter<'_, Val<'a>>) -> Eval<Val<'a>> {
        let compensates = self.tree.python >= (3, 12);
        let (mut total, mut lost) = (first, 0.0_f64);
        for item in items {
            match item {
                Val::Float(x) if compensates => {
                    let next = total + x;
                    lost += if total.abs() >= x.abs() {
                        (total - next) + x
                    } else {
                        (x - next) + total
                    };
                    total = next;
                }
                Val::Float(x) => total += x,
                Val::Int(_) | Val::Bool(_) if self.tree.python >= (3, 14) => {
                    return leave("integers among the floats of a sum");
                }
                #[allow(clippy::cast_precision_loss)]
                Val::Int(_) | Val::Bool(_) => total += item.int().unwrap_or(0) as f64,
                _ => return type_error("`sum` of this"),
            }
        }
        if lost != 0.0 && lost.is_finite() {
            total += lost;
        }
        Ok(Val::Float(total))
    }
}
