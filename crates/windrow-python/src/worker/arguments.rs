//! Received buffers as Python objects: pickled arguments are loaded from them without a copy.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ptr;

use arrow::buffer::Buffer;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Bytes that were received, with Python's buffer protocol. They stay as long as any view of them.
#[pyclass(frozen, module = "windrow._native")]
pub(crate) struct SharedBytes {
    buffer: Buffer,
}

impl SharedBytes {
    pub(crate) fn new(buffer: Buffer) -> Self {
        Self { buffer }
    }
}

#[pymethods]
impl SharedBytes {
    fn __len__(&self) -> usize {
        self.buffer.len()
    }

    /// Fills a view of the bytes; they are writable, because the mapping is private to this process.
    unsafe fn __getbuffer__(
        slf: &Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let buffer = &slf.get().buffer;
        let length =
            isize::try_from(buffer.len()).map_err(|_| PyBufferError::new_err("buffer too long"))?;
        // SAFETY: `view` is a valid place for a view by the protocol. The bytes live as long as this
        // object, of which the view gets a reference. Nothing in Rust reads the bytes once they
        // were handed to Python: the frame they came with has been taken apart.
        let result = unsafe {
            let start = buffer.as_ptr().cast_mut().cast::<c_void>();
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, length, 0, flags)
        };
        if result == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }

    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: `view` was filled by `__getbuffer__`, which allocates nothing for it.
        unsafe { (*view).internal = ptr::null_mut() }
    }
}
