//! Messages of an Arrow IPC stream, each in memory of its own.
//!
//! A decoder gives rows that point into the bytes which it was given. Were those the bytes of many
//! messages, a few rows would keep all of them, and each batch would be counted as large as all.

use arrow::buffer::Buffer;
use arrow::ipc::root_as_message;
use bytes::{Buf, Bytes};

/// Before a message: a mark, and the length of what describes it.
const PREFIX: usize = 8;
const MARK: [u8; 4] = [0xff; 4];
/// Memory that is asked for before bytes are there: a damaged length may be any.
const AHEAD: usize = 64 << 20;

/// Cuts bytes, as they come, into messages.
#[derive(Default)]
pub(super) struct Messages {
    bytes: Bytes,
    /// A message whose end has not come yet, and its length.
    begun: Option<(Vec<u8>, usize)>,
}

impl Messages {
    /// Takes more bytes in.
    pub(super) fn push(&mut self, more: Bytes) {
        self.bytes = match self.bytes.is_empty() {
            true => more,
            false => [&self.bytes[..], &more[..]].concat().into(),
        };
    }

    /// The next message, if it is there whole.
    pub(super) fn next(&mut self) -> Option<Buffer> {
        if self.begun.is_none() {
            let len = length(&self.bytes)?;
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

    /// What is no whole message.
    pub(super) fn rest(&mut self) -> Buffer {
        let (mut rest, _) = self.begun.take().unwrap_or_default();
        rest.extend_from_slice(&std::mem::take(&mut self.bytes));
        Buffer::from(rest)
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
    use arrow::ipc::reader::StreamDecoder;
    use arrow::ipc::writer::StreamWriter;
    use bytes::Bytes;

    use super::Messages;

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

    #[test]
    fn batches_come_whole_however_their_bytes_are_cut() {
        let batches = [batch(3), batch(0), batch(40), batch(1)];
        let bytes = stream(&batches);
        for step in [1, 7, 8, 64, 333, bytes.len()] {
            let (mut messages, mut decoder) = (Messages::default(), StreamDecoder::new());
            let mut found = Vec::new();
            for piece in bytes.chunks(step) {
                messages.push(Bytes::copy_from_slice(piece));
                while let Some(mut message) = messages.next() {
                    while !message.is_empty() {
                        found.extend(decoder.decode(&mut message).unwrap());
                    }
                }
            }
            assert!(messages.rest().is_empty());
            decoder.finish().unwrap();
            assert_eq!(found, batches);
        }
    }

    #[test]
    fn what_ends_within_a_message_is_left() {
        let bytes = stream(&[batch(40)]);
        let mut messages = Messages::default();
        messages.push(Bytes::copy_from_slice(&bytes[..bytes.len() - 100]));
        while messages.next().is_some() {}
        assert!(!messages.rest().is_empty());
    }
}
