//! A function run natively over a batch; the rows that leave are gathered, answered by the
//! interpreter from the start, and put back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
    UInt32Array,
};
use arrow::compute::{cast, interleave, take_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema};
use datafusion::common::Result;
use windrow_functions::{Outcome, Program};
use windrow_workers::RowCall;

use super::FunctionHosts;
use super::exec::PhysicalCall;
use super::hosts::Pending;
use super::judged::Judged;
use super::position::{moved, row_of};
use super::verify::{chosen, compared, refuted};
use crate::error::{Error, Result as EngineResult};

/// Rows after which it is looked at how many of them left.
const LOOK: u64 = 1 << 16;
/// Leaving rows of a run that the interpreter nearby answers; more are worth worker processes.
const FEW: u64 = 20_000;

/// A function that runs natively, and how often rows have left it in this run.
#[derive(Debug, Clone)]
pub(super) struct NativeCall {
    judged: Arc<Judged>,
    leaving: Arc<Leaving>,
}

/// Counted over all partitions of a run.
#[derive(Debug, Default)]
struct Leaving {
    /// Since the last look.
    seen: AtomicU64,
    left: AtomicU64,
    /// In all.
    all_left: AtomicU64,
    off: AtomicBool,
}

impl NativeCall {
    /// Runs what was judged to be native, at least in part.
    pub(super) fn new(judged: Arc<Judged>) -> Option<Self> {
        judged.program()?;
        Some(Self { judged, leaving: Arc::default() })
    }

    /// Whether it still runs natively: too many rows may have left.
    pub(super) fn is_on(&self) -> bool {
        !self.leaving.off.load(Ordering::Relaxed)
    }

    /// The answers for `rows`, and what the interpreter has to be asked; nothing when the columns
    /// are not of the types that were planned.
    pub(super) fn run(
        &self,
        call: &PhysicalCall,
        rows: &RecordBatch,
        hosts: &FunctionHosts,
    ) -> Result<Option<(ArrayRef, Option<Asked>)>> {
        let Some((rows, program)) = lanes(&self.judged, rows)? else { return Ok(None) };
        let start = Instant::now();
        let Ok(outcome) = program.run(&rows, Some(call.output.data_type())) else {
            return Ok(None);
        };
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let left = outcome.left();
        self.judged.figures.ran(rows.num_rows(), left.len(), nanos);
        self.count(call, &left, &outcome, hosts);
        let verified = chosen(rows.num_rows(), hosts.verified_share());
        let asked = Asked::of(left, &verified);
        Ok(Some((outcome.values, asked)))
    }

    /// Counts rows that left; where they are too many, the rest of the run is the interpreter's.
    fn count(&self, call: &PhysicalCall, left: &[usize], outcome: &Outcome, hosts: &FunctionHosts) {
        let leaving = &self.leaving;
        let (gone, rows) = (left.len() as u64, outcome.values.len() as u64);
        leaving.all_left.fetch_add(gone, Ordering::Relaxed);
        let left_now = leaving.left.fetch_add(gone, Ordering::Relaxed) + gone;
        let seen = leaving.seen.fetch_add(rows, Ordering::Relaxed) + rows;
        if seen < LOOK {
            return;
        }
        leaving.seen.store(0, Ordering::Relaxed);
        leaving.left.store(0, Ordering::Relaxed);
        if left_now * 10 <= seen * 3 || leaving.off.swap(true, Ordering::Relaxed) {
            return;
        }
        self.judged.figures.gave_up();
        let why = left.first().and_then(|row| outcome.reason(*row));
        let why = why.map_or_else(
            || "its result does not fit the column's type".to_owned(),
            |exit| exit.reason.to_string(),
        );
        hosts.note(format!(
            "`{}`: {} of {seen} rows left native code, such as at {why}; the rest runs in Python",
            call.function.name, left_now
        ));
    }
}

