//! Conditions and selection.

use crate::ir::{Cmp, File, Instr, Op, Slot};
use crate::kernel::number;
use crate::machine::{Frame, UNKNOWN_EXIT};

impl Frame<'_> {
    pub(crate) fn run_byte(&mut self, instr: &Instr) {
        let register = self.register(instr);
        let mut out = std::mem::take(&mut self.bytes[register]);
        out.clear();
        match (instr.op, instr.args.as_slice()) {
            (Op::And, &[a, b]) => self.bytes2(a, b, &mut out, |a, b| a & b),
            (Op::Or, &[a, b]) => self.bytes2(a, b, &mut out, |a, b| a | b),
            (Op::Xor, &[a, b]) => self.bytes2(a, b, &mut out, |a, b| a ^ b),
            (Op::Not, &[a]) => out.extend(self.byte_lanes(a).iter().map(|a| a ^ 1)),
            (Op::ByteIs(tag), &[a]) => {
                out.extend(self.byte_lanes(a).iter().map(|&a| u8::from(a == tag)));
            }
            (Op::IsNan, &[a]) => {
                out.extend(self.float_lanes(a).iter().map(|a| u8::from(a.is_nan())));
            }
            (Op::IsInf, &[a]) => {
                out.extend(self.float_lanes(a).iter().map(|a| u8::from(a.is_infinite())));
            }
            (Op::IntCmp(cmp), &[a, b]) => {
                compare(cmp, self.int_lanes(a), self.int_lanes(b), &mut out);
            }
            (Op::FloatCmp(cmp), &[a, b]) => {
                compare(cmp, self.float_lanes(a), self.float_lanes(b), &mut out);
            }
            (Op::IntFloatCmp(cmp), &[a, b]) => {
                let pairs = self.int_lanes(a).iter().zip(self.float_lanes(b));
                out.extend(pairs.map(|(&a, &b)| u8::from(number::compare_int_float(cmp, a, b))));
            }
            (Op::GatherTag(table), &[position]) => {
                let tags = &self.plan.tables[usize::from(table)].values.tags;
                out.extend(self.int_lanes(position).iter().map(|&p| pick(tags, p)));
            }
            (Op::Gather(table), &[position]) => {
                let values = &self.plan.tables[usize::from(table)].values.bytes;
                out.extend(self.int_lanes(position).iter().map(|&p| pick(values, p)));
            }
            _ => {
                out.resize(self.count, 0);
                self.exit.fill(UNKNOWN_EXIT);
            }
        }
        self.bytes[register] = out;
    }

    fn bytes2(&self, a: Slot, b: Slot, out: &mut Vec<u8>, f: impl Fn(u8, u8) -> u8) {
        out.extend(self.byte_lanes(a).iter().zip(self.byte_lanes(b)).map(|(&a, &b)| f(a, b)));
    }

    pub(crate) fn select(&mut self, instr: &Instr) {
        let &[condition, left, right] = instr.args.as_slice() else { return };
        let register = self.register(instr);
        match left.file {
            File::Int => {
                let mut out = std::mem::take(&mut self.ints[register]);
                let (a, b) = (self.int_lanes(left), self.int_lanes(right));
                choose_bits(self.byte_lanes(condition), a, b, &mut out);
                self.ints[register] = out;
            }
            File::Float => {
                let mut out = std::mem::take(&mut self.floats[register]);
                let (a, b) = (self.float_lanes(left), self.float_lanes(right));
                choose(self.byte_lanes(condition), a, b, &mut out);
                self.floats[register] = out;
            }
            File::Byte => {
                let mut out = std::mem::take(&mut self.bytes[register]);
                let (a, b) = (self.byte_lanes(left), self.byte_lanes(right));
                choose(self.byte_lanes(condition), a, b, &mut out);
                self.bytes[register] = out;
            }
            File::Text => {
                let mut out = std::mem::take(&mut self.texts[register]);
                let (a, b) = (self.text_lanes(left), self.text_lanes(right));
                choose(self.byte_lanes(condition), a, b, &mut out);
                self.texts[register] = out;
            }
        }
    }
}

/// Selection of integers by bit masks: no branches, whatever the condition.
fn choose_bits(condition: &[u8], left: &[i64], right: &[i64], out: &mut Vec<i64>) {
    out.clear();
    let lanes = condition.iter().zip(left.iter().zip(right));
    out.extend(lanes.map(|(&c, (&a, &b))| {
        let mask = -i64::from(c);
        (a & mask) | (b & !mask)
    }));
}

fn choose<T: Copy>(condition: &[u8], left: &[T], right: &[T], out: &mut Vec<T>) {
    out.clear();
    let lanes = condition.iter().zip(left.iter().zip(right));
    out.extend(lanes.map(|(&c, (&a, &b))| if c != 0 { a } else { b }));
}

/// One loop for each comparison, so that each is vectorized.
pub(crate) fn compare<T: PartialOrd + Copy>(cmp: Cmp, a: &[T], b: &[T], out: &mut Vec<u8>) {
    let pairs = a.iter().zip(b);
    match cmp {
        Cmp::Eq => out.extend(pairs.map(|(a, b)| u8::from(a == b))),
        Cmp::Ne => out.extend(pairs.map(|(a, b)| u8::from(a != b))),
        Cmp::Lt => out.extend(pairs.map(|(a, b)| u8::from(a < b))),
        Cmp::Le => out.extend(pairs.map(|(a, b)| u8::from(a <= b))),
        Cmp::Gt => out.extend(pairs.map(|(a, b)| u8::from(a > b))),
        Cmp::Ge => out.extend(pairs.map(|(a, b)| u8::from(a >= b))),
    }
}

/// The entry at a position; lanes without one get a value nobody reads.
pub(crate) fn pick<T: Copy + Default>(values: &[T], position: i64) -> T {
    usize::try_from(position).ok().and_then(|p| values.get(p).copied()).unwrap_or_default()
}
