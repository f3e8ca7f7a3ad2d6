//! Result types of user functions, from a sample of their results.
//!
//! The sample is spread: rows from the first, the last and two partitions between. The function is
//! called where the run will call it; native code answers when it answers all rows of the sample,
//! with the types that the interpreter would give. What raises in the sample is left out here: the
//! run will raise it, for the first such row in order.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::StreamExt;
use windrow_functions::{CallForm, Function, Verdict};
use windrow_workers::{Failure, FunctionHost, RowCall, RowReply};

use super::dataset::Dataset;
use super::expr::Apply;
use super::lower::{build, is_narrow};
use crate::error::{Error, Result};
use crate::operator::{Grouping, Judged, Pending, as_groups, lanes};
use crate::session::plan_error;

/// Partitions that are looked into.
const PLACES: usize = 4;
/// Rows of each.
const ROWS: usize = 64;
/// How long a sample may take, in nanoseconds, once it has one row with a type.
const PATIENCE_NANOS: u64 = 200_000_000;
/// Rows that may raise before the sample is given up.
const RAISING: usize = 16;

/// The type of a row function's results on `args` over the rows of `plan`.
pub(super) async fn value_type(
    input: &Dataset,
    plan: &LogicalPlan,
    apply: &Apply,
    args: &[DfExpr],
) -> Result<DataType> {
    let columns = build(LogicalPlanBuilder::from(plan.clone()).project(args.to_vec()))?;
    let sample = sample(input, columns, ROWS).await?;
    if sample.num_rows() == 0 {
        return Ok(DataType::Float64);
    }
    let judged = apply.judged.get();
    if let Some(found) = judged.and_then(|judged| native_type(judged, &sample)) {
        return Ok(found);
    }
    let native = judged.is_some_and(|judged| judged.verdict() != Verdict::Python);
    let session = input.session();
    let host =
        if native { session.near_host()? } else { session.function_host(input.job_size())? };
    match called(&host, &apply.function, sample).await? {
        Some(reply) => {
            let rows = reply.values.num_rows().max(1) as u64;
            let _ = apply.nanos_a_row.set(reply.nanos / rows);
            Ok(reply.values.column(0).data_type().clone())
        }
        // Every row of the sample raises; so will the run, whatever the type.
        None => Ok(DataType::Null),
    }
}

/// The type of the native answers, if there is one for each row.
fn native_type(judged: &Judged, sample: &RecordBatch) -> Option<DataType> {
    let (rows, program) = lanes(judged, sample).ok()??;
    let outcome = program.run(&rows, None).ok()?;
    outcome.exits.is_none().then(|| outcome.values.data_type().clone())
}

/// The columns of the frames that a frame function gives, or a function of groups with `grouping`.
pub(super) async fn frame_schema(
    input: &Dataset,
    plan: &LogicalPlan,
    function: &Arc<Function>,
    grouping: Option<Grouping>,
) -> Result<SchemaRef> {
    let mut sample = sample(input, plan.clone(), ROWS).await?;
    if let Some(grouping) = grouping {
        if sample.num_rows() == 0 {
            // Without a group there is nothing to try: the first rows may be in any partition.
            sample = first(input, plan.clone(), ROWS).await?;
        }
        sample =
            as_groups(&sample, grouping).map_err(|error| Error::internal(error.to_string()))?;
    }
    let host = input.session().function_host(input.job_size())?;
    match called(&host, function, sample).await? {
        Some(reply) => Ok(reply.values.schema()),
        None => Err(Error::plan(format!("`{}` fails on a sample of its rows", function.name))
            .hint("pass the columns it gives as `result_type=`, or look at its exception below")),
    }
}

/// Calls `function` on as much of `sample` as takes no longer than [`PATIENCE_NANOS`].
async fn called(
    host: &Arc<dyn FunctionHost>,
    function: &Arc<Function>,
    sample: RecordBatch,
) -> Result<Option<RowReply>> {
    if function.call == CallForm::Batch {
        return called_on(host, function, sample).await;
    }
    // One row first: a function that asks a server takes long on hundreds.
    let (mut rows, mut last) = (1, None);
    while rows < sample.num_rows() {
        let reply = called_on(host, function, thinned(&sample, rows)?).await?;
        if let Some(reply) = reply {
            let nanos_a_row = (reply.nanos / rows as u64).max(1);
            let affordable = usize::try_from(PATIENCE_NANOS / nanos_a_row).unwrap_or(usize::MAX);
            if affordable <= rows && has_type(&reply) {
                return Ok(Some(reply));
            }
            last = Some(reply);
            rows = affordable.max(2 * rows);
        } else {
            rows *= 4;
        }
    }
    Ok(called_on(host, function, sample).await?.or(last))
}

