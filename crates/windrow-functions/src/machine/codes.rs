//! Selections among constants, done on codes of one byte: `"low" if x < 3 else "high"` chooses
//! between two bytes, and what they stand for is looked up once, at the end.

use std::collections::HashMap;

use crate::ir::{Def, File, Instr, Op, Slot};

/// What codes stand for, by file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Codes {
    /// Absent while all integers are small: then each is its own code.
    pub(crate) ints: Option<Vec<i64>>,
    pub(crate) floats: Vec<f64>,
    pub(crate) texts: Vec<String>,
}

/// Constants of one file get their codes in the order in which they are met.
#[derive(Default)]
struct Table {
    codes: HashMap<Slot, u8>,
    met: Vec<Slot>,
}

impl Table {
    /// None when there are too many constants.
    fn code(&mut self, slot: Slot) -> Option<u8> {
        if let Some(code) = self.codes.get(&slot) {
            return Some(*code);
        }
        let code = u8::try_from(self.met.len()).ok()?;
        self.codes.insert(slot, code);
        self.met.push(slot);
        Some(code)
    }
}

/// Rewrites selections whose arms are constants, or such selections again.
pub(crate) fn encode(
    instrs: Vec<Instr>,
    defs: &mut [Vec<Def>; 4],
    result: &[Slot],
) -> (Vec<Instr>, Codes) {
    let mut codes = Codes::default();
    let mut tables: HashMap<File, Table> = HashMap::new();
    if !ints_are_small(&instrs, defs) {
        codes.ints = Some(Vec::new());
    }
    let mut coded = Coded { places: HashMap::new(), constants: HashMap::new() };
    let mut rewritten = Vec::with_capacity(instrs.len());
    for instr in instrs {
        let Some((out, [condition, left, right])) = selection(&instr) else {
            rewritten.push(instr);
            continue;
        };
        let small = out.file == File::Int && codes.ints.is_none();
        let table = tables.entry(out.file).or_default();
        let arms = [left, right].map(|arm| coded.code(arm, defs, (!small).then_some(&mut *table)));
        let [Some(left), Some(right)] = arms else {
            rewritten.push(instr);
            continue;
        };
        let place = coded.define(defs, Def::Computed);
        let args = vec![condition, left, right];
        rewritten.push(Instr { op: Op::SelectByte, out: Some(place), args, mask: None, exit: 0 });
        let args = vec![place];
        rewritten.push(Instr { op: Op::Decode, out: Some(out), args, mask: None, exit: 0 });
        coded.places.insert(out, place);
    }
    for table in tables.into_values() {
        for slot in table.met {
            match &defs[slot.file as usize][slot.id as usize] {
                Def::Int(value) => codes.ints.get_or_insert_default().push(*value),
                Def::Float(value) => codes.floats.push(*value),
                Def::Text(value) => codes.texts.push(value.clone()),
                _ => {}
            }
        }
    }
    (drop_unread(rewritten, result), codes)
}

fn selection(instr: &Instr) -> Option<(Slot, [Slot; 3])> {
    let known = matches!(instr.op, Op::SelectInt | Op::SelectFloat | Op::SelectText);
    let args = <[Slot; 3]>::try_from(instr.args.as_slice()).ok()?;
    instr.out.filter(|_| known).map(|out| (out, args))
}

/// Whether every integer that is an arm of a selection fits one byte with a sign.
fn ints_are_small(instrs: &[Instr], defs: &[Vec<Def>; 4]) -> bool {
    let arms = instrs.iter().filter_map(selection).flat_map(|(_, [_, left, right])| [left, right]);
    let mut ints = arms.filter_map(|slot| match defs[slot.file as usize].get(slot.id as usize) {
        Some(Def::Int(value)) => Some(*value),
        _ => None,
    });
    ints.all(|value| i8::try_from(value).is_ok())
}

struct Coded {
    /// Selections that are on codes now, and where these codes are.
    places: HashMap<Slot, Slot>,
    constants: HashMap<u8, Slot>,
}

impl Coded {
    fn define(&mut self, defs: &mut [Vec<Def>; 4], def: Def) -> Slot {
        let bytes = &mut defs[File::Byte as usize];
        bytes.push(def);
        Slot { file: File::Byte, id: u32::try_from(bytes.len() - 1).unwrap_or(u32::MAX) }
    }

    /// Where the codes of an arm are, if it has codes; `table`: absent when an integer is its own.
    fn code(
        &mut self,
        arm: Slot,
        defs: &mut [Vec<Def>; 4],
        table: Option<&mut Table>,
    ) -> Option<Slot> {
        if let Some(place) = self.places.get(&arm) {
            return Some(*place);
        }
        let code = match (&defs[arm.file as usize][arm.id as usize], table) {
            (Def::Int(value), None) => i8::try_from(*value).ok()?.cast_unsigned(),
            (Def::Int(_) | Def::Float(_) | Def::Text(_), Some(table)) => table.code(arm)?,
            _ => return None,
        };
        if let Some(place) = self.constants.get(&code) {
            return Some(*place);
        }
        let place = self.define(defs, Def::Byte(code));
        self.constants.insert(code, place);
        Some(place)
    }
}

/// Without the operations whose result nobody reads.
pub(crate) fn drop_unread(instrs: Vec<Instr>, result: &[Slot]) -> Vec<Instr> {
    let mut read: std::collections::HashSet<Slot> = result.iter().copied().collect();
    let mut kept: Vec<Instr> = Vec::with_capacity(instrs.len());
    for instr in instrs.into_iter().rev() {
        let needed =
            !instr.op.is_total(instr.exit) || instr.out.is_some_and(|out| read.contains(&out));
        if needed {
            read.extend(instr.args.iter().copied().chain(instr.mask));
            kept.push(instr);
        }
    }
    kept.reverse();
    kept
}
