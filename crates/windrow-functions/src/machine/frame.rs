//! The registers while a batch is worked on, and the dispatch of operations to their kernels.

use arrow::buffer::NullBuffer;
use bumpalo::Bump;

use crate::ir::{Def, File, Instr, Op, Slot};
use crate::machine::column::unpack;
use crate::machine::wide::{any, leave};
use crate::machine::{Column, LANES, Place, Plan, UNKNOWN_EXIT};

/// Registers for one block of lanes.
pub(crate) struct Frame<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) columns: &'a [Column<'a>],
    pub(crate) valid: &'a [Option<NullBuffer>],
    pub(crate) arena: &'a Bump,
    pub(crate) ints: Vec<Vec<i64>>,
    pub(crate) floats: Vec<Vec<f64>>,
    pub(crate) bytes: Vec<Vec<u8>>,
    pub(crate) texts: Vec<Vec<&'a str>>,
    column_bytes: Vec<Vec<u8>>,
    column_texts: Vec<Vec<&'a str>>,
    /// The exit by which each lane has left, 0 for none.
    pub(crate) exit: Vec<u8>,
    /// Whether any lane of this block has left.
    pub(crate) any_left: bool,
    /// The first row and the number of lanes of this block.
    pub(crate) start: usize,
    pub(crate) count: usize,
    pub(crate) scratch: String,
    /// Where the lanes of an operation that fault are marked.
    faults: Vec<u8>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        columns: &'a [Column<'a>],
        valid: &'a [Option<NullBuffer>],
        arena: &'a Bump,
        rows: usize,
    ) -> Self {
        let lanes = LANES.min(rows);
        let [ints, floats, bytes, texts] = plan.registers;
        let mut frame = Self {
            plan,
            columns,
            valid,
            arena,
            ints: vec![vec![0; lanes]; ints],
            floats: vec![vec![0.0; lanes]; floats],
            bytes: vec![vec![0; lanes]; bytes],
            texts: vec![vec![""; lanes]; texts],
            column_bytes: vec![Vec::new(); columns.len()],
            column_texts: vec![Vec::new(); columns.len()],
            exit: vec![0; lanes],
            any_left: false,
            start: 0,
            count: 0,
            scratch: String::new(),
            faults: Vec::new(),
        };
        for (_, register, constant) in &plan.constants {
            match constant {
                Def::Int(value) => frame.ints[*register].fill(*value),
                Def::Float(value) => frame.floats[*register].fill(*value),
                Def::Byte(value) => frame.bytes[*register].fill(*value),
                Def::Text(value) => frame.texts[*register].fill(value),
                Def::Computed | Def::Column(_) | Def::Valid(_) => {}
            }
        }
        frame
    }

    /// Runs the function over `count` rows from row `start`.
    pub(crate) fn run_block(&mut self, start: usize, count: usize) {
        (self.start, self.count) = (start, count);
        if self.any_left {
            self.exit.fill(0);
            self.any_left = false;
        }
        self.exit.truncate(count);
        for (index, column) in self.columns.iter().enumerate() {
            match column {
                Column::Bools(_) => column.read_bools(start, count, &mut self.column_bytes[index]),
                Column::Text(_) | Column::LargeText(_) | Column::TextView(_) => {
                    column.read_texts(start, count, &mut self.column_texts[index]);
                }
                _ => {}
            }
        }
        for &(register, column) in &self.plan.validity {
            let lanes = &mut self.bytes[register][..count];
            match self.valid.get(column).and_then(Option::as_ref) {
                Some(nulls) => unpack(nulls.inner(), start, lanes),
                None => lanes.fill(1),
            }
        }
        let plan = self.plan;
        for instr in &plan.instrs {
            self.execute(instr);
        }
    }

    fn execute(&mut self, instr: &Instr) {
        match instr.out.map(|out| out.file) {
            None => self.leave(instr),
            Some(_) if is_select(instr.op) => self.select(instr),
            Some(_) if takes_text(instr) => self.run_text(instr),
            Some(File::Int) => self.run_int(instr),
            Some(File::Float) => self.run_float(instr),
            Some(File::Byte) => self.run_byte(instr),
            Some(File::Text) => self.run_text(instr),
        }
    }

    // --- lanes ---

    pub(crate) fn int_lanes(&self, slot: Slot) -> &[i64] {
        let lanes: &[i64] = match self.plan.place(slot) {
            Place::Register(register) => &self.ints[register],
            Place::Column(column) => self.columns[column].ints().get(self.start..).unwrap_or(&[]),
        };
        lanes.get(..self.count).unwrap_or(lanes)
    }

    pub(crate) fn float_lanes(&self, slot: Slot) -> &[f64] {
        let lanes: &[f64] = match self.plan.place(slot) {
            Place::Register(register) => &self.floats[register],
            Place::Column(column) => self.columns[column].floats().get(self.start..).unwrap_or(&[]),
        };
        lanes.get(..self.count).unwrap_or(lanes)
    }

    pub(crate) fn byte_lanes(&self, slot: Slot) -> &[u8] {
        let lanes: &[u8] = match self.plan.place(slot) {
            Place::Register(register) => &self.bytes[register],
            Place::Column(column) => &self.column_bytes[column],
        };
        lanes.get(..self.count).unwrap_or(lanes)
    }

    pub(crate) fn text_lanes(&self, slot: Slot) -> &[&'a str] {
        let lanes: &[&'a str] = match self.plan.place(slot) {
            Place::Register(register) => &self.texts[register],
            Place::Column(column) => &self.column_texts[column],
        };
        lanes.get(..self.count).unwrap_or(lanes)
    }

    /// The register that an operation writes, taken out while it is written.
    pub(crate) fn register(&self, instr: &Instr) -> usize {
        match instr.out.map(|out| self.plan.place(out)) {
            Some(Place::Register(register)) => register,
            _ => 0,
        }
    }

    // --- leaving ---

    /// All lanes leave: the operation is none of ours.
    pub(crate) fn unknown(&mut self) {
        self.exit.fill(UNKNOWN_EXIT);
        self.any_left = true;
    }

    /// Lets the lanes leave for which an operation counts and `find` writes a 1.
    pub(crate) fn fault_where(&mut self, instr: &Instr, find: impl FnOnce(&Self, &mut [u8])) {
        let mut faults = std::mem::take(&mut self.faults);
        faults.resize(self.count, 0);
        find(self, &mut faults);
        let mut exit = std::mem::take(&mut self.exit);
        let mask = instr.mask.map(|mask| self.byte_lanes(mask));
        let left = leave(&mut exit, &faults, mask, instr.exit);
        self.any_left |= left;
        (self.exit, self.faults) = (exit, faults);
    }

    fn leave(&mut self, instr: &Instr) {
        match instr.args.first() {
            None => self.fault_where(instr, |_, faults| faults.fill(1)),
            Some(&fault) => {
                // Most blocks have no fault at all: that is seen without looking at masks.
                if any(self.byte_lanes(fault), |lane| lane != 0) {
                    self.fault_where(instr, |frame, faults| {
                        faults.copy_from_slice(frame.byte_lanes(fault));
                    });
                }
            }
        }
    }
}

fn is_select(op: Op) -> bool {
    matches!(op, Op::SelectInt | Op::SelectFloat | Op::SelectByte | Op::SelectText)
}

fn takes_text(instr: &Instr) -> bool {
    instr.args.iter().any(|slot| slot.file == File::Text)
}
