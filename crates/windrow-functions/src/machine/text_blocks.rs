//! Changing case for a whole block at once: its texts are put one behind the other, so that the
//! work is done on long runs of bytes.

use bumpalo::Bump;

use crate::ir::TextMap;
use crate::kernel::letters;

/// The lanes that an operation is for, and what comes of them.
pub(crate) struct Block<'r, 'a> {
    pub(crate) texts: &'r [&'a str],
    pub(crate) mask: Option<&'r [u8]>,
    /// The exit of a lane that leaves.
    pub(crate) code: u8,
}

impl<'a> Block<'_, 'a> {
    /// `lower()` or `upper()` of every lane; whether any leaves.
    pub(crate) fn change_case(
        &self,
        map: TextMap,
        arena: &'a Bump,
        scratch: &mut String,
        (exit, out): (&mut [u8], &mut [&'a str]),
    ) -> bool {
        let counts = |lane: usize, exit: &[u8]| {
            exit[lane] == 0 && self.mask.is_none_or(|mask| mask[lane] != 0)
        };
        let length = self.texts.iter().map(|text| text.len()).sum();
        let mut joined = bumpalo::collections::String::with_capacity_in(length, arena);
        for (lane, text) in self.texts.iter().enumerate() {
            if counts(lane, exit) {
                joined.push_str(text);
            }
        }
        match map {
            TextMap::Lower => joined.make_ascii_lowercase(),
            _ => joined.make_ascii_uppercase(),
        }
        let changed: &'a str = joined.into_bump_str();
        let (ascii, mut at, mut any_left) = (changed.is_ascii(), 0, false);
        for (lane, (text, out)) in self.texts.iter().zip(out.iter_mut()).enumerate() {
            *out = "";
            if !counts(lane, exit) {
                continue;
            }
            let end = at + text.len();
            if ascii || text.is_ascii() {
                *out = changed.get(at..end).unwrap_or("");
            } else {
                scratch.clear();
                let known = match map {
                    TextMap::Lower => letters::lower(text, scratch),
                    _ => letters::upper(text, scratch),
                };
                if known {
                    *out = arena.alloc_str(scratch);
                } else {
                    exit[lane] = self.code;
                    any_left = true;
                }
            }
            at = end;
        }
        any_left
    }
}
