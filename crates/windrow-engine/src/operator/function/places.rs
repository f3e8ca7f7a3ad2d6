//! Where rows stand before they are distributed, as a column: groups get their rows in that order.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::StreamExt;

use super::groups::{Grouping, in_groups, place_field};

/// A partition has fewer rows than 2 to this power.
const BITS: u32 = 40;

/// Appends the place of each row: ascending, and different for all rows of all partitions. Those of
/// partition 0 count from 0. Then leaves out the rows that are in no group.
#[derive(Debug)]
pub struct PlacesExec {
    input: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    grouping: Grouping,
    properties: Arc<PlanProperties>,
}

impl PlacesExec {
    /// The rows of `input` with their places.
    #[must_use]
    pub fn new(input: Arc<dyn ExecutionPlan>, grouping: Grouping) -> Self {
        let mut fields: Vec<_> = input.schema().fields().iter().cloned().collect();
        fields.push(place_field());
        let schema = Arc::new(Schema::new(fields));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, schema, grouping, properties: Arc::new(properties) }
    }
}

impl DisplayAs for PlacesExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlacesExec")
    }
}

impl ExecutionPlan for PlacesExec {
    fn name(&self) -> &'static str {
        "PlacesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Arc::new(Self::new(input, self.grouping))),
            None => internal_err!("PlacesExec needs an input"),
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
        let input = self.input.execute(partition, context)?;
        let (schema, grouping) = (Arc::clone(&self.schema), self.grouping);
        let Ok(partition) = i64::try_from(partition) else {
            return internal_err!("partition {partition} has no number");
        };
        let mut next = partition << BITS;
        let output = input.map(move |batch| {
            let batch = batch?;
            let places: ArrayRef =
                Arc::new((next..).take(batch.num_rows()).collect::<Int64Array>());
            next += i64::try_from(batch.num_rows()).unwrap_or(0);
            let mut columns = batch.columns().to_vec();
            columns.push(places);
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
            Ok(in_groups(batch, grouping)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), output)))
    }
}
