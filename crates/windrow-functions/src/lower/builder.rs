//! What all of lowering uses: emitting operations, constants, masks, selection, exits.

use std::collections::HashMap;

use crate::ir::{Def, Exit, ExitCode, File, Instr, Mask, Op, Slot};
use crate::lower::{Characters, FormatSpec, Table};
use crate::spec::{At, FnSpec, Literal};
use crate::value::{Tags, Value};
use crate::{Nulls, Reason};

/// The result of lowering a piece, or why that piece is not compiled.
pub(crate) type Lowered<T> = Result<T, Reason>;

/// Beyond this many operations a function stays with the interpreter.
const MAX_INSTRUCTIONS: usize = 20_000;

/// A condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    Always,
    Never,
    Lanes(Slot),
}

#[derive(Debug)]
pub(crate) struct Builder<'s> {
    pub(crate) spec: &'s FnSpec,
    pub(crate) nulls: Nulls,
    pub(crate) instrs: Vec<Instr>,
    pub(crate) defs: [Vec<Def>; 4],
    pub(crate) tables: Vec<Table>,
    pub(crate) formats: Vec<FormatSpec>,
    pub(crate) characters: Vec<Characters>,
    pub(crate) exits: Vec<Exit>,
    /// The pieces that are left to the interpreter.
    pub(crate) left_out: Vec<Reason>,
    /// How many calls are being inlined.
    pub(crate) depth: usize,
    /// How many `try` statements are around; in them no exception is certain to come out.
    pub(crate) tries: usize,
    constants: HashMap<ConstantKey, Slot>,
    /// Operations that were emitted before, so that equal ones are computed once.
    known: HashMap<Computation, (usize, Slot)>,
}

/// An operation with all that its result depends on.
type Computation = (Op, Vec<Slot>, File, Mask);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ConstantKey {
    Int(i64),
    Float(u64),
    Byte(u8),
    Text(String),
}

impl<'s> Builder<'s> {
    pub(crate) fn new(spec: &'s FnSpec, nulls: Nulls) -> Self {
        Self {
            spec,
            nulls,
            instrs: Vec::new(),
            defs: Default::default(),
            tables: Vec::new(),
            formats: Vec::new(),
            characters: Vec::new(),
            exits: Vec::new(),
            left_out: Vec::new(),
            depth: 0,
            tries: 0,
            constants: HashMap::new(),
            known: HashMap::new(),
        }
    }

    pub(crate) fn define(&mut self, file: File, def: Def) -> Slot {
        let defs = &mut self.defs[file as usize];
        defs.push(def);
        Slot { file, id: u32::try_from(defs.len() - 1).unwrap_or(u32::MAX) }
    }

    // --- constants ---

    fn constant(&mut self, key: ConstantKey, file: File, def: Def) -> Slot {
        if let Some(&slot) = self.constants.get(&key) {
            return slot;
        }
        let slot = self.define(file, def);
        self.constants.insert(key, slot);
        slot
    }

    pub(crate) fn int(&mut self, value: i64) -> Slot {
        self.constant(ConstantKey::Int(value), File::Int, Def::Int(value))
    }

    pub(crate) fn float(&mut self, value: f64) -> Slot {
        self.constant(ConstantKey::Float(value.to_bits()), File::Float, Def::Float(value))
    }

    pub(crate) fn byte(&mut self, value: u8) -> Slot {
        self.constant(ConstantKey::Byte(value), File::Byte, Def::Byte(value))
    }

    pub(crate) fn text(&mut self, value: &str) -> Slot {
        self.constant(ConstantKey::Text(value.to_owned()), File::Text, Def::Text(value.to_owned()))
    }

    /// A literal as a value; containers are read through tables instead.
    pub(crate) fn literal(&mut self, literal: &Literal, at: &At) -> Lowered<Value> {
        let mut value = match literal {
            Literal::None => Value::none(),
            Literal::Bool(value) => Value::single(Tags::BOOL, self.byte(u8::from(*value))),
            Literal::Int(digits) => {
                let value = digits
                    .parse()
                    .map_err(|_| at.reason("an integer beyond 64 bits is not compiled"))?;
                Value::single(Tags::INT, self.int(value))
            }
            Literal::Float(_) => {
                let value = float_of(literal).ok_or_else(|| at.reason("a broken float literal"))?;
                Value::single(Tags::FLOAT, self.float(value))
            }
            Literal::Str(value) => Value::single(Tags::STR, self.text(value)),
            _ => return Err(at.reason("a container used as a value is not compiled")),
        };
        value.known = Some(literal.clone());
        Ok(value)
    }

    // --- operations ---

