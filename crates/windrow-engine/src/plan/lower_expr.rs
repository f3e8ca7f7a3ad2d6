//! Expressions get their types, and with them the DataFusion form that has pandas' meaning.
//!
//! Missing is null or NaN. pandas answers False where a missing value is compared (True for `!=`),
//! SQL answers null; DataFusion sorts NaN above all numbers and equal to itself. `truth` lowers a
//! filter, where null and False are the same and pushdown matters; `value` lowers everything else.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchemaRef, Spans};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::math::expr_fn::{abs, isnan};
use datafusion::logical_expr::{
    Expr as DfExpr, ExprSchemable, LogicalPlan, Operator, Subquery, binary_expr, cast, ident, lit,
    not, when,
};
use datafusion::scalar::ScalarValue;

use super::dataset::{Dataset, no_column};
use super::expr::{BinaryOp, Expr, UnaryOp};
use super::lower::{Lowered, call};
use super::lower_call;
use crate::error::{Error, Result};
use crate::operator::{floor_divide, modulo, power};
use crate::session::plan_error;

/// What expressions refer to: columns, hidden columns of row functions, and subqueries.
pub(super) struct Scope<'a> {
    schema: DFSchemaRef,
    hidden: HashMap<u64, String>,
    subqueries: Vec<(&'a Dataset, LogicalPlan)>,
}

impl<'a> Scope<'a> {
    /// The scope of `exprs` over `below`; subqueries in them are lowered here.
    pub(super) async fn of(below: &Lowered, exprs: &'a [Expr]) -> Result<Self> {
        let mut found = Vec::new();
        exprs.iter().for_each(|expr| subqueries(expr, &mut found));
        let mut plans = Vec::with_capacity(found.len());
        for dataset in found {
            plans.push((dataset, dataset.logical_plan().await?));
        }
        Ok(Self {
            schema: Arc::clone(below.plan.schema()),
            hidden: below.hidden.clone(),
            subqueries: plans,
        })
    }

