//! Writing a task's output: rows to their slots, slots one after another into one object.
//!
//! Encoded rows wait in memory under the budget; beyond it they wait in a temporary file. With one
//! slot nothing waits: parts leave as they come.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::Time;
use datafusion::physical_plan::repartition::BatchPartitioner;
use futures::StreamExt;
use object_store::{MultipartUpload, PutPayload};
use windrow_tasks::{KeySample, Slot};

use super::keys::RunIndex;
use super::slots::{SlotWriter, Spill, encoding};
use super::store::PART;
use super::{Exchange, Layout, StoreFault, WriteFault};
use crate::operator::memory;

/// Where an output goes.
pub(crate) struct Destination<'a> {
    pub(crate) exchange: &'a Exchange,
    /// The object's name, which nobody else has.
    pub(crate) object: String,
    /// Whether bytes are compressed, which takes longer than to write and read them on one machine.
    pub(crate) compress: bool,
    /// The folder for what does not fit into memory.
    pub(crate) scratch: PathBuf,
    /// Which of how many tasks of the stage this is.
    pub(crate) partition: (usize, usize),
}

/// What was written.
pub(crate) struct Written {
    pub(crate) len: u64,
    pub(crate) slots: Vec<Slot>,
    pub(crate) keys: Vec<KeySample>,
}

/// Writes all rows of `input`.
///
/// # Errors
/// Those of the input; storage that does not take the bytes; a budget that is too small.
pub(crate) async fn write(
    mut input: SendableRecordBatchStream,
    layout: &Layout,
    to: &Destination<'_>,
    context: &TaskContext,
) -> Result<Written> {
    let mut writer = Writer::new(&input.schema(), layout, to, context)?;
    while let Some(batch) = input.next().await {
        writer.push(batch?).await?;
    }
    drop(input);
    writer.finish().await
}

struct Writer<'a> {
    slots: Vec<SlotWriter>,
    partitioner: Option<BatchPartitioner>,
    index: Option<RunIndex>,
    object: ObjectWriter<'a>,
    reservation: MemoryReservation,
    spill: Option<Spill>,
    scratch: &'a Path,
    /// Bytes of a row in memory, about.
    row_bytes: usize,
}

impl<'a> Writer<'a> {
    fn new(
        schema: &SchemaRef,
        layout: &Layout,
        to: &'a Destination<'_>,
        context: &TaskContext,
    ) -> Result<Self> {
        let (partitioner, count) = match layout {
            Layout::Hash(exprs, count) => (
                Some(BatchPartitioner::new_hash_partitioner(exprs.clone(), *count, Time::new())?),
                *count,
            ),
            Layout::RoundRobin(count) => {
                let (partition, of) = to.partition;
                let dealt = BatchPartitioner::new_round_robin_partitioner(
                    *count,
                    Time::new(),
                    partition,
                    of.max(1),
                );
                (Some(dealt), *count)
            }
            Layout::Single | Layout::Run(..) => (None, 1),
        };
        let index = match layout {
            Layout::Run(keys, _) => Some(RunIndex::new(keys, schema)?),
            _ => None,
        };
        let rows = context.session_config().batch_size();
        let encoding = encoding(to.compress)?;
        let slots = (0..count)
            .map(|_| SlotWriter::new(Arc::clone(schema), rows, encoding.clone()))
            .collect();
        let consumer = MemoryConsumer::new("an exchange").with_can_spill(true);
        Ok(Self {
            slots,
            partitioner,
            index,
            object: ObjectWriter::new(to.exchange, &to.object),
            reservation: consumer.register(context.memory_pool()),
            spill: None,
            scratch: &to.scratch,
            row_bytes: 0,
        })
    }

