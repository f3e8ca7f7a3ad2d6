//! Statements: branches become selection, returns become the value of the lanes that return.

use std::collections::HashMap;

use crate::ir::{Mask, Slot};
use crate::lower::{Builder, Lowered, Truth};
use crate::spec::{At, Expr, Stmt, StmtKind};
use crate::value::Value;

/// The local variables at one point.
#[derive(Debug, Clone, Default)]
pub(crate) struct Env {
    pub(crate) vars: HashMap<String, Var>,
}

/// A local variable.
#[derive(Debug, Clone)]
pub(crate) struct Var {
    pub(crate) value: Value,
    /// The lanes where it is not bound; none: it is bound everywhere.
    pub(crate) unbound: Option<Slot>,
}

/// What became of the lanes that entered a block.
#[derive(Debug)]
pub(crate) struct Flow {
    /// The value of those that returned.
    returned: Option<Value>,
    /// Those that came out at the end.
    live: Live,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Live {
    All,
    Nobody,
    Some(Slot),
}

impl Builder<'_> {
    /// A whole function body: what it returns, None where it falls off its end.
    pub(crate) fn body(&mut self, body: &[Stmt], mask: Mask, env: &mut Env) -> Lowered<Value> {
        let flow = self.block(body, mask, env)?;
        let returned = flow.returned.unwrap_or_default();
        Ok(match flow.live {
            Live::Nobody => returned,
            Live::All => Value::none(),
            Live::Some(live) => self.select(Truth::Lanes(live), &Value::none(), &returned),
        })
    }

    fn block(&mut self, statements: &[Stmt], mask: Mask, env: &mut Env) -> Lowered<Flow> {
        let mut mask = mask;
        let mut returned: Option<Value> = None;
        let mut live = Live::All;
        for (index, statement) in statements.iter().enumerate() {
            self.check_size(&statement.at)?;
            let flow = match &statement.kind {
                StmtKind::If { test, body, orelse } => {
                    let rest = &statements[index + 1..];
                    match self.branch(test, [body, orelse], rest, mask, env)? {
                        Branched::Continue(flow) => flow,
                        Branched::Finished(flow) => {
                            return Ok(self.join(returned, live, mask, flow));
                        }
                    }
                }
                StmtKind::Try { body, orelse, last, .. } => {
                    // A fault leaves the row to the interpreter, which runs the handlers.
                    let all: Vec<Stmt> = body.iter().chain(orelse).chain(last).cloned().collect();
                    self.tries += 1;
                    let flow = self.block(&all, mask, env);
                    self.tries -= 1;
                    flow?
                }
                _ => self.statement(statement, mask, env)?,
            };
            let stays = flow.live;
            let joined = self.join(returned, live, mask, flow);
            returned = joined.returned;
            live = joined.live;
            match stays {
                Live::All => {}
                Live::Nobody => return Ok(Flow { returned, live: Live::Nobody }),
                Live::Some(slot) => mask = Some(slot),
            }
        }
        Ok(Flow { returned, live })
    }

    /// What happened before, followed by `next` on the lanes of `mask`.
    fn join(&mut self, before: Option<Value>, live: Live, mask: Mask, next: Flow) -> Flow {
        let returned = match (before, next.returned) {
            (Some(before), Some(now)) => {
                let here = mask.map_or(Truth::Always, Truth::Lanes);
                Some(self.select(here, &now, &before))
            }
            (before, now) => before.or(now),
        };
        let live = match next.live {
            Live::All => live,
            changed => changed,
        };
        Flow { returned, live }
    }

