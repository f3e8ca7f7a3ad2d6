//! Lines of bytes: cutting a file at line ends, and taking lines out of chunks.

use std::ops::Range;

use super::bytes::StoredFile;
use super::fault::ReadError;

/// The UTF-8 byte order mark, which some programs put before text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The range of the whole lines that *start* in `range`.
///
/// A line starts at 0 or after a `\n`, so the ranges of a file, laid side by side, hold each line once:
/// a line that crosses a border belongs to the range in which it starts.
pub(crate) async fn whole_lines(
    file: &StoredFile,
    range: Range<u64>,
) -> Result<Range<u64>, ReadError> {
    let start = first_line_start(file, range.start).await?;
    let end = first_line_start(file, range.end).await?;
    Ok(start..end)
}

/// The first line start at or after `offset`; the file's size if there is none.
async fn first_line_start(file: &StoredFile, offset: u64) -> Result<u64, ReadError> {
    let size = file.file.meta.size;
    if offset == 0 || offset >= size {
        return Ok(offset.min(size));
    }
    let mut at = offset - 1;
    let mut window = 4 * 1024;
    while at < size {
        let bytes = file.range(at..(at + window).min(size)).await?;
        if bytes.is_empty() {
            break;
        }
        if let Some(found) = memchr::memchr(b'\n', &bytes) {
            return Ok(at + found as u64 + 1);
        }
        at += bytes.len() as u64;
        window = (window * 4).min(8 * 1024 * 1024);
    }
    Ok(size)
}

/// Chunks on one side, lines on the other.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    /// Where the next line starts.
    next: usize,
    /// No `\n` between `next` and here.
    searched: usize,
}

impl LineBuffer {
    /// Takes in more bytes; lines handed out before are gone.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.next);
        self.searched -= self.next;
        self.next = 0;
        self.bytes.extend_from_slice(chunk);
    }

    /// The next line without its end (`\n` or `\r\n`), as a range of `bytes()`; None when more bytes are needed.
    ///
    /// With `last`, the rest without a line end is a line too, unless it is empty.
    pub(crate) fn next_line(&mut self, last: bool) -> Option<Range<usize>> {
        let start = self.next;
        match memchr::memchr(b'\n', &self.bytes[self.searched..]) {
            Some(found) => {
                let end = self.searched + found;
                self.next = end + 1;
                self.searched = self.next;
                let carriage = end > start && self.bytes[end - 1] == b'\r';
                Some(start..end - usize::from(carriage))
            }
            None => {
                self.searched = self.bytes.len();
                if !last || start == self.bytes.len() {
                    return None;
                }
                self.next = self.bytes.len();
                Some(start..self.next)
            }
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &[u8], chunk: usize) -> Vec<Vec<u8>> {
        let mut buffer = LineBuffer::default();
        let mut found = Vec::new();
        for piece in text.chunks(chunk) {
            buffer.push(piece);
            while let Some(line) = buffer.next_line(false) {
                found.push(buffer.bytes()[line].to_vec());
            }
        }
        while let Some(line) = buffer.next_line(true) {
            found.push(buffer.bytes()[line].to_vec());
        }
        found
    }

    #[test]
    fn ends_are_exact() {
        assert_eq!(lines(b"a\r\n\nb\n", 100), [b"a".to_vec(), vec![], b"b".to_vec()]);
        assert_eq!(lines(b"a\nb", 100), [b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(lines(b"", 100), Vec::<Vec<u8>>::new());
        assert_eq!(lines(b"a\n\n", 100), [b"a".to_vec(), vec![]]);
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(text in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'\n'), Just(b'\r')], 0..60), chunk in 1..10_usize) {
            prop_assert_eq!(lines(&text, chunk), lines(&text, 1000));
        }
    }
}
