//! What the exchanges of a task read: carried by its context, so that plans name stages only.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::{Result, internal_datafusion_err};
use datafusion::execution::TaskContext;
use tokio::sync::OnceCell;
use windrow_tasks::{InputRef, LostInput, ManifestError, ManifestHead, Slot, StageId};

use super::{Exchange, Piece, WriteFault};

/// Bytes of a manifest that are read at first: the whole of a small one.
const FIRST: u64 = 64 << 10;

/// The manifests of a task's inputs.
#[derive(Debug)]
pub(crate) struct Inputs {
    exchange: Exchange,
    refs: HashMap<StageId, (InputRef, OnceCell<ManifestHead>)>,
    read: AtomicU64,
}

impl Inputs {
    /// Those that `refs` name, in `exchange`.
    pub(crate) fn new(exchange: Exchange, refs: &[InputRef]) -> Self {
        let refs = refs.iter().map(|one| (one.stage, (one.clone(), OnceCell::new()))).collect();
        Self { exchange, refs, read: AtomicU64::new(0) }
    }

    /// Those of `context`.
    pub(super) fn of(context: &TaskContext) -> Result<Arc<Self>> {
        context.session_config().get_extension::<Self>().ok_or_else(|| {
            internal_datafusion_err!("this part of a plan reads an exchange, and there is none")
        })
    }

    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Counts bytes that were read.
    pub(super) fn count(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that were read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    fn of_stage(&self, stage: StageId) -> Result<&(InputRef, OnceCell<ManifestHead>)> {
        self.refs.get(&stage).ok_or_else(|| {
            internal_datafusion_err!("a task reads stage {stage}, which it was not given")
        })
    }

    pub(super) async fn head(&self, stage: StageId) -> Result<&ManifestHead> {
        let (input, head) = self.of_stage(stage)?;
        head.get_or_try_init(|| self.read_head(input)).await
    }

    async fn read_head(&self, input: &InputRef) -> Result<ManifestHead> {
        let manifest = &input.manifest;
        let first = self
            .exchange
            .range(&manifest.name, 0..FIRST.min(manifest.len))
            .await
            .map_err(WriteFault)?;
        let broken = |error: ManifestError| internal_datafusion_err!("{error}");
        let extent = ManifestHead::extent(&first).map_err(broken)?;
        let head = if extent > first.len() as u64 {
            let whole = self.exchange.range(&manifest.name, 0..extent).await.map_err(WriteFault)?;
            ManifestHead::decode(&whole)
        } else {
            ManifestHead::decode(&first)
        };
        head.map_err(broken)
    }

    /// Slot `slot` of every output of a stage, in the order of the outputs.
    pub(super) async fn slot(&self, stage: StageId, slot: u32) -> Result<Vec<Piece>> {
        let head = self.head(stage).await?;
        let (input, _) = self.of_stage(stage)?;
        if slot >= head.slots {
            // A stage without rows in any output still has its slots; a stage without outputs has none.
            return Ok(vec![]);
        }
        let section = self
            .exchange
            .range(&input.manifest.name, head.section(slot))
            .await
            .map_err(WriteFault)?;
        let slots: Vec<Slot> =
            head.read_section(&section).map_err(|error| internal_datafusion_err!("{error}"))?;
        let outputs = head.outputs.iter().zip(slots).enumerate();
        Ok(outputs
            .map(|(partition, ((object, _), slot))| Piece {
                slot,
                origin: LostInput {
                    stage,
                    epoch: input.epoch,
                    partition: u32::try_from(partition).unwrap_or(u32::MAX),
                    object: object.clone(),
                },
            })
            .collect())
    }
}