    /// Emits an operation that cannot leave.
    pub(crate) fn total(&mut self, op: Op, args: &[Slot], file: File) -> Slot {
        self.emit(op, args, file, None, 0)
    }

    /// Emits an operation with the lanes it is for and the way out for lanes that fault.
    pub(crate) fn emit(
        &mut self,
        op: Op,
        args: &[Slot],
        file: File,
        mask: Mask,
        exit: ExitCode,
    ) -> Slot {
        let key = (op, args.to_vec(), file, mask);
        if let Some(&(index, slot)) = self.known.get(&key)
            && self.instrs.get(index).is_some_and(|i| i.op == op && i.out == Some(slot))
        {
            return slot;
        }
        let out = self.define(file, Def::Computed);
        self.known.insert(key, (self.instrs.len(), out));
        self.instrs.push(Instr { op, out: Some(out), args: args.to_vec(), mask, exit });
        out
    }

    pub(crate) fn check_size(&self, at: &At) -> Lowered<()> {
        if self.instrs.len() > MAX_INSTRUCTIONS {
            return Err(at.reason("the function is too long to be compiled"));
        }
        Ok(())
    }

    // --- exits ---

    /// Registers a way out.
    pub(crate) fn exit(&mut self, at: &At, raises: Option<&'static str>, text: &str) -> ExitCode {
        let raises = raises.filter(|_| self.tries == 0);
        self.way_out(Exit { raises, reason: at.reason(text), is_final: false })
    }

    /// Registers the way out of integers beyond 64 bits, which the row interpreter has neither.
    pub(crate) fn overflow(&mut self, at: &At) -> ExitCode {
        let reason = at.reason("the result does not fit 64 bits");
        self.way_out(Exit { raises: None, reason, is_final: true })
    }

    fn way_out(&mut self, exit: Exit) -> ExitCode {
        let index = self.exits.iter().position(|known| *known == exit).unwrap_or_else(|| {
            if self.exits.len() < 254 {
                self.exits.push(exit);
            }
            self.exits.len() - 1
        });
        u8::try_from(index + 1).unwrap_or(u8::MAX)
    }

    /// All lanes of `mask` leave here.
    pub(crate) fn leave(&mut self, mask: Mask, exit: ExitCode) {
        self.instrs.push(Instr { op: Op::Leave, out: None, args: Vec::new(), mask, exit });
    }

    /// The lanes of `mask` with a 1 in `fault` leave here.
    pub(crate) fn leave_where(&mut self, fault: Slot, mask: Mask, exit: ExitCode) {
        self.instrs.push(Instr { op: Op::Leave, out: None, args: vec![fault], mask, exit });
    }

    /// Every lane of `mask` raises TypeError here; the value never is.
    pub(crate) fn type_error(&mut self, at: &At, mask: Mask, text: &str) -> Value {
        let exit = self.exit(at, Some("TypeError"), text);
        self.leave(mask, exit);
        Value::default()
    }

    // --- masks and conditions ---