    fn statement(&mut self, statement: &Stmt, mask: Mask, env: &mut Env) -> Lowered<Flow> {
        let at = &statement.at;
        let on = Flow { returned: None, live: Live::All };
        match &statement.kind {
            StmtKind::Return { value } => {
                let value = match value {
                    Some(value) => self.expr(value, mask, env)?,
                    None => Value::none(),
                };
                Ok(Flow { returned: Some(value), live: Live::Nobody })
            }
            StmtKind::Assign { name, value } => {
                let value = self.expr(value, mask, env)?;
                env.vars.insert(name.clone(), Var { value, unbound: None });
                Ok(on)
            }
            StmtKind::Unpack { names, value } => {
                self.unpack(names, value, mask, env)?;
                Ok(on)
            }
            StmtKind::Expr { value } => {
                self.expr(value, mask, env)?;
                Ok(on)
            }
            StmtKind::Augment { name, op, value } => {
                let before = self.local(name, at, mask, env)?;
                let value = self.expr(value, mask, env)?;
                let value = self.binary(*op, &before, &value, at, mask)?;
                env.vars.insert(name.clone(), Var { value, unbound: None });
                Ok(on)
            }
            StmtKind::Raise { kind } => {
                let raises = kind.as_deref().and_then(crate::row::exception);
                let exit = self.exit(at, raises, "the row gets to a `raise`");
                self.leave(mask, exit);
                Ok(Flow { returned: None, live: Live::Nobody })
            }
            StmtKind::Assert { test } => {
                let value = self.expr(test, mask, env)?;
                let holds = self.truth(&value);
                let fails = self.negate(holds);
                let failing = self.narrow(mask, fails);
                let exit = self.exit(at, Some("AssertionError"), "the assertion fails");
                self.leave(failing, exit);
                Ok(on)
            }
            StmtKind::Unsupported { why } => Err(at.reason(why)),
            StmtKind::If { .. } | StmtKind::Try { .. } => Err(at.reason("a misplaced statement")),
            StmtKind::Bind { .. } | StmtKind::Store { .. } => {
                Err(at.reason("this assignment is not compiled to operations on columns"))
            }
            StmtKind::For { target, iter, body, orelse }
                if orelse.is_empty()
                    && self.character_loop((target, iter, body), at, mask, env)? =>
            {
                Ok(on)
            }
            StmtKind::For { .. }
            | StmtKind::While { .. }
            | StmtKind::Break
            | StmtKind::Continue => {
                Err(at.reason("a loop is not compiled to operations on columns"))
            }
        }
    }

    /// `a, b = value`
    fn unpack(&mut self, names: &[String], value: &Expr, mask: Mask, env: &mut Env) -> Lowered<()> {
        let values = self.items(value, names.len(), mask, env)?;
        for (name, value) in names.iter().zip(values) {
            env.vars.insert(name.clone(), Var { value, unbound: None });
        }
        Ok(())
    }

