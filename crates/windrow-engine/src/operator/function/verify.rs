//! Native answers confirmed by the interpreter for a random share of the rows.

use std::hash::{BuildHasher, RandomState};

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;
use windrow_workers::Failure;

use super::exec::PhysicalCall;
use crate::error::{Error, Result};

/// A random share of `rows` rows, in order.
pub(super) fn chosen(rows: usize, share: f64) -> Vec<usize> {
    if share <= 0.0 {
        return Vec::new();
    }
    let mut state = RandomState::new().hash_one(rows);
    (0..rows).filter(|_| uniform(&mut state) < share).collect()
}

/// The next number between 0 and 1 (splitmix64).
#[allow(clippy::cast_precision_loss)]
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Compares native `values` with `answers` of the interpreter: for each of these the row of
/// `values`, and whether native code has answered it.
///
/// # Errors
/// The first difference.
pub(super) fn compared<'a>(
    call: &PhysicalCall,
    values: &ArrayRef,
    answers: &ArrayRef,
    first_row: u64,
    rows: impl Iterator<Item = (&'a u32, &'a bool)>,
) -> Result<()> {
    let (places, rows): (Vec<u32>, Vec<u32>) = (0..)
        .zip(rows)
        .filter(|(_, (_, answered))| **answered)
        .map(|(at, (row, _))| (at, *row))
        .unzip();
    let broken = |error: arrow::error::ArrowError| Error::internal(error.to_string());
    let native = take(values, &UInt32Array::from(rows.clone()), None).map_err(broken)?;
    let python = take(answers, &UInt32Array::from(places), None).map_err(broken)?;
    for (at, row) in rows.iter().enumerate() {
        if !same(&native, &python, at) {
            let answer = array_value_to_string(&python, at).map_err(broken)?;
            let gave = format!("the interpreter gives `{answer}`");
            return Err(difference(call, values, *row, u64::from(*row) + first_row, &gave));
        }
    }
    Ok(())
}

/// The error for a row that native code answered, and on which the interpreter fails.
pub(super) fn refuted(
    call: &PhysicalCall,
    values: &ArrayRef,
    place: u32,
    row: u64,
    failure: &Failure,
) -> Error {
    difference(call, values, place, row, &format!("the interpreter fails: {failure}"))
}

fn difference(call: &PhysicalCall, values: &ArrayRef, place: u32, row: u64, other: &str) -> Error {
    let native = array_value_to_string(values, place as usize).unwrap_or_default();
    Error::internal(format!(
        "native code gives `{native}` for row {row} of `{}`, {other}",
        call.function.name
    ))
    .hint("this is a bug in windrow, please report it; `native=False` runs it in Python")
}

/// Whether two answers are the same to the bit; NaN is NaN.
fn same(left: &ArrayRef, right: &ArrayRef, row: usize) -> bool {
    if left.is_null(row) || right.is_null(row) {
        return left.is_null(row) && right.is_null(row);
    }
    if left.data_type() == &DataType::Float64 && right.data_type() == &DataType::Float64 {
        let [left, right] = [left, right].map(|all| all.as_primitive::<Float64Type>().value(row));
        return left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan());
    }
    left.slice(row, 1).to_data() == right.slice(row, 1).to_data()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array};

    use super::{chosen, same};

    #[test]
    fn a_share_of_the_rows_is_chosen() {
        assert!(chosen(1000, 0.0).is_empty());
        assert_eq!(chosen(5, 1.0), [0, 1, 2, 3, 4]);
        let some = chosen(100_000, 0.01).len();
        assert!((700..1300).contains(&some), "{some}");
    }

    #[test]
    fn answers_are_compared_to_the_bit() {
        let left: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.0), Some(f64::NAN), None]));
        let right: ArrayRef = Arc::new(Float64Array::from(vec![Some(-0.0), Some(f64::NAN), None]));
        assert_eq!([0, 1, 2].map(|row| same(&left, &right, row)), [false, true, true]);
    }
}
