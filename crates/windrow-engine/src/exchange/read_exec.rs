//! The operator that stands where a plan was cut: gives what the stage below has written.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};
use windrow_tasks::{Read, StageId};

use super::{Inputs, rows_of};

/// Reads the outputs of a stage. It has the properties of the operator that it stands for:
/// partitions, the order within them, and what is known of the columns.
#[derive(Debug)]
pub struct ExchangeReadExec {
    stage: StageId,
    read: Read,
    properties: Arc<PlanProperties>,
}

impl ExchangeReadExec {
    /// Reads `stage` as `read` says, with the properties of what was there before the cut.
    #[must_use]
    pub fn new(stage: StageId, read: Read, properties: Arc<PlanProperties>) -> Self {
        Self { stage, read, properties }
    }

    /// What it reads.
    #[must_use]
    pub fn stage(&self) -> StageId {
        self.stage
    }

    /// Which part of it each partition reads.
    #[must_use]
    pub fn read(&self) -> Read {
        self.read
    }
}

impl DisplayAs for ExchangeReadExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitions = self.properties.output_partitioning();
        write!(
            formatter,
            "ExchangeReadExec: stage={}, read={:?}, partitioning={partitions}",
            self.stage, self.read
        )
    }
}

impl ExecutionPlan for ExchangeReadExec {
    fn name(&self) -> &'static str {
        "ExchangeReadExec"
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
        let (stage, read) = (self.stage, self.read);
        let place = u32::try_from(partition).unwrap_or(u32::MAX);
        let schema = self.schema();
        let expected = self.schema();
        let rows = stream::once(async move {
            let pieces = match read {
                Read::Slots => inputs.slot(stage, place).await?,
                Read::Maps => {
                    let all = inputs.slot(stage, 0).await?;
                    all.into_iter().skip(partition).take(1).collect()
                }
                Read::Broadcast => inputs.slot(stage, 0).await?,
                Read::Range => return internal_err!("ranges are read by another operator"),
            };
            Ok(rows_of(inputs, pieces))
        })
        .try_flatten()
        .map(move |batch| Ok(batch?.with_schema(Arc::clone(&expected))?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
