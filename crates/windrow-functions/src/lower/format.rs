//! f-strings and `str.format`: parsing of format specifications, and the text they join to.

use crate::ir::{File, FormatId, Mask, Op};
use crate::lower::flow::Env;
use crate::lower::{Builder, Lowered};
use crate::spec::{At, FormatPart};
use crate::value::{Tags, Value};

/// `[[fill]align][sign][0][width][,][.precision][type]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormatSpec {
    pub(crate) fill: char,
    /// `<`, `>`, `^`, `=`, or nothing for the default of the type.
    pub(crate) align: Option<char>,
    /// `+`, `-` or a space.
    pub(crate) sign: char,
    pub(crate) width: usize,
    pub(crate) grouping: Grouping,
    pub(crate) precision: Option<usize>,
    pub(crate) kind: Option<char>,
}

/// Whether thousands are set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    Nothing,
    Comma,
    Underscore,
}

const MAX_WIDTH: usize = 1000;

impl FormatSpec {
    /// Parses a specification; None for what is not compiled (or wrong).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars().peekable();
        let mut spec = Self {
            fill: ' ',
            align: None,
            sign: '-',
            width: 0,
            grouping: Grouping::Nothing,
            precision: None,
            kind: None,
        };
        let mut ahead = text.chars();
        let (first, second) = (ahead.next(), ahead.next());
        let is_align = |c: Option<char>| matches!(c, Some('<' | '>' | '^' | '='));
        if is_align(second) {
            spec.fill = first?;
            spec.align = second;
            chars.next();
            chars.next();
        } else if is_align(first) {
            spec.align = first;
            chars.next();
        }
        if let Some(&sign @ ('+' | '-' | ' ')) = chars.peek() {
            spec.sign = sign;
            chars.next();
        }
        if chars.peek() == Some(&'0') {
            chars.next();
            if spec.align.is_none() {
                spec.fill = '0';
                spec.align = Some('=');
            } else if spec.fill == ' ' && !is_align(second) {
                spec.fill = '0';
            }
        }
        spec.width = number(&mut chars)?.unwrap_or(0);
        match chars.peek() {
            Some(',') => spec.grouping = Grouping::Comma,
            Some('_') => spec.grouping = Grouping::Underscore,
            _ => {}
        }
        if spec.grouping != Grouping::Nothing {
            chars.next();
        }
        if chars.peek() == Some(&'.') {
            chars.next();
            spec.precision = Some(number(&mut chars)??);
        }
        spec.kind = chars.next();
        if chars.next().is_some() {
            return None;
        }
        Some(spec)
    }

    /// Whether it formats integers as floats.
    pub(crate) fn is_of_floats(&self) -> bool {
        matches!(self.kind, Some('f' | 'F' | 'e' | 'E' | 'g' | 'G' | '%'))
    }

    /// Whether values of a type are formatted so here.
    pub(crate) fn fits(&self, tag: Tags) -> bool {
        let grouped = self.grouping != Grouping::Nothing;
        // Zeros before a grouped number are grouped too; that is left to the interpreter.
        if grouped && self.fill == '0' && self.align == Some('=') {
            return false;
        }
        match tag {
            Tags::INT => match self.kind {
                None | Some('d') => self.precision.is_none(),
                Some('x' | 'X' | 'o' | 'b') => self.precision.is_none() && !grouped,
                _ => self.is_of_floats(),
            },
            Tags::FLOAT => self.is_of_floats() || (self.kind.is_none() && self.precision.is_none()),
            Tags::STR => {
                matches!(self.kind, None | Some('s'))
                    && !grouped
                    && self.sign == '-'
                    && self.align != Some('=')
            }
            _ => false,
        }
    }
}

/// Digits: None for a number that is too large, Some(None) for no digits at all.
#[allow(clippy::option_option)]
fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Option<usize>> {
    let mut value: Option<usize> = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        let next = value.unwrap_or(0) * 10 + digit as usize;
        if next > MAX_WIDTH {
            return None;
        }
        value = Some(next);
        chars.next();
    }
    Some(value)
}

impl Builder<'_> {
    /// The text of an f-string.
    pub(crate) fn format(
        &mut self,
        parts: &[FormatPart],
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let mut slots = Vec::new();
        for part in parts {
            match part {
                FormatPart::Text { text } => slots.push(self.text(text)),
                FormatPart::Value { value, conversion, spec } => {
                    let place = &value.at;
                    let mut value = self.expr(value, mask, env)?;
                    match conversion.as_str() {
                        "" => {}
                        "s" => {
                            value = self.per_type(&value, mask, |b, v, m| b.text_of(v, place, m))?
                        }
                        "%s" => {
                            value = self.per_type(&value, mask, |b, v, m| b.text_of(v, place, m))?
                        }
                        "%d" | "%f" => {
                            return Err(place.reason("this conversion is not compiled"));
                        }
                        _ => return Err(place.reason("`!r` and `!a` are not compiled")),
                    }
                    let text = self.per_type(&value, mask, |builder, value, mask| {
                        builder.format_value(value, spec, place, mask)
                    })?;
                    match text.str {
                        Some(slot) => slots.push(slot),
                        None => return Ok(text),
                    }
                }
            }
        }
        let slot = match slots.as_slice() {
            [] => self.text(""),
            [one] => *one,
            many => self.emit(Op::TextConcat, many, File::Text, mask, 0),
        };
        self.check_size(at)?;
        Ok(Value::single(Tags::STR, slot))
    }

    fn format_value(&mut self, value: &Value, spec: &str, at: &At, mask: Mask) -> Lowered<Value> {
        if spec.is_empty() {
            return self.text_of(value, at, mask);
        }
        let parsed = FormatSpec::parse(spec).filter(|parsed| parsed.fits(value.tags));
        let (Some(parsed), Some(slot)) = (parsed, value.slot(value.tags)) else {
            let text = format!("the format `{spec}` of `{}` is not compiled", value.tags.name());
            if mask.is_none() {
                return Err(at.reason(text));
            }
            let exit = self.exit(at, None, &text);
            self.leave(mask, exit);
            return Ok(Value::default());
        };
        let as_float = value.tags == Tags::INT && parsed.is_of_floats();
        self.formats.push(parsed);
        let id = FormatId::try_from(self.formats.len() - 1)
            .map_err(|_| at.reason("too many formats"))?;
        let slot = if as_float {
            let exit = self.exit(at, None, "an integer beyond 2**53 as a float");
            let limited = self.emit(Op::IntExact, &[slot], File::Int, mask, exit);
            let float = self.as_float(limited);
            self.emit(Op::FormatFloat(id), &[float], File::Text, mask, 0)
        } else {
            let op = match value.tags {
                Tags::INT => Op::FormatInt(id),
                Tags::FLOAT => Op::FormatFloat(id),
                _ => Op::FormatText(id),
            };
            self.emit(op, &[slot], File::Text, mask, 0)
        };
        Ok(Value::single(Tags::STR, slot))
    }
}