/// The columns as the program reads them, if they are of the types it was compiled for.
pub(crate) fn lanes<'a>(
    judged: &'a Judged,
    rows: &RecordBatch,
) -> Result<Option<(RecordBatch, &'a Program)>> {
    let Some(program) = judged.program() else { return Ok(None) };
    let types = judged.types();
    let given = rows.columns();
    if given.len() != types.len() {
        return Ok(None);
    }
    if given.iter().zip(types).all(|(column, wanted)| column.data_type() == wanted) {
        return Ok(Some((rows.clone(), program)));
    }
    let mut columns = Vec::with_capacity(given.len());
    for (column, wanted) in given.iter().zip(types) {
        if !same_kind(column.data_type(), wanted) {
            return Ok(None);
        }
        // The program reads a dictionary by itself, once for each value where it can.
        let held = column.as_any_dictionary_opt();
        let as_it_is = held.is_some_and(|held| held.values().data_type() == wanted);
        columns.push(if as_it_is { Arc::clone(column) } else { cast(column, wanted)? });
    }
    let fields = rows
        .schema()
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()))
        .collect::<Vec<_>>();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
    Ok(Some((rows, program)))
}

/// Whether a cast between the types changes the encoding only.
fn same_kind(given: &DataType, wanted: &DataType) -> bool {
    let text = |data_type: &DataType| {
        matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
    };
    match given {
        DataType::Dictionary(_, values) => same_kind(values, wanted),
        _ => given == wanted || (text(given) && text(wanted)),
    }
}

/// The rows of a batch that the interpreter is asked about.
#[derive(Debug)]
pub(super) struct Asked {
    /// In order.
    rows: Vec<u32>,
    /// Beside each: whether native code has answered it, and the interpreter is to confirm it.
    answered: Vec<bool>,
    confirms: bool,
}

impl Asked {
    /// Rows that left, and rows to verify (in order, some of them may have left).
    fn of(left: Vec<usize>, verified: &[usize]) -> Option<Self> {
        if left.is_empty() && verified.is_empty() {
            return None;
        }
        let number = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        let mut rows: Vec<(u32, bool)> = left.into_iter().map(|row| (number(row), false)).collect();
        let confirms = !verified.is_empty();
        if confirms {
            rows.extend(verified.iter().map(|row| (number(*row), true)));
            rows.sort_unstable();
            // A row that left comes before itself as one to verify.
            rows.dedup_by_key(|(row, _)| *row);
        }
        let (rows, answered) = rows.into_iter().unzip();
        Some(Self { rows, answered, confirms })
    }

    /// Asks the interpreter.
    pub(super) fn start(
        self,
        call: &PhysicalCall,
        values: ArrayRef,
        rows: &RecordBatch,
        hosts: &FunctionHosts,
    ) -> Result<Mixed> {
        let native = call.native.as_ref();
        let all_left =
            native.map_or(u64::MAX, |native| native.leaving.all_left.load(Ordering::Relaxed));
        let host = hosts.host_for_leaving(all_left <= FEW)?;
        let batch = take_record_batch(rows, &UInt32Array::from(self.rows.clone()))?;
        let waiting = Pending::start(
            &host,
            RowCall {
                function: Arc::clone(&call.function),
                batch,
                result: Some(call.output.data_type().clone()),
                first_row: 0,
            },
        );
        Ok(Mixed { asked: self, values, waiting })
    }
}

/// Native answers with rows missing that the interpreter is about to answer.
pub(super) struct Mixed {
    asked: Asked,
    values: ArrayRef,
    waiting: Pending,
}

impl Mixed {
    /// All answers. `first_row`: of the batch, in its partition.
    pub(super) async fn answer(
        self,
        call: &PhysicalCall,
        first_row: u64,
    ) -> EngineResult<ArrayRef> {
        let Self { asked, values, waiting } = self;
        let place = |row: u64| usize::try_from(row).ok();
        let reply = match waiting.answer().await {
            Ok(reply) => reply,
            Err(failure) => {
                let at = row_of(&failure).and_then(place);
                if let Some(at) = at.filter(|at| asked.answered.get(*at) == Some(&true)) {
                    let row = u64::from(asked.rows[at]) + first_row;
                    return Err(refuted(call, &values, asked.rows[at], row, &failure));
                }
                let rows = &asked.rows;
                return Err(Error::from(moved(failure, |row| {
                    place(row).and_then(|at| rows.get(at)).copied().map_or(row, u64::from)
                })));
            }
        };
        if let Some(native) = &call.native {
            native.judged.figures.left_took(reply.nanos);
        }
        let answers = reply.values.column(0);
        if asked.confirms {
            compared(call, &values, answers, first_row, asked.rows.iter().zip(&asked.answered))?;
        }
        merged(&values, answers, &asked.rows).map_err(|error| Error::internal(error.to_string()))
    }
}

