//! The first many rows of a sort: a heap of 100,000 rows is slower than sorting all and stopping.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// Above this a sort with a limit becomes a sort and a limit.
const LARGE: usize = 10_000;

/// Replaces `SortExec: TopK` by a full sort under a limit where many rows are wanted.
#[derive(Debug, Default)]
pub struct LargeTopK;

impl PhysicalOptimizerRule for LargeTopK {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(sort) = node.downcast_ref::<SortExec>() else {
                return Ok(Transformed::no(node));
            };
            let Some(fetch) = sort.fetch().filter(|fetch| *fetch > LARGE) else {
                return Ok(Transformed::no(node));
            };
            let whole: Arc<dyn ExecutionPlan> = Arc::new(
                SortExec::new(sort.expr().clone(), Arc::clone(sort.input()))
                    .with_preserve_partitioning(sort.preserve_partitioning()),
            );
            let one = whole.output_partitioning().partition_count() == 1;
            let limited: Arc<dyn ExecutionPlan> = if one {
                Arc::new(GlobalLimitExec::new(whole, 0, Some(fetch)))
            } else {
                Arc::new(LocalLimitExec::new(whole, fetch))
            };
            Ok(Transformed::yes(limited))
        })
        .data()
    }

    fn name(&self) -> &str {
        "large_top_k"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
