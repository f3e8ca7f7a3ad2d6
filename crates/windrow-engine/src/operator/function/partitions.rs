//! Frame functions: what Python gets is a partition as one frame, or some whole groups of one.
//!
//! Of groups, the operator asks for rows that are distributed and sorted by their keys; the plan puts
//! what is needed for that below it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{SortOptions, concat_batches};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err, plan_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexOrdering, OrderingRequirements, Partitioning,
    PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};
use windrow_functions::Function;
use windrow_workers::{FunctionHost, RowCall};

use super::fitted::fitted;
use super::hosts::{Pending, external};
use super::{FunctionHosts, Grouping, groups};
use crate::error::Error;
use crate::operator::memory;

/// The rows exist three times for a moment: as they come, as one batch, as a frame.
pub(super) const COPIES: usize = 3;

/// The logical node of a frame function.
#[derive(Debug, Clone)]
pub struct PartitionsNode {
    input: LogicalPlan,
    function: Arc<Function>,
    schema: DFSchemaRef,
    grouping: Option<Grouping>,
}

impl PartitionsNode {
    /// `function` over the partitions of `input`, giving frames of `result`; with `grouping`,
    /// over the groups of its rows.
    ///
    /// # Errors
    /// A result schema with two columns of one name.
    pub fn new(
        input: LogicalPlan,
        function: Arc<Function>,
        result: &SchemaRef,
        grouping: Option<Grouping>,
    ) -> Result<Self> {
        let schema = Arc::new(DFSchema::try_from(result.as_ref().clone())?);
        Ok(Self { input, function, schema, grouping })
    }

    /// How rows are grouped; `None`: partitions are taken whole.
    #[must_use]
    pub fn grouping(&self) -> Option<Grouping> {
        self.grouping
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
            && self.grouping == other.grouping
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
        if self.grouping.is_none() { "MapPartitions" } else { "MapGroups" }
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
        write!(formatter, "{}: {}", self.name(), self.function.name)?;
        let keys = self.grouping.map_or(0, |grouping| grouping.keys);
        let fields = self.input.schema().fields().iter().take(keys);
        let keys = fields.map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
        if keys.is_empty() { Ok(()) } else { write!(formatter, " by {keys}") }
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
    keys: usize,
    properties: Arc<PlanProperties>,
}

impl PartitionsExec {
    /// `function` over the partitions of `input`, giving frames of `schema`; with `keys`, over the
    /// groups of rows that are equal in so many first columns. The last column of `input` is then
    /// the place of a row in its group.
    #[must_use]
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        function: Arc<Function>,
        schema: SchemaRef,
        keys: usize,
    ) -> Self {
        // A function may put anything into a column: nothing is known about where its rows are.
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, function, schema, keys, properties: Arc::new(properties) }
    }

    /// The columns of the input at `places`, ascending, missing values last.
    fn ascending(&self, places: impl Iterator<Item = usize>) -> Vec<PhysicalSortExpr> {
        let input = self.input.schema();
        let options = SortOptions { descending: false, nulls_first: false };
        let named = |place: usize| {
            let expr: Arc<dyn PhysicalExpr> =
                Arc::new(Column::new(input.field(place).name(), place));
            PhysicalSortExpr::new(expr, options)
        };
        places.map(named).collect()
    }
}

impl DisplayAs for PartitionsExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PartitionsExec: {}", self.function.name)?;
        let input = self.input.schema();
        let keys = input.fields().iter().take(self.keys).map(|field| field.name().as_str());
        let keys = keys.collect::<Vec<_>>().join(", ");
        if keys.is_empty() { Ok(()) } else { write!(formatter, ", groups by {keys}") }
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
        vec![self.keys > 0]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let keys = self.ascending(0..self.keys).into_iter().map(|key| key.expr).collect();
        InputDistributionRequirements::new(vec![match self.keys {
            0 => Distribution::UnspecifiedDistribution,
            _ => Distribution::KeyPartitioned(keys),
        }])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        if self.keys == 0 {
            return vec![None];
        }
        let place = self.input.schema().fields().len().saturating_sub(1);
        let order = self.ascending((0..self.keys).chain([place]));
        vec![LexOrdering::new(order).map(OrderingRequirements::from)]
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
                let (function, schema) = (Arc::clone(&self.function), Arc::clone(&self.schema));
                Ok(Arc::new(Self::new(input, function, schema, self.keys)))
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
        let (function, schema) = (Arc::clone(&self.function), Arc::clone(&self.schema));
        let frames = if self.keys == 0 {
            stream::once(whole(input, function.name.clone(), context)).boxed()
        } else {
            groups::frames(input, self.keys, &function.name, &context).boxed()
        };
        let expected = Arc::clone(&schema);
        let calls = frames.map(move |frame| {
            let call = Call {
                host: Arc::clone(&host),
                function: Arc::clone(&function),
                expected: Arc::clone(&expected),
                partition,
            };
            async move { call.answer(frame?).await }
        });
        // The next groups are gathered while Python has these.
        let output = calls.buffered(if self.keys == 0 { 1 } else { 2 });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, output)))
    }
}

/// Rows for one call, and the memory that they take until it is answered.
pub(super) struct Frame {
    pub(super) rows: RecordBatch,
    pub(super) memory: MemoryReservation,
}

/// A call of a frame function.
struct Call {
    host: Arc<dyn FunctionHost>,
    function: Arc<Function>,
    expected: SchemaRef,
    partition: usize,
}

impl Call {
    async fn answer(self, frame: Frame) -> Result<RecordBatch> {
        let Frame { rows, memory } = frame;
        let result = Some(DataType::Struct(self.expected.fields().clone()));
        let function = Arc::clone(&self.function);
        let call = RowCall { function, batch: rows, result, first_row: 0 };
        let reply = Pending::start(&self.host, call)
            .answer()
            .await
            .map_err(|failure| external(Error::from(failure)))?;
        drop(memory);
        fitted(&reply.values, &self.expected, &self.function, self.partition).map_err(external)
    }
}

/// All rows of a partition as one batch, under the memory budget.
async fn whole(
    mut input: SendableRecordBatchStream,
    function: String,
    context: Arc<TaskContext>,
) -> Result<Frame> {
    let consumer = MemoryConsumer::new(format!("map_partitions({function})"));
    let memory = consumer.register(context.memory_pool());
    let schema = input.schema();
    let mut batches = Vec::new();
    while let Some(batch) = input.next().await {
        let batch = batch?;
        memory.try_grow(COPIES * memory::of(&batch))?;
        batches.push(batch);
    }
    Ok(Frame { rows: concat_batches(&schema, &batches)?, memory })
}
