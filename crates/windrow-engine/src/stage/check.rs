//! What may run apart from its siblings, and whether it gives the same when it runs again.
//!
//! The lists name what was looked at. What is not on them (an operator that a new DataFusion brings)
//! runs with all its partitions in one task: slower, and right.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, PartitionMode};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use windrow_tasks::Determinism;

use super::safe_joins::gives_build_rows;
use crate::exchange::ExchangeReadExec;
use crate::operator::{FunctionExec, PartitionsExec, PhysicalCall};

/// Operators of which one partition can run without the others.
const APART: &[&str] = &[
    "AggregateExec",
    "BoundedWindowAggExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "CrossJoinExec",
    "DataSourceExec",
    "EmptyExec",
    "ExchangeReadExec",
    "FilterExec",
    "FunctionExec",
    "GlobalLimitExec",
    "InterleaveExec",
    "LazyMemoryExec",
    "LocalLimitExec",
    "OrderedGatherExec",
    "PartitionsExec",
    "PlaceholderRowExec",
    "PlacesExec",
    "ProjectionExec",
    "RangeReadExec",
    "SortExec",
    "SortMergeJoinExec",
    "SortPreservingMergeExec",
    "UnionExec",
    "UnnestExec",
    "WindowAggExec",
];

/// Operators that are looked at one by one.
const JUDGED: &[&str] = &["HashJoinExec", "NestedLoopJoinExec", "RepartitionExec"];

/// Whether it was looked at what `plan` shares with what is below it: nothing. Below other operators
/// nothing is cut, since a part of the plan may talk to another part in ways that a file cannot
/// carry (the work table of a recursive query, the value of a scalar subquery).
pub(super) fn is_known(plan: &Arc<dyn ExecutionPlan>) -> bool {
    APART.contains(&plan.name()) || JUDGED.contains(&plan.name())
}

/// Operators of the engine's own that read what other stages wrote and give no more than that.
const REDUCES: &[&str] = &[
    "AggregateExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "ExchangeReadExec",
    "FilterExec",
    "GlobalLimitExec",
    "LocalLimitExec",
    "OrderedGatherExec",
    "ProjectionExec",
    "RangeReadExec",
    "RepartitionExec",
    "SortExec",
    "SortPreservingMergeExec",
];

/// Whether `plan` gives no more rows than it reads from other stages, and calls no function of the
/// user's: neither reads files nor joins.
pub(super) fn only_reduces(plan: &Arc<dyn ExecutionPlan>) -> bool {
    REDUCES.contains(&plan.name()) && plan.children().into_iter().all(only_reduces)
}

/// Whether all partitions of `plan` must run in one task.
pub(super) fn needs_one_task(plan: &Arc<dyn ExecutionPlan>) -> bool {
    !runs_apart(plan) || plan.children().into_iter().any(needs_one_task)
}

fn runs_apart(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        return *join.partition_mode() == PartitionMode::Partitioned && !join.null_aware
            || *join.partition_mode() == PartitionMode::CollectLeft
                && !join.null_aware
                && !gives_build_rows(*join.join_type());
    }
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        return !gives_build_rows(*join.join_type());
    }
    APART.contains(&plan.name())
}

/// What `plan` gives when it runs again over the same inputs; `of_input` says it of the stages that
/// are read.
pub(super) fn determinism(
    plan: &Arc<dyn ExecutionPlan>,
    of_input: &dyn Fn(&ExchangeReadExec) -> Determinism,
) -> Result<Determinism> {
    if let Some(read) = plan.downcast_ref::<ExchangeReadExec>() {
        // An indeterminate stage is never read in two versions: its readers start again.
        return Ok(match of_input(read) {
            Determinism::UnorderedExact => Determinism::UnorderedExact,
            Determinism::Exact | Determinism::Indeterminate => Determinism::Exact,
        });
    }
    let mut below = Determinism::Exact;
    for child in plan.children() {
        below = below.max(determinism(child, of_input)?);
    }
    if below == Determinism::Indeterminate || is_volatile(plan)? || calls_python(plan) {
        return Ok(Determinism::Indeterminate);
    }
    Ok(match order(plan) {
        Order::Kept => below,
        Order::Lost => Determinism::UnorderedExact,
        Order::Matters if below == Determinism::Exact => Determinism::UnorderedExact,
        Order::Matters => Determinism::Indeterminate,
    })
}

/// What an operator does with the order of its input.
enum Order {
    /// Rows come out as they went in, or in an order that follows from the rows.
    Kept,
    /// Rows come out in any order.
    Lost,
    /// Which rows come out, or what is in them, depends on the order that they came in.
    Matters,
}

fn order(plan: &Arc<dyn ExecutionPlan>) -> Order {
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        return if is_of_any_order(aggregate) { Order::Lost } else { Order::Matters };
    }
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        // Of equal rows at the limit, those that came first are kept.
        return if sort.fetch().is_some() { Order::Matters } else { Order::Lost };
    }
    match plan.name() {
        "CooperativeExec"
        | "DataSourceExec"
        | "EmptyExec"
        | "FilterExec"
        | "FunctionExec"
        | "CoalesceBatchesExec"
        | "LazyMemoryExec"
        | "PlaceholderRowExec"
        | "ProjectionExec"
        | "UnionExec"
        | "UnnestExec" => Order::Kept,
        // A limit keeps rows in order, but which rows depends on it.
        "GlobalLimitExec"
        | "LocalLimitExec"
        | "OrderedGatherExec"
        | "PartitionsExec"
        | "PlacesExec"
        | "BoundedWindowAggExec"
        | "WindowAggExec" => Order::Matters,
        "SortPreservingMergeExec" | "CoalescePartitionsExec" if plan.fetch().is_some() => {
            Order::Matters
        }
        _ => Order::Lost,
    }
}

/// Whether the aggregates give the same for rows in any order. Sums of floats do not, to the last
/// bit; and a float that differs in its last bit may be sent to another reader.
fn is_of_any_order(aggregate: &AggregateExec) -> bool {
    const ANY_ORDER: &[&str] = &["count", "min", "max", "bool_and", "bool_or", "bit_and", "bit_or"];
    aggregate.aggr_expr().iter().all(|call| {
        let name = call.fun().name();
        ANY_ORDER.contains(&name) || (name == "sum" && !call.field().data_type().is_floating())
    })
}

fn is_volatile(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(&mut |expr: &Arc<dyn PhysicalExpr>| {
        found |= datafusion::physical_expr_common::physical_expr::is_volatile(expr);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Whether it calls functions of which nobody knows what else they read.
fn calls_python(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.downcast_ref::<FunctionExec>() {
        Some(calls) => !calls.calls().iter().all(PhysicalCall::is_pure),
        None => plan.is::<PartitionsExec>(),
    }
}
