//! Where a plan is cut: at every exchange, from the sources up.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::Partitioning;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
};
use windrow_tasks::{Determinism, Read, StageId, StageInput};

use super::Fragment;
use super::check::{determinism, is_known, needs_one_task};
use crate::exchange::{ExchangeReadExec, Layout, RangeReadExec, is_range_sortable};
use crate::operator::OrderedGatherExec;

/// Why a plan is not cut at all.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) String);

/// The stages of `plan`; the last one gives the answer, in the order of its partitions.
///
/// # Errors
/// A plan that cannot be cut: without end, or without partitions.
pub(crate) fn cut(plan: Arc<dyn ExecutionPlan>) -> Result<Vec<Fragment>, Refusal> {
    if plan.boundedness().is_unbounded() {
        return Err(Refusal("its source has no end".to_owned()));
    }
    let mut cutter = Cutter { stages: Vec::new() };
    let refused = |error: datafusion::error::DataFusionError| Refusal(error.strip_backtrace());
    let root = cutter.ranges(plan).map_err(refused)?;
    let root = cutter.below(root).map_err(refused)?;
    cutter.push(root, Layout::Single).map_err(refused)?;
    if cutter.stages.iter().any(|stage| stage.tasks() == 0) {
        return Err(Refusal("a part of it has no partitions".to_owned()));
    }
    Ok(cutter.stages)
}

struct Cutter {
    stages: Vec<Fragment>,
}

impl Cutter {
    /// Cuts everything below (and at) `plan`.
    fn below(&mut self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if !is_known(&plan) {
            return Ok(plan);
        }
        let node = plan.map_children(|child| self.below(child).map(Transformed::yes)).data()?;
        self.at(node)
    }

    fn at(&mut self, node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(exchange) = node.downcast_ref::<RepartitionExec>() {
            return self.repartition(&node, exchange);
        }
        let gathers = node.is::<CoalescePartitionsExec>()
            || node.is::<SortPreservingMergeExec>()
            || node.is::<OrderedGatherExec>();
        let broadcasts = match node.downcast_ref::<HashJoinExec>() {
            Some(join) => *join.partition_mode() == PartitionMode::CollectLeft,
            None => node.is::<CrossJoinExec>() || node.is::<NestedLoopJoinExec>(),
        };
        let many = |plan: &Arc<dyn ExecutionPlan>| plan.output_partitioning().partition_count() > 1;
        let children: Vec<_> = node.children().into_iter().cloned().collect();
        match children.as_slice() {
            // What runs in one task anyway is gathered there: its partitions keep their order.
            [input] if gathers && many(input) && !needs_one_task(input) => {
                let read = self.gathered(Arc::clone(input))?;
                with_children(node, vec![read])
            }
            [left, right] if broadcasts && many(&node) && !is_light(left) => {
                let read = self.gathered(Arc::clone(left))?;
                with_children(node, vec![read, Arc::clone(right)])
            }
            _ => Ok(node),
        }
    }

    fn repartition(
        &mut self,
        node: &Arc<dyn ExecutionPlan>,
        exchange: &RepartitionExec,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let layout = match exchange.partitioning() {
            _ if exchange.preserve_order() => None,
            Partitioning::Hash(exprs, slots) => Some(Layout::Hash(exprs.clone(), *slots)),
            Partitioning::RoundRobinBatch(slots) => Some(Layout::RoundRobin(*slots)),
            _ => None,
        };
        let Some(layout) = layout else { return Ok(Arc::clone(node)) };
        let stage = self.push(Arc::clone(exchange.input()), layout)?;
        let properties = Arc::clone(node.properties());
        Ok(Arc::new(ExchangeReadExec::new(stage, Read::Slots, properties)))
    }

    /// A stage of what is below a gathering; its outputs are read one by one.
    fn gathered(&mut self, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if input.is::<ExchangeReadExec>() {
            return Ok(input);
        }
        let properties = Arc::clone(input.properties());
        let stage = self.push(input, Layout::Single)?;
        Ok(Arc::new(ExchangeReadExec::new(stage, Read::Maps, properties)))
    }

    /// A sort of everything, at the top of a plan: every reader merges a range of the keys, so that
    /// no single task sees all rows.
    fn ranges(&mut self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if plan.is::<ProjectionExec>() {
            let children = plan.children().into_iter().cloned().collect::<Vec<_>>();
            let [input] = children.as_slice() else { return Ok(plan) };
            let below = self.ranges(Arc::clone(input))?;
            return with_children(plan, vec![below]);
        }
        let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>() else { return Ok(plan) };
        let partitions = merge.input().output_partitioning().partition_count();
        let sorts = merge
            .input()
            .downcast_ref::<SortExec>()
            .is_some_and(|sort| sort.fetch().is_none() && sort.expr() == merge.expr());
        if merge.fetch().is_some()
            || !sorts
            || partitions < 2
            || !is_range_sortable(merge.expr(), &merge.input().schema())?
        {
            return Ok(plan);
        }
        let ordering = merge.expr().clone();
        let input = self.below(Arc::clone(merge.input()))?;
        if needs_one_task(&input) {
            return with_children(plan, vec![input]);
        }
        let schema = input.schema();
        let stage = self.push(input, Layout::Run(ordering.clone(), partitions))?;
        Ok(Arc::new(RangeReadExec::new(stage, schema, ordering, partitions)))
    }

    fn push(&mut self, plan: Arc<dyn ExecutionPlan>, layout: Layout) -> Result<StageId> {
        let alone = needs_one_task(&plan) && plan.output_partitioning().partition_count() > 1;
        let plan: Arc<dyn ExecutionPlan> =
            if alone { Arc::new(OrderedGatherExec::new(plan, None)) } else { plan };
        let of_input = |read: &ExchangeReadExec| {
            let stage = self.stages.get(read.stage().0 as usize);
            stage.map_or(Determinism::Indeterminate, |stage| stage.determinism)
        };
        let determinism = determinism(&plan, &of_input)?;
        let mut inputs = Vec::new();
        find_inputs(&plan, &mut inputs);
        let id = StageId(u32::try_from(self.stages.len()).unwrap_or(u32::MAX));
        self.stages.push(Fragment { plan, inputs, layout, determinism });
        Ok(id)
    }
}

fn with_children(
    plan: Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mode = ChildrenPropertiesMode::Recompute;
    plan.replace_children(children, ReplaceChildrenOptions::new(mode))
}

fn find_inputs(plan: &Arc<dyn ExecutionPlan>, found: &mut Vec<StageInput>) {
    if let Some(read) = plan.downcast_ref::<ExchangeReadExec>() {
        found.push(StageInput { stage: read.stage(), read: read.read() });
    }
    if let Some(read) = plan.downcast_ref::<RangeReadExec>() {
        found.push(StageInput { stage: read.stage(), read: Read::Range });
    }
    plan.children().into_iter().for_each(|child| find_inputs(child, found));
}

/// Whether every task may as well make these rows itself as read them: rows in memory, or rows that
/// are read from an exchange already.
fn is_light(plan: &Arc<dyn ExecutionPlan>) -> bool {
    const LIGHT: &[&str] = &[
        "CoalesceBatchesExec",
        "CoalescePartitionsExec",
        "CooperativeExec",
        "EmptyExec",
        "ExchangeReadExec",
        "OrderedGatherExec",
        "PlaceholderRowExec",
        "SortPreservingMergeExec",
    ];
    LIGHT.contains(&plan.name()) && plan.children().into_iter().all(is_light)
}
