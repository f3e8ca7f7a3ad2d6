//! Pickling with large buffers apart: plain pickle first, because it is fast.

use pyo3::buffer::PyBuffer;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList};

/// A pickle and its out-of-band buffers.
pub(crate) type Pickled<'py> = (Bound<'py, PyBytes>, Vec<PyBuffer<u8>>);

/// Pickles arguments, in the driver.
pub(crate) fn arguments<'py>(value: &Bound<'py, PyAny>) -> PyResult<Pickled<'py>> {
    static BY_VALUE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match plain(value)? {
        Some(pickled) => Ok(pickled),
        None => by_value(value, BY_VALUE.import(value.py(), MODULE, "dumps_by_value")?),
    }
}

/// Pickles a result, in a worker.
pub(crate) fn result<'py>(value: &Bound<'py, PyAny>) -> PyResult<Pickled<'py>> {
    static BY_VALUE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match plain(value)? {
        Some(pickled) => Ok(pickled),
        None => by_value(value, BY_VALUE.import(value.py(), MODULE, "dumps_result")?),
    }
}

const MODULE: &str = "windrow._worker.pickling";

fn by_value<'py>(value: &Bound<'py, PyAny>, dumps: &Bound<'py, PyAny>) -> PyResult<Pickled<'py>> {
    let (pickled, buffers): (Bound<'py, PyAny>, Vec<PyBuffer<u8>>) =
        dumps.call1((value,))?.extract()?;
    Ok((pickled.cast_into()?, buffers))
}

/// What plain pickle makes of it; `None` when it cannot, or when it names what only the process has
/// that made it.
fn plain<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Pickled<'py>>> {
    let py = value.py();
    static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let buffers = PyList::empty(py);
    let options = PyDict::new(py);
    options.set_item(intern!(py, "protocol"), 5)?;
    options.set_item(intern!(py, "buffer_callback"), buffers.getattr(intern!(py, "append"))?)?;
    let Ok(pickled) = DUMPS.import(py, "_pickle", "dumps")?.call((value,), Some(&options)) else {
        return Ok(None);
    };
    let pickled = pickled.cast_into::<PyBytes>()?;
    if pickled.contains(PyBytes::new(py, b"__main__"))? {
        return Ok(None);
    }
    let raw = |buffer: Bound<'py, PyAny>| -> PyResult<PyBuffer<u8>> {
        PyBuffer::get(&buffer.call_method0(intern!(py, "raw"))?)
    };
    let Ok(buffers) = buffers.iter().map(raw).collect::<PyResult<Vec<_>>>() else {
        // A buffer that is not contiguous: by value, it is made so.
        return Ok(None);
    };
    Ok(Some((pickled, buffers)))
}
