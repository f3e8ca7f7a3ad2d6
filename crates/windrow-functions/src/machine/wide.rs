//! Loops over lanes, compiled for the widest vectors that this processor has.

use pulp::{Arch, Simd, WithSimd};

struct Work<F>(F);

impl<R, F: FnOnce() -> R> WithSimd for Work<F> {
    type Output = R;

    // Only what is inlined here is compiled for these vectors.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> R {
        (self.0)()
    }
}

fn wide<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(Work(work))
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
