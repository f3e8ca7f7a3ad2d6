//! Operations whose result is an integer or a float.

use crate::ir::{File, Instr, MathFn, Op, Slot};
use crate::kernel::number;
use crate::kernel::text::signed;
use crate::machine::Frame;
use crate::machine::bytes::gather;
use crate::machine::wide::{any, binary, checked, checked_pairs, unary};

impl Frame<'_> {
    pub(crate) fn run_int(&mut self, instr: &Instr) {
        let register = self.register(instr);
        let mut out = std::mem::take(&mut self.ints[register]);
        let faulty = self.int_op(instr, &mut out[..self.count]);
        self.ints[register] = out;
        match faulty {
            None => self.unknown(),
            Some(true) if instr.exit != 0 => self.int_faults(instr),
            Some(_) => {}
        }
    }

    /// Whether any lane faults; None for what is no operation with integers as its result.
    fn int_op(&self, instr: &Instr, out: &mut [i64]) -> Option<bool> {
        Some(match (instr.op, instr.args.as_slice()) {
            (Op::IntAdd, &[a, b]) => self.wrapping2(a, b, out, |a, b| {
                let sum = a.wrapping_add(b);
                (sum, (a ^ sum) & (b ^ sum) < 0)
            }),
            (Op::IntSub, &[a, b]) => self.wrapping2(a, b, out, |a, b| {
                let difference = a.wrapping_sub(b);
                (difference, (a ^ b) & (a ^ difference) < 0)
            }),
            (Op::IntMul, &[a, b]) => self.wrapping2(a, b, out, i64::overflowing_mul),
            (Op::IntFloorDiv, &[a, b]) => {
                !self.divide(a, b, out, |_, quotient, _| quotient)
                    && self.checked2(a, b, out, number::floor_div)
            }
            (Op::IntMod, &[a, b]) => {
                !self.divide(a, b, out, |a, quotient, by| a.wrapping_sub(quotient.wrapping_mul(by)))
                    && self.wrapping2(a, b, out, |a, b| (number::modulo(a, b), false))
            }
            (Op::IntPow, &[a, b]) => self.checked2(a, b, out, number::pow),
            (Op::IntShl, &[a, b]) => self.checked2(a, b, out, number::shift_left),
            (Op::IntShr, &[a, b]) => self.checked2(a, b, out, number::shift_right),
            (Op::IntAnd, &[a, b]) => self.wrapping2(a, b, out, |a, b| (a & b, false)),
            (Op::IntOr, &[a, b]) => self.wrapping2(a, b, out, |a, b| (a | b, false)),
            (Op::IntXor, &[a, b]) => self.wrapping2(a, b, out, |a, b| (a ^ b, false)),
            (Op::IntNeg, &[a]) => self.checked1(a, out, |a| (a.wrapping_neg(), a == i64::MIN)),
            (Op::IntAbs, &[a]) => self.checked1(a, out, |a| (a.wrapping_abs(), a == i64::MIN)),
            (Op::IntInvert, &[a]) => self.checked1(a, out, |a| (!a, false)),
            (Op::IntExact, &[a]) => self.checked1(a, out, |a| (a, !number::is_exact(a))),
            (Op::ByteToInt, &[a]) => {
                unary(self.byte_lanes(a), out, i64::from);
                false
            }
            (Op::Decode, &[code]) => {
                self.decode_ints(code, out);
                false
            }
            (Op::FloatToInt, &[a]) => self.whole(a, out, f64::trunc),
            (Op::FloatRound, &[a]) => self.whole(a, out, f64::round_ties_even),
            (Op::FloatFloor, &[a]) => self.whole(a, out, f64::floor),
            (Op::FloatCeil, &[a]) => self.whole(a, out, f64::ceil),
            (Op::Find(table), &[key]) => {
                self.find(usize::from(table), key, out);
                false
            }
            (Op::CheckIndex(table), &[index]) => {
                let entries = signed(self.plan.tables[usize::from(table)].len());
                self.checked1(index, out, |index| {
                    let index = if index < 0 { index.saturating_add(entries) } else { index };
                    (index, !(0..entries).contains(&index))
                })
            }
            (Op::Gather(table), &[position]) => {
                let values = &self.plan.tables[usize::from(table)].values.ints;
                gather(values, self.int_lanes(position), out);
                false
            }
            _ => return None,
        })
    }

    fn decode_ints(&self, code: Slot, out: &mut [i64]) {
        let codes = self.byte_lanes(code);
        match &self.plan.codes.ints {
            // The code of a small integer is that integer.
            None => unary(codes, out, |code| i64::from(code.cast_signed())),
            Some(table) => {
                for (out, &code) in out.iter_mut().zip(codes) {
                    *out = table.get(usize::from(code)).copied().unwrap_or(0);
                }
            }
        }
    }

    /// Divides by the same small positive number in all lanes, by multiplication; false if it is
    /// not so. `result`: of the dividend, the quotient and the divisor.
    #[allow(clippy::cast_possible_truncation)]
    fn divide(
        &self,
        a: Slot,
        b: Slot,
        out: &mut [i64],
        result: impl Fn(i64, i64, i64) -> i64,
    ) -> bool {
        let (a, b) = (self.int_lanes(a), self.int_lanes(b));
        let (Some(&by), Some(&last)) = (b.first(), b.last()) else { return false };
        if by != last || !(2..=i64::from(u32::MAX)).contains(&by) || any(b, |b| b != by) {
            return false;
        }
        // With `-a - 1` for a negative `a`, dividing rounds down on both sides of zero.
        let wide = |a: i64| (a ^ (a >> 63)).cast_unsigned();
        if any(a, |a| wide(a) > u64::from(u32::MAX)) {
            return false;
        }
        let factor = u64::MAX / by.cast_unsigned() + 1;
        unary(a, out, |a| {
            let quotient = (u128::from(wide(a)) * u128::from(factor)) >> 64;
            result(a, (quotient as u64).cast_signed() ^ (a >> 63), by)
        });
        true
    }

    /// Finds the lanes that fault, now that it is known that some do.
    fn int_faults(&mut self, instr: &Instr) {
        let op = instr.op;
        self.fault_where(instr, |frame, faults| match *instr.args.as_slice() {
            [a] if a.file == File::Float => {
                let whole = match op {
                    Op::FloatRound => f64::round_ties_even,
                    Op::FloatFloor => f64::floor,
                    Op::FloatCeil => f64::ceil,
                    _ => f64::trunc,
                };
                let faulty = |value| u8::from(number::to_int(whole(value)).is_none());
                unary(frame.float_lanes(a), faults, faulty);
            }
            [a] => {
                let entries = match op {
                    Op::CheckIndex(table) => frame.plan.tables[usize::from(table)].len(),
                    _ => 0,
                };
                let entries = signed(entries);
                unary(frame.int_lanes(a), faults, |a| {
                    u8::from(match op {
                        Op::CheckIndex(_) => !(-entries..entries).contains(&a),
                        Op::IntExact => !number::is_exact(a),
                        _ => a == i64::MIN,
                    })
                });
            }
            [a, b] => {
                let result = match op {
                    Op::IntAdd => i64::checked_add,
                    Op::IntSub => i64::checked_sub,
                    Op::IntMul => i64::checked_mul,
                    Op::IntFloorDiv => number::floor_div,
                    Op::IntPow => number::pow,
                    Op::IntShl => number::shift_left,
                    _ => number::shift_right,
                };
                let (a, b) = (frame.int_lanes(a), frame.int_lanes(b));
                binary(a, b, faults, |a, b| u8::from(result(a, b).is_none()));
            }
            _ => faults.fill(1),
        });
    }

    fn wrapping2(
        &self,
        a: Slot,
        b: Slot,
        out: &mut [i64],
        f: impl Fn(i64, i64) -> (i64, bool),
    ) -> bool {
        checked_pairs(self.int_lanes(a), self.int_lanes(b), out, f)
    }

    fn checked2(
        &self,
        a: Slot,
        b: Slot,
        out: &mut [i64],
        f: impl Fn(i64, i64) -> Option<i64>,
    ) -> bool {
        self.wrapping2(a, b, out, |a, b| f(a, b).map_or((0, true), |value| (value, false)))
    }

    fn checked1(&self, a: Slot, out: &mut [i64], f: impl Fn(i64) -> (i64, bool)) -> bool {
        checked(self.int_lanes(a), out, f)
    }

    fn whole(&self, a: Slot, out: &mut [i64], f: impl Fn(f64) -> f64) -> bool {
        checked(self.float_lanes(a), out, |a| {
            let value = number::to_int(f(a));
            (value.unwrap_or(0), value.is_none())
        })
    }

    fn find(&self, table: usize, key: Slot, out: &mut [i64]) {
        let table = &self.plan.tables[table];
        match key.file {
            File::Int => {
                for (out, &key) in out.iter_mut().zip(self.int_lanes(key)) {
                    *out = table.find_int(key);
                }
            }
            File::Float => {
                for (out, &key) in out.iter_mut().zip(self.float_lanes(key)) {
                    *out = table.find_float(key);
                }
            }
            _ => out.fill(-1),
        }
    }

    pub(crate) fn run_float(&mut self, instr: &Instr) {
        let register = self.register(instr);
        let mut out = std::mem::take(&mut self.floats[register]);
        let faulty = self.float_op(instr, &mut out[..self.count]);
        self.floats[register] = out;
        match faulty {
            None => self.unknown(),
            Some(true) if instr.exit != 0 => self.float_faults(instr),
            Some(_) => {}
        }
    }

    /// Whether any lane faults; None for what is no operation with floats as its result.
    #[allow(clippy::cast_precision_loss)]
    fn float_op(&self, instr: &Instr, out: &mut [f64]) -> Option<bool> {
        match (instr.op, instr.args.as_slice()) {
            (Op::FloatAdd, &[a, b]) => self.floats2(a, b, out, |a, b| a + b),
            (Op::FloatSub, &[a, b]) => self.floats2(a, b, out, |a, b| a - b),
            (Op::FloatMul, &[a, b]) => self.floats2(a, b, out, |a, b| a * b),
            (Op::FloatDiv, &[a, b]) => {
                self.floats2(a, b, out, |a, b| a / b);
                return Some(any(self.float_lanes(b), |b| b == 0.0));
            }
            (Op::FloatFloorDiv, &[a, b]) => {
                self.floats2(a, b, out, number::float_floor_div);
                return Some(any(self.float_lanes(b), |b| b == 0.0));
            }
            (Op::FloatMod, &[a, b]) => {
                self.floats2(a, b, out, number::float_modulo);
                return Some(any(self.float_lanes(b), |b| b == 0.0));
            }
            (Op::FloatPow, &[a, b]) => {
                return Some(checked_pairs(
                    self.float_lanes(a),
                    self.float_lanes(b),
                    out,
                    |a, b| found(number::float_pow(a, b)),
                ));
            }
            (Op::FloatNeg, &[a]) => unary(self.float_lanes(a), out, |a| -a),
            (Op::FloatAbs, &[a]) => unary(self.float_lanes(a), out, f64::abs),
            (Op::Math(function), &[a]) => {
                return Some(checked(self.float_lanes(a), out, |a| found(math(function, a))));
            }
            (Op::RoundDigits, &[a, digits]) => {
                let digits = usize::try_from(self.int_lanes(digits).first().copied().unwrap_or(0));
                let digits = digits.unwrap_or(0);
                unary(self.float_lanes(a), out, |a| number::round_digits(a, digits));
            }
            (Op::IntToFloat, &[a]) => unary(self.int_lanes(a), out, |a| a as f64),
            (Op::IntDiv, &[a, b]) => {
                return Some(checked_pairs(self.int_lanes(a), self.int_lanes(b), out, |a, b| {
                    let wrong = !number::is_exact(a) | !number::is_exact(b);
                    (a as f64 / b as f64, wrong)
                }));
            }
            (Op::Gather(table), &[position]) => {
                let values = &self.plan.tables[usize::from(table)].values.floats;
                gather(values, self.int_lanes(position), out);
            }
            (Op::Decode, &[code]) => {
                for (out, &code) in out.iter_mut().zip(self.byte_lanes(code)) {
                    *out = self.plan.codes.floats.get(usize::from(code)).copied().unwrap_or(0.0);
                }
            }
            _ => return None,
        }
        Some(false)
    }

    fn float_faults(&mut self, instr: &Instr) {
        let op = instr.op;
        self.fault_where(instr, |frame, faults| match (op, instr.args.as_slice()) {
            (Op::FloatDiv | Op::FloatFloorDiv | Op::FloatMod, &[_, b]) => {
                unary(frame.float_lanes(b), faults, |b| u8::from(b == 0.0));
            }
            (Op::FloatPow, &[a, b]) => {
                let (a, b) = (frame.float_lanes(a), frame.float_lanes(b));
                binary(a, b, faults, |a, b| u8::from(number::float_pow(a, b).is_none()));
            }
            (Op::IntDiv, &[a, b]) => {
                let (a, b) = (frame.int_lanes(a), frame.int_lanes(b));
                binary(a, b, faults, |a, b| u8::from(number::true_div(a, b).is_none()));
            }
            (Op::Math(function), &[a]) => {
                unary(frame.float_lanes(a), faults, |a| u8::from(math(function, a).is_none()));
            }
            _ => faults.fill(1),
        });
    }

    fn floats2(&self, a: Slot, b: Slot, out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
        binary(self.float_lanes(a), self.float_lanes(b), out, f);
    }
}

/// A value, and whether there is none.
fn found(value: Option<f64>) -> (f64, bool) {
    (value.unwrap_or(0.0), value.is_none())
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
