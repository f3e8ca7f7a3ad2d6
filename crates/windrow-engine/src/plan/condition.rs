//! What a row must meet for a filter's function to be true of it, as far as the function asks for
//! it first: comparisons of columns with constants, which a source can answer from its statistics.
//!
//! ```text
//! lambda r: r["x"] > 5 and r["t"] in ("a", "b") and 1 / r["z"] > 2
//!           └──────────── asked first ───────┘     └─ stays with the function
//! ```
//!
//! The rows that are spared are those for which the function returns something false before it does
//! anything that could fail. So no exception is lost, and a guard stays before what it guards.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr as DfExpr, Operator, binary_expr, lit, not};
use windrow_functions::{
    BoolOp, CompareOp, Expr, ExprKind, FnSpec, Literal, Nulls, Routine, Stmt, StmtKind, UnaryOp,
};

/// The conditions that a row must meet, all of them; none where nothing is known.
///
/// `args`: the columns that the function takes, and their types.
pub(super) fn necessary(
    spec: &FnSpec,
    args: &[(DfExpr, DataType)],
    nulls: Nulls,
) -> Option<DfExpr> {
    let columns = args.iter().map(|(expr, data_type)| Operand::column(expr, data_type));
    let names = spec.params.iter().map(String::as_str).zip(columns).collect();
    let mut reader = Reader { routines: &spec.functions, nulls, found: Vec::new(), depth: 0 };
    reader.body_true(&spec.body, names);
    reader.found.into_iter().reduce(DfExpr::and)
}

/// Inlined functions inside one another that are read.
const DEEPEST: usize = 8;

/// Whether what was read is all that happens up to there, so that what follows may be asked as well.
type Complete = bool;

type Names<'a> = HashMap<&'a str, Operand<'a>>;

#[derive(Debug, Clone)]
enum Operand<'a> {
    Column(DfExpr, Kind),
    Const(&'a Literal),
    /// A constant number with its sign turned.
    Negative(&'a Literal),
    /// A display of constants: `(1, 2)`.
    Items(Vec<&'a Literal>),
    Other,
}

/// Columns whose comparisons are the same in Python and in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    Text,
    Bool,
}

/// A constant that a column is compared with.
#[derive(Debug, Clone, PartialEq)]
enum Constant {
    Int(i64),
    Float(f64),
    Text(String),
}

impl Operand<'_> {
    fn column(expr: &DfExpr, data_type: &DataType) -> Self {
        let kind = match data_type {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Kind::Int,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Kind::Int,
            DataType::Float64 => Kind::Float,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            DataType::Boolean => Kind::Bool,
            _ => return Self::Other,
        };
        match expr {
            DfExpr::Column(_) => Self::Column(expr.clone(), kind),
            _ => Self::Other,
        }
    }

    fn constant(&self) -> Option<Constant> {
        let (literal, negative) = match self {
            Self::Const(literal) => (literal, false),
            Self::Negative(literal) => (literal, true),
            _ => return None,
        };
        constant(literal, negative)
    }
}

fn constant(literal: &Literal, negative: bool) -> Option<Constant> {
    match literal {
        Literal::Int(digits) => {
            let number: i64 = digits.parse().ok()?;
            Some(Constant::Int(if negative { number.checked_neg()? } else { number }))
        }
        Literal::Float(bits) => {
            let number = f64::from_bits(u64::from_str_radix(bits, 16).ok()?);
            Some(Constant::Float(if negative { -number } else { number }))
        }
        Literal::Str(text) if !negative => Some(Constant::Text(text.clone())),
        _ => None,
    }
}

fn is_falsy(literal: &Literal) -> bool {
    matches!(literal, Literal::None | Literal::Bool(false))
}

fn const_of(expr: &Expr) -> Option<&Literal> {
    match &expr.kind {
        ExprKind::Const { value } => Some(value),
        _ => None,
    }
}

/// Statements that return something false and do nothing else; falling off the end returns None.
fn returns_falsy(body: &[Stmt]) -> bool {
    match body {
        [] => true,
        [Stmt { kind: StmtKind::Return { value }, .. }, ..] => {
            value.as_ref().is_none_or(|value| const_of(value).is_some_and(is_falsy))
        }
        _ => false,
    }
}

