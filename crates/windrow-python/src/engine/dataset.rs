//! `Dataset`.

use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow_pyarrow::{FromPyArrow, IntoPyArrow, Table, ToPyArrow};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use windrow_engine::operator::Grouping;
use windrow_engine::plan::{Dataset, Expr, JoinKind, JoinSpec, Node, ScalarValue, SortKey};
use windrow_engine::run::{WriteFormat, WriteOptions};

use super::errors::raised;
use super::expr::{PyExpr, PyFunction};
use super::session::PySession;

/// A lazy plan.
#[pyclass(frozen, name = "Dataset", module = "windrow._native")]
pub(crate) struct PyDataset {
    pub(crate) dataset: Dataset,
    pub(crate) session: Py<PySession>,
}

type Named<'py> = (String, PyRef<'py, PyExpr>);

fn named(columns: &[Named<'_>]) -> Vec<(String, Expr)> {
    columns.iter().map(|(name, expr)| (name.clone(), expr.expr.clone())).collect()
}

impl PyDataset {
    fn then(&self, py: Python<'_>, node: Node) -> Self {
        Self { dataset: self.dataset.then(node), session: self.session.clone_ref(py) }
    }

    /// Runs `work` with the interpreter's lock released.
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl Future<Output = windrow_engine::Result<T>> + Send + 'static,
    ) -> PyResult<T> {
        self.session.get().run(py, work)
    }
}

#[pymethods]
impl PyDataset {
    #[getter]
    fn columns(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let dataset = self.dataset.clone();
        self.session.get().detached(py, move || dataset.columns())
    }

    #[getter]
    fn npartitions(&self) -> usize {
        self.dataset.partitions()
    }

