//! The physical operator of row functions.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::stream::TryStreamExt;
use windrow_functions::Function;

use super::FunctionHosts;
use super::native::NativeCall;
use super::run::{self, Pace, PartitionRun};

/// One call with its arguments as physical expressions.
#[derive(Debug, Clone)]
pub struct PhysicalCall {
    pub(crate) function: Arc<Function>,
    pub(super) args: Vec<Arc<dyn PhysicalExpr>>,
    /// The row that the function gets: one field an argument.
    pub(super) row: SchemaRef,
    pub(super) output: Field,
    pub(super) nanos_a_row: Option<u64>,
    /// How it runs natively, if it does.
    pub(super) native: Option<NativeCall>,
    /// The condition that its rows have met, where one was taken out of the function.
    pub(super) asked_first: Option<String>,
}

impl PhysicalCall {
    /// Whether it is known to do nothing but compute: only such functions are compiled.
    pub(crate) fn is_pure(&self) -> bool {
        self.native.is_some()
    }

    /// Whether the next rows run natively.
    pub(super) fn runs_natively(&self) -> bool {
        self.native.as_ref().is_some_and(NativeCall::is_on)
    }
}

/// Appends the results of row functions; keeps rows, their order and their partitions.
#[derive(Debug)]
pub struct FunctionExec {
    input: Arc<dyn ExecutionPlan>,
    calls: Vec<PhysicalCall>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl FunctionExec {
    /// `calls` over the rows of `input`.
    #[must_use]
    pub fn new(input: Arc<dyn ExecutionPlan>, calls: Vec<PhysicalCall>) -> Self {
        let mut fields: Vec<_> = input.schema().fields().iter().cloned().collect();
        fields.extend(calls.iter().map(|call| Arc::new(call.output.clone())));
        let schema = Arc::new(Schema::new(fields));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Self { input, calls, schema, properties: Arc::new(properties), metrics }
    }

    /// The calls, in the order of their columns.
    #[must_use]
    pub fn calls(&self) -> &[PhysicalCall] {
        &self.calls
    }
}

impl DisplayAs for FunctionExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FunctionExec: ")?;
        for (place, call) in self.calls.iter().enumerate() {
            let args = call.args.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let comma = if place > 0 { ", " } else { "" };
            let place = if call.native.is_some() { " (native)" } else { "" };
            let (name, output) = (&call.function.name, call.output.name());
            write!(formatter, "{comma}{name}({args}) -> {output}{place}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for FunctionExec {
    fn name(&self) -> &'static str {
        "FunctionExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for arg in self.calls.iter().flat_map(|call| &call.args) {
            if visit(arg)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Arc::new(Self::new(input, self.calls.clone()))),
            None => internal_err!("FunctionExec needs an input"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mode = ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(mode))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let hosts = FunctionHosts::of(&context)?;
        let partitions = self.input.output_partitioning().partition_count().max(1);
        let window = run::window(&self.calls, &hosts, partitions)?;
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let run = Arc::new(PartitionRun {
            hosts,
            calls: self.calls.clone(),
            schema: Arc::clone(&self.schema),
            pace: Pace::of(&self.calls),
            partition,
            input: Arc::clone(&self.input),
            context,
        });
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let output = run::answers(input, run, window).inspect_ok(move |batch: &RecordBatch| {
            metrics.record_output(batch.num_rows());
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), output)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
