//! Conditions and selection.

use crate::ir::{Cmp, File, Instr, Op, Slot};
use crate::kernel::number;
use crate::machine::Frame;
use crate::machine::wide::{binary, choose, choose_bits, choose_bytes, unary};

impl Frame<'_> {
    pub(crate) fn run_byte(&mut self, instr: &Instr) {
        let register = self.register(instr);
        let mut out = std::mem::take(&mut self.bytes[register]);
        let known = self.byte_op(instr, &mut out[..self.count]);
        self.bytes[register] = out;
        if !known {
            self.unknown();
        }
    }

    /// Whether it is an operation with bytes as its result.
    fn byte_op(&self, instr: &Instr, out: &mut [u8]) -> bool {
        match (instr.op, instr.args.as_slice()) {
            (Op::And, &[a, b]) => self.bytes2(a, b, out, |a, b| a & b),
            (Op::Or, &[a, b]) => self.bytes2(a, b, out, |a, b| a | b),
            (Op::Xor, &[a, b]) => self.bytes2(a, b, out, |a, b| a ^ b),
            (Op::Not, &[a]) => unary(self.byte_lanes(a), out, |a| a ^ 1),
            (Op::ByteIs(tag), &[a]) => unary(self.byte_lanes(a), out, |a| u8::from(a == tag)),
            (Op::IsNan, &[a]) => unary(self.float_lanes(a), out, |a| u8::from(a.is_nan())),
            (Op::IsInf, &[a]) => unary(self.float_lanes(a), out, |a| u8::from(a.is_infinite())),
            (Op::IntCmp(cmp), &[a, b]) => compare(cmp, self.int_lanes(a), self.int_lanes(b), out),
            (Op::FloatCmp(cmp), &[a, b]) => {
                compare(cmp, self.float_lanes(a), self.float_lanes(b), out);
            }
            (Op::IntFloatCmp(cmp), &[a, b]) => {
                binary(self.int_lanes(a), self.float_lanes(b), out, |a, b| {
                    u8::from(number::compare_int_float(cmp, a, b))
                });
            }
            (Op::GatherTag(table), &[position]) => {
                let tags = &self.plan.tables[usize::from(table)].values.tags;
                gather(tags, self.int_lanes(position), out);
            }
            (Op::Gather(table), &[position]) => {
                let values = &self.plan.tables[usize::from(table)].values.bytes;
                gather(values, self.int_lanes(position), out);
            }
            _ => return false,
        }
        true
    }

    fn bytes2(&self, a: Slot, b: Slot, out: &mut [u8], f: impl Fn(u8, u8) -> u8) {
        binary(self.byte_lanes(a), self.byte_lanes(b), out, f);
    }

    pub(crate) fn select(&mut self, instr: &Instr) {
        let &[condition, left, right] = instr.args.as_slice() else { return };
        let (register, count) = (self.register(instr), self.count);
        match left.file {
            File::Int => {
                let mut out = std::mem::take(&mut self.ints[register]);
                let (a, b) = (self.int_lanes(left), self.int_lanes(right));
                choose_bits(self.byte_lanes(condition), a, b, &mut out[..count]);
                self.ints[register] = out;
            }
            File::Float => {
                let mut out = std::mem::take(&mut self.floats[register]);
                let (a, b) = (self.float_lanes(left), self.float_lanes(right));
                choose(self.byte_lanes(condition), a, b, &mut out[..count]);
                self.floats[register] = out;
            }
            File::Byte => {
                let mut out = std::mem::take(&mut self.bytes[register]);
                let (a, b) = (self.byte_lanes(left), self.byte_lanes(right));
                choose_bytes(self.byte_lanes(condition), a, b, &mut out[..count]);
                self.bytes[register] = out;
            }
            File::Text => {
                let mut out = std::mem::take(&mut self.texts[register]);
                let (a, b) = (self.text_lanes(left), self.text_lanes(right));
                choose(self.byte_lanes(condition), a, b, &mut out[..count]);
                self.texts[register] = out;
            }
        }
    }
}

/// One loop for each comparison, so that each is vectorized.
pub(crate) fn compare<T: PartialOrd + Copy>(cmp: Cmp, a: &[T], b: &[T], out: &mut [u8]) {
    match cmp {
        Cmp::Eq => binary(a, b, out, |a, b| u8::from(a == b)),
        Cmp::Ne => binary(a, b, out, |a, b| u8::from(a != b)),
        Cmp::Lt => binary(a, b, out, |a, b| u8::from(a < b)),
        Cmp::Le => binary(a, b, out, |a, b| u8::from(a <= b)),
        Cmp::Gt => binary(a, b, out, |a, b| u8::from(a > b)),
        Cmp::Ge => binary(a, b, out, |a, b| u8::from(a >= b)),
    }
}

/// The entries at positions; lanes without one get a value nobody reads.
pub(crate) fn gather<T: Copy + Default>(values: &[T], positions: &[i64], out: &mut [T]) {
    for (out, &position) in out.iter_mut().zip(positions) {
        let entry = usize::try_from(position).ok().and_then(|p| values.get(p).copied());
        *out = entry.unwrap_or_default();
    }
}
