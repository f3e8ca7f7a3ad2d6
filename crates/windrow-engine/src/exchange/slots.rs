//! Rows as the bytes of slots: batches made full, encoded, and spilled when memory is short.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use datafusion::common::Result;

/// How batches are encoded: with LZ4, or as they are in memory.
pub(super) fn encoding(compress: bool) -> Result<IpcWriteOptions> {
    let compression = compress.then_some(CompressionType::LZ4_FRAME);
    Ok(IpcWriteOptions::default().try_with_compression(compression)?)
}

/// One slot being written.
pub(super) struct SlotWriter {
    schema: SchemaRef,
    full: BatchCoalescer,
    encoding: IpcWriteOptions,
    stream: Option<StreamWriter<Vec<u8>>>,
    /// Where its bytes are in the spill file.
    spilled: Vec<(u64, u64)>,
    rows: u64,
    /// Bytes that have left `stream`.
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
        let full = BatchCoalescer::new(SchemaRef::clone(&schema), batch_rows);
        Self { schema, full, encoding, stream: None, spilled: Vec::new(), rows: 0, gone: 0 }
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
        self.full.push_batch(batch)?;
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
        let offset = self.len();
        if self.stream.is_none() {
            let options = self.encoding.clone();
            let writer = StreamWriter::try_new_with_options(Vec::new(), &self.schema, options)?;
            self.stream = Some(writer);
        }
        // The schema comes before the first batch and is not part of it.
        let start = if offset == 0 { self.len() } else { offset };
        if let Some(stream) = &mut self.stream {
            stream.write(&batch)?;
        }
        Ok(Encoded { offset: start, len: self.len() - start, batch })
    }

    /// Encodes what is left and ends the stream.
    pub(super) fn finish(&mut self) -> Result<Vec<Encoded>> {
        self.full.finish_buffered_batch()?;
        let encoded = self.take_completed()?;
        if let Some(stream) = &mut self.stream {
            stream.finish()?;
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
        self.stream.as_ref().map_or(0, |stream| stream.get_ref().len())
    }

    /// Rows in memory that are not encoded yet.
    pub(super) fn waiting(&self) -> usize {
        self.full.get_buffered_rows()
    }

    /// Takes the encoded bytes out.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let bytes = self.stream.as_mut().map(|stream| std::mem::take(stream.get_mut()));
        let bytes = bytes.unwrap_or_default();
        self.gone += bytes.len() as u64;
        bytes
    }

    /// Moves the encoded bytes to the spill file.
    pub(super) fn spill(&mut self, spill: &mut Spill) -> std::io::Result<()> {
        let bytes = self.take();
        if !bytes.is_empty() {
            self.spilled.push((spill.append(&bytes)?, bytes.len() as u64));
        }
        Ok(())
    }

    pub(super) fn spilled(&self) -> &[(u64, u64)] {
        &self.spilled
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

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<u64> {
        let at = self.len;
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
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
