//! The answers of all lanes, and how they become an Arrow array of the type that was asked for.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Date32Array, Float64Array, Int64Array,
    LargeStringArray, NullArray, PrimitiveArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, new_null_array, types,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, TimeUnit};

use crate::Nulls;
use crate::kernel::number::EXACT;
use crate::kernel::text::signed;
use crate::machine::Frame;
use crate::nested::{self, Nested};
use crate::value::{Tags, Value};

/// How answers that do not fit are treated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Misfits {
    pub(crate) nulls: Nulls,
    /// The exit of a row whose answer does not fit.
    pub(crate) exit: u8,
}

/// The answers of all rows: lanes of the machine, and what the row interpreter found.
#[derive(Debug)]
pub(crate) struct Collected<'a> {
    value: Value,
    rows: usize,
    /// The type of each answer; empty while all have that of `value`.
    tags: Vec<u8>,
    /// Integers; days and microseconds of dates; positions in `nested`.
    ints: Vec<i64>,
    floats: Vec<f64>,
    bytes: Vec<u8>,
    texts: Vec<&'a str>,
    nested: Vec<Nested>,
    exits: Vec<u8>,
    any_left: bool,
}

/// The answer of a row.
#[derive(Debug)]
pub(crate) enum Cell<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'a str),
    Date(i64),
    DateTime(i64),
    Other(Nested),
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
            nested: Vec::new(),
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
        if !self.any_left && frame.any_left {
            self.any_left = true;
            self.exits.resize(frame.start, 0);
        }
        if self.any_left {
            self.exits.extend_from_slice(&frame.exit);
        }
    }

    /// The exits by which rows have left, 0 for none; empty while none has.
    pub(crate) fn exits(&self) -> &[u8] {
        &self.exits
    }

    /// Puts in the answer of a row, which may have left before.
    pub(crate) fn set(&mut self, row: usize, cell: Cell<'a>) {
        if self.tags.len() < self.rows {
            self.tags.resize(self.rows, self.value.tags.bits());
        }
        let tag = match cell {
            Cell::None => Tags::NONE,
            Cell::Bool(value) => {
                fill(&mut self.bytes, self.rows, 0)[row] = u8::from(value);
                Tags::BOOL
            }
            Cell::Int(value) => {
                fill(&mut self.ints, self.rows, 0)[row] = value;
                Tags::INT
            }
            Cell::Float(value) => {
                fill(&mut self.floats, self.rows, 0.0)[row] = value;
                Tags::FLOAT
            }
            Cell::Str(value) => {
                fill(&mut self.texts, self.rows, "")[row] = value;
                Tags::STR
            }
            Cell::Date(value) => {
                fill(&mut self.ints, self.rows, 0)[row] = value;
                Tags::DATE
            }
            Cell::DateTime(value) => {
                fill(&mut self.ints, self.rows, 0)[row] = value;
                Tags::DATETIME
            }
            Cell::Other(value) => {
                let position = signed(self.nested.len());
                fill(&mut self.ints, self.rows, 0)[row] = position;
                self.nested.push(value);
                Tags::OTHER
            }
        };
        self.tags[row] = tag.bits();
        if self.any_left {
            self.exits[row] = 0;
        }
    }

    fn has_left(&self, row: usize) -> bool {
        self.any_left && self.exits[row] != 0
    }

    /// Lets a row leave, or leave by another exit than before.
    pub(crate) fn leave_by(&mut self, row: usize, exit: u8) {
        if !self.any_left {
            self.any_left = true;
            self.exits.resize(self.rows, 0);
        }
        self.exits[row] = exit;
    }

    fn leave(&mut self, row: usize, exit: u8) {
        if !self.has_left(row) {
            self.leave_by(row, exit);
        }
    }

    fn tag(&self, row: usize) -> u8 {
        self.tags.get(row).copied().unwrap_or_else(|| self.value.tags.bits())
    }

    fn nested(&self, row: usize) -> Option<&Nested> {
        let position = usize::try_from(*self.ints.get(row)?).ok()?;
        self.nested.get(position).filter(|_| self.tag(row) == Tags::OTHER.bits())
    }

    /// The type that these answers would have if the interpreter had given them.
    pub(crate) fn natural_type(&self, nulls: Nulls) -> Option<DataType> {
        let stays = if self.any_left { self.exits.contains(&0) } else { self.rows > 0 };
        if stays && self.tags.is_empty() {
            match self.value.tags {
                Tags::INT => return Some(DataType::Int64),
                Tags::FLOAT => return Some(DataType::Float64),
                Tags::BOOL => return Some(DataType::Boolean),
                Tags::STR => return Some(DataType::Utf8),
                _ => {}
            }
        }
        let (mut seen, mut number) = (0, false);
        for row in (0..self.rows).filter(|&row| !self.has_left(row)) {
            let tag = self.tag(row);
            seen |= tag;
            number |= tag == Tags::FLOAT.bits() && !self.floats[row].is_nan();
        }
        let with_floats = seen & !Tags::NONE.bits();
        let missing = nulls == Nulls::Nan && !number;
        let without = if missing { with_floats & !Tags::FLOAT.bits() } else { with_floats };
        let numbers = Tags::INT.union(Tags::FLOAT).bits();
        if with_floats == Tags::INT.bits() {
            return Some(DataType::Int64);
        } else if with_floats & !numbers == 0 && with_floats != 0 {
            return Some(DataType::Float64);
        }
        match without {
            _ if with_floats == 0 => Some(DataType::Null),
            tag if tag == Tags::BOOL.bits() => Some(DataType::Boolean),
            tag if tag == Tags::STR.bits() => Some(DataType::Utf8),
            tag if tag == Tags::DATE.bits() => Some(DataType::Date32),
            tag if tag == Tags::DATETIME.bits() => {
                Some(DataType::Timestamp(TimeUnit::Microsecond, None))
            }
            tag if tag == Tags::OTHER.bits() => nested::common_type(
                (0..self.rows)
                    .filter(|&row| !self.has_left(row))
                    .filter_map(|row| self.nested(row)),
            ),
            _ => None,
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
            DataType::Int64 if self.is_plain(Tags::INT) => {
                Arc::new(Int64Array::new(std::mem::take(&mut self.ints).into(), None))
            }
            DataType::Float64 if self.is_plain(Tags::FLOAT) => {
                Arc::new(Float64Array::new(std::mem::take(&mut self.floats).into(), None))
            }
            DataType::Int64 if self.is_uniform(Tags::INT) => {
                let nulls = self.answered();
                Arc::new(Int64Array::new(std::mem::take(&mut self.ints).into(), nulls))
            }
            DataType::Float64 if self.is_uniform(Tags::FLOAT) => {
                let nulls = self.answered();
                Arc::new(Float64Array::new(std::mem::take(&mut self.floats).into(), nulls))
            }
            DataType::Boolean if self.is_uniform(Tags::BOOL) => {
                let values = BooleanBuffer::collect_bool(self.rows, |row| self.bytes[row] != 0);
                Arc::new(BooleanArray::new(values, self.answered()))
            }
            DataType::Utf8View if self.is_uniform(Tags::STR) && !self.any_left => {
                Arc::new(StringViewArray::from_iter_values(self.texts.iter().copied()))
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
            DataType::Date32 => {
                let values = self.each(misfits, |all, row, tag| {
                    let days = (tag == Tags::DATE.bits()).then(|| all.ints[row])?;
                    i32::try_from(days).ok()
                });
                Arc::new(Date32Array::from(values))
            }
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                let values = self.each(misfits, |all, row, tag| {
                    (tag == Tags::DATETIME.bits()).then(|| all.ints[row])
                });
                Arc::new(TimestampMicrosecondArray::from(values))
            }
            other => self.nested_array(other, misfits),
        }
    }

    /// Whether every row that has not left has an answer of this type, and all have a place for it.
    fn is_uniform(&self, tag: Tags) -> bool {
        let places = match tag {
            Tags::INT => self.ints.len(),
            Tags::FLOAT => self.floats.len(),
            Tags::BOOL => self.bytes.len(),
            _ => self.texts.len(),
        };
        places == self.rows
            && if self.tags.is_empty() {
                self.value.tags == tag
            } else {
                (0..self.rows).all(|row| self.tags[row] == tag.bits() || self.has_left(row))
            }
    }

    /// Which rows have not left, if any has.
    fn answered(&self) -> Option<NullBuffer> {
        let exits = self.any_left.then_some(&self.exits)?;
        Some(NullBuffer::new(BooleanBuffer::collect_bool(self.rows, |row| exits[row] == 0)))
    }

    /// Whether every row has an answer of this type.
    fn is_plain(&self, tag: Tags) -> bool {
        self.value.tags == tag && !self.any_left && self.tags.is_empty()
    }

    fn nested_array(&mut self, target: &DataType, misfits: Misfits) -> ArrayRef {
        let fitting = self.each(misfits, |all, row, _| {
            all.nested(row).filter(|nested| nested.fits(target)).map(|_| ())
        });
        let items: Vec<Option<&Nested>> = fitting
            .iter()
            .enumerate()
            .map(|(row, fits)| fits.and_then(|()| self.nested(row)))
            .collect();
        nested::build(target, &items).unwrap_or_else(|| new_null_array(target, self.rows))
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
                    && self.floats.get(row).is_some_and(|x| x.is_nan()));
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

/// A list of one entry for every row.
fn fill<T: Copy>(values: &mut Vec<T>, rows: usize, empty: T) -> &mut [T] {
    if values.len() < rows {
        values.resize(rows, empty);
    }
    values
}
