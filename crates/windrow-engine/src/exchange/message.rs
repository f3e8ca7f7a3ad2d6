//! Batches of an Arrow IPC stream, each in memory of its own.
//!
//! A decoder gives rows that point into the bytes which it was given. Were those the bytes of many
//! messages, a few rows would keep all of them, and each batch would be counted as large as all. So
//! it is given a message at a time, and those that are small beside what is read at once are copied.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::root_as_message;
use bytes::{Buf, Bytes};

/// Before a message: a mark, and the length of what describes it.
const PREFIX: usize = 8;
const MARK: [u8; 4] = [0xff; 4];
/// Memory that is asked for before bytes are there: a damaged length may be any.
const AHEAD: usize = 64 << 20;

/// Messages that are longer than this stay where they were read; shorter ones are copied.
pub(super) const LARGE: usize = 256 << 10;

/// The end of a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Gives the batches of a stream whose bytes come in pieces, which end anywhere.
#[derive(Default)]
pub(super) struct Batches {
    messages: Messages,
    decoder: StreamDecoder,
    /// What is left of the message that is decoded.
    message: Buffer,
}

impl Batches {
    /// Takes more bytes in.
    pub(super) fn push(&mut self, more: Bytes) {
        self.messages.push(more);
    }

    /// The next batch, if all of it is there.
    ///
    /// # Errors
    /// Bytes that are no stream.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        loop {
            // A batch without bytes comes when the message after it begins, which is then left.
            if self.message.is_empty() {
                let Some(message) = self.messages.next() else { return Ok(None) };
                self.message = message;
            }
            if let Some(batch) = self.decoder.decode(&mut self.message)? {
                return Ok(Some(batch));
            }
        }
    }

    /// Takes the stream's end for said, where only a part of it was read; gives what was left.
    ///
    /// # Errors
    /// Bytes that are no stream, or end within a message.
    pub(super) fn end(mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if !self.messages.is_done() {
            return Err(ArrowError::IpcError("a stream ends within a message".to_owned()));
        }
        self.push(Bytes::from_static(&END));
        self.next()
    }

    /// Whether the stream has ended with what was pushed.
    pub(super) fn is_ended(&mut self) -> bool {
        self.messages.is_done() && self.decoder.finish().is_ok()
    }
}

/// Cuts bytes, as they come, into messages.
#[derive(Default)]
struct Messages {
    bytes: Bytes,
    /// A message whose end has not come yet, and its length.
    begun: Option<(Vec<u8>, usize)>,
}

impl Messages {
    fn push(&mut self, more: Bytes) {
        self.bytes = match self.bytes.is_empty() {
            true => more,
            false => [&self.bytes[..], &more[..]].concat().into(),
        };
    }

    /// The next message, if it is there whole.
    fn next(&mut self) -> Option<Buffer> {
        if self.begun.is_none() {
            let len = length(&self.bytes)?;
            if len > LARGE && len <= self.bytes.len() {
                return Some(self.bytes.split_to(len).into());
            }
            self.begun = Some((Vec::with_capacity(len.min(AHEAD)), len));
        }
        let (begun, len) = self.begun.as_mut()?;
        let more = self.bytes.len().min(*len - begun.len());
        begun.extend_from_slice(&self.bytes[..more]);
        self.bytes.advance(more);
        if begun.len() < *len {
            return None;
        }
        self.begun.take().map(|(message, _)| Buffer::from(message))
    }

    /// Whether no message has begun that is not there whole.
    fn is_done(&self) -> bool {
        self.begun.is_none() && self.bytes.is_empty()
    }
}

/// The length of the message at the start of `bytes`, if so much of it is there that it can be known.
/// What is no message is as long as it is: a decoder finds that out.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.first_chunk::<PREFIX>()?;
    let (mark, size) = head.split_first_chunk::<4>()?;
    let described = u32::from_le_bytes(size.try_into().ok()?) as usize;
    if *mark != MARK {
        return Some(bytes.len());
    }
    if described == 0 {
        return Some(PREFIX);
    }
    let description = bytes.get(PREFIX..PREFIX + described)?;
    let body = root_as_message(description).ok().and_then(|message| {
        let body = usize::try_from(message.bodyLength()).ok()?;
        PREFIX.checked_add(described)?.checked_add(body)
    });
    Some(body.unwrap_or(bytes.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch, StringViewArray};
    use arrow::ipc::writer::StreamWriter;
    use bytes::Bytes;
    use datafusion::common::utils::memory::get_record_batch_memory_size;

    use super::{Batches, LARGE};

    fn batch(rows: i64) -> RecordBatch {
        let keys: Int64Array = (0..rows).collect();
        let texts: StringViewArray =
            (0..rows).map(|row| Some("text ".repeat(usize::try_from(row).unwrap()))).collect();
        RecordBatch::try_from_iter([("key", Arc::new(keys) as _), ("text", Arc::new(texts) as _)])
            .unwrap()
    }

    fn stream(batches: &[RecordBatch]) -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.into_inner().unwrap()
    }

    /// The batches of a stream whose bytes come so many at a time, and whether it has ended.
    fn decoded(bytes: &[u8], step: usize) -> (Vec<RecordBatch>, bool) {
        let (mut batches, mut found) = (Batches::default(), Vec::new());
        for piece in bytes.chunks(step) {
            batches.push(Bytes::copy_from_slice(piece));
            while let Some(batch) = batches.next().unwrap() {
                found.push(batch);
            }
        }
        (found, batches.is_ended())
    }

    #[test]
    fn batches_come_whole_however_their_bytes_are_cut() {
        let batches = [batch(3), batch(0), batch(40), batch(1)];
        let bytes = stream(&batches);
        for step in [1, 7, 8, 64, 333, bytes.len()] {
            assert_eq!(decoded(&bytes, step), (batches.to_vec(), true));
        }
    }

    #[test]
    fn large_batches_are_counted_for_themselves() {
        let batches = [batch(600), batch(3), batch(700)];
        let bytes = stream(&batches);
        let (found, _) = decoded(&bytes, bytes.len());
        assert_eq!(found, batches);
        let sizes: Vec<usize> = found.iter().map(get_record_batch_memory_size).collect();
        assert!(sizes[0] > LARGE && sizes[1] < 8 << 10, "{sizes:?}");
        assert!(sizes.iter().sum::<usize>() <= bytes.len(), "{sizes:?}");
    }

    #[test]
    fn what_ends_within_a_message_is_left() {
        let bytes = stream(&[batch(40)]);
        assert_eq!(decoded(&bytes[..bytes.len() - 100], bytes.len()), (vec![], false));
    }
}
