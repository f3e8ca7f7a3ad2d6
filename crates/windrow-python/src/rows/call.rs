//! The loop over the rows of a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use pyo3::prelude::*;
use windrow_functions::{CallForm, Nulls};
use windrow_workers::batch::{Definition, RowsCall, VALUE};
use windrow_workers::wire::status::StatusPage;
use windrow_workers::{Failure, RowReply};

use super::batch_form;
use super::columns::Column;
use super::failure::{describe, display_type, misfit, raised_at, short_repr, type_name};
use super::infer::infer;
use super::results::{Fit, Results, ResultsError};
use super::row::{Row, RowBatch};
use super::vectorcall::Arguments;

/// Rows between two looks at the cancel flag.
const SLICE: usize = 1024;

/// A row function in this interpreter.
pub(crate) struct RowFunction {
    pub(crate) callable: Py<PyAny>,
    pub(crate) definition: Definition,
}

/// Who watches a call: told which row runs, asked whether to stop.
#[derive(Clone, Copy)]
pub(crate) enum Watch<'a> {
    /// The driver, through a worker's status page.
    Driver(&'a StatusPage, u64),
    /// A thread of this process.
    Flag(&'a AtomicBool),
}

impl Watch<'_> {
    #[inline]
    fn row(&self, row: usize) {
        if let Self::Driver(status, _) = self {
            status.set_item(row as u64);
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        match self {
            Self::Driver(status, task) => status.is_cancelled(*task),
            Self::Flag(flag) => flag.load(Ordering::Relaxed),
        }
    }
}

impl RowFunction {
    /// Calls the function on every row.
    pub(crate) fn call(
        &self,
        py: Python<'_>,
        rows: &RowsCall,
        watch: Watch<'_>,
    ) -> Result<RowReply, Failure> {
        let callable = self.callable.bind(py);
        if self.definition.call == CallForm::Batch {
            return batch_form::call(callable, rows);
        }
        let start = Instant::now();
        let values = Loop::new(py, &self.definition, rows, watch)?.run(callable)?;
        let nanos = start.elapsed().as_nanos() as u64;
        let field = Field::new(VALUE, values.data_type().clone(), true);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![values]);
        let values = batch.map_err(|error| Failure::Worker(error.to_string()))?;
        Ok(RowReply { values, nanos })
    }
}

/// Where results go: into an array of a known type, or aside until a type is inferred.
enum Gathered {
    Checked(Results, DataType),
    Sample(Vec<Py<PyAny>>),
}

/// One run over the rows of a batch.
struct Loop<'py, 'a> {
    py: Python<'py>,
    batch: Arc<RowBatch>,
    call: CallForm,
    nulls: Nulls,
    rows: usize,
    watch: Watch<'a>,
    gathered: Gathered,
}

impl<'py, 'a> Loop<'py, 'a> {
    fn new(
        py: Python<'py>,
        definition: &Definition,
        rows: &RowsCall,
        watch: Watch<'a>,
    ) -> Result<Self, Failure> {
        let fail = |error: PyErr| raised_at(py, &error, None, Vec::new());
        let nulls = definition.nulls;
        let columns = rows.batch.columns().iter();
        let columns: PyResult<Vec<Column>> =
            columns.map(|array| Column::new(py, array, nulls)).collect();
        let names = match (&definition.columns, definition.call) {
            (Some(names), CallForm::Positional) => names.clone(),
            _ => rows.batch.schema().fields().iter().map(|field| field.name().clone()).collect(),
        };
        let batch =
            RowBatch::new(py, columns.map_err(fail)?, names, rows.first_row).map_err(fail)?;
        let count = rows.batch.num_rows();
        let gathered = match &rows.result {
            Some(data_type) => {
                Gathered::Checked(Results::new(data_type, nulls, count), data_type.clone())
            }
            None => Gathered::Sample(Vec::with_capacity(count)),
        };
        Ok(Self {
            py,
            batch: Arc::new(batch),
            call: definition.call,
            nulls,
            rows: count,
            watch,
            gathered,
        })
    }

    fn run(mut self, callable: &Bound<'py, PyAny>) -> Result<ArrayRef, Failure> {
        match self.call {
            CallForm::Row => self.each_row(callable)?,
            _ => self.each_positional(callable)?,
        }
        self.finish()
    }

    fn each_positional(&mut self, callable: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let batch = Arc::clone(&self.batch);
        let mut arguments = Arguments::new(self.py, batch.columns.len());
        for row in 0..self.rows {
            self.check(row)?;
            for column in &batch.columns {
                match column.get(self.py, row) {
                    Ok(value) => arguments.push(value),
                    Err(error) => {
                        return Err(raised_at(self.py, &error, Some(row as u64), Vec::new()));
                    }
                }
            }
            match arguments.call(callable) {
                Ok(value) => self.gather(row, value)?,
                Err(error) => {
                    // The values that the function saw, not read again.
                    let values = describe(&batch.names, arguments.values().iter().cloned());
                    return Err(raised_at(self.py, &error, Some(row as u64), values));
                }
            }
            arguments.clear();
        }
        Ok(())
    }

