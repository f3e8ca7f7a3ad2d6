//! Loops over lanes, compiled for the widest vectors that this processor has.

use fearless_simd::{Level, Simd, dispatch};

fn wide<R>(work: impl FnOnce() -> R) -> R {
    dispatch!(Level::new(), simd => simd.vectorize(work))
}

/// `f` of every lane.
pub(crate) fn unary<A: Copy, T>(a: &[A], out: &mut [T], f: impl Fn(A) -> T) {
    wide(|| {
        for (out, &a) in out.iter_mut().zip(a) {
            *out = f(a);
        }
    });
}

/// `f` of every pair of lanes.
pub(crate) fn binary<A: Copy, B: Copy, T>(a: &[A], b: &[B], out: &mut [T], f: impl Fn(A, B) -> T) {
    wide(|| {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = f(a, b);
        }
    });
}

/// `f` of every lane; whether it was wrong for any.
pub(crate) fn checked<A: Copy, T>(a: &[A], out: &mut [T], f: impl Fn(A) -> (T, bool)) -> bool {
    wide(|| {
        let mut wrong = false;
        for (out, &a) in out.iter_mut().zip(a) {
            let (value, fault) = f(a);
            *out = value;
            wrong |= fault;
        }
        wrong
    })
}

/// `f` of every pair of lanes; whether it was wrong for any.
pub(crate) fn checked_pairs<A: Copy, B: Copy, T>(
    a: &[A],
    b: &[B],
    out: &mut [T],
    f: impl Fn(A, B) -> (T, bool),
) -> bool {
    wide(|| {
        let mut wrong = false;
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            let (value, fault) = f(a, b);
            *out = value;
            wrong |= fault;
        }
        wrong
    })
}

/// Whether `f` holds for any lane; all are looked at.
pub(crate) fn any<A: Copy>(a: &[A], f: impl Fn(A) -> bool) -> bool {
    wide(|| a.iter().fold(false, |found, &a| found | f(a)))
}

/// Writes `code` for the lanes that have not left, count and fault; whether there are any.
pub(crate) fn leave(exit: &mut [u8], faults: &[u8], mask: Option<&[u8]>, code: u8) -> bool {
    wide(|| {
        let mut left = false;
        let mut one = |exit: &mut u8, leaves: bool| {
            let leaves = leaves & (*exit == 0);
            *exit = if leaves { code } else { *exit };
            left |= leaves;
        };
        match mask {
            None => exit.iter_mut().zip(faults).for_each(|(exit, &fault)| one(exit, fault != 0)),
            Some(mask) => {
                for ((exit, &fault), &counts) in exit.iter_mut().zip(faults).zip(mask) {
                    one(exit, (fault != 0) & (counts != 0));
                }
            }
        }
        left
    })
}

/// `left` where the condition is 1, else `right`.
pub(crate) fn choose<T: Copy>(condition: &[u8], left: &[T], right: &[T], out: &mut [T]) {
    wide(|| {
        for ((out, &c), (&a, &b)) in out.iter_mut().zip(condition).zip(left.iter().zip(right)) {
            *out = if c != 0 { a } else { b };
        }
    });
}

/// The same of bytes by bit masks.
pub(crate) fn choose_bytes(condition: &[u8], left: &[u8], right: &[u8], out: &mut [u8]) {
    wide(|| {
        for ((out, &c), (&a, &b)) in out.iter_mut().zip(condition).zip(left.iter().zip(right)) {
            let mask = c.wrapping_neg();
            *out = (a & mask) | (b & !mask);
        }
    });
}

/// The same of integers by bit masks: no branches, whatever the condition.
pub(crate) fn choose_bits(condition: &[u8], left: &[i64], right: &[i64], out: &mut [i64]) {
    wide(|| {
        for ((out, &c), (&a, &b)) in out.iter_mut().zip(condition).zip(left.iter().zip(right)) {
            let mask = -i64::from(c);
            *out = (a & mask) | (b & !mask);
        }
    });
}

/// One byte, 0 or 1, for each bit of 64-bit words, the lowest first.
pub(crate) fn spread_all(words: impl Iterator<Item = u64>, out: &mut [[u8; 64]]) {
    wide(|| {
        for (out, word) in out.iter_mut().zip(words) {
            for (lanes, byte) in out.as_chunks_mut::<8>().0.iter_mut().zip(word.to_le_bytes()) {
                *lanes = spread(byte).to_le_bytes();
            }
        }
    });
}

/// Each bit of a byte in a byte of its own: all get a copy of the byte, keep their bit, and an
/// addition carries what is not zero into the bit that becomes the lowest.
fn spread(byte: u8) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let own = (u64::from(byte) * EACH) & 0x8040_2010_0804_0201;
    ((own + EACH * 0x7f) >> 7) & EACH
}
