//! Partitions made one, in order: all rows of partition 0, then those of partition 1, and so on.
//!
//! DataFusion's `CoalescePartitionsExec` takes rows as they come. Row order is part of our answers.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

/// Batches that a partition may be ahead of the reader.
const AHEAD: usize = 4;

/// Gathers all partitions of its input into one, in order.
#[derive(Debug)]
pub struct OrderedGatherExec {
    input: Arc<dyn ExecutionPlan>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
}

impl OrderedGatherExec {
    /// All rows of `input`, or the first `fetch`.
    #[must_use]
    pub fn new(input: Arc<dyn ExecutionPlan>, fetch: Option<usize>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, fetch, properties: Arc::new(properties) }
    }
}

impl DisplayAs for OrderedGatherExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OrderedGatherExec")?;
        match self.fetch {
            Some(fetch) => write!(formatter, ": fetch={fetch}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for OrderedGatherExec {
    fn name(&self) -> &'static str {
        "OrderedGatherExec"
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
            Some(input) => Ok(Arc::new(Self::new(input, self.fetch))),
            None => internal_err!("OrderedGatherExec needs an input"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mode = ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(mode))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn with_fetch(&self, fetch: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(Self::new(Arc::clone(&self.input), fetch)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("OrderedGatherExec has one partition, not {partition}");
        }
        let partitions = self.input.output_partitioning().partition_count();
        let input = Arc::clone(&self.input);
        let schema = self.schema();
        let Some(fetch) = self.fetch else {
            // All rows are wanted: every partition starts now and waits for its turn.
            let waiting = (0..partitions)
                .map(|partition| started(&input, partition, &context))
                .collect::<Vec<_>>();
            let output = stream::iter(waiting).flat_map(Ahead::into_stream);
            return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, output)));
        };
        // A few rows are wanted: a partition starts when those before it were not enough.
        let output = stream::iter(0..partitions)
            .then(move |partition| {
                let stream = input.execute(partition, Arc::clone(&context));
                async move { stream }
            })
            .flat_map(|partition| match partition {
                Ok(rows) => rows,
                Err(error) => Box::pin(RecordBatchStreamAdapter::new(
                    Arc::new(arrow::datatypes::Schema::empty()),
                    stream::once(async move { Err(error) }),
                )),
            });
        let first = take_rows(output, fetch);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, first)))
    }
}

/// A partition that runs up to [`AHEAD`] batches ahead of its reader; dropping it stops it.
struct Ahead {
    rows: mpsc::Receiver<Result<RecordBatch>>,
    task: SpawnedTask<()>,
}

impl Ahead {
    fn into_stream(self) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
        stream::unfold(self, |mut ahead| async move {
            let batch = ahead.rows.recv().await;
            match batch {
                Some(batch) => Some((batch, ahead)),
                None => {
                    // The channel also ends when the task panicked.
                    match ahead.task.join().await {
                        Ok(()) => None,
                        Err(error) => std::panic::resume_unwind(error.into_panic()),
                    }
                }
            }
        })
    }
}

fn started(input: &Arc<dyn ExecutionPlan>, partition: usize, context: &Arc<TaskContext>) -> Ahead {
    let (sender, rows) = mpsc::channel(AHEAD);
    let stream = input.execute(partition, Arc::clone(context));
    let task = SpawnedTask::spawn(async move {
        let mut stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                let _ = sender.send(Err(error)).await;
                return;
            }
        };
        while let Some(batch) = stream.next().await {
            let failed = batch.is_err();
            if sender.send(batch).await.is_err() || failed {
                return;
            }
        }
    });
    Ahead { rows, task }
}

fn take_rows(
    batches: impl futures::Stream<Item = Result<RecordBatch>> + Send + 'static,
    rows: usize,
) -> impl futures::Stream<Item = Result<RecordBatch>> + Send {
    stream::unfold((Box::pin(batches), rows), |(mut batches, left)| async move {
        if left == 0 {
            return None;
        }
        match batches.next().await? {
            Ok(batch) => {
                let taken = batch.slice(0, left.min(batch.num_rows()));
                let left = left - taken.num_rows();
                Some((Ok(taken), (batches, left)))
            }
            Err(error) => Some((Err(error), (batches, 0))),
        }
    })
}