fn has_type(reply: &RowReply) -> bool {
    *reply.values.column(0).data_type() != DataType::Null
}

/// `rows` rows from the first to the last of `sample`.
fn thinned(sample: &RecordBatch, rows: usize) -> Result<RecordBatch> {
    let places = spread(sample.num_rows(), rows);
    let indices: UInt64Array = places.into_iter().map(|place| place as u64).collect();
    take_record_batch(sample, &indices).map_err(|error| Error::internal(error.to_string()))
}

/// Calls `function` on `sample`, leaving out rows that raise.
async fn called_on(
    host: &Arc<dyn FunctionHost>,
    function: &Arc<Function>,
    mut sample: RecordBatch,
) -> Result<Option<RowReply>> {
    let start = |batch: RecordBatch| {
        let function = Arc::clone(function);
        Pending::start(host, RowCall { function, batch, result: None, first_row: 0 })
    };
    let mut before = 0;
    for _ in 0..RAISING {
        match start(sample.clone()).answer().await {
            Ok(reply) => return Ok(Some(reply)),
            Err(Failure::Raised(raised)) if function.call != CallForm::Batch => {
                let Some(row) = raised.row.and_then(|row| usize::try_from(row).ok()) else {
                    return Err(Failure::Raised(raised).into());
                };
                let keep: BooleanArray =
                    (0..sample.num_rows()).map(|place| Some(place != row)).collect();
                sample = filter_record_batch(&sample, &keep)
                    .map_err(|error| Error::internal(error.to_string()))?;
                if sample.num_rows() == 0 {
                    return Ok(None);
                }
                before = row;
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    // Those before the last one that raised do not, and the run must get as far as that.
    match before {
        0 => Ok(None),
        _ => Ok(start(sample.slice(0, before)).answer().await.ok()),
    }
}

async fn sample(input: &Dataset, plan: LogicalPlan, rows: usize) -> Result<RecordBatch> {
    if is_narrow(input) {
        return taken(input, plan, rows).await;
    }
    // The rows come out of an exchange: a limit spares sorting or joining what is not looked at.
    first(input, plan, rows).await
}

/// The first rows, wherever they are.
async fn first(input: &Dataset, plan: LogicalPlan, rows: usize) -> Result<RecordBatch> {
    let plan = build(LogicalPlanBuilder::from(plan).limit(0, Some(PLACES * rows)))?;
    taken(input, plan, rows).await
}

/// The first rows of some partitions of `plan`.
async fn taken(input: &Dataset, plan: LogicalPlan, rows: usize) -> Result<RecordBatch> {
    let session = input.session();
    let context = session.task_context(input.job_size());
    let plan = session.physical_plan(&plan).await?;
    let partitions = plan.output_partitioning().partition_count();
    let mut batches = Vec::new();
    for partition in spread(partitions, PLACES) {
        let wanted = if partitions == 1 { PLACES * rows } else { rows };
        let mut stream =
            plan.execute(partition, Arc::clone(&context)).map_err(|error| plan_error(&error))?;
        let mut taken = 0;
        while taken < wanted
            && let Some(batch) = stream.next().await
        {
            let batch = batch.map_err(|error| session.run_error(&error, &input.files()))?;
            let piece = batch.slice(0, batch.num_rows().min(wanted - taken));
            taken += piece.num_rows();
            batches.push(piece);
        }
    }
    concat_batches(&plan.schema(), &batches).map_err(|error| Error::internal(error.to_string()))
}

/// Up to `places` of `count` things, from the first to the last.
fn spread(count: usize, places: usize) -> Vec<usize> {
    let places = count.min(places);
    let mut found: Vec<_> = (0..places)
        .map(|place| if places == 1 { 0 } else { place * (count - 1) / (places - 1) })
        .collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn a_sample_is_spread_from_first_to_last() {
        assert_eq!(spread(1, 4), [0]);
        assert_eq!(spread(3, 4), [0, 1, 2]);
        assert_eq!(spread(10, 4), [0, 3, 6, 9]);
        assert!(spread(0, 4).is_empty());
    }
}
