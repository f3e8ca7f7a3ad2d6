//! Python's builtin functions.

use crate::kernel::{number, parse, parse::Parsed, text};
use crate::row::arith::{as_float, binary};
use crate::row::constants::Kind as FrozenKind;
use crate::row::exec::Runner;
use crate::row::names::Known;
use crate::row::tree::{Callee, Kind, Node};
use crate::row::trouble::{BIG, Eval, Exc, NON_ASCII, leave, raise, type_error};
use crate::row::value::{Val, dict, list, range_len, set, tuple};
use crate::row::{dates, iterate, math, repr, text_methods};
use crate::spec::BinaryOp;

const KEYWORDS: &str = "these keyword arguments";

impl<'a> Runner<'a> {
    /// A call of a known function.
    pub(crate) fn known(
        &mut self,
        known: Known,
        args: &'a [Node],
        keywords: &'a [(String, Node)],
    ) -> Eval<Val<'a>> {
        match (known, args) {
            (Known::Any | Known::All, [items]) => self.any_or_all(items, known == Known::Any),
            (Known::Sum, [items, start @ ..]) => self.sum(items, start.first(), keywords),
            (Known::Min | Known::Max, [_, ..]) => self.extreme(known, args, keywords),
            (Known::Sorted, [items]) => self.sorted(items, keywords),
            (Known::Next, [items, default @ ..]) => self.next(items, default.first()),
            (Known::Isinstance, [value, types]) => {
                let value = self.eval(value)?;
                let Kind::Types(names) = &types.kind else { return leave("these types") };
                Ok(Val::Bool(is_instance(&value, names)))
            }
            (Known::List | Known::Tuple | Known::Set | Known::Dict, [items]) => {
                let items = self.all_items(items)?;
                self.container(known, items)
            }
            (Known::Enumerate, [items, start @ ..]) => {
                let start = start.first().or_else(|| keywords.first().map(|(_, node)| node));
                self.enumerate(items, start)
            }
            (Known::Zip, _) if keywords.is_empty() => self.zip(args),
            (Known::Map, [function, items]) => {
                let Kind::Function(callee) = &function.kind else { return leave("this `map`") };
                let mut made = Vec::new();
                for item in self.all_items(items)? {
                    made.push(self.invoke(callee, &[item])?);
                }
                Ok(list(self.arena, made))
            }
            (Known::Filter, [function, items]) => self.filter(function, items),
            (Known::Reversed, [items]) => {
                let value = self.eval(items)?;
                match value {
                    Val::Str(_) | Val::List(_) | Val::Tuple(_) | Val::Range(_) => {}
                    Val::Frozen(frozen) if frozen.is_sequence() => {}
                    _ => return leave("`reversed` of this"),
                }
                let items = self.collect(value)?;
                Ok(list(self.arena, items.into_iter().rev()))
            }
            _ => {
                let values = self.values(args)?;
                let mut named = Vec::with_capacity(keywords.len());
                for (name, node) in keywords {
                    named.push((name.as_str(), self.eval(node)?));
                }
                self.apply(known, &values, &named)
            }
        }
    }

    /// Calls a function that was given as an argument.
    pub(crate) fn invoke(&mut self, callee: &'a Callee, args: &[Val<'a>]) -> Eval<Val<'a>> {
        self.tick()?;
        match callee {
            Callee::Known(Known::List | Known::Tuple | Known::Set) if args.len() == 1 => {
                let items = self.collect(args[0])?;
                let Callee::Known(known) = callee else { return leave("this call") };
                self.container(*known, items)
            }
            Callee::Known(known) => self.apply(*known, args, &[]),
            Callee::Method(method) => match args.split_first() {
                Some((Val::Str(text), rest)) => text_methods::call(self, text, *method, rest),
                _ => type_error("a method of `str` on what is no text"),
            },
            Callee::Routine(routine) => {
                if self.tree.routines.get(*routine).map(|code| code.params) != Some(args.len()) {
                    return leave("a function called with another number of arguments");
                }
                let given: Vec<_> = (0..).zip(args.iter().copied()).collect();
                self.call(*routine, &given)
            }
            Callee::Lambda(params, body) => {
                if params.len() != args.len() {
                    return leave("a function called with another number of arguments");
                }
                for (slot, arg) in params.iter().zip(args) {
                    self.set(*slot, *arg);
                }
                self.eval(body)
            }
        }
    }

    fn container(&mut self, known: Known, items: Vec<Val<'a>>) -> Eval<Val<'a>> {
        match known {
            Known::List => Ok(list(self.arena, items)),
            Known::Tuple => Ok(tuple(self.arena, &items)),
            Known::Set => {
                let made = set(self.arena, []);
                items.into_iter().try_for_each(|item| iterate::add(made, item))?;
                Ok(made)
            }
            _ => {
                let made = dict(self.arena, []);
                for item in items {
                    let [key, value] = self.unpacked(item)? else { return leave("this dict") };
                    self.store(made, *key, *value)?;
                }
                Ok(made)
            }
        }
    }

    fn enumerate(&mut self, items: &'a Node, start: Option<&'a Node>) -> Eval<Val<'a>> {
        let items = self.eager(items)?;
        let start = match start.map(|start| self.eval(start)).transpose()? {
            None => 0,
            Some(start) => match start.int() {
                Some(start) => start,
                None => return type_error("a start that is no integer"),
            },
        };
        let arena = self.arena;
        let pairs = (start..).zip(items).map(|(at, item)| tuple(arena, &[Val::Int(at), item]));
        Ok(list(arena, pairs))
    }

    fn zip(&mut self, args: &'a [Node]) -> Eval<Val<'a>> {
        let mut columns = Vec::with_capacity(args.len());
        for arg in args {
            columns.push(self.eager(arg)?);
        }
        let length = columns.iter().map(Vec::len).min().unwrap_or(0);
        let arena = self.arena;
        let rows = (0..length).map(|row| {
            let items: Vec<_> = columns.iter().map(|column| column[row]).collect();
            tuple(arena, &items)
        });
        Ok(list(arena, rows))
    }

    fn filter(&mut self, function: &'a Node, items: &'a Node) -> Eval<Val<'a>> {
        let mut kept = Vec::new();
        for item in self.all_items(items)? {
            let keeps = match &function.kind {
                Kind::Function(callee) => self.invoke(callee, &[item])?.truth(),
                Kind::Lit(crate::row::constants::Lit::None) => item.truth(),
                _ => return leave("this `filter`"),
            };
            if keeps {
                kept.push(item);
            }
        }
        Ok(list(self.arena, kept))
    }

    /// A known function of values.
    pub(crate) fn apply(
        &mut self,
        known: Known,
        args: &[Val<'a>],
        named: &[(&str, Val<'a>)],
    ) -> Eval<Val<'a>> {
        match known {
            Known::Delta | Known::Date | Known::DateTime => {
                return dates::construct(known, args, named);
            }
            Known::IsClose => return math::is_close(args, named),
            _ => {}
        }
        let mut args = args.to_vec();
        match (known, named) {
            (_, []) => {}
            (Known::Round, [("ndigits", digits)]) if args.len() == 1 => args.push(*digits),
            (Known::Int, [("base", base)]) if args.len() == 1 => args.push(*base),
            _ => return leave(KEYWORDS),
        }
        match (known, args.as_slice()) {
            (Known::Str, []) => Ok(Val::Str("")),
            (Known::Int, []) => Ok(Val::Int(0)),
            (Known::Float, []) => Ok(Val::Float(0.0)),
            (Known::Bool, []) => Ok(Val::Bool(false)),
            (Known::List, []) => Ok(list(self.arena, [])),
            (Known::Dict, []) => Ok(dict(self.arena, [])),
            (Known::Set, []) => Ok(set(self.arena, [])),
            (Known::Tuple, []) => Ok(Val::Tuple(&[])),
            (Known::Str, [value]) => self.text_of(value),
            (Known::Repr, [value]) => {
                let mut out = String::new();
                repr::repr(value, &mut out)?;
                Ok(Val::Str(self.arena.alloc_str(&out)))
            }
            (Known::Bool, [value]) => Ok(Val::Bool(value.truth())),
            (Known::Int, [value]) => int(value),
            (Known::Int, [value, base]) => int_of_base(value, base),
            (Known::Float, [value]) => float(value),
            (Known::Len, [value]) => len(value),
            (Known::Abs, [value]) => abs(value),
            (Known::Round, [value]) => round(value),
            (Known::Round, [value, digits]) => round_digits(value, digits),
            (Known::Ord, [value]) => ord(value),
            (Known::Chr, [value]) => self.chr(value),
            (Known::Divmod, [a, b]) => {
                let quotient = binary(BinaryOp::FloorDiv, *a, *b, self.arena)?;
                let rest = binary(BinaryOp::Mod, *a, *b, self.arena)?;
                Ok(tuple(self.arena, &[quotient, rest]))
            }
            (Known::Pow, [a, b]) => binary(BinaryOp::Pow, *a, *b, self.arena),
            (Known::Range, [_] | [_, _] | [_, _, _]) => self.range(&args),
            (Known::Bin | Known::Hex | Known::Oct, [value]) => self.digits(known, value),
            (Known::IsNa, [value]) => missing(value).map(Val::Bool),
            (Known::NotNa, [value]) => missing(value).map(|missing| Val::Bool(!missing)),
            (Known::NumpyIsNan, [value]) => match value {
                Val::Float(x) => Ok(Val::Bool(x.is_nan())),
                Val::Int(_) | Val::Bool(_) => Ok(Val::Bool(false)),
                Val::None | Val::Str(_) => type_error("`numpy.isnan` of no number"),
                _ => leave("`numpy.isnan` of this"),
            },
            (Known::Strptime | Known::FromIso | Known::DateFromIso, _)
            | (Known::Monthrange | Known::IsLeap | Known::FromOrdinal, _) => {
                dates::parse(self, known, &args)
            }
            _ => math::call(known, &args),
        }
    }

    fn chr(&mut self, value: &Val<'a>) -> Eval<Val<'a>> {
        let Some(code) = value.int() else { return type_error("`chr` of no integer") };
        match u32::try_from(code).ok().and_then(char::from_u32) {
            Some(c) => Ok(crate::row::value::character(self.arena, c)),
            None => leave("`chr` of no character"),
        }
    }

    fn range(&mut self, args: &[Val<'a>]) -> Eval<Val<'a>> {
        let numbers: Option<Vec<i64>> = args.iter().map(Val::int).collect();
        let Some(numbers) = numbers else { return type_error("a range of no integers") };
        let range = match numbers.as_slice() {
            [stop] => [0, *stop, 1],
            [start, stop] => [*start, *stop, 1],
            [start, stop, step] => [*start, *stop, *step],
            _ => return leave("this range"),
        };
        if range[2] == 0 {
            return raise(Exc::Value, "a range with a step of zero");
        }
        Ok(Val::Range(self.arena.alloc(range)))
    }

    fn digits(&mut self, known: Known, value: &Val<'a>) -> Eval<Val<'a>> {
        let Some(number) = value.int() else { return type_error("digits of no integer") };
        let sign = if number < 0 { "-" } else { "" };
        let digits = number.unsigned_abs();
        let text = match known {
            Known::Bin => format!("{sign}{digits:#b}"),
            Known::Hex => format!("{sign}{digits:#x}"),
            _ => format!("{sign}{digits:#o}"),
        };
        Ok(Val::Str(self.arena.alloc_str(&text)))
    }
}

fn is_instance(value: &Val<'_>, names: &[String]) -> bool {
    let own = value.type_name();
    names.iter().any(|name| {
        name == own || (name == "int" && own == "bool") || (name == "date" && own == "datetime")
    })
}

/// `pandas.isna` of a scalar.
fn missing(value: &Val<'_>) -> Eval<bool> {
    match value {
        Val::None => Ok(true),
        Val::Float(x) => Ok(x.is_nan()),
        Val::Bool(_)
        | Val::Int(_)
        | Val::Str(_)
        | Val::Date(_)
        | Val::DateTime(_)
        | Val::Delta(_) => Ok(false),
        _ => leave("`pandas.isna` of a container"),
    }
}

/// The whole number that a float becomes: `how` cuts or rounds it.
pub(crate) fn whole<'v>(value: f64, how: fn(f64) -> f64) -> Eval<Val<'v>> {
    if value.is_nan() {
        return raise(Exc::Value, "NaN as an integer");
    }
    if value.is_infinite() {
        return raise(Exc::Overflow, "infinity as an integer");
    }
    number::to_int(how(value)).map_or_else(|| leave(BIG), |value| Ok(Val::Int(value)))
}

fn int<'v>(value: &Val<'_>) -> Eval<Val<'v>> {
    match value {
        Val::Str(text) => match parse::int_sure(text) {
            Parsed::Is(value) => Ok(Val::Int(value)),
            Parsed::Wrong => raise(Exc::Value, "a text that is no integer"),
            Parsed::Unsure => leave("a text that is no plain integer of 64 bits"),
        },
        Val::Float(x) => whole(*x, f64::trunc),
        _ => match value.int() {
            Some(value) => Ok(Val::Int(value)),
            None => type_error("`int` of this"),
        },
    }
}

/// `int(text, base)` of plain digits.
fn int_of_base<'v>(value: &Val<'_>, base: &Val<'_>) -> Eval<Val<'v>> {
    let (Val::Str(text), Some(base)) = (value, base.int()) else {
        return type_error("`int` with a base takes a text and an integer");
    };
    let Some(radix) = u32::try_from(base).ok().filter(|base| (2..=36).contains(base)) else {
        return leave("a base that is special");
    };
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let prefixed = text.len() > 1 && text.starts_with('0') && !text.as_bytes()[1].is_ascii_digit();
    if !plain || prefixed {
        return leave("a text that is no plain integer");
    }
    match i64::from_str_radix(text, radix) {
        Ok(value) => Ok(Val::Int(value)),
        Err(error) if *error.kind() == std::num::IntErrorKind::InvalidDigit => {
            raise(Exc::Value, "a text that is no integer")
        }
        Err(_) => leave(BIG),
    }
}

fn float<'v>(value: &Val<'_>) -> Eval<Val<'v>> {
    match value {
        Val::Str(text) => match parse::float_sure(text) {
            Parsed::Is(value) => Ok(Val::Float(value)),
            Parsed::Wrong => raise(Exc::Value, "a text that is no number"),
            Parsed::Unsure => leave(NON_ASCII),
        },
        Val::Float(_) | Val::Int(_) | Val::Bool(_) => Ok(Val::Float(as_float(value))),
        _ => type_error("`float` of this"),
    }
}

pub(crate) fn len<'v>(value: &Val<'_>) -> Eval<Val<'v>> {
    Ok(Val::Int(match value {
        Val::Str(value) => text::signed(text::length(value)),
        Val::Tuple(items) => text::signed(items.len()),
        Val::List(cells) | Val::Set(cells) => text::signed(cells.len()),
        Val::Dict(pairs) => text::signed(pairs.len()),
        Val::Range(range) => range_len(range),
        Val::Frozen(frozen) => text::signed(frozen.len()),
        _ => return type_error("`len` of this"),
    }))
}

