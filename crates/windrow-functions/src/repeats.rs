//! Columns of text mostly have few different values: a function of one such column runs once for
//! each of them, and its answers are spread over the rows.

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;

use crate::program::Outcome;

/// Fewer rows are run as they are.
const LEAST: usize = 1_024;
/// After so many rows it is seen whether there are few values.
const LOOK: usize = 512;
/// More values than this are not gathered.
const MOST: usize = 1_024;
/// Places of the hash table: four for each value.
const PLACES: usize = 4 * MOST;

/// The values of a column, by the rows that have them.
pub(crate) struct Repeats {
    /// The first row with each value.
    firsts: UInt32Array,
    /// The number of the value of every row.
    codes: UInt32Array,
}

impl Repeats {
    /// The values of a batch that is one column of text; None if they are not few, or if telling
    /// them apart would need more than looking at where they are.
    pub(crate) fn of(batch: &RecordBatch) -> Option<Self> {
        let [column] = batch.columns() else { return None };
        if column.len() < LEAST || u32::try_from(column.len()).is_err() {
            return None;
        }
        match column.data_type() {
            // Equal views are the same text; the same text twice in the buffers is two values.
            DataType::Utf8View => gather(column.as_string_view().views(), column.nulls()),
            DataType::Dictionary(_, values) if is_text(values) => {
                let dictionary = column.as_any_dictionary_opt()?;
                if dictionary.values().is_empty() {
                    return None;
                }
                let keys = dictionary.normalized_keys();
                let keys: Vec<u128> = keys.into_iter().map(|key| key as u128).collect();
                gather(&keys, dictionary.keys().nulls())
            }
            _ => None,
        }
    }

    /// One row for each value.
    pub(crate) fn rows(&self, batch: &RecordBatch) -> Option<RecordBatch> {
        let column = take(batch.column(0), &self.firsts, None).ok()?;
        RecordBatch::try_new(batch.schema(), vec![column]).ok()
    }

    /// What came of the rows, given what came of their values.
    pub(crate) fn spread(&self, outcome: Outcome) -> Option<Outcome> {
        let values = take(&outcome.values, &self.codes, None).ok()?;
        let exits = outcome.exits.as_ref().map(|exits| {
            let code = |code: &u32| exits.get(*code as usize).copied().unwrap_or(0);
            self.codes.values().iter().map(code).collect()
        });
        Some(Outcome { values, exits, ..outcome })
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Numbers the keys in the order in which they are met, by a hash table with linear probing.
#[allow(clippy::cast_possible_truncation)]
fn gather(keys: &[u128], nulls: Option<&NullBuffer>) -> Option<Repeats> {
    let mut table = vec![0_u32; PLACES];
    let (mut firsts, mut missing) = (Vec::with_capacity(MOST), None);
    let mut codes = Vec::with_capacity(keys.len());
    let most = MOST.min(keys.len() / 4);
    for (row, key) in keys.iter().enumerate() {
        if firsts.len() > most || (row == LOOK && firsts.len() > LOOK / 4) {
            return None;
        }
        let (here, next) = (row as u32, firsts.len() as u32);
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            codes.push(*missing.get_or_insert_with(|| {
                firsts.push(here);
                next
            }));
            continue;
        }
        let mut place = place_of(*key);
        codes.push(loop {
            // Values are numbered from one here, so that zero is an empty place.
            let Some(known) = table[place].checked_sub(1) else {
                table[place] = next + 1;
                firsts.push(here);
                break next;
            };
            if keys[firsts[known as usize] as usize] == *key {
                break known;
            }
            place = (place + 1) % PLACES;
        });
    }
    Some(Repeats { firsts: firsts.into(), codes: codes.into() })
}

/// Multiplication by the golden ratio: D. Knuth, The Art of Computer Programming, volume 3, 6.4.
#[allow(clippy::cast_possible_truncation)]
fn place_of(key: u128) -> usize {
    let folded = (key as u64) ^ ((key >> 64) as u64);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % PLACES
}
