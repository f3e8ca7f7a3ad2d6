//! Joins whose probe partitions share a memory of what was matched.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};

/// Distributes both sides of a hash join by its keys where the build side's own rows come out.
///
/// With one hash table for all probe partitions, the partition that ends last gives the rows of the
/// build side that nobody matched. Partitions that run in different processes do not know who is
/// last: rows would be lost.
#[derive(Debug, Default)]
pub struct SafeJoins;

impl PhysicalOptimizerRule for SafeJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(join) = node.downcast_ref::<HashJoinExec>() else {
                return Ok(Transformed::no(node));
            };
            let unsafe_mode = *join.partition_mode() != PartitionMode::Partitioned;
            // A null anywhere on the right side of `not in` empties the answer of all partitions.
            if !unsafe_mode || !gives_build_rows(*join.join_type()) || join.null_aware {
                return Ok(Transformed::no(node));
            }
            let join = join
                .builder()
                .with_partition_mode(PartitionMode::Partitioned)
                .recompute_properties();
            let join: Arc<dyn ExecutionPlan> = Arc::new(join.build()?);
            Ok(Transformed::yes(join))
        })
        .data()
    }

    fn name(&self) -> &str {
        "safe_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether rows of the build (left) side come out that depend on all of the probe side.
pub(super) fn gives_build_rows(join_type: JoinType) -> bool {
    match join_type {
        JoinType::Inner
        | JoinType::Right
        | JoinType::RightSemi
        | JoinType::RightAnti
        | JoinType::RightMark => false,
        JoinType::Left
        | JoinType::Full
        | JoinType::LeftSemi
        | JoinType::LeftAnti
        | JoinType::LeftMark => true,
    }
}