fn abs<'a>(value: &Val<'a>) -> Eval<Val<'a>> {
    match value {
        Val::Float(x) => Ok(Val::Float(x.abs())),
        Val::Delta(micros) => Ok(Val::Delta(micros.abs())),
        _ => match value.int() {
            Some(x) => x.checked_abs().map_or_else(|| leave(BIG), |x| Ok(Val::Int(x))),
            None => type_error("`abs` of no number"),
        },
    }
}

fn round<'v>(value: &Val<'_>) -> Eval<Val<'v>> {
    match value {
        Val::Float(x) => whole(*x, f64::round_ties_even),
        _ => match value.int() {
            Some(x) => Ok(Val::Int(x)),
            None => type_error("`round` of no number"),
        },
    }
}

fn round_digits<'v>(value: &Val<'_>, digits: &Val<'_>) -> Eval<Val<'v>> {
    let digits = match digits {
        Val::None => return round(value),
        _ => match digits.int() {
            Some(digits) => digits,
            None => return type_error("a number of digits that is no integer"),
        },
    };
    match (value, usize::try_from(digits)) {
        (Val::Float(x), Ok(digits)) if digits <= 22 => {
            Ok(Val::Float(number::round_digits(*x, digits)))
        }
        (Val::Float(_), _) => leave("`round` to this number of digits"),
        (_, at_least_zero) => match (value.int(), at_least_zero) {
            (None, _) => type_error("`round` of no number"),
            (Some(x), Ok(_)) => Ok(Val::Int(x)),
            (Some(x), Err(_)) => round_tens(x, digits.unsigned_abs()),
        },
    }
}

/// An integer rounded to tens, hundreds, ...: half to even.
fn round_tens<'v>(value: i64, digits: u64) -> Eval<Val<'v>> {
    let Some(unit) = u32::try_from(digits).ok().and_then(|d| 10_i128.checked_pow(d)) else {
        return leave("`round` to this number of digits");
    };
    let value = i128::from(value);
    let (quotient, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
    let up = rest * 2 > unit || (rest * 2 == unit && quotient % 2 != 0);
    let rounded = (quotient + i128::from(up)) * unit;
    i64::try_from(rounded).map_or_else(|_| leave(BIG), |value| Ok(Val::Int(value)))
}

fn ord<'v>(value: &Val<'_>) -> Eval<Val<'v>> {
    if let Val::Str(text) = value {
        let mut chars = text.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            return Ok(Val::Int(i64::from(u32::from(c))));
        }
    }
    type_error("`ord` of what is no single character")
}

/// Whether a captured container is one of keys and values.
pub(crate) fn is_mapping(value: &Val<'_>) -> bool {
    match value {
        Val::Dict(_) => true,
        Val::Frozen(frozen) => frozen.kind == FrozenKind::Dict,
        _ => false,
    }
}
