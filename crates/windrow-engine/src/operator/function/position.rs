//! Which row of the function's input a failure is about.

use std::sync::Arc;

use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;
use windrow_workers::{Failure, RaisedException};

use crate::error::Error;

/// How many rows the partitions before `partition` have; `None` where finding out would run user
/// code again or more than a scan.
pub(super) async fn rows_before(
    input: &Arc<dyn ExecutionPlan>,
    partition: usize,
    context: &Arc<TaskContext>,
) -> Option<u64> {
    if partition == 0 {
        return Some(0);
    }
    if !is_cheap(input) {
        return None;
    }
    let mut rows = 0;
    for before in 0..partition.min(input.output_partitioning().partition_count()) {
        let mut stream = input.execute(before, Arc::clone(context)).ok()?;
        while let Some(batch) = stream.next().await {
            rows += batch.ok()?.num_rows() as u64;
        }
    }
    Some(rows)
}

/// Scans, filters and projections only.
fn is_cheap(plan: &Arc<dyn ExecutionPlan>) -> bool {
    const CHEAP: &[&str] = &[
        "DataSourceExec",
        "FilterExec",
        "ProjectionExec",
        "CoalesceBatchesExec",
        "CooperativeExec",
        "MemoryExec",
    ];
    (CHEAP.contains(&plan.name()) || plan.children().is_empty())
        && plan.children().into_iter().all(is_cheap)
}

/// The failure as an error that names its row in the whole input, or in its partition.
pub(super) fn located(
    failure: Failure,
    first_row: u64,
    partition: usize,
    before: Option<u64>,
) -> Error {
    match before {
        Some(before) => Error::from(shifted(failure, before + first_row)),
        None => Error::from(shifted(failure, first_row))
            .hint(format!("rows are counted within partition {partition}")),
    }
}

/// The failure with its row counted from `first_row`.
fn shifted(failure: Failure, first_row: u64) -> Failure {
    moved(failure, |row| row + first_row)
}

/// The failure at another row.
pub(super) fn moved(failure: Failure, to: impl Fn(u64) -> u64) -> Failure {
    match failure {
        Failure::Raised(raised) => {
            Failure::Raised(RaisedException { row: raised.row.map(to), ..raised })
        }
        Failure::Misfit { row, value, got, expected, values, hint } => {
            Failure::Misfit { row: to(row), value, got, expected, values, hint }
        }
        other => other,
    }
}

/// The row that a failure is about.
pub(super) fn row_of(failure: &Failure) -> Option<u64> {
    match failure {
        Failure::Raised(raised) => raised.row,
        Failure::Misfit { row, .. } => Some(*row),
        _ => None,
    }
}