    async fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.row_bytes = self.row_bytes.max(memory::of(&batch) / batch.num_rows());
        match &mut self.partitioner {
            Some(partitioner) => {
                let parts = partitioner.partition_iter(batch)?.collect::<Result<Vec<_>>>()?;
                for (slot, part) in parts {
                    self.slots[slot].push(part)?;
                }
                self.stay_within_budget()
            }
            None => {
                let encoded = self.slots[0].push(batch)?;
                if let Some(index) = &mut self.index {
                    index.add(&encoded)?;
                }
                if self.slots[0].held() >= PART {
                    let pieces = self.slots[0].take();
                    self.object.write(pieces).await?;
                }
                self.stay_within_budget()
            }
        }
    }

    /// Accounts for what is in memory, or moves it to a temporary file.
    fn stay_within_budget(&mut self) -> Result<()> {
        let encoded: usize = self.slots.iter().map(SlotWriter::held).sum();
        let waiting: usize = self.slots.iter().map(SlotWriter::waiting).sum();
        let waiting = waiting * self.row_bytes;
        if self.reservation.try_resize(encoded + waiting).is_ok() {
            return Ok(());
        }
        if encoded > 0 && self.slots.len() > 1 {
            if self.spill.is_none() {
                self.spill = Some(Spill::new(self.scratch).map_err(spill_fault)?);
            }
            if let Some(spill) = &mut self.spill {
                for slot in &mut self.slots {
                    slot.spill(spill).map_err(spill_fault)?;
                }
            }
        }
        let encoded: usize = self.slots.iter().map(SlotWriter::held).sum();
        self.reservation.try_resize(encoded + waiting)
    }

    async fn finish(mut self) -> Result<Written> {
        let mut slots = Vec::with_capacity(self.slots.len());
        for writer in &mut self.slots {
            let encoded = writer.finish()?;
            if let Some(index) = &mut self.index {
                index.add(&encoded)?;
            }
            // With one slot its first bytes may have left already.
            let start = if writer.len() > writer.held() as u64 && writer.spilled().is_empty() {
                0
            } else {
                self.object.start_slot()
            };
            for (at, len) in writer.spilled() {
                let Some(spill) = &mut self.spill else { continue };
                let (mut at, mut left) = (*at, usize::try_from(*len).unwrap_or(usize::MAX));
                while left > 0 {
                    let piece = spill.read(at, left.min(PART)).map_err(spill_fault)?;
                    at += piece.len() as u64;
                    left -= piece.len();
                    self.object.write(vec![piece.into()]).await?;
                }
            }
            let last = writer.take();
            self.object.write(last).await?;
            slots.push(self.object.end_slot(start, writer.rows()));
        }
        let mut keys = Vec::new();
        if let Some(index) = self.index.take() {
            keys = index.samples();
            let start = self.object.start_slot();
            self.object.write(vec![index.to_bytes()?.into()]).await?;
            slots.push(self.object.end_slot(start, 0));
        }
        let len = self.object.finish().await?;
        Ok(Written { len, slots, keys })
    }
}

fn spill_fault(error: std::io::Error) -> DataFusionError {
    DataFusionError::IoError(error)
}

/// An object being written in parts.
struct ObjectWriter<'a> {
    exchange: &'a Exchange,
    name: &'a str,
    upload: Option<Box<dyn MultipartUpload>>,
    /// What waits to be sent, and how many bytes that are.
    part: Vec<Bytes>,
    waiting: usize,
    len: u64,
    crc: crc32fast::Hasher,
}

impl<'a> ObjectWriter<'a> {
    fn new(exchange: &'a Exchange, name: &'a str) -> Self {
        let crc = crc32fast::Hasher::new();
        Self { exchange, name, upload: None, part: Vec::new(), waiting: 0, len: 0, crc }
    }

    fn start_slot(&mut self) -> u64 {
        self.crc = crc32fast::Hasher::new();
        self.len
    }

    fn end_slot(&mut self, start: u64, rows: u64) -> Slot {
        let crc = std::mem::take(&mut self.crc).finalize();
        Slot { offset: start, len: self.len - start, rows, crc }
    }

    async fn write(&mut self, pieces: Vec<Bytes>) -> Result<()> {
        for bytes in pieces {
            self.crc.update(&bytes);
            self.len += bytes.len() as u64;
            self.waiting += bytes.len();
            self.part.push(bytes);
            if self.waiting >= PART {
                self.send().await?;
            }
        }
        Ok(())
    }

    fn take(&mut self) -> PutPayload {
        self.waiting = 0;
        std::mem::take(&mut self.part).into_iter().collect()
    }

    async fn send(&mut self) -> Result<()> {
        if self.upload.is_none() {
            self.upload = Some(self.exchange.upload(self.name).await.map_err(WriteFault)?);
        }
        let part = self.take();
        if let Some(upload) = &mut self.upload {
            upload.put_part(part).await.map_err(fault)?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<u64> {
        if self.upload.is_none() {
            let bytes = self.take();
            self.exchange.put(self.name, bytes).await.map_err(WriteFault)?;
            return Ok(self.len);
        }
        if self.waiting > 0 {
            self.send().await?;
        }
        if let Some(upload) = &mut self.upload {
            upload.complete().await.map_err(fault)?;
        }
        Ok(self.len)
    }
}

fn fault(error: object_store::Error) -> WriteFault {
    WriteFault(StoreFault::from(error))
}
