//! Operations that read or write text; they look only at the lanes that count.

use crate::ir::{File, Instr, Op, Slot, TextMap, TextPairTest, TextTest};
use crate::kernel::{float_text, format, parse, text};
use crate::machine::{Frame, UNKNOWN_EXIT};

/// Repeated text beyond this length is left to the interpreter.
const MAX_LENGTH: usize = 1 << 16;

impl<'a> Frame<'a> {
    pub(crate) fn run_text(&mut self, instr: &Instr) {
        let register = self.register(instr);
        match instr.out.map(|out| out.file) {
            Some(File::Text) => {
                let mut out = std::mem::take(&mut self.texts[register]);
                self.each_lane(instr, &mut out, "", Self::text_lane);
                self.texts[register] = out;
            }
            Some(File::Int) => {
                let mut out = std::mem::take(&mut self.ints[register]);
                self.each_lane(instr, &mut out, 0, |frame, instr, lane| {
                    frame.int_lane(instr, lane)
                });
                self.ints[register] = out;
            }
            Some(File::Float) => {
                let mut out = std::mem::take(&mut self.floats[register]);
                self.each_lane(instr, &mut out, 0.0, |frame, instr, lane| {
                    parse::float(frame.text_at(instr, 0, lane))
                });
                self.floats[register] = out;
            }
            Some(File::Byte) => {
                let mut out = std::mem::take(&mut self.bytes[register]);
                self.each_lane(instr, &mut out, 0, |frame, instr, lane| {
                    frame.byte_lane(instr, lane).map(u8::from)
                });
                self.bytes[register] = out;
            }
            None => {}
        }
    }

    /// Fills a register lane by lane; a lane without an answer leaves.
    fn each_lane<T: Copy>(
        &mut self,
        instr: &Instr,
        out: &mut Vec<T>,
        empty: T,
        compute: impl Fn(&mut Self, &Instr, usize) -> Option<T>,
    ) {
        out.clear();
        for lane in 0..self.count {
            let counts = self.exit[lane] == 0
                && instr.mask.is_none_or(|mask| self.byte_lanes(mask)[lane] != 0);
            let value = if counts { compute(self, instr, lane) } else { Some(empty) };
            if value.is_none() {
                self.exit[lane] = if instr.exit == 0 { UNKNOWN_EXIT } else { instr.exit };
            }
            out.push(value.unwrap_or(empty));
        }
    }

