//! A sort of everything without a task that sees all rows: each reader merges a range of the keys.
//!
//! ```text
//!  run of task 0:  a a b c│d f f│g h            the driver has chosen the splits `d` and `g` from
//!  run of task 1:  a c c  │d e  │g k m          keys that the tasks reported; reader 1 gets d … f
//! ```

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use windrow_tasks::StageId;

use super::keys::{Entry, Keys, entries_of};
use super::message::Batches;
use super::read::part;
use super::{InputGone, Inputs, Piece};

/// Bytes of neighboring batches that are read at once.
const CHUNK: u64 = 2 << 20;

/// Merges one range of the keys of a stage's sorted runs in each partition.
#[derive(Debug)]
pub struct RangeReadExec {
    stage: StageId,
    ordering: LexOrdering,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RangeReadExec {
    /// Reads the runs of `stage`, sorted by `ordering`, in so many ranges.
    #[must_use]
    pub fn new(stage: StageId, schema: SchemaRef, ordering: LexOrdering, ranges: usize) -> Self {
        let mut known = EquivalenceProperties::new(schema);
        known.add_ordering(ordering.clone());
        let properties = PlanProperties::new(
            known,
            Partitioning::UnknownPartitioning(ranges),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Self { stage, ordering, properties: Arc::new(properties), metrics }
    }

    /// What it reads.
    #[must_use]
    pub fn stage(&self) -> StageId {
        self.stage
    }
}

impl DisplayAs for RangeReadExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.properties.output_partitioning().partition_count();
        write!(
            formatter,
            "RangeReadExec: stage={}, keys=[{}], ranges={ranges}",
            self.stage, self.ordering
        )
    }
}

impl ExecutionPlan for RangeReadExec {
    fn name(&self) -> &'static str {
        "RangeReadExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("an exchange reads no operator") }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("an exchange reads no operator") }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let inputs = Inputs::of(&context)?;
        let (stage, schema, ordering) = (self.stage, self.schema(), self.ordering.clone());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let given = Arc::clone(&schema);
        let merged = stream::once(async move {
            let runs = runs(&inputs, stage, partition).await?;
            let streams = runs
                .into_iter()
                .map(|run| run.into_stream(Arc::clone(&inputs), &schema, &ordering))
                .collect::<Result<Vec<_>>>()?;
            if streams.is_empty() {
                let none = stream::empty().boxed();
                return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, none))
                    as SendableRecordBatchStream);
            }
            let consumer = MemoryConsumer::new("a merge of sorted runs");
            StreamingMergeBuilder::new()
                .with_streams(streams)
                .with_schema(schema)
                .with_expressions(&ordering)
                .with_metrics(metrics)
                .with_batch_size(context.session_config().batch_size())
                .with_reservation(consumer.register(context.memory_pool()))
                .with_round_robin_tie_breaker(false)
                .build()
        })
        .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(given, merged)))
    }
}

/// The part of a run that a reader wants.
struct Run {
    piece: Piece,
    entries: Vec<Entry>,
    /// Bytes of the schema, before the first batch.
    schema_len: u64,
    from: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
}

