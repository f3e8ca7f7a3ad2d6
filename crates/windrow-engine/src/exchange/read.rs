//! Reading slots: a few ahead of what is decoded, in pieces, in the order of the outputs.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use datafusion::common::Result;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use windrow_tasks::{LostInput, Slot};

use super::message::Batches;
use super::{Exchange, InputGone, Inputs, StoreFault, WriteFault};

/// Bytes that are read at once.
const CHUNK: u64 = 2 << 20;
/// Slots whose first bytes are read ahead.
const AHEAD: usize = 4;

/// A slot, and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) slot: Slot,
    pub(crate) origin: LostInput,
}

impl Piece {
    fn gone(&self) -> datafusion::error::DataFusionError {
        InputGone(self.origin.clone()).into()
    }
}

/// The rows of `pieces`, one piece after another. Counts what it reads in `inputs`.
pub(crate) fn rows_of(
    inputs: Arc<Inputs>,
    pieces: Vec<Piece>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let pieces = pieces.into_iter().filter(|piece| piece.slot.len > 0);
    stream::iter(pieces)
        .map(move |piece| {
            let inputs = Arc::clone(&inputs);
            async move {
                let end = piece.slot.len.min(CHUNK);
                let first = part(&inputs, &piece, 0..end).await;
                first.map(|first| Reading::new(inputs, piece, first).into_stream())
            }
        })
        .buffered(AHEAD)
        .try_flatten()
        .boxed()
}

/// Bytes of a slot, counted from its start.
pub(super) async fn part(
    inputs: &Inputs,
    piece: &Piece,
    range: std::ops::Range<u64>,
) -> Result<Bytes> {
    let object = &piece.origin.object;
    let start = piece.slot.offset;
    let wanted = range.end - range.start;
    let read = inputs.exchange().range(object, start + range.start..start + range.end).await;
    match read {
        Ok(bytes) if bytes.len() as u64 == wanted => {
            inputs.count(bytes.len());
            Ok(bytes)
        }
        // Shorter than it was when it was committed.
        Ok(_) | Err(StoreFault::Missing) => Err(piece.gone()),
        Err(fault) => Err(cut_short(inputs.exchange(), piece, fault).await),
    }
}

/// Storage refused a range: perhaps the object is not as long any more.
async fn cut_short(
    exchange: &Exchange,
    piece: &Piece,
    fault: StoreFault,
) -> datafusion::error::DataFusionError {
    match exchange.len(&piece.origin.object).await {
        Ok(len) if len < piece.slot.offset + piece.slot.len => piece.gone(),
        Err(StoreFault::Missing) => piece.gone(),
        _ => WriteFault(fault).into(),
    }
}

/// A slot being read.
struct Reading {
    inputs: Arc<Inputs>,
    piece: Piece,
    batches: Batches,
    /// Bytes that were read.
    at: u64,
    crc: crc32fast::Hasher,
    checked: bool,
}

impl Reading {
    fn new(inputs: Arc<Inputs>, piece: Piece, first: Bytes) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&first);
        let at = first.len() as u64;
        let mut batches = Batches::default();
        batches.push(first);
        Self { inputs, piece, batches, at, crc, checked: false }
    }

    fn into_stream(self) -> BoxStream<'static, Result<RecordBatch>> {
        stream::try_unfold(self, Self::step).boxed()
    }

    async fn step(mut self) -> Result<Option<(RecordBatch, Self)>> {
        loop {
            self.check()?;
            match self.batches.next() {
                Ok(Some(batch)) => return Ok(Some((batch, self))),
                Ok(None) => {}
                Err(_) => return Err(self.piece.gone()),
            }
            if self.at == self.piece.slot.len {
                return if self.batches.is_ended() { Ok(None) } else { Err(self.piece.gone()) };
            }
            let end = (self.at + CHUNK).min(self.piece.slot.len);
            let more = part(&self.inputs, &self.piece, self.at..end).await?;
            self.crc.update(&more);
            self.at = end;
            self.batches.push(more);
        }
    }

    /// Compares the check of the bytes once all of them are there.
    fn check(&mut self) -> Result<()> {
        if self.checked || self.at < self.piece.slot.len {
            return Ok(());
        }
        self.checked = true;
        if std::mem::take(&mut self.crc).finalize() == self.piece.slot.crc {
            Ok(())
        } else {
            Err(self.piece.gone())
        }
    }
}
