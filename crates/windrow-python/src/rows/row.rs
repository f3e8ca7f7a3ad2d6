//! The row object that a function of whole rows gets: a view of one row of a batch that reads only
//! the columns that are asked for, and is a pandas Series for everything else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFrozenSet, PyIterator, PyList, PyString, PyTuple};

use super::columns::Column;
use super::failure::describe;
use super::vectorcall::is_sole_reference;

/// Columns up to this number are looked for one by one, by the identity of their names.
const FEW: usize = 12;

/// The columns of a batch and what its rows share.
pub(super) struct RowBatch {
    pub(super) columns: Vec<Column>,
    pub(super) names: Vec<String>,
    pub(super) first_row: u64,
    /// The names as interned Python strings, in order.
    labels: Vec<Py<PyString>>,
    /// For each column, whether `row.name` may mean it: pandas' own attributes win.
    is_attribute: Vec<bool>,
    /// Position by name; of names that occur twice the row is asked through pandas.
    positions: Py<PyDict>,
    has_twins: bool,
}

impl RowBatch {
    pub(super) fn new(
        py: Python<'_>,
        columns: Vec<Column>,
        names: Vec<String>,
        first_row: u64,
    ) -> PyResult<Self> {
        let positions = PyDict::new(py);
        let mut labels = Vec::with_capacity(names.len());
        let mut is_attribute = Vec::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            let label = PyString::intern(py, name);
            is_attribute.push(!series_attributes(py)?.contains(&label)? && !name.starts_with("__"));
            positions.set_item(&label, position)?;
            labels.push(label.unbind());
        }
        let has_twins = positions.len() < names.len();
        let positions = positions.unbind();
        Ok(Self { columns, names, first_row, labels, is_attribute, positions, has_twins })
    }

    /// Names and short reprs of the values of a row.
    pub(super) fn describe(&self, py: Python<'_>, row: usize) -> Vec<(String, String)> {
        describe(&self.names, self.columns.iter().map_while(|column| column.get(py, row).ok()))
    }

    /// The position of the column named `key`.
    #[inline]
    fn position(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        if self.has_twins {
            return Ok(None);
        }
        for (position, label) in self.labels.iter().enumerate().take(FEW) {
            if label.is(key) {
                return Ok(Some(position));
            }
        }
        match self.positions.bind(py).get_item(key)? {
            Some(position) => Ok(Some(position.extract()?)),
            None => Ok(None),
        }
    }
}

