//! A compiled function: from a specification and column types to arrays of answers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use bumpalo::Bump;

use crate::ir::{Def, Exit, File};
use crate::lower::Builder;
use crate::lower::flow::{Env, Var};
use crate::machine::{Column, Frame, LANES, Plan, UNKNOWN_EXIT};
use crate::repeats::Repeats;
use crate::result::{Collected, Misfits};
use crate::row::{Tree, accepts, resolve};
use crate::rows::{self, Exits, unpacked};
use crate::spec::FnSpec;
use crate::value::{Tags, Value};
use crate::{Nulls, Reason, Verdict};

/// A function of so many operations takes longer than telling equal texts apart.
const SLOW: usize = 3;

/// A compiled function. It is immutable and can run on many threads at once.
#[derive(Debug, Clone)]
pub struct Program {
    machine: Option<Machine>,
    /// For the rows that the machine does not answer.
    rows: Option<Arc<Tree>>,
    left_out: Vec<Reason>,
    exits: Vec<Exit>,
    nulls: Nulls,
}

/// Operations over columns.
#[derive(Debug, Clone)]
struct Machine {
    /// For batches in which no column has a missing value.
    plain: Plan,
    /// For the others.
    nullable: Plan,
    left_out: Vec<Reason>,
}

/// What came of the rows of a batch.
#[derive(Debug)]
pub struct Outcome {
    /// The answers, in the order of the rows; null where the row has left.
    pub values: ArrayRef,
    /// For each row the exit by which it has left, 0 for none; absent when no row has.
    pub exits: Option<Vec<u8>>,
    pub(crate) reasons: Arc<[Exit]>,
}

impl Outcome {
    /// Why a row has left; None when it has not, or when its answer does not fit the type.
    #[must_use]
    pub fn reason(&self, row: usize) -> Option<&Exit> {
        let code = *self.exits.as_deref()?.get(row)?;
        self.reasons.get(usize::from(code).checked_sub(1)?)
    }

    /// The rows that the interpreter has to run from the start, in order.
    #[must_use]
    pub fn left(&self) -> Vec<usize> {
        rows::left(self.exits.as_deref().unwrap_or(&[]), |_| true)
    }
}

/// Compiles a function for columns of the types of `schema`, in the order of its parameters.
///
/// # Errors
/// The reason why it has to stay with the interpreter as a whole.
pub fn compile(spec: &FnSpec, schema: &Schema, nulls: Nulls) -> Result<Program, Reason> {
    if spec.params.len() != schema.fields().len() {
        return Err(whole("the function takes another number of columns"));
    }
    for field in schema.fields() {
        if !accepts(field.data_type()) {
            return Err(whole(&format!(
                "the column `{}` has the type {}, which is not compiled",
                field.name(),
                field.data_type()
            )));
        }
    }
    let (machine, rows) = (machine(spec, schema, nulls), resolve(spec));
    let (machine, rows, left_out) = match (machine, rows) {
        (Ok(machine), Ok((tree, left_out))) => {
            let fewer = machine.left_out.len() <= left_out.len();
            let least = if fewer { machine.left_out.clone() } else { left_out };
            (Some(machine), Some(Arc::new(tree)), least)
        }
        (Ok(machine), Err(_)) => {
            let left_out = machine.left_out.clone();
            (Some(machine), None, left_out)
        }
        (Err(_), Ok((tree, left_out))) => (None, Some(Arc::new(tree)), left_out),
        (Err(_), Err(reason)) => return Err(reason),
    };
    let mut exits = machine.as_ref().map_or_else(Vec::new, |m| m.nullable.exits.to_vec());
    if machine.is_none() {
        exits.push(Exit {
            raises: None,
            reason: whole(
                "an exception, an integer beyond 64 bits, or a text beyond ASCII where case or \
                 classes of characters matter",
            ),
            is_final: true,
        });
    }
    Ok(Program { machine, rows, left_out, exits, nulls })
}

fn machine(spec: &FnSpec, schema: &Schema, nulls: Nulls) -> Result<Machine, Reason> {
    let (plain, mut left_out) = lower(spec, schema, nulls, false)?;
    let (nullable, more) = lower(spec, schema, nulls, true)?;
    for reason in more {
        if !left_out.contains(&reason) {
            left_out.push(reason);
        }
    }
    Ok(Machine { plain, nullable, left_out })
}

fn whole(text: &str) -> Reason {
    Reason { line: None, column: None, snippet: String::new(), text: text.to_owned() }
}

fn lower(
    spec: &FnSpec,
    schema: &Schema,
    nulls: Nulls,
    missing: bool,
) -> Result<(Plan, Vec<Reason>), Reason> {
    let mut builder = Builder::new(spec, nulls);
    let mut env = Env::default();
    for (index, (name, field)) in spec.params.iter().zip(schema.fields()).enumerate() {
        let Some(tag) = tag_of(field.data_type()) else {
            return Err(whole("a column that only rows are read from"));
        };
        let value = parameter(&mut builder, index, tag, missing && field.is_nullable());
        env.vars.insert(name.clone(), Var { value, unbound: None });
    }
    let result = builder.body(&spec.body, None, &mut env)?;
    let left_out = std::mem::take(&mut builder.left_out);
    Ok((Plan::new(builder, result), left_out))
}

