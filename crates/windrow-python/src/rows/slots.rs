//! Shortcuts past PyO3's entry guards, where they would cost as much as the work itself: reading a
//! value of a row, and an int of a result.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::type_object::PyTypeInfo;

use super::row::Row;

/// The slots that PyO3 made.
struct Made {
    subscript: ffi::binaryfunc,
    getattribute: ffi::getattrofunc,
}

static MADE: OnceLock<Made> = OnceLock::new();

/// Puts the shortcuts in front of `row[...]` and `row.attribute`: three of them make up a third of
/// the time of a small function of a row.
pub(super) fn install(py: Python<'_>) {
    let class = Row::type_object_raw(py);
    // SAFETY: the class was just made, is alive as long as the interpreter, and the lock is held.
    // Both slots are those of `Row`, which cannot be subclassed, so `self` is always a `Row`.
    unsafe {
        let mapping = (*class).tp_as_mapping;
        if mapping.is_null() || MADE.get().is_some() {
            return;
        }
        let (Some(made_subscript), Some(made_getattribute)) =
            ((*mapping).mp_subscript, (*class).tp_getattro)
        else {
            return;
        };
        let made = Made { subscript: made_subscript, getattribute: made_getattribute };
        if MADE.set(made).is_ok() {
            (*mapping).mp_subscript = Some(subscript);
            (*class).tp_getattro = Some(getattribute);
            ffi::PyType_Modified(class);
        }
    }
}

/// `row[key]`.
unsafe extern "C" fn subscript(
    slf: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: called by the interpreter as a slot of `Row`: the lock is held, `slf` is a `Row`.
    unsafe {
        let value = value(slf, |row| row.position_by_identity(key));
        match (value.is_null(), MADE.get()) {
            (true, Some(made)) => (made.subscript)(slf, key),
            _ => value,
        }
    }
}

/// `row.name`.
unsafe extern "C" fn getattribute(
    slf: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let value = value(slf, |row| row.attribute_by_identity(name));
        match (value.is_null(), MADE.get()) {
            (true, Some(made)) => (made.getattribute)(slf, name),
            _ => value,
        }
    }
}

/// A new reference to the value of the column that `find` finds; null, without an exception, when
/// the long way must be gone.
///
/// # Safety
/// The lock is held and `slf` is a `Row`.
#[inline]
unsafe fn value(
    slf: *mut ffi::PyObject,
    find: impl FnOnce(&Row) -> Option<usize>,
) -> *mut ffi::PyObject {
    // SAFETY: by this function's contract; `Row` is frozen, so shared access is always allowed.
    unsafe {
        let py = Python::assume_attached();
        let row = Borrowed::from_ptr(py, slf).cast_unchecked::<Row>();
        let value = find(row.get()).and_then(|position| row.get().value(py, position).ok());
        value.map_or(std::ptr::null_mut(), Bound::into_ptr)
    }
}

/// The value of an `int` that is not of a subclass: `Some(None)` when it is beyond 64 bits.
#[inline]
pub(super) fn exact_int(value: &Bound<'_, PyAny>) -> Option<Option<i64>> {
    // SAFETY: `value` is alive and the lock is held; for an exact int the conversion sets no
    // exception, it only tells of an overflow.
    unsafe {
        if ffi::PyLong_CheckExact(value.as_ptr()) == 0 {
            return None;
        }
        let mut overflow = 0;
        let number = ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow);
        Some((overflow == 0).then_some(number))
    }
}