    #[getter]
    fn divisions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self.dataset.divisions() {
            Some(known) => PyTuple::new(py, known),
            None => PyTuple::new(py, vec![None::<i64>; self.dataset.partitions() + 1]),
        }
    }

    #[getter]
    fn steps(&self) -> usize {
        self.dataset.steps()
    }

    fn known_types<'py>(&self, py: Python<'py>) -> PyResult<Vec<Option<Bound<'py, PyAny>>>> {
        if self.dataset.is_typed() {
            let schema = self.resolved(py)?;
            return schema
                .fields()
                .iter()
                .map(|field| Ok(Some(field.data_type().to_pyarrow(py)?)))
                .collect();
        }
        let columns = self.dataset.known_types().map_err(raised)?;
        columns
            .into_iter()
            .map(|known| known.map(|data_type| data_type.to_pyarrow(py)).transpose())
            .collect()
    }

    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.resolved(py)?.to_pyarrow(py)
    }

    fn select(&self, py: Python<'_>, columns: Vec<Named<'_>>) -> Self {
        let node = Node::Select { input: self.dataset.clone(), columns: named(&columns) };
        self.then(py, node)
    }

    fn filter(&self, py: Python<'_>, predicate: &PyExpr) -> Self {
        let node = Node::Filter { input: self.dataset.clone(), predicate: predicate.expr.clone() };
        self.then(py, node)
    }

    fn aggregate(&self, py: Python<'_>, keys: Vec<Named<'_>>, aggregates: Vec<Named<'_>>) -> Self {
        let node = Node::Aggregate {
            input: self.dataset.clone(),
            keys: named(&keys),
            aggregates: named(&aggregates),
        };
        self.then(py, node)
    }

    fn sort(&self, py: Python<'_>, keys: Vec<(PyRef<'_, PyExpr>, bool, bool)>) -> Self {
        let keys = keys
            .iter()
            .map(|(expr, descending, missing_last)| SortKey {
                expr: expr.expr.clone(),
                descending: *descending,
                missing_last: *missing_last,
            })
            .collect();
        self.then(py, Node::Sort { input: self.dataset.clone(), keys })
    }

    #[pyo3(signature = (count, skip=0))]
    fn limit(&self, py: Python<'_>, count: usize, skip: usize) -> Self {
        self.then(py, Node::Limit { input: self.dataset.clone(), skip, count })
    }

    fn distinct(&self, py: Python<'_>) -> Self {
        self.then(py, Node::Distinct { input: self.dataset.clone() })
    }

    #[pyo3(signature = (right, how, left_on, right_on, suffixes, indicator=None))]
    #[allow(clippy::too_many_arguments, reason = "the signature is pandas.merge's")]
    fn join(
        &self,
        py: Python<'_>,
        right: &Self,
        how: &str,
        left_on: Vec<String>,
        right_on: Vec<String>,
        suffixes: (String, String),
        indicator: Option<String>,
    ) -> PyResult<Self> {
        let kind = JoinKind::parse(how).map_err(raised)?;
        let spec = JoinSpec { kind, left_on, right_on, suffixes, indicator };
        let node = Node::Join { left: self.dataset.clone(), right: right.dataset.clone(), spec };
        Ok(self.then(py, node))
    }

    fn union(&self, py: Python<'_>, others: Vec<PyRef<'_, Self>>) -> Self {
        let mut inputs = vec![self.dataset.clone()];
        inputs.extend(others.iter().map(|other| other.dataset.clone()));
        self.then(py, Node::Union { inputs })
    }

    #[pyo3(signature = (function, result_schema=None, groups=None))]
    fn map_partitions(
        &self,
        py: Python<'_>,
        function: &PyFunction,
        result_schema: Option<&Bound<'_, PyAny>>,
        groups: Option<(usize, bool)>,
    ) -> PyResult<Self> {
        let schema = OnceLock::new();
        if let Some(given) = result_schema {
            let _ = schema.set(Arc::new(Schema::from_pyarrow_bound(given)?));
        }
        let function = Arc::clone(&function.function);
        let grouping = groups.map(|(keys, missing)| Grouping { keys, missing });
        let node = Node::MapPartitions { input: self.dataset.clone(), function, schema, grouping };
        Ok(self.then(py, node))
    }

    fn repartition(&self, py: Python<'_>, npartitions: usize) -> Self {
        let node =
            Node::Repartition { input: self.dataset.clone(), partitions: npartitions.max(1) };
        self.then(py, node)
    }

    fn collect<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let dataset = self.dataset.clone();
        let (schema, batches): (SchemaRef, Vec<RecordBatch>) =
            self.run(py, async move { dataset.collect("compute").await })?;
        // Nullability is not part of a result: a batch may come with a stricter schema.
        let batches = batches
            .into_iter()
            .map(|batch| batch.with_schema(Arc::clone(&schema)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| raised(windrow_engine::Error::internal(error.to_string())))?;
        let table = Table::try_new(batches, schema)
            .map_err(|error| raised(windrow_engine::Error::internal(error.to_string())))?;
        table.into_pyarrow(py)
    }

    /// The single value of one row and one column: `(True, value)` for numbers, text and truth,
    /// `(False, table)` for other types. Numbers need no pyarrow, which takes long to import.
    fn value<'py>(&self, py: Python<'py>) -> PyResult<(bool, Bound<'py, PyAny>)> {
        let dataset = self.dataset.clone();
        let (schema, batches) = self.run(py, async move { dataset.collect("compute").await })?;
        let cell = batches.iter().find(|batch| batch.num_rows() > 0).map(|batch| batch.column(0));
        if let Some(plain) = cell.and_then(|cell| plain(py, cell).transpose()) {
            return Ok((true, plain?));
        }
        let table = Table::try_new(batches, schema)
            .map_err(|error| raised(windrow_engine::Error::internal(error.to_string())))?;
        Ok((false, table.into_pyarrow(py)?))
    }

    fn count(&self, py: Python<'_>) -> PyResult<u64> {
        let dataset = self.dataset.clone();
        self.run(py, async move { dataset.count().await })
    }

    fn write(
        &self,
        py: Python<'_>,
        format: &str,
        path: String,
        options: &str,
    ) -> PyResult<Vec<String>> {
        let format = WriteFormat::parse(format).map_err(raised)?;
        let options = WriteOptions::from_json(options).map_err(raised)?;
        let dataset = self.dataset.clone();
        self.run(py, async move { dataset.write(format, &path, options).await })
    }

    fn explain(&self, py: Python<'_>) -> PyResult<String> {
        let dataset = self.dataset.clone();
        self.run(py, async move { dataset.explain().await })
    }
}

/// The first value of `column` as a Python object, if it is of a plain type.
fn plain<'py>(py: Python<'py>, column: &ArrayRef) -> PyResult<Option<Bound<'py, PyAny>>> {
    let value = ScalarValue::try_from_array(column, 0)
        .map_err(|error| raised(windrow_engine::Error::internal(error.to_string())))?;
    if value.is_null() && !value.data_type().is_temporal() {
        return Ok(Some(py.None().into_bound(py)));
    }
    Ok(Some(match value {
        ScalarValue::Boolean(Some(truth)) => truth.into_pyobject(py)?.to_owned().into_any(),
        ScalarValue::Int64(Some(number)) => number.into_pyobject(py)?.into_any(),
        ScalarValue::UInt64(Some(number)) => number.into_pyobject(py)?.into_any(),
        ScalarValue::Int32(Some(number)) => number.into_pyobject(py)?.into_any(),
        ScalarValue::Float64(Some(number)) => number.into_pyobject(py)?.into_any(),
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => text.into_pyobject(py)?.into_any(),
        _ => return Ok(None),
    }))
}

impl PyDataset {
    fn resolved(&self, py: Python<'_>) -> PyResult<SchemaRef> {
        let dataset = self.dataset.clone();
        self.session.get().detached(py, move || dataset.schema())
    }
}
