//! f-strings, `str.format` and `%`: the text of values.

use crate::kernel::format as layout;
use crate::kernel::number::EXACT;
use crate::lower::FormatSpec;
use crate::row::arith::as_float;
use crate::row::exec::Runner;
use crate::row::tree::{Conversion, Part, Spec};
use crate::row::trouble::{Eval, Exc, leave, raise, text_fits, type_error};
use crate::row::value::Val;
use crate::row::{dates, repr};
use crate::value::Tags;

impl<'a> Runner<'a> {
    /// `str(value)`
    pub(crate) fn text_of(&mut self, value: &Val<'a>) -> Eval<Val<'a>> {
        if let Val::Str(text) = value {
            return Ok(Val::Str(text));
        }
        let mut out = String::new();
        repr::text(value, &mut out)?;
        Ok(Val::Str(self.arena.alloc_str(&out)))
    }

    /// The text of all parts.
    pub(crate) fn formatted(&mut self, parts: &'a [Part]) -> Eval<Val<'a>> {
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value { value, conversion, spec } => {
                    let value = self.eval(value)?;
                    self.part(value, *conversion, spec, &mut out)?;
                }
            }
            text_fits(out.len())?;
        }
        Ok(Val::Str(self.arena.alloc_str(&out)))
    }

    fn part(
        &mut self,
        value: Val<'a>,
        conversion: Conversion,
        spec: &'a Spec,
        out: &mut String,
    ) -> Eval<()> {
        let value = match conversion {
            Conversion::Nothing => value,
            Conversion::Str => self.text_of(&value)?,
            Conversion::PercentStr => match value {
                Val::Tuple(_) | Val::Dict(_) | Val::Frozen(_) => {
                    return leave("a container as the value of a format");
                }
                _ => self.text_of(&value)?,
            },
            Conversion::Repr => {
                let mut text = String::new();
                repr::repr(&value, &mut text)?;
                Val::Str(self.arena.alloc_str(&text))
            }
            Conversion::PercentInt => percent_int(value)?,
            Conversion::PercentFloat => match value {
                Val::Float(_) | Val::Int(_) | Val::Bool(_) => value,
                Val::Str(_) | Val::None => return type_error("a number format of no number"),
                _ => return leave("a number format of this"),
            },
        };
        match spec {
            Spec::Nothing => repr::text(&value, out),
            Spec::Plain(spec) => formatted(&value, spec, out),
            Spec::Date(spec) => match value {
                Val::Date(_) | Val::DateTime(_) => dates::strftime(&value, spec, out),
                _ => leave("this format"),
            },
        }
    }
}

fn percent_int(value: Val<'_>) -> Eval<Val<'_>> {
    match value {
        Val::Float(x) => crate::row::builtins::whole(x, f64::trunc),
        Val::Int(_) | Val::Bool(_) => Ok(Val::Int(value.int().unwrap_or(0))),
        Val::Str(_) | Val::None => type_error("a number format of no number"),
        _ => leave("a number format of this"),
    }
}

/// Appends `format(value, spec)` for a `spec` that is not empty.
pub(crate) fn formatted(value: &Val<'_>, spec: &FormatSpec, out: &mut String) -> Eval<()> {
    match value {
        Val::Str(text) if spec.fits(Tags::STR) => {
            layout::text(text, spec, out);
            Ok(())
        }
        Val::Float(x) if spec.fits(Tags::FLOAT) => {
            layout::float(*x, spec, out);
            Ok(())
        }
        Val::Int(_) | Val::Bool(_) if spec.fits(Tags::INT) => {
            let number = value.int().unwrap_or(0);
            if !spec.is_of_floats() {
                layout::int(number, spec, out);
            } else if (-EXACT..=EXACT).contains(&number) {
                layout::float(as_float(value), spec, out);
            } else {
                return leave("an integer beyond 2**53 as a float");
            }
            Ok(())
        }
        // Python has a text for what fits no type, or raises.
        Val::Str(_) if matches!(spec.kind, Some('d' | 'f' | 'e' | 'g' | '%' | 'x')) => {
            raise(Exc::Value, "a number format of a text")
        }
        Val::None | Val::List(_) | Val::Tuple(_) | Val::Dict(_) => {
            type_error("a format of what has none")
        }
        _ => leave("this format"),
    }
}