    fn branch(
        &mut self,
        test: &Expr,
        bodies: [&[Stmt]; 2],
        rest: &[Stmt],
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Branched> {
        let value = self.expr(test, mask, env)?;
        let condition = match self.truth(&value) {
            Truth::Always => return Ok(Branched::Continue(self.block(bodies[0], mask, env)?)),
            Truth::Never => return Ok(Branched::Continue(self.block(bodies[1], mask, env)?)),
            Truth::Lanes(slot) => slot,
        };
        let yes = Truth::Lanes(condition);
        let no = self.negate(yes);
        let masks = [self.narrow(mask, yes), self.narrow(mask, no)];
        // Where one side never comes out, what follows belongs to the other: no masks, no merging.
        let ends = bodies.map(terminates);
        let continued: Vec<Stmt>;
        let mut sides = bodies;
        if ends[0] != ends[1] {
            let open = usize::from(ends[0]);
            continued = bodies[open].iter().chain(rest).cloned().collect();
            sides[open] = &continued;
        }
        let mut envs = [env.clone(), env.clone()];
        let [first, second] = &mut envs;
        let then = self.guarded_block(sides[0], masks[0], first)?;
        let other = self.guarded_block(sides[1], masks[1], second)?;
        let [first, second] = envs;
        if ends[0] != ends[1] {
            *env = if ends[0] { second } else { first };
            let returned = self.either(yes, then.returned, other.returned);
            let live = self.either_live(then.live, masks[0], other.live, masks[1]);
            return Ok(Branched::Finished(Flow { returned, live }));
        }
        match (then.live, other.live) {
            (Live::Nobody, Live::Nobody) => {
                let returned = self.either(yes, then.returned, other.returned);
                Ok(Branched::Finished(Flow { returned, live: Live::Nobody }))
            }
            (Live::All, Live::All) => {
                *env = self.merge(yes, &first, &second);
                Ok(Branched::Continue(Flow { returned: None, live: Live::All }))
            }
            (one, two) => {
                *env = self.merge(yes, &first, &second);
                let returned = self.either(yes, then.returned, other.returned);
                let live = self.either_live(one, masks[0], two, masks[1]);
                Ok(Branched::Continue(Flow { returned, live }))
            }
        }
    }

    /// A block; if it cannot be compiled, the lanes that get to it leave.
    fn guarded_block(&mut self, body: &[Stmt], mask: Mask, env: &mut Env) -> Lowered<Flow> {
        let (start, before) = (self.instrs.len(), env.clone());
        match self.block(body, mask, env) {
            Ok(flow) => Ok(flow),
            Err(reason) => {
                // What the block has bound was computed by operations that are taken back.
                *env = before;
                let place = self.leave_out(start, mask, reason)?;
                self.leave(mask, place);
                Ok(Flow { returned: None, live: Live::Nobody })
            }
        }
    }

    /// Takes back what was emitted since `start`; the exit is for the lanes that need it.
    pub(crate) fn leave_out(
        &mut self,
        start: usize,
        mask: Mask,
        reason: crate::Reason,
    ) -> Lowered<u8> {
        if mask.is_none() {
            return Err(reason);
        }
        self.instrs.truncate(start);
        let at = At {
            line: reason.line.unwrap_or(0),
            column: reason.column.unwrap_or(0),
            snippet: reason.snippet.clone(),
        };
        let exit = self.exit(&at, None, &reason.text);
        if !self.left_out.contains(&reason) {
            self.left_out.push(reason);
        }
        Ok(exit)
    }

    fn either(&mut self, yes: Truth, one: Option<Value>, other: Option<Value>) -> Option<Value> {
        match (one, other) {
            (Some(one), Some(other)) => Some(self.select(yes, &one, &other)),
            (one, other) => one.or(other),
        }
    }

    fn either_live(&mut self, one: Live, left: Mask, two: Live, right: Mask) -> Live {
        if one == Live::Nobody && two == Live::Nobody {
            return Live::Nobody;
        }
        let lanes = |builder: &mut Self, live: Live, mask: Mask| match live {
            Live::All => mask.unwrap_or_else(|| builder.byte(1)),
            Live::Nobody => builder.byte(0),
            Live::Some(slot) => slot,
        };
        let (one, two) = (lanes(self, one, left), lanes(self, two, right));
        Live::Some(self.or(one, two))
    }

    fn merge(&mut self, yes: Truth, one: &Env, other: &Env) -> Env {
        let mut merged = Env::default();
        let mut names: Vec<&String> = one.vars.keys().chain(other.vars.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let var = match (one.vars.get(name), other.vars.get(name)) {
                (Some(one), Some(other)) => {
                    let value = self.select(yes, &one.value, &other.value);
                    let unbound = match (one.unbound, other.unbound) {
                        (None, None) => None,
                        (one, other) => {
                            let zero = self.byte(0);
                            let (one, other) = (one.unwrap_or(zero), other.unwrap_or(zero));
                            let condition = self.lanes(yes);
                            Some(self.select_slot(condition, one, other))
                        }
                    };
                    Var { value, unbound }
                }
                (Some(one), None) => self.half_bound(one, yes, true),
                (None, Some(other)) => self.half_bound(other, yes, false),
                (None, None) => continue,
            };
            merged.vars.insert(name.clone(), var);
        }
        merged
    }

    /// A variable that only one side of a branch binds.
    fn half_bound(&mut self, var: &Var, yes: Truth, on_yes: bool) -> Var {
        let bound_side = self.lanes(yes);
        let missing = if on_yes { self.not(bound_side) } else { bound_side };
        let unbound = match var.unbound {
            Some(already) => self.or(already, missing),
            None => missing,
        };
        Var { value: var.value.clone(), unbound: Some(unbound) }
    }
}

/// Whether a block never comes out at its end, as far as its form tells.
fn terminates(body: &[Stmt]) -> bool {
    match body.last().map(|last| &last.kind) {
        Some(StmtKind::Return { .. } | StmtKind::Raise { .. }) => true,
        Some(StmtKind::If { body, orelse, .. }) => terminates(body) && terminates(orelse),
        _ => false,
    }
}

enum Branched {
    /// The block goes on after the `if`.
    Continue(Flow),
    /// What follows the `if` has been lowered with it.
    Finished(Flow),
}
