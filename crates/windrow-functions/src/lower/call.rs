//! Calls of builtins and of functions of `math` and pandas, all known by identity.

use std::collections::BTreeMap;

use crate::ir::{File, Mask, MathFn, Op};
use crate::lower::flow::Env;
use crate::lower::{Builder, Gather, Lowered, Truth};
use crate::spec::{At, CompareOp, Expr, ExprKind, Literal};
use crate::value::{Tags, Value};

impl Builder<'_> {
    pub(crate) fn call(
        &mut self,
        name: &str,
        args: &[Expr],
        keywords: &BTreeMap<String, Expr>,
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        if !keywords.is_empty() {
            return Err(at.reason(format!("keyword arguments of `{name}` are not compiled")));
        }
        let gather = match name {
            "sum" => Some(Gather::Sum),
            "len" => Some(Gather::Count),
            "any" => Some(Gather::Any),
            "all" => Some(Gather::All),
            _ => None,
        };
        if let (Some(gather), [comp]) = (gather, args)
            && let Some(value) = self.character_gather(gather, comp, mask, env)?
        {
            return Ok(value);
        }
        match (name, args) {
            ("len", [arg]) => self.len(arg, at, mask, env),
            ("isinstance", [value, types]) => self.isinstance(value, types, at, mask, env),
            ("min" | "max", [_, _, ..]) => self.extreme(name, args, at, mask, env),
            ("round", [value, digits]) => self.round_digits(value, digits, at, mask, env),
            (_, [arg]) => {
                let value = self.expr(arg, mask, env)?;
                self.call_one(name, &value, at, mask)
            }
            _ => Err(at.reason(format!("this call of `{name}` is not compiled"))),
        }
    }

    fn call_one(&mut self, name: &str, value: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        match name {
            "bool" => {
                let truth = self.truth(value);
                return Ok(self.bool_value(truth));
            }
            "str" if value.tags == Tags::STR => return Ok(value.clone()),
            "pandas.isna" => return Ok(self.is_missing(value)),
            "pandas.notna" => {
                let missing = self.is_missing(value);
                let truth = self.truth(&missing);
                let present = self.negate(truth);
                return Ok(self.bool_value(present));
            }
            _ => {}
        }
        self.per_type(value, mask, |builder, value, mask| match name {
            "str" => builder.text_of(value, at, mask),
            "int" => builder.int_of(value, at, mask),
            "float" => builder.float_from(value, at, mask),
            "abs" => builder.abs(value, at, mask),
            "round" => builder.round(value, at, mask),
            "ord" => match value.str {
                Some(text) => {
                    let exit =
                        builder.exit(at, None, "`ord` of a text that is no single character");
                    let slot = builder.emit(Op::TextOrd, &[text], File::Int, mask, exit);
                    Ok(Value::single(Tags::INT, slot))
                }
                None => Ok(builder.type_error(at, mask, "`ord` of no text")),
            },
            "chr" => match builder.numeric(value) {
                Some(code) if code.file == File::Int => {
                    let exit = builder.exit(at, None, "`chr` of no character");
                    let slot = builder.emit(Op::IntChr, &[code], File::Text, mask, exit);
                    Ok(Value::single(Tags::STR, slot))
                }
                _ => Ok(builder.type_error(at, mask, "`chr` of no integer")),
            },
            _ => builder.math(name, value, at, mask),
        })
    }

    fn is_missing(&mut self, value: &Value) -> Value {
        let none = self.has_tag(value, Tags::NONE);
        let nan = match (value.float, self.has_tag(value, Tags::FLOAT)) {
            (Some(lanes), Truth::Lanes(here)) => {
                let nan = self.total(Op::IsNan, &[lanes], File::Byte);
                Truth::Lanes(self.and(here, nan))
            }
            (Some(lanes), Truth::Always) => {
                Truth::Lanes(self.total(Op::IsNan, &[lanes], File::Byte))
            }
            _ => Truth::Never,
        };
        let truth = match (none, nan) {
            (Truth::Never, other) | (other, Truth::Never) => other,
            (Truth::Always, _) | (_, Truth::Always) => Truth::Always,
            (Truth::Lanes(a), Truth::Lanes(b)) => Truth::Lanes(self.or(a, b)),
        };
        self.bool_value(truth)
    }

    fn len(&mut self, arg: &Expr, at: &At, mask: Mask, env: &mut Env) -> Lowered<Value> {
        if let Some(table) = self.table(arg)? {
            let entries = self.tables[usize::from(table)].len();
            let digits = entries.to_string();
            return self.literal(&Literal::Int(digits), at);
        }
        if let Some(count) = self.split_len(arg, mask, env)? {
            return Ok(count);
        }
        let value = self.expr(arg, mask, env)?;
        self.per_type(&value, mask, |builder, value, mask| match value.str {
            Some(text) => {
                let slot = builder.emit(Op::TextLen, &[text], File::Int, mask, 0);
                Ok(Value::single(Tags::INT, slot))
            }
            None => {
                let text = format!("`len` of `{}`", value.tags.name());
                Ok(builder.type_error(at, mask, &text))
            }
        })
    }

    fn isinstance(
        &mut self,
        value: &Expr,
        types: &Expr,
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let ExprKind::Types { names } = &types.kind else {
            return Err(at.reason("`isinstance` with these types is not compiled"));
        };
        let value = self.expr(value, mask, env)?;
        let mut result = Truth::Never;
        for tag in value.tags.each() {
            let matches =
                names.iter().any(|name| name == tag.name() || (name == "int" && tag == Tags::BOOL));
            if !matches {
                continue;
            }
            let here = self.has_tag(&value, tag);
            result = match (result, here) {
                (Truth::Lanes(a), Truth::Lanes(b)) => Truth::Lanes(self.or(a, b)),
                (_, here) => here,
            };
        }
        Ok(self.bool_value(result))
    }

    /// `min(a, b, ...)`: the first of equals wins, and a NaN never wins nor loses.
    fn extreme(
        &mut self,
        name: &str,
        args: &[Expr],
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let op = if name == "min" { CompareOp::Lt } else { CompareOp::Gt };
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(arg, mask, env)?);
        }
        let mut values = values.into_iter();
        let mut best = values.next().unwrap_or_default();
        for value in values {
            let better = self.compare(op, &value, &best, at, mask)?;
            if better.is_never() {
                return Ok(better);
            }
            let truth = self.truth(&better);
            best = self.select(truth, &value, &best);
        }
        Ok(best)
    }

    fn abs(&mut self, value: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        let Some(slot) = self.numeric(value) else {
            return Ok(self.type_error(at, mask, "`abs` of no number"));
        };
        Ok(if slot.file == File::Int {
            let exit = self.exit(at, None, "the result does not fit 64 bits");
            Value::single(Tags::INT, self.emit(Op::IntAbs, &[slot], File::Int, mask, exit))
        } else {
            Value::single(Tags::FLOAT, self.total(Op::FloatAbs, &[slot], File::Float))
        })
    }

    fn round(&mut self, value: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        let Some(slot) = self.numeric(value) else {
            return Ok(self.type_error(at, mask, "`round` of no number"));
        };
        if slot.file == File::Int {
            return Ok(Value::single(Tags::INT, slot));
        }
        self.float_to_int(Op::FloatRound, slot, at, mask)
    }

    fn float_to_int(
        &mut self,
        op: Op,
        slot: crate::ir::Slot,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        let exit = self.exit(at, None, "a float that is no integer of 64 bits");
        Ok(Value::single(Tags::INT, self.emit(op, &[slot], File::Int, mask, exit)))
    }

    /// `round(x, n)` with a constant `n`.
    fn round_digits(
        &mut self,
        value: &Expr,
        digits: &Expr,
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let value = self.expr(value, mask, env)?;
        let digits = self.expr(digits, mask, env)?;
        let count: i64 = match &digits.known {
            Some(Literal::Int(text)) => text.parse().unwrap_or(-1),
            Some(Literal::None) => return self.call_one("round", &value, at, mask),
            _ => -1,
        };
        if !(0..=15).contains(&count) {
            return Err(at.reason("`round` to this number of digits is not compiled"));
        }
        self.per_type(&value, mask, |builder, value, mask| {
            let Some(slot) = builder.numeric(value) else {
                return Ok(builder.type_error(at, mask, "`round` of no number"));
            };
            if slot.file == File::Int {
                return Ok(Value::single(Tags::INT, slot));
            }
            let digits = builder.int(count);
            let slot = builder.emit(Op::RoundDigits, &[slot, digits], File::Float, mask, 0);
            Ok(Value::single(Tags::FLOAT, slot))
        })
    }

    pub(crate) fn text_of(&mut self, value: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        let slot = match (value.tags, value.slot(value.tags)) {
            (Tags::NONE, _) => self.text("None"),
            (Tags::STR, Some(slot)) => slot,
            (Tags::BOOL, Some(slot)) => self.emit(Op::BoolToText, &[slot], File::Text, mask, 0),
            (Tags::INT, Some(slot)) => self.emit(Op::IntToText, &[slot], File::Text, mask, 0),
            (Tags::FLOAT, Some(slot)) => self.emit(Op::FloatToText, &[slot], File::Text, mask, 0),
            _ => return Err(at.reason("`str` of this value is not compiled")),
        };
        Ok(Value::single(Tags::STR, slot))
    }

    fn int_of(&mut self, value: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        if let Some(text) = value.str {
            let exit = self.exit(at, None, "a text that is no plain integer of 64 bits");
            let slot = self.emit(Op::TextToInt, &[text], File::Int, mask, exit);
            return Ok(Value::single(Tags::INT, slot));
        }
        match self.numeric(value) {
            Some(slot) if slot.file == File::Int => Ok(Value::single(Tags::INT, slot)),
            Some(slot) => self.float_to_int(Op::FloatToInt, slot, at, mask),
            None => Ok(self.type_error(at, mask, "`int` of None")),
        }
    }

    fn float_from(&mut self, value: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        let slot = if let Some(text) = value.str {
            let exit = self.exit(at, None, "a text that is no plain number");
            self.emit(Op::TextToFloat, &[text], File::Float, mask, exit)
        } else if let Some(slot) = self.numeric(value) {
            self.as_float(slot)
        } else {
            return Ok(self.type_error(at, mask, "`float` of None"));
        };
        Ok(Value::single(Tags::FLOAT, slot))
    }

    fn math(&mut self, name: &str, value: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        let function = match name {
            "math.sqrt" => MathFn::Sqrt,
            "math.exp" => MathFn::Exp,
            "math.log" => MathFn::Log,
            "math.log2" => MathFn::Log2,
            "math.log10" => MathFn::Log10,
            "math.sin" => MathFn::Sin,
            "math.cos" => MathFn::Cos,
            "math.tan" => MathFn::Tan,
            "math.fabs" => MathFn::Fabs,
            "math.floor" | "math.ceil" | "math.trunc" | "math.isnan" | "math.isinf" => {
                return self.math_whole(name, value, at, mask);
            }
            _ => return Err(at.reason(format!("`{name}` is not compiled"))),
        };
        let Some(slot) = self.numeric(value) else {
            return Ok(self.type_error(at, mask, &format!("`{name}` of no number")));
        };
        let slot = self.as_float(slot);
        let exit = self.exit(at, None, &format!("`{name}` outside of its domain or range"));
        let slot = self.emit(Op::Math(function), &[slot], File::Float, mask, exit);
        Ok(Value::single(Tags::FLOAT, slot))
    }

    fn math_whole(&mut self, name: &str, value: &Value, at: &At, mask: Mask) -> Lowered<Value> {
        let Some(slot) = self.numeric(value) else {
            return Ok(self.type_error(at, mask, &format!("`{name}` of no number")));
        };
        let op = match (name, slot.file) {
            ("math.isnan" | "math.isinf", File::Int) => return Ok(self.bool_value(Truth::Never)),
            ("math.isnan", _) => Op::IsNan,
            ("math.isinf", _) => Op::IsInf,
            (_, File::Int) => return Ok(Value::single(Tags::INT, slot)),
            ("math.floor", _) => Op::FloatFloor,
            ("math.ceil", _) => Op::FloatCeil,
            _ => Op::FloatToInt,
        };
        if matches!(op, Op::IsNan | Op::IsInf) {
            return Ok(Value::single(Tags::BOOL, self.total(op, &[slot], File::Byte)));
        }
        self.float_to_int(op, slot, at, mask)
    }
}
