//! The answers of all lanes, and how they become an Arrow array of the type that was asked for.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Float64Array, Int64Array, LargeStringArray,
    NullArray, PrimitiveArray, StringArray, StringViewArray, new_null_array, types,
};
use arrow::datatypes::DataType;

use crate::Nulls;
use crate::kernel::number::EXACT;
use crate::machine::Frame;
use crate::value::{Tags, Value};

/// How answers that do not fit are treated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Misfits {
    pub(crate) nulls: Nulls,
    /// The exit of a row whose answer does not fit.
    pub(crate) exit: u8,
}

/// The lanes of the result over all blocks.
#[derive(Debug)]
pub(crate) struct Collected<'a> {
    value: Value,
    rows: usize,
    tags: Vec<u8>,
    ints: Vec<i64>,
    floats: Vec<f64>,
    bytes: Vec<u8>,
    texts: Vec<&'a str>,
    exits: Vec<u8>,
    any_left: bool,
}

impl<'a> Collected<'a> {
    pub(crate) fn new(value: &Value, rows: usize) -> Self {
        Self {
            value: value.clone(),
            rows,
            tags: Vec::new(),
            ints: Vec::with_capacity(if value.int.is_some() { rows } else { 0 }),
            floats: Vec::with_capacity(if value.float.is_some() { rows } else { 0 }),
            bytes: Vec::new(),
            texts: Vec::new(),
            exits: Vec::new(),
            any_left: false,
        }
    }

    pub(crate) fn append(&mut self, frame: &Frame<'a>) {
        let count = frame.count;
        if let Some(slot) = self.value.int {
            self.ints.extend_from_slice(&frame.int_lanes(slot)[..count]);
        }
        if let Some(slot) = self.value.float {
            self.floats.extend_from_slice(&frame.float_lanes(slot)[..count]);
        }
        if let Some(slot) = self.value.bool {
            self.bytes.extend_from_slice(&frame.byte_lanes(slot)[..count]);
        }
        if let Some(slot) = self.value.str {
            self.texts.extend_from_slice(&frame.text_lanes(slot)[..count]);
        }
        if let Some(slot) = self.value.tag {
            self.tags.extend_from_slice(&frame.byte_lanes(slot)[..count]);
        }
        if !self.any_left && frame.exit.iter().any(|&exit| exit != 0) {
            self.any_left = true;
            self.exits.resize(frame.start, 0);
        }
        if self.any_left {
            self.exits.extend_from_slice(&frame.exit);
        }
    }

    fn has_left(&self, row: usize) -> bool {
        self.any_left && self.exits[row] != 0
    }

    fn leave(&mut self, row: usize, exit: u8) {
        if !self.any_left {
            self.any_left = true;
            self.exits.resize(self.rows, 0);
        }
        if self.exits[row] == 0 {
            self.exits[row] = exit;
        }
    }

    fn tag(&self, row: usize) -> u8 {
        self.tags.get(row).copied().unwrap_or_else(|| self.value.tags.bits())
    }

    /// The type that these answers would have if the interpreter had given them.
    pub(crate) fn natural_type(&self, nulls: Nulls) -> Option<DataType> {
        if !self.any_left && self.rows > 0 {
            match self.value.tags {
                Tags::INT => return Some(DataType::Int64),
                Tags::FLOAT => return Some(DataType::Float64),
                Tags::BOOL => return Some(DataType::Boolean),
                Tags::STR => return Some(DataType::Utf8),
                _ => {}
            }
        }
        let (mut seen, mut number) = (Tags::NEVER, false);
        for row in 0..self.rows {
            if self.has_left(row) {
                continue;
            }
            let bits = self.tag(row);
            for tag in Tags::EACH.into_iter().filter(|tag| tag.bits() == bits) {
                seen = seen.union(tag);
            }
            number |= bits == Tags::FLOAT.bits() && !self.floats[row].is_nan();
        }
        let missing = |float_is_missing: bool| {
            let floats = float_is_missing && nulls == Nulls::Nan && !number;
            let rest = seen.bits() & !Tags::NONE.bits();
            if floats { rest & !Tags::FLOAT.bits() } else { rest }
        };
        let (with_floats, without) = (missing(false), missing(true));
        let numbers = Tags::INT.union(Tags::FLOAT).bits();
        if with_floats == Tags::INT.bits() {
            Some(DataType::Int64)
        } else if with_floats & !numbers == 0 && with_floats != 0 {
            Some(DataType::Float64)
        } else if without == Tags::BOOL.bits() {
            Some(DataType::Boolean)
        } else if without == Tags::STR.bits() {
            Some(DataType::Utf8)
        } else if with_floats == 0 {
            Some(DataType::Null)
        } else {
            None
        }
    }

