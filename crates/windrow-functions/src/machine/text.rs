//! Operations that read or write text; they look only at the lanes that count.

use bumpalo::Bump;

use crate::ir::{Cmp, File, Instr, Op, TextMap, TextPairTest, TextTest};
use crate::kernel::part::{self, Part};
use crate::kernel::{float_text, format, letters, parse, text};
use crate::lower::Characters;
use crate::machine::text_blocks::Block;
use crate::machine::{Frame, Plan, UNKNOWN_EXIT};

/// Repeated text beyond this length is left to the interpreter.
const MAX_LENGTH: usize = 1 << 16;

impl<'a> Frame<'a> {
    pub(crate) fn run_text(&mut self, instr: &Instr) {
        let register = self.register(instr);
        let mut exit = std::mem::take(&mut self.exit);
        let mut any_left = self.any_left;
        let count = self.count;
        let mut maker = Maker { arena: self.arena, scratch: std::mem::take(&mut self.scratch) };
        match instr.out.map(|out| out.file) {
            Some(File::Text) => {
                let mut out = std::mem::take(&mut self.texts[register]);
                let lanes = self.lanes(instr);
                any_left |= lanes.all_texts(&mut maker, any_left, (&mut exit, &mut out[..count]));
                self.texts[register] = out;
            }
            Some(File::Int) => {
                let mut out = std::mem::take(&mut self.ints[register]);
                let lanes = self.lanes(instr);
                let to = (exit.as_mut_slice(), out.as_mut_slice());
                any_left |= match instr.op {
                    Op::TextToInt => lanes
                        .each(to, 0, any_left, |lanes, lane| parse::int(lanes.first_text(lane))),
                    _ => lanes.each(to, 0, any_left, Lanes::int_lane),
                };
                self.ints[register] = out;
            }
            Some(File::Float) => {
                let mut out = std::mem::take(&mut self.floats[register]);
                let lanes = self.lanes(instr);
                any_left |= lanes.each((&mut exit, &mut out), 0.0, any_left, |lanes, lane| {
                    parse::float(lanes.text_at(0, lane))
                });
                self.floats[register] = out;
            }
            Some(File::Byte) => {
                let mut out = std::mem::take(&mut self.bytes[register]);
                let lanes = self.lanes(instr);
                any_left |= lanes.each((&mut exit, &mut out), 0, any_left, |lanes, lane| {
                    lanes.byte_lane(lane).map(u8::from)
                });
                self.bytes[register] = out;
            }
            None => {}
        }
        self.scratch = maker.scratch;
        self.any_left = any_left;
        self.exit = exit;
    }

    /// The lanes of the arguments, found once for the block.
    fn lanes<'r>(&'r self, instr: &'r Instr) -> Lanes<'r, 'a> {
        let mut lanes = Lanes {
            plan: self.plan,
            instr,
            mask: instr.mask.map(|mask| self.byte_lanes(mask)),
            first: &[],
            texts: Vec::new(),
            part: None,
            ints: [&[]; 3],
            floats: &[],
            bytes: &[],
        };
        for (index, &slot) in instr.args.iter().enumerate() {
            let mut text: &[&'a str] = &[];
            match slot.file {
                File::Text => text = self.text_lanes(slot),
                File::Int => {
                    if let Some(ints) = lanes.ints.get_mut(index) {
                        *ints = self.int_lanes(slot);
                    }
                }
                File::Float => lanes.floats = self.float_lanes(slot),
                File::Byte => lanes.bytes = self.byte_lanes(slot),
            }
            lanes.texts.push(text);
        }
        lanes.first = lanes.texts.first().copied().unwrap_or(&[]);
        let second = instr
            .args
            .get(1)
            .filter(|slot| slot.file == File::Text && self.plan.is_constant(**slot));
        lanes.part = second.and_then(|slot| self.text_lanes(*slot).first()).map(|t| Part::new(t));
        lanes
    }
}

/// Where texts that are made live.
struct Maker<'a> {
    arena: &'a Bump,
    scratch: String,
}