struct Reader<'a> {
    routines: &'a [Routine],
    nulls: Nulls,
    found: Vec<DfExpr>,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// What must be so for a body to return something true.
    fn body_true(&mut self, body: &'a [Stmt], mut names: Names<'a>) -> Complete {
        for (place, stmt) in body.iter().enumerate() {
            match &stmt.kind {
                StmtKind::Return { value: Some(value) } => return self.when(value, true, &names),
                StmtKind::Assign { name, value } => match operand(value, &names) {
                    Operand::Other => return false,
                    known => {
                        names.insert(name, known);
                    }
                },
                StmtKind::If { test, body: then, orelse } => {
                    if returns_falsy(then) && !then.is_empty() && orelse.is_empty() {
                        if !self.when(test, false, &names) {
                            return false;
                        }
                        continue;
                    }
                    let rest = if orelse.is_empty() { &body[place + 1..] } else { orelse };
                    let [Stmt { kind: StmtKind::Return { value: Some(value) }, .. }] = &then[..]
                    else {
                        return false;
                    };
                    return returns_falsy(rest)
                        && self.when(test, true, &names)
                        && self.when(value, true, &names);
                }
                _ => return false,
            }
        }
        true
    }

    /// What must be so for `expr` to be true, or not to be.
    fn when(&mut self, expr: &'a Expr, wanted: bool, names: &Names<'a>) -> Complete {
        match &expr.kind {
            ExprKind::Const { .. } => true,
            ExprKind::Local { name } => match names.get(name.as_str()) {
                Some(Operand::Column(column, Kind::Bool)) => {
                    self.truth(column.clone(), wanted);
                    true
                }
                _ => false,
            },
            ExprKind::Unary { op: UnaryOp::Not, value } => self.when(value, !wanted, names),
            ExprKind::Bool { op, values } if (*op == BoolOp::And) == wanted => {
                values.iter().all(|value| self.when(value, wanted, names))
            }
            ExprKind::Choose { test, body, orelse }
                if wanted && const_of(orelse).is_some_and(is_falsy) =>
            {
                self.when(test, true, names) && self.when(body, true, names)
            }
            ExprKind::Compare { left, ops, rights } => {
                self.comparison((left, ops, rights), wanted, names)
            }
            ExprKind::Inline { function, args } if wanted && self.depth < DEEPEST => {
                self.inlined(*function, args, names)
            }
            _ => false,
        }
    }

    /// A truth value of a column; a missing one is NaN, which is true, or None.
    fn truth(&mut self, column: DfExpr, wanted: bool) {
        let missing_is = self.nulls == Nulls::Nan;
        let asked = if wanted { column.clone() } else { not(column.clone()) };
        self.found.push(if missing_is == wanted { column.is_null().or(asked) } else { asked });
    }

    fn inlined(
        &mut self,
        function: usize,
        args: &'a [(String, Expr)],
        names: &Names<'a>,
    ) -> Complete {
        let Some(routine) = self.routines.get(function) else { return false };
        let mut inner = Names::new();
        for (name, value) in args {
            match operand(value, names) {
                Operand::Other => return false,
                known => {
                    inner.insert(name, known);
                }
            }
        }
        self.depth += 1;
        let complete = self.body_true(&routine.body, inner);
        self.depth -= 1;
        complete
    }

    /// A comparison, or a chain of them.
    fn comparison(
        &mut self,
        (left, ops, rights): (&'a Expr, &[CompareOp], &'a [Expr]),
        wanted: bool,
        names: &Names<'a>,
    ) -> Complete {
        if ops.len() > 1 && !wanted {
            return false;
        }
        let mut left = operand(left, names);
        for (op, right) in ops.iter().zip(rights) {
            let right = operand(right, names);
            let complete = match (&left, &right) {
                (Operand::Column(column, kind), other) => {
                    self.pair((column, *kind), *op, other, wanted)
                }
                (other, Operand::Column(column, kind)) => match flipped(*op) {
                    Some(op) => self.pair((column, *kind), op, other, wanted),
                    None => false,
                },
                _ => false,
            };
            if !complete {
                return false;
            }
            left = right;
        }
        true
    }

    /// `column op other`.
    fn pair(
        &mut self,
        (column, kind): (&DfExpr, Kind),
        op: CompareOp,
        other: &Operand<'a>,
        wanted: bool,
    ) -> Complete {
        if let CompareOp::In | CompareOp::NotIn = op {
            let items: Vec<&Literal> = match other {
                Operand::Const(
                    Literal::List(items) | Literal::Tuple(items) | Literal::Set(items),
                ) => items.iter().collect(),
                Operand::Items(items) => items.clone(),
                _ => return false,
            };
            self.membership(column, kind, &items, (op == CompareOp::In) == wanted);
            return true;
        }
        let Some(value) = other.constant() else { return false };
        let number = matches!(kind, Kind::Int | Kind::Float);
        if matches!(value, Constant::Text(_)) == number || kind == Kind::Bool {
            return false;
        }
        // What the comparison is where the column has no value; nothing: it raises.
        let missing = match op {
            CompareOp::Eq => Some(false),
            CompareOp::Ne => Some(true),
            _ if number && self.nulls == Nulls::Nan => Some(false),
            _ => None,
        };
        if let Some(asked) = asked(column, kind, op, &value, wanted) {
            let passes = missing.is_none_or(|missing| missing == wanted);
            self.found.push(if passes { column.clone().is_null().or(asked) } else { asked });
        }
        missing.is_some()
    }

    /// Whether a column is among constants, or is not.
    fn membership(&mut self, column: &DfExpr, kind: Kind, items: &[&Literal], within: bool) {
        let values: Option<Vec<DfExpr>> = items
            .iter()
            .map(|item| match (constant(item, false)?, kind) {
                (Constant::Int(number), Kind::Int) => Some(lit(number)),
                (Constant::Text(text), Kind::Text) => Some(lit(text)),
                _ => None,
            })
            .collect();
        // No missing value is in such a container: NaN and None are neither numbers nor texts of it.
        if let Some(values) = values.filter(|values| !values.is_empty()) {
            let asked = column.clone().in_list(values, !within);
            self.found.push(if within { asked } else { column.clone().is_null().or(asked) });
        }
    }
}