/// Names that mean pandas' own attributes.
fn series_attributes(py: Python<'_>) -> PyResult<&Bound<'_, PyFrozenSet>> {
    static NAMES: PyOnceLock<Py<PyFrozenSet>> = PyOnceLock::new();
    let names = NAMES.get_or_try_init(py, || -> PyResult<Py<PyFrozenSet>> {
        let module = py.import("windrow._worker.series_names")?;
        Ok(module.getattr("SERIES_ATTRIBUTES")?.cast_into::<PyFrozenSet>()?.unbind())
    })?;
    Ok(names.bind(py))
}

/// One row: `row["a"]`, `row.a`, `row.get("a")`, iteration over values, and all of `pandas.Series`.
#[pyclass(frozen, mapping, weakref, module = "windrow._native")]
pub(crate) struct Row {
    batch: Arc<RowBatch>,
    row: AtomicUsize,
    /// Whether `series` is there: it then holds the values, which may have been changed.
    is_series: std::sync::atomic::AtomicBool,
    series: Mutex<Option<Py<PyAny>>>,
}

impl Row {
    pub(super) fn make<'py>(
        py: Python<'py>,
        batch: &Arc<RowBatch>,
        row: usize,
    ) -> PyResult<Bound<'py, Self>> {
        let object = Self {
            batch: Arc::clone(batch),
            row: AtomicUsize::new(row),
            is_series: std::sync::atomic::AtomicBool::new(false),
            series: Mutex::new(None),
        };
        Bound::new(py, object)
    }

    /// Points the object at the next row, if nobody else holds it.
    #[inline]
    pub(super) fn reuse(object: &Bound<'_, Self>, row: usize) -> bool {
        let this = object.get();
        if !is_sole_reference(object.as_any()) || this.is_series.load(Ordering::Relaxed) {
            return false;
        }
        this.row.store(row, Ordering::Relaxed);
        true
    }

    /// The column whose name is the very object `key`, as names in source code are.
    #[inline]
    pub(super) fn position_by_identity(&self, key: *mut pyo3::ffi::PyObject) -> Option<usize> {
        if !self.is_plain() || self.batch.has_twins {
            return None;
        }
        self.batch.labels.iter().take(FEW).position(|label| label.as_ptr() == key)
    }

    /// The same for `row.name`, which pandas' own attributes come before.
    #[inline]
    pub(super) fn attribute_by_identity(&self, name: *mut pyo3::ffi::PyObject) -> Option<usize> {
        let position = self.position_by_identity(name)?;
        self.batch.is_attribute[position].then_some(position)
    }

    #[inline]
    pub(super) fn value<'py>(
        &self,
        py: Python<'py>,
        position: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.batch.columns[position].get(py, self.row.load(Ordering::Relaxed))
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        (0..self.batch.columns.len()).map(|position| self.value(py, position)).collect()
    }

    fn ordinal(&self) -> u64 {
        self.batch.first_row + self.row.load(Ordering::Relaxed) as u64
    }

    /// The row as a pandas Series, made on first use and kept: changes of it are changes of the row.
    fn series<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let known = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.as_ref() {
            return Ok(series.bind(py).clone());
        }
        // Not held while Python runs: another thread may want it.
        drop(known);
        let labels = PyList::new(py, self.batch.labels.iter().map(|label| label.bind(py)))?;
        let values = PyList::new(py, self.values(py)?)?;
        let helpers = py.import("windrow._worker.batches")?;
        let series = helpers.call_method1("series", (values, labels, self.ordinal()))?;
        let mut known = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let series = known.get_or_insert_with(|| series.unbind()).bind(py).clone();
        self.is_series.store(true, Ordering::Release);
        Ok(series)
    }

    #[inline]
    fn is_plain(&self) -> bool {
        !self.is_series.load(Ordering::Acquire)
    }

    fn through_series<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        argument: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let operators = py.import("operator")?;
        operators.call_method1(method, (self.series(py)?, plain_operand(argument)?))
    }

    fn through_series_reversed<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        argument: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let operators = py.import("operator")?;
        operators.call_method1(method, (plain_operand(argument)?, self.series(py)?))
    }
}

/// The other operand, as a Series if it is a row too.
fn plain_operand<'py>(argument: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match argument.cast::<Row>() {
        Ok(row) => row.get().series(argument.py()),
        Err(_) => Ok(argument.clone()),
    }
}