impl<'a> Maker<'a> {
    /// Keeps what `write` appends to an empty string.
    fn keep(&mut self, write: impl FnOnce(&mut String)) -> &'a str {
        self.scratch.clear();
        write(&mut self.scratch);
        self.arena.alloc_str(&self.scratch)
    }
}

/// The arguments of one operation over a block.
struct Lanes<'r, 'a> {
    plan: &'a Plan,
    instr: &'r Instr,
    mask: Option<&'r [u8]>,
    /// The first argument; empty if it is no text.
    first: &'r [&'a str],
    /// By argument; empty for one that is no text.
    texts: Vec<&'r [&'a str]>,
    /// The second text, ready to be looked for, where it is the same for all lanes.
    part: Option<Part<'a>>,
    ints: [&'r [i64]; 3],
    floats: &'r [f64],
    bytes: &'r [u8],
}

impl<'r, 'a> Lanes<'r, 'a> {
    /// Fills a register lane by lane; a lane without an answer leaves. Whether any did.
    fn each<T: Copy>(
        &self,
        (exit, out): (&mut [u8], &mut [T]),
        empty: T,
        any_left: bool,
        mut compute: impl FnMut(&Self, usize) -> Option<T>,
    ) -> bool {
        let code = self.code();
        let mut leaves = false;
        let everywhere = !any_left && self.mask.is_none();
        for (lane, (exit, out)) in exit.iter_mut().zip(out).enumerate() {
            let counts = everywhere || (*exit == 0 && self.mask.is_none_or(|mask| mask[lane] != 0));
            *out = empty;
            if counts {
                match compute(self, lane) {
                    Some(value) => *out = value,
                    None => {
                        *exit = code;
                        leaves = true;
                    }
                }
            }
        }
        leaves
    }

    fn code(&self) -> u8 {
        if self.instr.exit == 0 { UNKNOWN_EXIT } else { self.instr.exit }
    }

    /// Fills a register of texts; whether any lane left.
    fn all_texts(
        &self,
        maker: &mut Maker<'a>,
        any_left: bool,
        (exit, out): (&mut [u8], &mut [&'a str]),
    ) -> bool {
        match self.instr.op {
            Op::Decode => {
                let texts = &self.plan.codes.texts;
                for (out, &code) in out.iter_mut().zip(self.bytes) {
                    *out = texts.get(usize::from(code)).map_or("", String::as_str);
                }
                false
            }
            Op::TextMap(map @ (TextMap::Lower | TextMap::Upper)) => {
                let block = Block { texts: self.first, mask: self.mask, code: self.code() };
                block.change_case(map, maker.arena, &mut maker.scratch, (exit, out))
            }
            Op::TextMap(TextMap::Strip) => self.each((exit, out), "", any_left, |lanes, lane| {
                Some(text::strip(lanes.first_text(lane), true, true))
            }),
            Op::TextReplace => self
                .each((exit, out), "", any_left, |lanes, lane| Some(lanes.replaced(maker, lane))),
            Op::TextSplitItem(way) => self.each((exit, out), "", any_left, |lanes, lane| {
                let index = lanes.int_at(2, lane);
                lanes.with_part(lane, |part| {
                    text::split_item(lanes.first_text(lane), part, index, way)
                })
            }),
            _ => self.each((exit, out), "", any_left, |lanes, lane| lanes.text_lane(maker, lane)),
        }
    }

    fn text_at(&self, arg: usize, lane: usize) -> &'a str {
        self.texts.get(arg).and_then(|lanes| lanes.get(lane)).copied().unwrap_or("")
    }

    fn first_text(&self, lane: usize) -> &'a str {
        self.first.get(lane).copied().unwrap_or("")
    }

