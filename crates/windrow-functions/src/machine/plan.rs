//! From operations on write-once registers to a plan: what nobody reads is dropped, and
//! registers are used again as soon as their lanes are no longer needed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ir::{Def, Exit, FILES, File, Instr, Slot};
use crate::lower::{Builder, Characters, FormatSpec, Table};
use crate::machine::codes::{Codes, drop_unread, encode};
use crate::value::{Tags, Value};

/// Where the lanes of a slot are while the machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Register(usize),
    /// The lanes of column `n`, converted once for each block if they have to be.
    Column(usize),
}

/// A compiled function.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) instrs: Vec<Instr>,
    /// By file, then by slot.
    pub(crate) places: [Vec<Place>; 4],
    /// How many registers each file has; the first hold the constants.
    pub(crate) registers: [usize; 4],
    pub(crate) constants: Vec<(File, usize, Def)>,
    /// Registers that tell where a column has a value.
    pub(crate) validity: Vec<(usize, usize)>,
    pub(crate) tables: Vec<Table>,
    pub(crate) formats: Vec<FormatSpec>,
    pub(crate) characters: Vec<Characters>,
    pub(crate) codes: Codes,
    pub(crate) exits: Arc<[Exit]>,
    pub(crate) result: Value,
}

impl Plan {
    pub(crate) fn new(mut builder: Builder<'_>, result: Value) -> Self {
        let read: Vec<Slot> = slots(&result).collect();
        let instrs = drop_unread(builder.instrs, &read);
        let (instrs, codes) = encode(instrs, &mut builder.defs, &read);
        let mut allocation = Allocation::new(&builder.defs, &instrs, &result);
        allocation.run(&instrs, &result);
        Self {
            instrs,
            places: allocation.places,
            registers: allocation.registers,
            constants: allocation.constants,
            validity: allocation.validity,
            tables: builder.tables,
            formats: builder.formats,
            characters: builder.characters,
            codes,
            exits: builder.exits.into(),
            result,
        }
    }

    pub(crate) fn place(&self, slot: Slot) -> Place {
        self.places[slot.file as usize].get(slot.id as usize).copied().unwrap_or(Place::Register(0))
    }

    /// Whether a slot has the same value in all lanes.
    pub(crate) fn is_constant(&self, slot: Slot) -> bool {
        let place = self.place(slot);
        self.constants
            .iter()
            .any(|(file, register, _)| *file == slot.file && place == Place::Register(*register))
    }
}

/// The registers that hold a value.
pub(crate) fn slots(value: &Value) -> impl Iterator<Item = Slot> + '_ {
    Tags::EACH.into_iter().filter_map(|tag| value.slot(tag)).chain(value.tag)
}

struct Allocation<'d> {
    defs: &'d [Vec<Def>; 4],
    last_read: HashMap<Slot, usize>,
    places: [Vec<Place>; 4],
    registers: [usize; 4],
    free: [Vec<usize>; 4],
    constants: Vec<(File, usize, Def)>,
    validity: Vec<(usize, usize)>,
}

impl<'d> Allocation<'d> {
    fn new(defs: &'d [Vec<Def>; 4], instrs: &[Instr], result: &Value) -> Self {
        let mut last_read = HashMap::new();
        for (index, instr) in instrs.iter().enumerate() {
            for slot in instr.args.iter().copied().chain(instr.mask) {
                last_read.insert(slot, index);
            }
        }
        for slot in slots(result) {
            last_read.insert(slot, usize::MAX);
        }
        let places = FILES.map(|file| vec![Place::Register(0); defs[file as usize].len()]);
        Self {
            defs,
            last_read,
            places,
            registers: [0; 4],
            free: Default::default(),
            constants: Vec::new(),
            validity: Vec::new(),
        }
    }

    fn run(&mut self, instrs: &[Instr], result: &Value) {
        let mut used: Vec<Slot> = instrs
            .iter()
            .flat_map(|instr| instr.args.iter().copied().chain(instr.mask))
            .chain(slots(result))
            .collect();
        used.sort_unstable_by_key(|slot| (slot.file as usize, slot.id));
        used.dedup();
        for slot in used {
            self.place_input(slot);
        }
        for (index, instr) in instrs.iter().enumerate() {
            if let Some(out) = instr.out {
                let file = out.file as usize;
                let register = self.free[file].pop().unwrap_or_else(|| self.fresh(file));
                self.places[file][out.id as usize] = Place::Register(register);
                if !self.last_read.contains_key(&out) {
                    self.free[file].push(register);
                }
            }
            let mut done: Vec<Slot> = instr.args.iter().copied().chain(instr.mask).collect();
            done.sort_unstable_by_key(|slot| (slot.file as usize, slot.id));
            done.dedup();
            for slot in done {
                self.release(slot, index);
            }
        }
    }

    fn fresh(&mut self, file: usize) -> usize {
        self.registers[file] += 1;
        self.registers[file] - 1
    }

    fn place_input(&mut self, slot: Slot) {
        let file = slot.file as usize;
        let place = match &self.defs[file][slot.id as usize] {
            Def::Computed => return,
            Def::Column(column) => Place::Column(*column),
            Def::Valid(column) => {
                let register = self.fresh(file);
                self.validity.push((register, *column));
                Place::Register(register)
            }
            constant => {
                let register = self.fresh(file);
                self.constants.push((slot.file, register, constant.clone()));
                Place::Register(register)
            }
        };
        self.places[file][slot.id as usize] = place;
    }

    /// Gives a register back after its last reader; constants and columns keep theirs.
    fn release(&mut self, slot: Slot, index: usize) {
        let file = slot.file as usize;
        let computed = matches!(self.defs[file][slot.id as usize], Def::Computed);
        if computed
            && self.last_read.get(&slot) == Some(&index)
            && let Place::Register(register) = self.places[file][slot.id as usize]
        {
            self.free[file].push(register);
        }
    }
}
