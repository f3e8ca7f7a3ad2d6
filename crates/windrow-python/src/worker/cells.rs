//! The bytes of a Python buffer, read while the interpreter's lock is held.
#![allow(unsafe_code)]

use pyo3::buffer::ReadOnlyCell;

/// The bytes behind cells that only Python code could write to.
pub(super) fn bytes(cells: &[ReadOnlyCell<u8>]) -> &[u8] {
    // SAFETY: a `ReadOnlyCell<u8>` is a transparent wrapper of a byte. The callers hold the
    // interpreter's lock while they copy the bytes, so that no Python code writes to them; native
    // code that does so without the lock would race with any reader, pickle's own included.
    unsafe { std::slice::from_raw_parts(cells.as_ptr().cast::<u8>(), cells.len()) }
}
