//! Frame functions: `map_partitions(f)` gets a partition as one pandas DataFrame and gives one back.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err, plan_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};
use windrow_functions::Function;
use windrow_workers::RowCall;

use super::FunctionHosts;
use super::hosts::{Pending, external};
use crate::error::Error;
use crate::operator::memory;

/// The logical node of a frame function.
#[derive(Debug, Clone)]
pub struct PartitionsNode {
    input: LogicalPlan,
    function: Arc<Function>,
    schema: DFSchemaRef,
}

impl PartitionsNode {
    /// `function` over the partitions of `input`, giving frames of `result`.
    ///
    /// # Errors
    /// A result schema with two columns of one name.
    pub fn new(input: LogicalPlan, function: Arc<Function>, result: &SchemaRef) -> Result<Self> {
        let schema = Arc::new(DFSchema::try_from(result.as_ref().clone())?);
        Ok(Self { input, function, schema })
    }

    /// What is called.
    #[must_use]
    pub fn function(&self) -> &Arc<Function> {
        &self.function
    }
}

impl PartialEq for PartitionsNode {
    fn eq(&self, other: &Self) -> bool {
        self.function.id == other.function.id
            && self.input == other.input
            && self.schema == other.schema
    }
}

impl Eq for PartitionsNode {}

impl Hash for PartitionsNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.id.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for PartitionsNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self == other { Some(Ordering::Equal) } else { None }
    }
}

impl UserDefinedLogicalNodeCore for PartitionsNode {
    fn name(&self) -> &str {
        "MapPartitions"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MapPartitions: {}", self.function.name)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.into_iter().next() else {
            return plan_err!("a frame function needs an input");
        };
        Ok(Self { input, ..self.clone() })
    }
}

/// The physical operator of a frame function.
#[derive(Debug)]
pub struct PartitionsExec {
    input: Arc<dyn ExecutionPlan>,
    function: Arc<Function>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl PartitionsExec {
    /// `function` over the partitions of `input`, giving frames of `schema`.
    #[must_use]
    pub fn new(input: Arc<dyn ExecutionPlan>, function: Arc<Function>, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, function, schema, properties: Arc::new(properties) }
    }
}

impl DisplayAs for PartitionsExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PartitionsExec: {}", self.function.name)
    }
}

impl ExecutionPlan for PartitionsExec {
    fn name(&self) -> &'static str {
        "PartitionsExec"
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
            Some(input) => {
                Ok(Arc::new(Self::new(input, Arc::clone(&self.function), Arc::clone(&self.schema))))
            }
            None => internal_err!("PartitionsExec needs an input"),
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
        let host = FunctionHosts::of(&context)?.host()?;
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let function = Arc::clone(&self.function);
        let schema = Arc::clone(&self.schema);
        let expected = Arc::clone(&schema);
        let output = stream::once(async move {
            let frame = whole(input, &function, &context).await?;
            let result = Some(DataType::Struct(expected.fields().clone()));
            let call =
                RowCall { function: Arc::clone(&function), batch: frame, result, first_row: 0 };
            let reply = Pending::start(&host, call)
                .answer()
                .await
                .map_err(|failure| external(Error::from(failure)))?;
            fitted(&reply.values, &expected, &function, partition).map_err(external)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, output)))
    }
}

/// All rows of a partition as one batch, under the memory budget.
async fn whole(
    mut input: SendableRecordBatchStream,
    function: &Function,
    context: &TaskContext,
) -> Result<RecordBatch> {
    let consumer = MemoryConsumer::new(format!("map_partitions({})", function.name));
    let reservation = consumer.register(context.memory_pool());
    let schema = input.schema();
    let mut batches = Vec::new();
    while let Some(batch) = input.next().await {
        let batch = batch?;
        // The rows exist three times for a moment: as they come, as one batch, as a frame.
        reservation.try_grow(3 * memory::of(&batch))?;
        batches.push(batch);
    }
    Ok(concat_batches(&schema, &batches)?)
}

fn fitted(
    frame: &RecordBatch,
    expected: &Schema,
    function: &Function,
    partition: usize,
) -> crate::Result<RecordBatch> {
    let given = frame.schema();
    let same = given.fields().len() == expected.fields().len()
        && given
            .fields()
            .iter()
            .zip(expected.fields())
            .all(|(given, wanted)| given.name() == wanted.name());
    if !same {
        return Err(Error::data(format!(
            "`{}` gave other columns for partition {partition} than for its sample: {} instead of {}",
            function.name,
            listed(&given),
            listed(expected)
        ))
        .hint("give the same columns for every partition"));
    }
    let mut columns = Vec::with_capacity(frame.num_columns());
    for (column, wanted) in frame.columns().iter().zip(expected.fields()) {
        let fits = column.data_type() == wanted.data_type();
        // A partition without a value in a column has no type of its own.
        let empty = column.null_count() == column.len();
        if fits {
            columns.push(Arc::clone(column));
        } else if empty {
            columns.push(arrow::array::new_null_array(wanted.data_type(), column.len()));
        } else {
            return Err(Error::data(format!(
                "`{}` gave {} in column `{}` for partition {partition}, its sample had {}",
                function.name,
                column.data_type(),
                wanted.name(),
                wanted.data_type()
            ))
            .hint("convert the column in the function, for example with `.astype(...)`"));
        }
    }
    let fields: Vec<_> =
        expected.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Error::internal(error.to_string()))
}

fn listed(schema: &Schema) -> String {
    schema.fields().iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ")
}
