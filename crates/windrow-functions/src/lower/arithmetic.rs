//! `+ - * / // % ** << >> & | ^ -x ~x`, with Python's types and exactness.

use crate::ir::{Cmp, File, Mask, Op, Slot};
use crate::lower::{Builder, Lowered};
use crate::spec::{At, BinaryOp, Literal, UnaryOp};
use crate::value::{Tags, Value};

const ZERO: &str = "division by zero";

impl Builder<'_> {
    pub(crate) fn binary(
        &mut self,
        op: BinaryOp,
        left: &Value,
        right: &Value,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        self.per_types(left, right, mask, |builder, left, right, mask| {
            builder.binary_single(op, left, right, at, mask)
        })
    }

    /// An int or float register with the value of a number; bools count as 0 and 1.
    pub(crate) fn numeric(&mut self, value: &Value) -> Option<Slot> {
        match (value.int, value.float, value.bool) {
            (Some(int), _, _) => Some(int),
            (_, Some(float), _) => Some(float),
            (_, _, Some(bool)) => Some(self.total(Op::ByteToInt, &[bool], File::Int)),
            _ => None,
        }
    }

    /// The same number as a float, as CPython converts it: to the nearest, ties to even.
    pub(crate) fn as_float(&mut self, slot: Slot) -> Slot {
        match slot.file {
            File::Int => self.total(Op::IntToFloat, &[slot], File::Float),
            _ => slot,
        }
    }

    fn binary_single(
        &mut self,
        op: BinaryOp,
        left: &Value,
        right: &Value,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        if left.tags == Tags::STR || right.tags == Tags::STR {
            return self.text_binary(op, left, right, at, mask);
        }
        let (Some(a), Some(b)) = (self.numeric(left), self.numeric(right)) else {
            let (a, b) = (left.tags.name(), right.tags.name());
            return Ok(self.type_error(at, mask, &format!("`{a}` and `{b}` in arithmetic")));
        };
        let both_bool = left.tags == Tags::BOOL && right.tags == Tags::BOOL;
        if let (true, Some(x), Some(y)) = (both_bool, left.bool, right.bool) {
            let logical = match op {
                BinaryOp::And => Some(Op::And),
                BinaryOp::Or => Some(Op::Or),
                BinaryOp::Xor => Some(Op::Xor),
                _ => None,
            };
            if let Some(op) = logical {
                return Ok(Value::single(Tags::BOOL, self.total(op, &[x, y], File::Byte)));
            }
        }
        if a.file == File::Int && b.file == File::Int {
            return self.int_binary(op, [a, b], right, at, mask);
        }
        let (a, b) = (self.as_float(a), self.as_float(b));
        self.float_binary(op, [a, b], at, mask)
    }

    fn int_binary(
        &mut self,
        op: BinaryOp,
        args: [Slot; 2],
        right: &Value,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        let divisor = args[1];
        let (op, exit) = match op {
            BinaryOp::Add => (Op::IntAdd, self.overflow(at)),
            BinaryOp::Sub => (Op::IntSub, self.overflow(at)),
            BinaryOp::Mul => (Op::IntMul, self.overflow(at)),
            BinaryOp::And => (Op::IntAnd, 0),
            BinaryOp::Or => (Op::IntOr, 0),
            BinaryOp::Xor => (Op::IntXor, 0),
            BinaryOp::Shl => (Op::IntShl, self.exit(at, None, "the shift leaves 64 bits")),
            BinaryOp::Shr => (Op::IntShr, self.exit(at, None, "a negative shift")),
            BinaryOp::FloorDiv => {
                self.refuse_zero_int(divisor, at, mask);
                (Op::IntFloorDiv, self.overflow(at))
            }
            BinaryOp::Mod => {
                self.refuse_zero_int(divisor, at, mask);
                (Op::IntMod, 0)
            }
            BinaryOp::Div => {
                self.refuse_zero_int(divisor, at, mask);
                let exit = self.exit(at, None, "an integer beyond 2**53 is divided");
                let slot = self.emit(Op::IntDiv, &args, File::Float, mask, exit);
                return Ok(Value::single(Tags::FLOAT, slot));
            }
            BinaryOp::Pow => return self.int_pow(args, right, at, mask),
        };
        let inner = if exit == 0 { None } else { mask };
        let slot = self.emit(op, &args, File::Int, inner, exit);
        Ok(Value::single(Tags::INT, slot))
    }

    fn refuse_zero_int(&mut self, divisor: Slot, at: &At, mask: Mask) {
        if let crate::ir::Def::Int(value) = self.defs[File::Int as usize][divisor.id as usize]
            && value != 0
        {
            return;
        }
        let zero = self.int(0);
        let is_zero = self.total(Op::IntCmp(Cmp::Eq), &[divisor, zero], File::Byte);
        let exit = self.exit(at, Some("ZeroDivisionError"), ZERO);
        self.leave_where(is_zero, mask, exit);
    }

    /// `a ** b`: an int for `b >= 0`, a float for a constant `b < 0`.
    fn int_pow(&mut self, args: [Slot; 2], right: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        let negative =
            matches!(&right.known, Some(Literal::Int(digits)) if digits.starts_with('-'));
        if negative {
            let floats = [self.as_float(args[0]), self.as_float(args[1])];
            return self.float_binary(BinaryOp::Pow, floats, at, mask);
        }
        let exit = self.exit(at, None, "a negative exponent or a result beyond 64 bits");
        let slot = self.emit(Op::IntPow, &args, File::Int, mask, exit);
        Ok(Value::single(Tags::INT, slot))
    }

    fn float_binary(
        &mut self,
        op: BinaryOp,
        args: [Slot; 2],
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        let (op, exit) = match op {
            BinaryOp::Add => (Op::FloatAdd, 0),
            BinaryOp::Sub => (Op::FloatSub, 0),
            BinaryOp::Mul => (Op::FloatMul, 0),
            BinaryOp::Div => (Op::FloatDiv, self.exit(at, Some("ZeroDivisionError"), ZERO)),
            BinaryOp::FloorDiv => {
                (Op::FloatFloorDiv, self.exit(at, Some("ZeroDivisionError"), ZERO))
            }
            BinaryOp::Mod => (Op::FloatMod, self.exit(at, Some("ZeroDivisionError"), ZERO)),
            BinaryOp::Pow => {
                (Op::FloatPow, self.exit(at, None, "a power that is special, complex or too large"))
            }
            _ => return Ok(self.type_error(at, mask, "a bit operation on a float")),
        };
        let inner = if exit == 0 { None } else { mask };
        let slot = self.emit(op, &args, File::Float, inner, exit);
        Ok(Value::single(Tags::FLOAT, slot))
    }

    /// `s + t`, `s * n`
    fn text_binary(
        &mut self,
        op: BinaryOp,
        left: &Value,
        right: &Value,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        let slot = match (op, left.str, right.str) {
            (BinaryOp::Add, Some(a), Some(b)) => {
                self.emit(Op::TextConcat, &[a, b], File::Text, mask, 0)
            }
            (BinaryOp::Mod, Some(_), _) => {
                return Err(at.reason("formatting with `%` is not compiled; an f-string is"));
            }
            (BinaryOp::Mul, Some(text), None) | (BinaryOp::Mul, None, Some(text)) => {
                let count = if left.str.is_some() { right } else { left };
                match self.numeric(count) {
                    Some(count) if count.file == File::Int => {
                        let exit = self.exit(at, None, "a very long text");
                        self.emit(Op::TextRepeat, &[text, count], File::Text, mask, exit)
                    }
                    _ => return Ok(self.type_error(at, mask, "text repeated by no integer")),
                }
            }
            _ => {
                let (a, b) = (left.tags.name(), right.tags.name());
                return Ok(self.type_error(at, mask, &format!("`{a}` and `{b}` in arithmetic")));
            }
        };
        Ok(Value::single(Tags::STR, slot))
    }

    pub(crate) fn unary(
        &mut self,
        op: UnaryOp,
        value: &Value,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        if op == UnaryOp::Neg
            && let Some(Literal::Int(digits)) = &value.known
        {
            // A negative literal stays a known constant: `x ** -2`, `s.split()[-1]`.
            let negative = match digits.strip_prefix('-') {
                Some(positive) => positive.to_owned(),
                None if digits == "0" => digits.clone(),
                None => format!("-{digits}"),
            };
            return self.literal(&Literal::Int(negative), at);
        }
        self.per_type(value, mask, |builder, value, mask| {
            let Some(slot) = builder.numeric(value) else {
                let text = format!("the sign of `{}`", value.tags.name());
                return Ok(builder.type_error(at, mask, &text));
            };
            let (tag, op, exit) = match (op, slot.file) {
                (UnaryOp::Pos, File::Int) => return Ok(Value::single(Tags::INT, slot)),
                (UnaryOp::Pos, _) => return Ok(Value::single(Tags::FLOAT, slot)),
                (UnaryOp::Neg, File::Int) => (Tags::INT, Op::IntNeg, builder.overflow(at)),
                (UnaryOp::Neg, _) => (Tags::FLOAT, Op::FloatNeg, 0),
                (UnaryOp::Invert, File::Int) => (Tags::INT, Op::IntInvert, 0),
                _ => return Ok(builder.type_error(at, mask, "a bit operation on a float")),
            };
            let inner = if exit == 0 { None } else { mask };
            let slot = builder.emit(op, &[slot], slot.file, inner, exit);
            Ok(Value::single(tag, slot))
        })
    }
}