#[pymethods]
impl Row {
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if self.is_plain() {
            if key.is_instance_of::<PyString>() {
                if let Some(position) = self.batch.position(py, key)? {
                    return self.value(py, position);
                }
                if !self.batch.has_twins {
                    return Err(PyKeyError::new_err(key.clone().unbind()));
                }
            } else if key.extract::<i64>().is_ok() {
                // Labels are names: a number is none of them, as in pandas.
                return Err(PyKeyError::new_err(key.clone().unbind()));
            }
        }
        self.series(py)?.get_item(key)
    }

    fn __setitem__(
        &self,
        py: Python<'_>,
        key: Bound<'_, PyAny>,
        value: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.series(py)?.set_item(key, value)
    }

    fn __getattribute__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        if let Some(position) = this.batch.position(py, name)?
            && this.batch.is_attribute[position]
        {
            return if this.is_plain() {
                this.value(py, position)
            } else {
                this.series(py)?.getattr(name)
            };
        }
        match name.to_str()? {
            "name" if this.is_plain() => Ok(this.ordinal().into_pyobject(py)?.into_any()),
            "get" | "items" | "to_dict" => generic_getattr(slf, name),
            _ => this.series(py)?.getattr(name),
        }
    }

    /// Called when the above raises an `AttributeError`: pandas words it.
    fn __getattr__<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.series(py)?.getattr(name)
    }

    fn __setattr__(
        &self,
        py: Python<'_>,
        name: Bound<'_, PyString>,
        value: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.series(py)?.setattr(name, value)
    }

    /// The value of a column, or `default` where there is no such column.
    #[pyo3(signature = (key, default = None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let default = default.unwrap_or_else(|| py.None().into_bound(py));
        if !self.is_plain() || self.batch.has_twins {
            return self.series(py)?.call_method1("get", (key, default));
        }
        match self.batch.position(py, key)? {
            Some(position) => self.value(py, position),
            None => Ok(default),
        }
    }

    /// Pairs of name and value.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if !self.is_plain() {
            return self.series(py)?.call_method0("items");
        }
        let pairs = self.batch.labels.iter().zip(self.values(py)?);
        let pairs: PyResult<Vec<_>> = pairs
            .map(|(label, value)| PyTuple::new(py, [label.bind(py).as_any(), &value]))
            .collect();
        Ok(PyIterator::from_object(PyList::new(py, pairs?)?.as_any())?.into_any())
    }

    /// A dict of the values by name.
    #[pyo3(signature = (*, into = None))]
    fn to_dict<'py>(
        &self,
        py: Python<'py>,
        into: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !self.is_plain() || into.is_some() {
            let options = PyDict::new(py);
            if let Some(into) = into {
                options.set_item("into", into)?;
            }
            return self.series(py)?.call_method("to_dict", (), Some(&options));
        }
        let dict = PyDict::new(py);
        for (label, value) in self.batch.labels.iter().zip(self.values(py)?) {
            dict.set_item(label, value)?;
        }
        Ok(dict.into_any())
    }

    fn __contains__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        if self.is_plain() && key.is_instance_of::<PyString>() {
            return self.batch.positions.bind(py).contains(key);
        }
        self.series(py)?.contains(key)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        if self.is_plain() { Ok(self.batch.columns.len()) } else { self.series(py)?.len() }
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        if !self.is_plain() {
            return self.series(py)?.try_iter();
        }
        PyIterator::from_object(PyList::new(py, self.values(py)?)?.as_any())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<Py<PyString>> {
        Ok(self.series(py)?.repr()?.unbind())
    }

    fn __richcmp__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
        operator: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.series(py)?.rich_compare(plain_operand(other)?, operator)
    }

    fn __hash__(&self) -> PyResult<isize> {
        Err(PyTypeError::new_err("unhashable type: 'Series'"))
    }

    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        self.series(py)?.is_truthy()
    }

    #[pyo3(signature = (*args, **options))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.series(py)?.call_method("__array__", args, options)
    }

    fn __neg__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.series(py)?.neg()
    }

    fn __abs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.series(py)?.abs()
    }

    fn __invert__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.series(py)?.bitnot()
    }

    fn __add__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series(py, "add", other)
    }

    fn __radd__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series_reversed(py, "add", other)
    }

    fn __sub__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series(py, "sub", other)
    }

    fn __rsub__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series_reversed(py, "sub", other)
    }

    fn __mul__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series(py, "mul", other)
    }

    fn __rmul__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series_reversed(py, "mul", other)
    }

    fn __truediv__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series(py, "truediv", other)
    }

    fn __rtruediv__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series_reversed(py, "truediv", other)
    }

    fn __and__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series(py, "and_", other)
    }

    fn __or__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.through_series(py, "or_", other)
    }
}

/// The attribute as an ordinary class would give it.
fn generic_getattr<'py>(
    slf: &Bound<'py, Row>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    // `object.__getattribute__`, so that the slot above is not asked again.
    static GENERIC: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = slf.py();
    let generic = GENERIC.get_or_try_init(py, || -> PyResult<Py<PyAny>> {
        Ok(py.import("builtins")?.getattr("object")?.getattr("__getattribute__")?.unbind())
    })?;
    generic.bind(py).call1((slf, name))
}
