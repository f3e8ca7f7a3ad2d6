//! Rows as the bytes of slots: batches made full, encoded, and spilled when memory is short.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamEncoder};
use bytes::Bytes;
use datafusion::common::Result;

/// How batches are encoded: with LZ4, or as they are in memory.
pub(super) fn encoding(compress: bool) -> Result<IpcWriteOptions> {
    let compression = compress.then_some(CompressionType::LZ4_FRAME);
    Ok(IpcWriteOptions::default().try_with_compression(compression)?)
}

/// Buffers that are shorter than this are put together: each piece of an object is written by itself.
const SMALL: usize = 16 << 10;

/// One slot being written.
pub(super) struct SlotWriter {
    schema: SchemaRef,
    batch_rows: usize,
    full: BatchCoalescer,
    encoding: IpcWriteOptions,
    /// None until there is a batch: an empty slot has no bytes.
    encoder: Option<StreamEncoder>,
    pieces: Pieces,
    /// Where its bytes are in the spill file.
    spilled: Vec<(u64, u64)>,
    rows: u64,
    /// Bytes that have left `pieces`.
    gone: u64,
}

/// A batch that was encoded: where its bytes are in the slot, and the batch.
pub(super) struct Encoded {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) batch: RecordBatch,
}

impl SlotWriter {
    pub(super) fn new(schema: SchemaRef, batch_rows: usize, encoding: IpcWriteOptions) -> Self {
        // What is full already need not be copied, where its buffers hold nothing of other rows.
        let whole = schema.fields().iter().all(|field| stands_alone(field.data_type()));
        let full = BatchCoalescer::new(SchemaRef::clone(&schema), batch_rows)
            .with_biggest_coalesce_batch_size(whole.then_some(batch_rows / 2));
        Self {
            schema,
            batch_rows: batch_rows.max(1),
            full,
            encoding,
            encoder: None,
            pieces: Pieces::default(),
            spilled: Vec::new(),
            rows: 0,
            gone: 0,
        }
    }

    /// Takes rows in; gives the batches that were encoded because of them.
    ///
    /// Batches are made full before they are encoded: text that shares buffers with the rows of
    /// other slots would be written with all of these buffers.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<Vec<Encoded>> {
        self.rows += batch.num_rows() as u64;
        if self.schema.fields().is_empty() {
            return Ok(vec![self.encode(batch)?]);
        }
        // What is full passes as it is: it must not be larger than a reader expects.
        let rows = batch.num_rows();
        for start in (0..rows).step_by(self.batch_rows) {
            self.full.push_batch(batch.slice(start, self.batch_rows.min(rows - start)))?;
        }
        self.take_completed()
    }

    fn take_completed(&mut self) -> Result<Vec<Encoded>> {
        let mut encoded = Vec::new();
        while let Some(batch) = self.full.next_completed_batch() {
            encoded.push(self.encode(batch)?);
        }
        Ok(encoded)
    }

    fn encode(&mut self, batch: RecordBatch) -> Result<Encoded> {
        let mut offset = self.len();
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            None => {
                // The schema comes before the first batch and is not part of it.
                offset += schema_len(&self.schema, &self.encoding)?;
                let options = self.encoding.clone();
                self.encoder.insert(StreamEncoder::try_new_with_options(&self.schema, options)?)
            }
        };
        self.pieces.extend(encoder.encode(&batch)?);
        Ok(Encoded { offset, len: self.len() - offset, batch })
    }

    /// Encodes what is left and ends the stream.
    pub(super) fn finish(&mut self) -> Result<Vec<Encoded>> {
        self.full.finish_buffered_batch()?;
        let encoded = self.take_completed()?;
        if let Some(encoder) = self.encoder.take() {
            self.pieces.extend(encoder.finish()?);
        }
        Ok(encoded)
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> u64 {
        self.gone + self.held() as u64
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Encoded bytes in memory.
    pub(super) fn held(&self) -> usize {
        self.pieces.len
    }

    /// Rows in memory that are not encoded yet.
    pub(super) fn waiting(&self) -> usize {
        self.full.get_buffered_rows()
    }

    /// Takes the encoded bytes out, in pieces.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.gone += self.pieces.len as u64;
        std::mem::take(&mut self.pieces).into_bytes()
    }

    /// Moves the encoded bytes to the spill file.
    pub(super) fn spill(&mut self, spill: &mut Spill) -> std::io::Result<()> {
        let len = self.held() as u64;
        if len > 0 {
            let at = spill.append(&self.take())?;
            self.spilled.push((at, len));
        }
        Ok(())
    }

    pub(super) fn spilled(&self) -> &[(u64, u64)] {
        &self.spilled
    }
}

/// Whether arrays of this type, cut to some rows, are written without bytes of other rows.
fn stands_alone(data_type: &DataType) -> bool {
    data_type.is_primitive()
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Binary
                | DataType::LargeBinary
        )
}

/// Bytes of a stream's schema, which is all that comes before its first batch.
fn schema_len(schema: &SchemaRef, options: &IpcWriteOptions) -> Result<u64> {
    let encoder = || StreamEncoder::try_new_with_options(schema, options.clone());
    // A stream of nothing is the schema, and the end as its last buffer.
    let buffers = encoder()?.finish()?;
    let described = buffers.split_last().map(|(_, before)| before).unwrap_or_default();
    Ok(described.iter().map(|buffer| buffer.len() as u64).sum())
}

/// Encoded bytes: the buffers of batches as they are, and what is small between them put together.
#[derive(Default)]
struct Pieces {
    whole: Vec<Bytes>,
    small: Vec<u8>,
    len: usize,
}

impl Pieces {
    fn extend(&mut self, buffers: Vec<Buffer>) {
        for buffer in buffers {
            self.len += buffer.len();
            if buffer.len() < SMALL {
                self.small.extend_from_slice(&buffer);
            } else {
                self.end_small();
                self.whole.push(Bytes::from_owner(Owned(buffer)));
            }
        }
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.whole.push(std::mem::take(&mut self.small).into());
        }
    }

    fn into_bytes(mut self) -> Vec<Bytes> {
        self.end_small();
        self.whole
    }
}

/// A buffer as an owner of bytes.
struct Owned(Buffer);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A temporary file for encoded bytes; it has no name and goes with the process.
pub(super) struct Spill {
    file: File,
    len: u64,
}

impl Spill {
    pub(super) fn new(folder: &Path) -> std::io::Result<Self> {
        Ok(Self { file: tempfile::tempfile_in(folder)?, len: 0 })
    }

    fn append(&mut self, pieces: &[Bytes]) -> std::io::Result<u64> {
        let at = self.len;
        self.file.seek(SeekFrom::Start(at))?;
        for bytes in pieces {
            self.file.write_all(bytes)?;
            self.len += bytes.len() as u64;
        }
        Ok(at)
    }

    /// Bytes of the file.
    pub(super) fn read(&mut self, at: u64, len: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
