//! `Function` and `Expr`.

use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use arrow_pyarrow::FromPyArrow;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use windrow_engine::operator::Judged;
use windrow_engine::plan::{Apply, BinaryOp, Expr, UnaryOp};
use windrow_functions::Function;

use super::dataset::PyDataset;
use super::errors::raised;
use super::literal::literal;

/// A Python function in a plan.
#[pyclass(frozen, name = "Function", module = "windrow._native")]
pub(crate) struct PyFunction {
    pub(crate) function: Arc<Function>,
}

#[pymethods]
impl PyFunction {
    #[new]
    fn new(description: &str, pickled: Vec<u8>) -> PyResult<Self> {
        let function = Function::from_json(description, pickled)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { function: Arc::new(function) })
    }

    #[getter]
    fn id(&self) -> &str {
        &self.function.id
    }

    #[getter]
    fn name(&self) -> &str {
        &self.function.name
    }

    /// What of it is native for the columns of `schema`, and why the rest is not.
    fn explain(&self, schema: &Bound<'_, PyAny>) -> PyResult<String> {
        let schema = Schema::from_pyarrow_bound(schema)?;
        let row = match &self.function.columns {
            Some(names) => Schema::new(
                names
                    .iter()
                    .map(|name| schema.field_with_name(name).cloned())
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|error| PyValueError::new_err(error.to_string()))?,
            ),
            None => schema,
        };
        Ok(Judged::of(&self.function, &row).explain(&self.function))
    }
}

/// A column expression.
#[pyclass(frozen, name = "Expr", module = "windrow._native")]
pub(crate) struct PyExpr {
    pub(crate) expr: Expr,
}

impl PyExpr {
    fn boxed(&self) -> Box<Expr> {
        Box::new(self.expr.clone())
    }
}

impl From<Expr> for PyExpr {
    fn from(expr: Expr) -> Self {
        Self { expr }
    }
}

#[pymethods]
impl PyExpr {
    #[staticmethod]
    fn column(name: String) -> Self {
        Expr::Column(name).into()
    }

    #[staticmethod]
    #[pyo3(name = "literal")]
    fn from_value(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Expr::Literal(literal(value)?).into())
    }

    #[staticmethod]
    #[pyo3(signature = (function, args, names, result_type=None))]
    fn apply(
        function: &PyFunction,
        args: Vec<PyRef<'_, PyExpr>>,
        names: Vec<String>,
        result_type: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        if args.len() != names.len() {
            return Err(PyValueError::new_err("`args` and `names` must be as many"));
        }
        let result = result_type.map(DataType::from_pyarrow_bound).transpose()?;
        let args = args.iter().map(|arg| arg.expr.clone()).collect();
        let apply = Apply::new(Arc::clone(&function.function), args, names, result);
        Ok(Expr::Apply(Arc::new(apply)).into())
    }

    #[staticmethod]
    fn subquery(dataset: &PyDataset) -> Self {
        Expr::Subquery(dataset.dataset.clone()).into()
    }

    fn binary(&self, op: &str, other: &Self) -> PyResult<Self> {
        let op = BinaryOp::from_str(op).map_err(raised)?;
        Ok(Expr::Binary(op, self.boxed(), other.boxed()).into())
    }

    fn unary(&self, op: &str) -> PyResult<Self> {
        let op = UnaryOp::from_str(op).map_err(raised)?;
        Ok(Expr::Unary(op, self.boxed()).into())
    }

    fn cast(&self, data_type: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Expr::Cast(self.boxed(), DataType::from_pyarrow_bound(data_type)?).into())
    }

    fn call(&self, name: &str, args: Vec<PyRef<'_, PyExpr>>) -> Self {
        let mut all = vec![self.expr.clone()];
        all.extend(args.iter().map(|arg| arg.expr.clone()));
        Expr::Call(name.to_owned(), all).into()
    }

    fn aggregate(&self, name: &str) -> Self {
        Expr::Aggregate(name.to_owned(), self.boxed()).into()
    }

    #[getter]
    fn functions(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.expr.applies(&mut found);
        found.iter().map(|apply| apply.function.name.clone()).collect()
    }
}