    /// Every row leaves: the answers are of types that have no array in common.
    pub(crate) fn leave_all(&mut self, misfits: Misfits) -> ArrayRef {
        for row in 0..self.rows {
            self.leave(row, misfits.exit);
        }
        Arc::new(NullArray::new(self.rows))
    }

    /// The answers as an array of `target`; a row whose answer does not fit leaves.
    pub(crate) fn finish(&mut self, target: &DataType, misfits: Misfits) -> ArrayRef {
        match target {
            DataType::Int64 if self.value.tags == Tags::INT && !self.any_left => {
                Arc::new(Int64Array::new(std::mem::take(&mut self.ints).into(), None))
            }
            DataType::Float64 if self.value.tags == Tags::FLOAT && !self.any_left => {
                Arc::new(Float64Array::new(std::mem::take(&mut self.floats).into(), None))
            }
            DataType::Int64 => self.ints_of::<types::Int64Type>(misfits),
            DataType::Int32 => self.ints_of::<types::Int32Type>(misfits),
            DataType::Int16 => self.ints_of::<types::Int16Type>(misfits),
            DataType::Int8 => self.ints_of::<types::Int8Type>(misfits),
            DataType::UInt64 => self.ints_of::<types::UInt64Type>(misfits),
            DataType::UInt32 => self.ints_of::<types::UInt32Type>(misfits),
            DataType::UInt16 => self.ints_of::<types::UInt16Type>(misfits),
            DataType::UInt8 => self.ints_of::<types::UInt8Type>(misfits),
            DataType::Float64 => self.float_array(misfits),
            DataType::Boolean => {
                let values = self.each(misfits, |all, row, tag| {
                    (tag == Tags::BOOL.bits()).then(|| all.bytes[row] != 0)
                });
                Arc::new(BooleanArray::from(values))
            }
            DataType::Utf8 => Arc::new(StringArray::from_iter(self.text_values(misfits))),
            DataType::LargeUtf8 => Arc::new(LargeStringArray::from_iter(self.text_values(misfits))),
            DataType::Utf8View => Arc::new(StringViewArray::from_iter(self.text_values(misfits))),
            other => {
                let _ = self.each(misfits, |_, _, _| None::<()>);
                new_null_array(other, self.rows)
            }
        }
    }

    /// The value of every row: None for a missing one, and for rows that have left.
    fn each<T>(
        &mut self,
        misfits: Misfits,
        value: impl Fn(&Self, usize, u8) -> Option<T>,
    ) -> Vec<Option<T>> {
        let mut values = Vec::with_capacity(self.rows);
        for row in 0..self.rows {
            let tag = self.tag(row);
            let found = if self.has_left(row) { None } else { value(self, row, tag) };
            let missing = tag == Tags::NONE.bits()
                || (misfits.nulls == Nulls::Nan
                    && tag == Tags::FLOAT.bits()
                    && self.floats[row].is_nan());
            if found.is_none() && !missing {
                self.leave(row, misfits.exit);
            }
            values.push(found);
        }
        values
    }

    fn ints_of<T>(&mut self, misfits: Misfits) -> ArrayRef
    where
        T: ArrowPrimitiveType,
        T::Native: TryFrom<i64>,
    {
        let values = self.each(misfits, |all, row, tag| {
            (tag == Tags::INT.bits()).then(|| T::Native::try_from(all.ints[row]).ok()).flatten()
        });
        Arc::new(PrimitiveArray::<T>::from_iter(values))
    }

    #[allow(clippy::cast_precision_loss)]
    fn float_array(&mut self, misfits: Misfits) -> ArrayRef {
        let values = self.each(misfits, |all, row, tag| {
            if tag == Tags::FLOAT.bits() {
                return Some(all.floats[row]);
            }
            let exact = tag == Tags::INT.bits() && (-EXACT..=EXACT).contains(&all.ints[row]);
            exact.then(|| all.ints[row] as f64)
        });
        Arc::new(Float64Array::from(values))
    }

    fn text_values(&mut self, misfits: Misfits) -> Vec<Option<&'a str>> {
        self.each(misfits, |all, row, tag| (tag == Tags::STR.bits()).then(|| all.texts[row]))
    }

    pub(crate) fn into_exits(self) -> Option<Vec<u8>> {
        self.any_left.then_some(self.exits)
    }
}
