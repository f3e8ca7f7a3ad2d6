//! From the logical nodes of functions to their operators.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_expr::{Distribution, OrderingRequirements};
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions};
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::exec::PhysicalCall;
use super::judged::Judged;
use super::native::NativeCall;
use super::{FunctionExec, FunctionNode, PartitionsExec, PartitionsNode, PlacesExec};

/// Plans [`FunctionNode`] and [`PartitionsNode`].
#[derive(Debug, Default)]
pub struct FunctionPlanner;

#[async_trait]
impl ExtensionPlanner for FunctionPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let ([logical], [input]) = (logical_inputs, physical_inputs) else {
            return internal_err!("a function node has one input");
        };
        if let Some(node) = node.as_any().downcast_ref::<FunctionNode>() {
            let calls = node
                .calls()
                .iter()
                .map(|call| {
                    let mut args = Vec::with_capacity(call.args.len());
                    let mut fields = Vec::with_capacity(call.args.len());
                    for (arg, name) in call.args.iter().zip(&call.names) {
                        let arg = planner.create_physical_expr(
                            arg,
                            logical.schema(),
                            session,
                            context,
                        )?;
                        let data_type = arg.data_type(&input.schema())?;
                        fields.push(Field::new(name, data_type, true));
                        args.push(arg);
                    }
                    let row = Arc::new(Schema::new(fields));
                    let judged = call.native.then(|| Judged::of(&call.function, &row));
                    Ok(PhysicalCall {
                        native: judged.and_then(NativeCall::new),
                        function: Arc::clone(&call.function),
                        args,
                        row,
                        output: Field::new(&call.output, call.data_type.clone(), true),
                        nanos_a_row: call.nanos_a_row,
                        asked_first: call.asked_first.clone(),
                    })
                })
                .collect::<Result<Vec<_>>>()?;
            return Ok(Some(Arc::new(FunctionExec::new(Arc::clone(input), calls))));
        }
        if let Some(node) = node.as_any().downcast_ref::<PartitionsNode>() {
            let schema = Arc::new(node.schema().as_arrow().clone());
            let input = in_order(Arc::clone(input))?;
            let (input, keys): (Arc<dyn ExecutionPlan>, _) = match node.grouping() {
                None => (input, 0),
                Some(grouping) => (Arc::new(PlacesExec::new(input, grouping)), grouping.keys),
            };
            let function = Arc::clone(node.function());
            let exec = PartitionsExec::new(input, function, schema, keys);
            return Ok(Some(Arc::new(exec)));
        }
        Ok(None)
    }
}

/// `plan` with the order of its rows asked for: to the optimizer a sort that nobody asks for is
/// wasted, and only at the top of a plan it asks by itself.
fn in_order(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let ordering = Some(OrderingRequirements::from(sort.expr().clone()));
        let one = Distribution::SinglePartition;
        return Ok(Arc::new(OutputRequirementExec::new(plan, ordering, one, None)));
    }
    let children: Vec<_> = plan.children().into_iter().cloned().collect();
    match (children.as_slice(), plan.maintains_input_order().as_slice()) {
        ([input], [true]) => {
            let input = in_order(Arc::clone(input))?;
            let mode = ChildrenPropertiesMode::Recompute;
            plan.replace_children(vec![input], ReplaceChildrenOptions::new(mode))
        }
        _ => Ok(plan),
    }
}