/// What reader `partition` wants of each run.
async fn runs(inputs: &Arc<Inputs>, stage: StageId, partition: usize) -> Result<Vec<Run>> {
    let splits = &inputs.head(stage).await?.splits;
    if partition > splits.len() {
        return Ok(vec![]);
    }
    let from = partition.checked_sub(1).and_then(|at| splits.get(at)).map(|key| key.0.clone());
    let to = splits.get(partition).map(|key| key.0.clone());
    let (data, indices) = (inputs.slot(stage, 0).await?, inputs.slot(stage, 1).await?);
    let mut found = Vec::new();
    for (piece, index) in data.into_iter().zip(indices) {
        if piece.slot.rows == 0 {
            continue;
        }
        let bytes = part(inputs, &index, 0..index.slot.len).await?;
        let entries = match entries_of(&bytes) {
            Ok(entries) if crc32fast::hash(&bytes) == index.slot.crc => entries,
            _ => return Err(InputGone(index.origin).into()),
        };
        let schema_len = entries.first().map_or(0, |entry| entry.offset);
        // A batch holds keys from its first to the first of the next batch, both included.
        let after = |at: usize| entries.get(at + 1).map(|next| &next.key);
        let wanted = (0..entries.len())
            .filter(|at| {
                let starts = to.as_ref().is_none_or(|to| entries[*at].key < *to);
                let ends =
                    from.as_ref().is_none_or(|from| after(*at).is_none_or(|key| key >= from));
                starts && ends
            })
            .map(|at| entries[at].clone())
            .collect::<Vec<_>>();
        if !wanted.is_empty() {
            let (from, to) = (from.clone(), to.clone());
            found.push(Run { piece, entries: wanted, schema_len, from, to });
        }
    }
    Ok(found)
}

impl Run {
    fn into_stream(
        self,
        inputs: Arc<Inputs>,
        schema: &SchemaRef,
        ordering: &LexOrdering,
    ) -> Result<SendableRecordBatchStream> {
        let keys = Keys::new(ordering, schema)?;
        let expected = Arc::clone(schema);
        let (from, to) = (self.from.clone(), self.to.clone());
        let batches = self.batches(inputs);
        let rows = batches
            .map(move |batch| {
                let batch = batch?.with_schema(Arc::clone(&expected))?;
                trimmed(&batch, &keys, from.as_deref(), to.as_deref())
            })
            .try_filter(|batch| {
                let some = batch.num_rows() > 0;
                async move { some }
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), rows)))
    }

    /// The wanted batches, whole.
    fn batches(self, inputs: Arc<Inputs>) -> BoxStream<'static, Result<RecordBatch>> {
        let mut groups: Vec<(u64, u64)> = Vec::new();
        for Entry { offset, len, .. } in &self.entries {
            match groups.last_mut() {
                Some((start, end)) if *end == *offset && *end - *start < CHUNK => *end += len,
                _ => groups.push((*offset, offset + len)),
            }
        }
        let piece = self.piece;
        let schema_len = self.schema_len;
        stream::iter(groups)
            .map(move |(start, end)| {
                let (inputs, piece) = (Arc::clone(&inputs), piece.clone());
                async move {
                    let head = part(&inputs, &piece, 0..schema_len).await?;
                    let body = part(&inputs, &piece, start..end).await?;
                    decoded([head, body])
                        .map_err(|_| DataFusionError::from(InputGone(piece.origin)))
                }
            })
            .buffered(2)
            .map_ok(|batches| stream::iter(batches.into_iter().map(Ok::<_, DataFusionError>)))
            .try_flatten()
            .boxed()
    }
}

/// The batches of a stream that lacks its end.
fn decoded(parts: [bytes::Bytes; 2]) -> Result<Vec<RecordBatch>> {
    let (mut batches, mut found) = (Batches::default(), Vec::new());
    for bytes in parts {
        batches.push(bytes);
        while let Some(batch) = batches.next()? {
            found.push(batch);
        }
    }
    // A last batch without bytes, of columns that are all missing, comes with what is after it.
    found.extend(batches.end()?);
    Ok(found)
}

/// The rows of a sorted batch whose keys are in a range.
fn trimmed(
    batch: &RecordBatch,
    keys: &Keys,
    from: Option<&[u8]>,
    to: Option<&[u8]>,
) -> Result<RecordBatch> {
    let rows = keys.of(batch)?;
    let below = |bound: &[u8]| {
        let (mut low, mut high) = (0, batch.num_rows());
        while low < high {
            let middle = low.midpoint(high);
            if rows.row(middle).as_ref() < bound { low = middle + 1 } else { high = middle }
        }
        low
    };
    let start = from.map_or(0, below);
    let end = to.map_or(batch.num_rows(), below);
    Ok(batch.slice(start, end.saturating_sub(start)))
}
