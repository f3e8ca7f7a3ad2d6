//! Running a function on one row: frames of locals, statements, handlers.

use bumpalo::Bump;

use crate::row::arith;
use crate::row::iterate::{Items, extend};
use crate::row::tree::{Catch, Code, Goal, Step, StepKind, Tree};
use crate::row::trouble::{Eval, Exc, Trouble, leave, raise};
use crate::row::value::Val;
use crate::spec::BinaryOp;

/// Beyond so many loops and calls a row goes to CPython, where it can be interrupted.
pub(crate) const LIMIT: u64 = 2_000_000;

/// Each row that gets there leaves the others of its batch a tenth, but not less than this: a batch
/// of endless loops ends soon.
const LEAST: u64 = 1_000;
const MAX_DEPTH: usize = 40;
/// A row that holds more bytes than this goes to CPython, which knows how to run out of memory.
const MAX_BYTES: usize = 256 << 20;

/// What came of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer<'a> {
    Value(Val<'a>),
    /// The place in the tree and what happened there.
    Trouble(u32, Trouble),
}

/// Runs rows; what they make lives in the arena.
pub(crate) struct Runner<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) arena: &'a Bump,
    slots: Vec<Val<'a>>,
    base: usize,
    depth: usize,
    /// How many loops and calls a row may have, and how many this one has left.
    limit: u64,
    budget: u64,
    /// Where the trouble that is on its way began.
    fault: Option<u32>,
}

/// How a statement ends.
pub(crate) enum Flow<'a> {
    Next,
    Break,
    Continue,
    Return(Val<'a>),
}

impl<'a> Runner<'a> {
    /// `limit`: `LIMIT`, or what other rows of the batch have left of it.
    pub(crate) fn new(tree: &'a Tree, arena: &'a Bump, limit: u64) -> Self {
        let slots = vec![Val::Unbound; tree.main.slots];
        Self { tree, arena, slots, base: 0, depth: 0, limit, budget: limit, fault: None }
    }

