//! The outputs of a stage, for its readers.
//!
//! ```text
//! ┌───────┬──────────┬───────────┬───────────────────────┬───────────────────────┬ …
//! │ magic │ head len │ head JSON │ slot 0: maps × 28 B   │ slot 1: maps × 28 B   │
//! └───────┴──────────┴───────────┴───────────────────────┴───────────────────────┴ …
//! ```
//!
//! A reader of one slot reads the head and its own section: with 1,000 outputs of 1,000 slots that
//! is about 100 KB of a file of 28 MB.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use windrow_events::StageId;

use crate::hexadecimal;
use crate::outcome::{MapOutput, Slot};

const MAGIC: &[u8; 8] = b"WNDRWMF1";
const PREFIX: usize = 16;
const ENTRY: usize = 28;

/// What a manifest says of a stage as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestHead {
    /// The stage.
    pub stage: StageId,
    /// Its epoch.
    pub epoch: u32,
    /// Slots in each output.
    pub slots: u32,
    /// The outputs in the order of their partitions: object and length in bytes.
    pub outputs: Vec<(String, u64)>,
    /// For sorted runs: the keys at which the readers' ranges meet.
    #[serde(default)]
    pub splits: Vec<Key>,
    /// Where the sections start; not part of the text.
    #[serde(skip)]
    sections: u64,
}

/// A sort key, in a form whose bytes compare as the keys do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(#[serde(with = "hexadecimal")] pub Vec<u8>);

/// The bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError(String);

impl fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of outputs cannot be read: {}", self.0)
    }
}

impl std::error::Error for ManifestError {}

/// The bytes of the manifest of `outputs`, in the order of their partitions.
///
/// # Errors
/// Outputs with different numbers of slots.
pub fn encode(
    (stage, epoch): (StageId, u32),
    outputs: &[&MapOutput],
    splits: Vec<Vec<u8>>,
) -> Result<Vec<u8>, ManifestError> {
    let slots = outputs.first().map_or(0, |output| output.slots.len());
    if outputs.iter().any(|output| output.slots.len() != slots) {
        return Err(ManifestError("outputs of one stage differ in their slots".to_owned()));
    }
    let head = ManifestHead {
        stage,
        epoch,
        slots: u32::try_from(slots).unwrap_or(u32::MAX),
        outputs: outputs.iter().map(|output| (output.object.clone(), output.len)).collect(),
        splits: splits.into_iter().map(Key).collect(),
        sections: 0,
    };
    let text = serde_json::to_vec(&head).map_err(|error| ManifestError(error.to_string()))?;
    let mut bytes = Vec::with_capacity(PREFIX + text.len() + slots * outputs.len() * ENTRY);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&text);
    for slot in 0..slots {
        for output in outputs {
            let Slot { offset, len, rows, crc } = output.slots[slot];
            for number in [offset, len, rows] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&crc.to_le_bytes());
        }
    }
    Ok(bytes)
}

impl ManifestHead {
    /// How many bytes from its start must be read for the head; `prefix` has at least 16.
    ///
    /// # Errors
    /// Bytes that are no manifest.
    pub fn extent(prefix: &[u8]) -> Result<u64, ManifestError> {
        let Some((magic, rest)) = prefix.split_at_checked(MAGIC.len()) else {
            return Err(ManifestError("it is too short".to_owned()));
        };
        if magic != MAGIC {
            return Err(ManifestError("it does not start as one".to_owned()));
        }
        match rest.first_chunk::<8>() {
            Some(len) => Ok(u64::from_le_bytes(*len).saturating_add(PREFIX as u64)),
            None => Err(ManifestError("it is too short".to_owned())),
        }
    }

    /// The head of a manifest; `bytes` are its start, at least as many as [`Self::extent`] says.
    ///
    /// # Errors
    /// Bytes that are no manifest, or too few.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let sections = Self::extent(bytes)?;
        let end = usize::try_from(sections).unwrap_or(usize::MAX);
        let text =
            bytes.get(PREFIX..end).ok_or_else(|| ManifestError("it is cut off".to_owned()))?;
        let head: Self =
            serde_json::from_slice(text).map_err(|error| ManifestError(error.to_string()))?;
        Ok(Self { sections, ..head })
    }

    /// Where the section of a slot is, counted from the start of the manifest.
    #[must_use]
    pub fn section(&self, slot: u32) -> Range<u64> {
        let len = (self.outputs.len() * ENTRY) as u64;
        let start = self.sections + u64::from(slot) * len;
        start..start + len
    }

    /// The slots in a section, in the order of the outputs.
    ///
    /// # Errors
    /// A section that is not as long as it must be.
    pub fn read_section(&self, bytes: &[u8]) -> Result<Vec<Slot>, ManifestError> {
        if bytes.len() != self.outputs.len() * ENTRY {
            return Err(ManifestError("a section is cut off".to_owned()));
        }
        let number = |entry: &[u8], at: usize| {
            entry
                .get(at..)
                .and_then(|rest| rest.first_chunk::<8>())
                .map_or(0, |eight| u64::from_le_bytes(*eight))
        };
        let slot = |entry: &[u8]| Slot {
            offset: number(entry, 0),
            len: number(entry, 8),
            rows: number(entry, 16),
            crc: entry.last_chunk::<4>().map_or(0, |four| u32::from_le_bytes(*four)),
        };
        Ok(bytes.chunks_exact(ENTRY).map(slot).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{ManifestHead, encode};
    use crate::id::AttemptId;
    use crate::outcome::{MapOutput, Slot};
    use windrow_events::StageId;

    fn output(object: &str, slots: u64) -> MapOutput {
        let slot = |at| Slot { offset: at * 10, len: 10, rows: at + 1, crc: 77 };
        MapOutput {
            attempt: AttemptId::default(),
            object: object.to_owned(),
            len: slots * 10,
            slots: (0..slots).map(slot).collect(),
            keys: vec![],
        }
    }

    #[test]
    fn a_reader_finds_its_slots() {
        let (one, two) = (output("one", 3), output("two", 3));
        let Ok(bytes) = encode((StageId(4), 1), &[&one, &two], vec![vec![1, 2]]) else {
            unreachable!()
        };
        let Ok(head) = ManifestHead::decode(&bytes) else { unreachable!() };
        assert_eq!(head.outputs, [("one".to_owned(), 30), ("two".to_owned(), 30)]);
        assert_eq!(head.splits[0].0, [1, 2]);
        let section = head.section(2);
        assert_eq!(section.end, bytes.len() as u64);
        let part = &bytes[section.start as usize..section.end as usize];
        assert_eq!(head.read_section(part), Ok(vec![one.slots[2], two.slots[2]]));
        assert!(head.read_section(&part[1..]).is_err());
        assert!(ManifestHead::decode(&bytes[..20]).is_err());
        assert!(ManifestHead::decode(b"something else entirely").is_err());
        assert!(encode((StageId(4), 1), &[&one, &output("three", 2)], vec![]).is_err());
    }
}