    fn each_row(&mut self, callable: &Bound<'py, PyAny>) -> Result<(), Failure> {
        let mut arguments = Arguments::new(self.py, 1);
        let mut current: Option<Bound<'py, Row>> = None;
        for row in 0..self.rows {
            self.check(row)?;
            let object = match current.take().filter(|object| Row::reuse(object, row)) {
                Some(object) => object,
                None => Row::make(self.py, &self.batch, row)
                    .map_err(|error| raised_at(self.py, &error, Some(row as u64), Vec::new()))?,
            };
            arguments.push(object.clone().into_any());
            let value = arguments.call(callable);
            arguments.clear();
            match value {
                Ok(value) => self.gather(row, value)?,
                Err(error) => return Err(self.raised(&error, row)),
            }
            current = Some(object);
        }
        Ok(())
    }

    #[inline]
    fn check(&self, row: usize) -> Result<(), Failure> {
        self.watch.row(row);
        if row.is_multiple_of(SLICE) && self.watch.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        Ok(())
    }

    #[inline]
    fn gather(&mut self, row: usize, value: Bound<'py, PyAny>) -> Result<(), Failure> {
        match &mut self.gathered {
            Gathered::Sample(values) => values.push(value.unbind()),
            Gathered::Checked(results, _) => match results.push(&value) {
                Ok(Fit::Yes) => {}
                Ok(Fit::No) => return Err(self.misfit(&value, row)),
                Err(error) => return Err(self.raised(&error, row)),
            },
        }
        Ok(())
    }

    fn finish(self) -> Result<ArrayRef, Failure> {
        let py = self.py;
        let (batch, nulls) = (Arc::clone(&self.batch), self.nulls);
        let (results, data_type) = match self.gathered {
            Gathered::Checked(results, data_type) => (results, data_type),
            Gathered::Sample(values) => {
                let data_type = match infer(py, &values, nulls) {
                    Ok(Ok(data_type)) => data_type,
                    Ok(Err(mixture)) => {
                        return Err(mixed(py, &batch, &values, (mixture.first, mixture.second)));
                    }
                    Err(error) => return Err(raised_at(py, &error, None, Vec::new())),
                };
                let mut results = Results::new(&data_type, nulls, values.len());
                for (row, value) in values.iter().enumerate() {
                    let value = value.bind(py);
                    match results.push(value) {
                        Ok(Fit::Yes) => {}
                        Ok(Fit::No) => {
                            return Err(misfit(value, &data_type, row, batch.describe(py, row)));
                        }
                        Err(error) => return Err(raised_at(py, &error, None, Vec::new())),
                    }
                }
                (results, data_type)
            }
        };
        results.finish(py).map_err(|error| unfinished(py, &batch, &error, &data_type))
    }

    fn raised(&self, error: &PyErr, row: usize) -> Failure {
        raised_at(self.py, error, Some(row as u64), self.batch.describe(self.py, row))
    }

    fn misfit(&self, value: &Bound<'py, PyAny>, row: usize) -> Failure {
        let data_type = match &self.gathered {
            Gathered::Checked(_, data_type) => data_type.clone(),
            Gathered::Sample(_) => DataType::Null,
        };
        misfit(value, &data_type, row, self.batch.describe(self.py, row))
    }
}

/// Two results that have no type in common.
fn mixed(
    py: Python<'_>,
    batch: &RowBatch,
    values: &[Py<PyAny>],
    (first, second): (usize, usize),
) -> Failure {
    let (one, two) = (values[first].bind(py), values[second].bind(py));
    let (expected, hint) = if first != second {
        (
            format!(
                "the {} `{}` that it returned for row {}",
                type_name(one),
                short_repr(one),
                batch.first_row + first as u64
            ),
            "return values of one type, or pass `result_type=` with the type that all of them fit",
        )
    } else if type_name(two) == "Series" {
        (
            "one column".to_owned(),
            "return a dict or a tuple for several values in one column; \
             `map_partitions` gives several columns",
        )
    } else {
        (
            "one column".to_owned(),
            "lists and dicts of a column hold values of one type at each place, \
             and integers of 64 bits",
        )
    };
    Failure::Misfit {
        row: second as u64,
        value: short_repr(two),
        got: type_name(two),
        expected,
        values: batch.describe(py, second),
        hint: hint.to_owned(),
    }
}

fn unfinished(
    py: Python<'_>,
    batch: &RowBatch,
    error: &ResultsError,
    data_type: &DataType,
) -> Failure {
    match error {
        ResultsError::Misfit(row, value) => {
            misfit(value.bind(py), data_type, *row, batch.describe(py, *row))
        }
        ResultsError::Arrow(error) => Failure::Worker(format!(
            "the results do not make one array of type `{}`: {error}\nhint: use more partitions",
            display_type(data_type)
        )),
        ResultsError::Python(error) => raised_at(py, error, None, Vec::new()),
    }
}