fn operand<'a>(expr: &'a Expr, names: &Names<'a>) -> Operand<'a> {
    match &expr.kind {
        ExprKind::Const { value } => Operand::Const(value),
        ExprKind::Local { name } => names.get(name.as_str()).cloned().unwrap_or(Operand::Other),
        ExprKind::Sequence { items, .. } => {
            let items: Option<Vec<_>> = items.iter().map(const_of).collect();
            items.map_or(Operand::Other, Operand::Items)
        }
        ExprKind::Unary { op: UnaryOp::Neg, value } => match const_of(value) {
            Some(literal) => Operand::Negative(literal),
            None => Operand::Other,
        },
        _ => Operand::Other,
    }
}

fn flipped(op: CompareOp) -> Option<CompareOp> {
    Some(match op {
        CompareOp::Eq | CompareOp::Ne => op,
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
        _ => return None,
    })
}

/// The comparison (or its opposite) as the source understands it; nothing where it would see NaN,
/// signed zeros or large integers otherwise than Python.
fn asked(
    column: &DfExpr,
    kind: Kind,
    op: CompareOp,
    value: &Constant,
    wanted: bool,
) -> Option<DfExpr> {
    /// Integers up to here are exact as floats.
    const EXACT: i64 = 1 << 53;
    let operator = operator(op, wanted)?;
    let value = match (kind, value) {
        (Kind::Int, Constant::Int(number)) => lit(*number),
        (Kind::Text, Constant::Text(text)) => lit(text.clone()),
        // The statistics of a source leave NaN out, and NaN makes the opposites true.
        (Kind::Float, _) if !wanted || op == CompareOp::Ne => return None,
        (Kind::Float, Constant::Int(number)) if (-EXACT..=EXACT).contains(number) => {
            #[allow(clippy::cast_precision_loss)]
            return float(column, operator, *number as f64);
        }
        (Kind::Float, Constant::Float(number)) => return float(column, operator, *number),
        _ => return None,
    };
    Some(binary_expr(column.clone(), operator, value))
}

/// A source has -0.0 below 0.0, to Python they are equal.
fn float(column: &DfExpr, operator: Operator, number: f64) -> Option<DfExpr> {
    if number.is_nan() {
        return None;
    }
    let compare = |operator, number| binary_expr(column.clone(), operator, lit(number));
    Some(match operator {
        Operator::GtEq if number == 0.0 => compare(operator, -0.0),
        Operator::Eq if number == 0.0 => {
            compare(Operator::GtEq, -0.0).and(compare(Operator::LtEq, 0.0))
        }
        _ if number == 0.0 => compare(operator, 0.0),
        _ => compare(operator, number),
    })
}

fn operator(op: CompareOp, wanted: bool) -> Option<Operator> {
    let positive = match op {
        CompareOp::Eq => Operator::Eq,
        CompareOp::Ne => Operator::NotEq,
        CompareOp::Lt => Operator::Lt,
        CompareOp::Le => Operator::LtEq,
        CompareOp::Gt => Operator::Gt,
        CompareOp::Ge => Operator::GtEq,
        _ => return None,
    };
    if wanted { Some(positive) } else { positive.negate() }
}