fn tag_of(data_type: &DataType) -> Option<Tags> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Some(Tags::INT),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Some(Tags::INT),
        DataType::Float32 | DataType::Float64 => Some(Tags::FLOAT),
        DataType::Boolean => Some(Tags::BOOL),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Tags::STR),
        DataType::Dictionary(_, values) => tag_of(values),
        _ => None,
    }
}

/// The value of a parameter: the column, and NaN or None where that has no value.
fn parameter(builder: &mut Builder<'_>, index: usize, tag: Tags, missing: bool) -> Value {
    let file = tag.file().unwrap_or(File::Int);
    let lanes = builder.define(file, Def::Column(index));
    let value = Value::single(tag, lanes);
    // A missing float is NaN already when the column is read.
    if !missing || (tag == Tags::FLOAT && builder.nulls == Nulls::Nan) {
        return value;
    }
    let absent = match builder.nulls {
        Nulls::Nan => {
            let nan = builder.float(f64::NAN);
            Value::single(Tags::FLOAT, nan)
        }
        Nulls::None => Value::none(),
    };
    let valid = builder.define(File::Byte, Def::Valid(index));
    builder.select(crate::lower::Truth::Lanes(valid), &value, &absent)
}

impl Program {
    /// How much of it is native.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.left_out.is_empty() { Verdict::Native } else { Verdict::PartlyNative }
    }

    /// The pieces that the interpreter runs, for the rows that get to them.
    #[must_use]
    pub fn left_out(&self) -> &[Reason] {
        &self.left_out
    }

    /// The conditions under which a row goes to the interpreter.
    #[must_use]
    pub fn exits(&self) -> &[Exit] {
        &self.exits
    }

    /// Runs the function over the rows of a batch whose columns are its parameters.
    ///
    /// `result` is the type of the answers; without it the answers themselves decide, as
    /// they would in the interpreter. A row whose answer does not fit leaves.
    ///
    /// # Errors
    /// If the columns are not of the types it was compiled for.
    pub fn run(&self, batch: &RecordBatch, result: Option<&DataType>) -> Result<Outcome, Reason> {
        let slow = self.machine.as_ref().is_none_or(|machine| machine.plain.instrs.len() >= SLOW);
        if let Some(repeats) = Repeats::of(batch, slow)
            && let Some(rows) = repeats.rows(batch)
            && let Some(outcome) = repeats.spread(self.run_rows(&rows, result)?)
        {
            return Ok(outcome);
        }
        self.run_rows(batch, result)
    }

    fn run_rows(&self, batch: &RecordBatch, result: Option<&DataType>) -> Result<Outcome, Reason> {
        let unfit = || whole("the function was compiled for columns of other types");
        let columns = unpacked(batch).ok_or_else(unfit)?;
        let (arena, fill) = (Bump::new(), self.nulls == Nulls::Nan);
        let valid: Vec<_> = columns.iter().map(|column| column.nulls().cloned()).collect();
        let lanes: Option<Vec<Column<'_>>> = match self.machine {
            Some(_) => columns.iter().map(|column| Column::new(column, fill)).collect(),
            None => Some(Vec::new()),
        };
        let lanes = lanes.ok_or_else(unfit)?;
        let (mut collected, machine_exits) = match &self.machine {
            Some(machine) => {
                let missing = columns.iter().any(|column| column.null_count() > 0);
                let plan = if missing { &machine.nullable } else { &machine.plain };
                let mut frame = Frame::new(plan, &lanes, &valid, &arena, batch.num_rows());
                (run_machine(&mut frame, batch.num_rows()), &*plan.exits)
            }
            None => (Collected::new(&Value::default(), batch.num_rows()), &[][..]),
        };
        let mut exits = Exits::new(machine_exits);
        if let Some(tree) = &self.rows {
            let ran = self.machine.is_some();
            let pending = rows::pending(&collected, &exits, batch.num_rows(), ran);
            if !pending.is_empty() {
                let readers = rows::readers(&columns, self.nulls).ok_or_else(unfit)?;
                rows::run(tree, &readers, &mut collected, &mut exits, (&pending, &arena));
            }
        }
        let target = match result {
            Some(target) => Some(target.clone()),
            None => collected.natural_type(self.nulls),
        };
        let misfits = Misfits { nulls: self.nulls, exit: UNKNOWN_EXIT };
        let values = match target {
            Some(target) => collected.finish(&target, misfits),
            None => collected.leave_all(misfits),
        };
        Ok(Outcome { values, exits: collected.into_exits(), reasons: exits.into_reasons() })
    }
}

/// Runs the machine over all rows.
fn run_machine<'a>(frame: &mut Frame<'a>, rows: usize) -> Collected<'a> {
    let mut collected = Collected::new(&frame.plan.result, rows);
    for start in (0..rows).step_by(LANES) {
        frame.run_block(start, LANES.min(rows - start));
        collected.append(frame);
    }
    collected
}