    /// The same subqueries over another plan.
    pub(super) fn over(&self, above: &Lowered) -> Scope<'a> {
        Scope {
            schema: Arc::clone(above.plan.schema()),
            hidden: above.hidden.clone(),
            subqueries: self.subqueries.clone(),
        }
    }

    /// The type of a lowered expression.
    pub(super) fn type_of(&self, expr: &DfExpr) -> Result<DataType> {
        expr.get_type(&*self.schema).map_err(|error| plan_error(&error))
    }

    /// `expr` with NaN as null.
    pub(super) fn present(&self, expr: DfExpr) -> Result<DfExpr> {
        if !may_be_nan(&expr, &self.type_of(&expr)?) {
            return Ok(expr);
        }
        let data_type = self.type_of(&expr)?;
        let null = ScalarValue::try_from(&data_type).map_err(|error| plan_error(&error))?;
        when(isnan(expr.clone()), DfExpr::Literal(null, None))
            .otherwise(expr)
            .map_err(|error| plan_error(&error))
    }

    /// `expr` as a key that values are grouped by: NaN as null, and -0.0 as the 0.0 it equals.
    pub(super) fn key(&self, expr: DfExpr) -> Result<DfExpr> {
        let float = self.type_of(&expr)?.is_floating();
        self.present(if float { expr + lit(0.0) } else { expr })
    }

    /// A filter's condition: null counts as False.
    pub(super) fn truth(&self, expr: &Expr) -> Result<DfExpr> {
        match expr {
            Expr::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => {
                let (left, right) = (self.truth(left)?, self.truth(right)?);
                Ok(if *op == BinaryOp::And { left.and(right) } else { left.or(right) })
            }
            Expr::Binary(op, left, right) if is_comparison(*op) && *op != BinaryOp::NotEqual => {
                self.comparison(*op, self.value(left)?, self.value(right)?)
            }
            _ => {
                let value = self.value(expr)?;
                match self.type_of(&value)? {
                    DataType::Boolean | DataType::Null => Ok(value),
                    other => Err(Error::plan(format!("a filter needs booleans, this is {other}"))
                        .hint("write a comparison, or `.astype(bool)`")),
                }
            }
        }
    }

    /// The value of `expr` on each row.
    pub(super) fn value(&self, expr: &Expr) -> Result<DfExpr> {
        match expr {
            Expr::Column(name) => self.column(name),
            Expr::Literal(value) => Ok(DfExpr::Literal(value.clone(), None)),
            Expr::Apply(apply) => match self.hidden.get(&apply.id()) {
                Some(column) => Ok(ident(column)),
                None => Err(Error::internal("a row function without its column")),
            },
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                if is_comparison(*op) {
                    let compared = self.comparison(*op, left, right)?;
                    let when_missing = *op == BinaryOp::NotEqual;
                    return Ok(coalesce(vec![compared, lit(when_missing)]));
                }
                self.arithmetic(*op, left, right)
            }
            Expr::Unary(op, input) => self.unary(*op, self.value(input)?),
            Expr::Cast(input, data_type) => self.cast(self.value(input)?, data_type),
            Expr::Call(name, args) => {
                let args = args.iter().map(|arg| self.value(arg)).collect::<Result<Vec<_>>>()?;
                lower_call::call(self, name, args)
            }
            Expr::Subquery(dataset) => self.subquery(dataset),
            Expr::Aggregate(name, _) => {
                Err(Error::plan(format!("`{name}` is an aggregate and has no value on each row")))
            }
        }
    }

    fn column(&self, name: &str) -> Result<DfExpr> {
        if self.schema.fields().iter().any(|field| field.name() == name) {
            return Ok(ident(name));
        }
        let hidden: Vec<_> = self.hidden.values().collect();
        let names: Vec<String> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .filter(|name| !hidden.contains(&name))
            .collect();
        Err(no_column(name, &names))
    }

    fn subquery(&self, dataset: &Dataset) -> Result<DfExpr> {
        let plan = self
            .subqueries
            .iter()
            .find(|(known, _)| std::ptr::eq(known.node(), dataset.node()))
            .map(|(_, plan)| plan.clone())
            .ok_or_else(|| Error::internal("a subquery that was not lowered"))?;
        Ok(DfExpr::ScalarSubquery(Subquery {
            subquery: Arc::new(plan),
            outer_ref_columns: vec![],
            spans: Spans::new(),
        }))
    }

    fn cast(&self, value: DfExpr, data_type: &DataType) -> Result<DfExpr> {
        let from = self.type_of(&value)?;
        // pandas: astype(bool) of text is its being non-empty; SQL would parse it.
        if *data_type == DataType::Boolean && from.is_string() {
            return Ok(coalesce(vec![value.not_eq(lit("")), lit(true)]));
        }
        // pandas spells truth as Python does.
        if data_type.is_string() && from == DataType::Boolean {
            let null = DfExpr::Literal(ScalarValue::Utf8(None), None);
            return when(value.clone(), lit("True"))
                .when(not(value), lit("False"))
                .otherwise(null)
                .map_err(|error| plan_error(&error));
        }
        Ok(cast(value, data_type.clone()))
    }

    fn unary(&self, op: UnaryOp, value: DfExpr) -> Result<DfExpr> {
        let data_type = self.type_of(&value)?;
        let nan = may_be_nan(&value, &data_type);
        Ok(match op {
            UnaryOp::Negate if data_type == DataType::Boolean => {
                return Err(Error::plan("`-` is not defined for booleans").hint("use `~`"));
            }
            UnaryOp::Negate => DfExpr::Negative(Box::new(value)),
            UnaryOp::Abs => abs(value),
            UnaryOp::Not if data_type == DataType::Boolean => {
                not(coalesce(vec![value, lit(false)]))
            }
            UnaryOp::Not if data_type.is_integer() => {
                DfExpr::Negative(Box::new(value)) - lit(1_i64)
            }
            UnaryOp::Not => {
                return Err(Error::plan(format!("`~` needs booleans, this is {data_type}")));
            }
            UnaryOp::IsMissing if nan => value.clone().is_null().or(isnan(value)),
            UnaryOp::IsMissing => value.is_null(),
            UnaryOp::IsPresent if nan => value.clone().is_not_null().and(not(isnan(value))),
            UnaryOp::IsPresent => value.is_not_null(),
        })
    }

    fn arithmetic(&self, op: BinaryOp, left: DfExpr, right: DfExpr) -> Result<DfExpr> {
        let (left_type, right_type) = (self.type_of(&left)?, self.type_of(&right)?);
        let booleans = left_type == DataType::Boolean && right_type == DataType::Boolean;
        if matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Xor) {
            return logical(op, (left, &left_type), (right, &right_type));
        }
        if left_type.is_string() || right_type.is_string() {
            return match op {
                BinaryOp::Add if left_type.is_string() && right_type.is_string() => {
                    Ok(binary_expr(left, Operator::StringConcat, right))
                }
                _ => Err(unfit(op, &left_type, &right_type)),
            };
        }
        match (op, booleans) {
            (BinaryOp::Add, true) => return Ok(left.or(right)),
            (BinaryOp::Multiply, true) => return Ok(left.and(right)),
            (BinaryOp::Subtract, true) => return Err(unfit(op, &left_type, &right_type)),
            _ => {}
        }
        let left = truth_as_number(left, &left_type);
        let right = truth_as_number(right, &right_type);
        let float = |value| cast(value, DataType::Float64);
        Ok(match op {
            BinaryOp::Add => left + right,
            BinaryOp::Subtract => left - right,
            BinaryOp::Multiply => left * right,
            BinaryOp::TrueDivide => float(left) / float(right),
            BinaryOp::FloorDivide => call(floor_divide(), vec![left, right]),
            BinaryOp::Modulo => call(modulo(), vec![left, right]),
            _ => call(power(), vec![left, right]),
        })
    }

    /// A comparison that is null, or False, where a side is missing.
    pub(super) fn comparison(&self, op: BinaryOp, left: DfExpr, right: DfExpr) -> Result<DfExpr> {
        let (left_type, right_type) = (self.type_of(&left)?, self.type_of(&right)?);
        if text_against_number(&left_type, &right_type) {
            return match op {
                BinaryOp::Equal => Ok(lit(false)),
                BinaryOp::NotEqual => Ok(lit(true)),
                _ => Err(unfit(op, &left_type, &right_type)),
            };
        }
        let (mut left, mut right) = (left, right);
        if left_type == DataType::Boolean && right_type.is_numeric() {
            left = cast(left, DataType::Int64);
        } else if right_type == DataType::Boolean && left_type.is_numeric() {
            right = cast(right, DataType::Int64);
        }
        let left_nan = may_be_nan(&left, &left_type).then(|| isnan(left.clone()));
        let right_nan = may_be_nan(&right, &right_type).then(|| isnan(right.clone()));
        let (operator, guards) = match op {
            BinaryOp::Equal if left_nan.is_some() && right_nan.is_some() => {
                (Operator::Eq, left_nan)
            }
            BinaryOp::Equal => (Operator::Eq, None),
            BinaryOp::NotEqual => {
                let differ = binary_expr(left, Operator::NotEq, right);
                return Ok(match (left_nan, right_nan) {
                    (Some(left), Some(_)) => differ.or(left),
                    _ => differ,
                });
            }
            // NaN sorts above every number, so only the larger side needs a guard.
            BinaryOp::Less => (Operator::Lt, right_nan),
            BinaryOp::LessEqual => (Operator::LtEq, right_nan),
            BinaryOp::Greater => (Operator::Gt, left_nan),
            _ => (Operator::GtEq, left_nan),
        };
        let compared = binary_expr(left, operator, right);
        Ok(match guards {
            Some(nan) => compared.and(not(nan)),
            None => compared,
        })
    }
}

