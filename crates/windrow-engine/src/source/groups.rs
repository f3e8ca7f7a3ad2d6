//! Cutting files into partitions: contiguous, in order, of about equal size.

use std::ops::Range;

/// Something to be read that may be cut anywhere, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Which file.
    pub(crate) file: usize,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) divisible: bool,
}

/// Part of a file in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) file: usize,
    pub(crate) range: Range<u64>,
}

/// Lays `pieces` end to end and cuts them into at most `count` partitions of at least about `least` bytes.
///
/// ```text
///  file 0        file 1 (.gz)   file 2
///  ├──────────┬──┼──────────────┼───┬─────────────┤
///  partition 0  │ partition 1       │ partition 2
/// ```
/// Every byte is in exactly one slice, and slices are in the order of the files; a piece that cannot be cut
/// goes to the partition that holds its middle.
pub(crate) fn cut(pieces: &[Piece], count: usize, least: u64) -> Vec<Vec<Slice>> {
    let total: u64 = pieces.iter().map(|piece| piece.end - piece.start).sum();
    let most = (total / least.max(1)).max(1);
    let count = (count.max(1) as u64).min(most);
    let border =
        |partition: u64| (u128::from(total) * u128::from(partition) / u128::from(count)) as u64;
    let partition_of = |at: u64| {
        let guess = if total == 0 {
            0
        } else {
            (u128::from(at) * u128::from(count) / u128::from(total)) as u64
        };
        let guess = if at < border(guess) { guess - 1 } else { guess };
        if guess + 1 < count && at >= border(guess + 1) { guess + 1 } else { guess.min(count - 1) }
    };
    let mut partitions: Vec<Vec<Slice>> = vec![Vec::new(); count as usize];
    let mut at = 0_u64;
    for piece in pieces {
        let length = piece.end - piece.start;
        if !piece.divisible || length == 0 {
            push(
                &mut partitions[partition_of(at + length / 2) as usize],
                piece.file,
                piece.start..piece.end,
            );
        } else {
            let mut done = 0;
            while done < length {
                let partition = partition_of(at + done);
                let end = if partition + 1 == count {
                    length
                } else {
                    (border(partition + 1) - at).min(length)
                };
                push(
                    &mut partitions[partition as usize],
                    piece.file,
                    piece.start + done..piece.start + end,
                );
                done = end;
            }
        }
        at += length;
    }
    partitions.retain(|slices| !slices.is_empty());
    partitions
}

/// Adds a slice, joined with the one before if it continues it.
fn push(slices: &mut Vec<Slice>, file: usize, range: Range<u64>) {
    match slices.last_mut() {
        Some(last) if last.file == file && last.range.end == range.start => {
            last.range.end = range.end
        }
        _ => slices.push(Slice { file, range }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn file(file: usize, size: u64, divisible: bool) -> Piece {
        Piece { file, start: 0, end: size, divisible }
    }

    #[test]
    fn one_big_file_is_cut_evenly() {
        let partitions = cut(&[file(0, 100, true)], 4, 1);
        let ranges: Vec<_> = partitions.iter().map(|slices| slices[0].range.clone()).collect();
        assert_eq!(ranges, [0..25, 25..50, 50..75, 75..100]);
    }

    #[test]
    fn small_files_are_grouped() {
        let files: Vec<Piece> = (0..100).map(|number| file(number, 10, true)).collect();
        assert_eq!(cut(&files, 4, 1).len(), 4);
        assert_eq!(cut(&files, 4, 1_000_000).len(), 1);
    }

    proptest! {
        #[test]
        fn every_byte_once_and_in_order(
            sizes in proptest::collection::vec((0..50_u64, any::<bool>()), 0..20),
            count in 1..9_usize,
            least in 1..40_u64,
        ) {
            let pieces: Vec<Piece> =
                sizes.iter().enumerate().map(|(number, (size, divisible))| file(number, *size, *divisible)).collect();
            let partitions = cut(&pieces, count, least);
            prop_assert!(partitions.len() <= count);
            let mut flat = partitions.into_iter().flatten().peekable();
            for piece in pieces {
                let mut at = 0;
                while let Some(slice) = flat.next_if(|slice| slice.file == piece.file) {
                    prop_assert_eq!(slice.range.start, at);
                    prop_assert!(piece.divisible || slice.range.end == piece.end);
                    at = slice.range.end;
                }
                prop_assert_eq!(at, piece.end);
            }
            prop_assert!(flat.next().is_none());
        }
    }
}