    /// Runs the function on the values of its parameters.
    pub(crate) fn run(&mut self, params: impl Iterator<Item = Val<'a>>) -> Answer<'a> {
        let code = &self.tree.main;
        (self.base, self.depth, self.budget, self.fault) = (0, 0, self.limit, None);
        self.slots.clear();
        self.slots.extend(params.take(code.params));
        self.slots.resize(code.slots, Val::Unbound);
        match self.body(code) {
            Ok(value) => Answer::Value(value),
            Err(trouble) => Answer::Trouble(self.fault.unwrap_or(0), trouble),
        }
    }

    fn body(&mut self, code: &'a Code) -> Eval<Val<'a>> {
        match self.block(&code.body)? {
            Flow::Return(value) => Ok(value),
            _ => Ok(Val::None),
        }
    }

    /// Calls another function with the values of its parameters by their numbers.
    pub(crate) fn call(&mut self, routine: usize, given: &[(u32, Val<'a>)]) -> Eval<Val<'a>> {
        let Some(code) = self.tree.routines.get(routine) else { return leave("an unknown call") };
        if self.depth >= MAX_DEPTH {
            return leave("many calls inside one another");
        }
        self.tick()?;
        let (base, length) = (self.base, self.slots.len());
        self.slots.resize(length + code.slots, Val::Unbound);
        self.base = length;
        self.depth += 1;
        for (slot, value) in given {
            self.set(*slot, *value);
        }
        let result = self.body(code);
        self.depth -= 1;
        self.base = base;
        self.slots.truncate(length);
        result
    }

    /// Counts a loop or call.
    pub(crate) fn tick(&mut self) -> Eval<()> {
        if self.arena.allocated_bytes() > MAX_BYTES {
            return leave("more memory than native code takes for a row");
        }
        match self.budget.checked_sub(1) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => {
                self.limit = (self.limit / 10).max(LEAST);
                leave("a very long loop")
            }
        }
    }

    /// How many loops and calls the next row may have.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn get(&self, slot: u32) -> Val<'a> {
        self.slots.get(self.base + slot as usize).copied().unwrap_or(Val::Unbound)
    }

    pub(crate) fn set(&mut self, slot: u32, value: Val<'a>) {
        if let Some(place) = self.slots.get_mut(self.base + slot as usize) {
            *place = value;
        }
    }

    /// Remembers where a trouble began.
    pub(crate) fn blame<T>(&mut self, at: u32, result: Eval<T>) -> Eval<T> {
        if result.is_err() && self.fault.is_none() {
            self.fault = Some(at);
        }
        result
    }

    // --- statements ---

    fn block(&mut self, steps: &'a [Step]) -> Eval<Flow<'a>> {
        for step in steps {
            let flow = self.step(step);
            match self.blame(step.at, flow)? {
                Flow::Next => {}
                ends => return Ok(ends),
            }
        }
        Ok(Flow::Next)
    }

    fn step(&mut self, step: &'a Step) -> Eval<Flow<'a>> {
        match &step.kind {
            StepKind::Return(None) => return Ok(Flow::Return(Val::None)),
            StepKind::Return(Some(value)) => return Ok(Flow::Return(self.eval(value)?)),
            StepKind::Assign(slot, value) => {
                let value = self.eval(value)?;
                self.set(*slot, value);
            }
            StepKind::Augment(slot, op, value) => {
                let before = self.local(*slot)?;
                let value = self.eval(value)?;
                let after = self.augmented(*op, before, value)?;
                self.set(*slot, after);
            }
            StepKind::If(test, body, orelse) => {
                let holds = self.eval(test)?.truth();
                return self.block(if holds { body } else { orelse });
            }
            StepKind::For { goal, iter, body, orelse } => {
                let holder = self.eval(iter)?;
                return self.repeat(holder, goal, body, orelse);
            }
            StepKind::While { test, body, orelse } => {
                while self.eval(test)?.truth() {
                    self.tick()?;
                    match self.block(body)? {
                        Flow::Break => return Ok(Flow::Next),
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                        Flow::Next | Flow::Continue => {}
                    }
                }
                return self.block(orelse);
            }
            StepKind::Break => return Ok(Flow::Break),
            StepKind::Continue => return Ok(Flow::Continue),
            StepKind::Expr(value) => {
                self.eval(value)?;
            }
            StepKind::Bind(goal, value) => {
                let value = self.eval(value)?;
                self.bind(goal, value)?;
            }
            StepKind::Store { target, index, value } => {
                let value = self.eval(value)?;
                let target = self.eval(target)?;
                let index = self.eval(index)?;
                self.store(target, index, value)?;
            }
            StepKind::Raise(kind) => {
                return match kind {
                    Some(exc) => raise(*exc, "the row gets to a `raise`"),
                    None => leave("the row gets to a `raise`"),
                };
            }
            StepKind::Assert(test) => {
                if !self.eval(test)?.truth() {
                    return raise(Exc::Assertion, "the assertion fails");
                }
            }
            StepKind::Try { body, handlers, orelse, last } => {
                return self.attempt(body, handlers, orelse, last);
            }
            StepKind::Leave => return leave("a statement that is not compiled"),
        }
        Ok(Flow::Next)
    }

    fn augmented(&mut self, op: BinaryOp, before: Val<'a>, value: Val<'a>) -> Eval<Val<'a>> {
        if let (BinaryOp::Add, Val::List(cells)) = (op, before) {
            let more = self.collect(value)?;
            return extend(cells, more).map(|()| before);
        }
        match before {
            Val::Set(_) | Val::List(_) | Val::Dict(_) => leave("this change in place"),
            _ => arith::binary(op, before, value, self.arena),
        }
    }

    fn repeat(
        &mut self,
        holder: Val<'a>,
        goal: &'a Goal,
        body: &'a [Step],
        orelse: &'a [Step],
    ) -> Eval<Flow<'a>> {
        let before = size(&holder);
        for item in Items::new(holder, self.arena)? {
            self.tick()?;
            self.bind(goal, item)?;
            match self.block(body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Next | Flow::Continue => {}
            }
            if size(&holder) != before {
                return leave("a container that is changed while it is gone through");
            }
        }
        self.block(orelse)
    }

    fn attempt(
        &mut self,
        body: &'a [Step],
        handlers: &'a [Catch],
        orelse: &'a [Step],
        last: &'a [Step],
    ) -> Eval<Flow<'a>> {
        let mut flow = match self.block(body) {
            Ok(Flow::Next) => self.block(orelse),
            Err(Trouble::Raise(exc, why)) => match handlers.iter().find(|h| catches(h, exc)) {
                Some(handler) => {
                    self.fault = None;
                    self.block(&handler.body)
                }
                None => Err(Trouble::Raise(exc, why)),
            },
            other => other,
        };
        if matches!(flow, Err(Trouble::Leave(_))) || last.is_empty() {
            return flow;
        }
        let fault = self.fault.take();
        match self.block(last)? {
            Flow::Next => self.fault = fault,
            ends => flow = Ok(ends),
        }
        flow
    }

    // --- binding ---

    pub(crate) fn bind(&mut self, goal: &Goal, value: Val<'a>) -> Eval<()> {
        match goal {
            Goal::Slot(slot) | Goal::Starred(slot) => {
                self.set(*slot, value);
                Ok(())
            }
            Goal::Many(goals) => {
                let items = self.unpacked(value)?;
                let starred = goals.iter().position(|goal| matches!(goal, Goal::Starred(_)));
                match starred {
                    None => {
                        if items.len() != goals.len() {
                            return raise(Exc::Value, "another number of values to unpack");
                        }
                        goals.iter().zip(items).try_for_each(|(goal, item)| self.bind(goal, *item))
                    }
                    Some(at) => {
                        let after = goals.len() - at - 1;
                        if items.len() < at + after {
                            return raise(Exc::Value, "too few values to unpack");
                        }
                        let (first, rest) = items.split_at(at);
                        let (middle, end) = rest.split_at(rest.len() - after);
                        for (goal, item) in goals.iter().zip(first) {
                            self.bind(goal, *item)?;
                        }
                        let middle = crate::row::value::list(self.arena, middle.iter().copied());
                        self.bind(&goals[at], middle)?;
                        let rest = goals.iter().skip(at + 1).zip(end);
                        rest.into_iter().try_for_each(|(goal, item)| self.bind(goal, *item))
                    }
                }
            }
        }
    }
}

fn size(holder: &Val<'_>) -> usize {
    match holder {
        Val::List(cells) | Val::Set(cells) => cells.len(),
        Val::Dict(pairs) => pairs.len(),
        _ => 0,
    }
}

fn catches(handler: &Catch, exc: Exc) -> bool {
    handler.types.as_ref().is_none_or(|types| types.iter().any(|name| exc.is_caught_by(name)))
}