fn subqueries<'a>(expr: &'a Expr, found: &mut Vec<&'a Dataset>) {
    match expr {
        Expr::Subquery(dataset) => found.push(dataset),
        Expr::Binary(_, left, right) => {
            subqueries(left, found);
            subqueries(right, found);
        }
        Expr::Unary(_, input) | Expr::Cast(input, _) | Expr::Aggregate(_, input) => {
            subqueries(input, found);
        }
        Expr::Call(_, args) => args.iter().for_each(|arg| subqueries(arg, found)),
        Expr::Apply(_) | Expr::Column(_) | Expr::Literal(_) => {}
    }
}

pub(super) fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    matches!(op, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
}

/// Whether a value of this type can be NaN; a constant that is a number cannot.
pub(super) fn may_be_nan(expr: &DfExpr, data_type: &DataType) -> bool {
    match expr {
        DfExpr::Literal(ScalarValue::Float64(Some(value)), _) => value.is_nan(),
        DfExpr::Literal(ScalarValue::Float32(Some(value)), _) => value.is_nan(),
        _ => data_type.is_floating(),
    }
}

fn text_against_number(left: &DataType, right: &DataType) -> bool {
    let number = |data_type: &DataType| data_type.is_numeric() || *data_type == DataType::Boolean;
    (left.is_string() && number(right)) || (number(left) && right.is_string())
}

fn truth_as_number(value: DfExpr, data_type: &DataType) -> DfExpr {
    if *data_type == DataType::Boolean { cast(value, DataType::Int64) } else { value }
}

fn unfit(op: BinaryOp, left: &DataType, right: &DataType) -> Error {
    Error::plan(format!("`{}` is not defined for {left} and {right}", op.symbol()))
        .hint("convert one side with `.astype(...)`")
}

/// `&`, `|` and `^` of truth values, where missing is False, or of the bits of whole numbers.
fn logical(
    op: BinaryOp,
    (left, left_type): (DfExpr, &DataType),
    (right, right_type): (DfExpr, &DataType),
) -> Result<DfExpr> {
    let booleans = *left_type == DataType::Boolean && *right_type == DataType::Boolean;
    let integers = left_type.is_integer() && right_type.is_integer();
    let operator = match (op, booleans, integers) {
        (BinaryOp::And, true, _) => Operator::And,
        (BinaryOp::Or, true, _) => Operator::Or,
        (BinaryOp::And, _, true) => Operator::BitwiseAnd,
        (BinaryOp::Or, _, true) => Operator::BitwiseOr,
        (BinaryOp::Xor, _, true) => Operator::BitwiseXor,
        (BinaryOp::Xor, true, _) => Operator::NotEq,
        _ => return Err(unfit(op, left_type, right_type)),
    };
    let known = |value: DfExpr| {
        if booleans { coalesce(vec![value, lit(false)]) } else { value }
    };
    Ok(binary_expr(known(left), operator, known(right)))
}
