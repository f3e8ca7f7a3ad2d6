//! Comparisons: chained, of mixed types, `is`, and `in`.

use crate::ir::{Cmp, File, Mask, Op};
use crate::lower::flow::Env;
use crate::lower::{Builder, Lowered, Truth};
use crate::spec::{At, CompareOp, Expr, ExprKind, Literal};
use crate::value::{Tags, Value};

impl Builder<'_> {
    /// `a < b < c`: each operand once, the later ones only where they are reached.
    pub(crate) fn compare_chain(
        &mut self,
        left: &Expr,
        ops: &[CompareOp],
        rights: &[Expr],
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let left_value = self.expr(left, mask, env)?;
        self.compare_rest(&left_value, &left.at, ops, rights, mask, env)
    }

    fn compare_rest(
        &mut self,
        left: &Value,
        at: &At,
        ops: &[CompareOp],
        rights: &[Expr],
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let (Some((&op, ops)), Some((right, rights))) = (ops.split_first(), rights.split_first())
        else {
            return Ok(left.clone());
        };
        if matches!(op, CompareOp::In | CompareOp::NotIn) {
            if !ops.is_empty() {
                return Err(at.reason("a chain of comparisons with `in` is not compiled"));
            }
            let inside = self.contains(left, right, mask, env)?;
            return if op == CompareOp::In { Ok(inside) } else { Ok(self.negated(&inside)) };
        }
        let right_value = self.expr(right, mask, env)?;
        let first = self.compare(op, left, &right_value, at, mask)?;
        if ops.is_empty() {
            return Ok(first);
        }
        let holds = self.truth(&first);
        if holds == Truth::Never {
            return Ok(first);
        }
        let inner = self.narrow(mask, holds);
        let rest = self.guarded(inner, env, |builder, env| {
            builder.compare_rest(&right_value, &right.at, ops, rights, inner, env)
        })?;
        Ok(self.select(holds, &rest, &first))
    }

    fn negated(&mut self, value: &Value) -> Value {
        if value.is_never() {
            return value.clone();
        }
        let truth = self.truth(value);
        let negated = self.negate(truth);
        self.bool_value(negated)
    }

    /// One comparison of two values.
    pub(crate) fn compare(
        &mut self,
        op: CompareOp,
        left: &Value,
        right: &Value,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        let cmp = match op {
            CompareOp::Eq => Cmp::Eq,
            CompareOp::Ne => Cmp::Ne,
            CompareOp::Lt => Cmp::Lt,
            CompareOp::Le => Cmp::Le,
            CompareOp::Gt => Cmp::Gt,
            CompareOp::Ge => Cmp::Ge,
            CompareOp::Is | CompareOp::IsNot => {
                let same = self.is_same(left, right, at)?;
                return Ok(if op == CompareOp::Is { same } else { self.negated(&same) });
            }
            CompareOp::In | CompareOp::NotIn => return Err(at.reason("a misplaced `in`")),
        };
        self.per_types(left, right, mask, |builder, left, right, mask| {
            builder.compare_single(cmp, left, right, at, mask)
        })
    }

    fn compare_single(
        &mut self,
        cmp: Cmp,
        left: &Value,
        right: &Value,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        let slot = match (self.numeric(left), self.numeric(right)) {
            (Some(a), Some(b)) => match (a.file, b.file) {
                (File::Int, File::Int) => self.total(Op::IntCmp(cmp), &[a, b], File::Byte),
                (File::Int, _) => self.total(Op::IntFloatCmp(cmp), &[a, b], File::Byte),
                (_, File::Int) => self.total(Op::IntFloatCmp(cmp.flipped()), &[b, a], File::Byte),
                _ => self.total(Op::FloatCmp(cmp), &[a, b], File::Byte),
            },
            _ => match (left.str, right.str, cmp) {
                (Some(a), Some(b), _) => self.emit(Op::TextCmp(cmp), &[a, b], File::Byte, mask, 0),
                (_, _, Cmp::Eq) => return Ok(self.constant_bool(left.tags == right.tags)),
                (_, _, Cmp::Ne) => return Ok(self.constant_bool(left.tags != right.tags)),
                _ => {
                    let (a, b) = (left.tags.name(), right.tags.name());
                    return Ok(self.type_error(at, mask, &format!("`{a}` compared with `{b}`")));
                }
            },
        };
        Ok(Value::single(Tags::BOOL, slot))
    }

    fn constant_bool(&mut self, value: bool) -> Value {
        self.bool_value(if value { Truth::Always } else { Truth::Never })
    }

    /// `is`: only against None, True and False, whose identity is a matter of value.
    fn is_same(&mut self, left: &Value, right: &Value, at: &At) -> Lowered<Value> {
        let (value, literal) = match (&left.known, &right.known) {
            (_, Some(literal @ (Literal::None | Literal::Bool(_)))) => (left, literal.clone()),
            (Some(literal @ (Literal::None | Literal::Bool(_))), _) => (right, literal.clone()),
            _ => return Err(at.reason("`is` between values is not compiled, only with None")),
        };
        let truth = match literal {
            Literal::Bool(wanted) => match (self.has_tag(value, Tags::BOOL), value.bool) {
                (Truth::Never, _) | (_, None) => Truth::Never,
                (here, Some(lanes)) => {
                    let lanes = if wanted { lanes } else { self.not(lanes) };
                    match here {
                        Truth::Lanes(here) => Truth::Lanes(self.and(here, lanes)),
                        _ => Truth::Lanes(lanes),
                    }
                }
            },
            _ => self.has_tag(value, Tags::NONE),
        };
        Ok(self.bool_value(truth))
    }

    /// `x in y`
    fn contains(
        &mut self,
        left: &Value,
        right: &Expr,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let at = &right.at;
        if let Some(table) = self.table(right)? {
            return self.table_contains(left, table, at, mask);
        }
        if let ExprKind::Sequence { items, .. } = &right.kind {
            return self.contains_items(left, items, mask, env);
        }
        let right = self.expr(right, mask, env)?;
        self.per_types(left, &right, mask, |builder, left, right, mask| {
            match (left.str, right.str) {
                (Some(needle), Some(text)) => {
                    let op = Op::TextPairTest(crate::ir::TextPairTest::Contains);
                    let slot = builder.emit(op, &[text, needle], File::Byte, mask, 0);
                    Ok(Value::single(Tags::BOOL, slot))
                }
                _ => Ok(builder.type_error(at, mask, "`in` of something that is no container")),
            }
        })
    }

    /// `x in (a, b)` with computed items, none of which can be the same NaN object.
    fn contains_items(
        &mut self,
        left: &Value,
        items: &[Expr],
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let mut found = Truth::Never;
        for item in items {
            let value = self.expr(item, mask, env)?;
            if left.tags.contains(Tags::FLOAT) && value.tags.contains(Tags::FLOAT) {
                return Err(item.at.reason("`in` among computed floats is not compiled"));
            }
            let equal = self.compare(CompareOp::Eq, left, &value, &item.at, mask)?;
            let (before, now) = (self.lanes(found), self.truth(&equal));
            let now = self.lanes(now);
            found = Truth::Lanes(self.or(before, now));
        }
        Ok(self.bool_value(found))
    }
}
