//! Expressions: the dispatch, locals, `and`/`or`/`not`, the conditional expression, inlined calls.

use crate::ir::{File, Mask, Op};
use crate::lower::builder::float_of;
use crate::lower::flow::{Env, Var};
use crate::lower::{Builder, Lowered, Truth};
use crate::spec::{At, BoolOp, Expr, ExprKind, Literal, UnaryOp};
use crate::value::{Tags, Value};

/// How deeply calls are inlined.
const MAX_DEPTH: usize = 8;

impl Builder<'_> {
    pub(crate) fn expr(&mut self, expr: &Expr, mask: Mask, env: &mut Env) -> Lowered<Value> {
        let at = &expr.at;
        self.check_size(at)?;
        match &expr.kind {
            ExprKind::Const { value } => self.literal(value, at),
            ExprKind::Local { name } => self.local(name, at, mask, env),
            ExprKind::Binary { op, left, right } => {
                let left = self.expr(left, mask, env)?;
                let right = self.expr(right, mask, env)?;
                self.binary(*op, &left, &right, at, mask)
            }
            ExprKind::Unary { op: UnaryOp::Not, value } => {
                let value = self.expr(value, mask, env)?;
                let truth = self.truth(&value);
                let negated = self.negate(truth);
                Ok(self.bool_value(negated))
            }
            ExprKind::Unary { op, value } => {
                let value = self.expr(value, mask, env)?;
                self.unary(*op, &value, at, mask)
            }
            ExprKind::Bool { op, values } => self.bool_op(*op, values, mask, env),
            ExprKind::Compare { left, ops, rights } => {
                self.compare_chain(left, ops, rights, mask, env)
            }
            ExprKind::Choose { test, body, orelse } => self.choose(test, body, orelse, mask, env),
            ExprKind::Walrus { name, value } => {
                let value = self.expr(value, mask, env)?;
                env.vars.insert(name.clone(), Var { value: value.clone(), unbound: None });
                Ok(value)
            }
            ExprKind::Call { name, args, keywords } => {
                self.call(name, args, keywords, at, mask, env)
            }
            ExprKind::Inline { function, args } => self.inline(*function, args, at, mask, env),
            ExprKind::Method { value, name, args, keywords } => {
                if !keywords.is_empty() {
                    return Err(at.reason("keyword arguments of this method are not compiled"));
                }
                self.method(value, name, args, at, mask, env)
            }
            ExprKind::Index { value, index } => self.index(value, index, at, mask, env),
            ExprKind::Slice { value, lower, upper, step } => {
                let bounds = [lower.as_deref(), upper.as_deref(), step.as_deref()];
                self.slice(value, bounds, at, mask, env)
            }
            ExprKind::Format { parts } => self.format(parts, at, mask, env),
            ExprKind::Sequence { .. } => {
                Err(at.reason("a list, tuple or set used as a value is not compiled"))
            }
            ExprKind::Attr { name, .. } => {
                Err(at.reason(format!("the attribute `{name}` is not compiled")))
            }
            ExprKind::Dict { .. } => Err(at.reason("a dict used as a value is not compiled")),
            ExprKind::Comp { .. } => Err(at.reason("a comprehension is not compiled")),
            ExprKind::Function { .. } => {
                Err(at.reason("a function used as a value is not compiled"))
            }
            ExprKind::Types { .. } => Err(at.reason("a type used as a value is not compiled")),
            ExprKind::Unsupported { why } => Err(at.reason(why)),
        }
    }

    pub(crate) fn local(
        &mut self,
        name: &str,
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let Some(var) = env.vars.get(name).cloned() else {
            let exit = self.exit(at, Some("UnboundLocalError"), "the name has no value here");
            self.leave(mask, exit);
            return Ok(Value::default());
        };
        if let Some(unbound) = var.unbound {
            let exit = self.exit(at, Some("UnboundLocalError"), "the name has no value here");
            self.leave_where(unbound, mask, exit);
        }
        Ok(var.value)
    }

    /// Python's truth of a value.
    pub(crate) fn truth(&mut self, value: &Value) -> Truth {
        match &value.known {
            Some(Literal::None) => return Truth::Never,
            Some(Literal::Bool(known)) => return constant(*known),
            Some(Literal::Int(digits)) => return constant(digits != "0"),
            Some(Literal::Str(text)) => return constant(!text.is_empty()),
            Some(literal @ Literal::Float(_)) => {
                return constant(float_of(literal).is_some_and(|value| value != 0.0));
            }
            _ => {}
        }
        let mut result = Truth::Never;
        for tag in value.tags.each() {
            let Some(lanes) = self.truth_lanes(value, tag) else { continue };
            let here = match self.has_tag(value, tag) {
                Truth::Lanes(here) => self.and(here, lanes),
                _ => lanes,
            };
            result = match result {
                Truth::Lanes(before) => Truth::Lanes(self.or(before, here)),
                _ => Truth::Lanes(here),
            };
        }
        result
    }

    fn truth_lanes(&mut self, value: &Value, tag: Tags) -> Option<crate::ir::Slot> {
        use crate::ir::Cmp::Ne;
        let slot = value.slot(tag)?;
        Some(match slot.file {
            File::Byte => slot,
            File::Int => {
                let zero = self.int(0);
                self.total(Op::IntCmp(Ne), &[slot, zero], File::Byte)
            }
            File::Float => {
                let zero = self.float(0.0);
                self.total(Op::FloatCmp(Ne), &[slot, zero], File::Byte)
            }
            File::Text => self.total(Op::TextTruth, &[slot], File::Byte),
        })
    }

    /// `a and b`, `a or b`: an operand, and the later ones only where they are reached.
    fn bool_op(
        &mut self,
        op: BoolOp,
        values: &[Expr],
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let Some((first, rest)) = values.split_first() else { return Ok(Value::default()) };
        let left = self.expr(first, mask, env)?;
        if rest.is_empty() {
            return Ok(left);
        }
        let truth = self.truth(&left);
        let goes_on = match op {
            BoolOp::And => truth,
            BoolOp::Or => self.negate(truth),
        };
        if goes_on == Truth::Never {
            return Ok(left);
        }
        let inner = self.narrow(mask, goes_on);
        let right =
            self.guarded(inner, env, |builder, env| builder.bool_op(op, rest, inner, env))?;
        Ok(self.select(goes_on, &right, &left))
    }

    fn choose(
        &mut self,
        test: &Expr,
        body: &Expr,
        orelse: &Expr,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let value = self.expr(test, mask, env)?;
        let yes = match self.truth(&value) {
            Truth::Always => return self.expr(body, mask, env),
            Truth::Never => return self.expr(orelse, mask, env),
            lanes => lanes,
        };
        let no = self.negate(yes);
        let (then_mask, else_mask) = (self.narrow(mask, yes), self.narrow(mask, no));
        let one = self.guarded(then_mask, env, |b, env| b.expr(body, then_mask, env))?;
        let other = self.guarded(else_mask, env, |b, env| b.expr(orelse, else_mask, env))?;
        Ok(self.select(yes, &one, &other))
    }

    /// An expression that only some lanes reach; if it cannot be compiled, those leave.
    pub(crate) fn guarded<F>(&mut self, mask: Mask, env: &mut Env, compute: F) -> Lowered<Value>
    where
        F: FnOnce(&mut Self, &mut Env) -> Lowered<Value>,
    {
        let (start, before) = (self.instrs.len(), env.clone());
        match compute(self, env) {
            Ok(value) => {
                if assigned_inside(&before, env) {
                    // `:=` in a piece that not every lane reaches.
                    return Err(at_start(&value, env));
                }
                Ok(value)
            }
            Err(reason) => {
                *env = before;
                let exit = self.leave_out(start, mask, reason)?;
                self.leave(mask, exit);
                Ok(Value::default())
            }
        }
    }

    fn inline(
        &mut self,
        function: usize,
        args: &[(String, Expr)],
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let spec = self.spec;
        let Some(routine) = spec.functions.get(function) else {
            return Err(at.reason("a call of an unknown function"));
        };
        if self.depth >= MAX_DEPTH || routine.params.len() != args.len() {
            return Err(at.reason("this call is not compiled"));
        }
        let mut inner = Env::default();
        for (name, arg) in args {
            let value = self.expr(arg, mask, env)?;
            inner.vars.insert(name.clone(), Var { value, unbound: None });
        }
        self.depth += 1;
        let result = self.body(&routine.body, mask, &mut inner);
        self.depth -= 1;
        result
    }
}

fn constant(value: bool) -> Truth {
    if value { Truth::Always } else { Truth::Never }
}

fn assigned_inside(before: &Env, after: &Env) -> bool {
    before.vars.len() != after.vars.len()
        || after.vars.iter().any(|(name, var)| {
            before.vars.get(name).is_none_or(|old| {
                old.unbound != var.unbound
                    || Tags::EACH.iter().any(|&tag| old.value.slot(tag) != var.value.slot(tag))
                    || old.value.tags != var.value.tags
            })
        })
}

fn at_start(_value: &Value, _env: &Env) -> crate::Reason {
    crate::Reason {
        line: None,
        column: None,
        snippet: String::new(),
        text: "`:=` where not every row gets to it is not compiled".to_owned(),
    }
}