    /// Looks for the second text of a lane.
    #[inline]
    fn with_part<T>(&self, lane: usize, look: impl FnOnce(&Part<'a>) -> T) -> T {
        match &self.part {
            Some(part) => look(part),
            None => look(&Part::new(self.text_at(1, lane))),
        }
    }

    fn replaced(&self, maker: &mut Maker<'a>, lane: usize) -> &'a str {
        let (value, to) = (self.first_text(lane), self.text_at(2, lane));
        self.with_part(lane, |from| match from.len() {
            0 => &*maker.arena.alloc_str(&value.replace("", to)),
            _ => text::replace(value, from, to, |write| maker.keep(write)),
        })
    }

    fn int_at(&self, arg: usize, lane: usize) -> i64 {
        self.ints.get(arg).and_then(|lanes| lanes.get(lane)).copied().unwrap_or(0)
    }

    fn float_at(&self, lane: usize) -> f64 {
        self.floats.get(lane).copied().unwrap_or(0.0)
    }

    fn text_lane(&self, maker: &mut Maker<'a>, lane: usize) -> Option<&'a str> {
        let value = self.text_at(0, lane);
        Some(match self.instr.op {
            Op::TextConcat => self.concat(maker, lane),
            Op::TextRepeat => return repeat(maker, value, self.int_at(1, lane)),
            Op::TextMap(map) => return map_text(maker, map, value),
            Op::TextIndex => return text::item(value, self.int_at(1, lane)),
            Op::TextSlice { lower, upper } => {
                let lower = lower.then(|| self.int_at(1, lane));
                let upper = upper.then(|| self.int_at(2, lane));
                text::slice(value, lower, upper)
            }
            Op::TextCharacters(table) => {
                let plan = self.plan;
                return written(maker, &plan.characters[usize::from(table)], value);
            }
            Op::TextReverse => maker.keep(|out| out.extend(value.chars().rev())),
            Op::TextSplitSpaceItem => {
                return text::split_space_item(value, self.int_at(1, lane));
            }
            Op::TextZfill => {
                let width = usize::try_from(self.int_at(1, lane)).unwrap_or(0);
                if width > MAX_LENGTH {
                    return None;
                }
                maker.keep(|out| text::zfill(value, width, out))
            }
            Op::TextRemove { prefix } => {
                let affix = self.text_at(1, lane);
                let rest =
                    if prefix { value.strip_prefix(affix) } else { value.strip_suffix(affix) };
                rest.unwrap_or(value)
            }
            Op::TextStripChars { left, right } => {
                text::strip_chars(value, self.text_at(1, lane), left, right)
            }
            Op::IntToText => {
                let value = self.int_at(0, lane);
                maker.keep(|out| out.push_str(&value.to_string()))
            }
            Op::FloatToText => {
                let value = self.float_at(lane);
                maker.keep(|out| float_text::repr(value, out))
            }
            Op::BoolToText => {
                let value = self.bytes.get(lane).is_some_and(|&byte| byte != 0);
                if value { "True" } else { "False" }
            }
            Op::IntChr => {
                let code = u32::try_from(self.int_at(0, lane)).ok()?;
                let c = char::from_u32(code)?;
                maker.keep(|out| out.push(c))
            }
            Op::Gather(table) => {
                let position = usize::try_from(self.int_at(0, lane)).unwrap_or(usize::MAX);
                let plan = self.plan;
                plan.tables[usize::from(table)]
                    .values
                    .texts
                    .get(position)
                    .map_or("", String::as_str)
            }
            Op::FormatInt(_) | Op::FormatFloat(_) | Op::FormatText(_) => {
                self.format_lane(maker, value, lane)
            }
            _ => return None,
        })
    }

    fn format_lane(&self, maker: &mut Maker<'a>, value: &str, lane: usize) -> &'a str {
        let plan = self.plan;
        match self.instr.op {
            Op::FormatInt(id) => {
                let number = self.int_at(0, lane);
                maker.keep(|out| format::int(number, &plan.formats[usize::from(id)], out))
            }
            Op::FormatFloat(id) => {
                let number = self.float_at(lane);
                maker.keep(|out| format::float(number, &plan.formats[usize::from(id)], out))
            }
            Op::FormatText(id) => {
                maker.keep(|out| format::text(value, &plan.formats[usize::from(id)], out))
            }
            _ => "",
        }
    }

    fn concat(&self, maker: &mut Maker<'a>, lane: usize) -> &'a str {
        maker.keep(|out| self.texts.iter().for_each(|lanes| out.push_str(lanes[lane])))
    }

    fn int_lane(&self, lane: usize) -> Option<i64> {
        let value = self.text_at(0, lane);
        let other = || self.text_at(1, lane);
        Some(match self.instr.op {
            Op::TextCharacters(table) => {
                return summed(&self.plan.characters[usize::from(table)], value);
            }
            Op::TextLen => text::signed(text::length(value)),
            Op::TextFind { last } => {
                let found = if last {
                    value.rfind(other())
                } else {
                    self.with_part(lane, |part| part.find(value))
                };
                found.map_or(-1, |at| text::signed(text::position(value, at)))
            }
            Op::TextCount => text::signed(part::count(value, other())),
            Op::TextSplitLen(_) if self.texts.len() == 1 => {
                text::signed(text::words(value).count())
            }
            Op::TextSplitLen(way) => text::signed(text::split_count(value, other(), way)),
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

    fn byte_lane(&self, lane: usize) -> Option<bool> {
        let value = self.text_at(0, lane);
        let other = self.text_at(1, lane);
        Some(match self.instr.op {
            Op::TextTruth => !value.is_empty(),
            Op::TextCmp(cmp) => match cmp {
                Cmp::Eq => value == other,
                Cmp::Ne => value != other,
                Cmp::Lt => value < other,
                Cmp::Le => value <= other,
                Cmp::Gt => value > other,
                Cmp::Ge => value >= other,
            },
            Op::TextPairTest(TextPairTest::Contains) => {
                self.with_part(lane, |part| part.find(value)).is_some()
            }
            Op::TextPairTest(TextPairTest::StartsWith) => value.starts_with(other),
            Op::TextPairTest(TextPairTest::EndsWith) => value.ends_with(other),
            Op::TextTest(test) => return test_text(test, value),
            _ => return None,
        })
    }
}

/// The sum of what a table has for each character; nothing if one of them leaves.
fn summed(table: &Characters, value: &str) -> Option<i64> {
    let (mut sum, mut leaves) = (0_i64, 0);
    let mut overflows = false;
    for &byte in value.as_bytes() {
        let (next, wrong) = sum.overflowing_add(table.sums[usize::from(byte)]);
        leaves |= table.leaves[usize::from(byte)];
        overflows |= wrong;
        sum = next;
    }
    (leaves == 0 && !overflows).then_some(sum)
}

/// What a table has for each character, joined.
fn written<'a>(maker: &mut Maker<'a>, table: &Characters, value: &str) -> Option<&'a str> {
    let leaves = |&byte: &u8| table.leaves[usize::from(byte)] != 0;
    if value.as_bytes().iter().any(leaves) {
        return None;
    }
    Some(maker.keep(|out| {
        for &byte in value.as_bytes() {
            out.push_str(table.texts.get(usize::from(byte)).map_or("", String::as_str));
        }
    }))
}

fn repeat<'a>(maker: &mut Maker<'a>, value: &str, count: i64) -> Option<&'a str> {
    let count = usize::try_from(count).unwrap_or(0);
    if value.is_empty() {
        return Some("");
    }
    if value.len().saturating_mul(count) > MAX_LENGTH {
        return None;
    }
    Some(maker.keep(|out| (0..count).for_each(|_| out.push_str(value))))
}

fn map_text<'a>(maker: &mut Maker<'a>, map: TextMap, value: &'a str) -> Option<&'a str> {
    match map {
        TextMap::LeftStrip => return Some(text::strip(value, true, false)),
        TextMap::RightStrip => return Some(text::strip(value, false, true)),
        TextMap::Title | TextMap::Capitalize => {}
        // Blocks take these.
        TextMap::Strip | TextMap::Lower | TextMap::Upper => return None,
    }
    let mut known = true;
    let made = maker.keep(|out| {
        known = match (map, value.is_ascii()) {
            (TextMap::Title, true) => {
                text::title(value, out);
                true
            }
            (TextMap::Title, false) => letters::title(value, out),
            (_, true) => {
                text::capitalize(value, out);
                true
            }
            (_, false) => letters::capitalize(value, out),
        }
    });
    known.then_some(made)
}

fn test_text(test: TextTest, value: &str) -> Option<bool> {
    if !value.is_ascii() {
        return letters::test(test, value);
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
