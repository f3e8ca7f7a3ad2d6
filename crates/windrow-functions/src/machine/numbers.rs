//! Operations whose result is an integer or a float.

use crate::ir::{File, Instr, MathFn, Op, Slot};
use crate::kernel::number;
use crate::machine::bytes::pick;
use crate::machine::{Frame, UNKNOWN_EXIT};

impl Frame<'_> {
    pub(crate) fn run_int(&mut self, instr: &Instr) {
        let register = self.register(instr);
        let mut out = std::mem::take(&mut self.ints[register]);
        out.clear();
        let faulty = match (instr.op, instr.args.as_slice()) {
            (Op::IntAdd, &[a, b]) => self.wrapping2(a, b, &mut out, |a, b| {
                let sum = a.wrapping_add(b);
                (sum, (a ^ sum) & (b ^ sum) < 0)
            }),
            (Op::IntSub, &[a, b]) => self.wrapping2(a, b, &mut out, |a, b| {
                let difference = a.wrapping_sub(b);
                (difference, (a ^ b) & (a ^ difference) < 0)
            }),
            (Op::IntMul, &[a, b]) => self.wrapping2(a, b, &mut out, i64::overflowing_mul),
            (Op::IntFloorDiv, &[a, b]) => self.checked2(a, b, &mut out, number::floor_div),
            (Op::IntMod, &[a, b]) => {
                self.wrapping2(a, b, &mut out, |a, b| (number::modulo(a, b), false))
            }
            (Op::IntPow, &[a, b]) => self.checked2(a, b, &mut out, number::pow),
            (Op::IntShl, &[a, b]) => self.checked2(a, b, &mut out, number::shift_left),
            (Op::IntShr, &[a, b]) => self.checked2(a, b, &mut out, number::shift_right),
            (Op::IntAnd, &[a, b]) => self.wrapping2(a, b, &mut out, |a, b| (a & b, false)),
            (Op::IntOr, &[a, b]) => self.wrapping2(a, b, &mut out, |a, b| (a | b, false)),
            (Op::IntXor, &[a, b]) => self.wrapping2(a, b, &mut out, |a, b| (a ^ b, false)),
            (Op::IntNeg, &[a]) => self.checked1(a, &mut out, i64::checked_neg),
            (Op::IntAbs, &[a]) => self.checked1(a, &mut out, i64::checked_abs),
            (Op::IntInvert, &[a]) => self.checked1(a, &mut out, |a| Some(!a)),
            (Op::IntExact, &[a]) => self.checked1(a, &mut out, |a| {
                (-number::EXACT..=number::EXACT).contains(&a).then_some(a)
            }),
            (Op::ByteToInt, &[a]) => {
                out.extend(self.byte_lanes(a).iter().map(|&a| i64::from(a)));
                false
            }
            (Op::FloatToInt, &[a]) => self.whole(a, &mut out, f64::trunc),
            (Op::FloatRound, &[a]) => self.whole(a, &mut out, f64::round_ties_even),
            (Op::FloatFloor, &[a]) => self.whole(a, &mut out, f64::floor),
            (Op::FloatCeil, &[a]) => self.whole(a, &mut out, f64::ceil),
            (Op::Find(table), &[key]) => {
                self.find(usize::from(table), key, &mut out);
                false
            }
            (Op::CheckIndex(table), &[index]) => {
                let entries =
                    crate::kernel::text::signed(self.plan.tables[usize::from(table)].len());
                self.checked1(index, &mut out, |index| {
                    let index = if index < 0 { index.saturating_add(entries) } else { index };
                    (0..entries).contains(&index).then_some(index)
                })
            }
            (Op::Gather(table), &[position]) => {
                let values = &self.plan.tables[usize::from(table)].values.ints;
                out.extend(self.int_lanes(position).iter().map(|&p| pick(values, p)));
                false
            }
            _ => {
                out.resize(self.count, 0);
                self.exit.fill(UNKNOWN_EXIT);
                false
            }
        };
        self.ints[register] = out;
        if faulty && instr.exit != 0 {
            self.int_faults(instr);
        }
    }

    /// Finds the lanes that fault, now that it is known that some do.
    fn int_faults(&mut self, instr: &Instr) {
        let op = instr.op;
        match *instr.args.as_slice() {
            [a] if a.file == File::Float => self.fault_where(instr, |frame, lane| {
                let value = frame.float_lanes(a)[lane];
                let whole = match op {
                    Op::FloatRound => value.round_ties_even(),
                    Op::FloatFloor => value.floor(),
                    Op::FloatCeil => value.ceil(),
                    _ => value.trunc(),
                };
                number::to_int(whole).is_none()
            }),
            [a] => {
                let entries = match op {
                    Op::CheckIndex(table) => self.plan.tables[usize::from(table)].len(),
                    _ => 0,
                };
                let entries = crate::kernel::text::signed(entries);
                self.fault_where(instr, |frame, lane| {
                    let a = frame.int_lanes(a)[lane];
                    match op {
                        Op::CheckIndex(_) => !(-entries..entries).contains(&a),
                        Op::IntExact => !(-number::EXACT..=number::EXACT).contains(&a),
                        _ => a == i64::MIN,
                    }
                });
            }
            [a, b] => self.fault_where(instr, |frame, lane| {
                let (a, b) = (frame.int_lanes(a)[lane], frame.int_lanes(b)[lane]);
                match op {
                    Op::IntAdd => a.checked_add(b).is_none(),
                    Op::IntSub => a.checked_sub(b).is_none(),
                    Op::IntMul => a.checked_mul(b).is_none(),
                    Op::IntFloorDiv => number::floor_div(a, b).is_none(),
                    Op::IntPow => number::pow(a, b).is_none(),
                    Op::IntShl => number::shift_left(a, b).is_none(),
                    Op::IntShr => number::shift_right(a, b).is_none(),
                    _ => false,
                }
            }),
            _ => {}
        }
    }

    fn wrapping2(
        &self,
        a: Slot,
        b: Slot,
        out: &mut Vec<i64>,
        f: impl Fn(i64, i64) -> (i64, bool),
    ) -> bool {
        let mut fault = false;
        out.extend(self.int_lanes(a).iter().zip(self.int_lanes(b)).map(|(&a, &b)| {
            let (value, wrong) = f(a, b);
            fault |= wrong;
            value
        }));
        fault
    }

    fn checked2(
        &self,
        a: Slot,
        b: Slot,
        out: &mut Vec<i64>,
        f: impl Fn(i64, i64) -> Option<i64>,
    ) -> bool {
        self.wrapping2(a, b, out, |a, b| f(a, b).map_or((0, true), |value| (value, false)))
    }

    fn checked1(&self, a: Slot, out: &mut Vec<i64>, f: impl Fn(i64) -> Option<i64>) -> bool {
        self.wrapping2(a, a, out, |a, _| f(a).map_or((0, true), |value| (value, false)))
    }

    fn whole(&self, a: Slot, out: &mut Vec<i64>, f: impl Fn(f64) -> f64) -> bool {
        let mut fault = false;
        out.extend(self.float_lanes(a).iter().map(|&a| {
            let value = number::to_int(f(a));
            fault |= value.is_none();
            value.unwrap_or(0)
        }));
        fault
    }

    fn find(&self, table: usize, key: Slot, out: &mut Vec<i64>) {
        let table = &self.plan.tables[table];
        match key.file {
            File::Int => out.extend(self.int_lanes(key).iter().map(|&k| table.find_int(k))),
            File::Float => out.extend(self.float_lanes(key).iter().map(|&k| table.find_float(k))),
            _ => out.resize(self.count, -1),
        }
    }

    pub(crate) fn run_float(&mut self, instr: &Instr) {
        let register = self.register(instr);
        let mut out = std::mem::take(&mut self.floats[register]);
        out.clear();
        match (instr.op, instr.args.as_slice()) {
            (Op::FloatAdd, &[a, b]) => self.floats2(a, b, &mut out, |a, b| a + b),
            (Op::FloatSub, &[a, b]) => self.floats2(a, b, &mut out, |a, b| a - b),
            (Op::FloatMul, &[a, b]) => self.floats2(a, b, &mut out, |a, b| a * b),
            (Op::FloatDiv, &[a, b]) => self.floats2(a, b, &mut out, |a, b| a / b),
            (Op::FloatFloorDiv, &[a, b]) => {
                self.floats2(a, b, &mut out, number::float_floor_div);
            }
            (Op::FloatMod, &[a, b]) => self.floats2(a, b, &mut out, number::float_modulo),
            (Op::FloatPow, &[a, b]) => {
                self.floats2(a, b, &mut out, |a, b| number::float_pow(a, b).unwrap_or(f64::NAN))
            }
            (Op::FloatNeg, &[a]) => out.extend(self.float_lanes(a).iter().map(|a| -a)),
            (Op::FloatAbs, &[a]) => out.extend(self.float_lanes(a).iter().map(|a| a.abs())),
            (Op::Math(function), &[a]) => {
                out.extend(self.float_lanes(a).iter().map(|&a| math(function, a).unwrap_or(0.0)));
            }
            (Op::RoundDigits, &[a, digits]) => {
                let digits = usize::try_from(self.int_lanes(digits).first().copied().unwrap_or(0));
                let digits = digits.unwrap_or(0);
                out.extend(self.float_lanes(a).iter().map(|&a| number::round_digits(a, digits)));
            }
            #[allow(clippy::cast_precision_loss)]
            (Op::IntToFloat, &[a]) => out.extend(self.int_lanes(a).iter().map(|&a| a as f64)),
            (Op::IntDiv, &[a, b]) => {
                let pairs = self.int_lanes(a).iter().zip(self.int_lanes(b));
                out.extend(pairs.map(|(&a, &b)| number::true_div(a, b).unwrap_or(0.0)));
            }
            (Op::Gather(table), &[position]) => {
                let values = &self.plan.tables[usize::from(table)].values.floats;
                out.extend(self.int_lanes(position).iter().map(|&p| pick(values, p)));
            }
            _ => {
                out.resize(self.count, 0.0);
                self.exit.fill(UNKNOWN_EXIT);
            }
        }
        self.floats[register] = out;
        if instr.exit != 0 {
            self.float_faults(instr);
        }
    }

    fn float_faults(&mut self, instr: &Instr) {
        let op = instr.op;
        match (op, instr.args.as_slice()) {
            (Op::FloatDiv | Op::FloatFloorDiv | Op::FloatMod, &[_, b])
                if self.float_lanes(b).contains(&0.0) =>
            {
                self.fault_where(instr, |frame, lane| frame.float_lanes(b)[lane] == 0.0);
            }
            (Op::FloatPow, &[a, b]) => self.fault_where(instr, |frame, lane| {
                number::float_pow(frame.float_lanes(a)[lane], frame.float_lanes(b)[lane]).is_none()
            }),
            (Op::IntDiv, &[a, b]) => self.fault_where(instr, |frame, lane| {
                number::true_div(frame.int_lanes(a)[lane], frame.int_lanes(b)[lane]).is_none()
            }),
            (Op::Math(function), &[a]) => self.fault_where(instr, |frame, lane| {
                math(function, frame.float_lanes(a)[lane]).is_none()
            }),
            _ => {}
        }
    }

    fn floats2(&self, a: Slot, b: Slot, out: &mut Vec<f64>, f: impl Fn(f64, f64) -> f64) {
        out.extend(self.float_lanes(a).iter().zip(self.float_lanes(b)).map(|(&a, &b)| f(a, b)));
    }
}

/// A function of `math`; None where it raises.
fn math(function: MathFn, x: f64) -> Option<f64> {
    match function {
        MathFn::Sqrt => (x.is_nan() || x >= 0.0).then(|| x.sqrt()),
        MathFn::Exp => {
            let value = x.exp();
            (value.is_finite() || !x.is_finite()).then_some(value)
        }
        MathFn::Log => (x.is_nan() || x > 0.0).then(|| x.ln()),
        MathFn::Log2 => (x.is_nan() || x > 0.0).then(|| x.log2()),
        MathFn::Log10 => (x.is_nan() || x > 0.0).then(|| x.log10()),
        MathFn::Sin => (!x.is_infinite()).then(|| x.sin()),
        MathFn::Cos => (!x.is_infinite()).then(|| x.cos()),
        MathFn::Tan => (!x.is_infinite()).then(|| x.tan()),
        MathFn::Fabs => Some(x.abs()),
    }
}
