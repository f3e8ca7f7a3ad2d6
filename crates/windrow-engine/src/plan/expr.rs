//! Column expressions as a face builds them: untyped, with pandas' meaning.
//!
//! They get their types, and with them their DataFusion form, in `lower_expr`.

use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use windrow_functions::Function;

use super::Dataset;
use crate::error::{Error, Result};
use crate::operator::Judged;

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    TrueDivide,
    FloorDivide,
    Modulo,
    Power,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Xor,
}

impl FromStr for BinaryOp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "+" => Self::Add,
            "-" => Self::Subtract,
            "*" => Self::Multiply,
            "/" => Self::TrueDivide,
            "//" => Self::FloorDivide,
            "%" => Self::Modulo,
            "**" => Self::Power,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            "&" => Self::And,
            "|" => Self::Or,
            "^" => Self::Xor,
            _ => return Err(Error::plan(format!("there is no operator `{text}`"))),
        })
    }
}

impl BinaryOp {
    /// How the operator is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::TrueDivide => "/",
            Self::FloorDivide => "//",
            Self::Modulo => "%",
            Self::Power => "**",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
        }
    }
}

/// An operator before one expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum UnaryOp {
    Negate,
    Not,
    Abs,
    IsMissing,
    IsPresent,
}

impl FromStr for UnaryOp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "-" => Self::Negate,
            "~" => Self::Not,
            "abs" => Self::Abs,
            "isna" => Self::IsMissing,
            "notna" => Self::IsPresent,
            _ => return Err(Error::plan(format!("there is no operator `{text}`"))),
        })
    }
}

impl UnaryOp {
    /// How [`FromStr`] reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Negate => "-",
            Self::Not => "~",
            Self::Abs => "abs",
            Self::IsMissing => "isna",
            Self::IsPresent => "notna",
        }
    }
}

/// One use of a row function: `df.apply(f, axis=1)` or `series.map(f)`.
///
/// Each use has an identity of its own, so that one `apply` is computed once however often its
/// result is used, and two `apply` of the same function are two computations.
#[derive(Debug)]
pub struct Apply {
    id: u64,
    /// What is called.
    pub function: Arc<Function>,
    /// The columns of the function's row.
    pub args: Vec<Expr>,
    /// Their names.
    pub names: Vec<String>,
    /// The declared result type, or the inferred one once it is known.
    pub result: OnceLock<DataType>,
    /// Nanoseconds a row in the sample, once there was one in the interpreter.
    pub nanos_a_row: OnceLock<u64>,
    /// What runs natively, once the types of the arguments are known.
    pub judged: OnceLock<Arc<Judged>>,
}

impl Apply {
    /// A use of `function` on `args`, whose names are `names`.
    #[must_use]
    pub fn new(
        function: Arc<Function>,
        args: Vec<Expr>,
        names: Vec<String>,
        result: Option<DataType>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self::numbered(NEXT.fetch_add(1, Ordering::Relaxed), function, args, names, result)
    }

    /// A use whose identity is given: unique within its plan, and the same wherever it is planned.
    pub(crate) fn numbered(
        id: u64,
        function: Arc<Function>,
        args: Vec<Expr>,
        names: Vec<String>,
        result: Option<DataType>,
    ) -> Self {
        let cell = result.map_or_else(OnceLock::new, OnceLock::from);
        Self {
            id,
            function,
            args,
            names,
            result: cell,
            nanos_a_row: OnceLock::new(),
            judged: OnceLock::new(),
        }
    }

    /// The hidden column that carries this use's result inside a plan.
    #[must_use]
    pub fn column(&self) -> String {
        format!("__{}_{}", self.function.name, self.id)
    }

    /// The identity of this use.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl PartialEq for Apply {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Apply {}

impl Hash for Apply {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// A column expression over the rows of one dataset.
#[derive(Debug, Clone)]
pub enum Expr {
    /// A column of the dataset.
    Column(String),
    /// A constant.
    Literal(ScalarValue),
    /// Two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// One operand.
    Unary(UnaryOp, Box<Expr>),
    /// `astype`.
    Cast(Box<Expr>, DataType),
    /// A named scalar function; the first argument is what it is a method of.
    Call(String, Vec<Expr>),
    /// A named aggregate, skipping missing values.
    Aggregate(String, Box<Expr>),
    /// A row function.
    Apply(Arc<Apply>),
    /// The single value of a dataset of one row and one column.
    Subquery(Dataset),
}

impl Expr {
    /// The uses of row functions in this expression, arguments before what uses them.
    pub fn applies(&self, found: &mut Vec<Arc<Apply>>) {
        match self {
            Self::Apply(apply) => {
                for arg in &apply.args {
                    arg.applies(found);
                }
                if !found.iter().any(|known| known.id == apply.id) {
                    found.push(Arc::clone(apply));
                }
            }
            Self::Binary(_, left, right) => {
                left.applies(found);
                right.applies(found);
            }
            Self::Unary(_, input) | Self::Cast(input, _) | Self::Aggregate(_, input) => {
                input.applies(found);
            }
            Self::Call(_, args) => args.iter().for_each(|arg| arg.applies(found)),
            Self::Column(_) | Self::Literal(_) | Self::Subquery(_) => {}
        }
    }

    /// Whether all types in it are known without running anything.
    #[must_use]
    pub fn is_typed(&self) -> bool {
        let mut applies = Vec::new();
        self.applies(&mut applies);
        applies.iter().all(|apply| apply.result.get().is_some())
    }
}
