//! Loops and comprehensions over the characters of a text that do the same for the same character:
//! what they do is found out once for each ASCII character, by the row interpreter, and becomes
//! a table.

use bumpalo::Bump;

use crate::ir::{Cmp, File, Mask, Op, Slot, TableId};
use crate::lower::flow::{Env, Var};
use crate::lower::{Builder, Lowered, Truth};
use crate::row::{Answer, LIMIT, Runner, Val, resolve};
use crate::spec::{
    At, BinaryOp, Clause, Expr, ExprKind, FnSpec, Literal, Stmt, StmtKind, Target, UnaryOp,
};
use crate::value::{Tags, Value};

const CHARACTERS: &str = "a character beyond ASCII, or one that raises";

/// What is added, or written, for each ASCII character.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Characters {
    /// By byte; the others are zero.
    pub(crate) sums: Box<[i64; 256]>,
    /// By byte: 1 where the row leaves.
    pub(crate) leaves: Box<[u8; 256]>,
    /// By ASCII character; empty if nothing is written.
    pub(crate) texts: Vec<String>,
}

/// How the items of a comprehension come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gather {
    Sum,
    Count,
    Any,
    All,
    Join,
}

impl Builder<'_> {
    /// `for character in text: ...` with one counter; false if it is another kind of loop.
    pub(crate) fn character_loop(
        &mut self,
        (target, iter, body): (&Target, &Expr, &[Stmt]),
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<bool> {
        let Target::Name { name } = target else { return Ok(false) };
        let mut counter = None;
        let Some(added) = added_by(body, at, &mut counter) else { return Ok(false) };
        let Some(counter) = counter.filter(|counter| counter != name) else { return Ok(false) };
        let Some(table) = self.character_table(name, added, Gather::Sum) else { return Ok(false) };
        let before = self.local(&counter, at, mask, env)?;
        let text = self.expr(iter, mask, env)?;
        let (Some(_), Some(start)) = (text.str, before.int) else { return Ok(false) };
        if before.tags != Tags::INT {
            return Ok(false);
        }
        let Some(slot) = self.gone_through(&text, at, mask) else { return Ok(false) };
        let sum = self.character_sum(slot, table, at, mask);
        let exit = self.exit(at, None, "the result does not fit 64 bits");
        let after = self.emit(Op::IntAdd, &[start, sum], File::Int, mask, exit);
        let value = Value::single(Tags::INT, after);
        env.vars.insert(counter, Var { value, unbound: None });
        // The variable keeps the last character.
        let last = self.int(-1);
        let op = Op::TextSlice { lower: true, upper: false };
        let zero = self.int(0);
        let last = self.emit(op, &[slot, last, zero], File::Text, mask, 0);
        let filled = self.total(Op::TextTruth, &[slot], File::Byte);
        let mut value = Value::single(Tags::STR, last);
        let mut unbound = Some(self.not(filled));
        if let Some(old) = env.vars.get(name) {
            value = self.select(Truth::Lanes(filled), &value, &old.value);
            unbound = match (unbound, old.unbound) {
                (Some(empty), Some(missing)) => Some(self.and(empty, missing)),
                _ => None,
            };
        }
        env.vars.insert(name.clone(), Var { value, unbound });
        Ok(true)
    }

    /// `sum(... for character in text)` and its like; nothing if it is another comprehension.
    pub(crate) fn character_gather(
        &mut self,
        gather: Gather,
        comp: &Expr,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Option<Value>> {
        let ExprKind::Comp { kind, element, clauses, .. } = &comp.kind else { return Ok(None) };
        let [Clause { target: Target::Name { name }, iter, tests }] = clauses.as_slice() else {
            return Ok(None);
        };
        let lazy = kind == "generator";
        let fits = match gather {
            Gather::Count => kind == "list",
            Gather::Join => lazy || kind == "list",
            _ => lazy,
        };
        if !fits {
            return Ok(None);
        }
        let at = &comp.at;
        let mut body = returned(at, (**element).clone());
        for test in tests.iter().rev() {
            body = vec![branch(at, test.clone(), body, Vec::new())];
        }
        let Some(table) = self.character_table(name, body, gather) else { return Ok(None) };
        let text = self.expr(iter, mask, env)?;
        let Some(slot) = self.gone_through(&text, at, mask) else { return Ok(None) };
        if gather == Gather::Join {
            let exit = self.exit(at, None, CHARACTERS);
            let joined = self.emit(Op::TextCharacters(table), &[slot], File::Text, mask, exit);
            return Ok(Some(Value::single(Tags::STR, joined)));
        }
        let sum = self.character_sum(slot, table, at, mask);
        let zero = self.int(0);
        Ok(Some(match gather {
            Gather::Any | Gather::All => {
                let cmp = if gather == Gather::Any { Cmp::Ne } else { Cmp::Eq };
                let found = self.total(Op::IntCmp(cmp), &[sum, zero], File::Byte);
                Value::single(Tags::BOOL, found)
            }
            _ => Value::single(Tags::INT, sum),
        }))
    }

    /// The lanes that are text; numbers and None cannot be gone through.
    fn gone_through(&mut self, text: &Value, at: &At, mask: Mask) -> Option<Slot> {
        let slot = text.str?;
        for tag in text.tags.each().filter(|&tag| tag != Tags::STR) {
            let here = self.has_tag(text, tag);
            let lanes = self.narrow(mask, here);
            let exit = self.exit(at, Some("TypeError"), "a value that cannot be gone through");
            self.leave(lanes, exit);
        }
        Some(slot)
    }

    fn character_sum(&mut self, text: Slot, table: TableId, at: &At, mask: Mask) -> Slot {
        let exit = self.exit(at, None, CHARACTERS);
        self.emit(Op::TextCharacters(table), &[text], File::Int, mask, exit)
    }

    /// Runs `body`, a function of the character `name` alone, for each ASCII character.
    fn character_table(&mut self, name: &str, body: Vec<Stmt>, gather: Gather) -> Option<TableId> {
        let spec = FnSpec {
            python: self.spec.python,
            name: String::new(),
            params: vec![name.to_owned()],
            body,
            functions: self.spec.functions.clone(),
        };
        let (tree, left_out) = resolve(&spec).ok()?;
        // It reads nothing but the character.
        if tree.main.slots != 1 || !left_out.is_empty() {
            return None;
        }
        let arena = Bump::new();
        let mut runner = Runner::new(&tree, &arena, LIMIT);
        let (mut sums, mut leaves) = (Box::new([0; 256]), Box::new([1; 256]));
        let mut texts = Vec::new();
        for code in 0..128_u8 {
            let character = char::from(code);
            let answer = runner.run(std::iter::once(crate::row::character(&arena, character)));
            let at = usize::from(code);
            let Answer::Value(value) = answer else {
                texts.push(String::new());
                continue;
            };
            leaves[at] = 0;
            match (gather, value) {
                (Gather::Join, Val::Str(text)) => texts.push(text.to_owned()),
                // Nothing comes back where a condition does not hold.
                (Gather::Join, Val::None) => texts.push(String::new()),
                (_, Val::None) => {}
                (Gather::Sum, Val::Int(_) | Val::Bool(_)) => sums[at] = value.int()?,
                (Gather::Count, _) => sums[at] = 1,
                (Gather::Any, _) => sums[at] = i64::from(value.truth()),
                (Gather::All, _) => sums[at] = i64::from(!value.truth()),
                _ => return None,
            }
        }
        let table = Characters { sums, leaves, texts };
        let found = self.characters.iter().position(|known| *known == table);
        let index = found.unwrap_or_else(|| {
            self.characters.push(table);
            self.characters.len() - 1
        });
        TableId::try_from(index).ok()
    }
}

fn returned(at: &At, value: Expr) -> Vec<Stmt> {
    vec![Stmt { at: at.clone(), kind: StmtKind::Return { value: Some(value) } }]
}

fn branch(at: &At, test: Expr, body: Vec<Stmt>, orelse: Vec<Stmt>) -> Stmt {
    Stmt { at: at.clone(), kind: StmtKind::If { test, body, orelse } }
}

/// The body of a loop as a function that returns what is added to the only counter.
fn added_by(body: &[Stmt], at: &At, counter: &mut Option<String>) -> Option<Vec<Stmt>> {
    let Some((first, rest)) = body.split_first() else {
        let zero = ExprKind::Const { value: Literal::Int("0".to_owned()) };
        return Some(returned(at, Expr { at: at.clone(), kind: zero }));
    };
    match &first.kind {
        StmtKind::Continue => added_by(&[], at, counter),
        StmtKind::If { test, body, orelse } => {
            let ends = matches!(body.last().map(|last| &last.kind), Some(StmtKind::Continue));
            let (yes, no) = if rest.is_empty() {
                (added_by(body, at, counter)?, added_by(orelse, at, counter)?)
            } else if ends && orelse.is_empty() {
                (added_by(body, at, counter)?, added_by(rest, at, counter)?)
            } else {
                return None;
            };
            Some(vec![branch(&first.at, test.clone(), yes, no)])
        }
        StmtKind::Augment { name, op: op @ (BinaryOp::Add | BinaryOp::Sub), value } => {
            let ends = matches!(rest, [] | [Stmt { kind: StmtKind::Continue, .. }]);
            if !ends || counter.as_ref().is_some_and(|known| known != name) {
                return None;
            }
            *counter = Some(name.clone());
            let value = match op {
                BinaryOp::Add => value.clone(),
                _ => Expr {
                    at: value.at.clone(),
                    kind: ExprKind::Unary { op: UnaryOp::Neg, value: Box::new(value.clone()) },
                },
            };
            Some(returned(at, value))
        }
        _ => None,
    }
}
