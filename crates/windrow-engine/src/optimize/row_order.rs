//! Rows keep their order where partitions are made one.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::operator::OrderedGatherExec;

/// Replaces `CoalescePartitionsExec` by [`OrderedGatherExec`] under the steps whose answer depends
/// on the order of rows: limits and the plan's root. Aggregates and the build sides of joins take
/// rows as they come.
#[derive(Debug, Default)]
pub struct KeepRowOrder;

impl PhysicalOptimizerRule for KeepRowOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        in_order(plan)
    }

    fn name(&self) -> &str {
        "keep_row_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Steps that hand their input's order on.
const ORDERED: &[&str] = &[
    "GlobalLimitExec",
    "LocalLimitExec",
    "ProjectionExec",
    "FilterExec",
    "CoalesceBatchesExec",
    "CooperativeExec",
    "FunctionExec",
    "PartitionsExec",
    "PlacesExec",
    "UnionExec",
];

fn in_order(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(coalesce) = plan.downcast_ref::<CoalescePartitionsExec>() {
        let input = in_order(Arc::clone(coalesce.input()))?;
        return Ok(
            if input.output_partitioning().partition_count() > 1 || coalesce.fetch().is_some() {
                Arc::new(OrderedGatherExec::new(input, coalesce.fetch()))
            } else {
                input
            },
        );
    }
    if !ORDERED.contains(&plan.name()) {
        // Below a barrier (aggregate, join, sort) limits may still stand in subplans.
        return plan
            .map_children(|child| {
                if child.is::<CoalescePartitionsExec>() {
                    return child.map_children(|inner| Ok(Transformed::yes(in_order(inner)?)));
                }
                Ok(Transformed::yes(in_order(child)?))
            })
            .map(|transformed| transformed.data);
    }
    plan.map_children(|child| Ok(Transformed::yes(in_order(child)?)))
        .map(|transformed| transformed.data)
}
