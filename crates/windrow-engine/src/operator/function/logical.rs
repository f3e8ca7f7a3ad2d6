//! The logical node of row functions: its input's columns plus one column a call.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DFSchemaRef, Result, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use windrow_functions::Function;

/// One call of a row function on each row.
#[derive(Debug, Clone)]
pub struct FunctionCall {
    /// What is called.
    pub function: Arc<Function>,
    /// The columns of its row, by name.
    pub names: Vec<String>,
    /// Their values.
    pub args: Vec<Expr>,
    /// The column that takes the result.
    pub output: String,
    /// The result's type, checked on every row.
    pub data_type: DataType,
    /// Nanoseconds a row in a sample, where there was one.
    pub nanos_a_row: Option<u64>,
    /// Whether it may run natively.
    pub native: bool,
    /// The condition that rows had to meet to get here, where one was taken out of the function.
    pub asked_first: Option<String>,
}

impl FunctionCall {
    fn key(&self) -> (&str, &str, &[Expr], &str, &DataType) {
        (&self.function.id, &self.output, &self.args, &self.function.name, &self.data_type)
    }
}

impl PartialEq for FunctionCall {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for FunctionCall {}

impl Hash for FunctionCall {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Appends a column for each call. A barrier: filters above it are not moved below it, so a guard
/// that stands before a function stays before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FunctionNode {
    input: LogicalPlan,
    calls: Vec<FunctionCall>,
    schema: DFSchemaRef,
}

impl FunctionNode {
    /// `calls` over the rows of `input`.
    ///
    /// # Errors
    /// A result column that the input has already.
    pub fn new(input: LogicalPlan, calls: Vec<FunctionCall>) -> Result<Self> {
        let results: Vec<Field> = calls
            .iter()
            .map(|call| Field::new(&call.output, call.data_type.clone(), true))
            .collect();
        let mut schema = input.schema().as_ref().clone();
        schema.merge(&DFSchema::try_from(Schema::new(results))?);
        Ok(Self { input, calls, schema: Arc::new(schema) })
    }

    /// The calls, in the order of their columns.
    #[must_use]
    pub fn calls(&self) -> &[FunctionCall] {
        &self.calls
    }
}

// The plan below decides; nodes that differ only in a call have no order.
impl PartialOrd for FunctionNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self == other { Some(Ordering::Equal) } else { None }
    }
}

impl UserDefinedLogicalNodeCore for FunctionNode {
    fn name(&self) -> &str {
        "Function"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.calls.iter().flat_map(|call| call.args.iter().cloned()).collect()
    }

    fn fmt_for_explain(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Function: ")?;
        for (place, call) in self.calls.iter().enumerate() {
            if place > 0 {
                formatter.write_str(", ")?;
            }
            let args = call.args.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            write!(
                formatter,
                "{}({args}) -> {} [{}]",
                call.function.name, call.output, call.data_type
            )?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut exprs = exprs.into_iter();
        let calls = self
            .calls
            .iter()
            .map(|call| {
                let args = exprs.by_ref().take(call.args.len()).collect();
                FunctionCall { args, ..call.clone() }
            })
            .collect();
        let Some(input) = inputs.into_iter().next() else {
            return plan_err!("a function node needs an input");
        };
        Self::new(input, calls)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let schema = self.input.schema();
        let width = schema.fields().len();
        let mut needed: Vec<usize> =
            output_columns.iter().copied().filter(|index| *index < width).collect();
        for call in &self.calls {
            for arg in &call.args {
                for column in arg.column_refs() {
                    needed.push(schema.maybe_index_of_column(column)?);
                }
            }
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