    fn text_at(&self, instr: &Instr, arg: usize, lane: usize) -> &'a str {
        instr.args.get(arg).map_or("", |&slot| self.text_lanes(slot)[lane])
    }

    fn int_at(&self, instr: &Instr, arg: usize, lane: usize) -> i64 {
        instr.args.get(arg).map_or(0, |&slot| self.int_lanes(slot)[lane])
    }

    /// Keeps what `write` appends to an empty string.
    fn keep(&mut self, write: impl FnOnce(&mut String)) -> &'a str {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write(&mut scratch);
        let kept = self.arena.alloc_str(&scratch);
        self.scratch = scratch;
        kept
    }

    fn text_lane(&mut self, instr: &Instr, lane: usize) -> Option<&'a str> {
        let first = instr.args.first().filter(|slot| slot.file == File::Text);
        let value = first.map_or("", |&slot| self.text_lanes(slot)[lane]);
        Some(match instr.op {
            Op::TextConcat => self.concat(&instr.args, lane),
            Op::TextRepeat => return self.repeat(value, self.int_at(instr, 1, lane)),
            Op::TextMap(map) => return self.map(map, value),
            Op::TextReplace => {
                let (from, to) = (self.text_at(instr, 1, lane), self.text_at(instr, 2, lane));
                if !from.is_empty() && !value.contains(from) {
                    return Some(value);
                }
                let replaced = value.replace(from, to);
                self.arena.alloc_str(&replaced)
            }
            Op::TextIndex => return text::item(value, self.int_at(instr, 1, lane)),
            Op::TextSlice { lower, upper } => {
                let lower = lower.then(|| self.int_at(instr, 1, lane));
                let upper = upper.then(|| self.int_at(instr, 2, lane));
                text::slice(value, lower, upper)
            }
            Op::TextReverse => self.keep(|out| out.extend(value.chars().rev())),
            Op::TextSplitItem(way) => {
                let separator = self.text_at(instr, 1, lane);
                return text::split_item(value, separator, self.int_at(instr, 2, lane), way);
            }
            Op::TextSplitSpaceItem => {
                return text::split_space_item(value, self.int_at(instr, 1, lane));
            }
            Op::TextZfill => {
                let width = usize::try_from(self.int_at(instr, 1, lane)).unwrap_or(0);
                if width > MAX_LENGTH {
                    return None;
                }
                self.keep(|out| text::zfill(value, width, out))
            }
            Op::TextRemove { prefix } => {
                let affix = self.text_at(instr, 1, lane);
                let rest =
                    if prefix { value.strip_prefix(affix) } else { value.strip_suffix(affix) };
                rest.unwrap_or(value)
            }
            Op::TextStripChars { left, right } => {
                text::strip_chars(value, self.text_at(instr, 1, lane), left, right)
            }
            Op::IntToText => {
                let value = self.int_at(instr, 0, lane);
                self.keep(|out| out.push_str(&value.to_string()))
            }
            Op::FloatToText => {
                let value = self.float_at(instr, lane);
                self.keep(|out| float_text::repr(value, out))
            }
            Op::BoolToText => {
                let value = instr.args.first().is_some_and(|&a| self.byte_lanes(a)[lane] != 0);
                if value { "True" } else { "False" }
            }
            Op::IntChr => {
                let code = u32::try_from(self.int_at(instr, 0, lane)).ok()?;
                let c = char::from_u32(code)?;
                self.keep(|out| out.push(c))
            }
            Op::Gather(table) => {
                let position = usize::try_from(self.int_at(instr, 0, lane)).unwrap_or(usize::MAX);
                let plan = self.plan;
                plan.tables[usize::from(table)]
                    .values
                    .texts
                    .get(position)
                    .map_or("", String::as_str)
            }
            Op::FormatInt(_) | Op::FormatFloat(_) | Op::FormatText(_) => {
                self.format_lane(instr, value, lane)
            }
            _ => return None,
        })
    }

    fn format_lane(&mut self, instr: &Instr, value: &str, lane: usize) -> &'a str {
        let plan = self.plan;
        match instr.op {
            Op::FormatInt(id) => {
                let number = self.int_at(instr, 0, lane);
                self.keep(|out| format::int(number, &plan.formats[usize::from(id)], out))
            }
            Op::FormatFloat(id) => {
                let number = self.float_at(instr, lane);
                self.keep(|out| format::float(number, &plan.formats[usize::from(id)], out))
            }
            Op::FormatText(id) => {
                self.keep(|out| format::text(value, &plan.formats[usize::from(id)], out))
            }
            _ => "",
        }
    }

    fn float_at(&self, instr: &Instr, lane: usize) -> f64 {
        instr.args.first().map_or(0.0, |&slot| self.float_lanes(slot)[lane])
    }

    fn concat(&mut self, args: &[Slot], lane: usize) -> &'a str {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        for &arg in args {
            scratch.push_str(self.text_lanes(arg)[lane]);
        }
        let kept = self.arena.alloc_str(&scratch);
        self.scratch = scratch;
        kept
    }

    fn repeat(&mut self, value: &str, count: i64) -> Option<&'a str> {
        let count = usize::try_from(count).unwrap_or(0);
        if value.len().saturating_mul(count) > MAX_LENGTH {
            return None;
        }
        Some(self.keep(|out| (0..count).for_each(|_| out.push_str(value))))
    }

    fn map(&mut self, map: TextMap, value: &'a str) -> Option<&'a str> {
        match map {
            TextMap::Strip => return Some(value.trim_matches(text::is_space)),
            TextMap::LeftStrip => return Some(value.trim_start_matches(text::is_space)),
            TextMap::RightStrip => return Some(value.trim_end_matches(text::is_space)),
            _ => {}
        }
        if !value.is_ascii() {
            return None;
        }
        let bytes = value.as_bytes();
        Some(match map {
            TextMap::Lower if !bytes.iter().any(u8::is_ascii_uppercase) => value,
            TextMap::Upper if !bytes.iter().any(u8::is_ascii_lowercase) => value,
            TextMap::Lower => {
                self.keep(|out| out.extend(value.chars().map(|c| c.to_ascii_lowercase())))
            }
            TextMap::Upper => {
                self.keep(|out| out.extend(value.chars().map(|c| c.to_ascii_uppercase())))
            }
            TextMap::Title => self.keep(|out| text::title(value, out)),
            _ => self.keep(|out| text::capitalize(value, out)),
        })
    }

    fn int_lane(&self, instr: &Instr, lane: usize) -> Option<i64> {
        let value = self.text_at(instr, 0, lane);
        let other = |frame: &Self| frame.text_at(instr, 1, lane);
        Some(match instr.op {
            Op::TextLen => text::signed(text::length(value)),
            Op::TextFind { last } => {
                let found = if last { value.rfind(other(self)) } else { value.find(other(self)) };
                found.map_or(-1, |at| text::signed(text::position(value, at)))
            }
            Op::TextCount => text::signed(text::count(value, other(self))),
            Op::TextSplitLen(_) if instr.args.len() == 1 => {
                text::signed(text::words(value).count())
            }
            Op::TextSplitLen(way) => text::signed(text::split_count(value, other(self), way)),
            Op::TextToInt => return parse::int(value),
            Op::TextOrd => {
                let mut chars = value.chars();
                return match (chars.next(), chars.next()) {
                    (Some(c), None) => Some(i64::from(u32::from(c))),
                    _ => None,
                };
            }
            Op::Find(table) => self.plan.tables[usize::from(table)].find_text(value),
            _ => return None,
        })
    }

    fn byte_lane(&self, instr: &Instr, lane: usize) -> Option<bool> {
        let value = self.text_at(instr, 0, lane);
        let other = self.second_text(instr, lane);
        Some(match instr.op {
            Op::TextTruth => !value.is_empty(),
            Op::TextCmp(cmp) => {
                let mut answer = Vec::with_capacity(1);
                super::bytes::compare(cmp, &[value], &[other], &mut answer);
                answer == [1]
            }
            Op::TextPairTest(TextPairTest::Contains) => value.contains(other),
            Op::TextPairTest(TextPairTest::StartsWith) => value.starts_with(other),
            Op::TextPairTest(TextPairTest::EndsWith) => value.ends_with(other),
            Op::TextTest(test) => return ascii_test(test, value),
            _ => return None,
        })
    }

    fn second_text(&self, instr: &Instr, lane: usize) -> &'a str {
        match instr.args.get(1) {
            Some(slot) if slot.file == File::Text => self.text_lanes(*slot)[lane],
            _ => "",
        }
    }
}

fn ascii_test(test: TextTest, value: &str) -> Option<bool> {
    if !value.is_ascii() {
        return None;
    }
    let all = |wanted: fn(&u8) -> bool| !value.is_empty() && value.as_bytes().iter().all(wanted);
    Some(match test {
        TextTest::Digit => all(u8::is_ascii_digit),
        TextTest::Alpha => all(u8::is_ascii_alphabetic),
        TextTest::Alnum => all(u8::is_ascii_alphanumeric),
        TextTest::Space => !value.is_empty() && value.chars().all(text::is_space),
        TextTest::Upper => text::is_cased(value, u8::is_ascii_uppercase, u8::is_ascii_lowercase),
        TextTest::Lower => text::is_cased(value, u8::is_ascii_lowercase, u8::is_ascii_uppercase),
    })
}
