//! Aggregates with pandas' meaning: missing values (nulls and NaN) are skipped, an empty sum is 0.

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{
    avg, count, count_distinct, max, median, min, stddev, sum, var_sample,
};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, cast, ident, lit};

use super::expr::Expr;
use super::lower::{Lowered, build};
use super::lower_expr::Scope;
use crate::error::{Error, Fault, Result};

/// One row per distinct key, then the expressions over aggregates that `aggregates` are.
pub(super) fn aggregate(
    below: &Lowered,
    scope: &Scope<'_>,
    keys: &[(String, Expr)],
    aggregates: &[(String, Expr)],
) -> Result<LogicalPlan> {
    let groups = keys
        .iter()
        .map(|(name, expr)| Ok(scope.key(scope.value(expr)?)?.alias(name)))
        .collect::<Result<Vec<_>>>()?;
    let mut parts = Parts { scope, found: Vec::new() };
    let mut outputs: Vec<DfExpr> = keys.iter().map(|(name, _)| ident(name)).collect();
    let mut finals = Vec::with_capacity(aggregates.len());
    for (name, expr) in aggregates {
        finals.push((name, parts.split(expr)?));
    }
    let aggregates = parts.found;
    let plan = build(LogicalPlanBuilder::from(below.plan.clone()).aggregate(
        groups,
        aggregates.iter().map(|(_, part, name)| part.clone().alias(name)).collect::<Vec<_>>(),
    ))?;
    let above = Lowered::bare(plan);
    let scope = scope.over(&above);
    for (name, expr) in finals {
        outputs.push(scope.value(&expr)?.alias(name));
    }
    build(LogicalPlanBuilder::from(above.plan.clone()).project(outputs))
}

struct Parts<'a> {
    scope: &'a Scope<'a>,
    /// The aggregate, its DataFusion form, and the column that holds it.
    found: Vec<(String, DfExpr, String)>,
}

impl Parts<'_> {
    /// `expr` with each aggregate replaced by the column that will hold it.
    fn split(&mut self, expr: &Expr) -> Result<Expr> {
        Ok(match expr {
            Expr::Aggregate(name, input) => self.part(name, input)?,
            Expr::Binary(op, left, right) => {
                Expr::Binary(*op, Box::new(self.split(left)?), Box::new(self.split(right)?))
            }
            Expr::Unary(op, input) => Expr::Unary(*op, Box::new(self.split(input)?)),
            Expr::Cast(input, data_type) => {
                Expr::Cast(Box::new(self.split(input)?), data_type.clone())
            }
            Expr::Call(name, args) => Expr::Call(
                name.clone(),
                args.iter().map(|arg| self.split(arg)).collect::<Result<_>>()?,
            ),
            Expr::Literal(_) | Expr::Subquery(_) => expr.clone(),
            Expr::Column(name) => {
                return Err(Error::plan(format!(
                    "column `{name}` is neither a key nor aggregated"
                )));
            }
            Expr::Apply(_) => {
                return Err(Error::plan("a row function cannot stand beside aggregates")
                    .hint("apply it before the groupby, or to the result"));
            }
        })
    }

    fn part(&mut self, name: &str, input: &Expr) -> Result<Expr> {
        let key = format!("{name} {input:?}");
        if let Some((_, _, column)) = self.found.iter().find(|(known, _, _)| *known == key) {
            return Ok(Expr::Column(column.clone()));
        }
        let column = format!("__{name}_{}", self.found.len());
        let part = one(self.scope, name, input)?;
        self.found.push((key, part, column.clone()));
        let read = Expr::Column(column);
        // An empty or all-missing sum is 0 in pandas and null in SQL.
        Ok(if name == "sum" {
            Expr::Call("fillna".into(), vec![read, Expr::Literal(0_i64.into())])
        } else {
            read
        })
    }
}

fn one(scope: &Scope<'_>, name: &str, input: &Expr) -> Result<DfExpr> {
    if name == "size" {
        return Ok(count(lit(1_i64)));
    }
    let value = scope.value(input)?;
    let data_type = scope.type_of(&value)?;
    let present = scope.present(value)?;
    let number = || numeric(name, &data_type, present.clone());
    Ok(match name {
        "count" => count(present),
        "nunique" => count_distinct(scope.key(scope.value(input)?)?),
        "min" => min(present),
        "max" => max(present),
        "sum" => sum(number()?),
        "mean" => avg(cast(number()?, DataType::Float64)),
        "median" => median(cast(number()?, DataType::Float64)),
        "std" => stddev(cast(number()?, DataType::Float64)),
        "var" => var_sample(cast(number()?, DataType::Float64)),
        "any" => coalesce(vec![max(cast(present, DataType::Boolean)), lit(false)]),
        _ => {
            return Err(Error::new(
                Fault::Unsupported,
                format!("there is no aggregate `{name}` yet"),
            )
            .hint("there are sum, mean, min, max, count, size, std, var, median and nunique"));
        }
    })
}

/// `value` as a number: truth counts as 0 and 1, text is refused as in pandas.
fn numeric(aggregate: &str, data_type: &DataType, value: DfExpr) -> Result<DfExpr> {
    match data_type {
        DataType::Boolean | DataType::Null => Ok(cast(value, DataType::Int64)),
        // Narrow integers would overflow in their own width; pandas sums in 64 bits.
        DataType::Int8 | DataType::Int16 | DataType::Int32 => Ok(cast(value, DataType::Int64)),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Ok(cast(value, DataType::UInt64)),
        other if other.is_numeric() => Ok(value),
        DataType::Duration(_) => Ok(value),
        other => Err(Error::plan(format!("`{aggregate}` needs numbers, the column is {other}"))
            .hint("select the numeric columns, or use count, nunique, min or max")),
    }
}
