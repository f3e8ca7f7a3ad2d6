//! The physical operator of row functions.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
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
use futures::stream::{self, StreamExt, TryStreamExt};
use windrow_functions::Function;
use windrow_workers::{FunctionHost, RowCall};

use super::FunctionHosts;
use super::hosts::{Pending, external};
use super::position;

/// One call with its arguments as physical expressions.
#[derive(Debug, Clone)]
pub struct PhysicalCall {
    pub(crate) function: Arc<Function>,
    pub(super) args: Vec<Arc<dyn PhysicalExpr>>,
    /// The row that the function gets: one field an argument.
    pub(super) row: SchemaRef,
    pub(super) output: Field,
    pub(super) nanos_a_row: Option<u64>,
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
            write!(formatter, "{comma}{}({args}) -> {}", call.function.name, call.output.name())?;
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
        let host = FunctionHosts::of(&context)?;
        let partitions = self.input.output_partitioning().partition_count().max(1);
        let window = (2 * host.width()).div_ceil(partitions).max(2);
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let run = Arc::new(PartitionRun {
            host,
            calls: self.calls.clone(),
            schema: Arc::clone(&self.schema),
            pace: Pace::of(&self.calls),
            partition,
            input: Arc::clone(&self.input),
            context,
        });
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let pieces = Pieces { input, rest: None, first_row: 0, run: Arc::clone(&run) };
        let output = stream::try_unfold(pieces, Pieces::next)
            .map(move |piece| {
                let run = Arc::clone(&run);
                async move {
                    let (first_row, batch) = piece?;
                    PartitionRun::call(&run, first_row, batch).await
                }
            })
            .buffered(window)
            .inspect_ok(move |batch: &RecordBatch| {
                metrics.record_output(batch.num_rows());
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), output)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// How many rows make a call of about 30 ms, from how long the last ones took.
#[derive(Debug)]
struct Pace {
    rows: AtomicU64,
}

impl Pace {
    const TARGET_NANOS: u64 = 30_000_000;
    const FIRST: u64 = 512;
    const MOST: u64 = 1 << 16;

    /// The pace that a sample of the calls shows.
    fn of(calls: &[PhysicalCall]) -> Self {
        let nanos: Option<u64> = calls.iter().map(|call| call.nanos_a_row).sum();
        Self { rows: AtomicU64::new(nanos.map_or(Self::FIRST, Self::rows_at)) }
    }

    fn rows_at(nanos_a_row: u64) -> u64 {
        (Self::TARGET_NANOS / nanos_a_row.max(1)).clamp(1, Self::MOST)
    }

    fn rows(&self) -> usize {
        usize::try_from(self.rows.load(Ordering::Relaxed)).unwrap_or(1)
    }

    fn learn(&self, rows: usize, nanos: u64) {
        self.rows.store(Self::rows_at(nanos / (rows as u64).max(1)), Ordering::Relaxed);
    }
}

/// The input of a partition in pieces of a good size for one call.
struct Pieces {
    input: SendableRecordBatchStream,
    rest: Option<RecordBatch>,
    first_row: u64,
    run: Arc<PartitionRun>,
}

impl Pieces {
    async fn next(mut self) -> Result<Option<((u64, RecordBatch), Self)>> {
        let batch = loop {
            match self.rest.take() {
                Some(batch) if batch.num_rows() > 0 => break batch,
                _ => match self.input.next().await {
                    Some(batch) => self.rest = Some(batch?),
                    None => return Ok(None),
                },
            }
        };
        let rows = self.run.pace.rows().min(batch.num_rows());
        let piece = batch.slice(0, rows);
        if rows < batch.num_rows() {
            self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        let first_row = self.first_row;
        self.first_row += rows as u64;
        Ok(Some(((first_row, piece), self)))
    }
}

/// What all calls of one partition share.
struct PartitionRun {
    host: Arc<dyn FunctionHost>,
    calls: Vec<PhysicalCall>,
    schema: SchemaRef,
    pace: Pace,
    partition: usize,
    input: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
}

impl PartitionRun {
    async fn call(run: &Arc<Self>, first_row: u64, batch: RecordBatch) -> Result<RecordBatch> {
        let mut pending = Vec::with_capacity(run.calls.len());
        for call in &run.calls {
            let row = row_batch(call, &batch)?;
            pending.push(Pending::start(
                &run.host,
                RowCall {
                    function: Arc::clone(&call.function),
                    batch: row,
                    result: Some(call.output.data_type().clone()),
                    first_row,
                },
            ));
        }
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        let mut nanos = 0;
        for waiting in pending {
            match waiting.answer().await {
                Ok(reply) => {
                    nanos += reply.nanos;
                    columns.push(Arc::clone(reply.values.column(0)));
                }
                Err(failure) => {
                    let before =
                        position::rows_before(&run.input, run.partition, &run.context).await;
                    return Err(external(position::located(
                        failure,
                        first_row,
                        run.partition,
                        before,
                    )));
                }
            }
        }
        run.pace.learn(batch.num_rows(), nanos);
        Ok(RecordBatch::try_new(Arc::clone(&run.schema), columns)?)
    }
}

/// The argument columns of `call` for the rows of `batch`.
fn row_batch(call: &PhysicalCall, batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let columns = call
        .args
        .iter()
        .map(|arg| arg.evaluate(batch)?.into_array(rows))
        .collect::<Result<Vec<_>>>()?;
    // What an expression gives may differ in its encoding from what was planned.
    let fields: Vec<Field> = call
        .row
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}
