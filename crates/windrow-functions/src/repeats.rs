//! Columns of text mostly have few different values: a function of one such column runs once for
//! each of them, and its answers are spread over the rows.

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;

use crate::kernel::part::first_eight;
use crate::program::Outcome;

/// Fewer rows are run as they are.
const LEAST: usize = 1_024;
/// After so many rows it is seen whether there are few values.
const LOOK: usize = 512;
/// More values than this are not gathered.
const MOST: usize = 1_024;
/// Places of the hash table: four for each value.
const PLACES: usize = 4 * MOST;
/// More places than this are not looked at for a value: the texts are made to be hard to tell apart.
const PROBES: usize = 64;
/// The golden ratio: D. Knuth, The Art of Computer Programming, volume 3, 6.4.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The values of a column, by the rows that have them.
pub(crate) struct Repeats {
    /// The first row with each value.
    firsts: UInt32Array,
    /// The number of the value of every row.
    codes: UInt32Array,
}

impl Repeats {
    /// The values of a batch that is one column of text; None if they are not few. Texts are read
    /// only for a function that is `slow`: others are run as soon.
    pub(crate) fn of(batch: &RecordBatch, slow: bool) -> Option<Self> {
        let [column] = batch.columns() else { return None };
        if column.len() < LEAST || u32::try_from(column.len()).is_err() {
            return None;
        }
        match column.data_type() {
            DataType::Utf8View => {
                let array = column.as_string_view();
                let views = array.views();
                // Read from Parquet, equal texts mostly are one text in one place.
                let places = gather(column, |row| fold(views[row]), |a, b| views[a] == views[b]);
                let by_text = || gather_texts(column, |row| array.value(row).as_bytes());
                places.or_else(|| slow.then(by_text).flatten())
            }
            DataType::Utf8 if slow => {
                let array = column.as_string::<i32>();
                gather_texts(column, |row| array.value(row).as_bytes())
            }
            DataType::LargeUtf8 if slow => {
                let array = column.as_string::<i64>();
                gather_texts(column, |row| array.value(row).as_bytes())
            }
            DataType::Dictionary(_, values) if is_text(values) => {
                let dictionary = column.as_any_dictionary_opt()?;
                if dictionary.values().is_empty() {
                    return None;
                }
                let keys = dictionary.normalized_keys();
                gather(dictionary.keys(), |row| keys[row] as u64, |a, b| keys[a] == keys[b])
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

fn gather_texts<'a>(column: &dyn Array, value: impl Fn(usize) -> &'a [u8]) -> Option<Repeats> {
    gather(column, |row| hash(value(row)), |a, b| value(a) == value(b))
}

/// Numbers the values in the order in which they are met, by a hash table with linear probing.
#[allow(clippy::cast_possible_truncation)]
fn gather(
    column: &dyn Array,
    hash: impl Fn(usize) -> u64,
    is_same: impl Fn(usize, usize) -> bool,
) -> Option<Repeats> {
    let rows = column.len();
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut table = vec![0_u32; PLACES];
    let (mut firsts, mut missing) = (Vec::with_capacity(MOST), None);
    let mut codes = Vec::with_capacity(rows);
    let most = MOST.min(rows / 4);
    for row in 0..rows {
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
        let start = (hash(row).wrapping_mul(SPREAD) >> 32) as usize;
        let code = (start..start + PROBES).find_map(|place| {
            // Values are numbered from one here, so that zero is an empty place.
            let place = &mut table[place % PLACES];
            let Some(known) = place.checked_sub(1) else {
                *place = next + 1;
                firsts.push(here);
                return Some(next);
            };
            is_same(firsts[known as usize] as usize, row).then_some(known)
        });
        codes.push(code?);
    }
    Some(Repeats { firsts: firsts.into(), codes: codes.into() })
}

#[allow(clippy::cast_possible_truncation)]
fn fold(view: u128) -> u64 {
    (view as u64) ^ ((view >> 64) as u64)
}

/// Eight bytes at a time, as Firefox does it (FxHash).
fn hash(text: &[u8]) -> u64 {
    let add = |hash: u64, eight: u64| (hash.rotate_left(5) ^ eight).wrapping_mul(SPREAD);
    let (eights, rest) = text.as_chunks::<8>();
    let whole =
        eights.iter().fold(text.len() as u64, |h, eight| add(h, u64::from_le_bytes(*eight)));
    add(whole, first_eight(rest))
}
