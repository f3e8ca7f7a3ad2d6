//! The build side of a hash join: an aggregate is smaller than a table.
//!
//! DataFusion does not estimate how many groups an aggregate has, so a table joined with its own
//! aggregate may be put into the hash table whole while the few groups probe it.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

/// Makes the aggregated side of a partitioned hash join the build side.
#[derive(Debug, Default)]
pub struct BuildAggregatedSide;

impl PhysicalOptimizerRule for BuildAggregatedSide {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(join) = node.downcast_ref::<HashJoinExec>() else {
                return Ok(Transformed::no(node));
            };
            let swap = *join.partition_mode() == PartitionMode::Partitioned
                && join.join_type().supports_swap()
                && groups_of(join.right()).is_some_and(|grouped| {
                    groups_of(join.left()).is_none()
                        && source_rows(join.left())
                            .zip(source_rows(grouped))
                            .is_some_and(|(left, right)| right <= 2 * left)
                });
            if !swap {
                return Ok(Transformed::no(node));
            }
            join.swap_inputs(PartitionMode::Partitioned).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &str {
        "build_aggregated_side"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The grouping aggregate that `plan` is, seen through steps that keep or drop rows.
fn groups_of(plan: &Arc<dyn ExecutionPlan>) -> Option<&Arc<dyn ExecutionPlan>> {
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        return (!aggregate.group_expr().is_empty()).then_some(plan);
    }
    match plan.children().as_slice() {
        [input] => groups_of(input),
        _ => None,
    }
}

/// The rows of the sources under `plan`, where they are known.
fn source_rows(plan: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    if plan.children().is_empty() {
        let statistics =
            StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok()?;
        return statistics.num_rows.get_value().copied();
    }
    plan.children().into_iter().map(source_rows).sum()
}
