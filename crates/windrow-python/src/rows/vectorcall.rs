//! Calls with a number of arguments that is known only at run time, without making a tuple.
#![allow(unsafe_code)]

use pyo3::ffi;
use pyo3::prelude::*;

/// Whether nobody but us holds `object`.
#[inline]
pub(super) fn is_sole_reference(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: `object` is alive and the interpreter's lock is held.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) == 1 }
}

/// Arguments of a call; the place before the first is for the callee to use (PEP 590), which saves
/// bound methods a copy.
pub(super) struct Arguments<'py> {
    places: Vec<Bound<'py, PyAny>>,
}

impl<'py> Arguments<'py> {
    /// No arguments yet, room for `count`.
    pub(super) fn new(py: Python<'py>, count: usize) -> Self {
        let mut places = Vec::with_capacity(count + 1);
        places.push(py.None().into_bound(py));
        Self { places }
    }

    /// Adds an argument.
    #[inline]
    pub(super) fn push(&mut self, argument: Bound<'py, PyAny>) {
        self.places.push(argument);
    }

    /// The arguments.
    pub(super) fn values(&self) -> &[Bound<'py, PyAny>] {
        &self.places[1..]
    }

    /// Drops the arguments.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.places.truncate(1);
    }

    /// Calls `callable` with the arguments.
    #[inline]
    pub(super) fn call(&mut self, callable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = callable.py();
        let count = self.places.len() - 1;
        // SAFETY: `Bound` is a transparent wrapper of a non-null object pointer, so the vector is an
        // array of `count + 1` of them; the call borrows those after the first, and may write to
        // the first while it runs but restores it. The result is a new reference or null with an
        // exception set.
        unsafe {
            let arguments = self.places.as_mut_ptr().cast::<*mut ffi::PyObject>().add(1);
            let flag = ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
            let result = ffi::PyObject_Vectorcall(
                callable.as_ptr(),
                arguments.cast_const(),
                count | flag,
                std::ptr::null_mut(),
            );
            Bound::from_owned_ptr_or_err(py, result)
        }
    }
}