/// `values` with `answers` in the places `rows`.
fn merged(
    values: &ArrayRef,
    answers: &ArrayRef,
    rows: &[u32],
) -> Result<ArrayRef, arrow::error::ArrowError> {
    if rows.len() == values.len() {
        return Ok(Arc::clone(answers));
    }
    if let Some(merged) = overwritten(values, answers, rows) {
        return Ok(merged);
    }
    let mut places: Vec<(usize, usize)> = (0..values.len()).map(|row| (0, row)).collect();
    for (place, row) in rows.iter().enumerate() {
        if let Some(at) = places.get_mut(*row as usize) {
            *at = (1, place);
        }
    }
    interleave(&[values.as_ref(), answers.as_ref()], &places)
}

/// The same of numbers when all rows have one then; None otherwise.
fn overwritten(values: &ArrayRef, answers: &ArrayRef, rows: &[u32]) -> Option<ArrayRef> {
    // Rows that left have no value yet; others without one need the longer way.
    if values.null_count() > rows.len() || answers.null_count() > 0 {
        return None;
    }
    match values.data_type() {
        DataType::Int64 => numbers::<Int64Type>(values, answers, rows),
        DataType::Float64 => numbers::<Float64Type>(values, answers, rows),
        _ => None,
    }
}

fn numbers<T: ArrowPrimitiveType>(
    values: &ArrayRef,
    answers: &ArrayRef,
    rows: &[u32],
) -> Option<ArrayRef> {
    let (values, answers) = (values.as_primitive_opt::<T>()?, answers.as_primitive_opt::<T>()?);
    let missing = rows.iter().filter(|row| values.is_null(**row as usize)).count();
    if missing != values.null_count() {
        return None;
    }
    let mut all = values.values().to_vec();
    for (answer, row) in answers.values().iter().zip(rows) {
        *all.get_mut(*row as usize)? = *answer;
    }
    Some(Arc::new(PrimitiveArray::<T>::new(all.into(), None)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};

    fn put(values: impl Array + 'static, answers: impl Array + 'static, rows: &[u32]) -> ArrayRef {
        merged(&(Arc::new(values) as ArrayRef), &(Arc::new(answers) as ArrayRef), rows).unwrap()
    }

    #[test]
    fn answers_take_the_places_of_the_rows_that_left() {
        let values = || Int64Array::from(vec![Some(1), None, Some(3), None]);
        let all = put(values(), Int64Array::from(vec![20, 40]), &[1, 3]);
        assert_eq!(all.as_ref(), &Int64Array::from(vec![1, 20, 3, 40]) as &dyn Array);
        // An answer may be missing, and a row that has not left may have no value.
        let answers = Int64Array::from(vec![None, Some(40)]);
        let all = put(values(), answers, &[1, 3]);
        let expected = Int64Array::from(vec![Some(1), None, Some(3), Some(40)]);
        assert_eq!(all.as_ref(), &expected as &dyn Array);
        let all = put(values(), Int64Array::from(vec![40]), &[3]);
        let expected = Int64Array::from(vec![Some(1), None, Some(3), Some(40)]);
        assert_eq!(all.as_ref(), &expected as &dyn Array);
    }

    #[test]
    fn texts_are_put_in_too() {
        let values = StringArray::from(vec![Some("a"), None]);
        let all = put(values, StringArray::from(vec!["b"]), &[1]);
        assert_eq!(all.as_ref(), &StringArray::from(vec!["a", "b"]) as &dyn Array);
    }
}