    fn constant_byte(&self, slot: Slot) -> Option<u8> {
        match self.defs[File::Byte as usize].get(slot.id as usize) {
            Some(Def::Byte(value)) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn and(&mut self, left: Slot, right: Slot) -> Slot {
        match (self.constant_byte(left), self.constant_byte(right)) {
            (Some(0), _) | (_, Some(0)) => self.byte(0),
            (Some(_), _) => right,
            (_, Some(_)) => left,
            _ if left == right => left,
            _ => self.total(Op::And, &[left, right], File::Byte),
        }
    }

    pub(crate) fn or(&mut self, left: Slot, right: Slot) -> Slot {
        match (self.constant_byte(left), self.constant_byte(right)) {
            (Some(0), _) => right,
            (_, Some(0)) => left,
            (Some(_), _) | (_, Some(_)) => self.byte(1),
            _ if left == right => left,
            _ => self.total(Op::Or, &[left, right], File::Byte),
        }
    }

    pub(crate) fn not(&mut self, slot: Slot) -> Slot {
        match self.constant_byte(slot) {
            Some(value) => self.byte(1 - value.min(1)),
            None => self.total(Op::Not, &[slot], File::Byte),
        }
    }

    /// The lanes of `mask` where `condition` holds.
    pub(crate) fn narrow(&mut self, mask: Mask, condition: Truth) -> Mask {
        match (mask, condition) {
            (mask, Truth::Always) => mask,
            (_, Truth::Never) => Some(self.byte(0)),
            (None, Truth::Lanes(slot)) => Some(slot),
            (Some(mask), Truth::Lanes(slot)) => Some(self.and(mask, slot)),
        }
    }

    pub(crate) fn negate(&mut self, condition: Truth) -> Truth {
        match condition {
            Truth::Always => Truth::Never,
            Truth::Never => Truth::Always,
            Truth::Lanes(slot) => Truth::Lanes(self.not(slot)),
        }
    }

    /// A condition as lanes.
    pub(crate) fn lanes(&mut self, condition: Truth) -> Slot {
        match condition {
            Truth::Always => self.byte(1),
            Truth::Never => self.byte(0),
            Truth::Lanes(slot) => slot,
        }
    }

    /// A condition as a Python bool.
    pub(crate) fn bool_value(&mut self, condition: Truth) -> Value {
        let mut value = Value::single(Tags::BOOL, self.lanes(condition));
        value.known = match condition {
            Truth::Always => Some(Literal::Bool(true)),
            Truth::Never => Some(Literal::Bool(false)),
            Truth::Lanes(_) => None,
        };
        value
    }

    /// Where `value` has the type `tag`.
    pub(crate) fn has_tag(&mut self, value: &Value, tag: Tags) -> Truth {
        match value.tag {
            _ if value.tags == tag => Truth::Always,
            _ if !value.tags.contains(tag) => Truth::Never,
            Some(slot) => Truth::Lanes(self.total(Op::ByteIs(tag.bits()), &[slot], File::Byte)),
            None => Truth::Never,
        }
    }

    // --- selection ---

    /// `left` where `condition` holds, else `right`.
    pub(crate) fn select(&mut self, condition: Truth, left: &Value, right: &Value) -> Value {
        let slot = match condition {
            Truth::Always => return left.clone(),
            Truth::Never => return right.clone(),
            Truth::Lanes(slot) => slot,
        };
        if left.is_never() {
            return right.clone();
        }
        if right.is_never() {
            return left.clone();
        }
        let mut value = Value { tags: left.tags.union(right.tags), ..Value::default() };
        for tag in value.tags.each() {
            let chosen = match (left.slot(tag), right.slot(tag)) {
                (Some(left), Some(right)) => Some(self.select_slot(slot, left, right)),
                (one, other) => one.or(other),
            };
            if let Some(chosen) = chosen {
                value.set(tag, chosen);
            }
        }
        if !value.tags.is_single() {
            let (one, other) = (self.tag_lanes(left), self.tag_lanes(right));
            value.tag = Some(self.select_slot(slot, one, other));
        }
        if left.known == right.known {
            value.known.clone_from(&left.known);
        }
        value
    }

    pub(crate) fn tag_lanes(&mut self, value: &Value) -> Slot {
        value.tag.unwrap_or_else(|| self.byte(value.tags.bits()))
    }

    pub(crate) fn select_slot(&mut self, condition: Slot, left: Slot, right: Slot) -> Slot {
        if left == right {
            return left;
        }
        let op = match left.file {
            File::Int => Op::SelectInt,
            File::Float => Op::SelectFloat,
            File::Byte => Op::SelectByte,
            File::Text => Op::SelectText,
        };
        self.total(op, &[condition, left, right], left.file)
    }

    /// Computes for each combination of the types of two values, and selects.
    pub(crate) fn per_types<F>(
        &mut self,
        left: &Value,
        right: &Value,
        mask: Mask,
        mut compute: F,
    ) -> Lowered<Value>
    where
        F: FnMut(&mut Self, &Value, &Value, Mask) -> Lowered<Value>,
    {
        if left.is_never() || right.is_never() {
            return Ok(Value::default());
        }
        if left.tags.is_single() && right.tags.is_single() {
            return compute(self, left, right, mask);
        }
        let mut result = Value::default();
        for one in left.tags.each() {
            for other in right.tags.each() {
                let (a, b) = (self.has_tag(left, one), self.has_tag(right, other));
                let here = match (a, b) {
                    (Truth::Lanes(a), Truth::Lanes(b)) => Truth::Lanes(self.and(a, b)),
                    (Truth::Always, other) | (other, _) => other,
                };
                let inner = self.narrow(mask, here);
                let value = compute(self, &left.only(one), &right.only(other), inner)?;
                result = self.select(here, &value, &result);
            }
        }
        Ok(result)
    }

    /// Computes for each type of a value, and selects.
    pub(crate) fn per_type<F>(
        &mut self,
        value: &Value,
        mask: Mask,
        mut compute: F,
    ) -> Lowered<Value>
    where
        F: FnMut(&mut Self, &Value, Mask) -> Lowered<Value>,
    {
        let nothing = Value::none();
        self.per_types(value, &nothing, mask, |builder, value, _, mask| {
            compute(builder, value, mask)
        })
    }
}

/// The float that a literal holds.
pub(crate) fn float_of(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Float(bits) => u64::from_str_radix(bits, 16).ok().map(f64::from_bits),
        _ => None,
    }
}
