//! The specification of a function as the Python package writes it: our own JSON syntax tree.
//!
//! Names are resolved already: what is left are locals, constants and functions by number.

use serde::Deserialize;

use crate::Reason;

/// A function of columns, as data.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FnSpec {
    /// Major and minor version of the Python that wrote it.
    pub python: (u8, u8),
    /// The user's name for the function.
    pub name: String,
    /// The parameters; each takes a column.
    pub params: Vec<String>,
    /// Its statements.
    pub body: Vec<Stmt>,
    /// The functions it calls, each after those that it calls itself.
    #[serde(default)]
    pub functions: Vec<Routine>,
}

/// The specification of a function could not be read; a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the specification of a function cannot be read: {0}")]
pub struct SpecError(#[from] serde_json::Error);

impl FnSpec {
    /// Reads what `windrow.functions.spec` wrote.
    ///
    /// # Errors
    /// If `json` is no specification, or is nested too deeply.
    pub fn from_json(json: &str) -> Result<Self, SpecError> {
        Ok(serde_json::from_str(json)?)
    }
}

/// A function that is called, and therefore inlined.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Routine {
    /// Its name.
    pub name: String,
    /// Its parameters; a call gives a value for each.
    pub params: Vec<String>,
    /// Its statements.
    pub body: Vec<Stmt>,
}

/// Where a node stands in the user's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct At {
    /// Line, from 1.
    pub line: u32,
    /// Character in the line, from 1.
    pub column: u32,
    /// The source at that place.
    pub snippet: String,
}

impl At {
    /// A reason at this place.
    #[must_use]
    pub fn reason(&self, text: impl Into<String>) -> Reason {
        Reason {
            line: Some(self.line),
            column: Some(self.column),
            snippet: self.snippet.clone(),
            text: text.into(),
        }
    }
}

/// A statement and its place.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stmt {
    /// Its place.
    pub at: At,
    /// What it is.
    #[serde(flatten)]
    pub kind: StmtKind,
}

/// The statements.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
#[allow(missing_docs)] // the names are those of Python's own grammar
pub enum StmtKind {
    Return {
        value: Option<Expr>,
    },
    Assign {
        name: String,
        value: Expr,
    },
    Unpack {
        names: Vec<String>,
        value: Expr,
    },
    If {
        test: Expr,
        body: Vec<Stmt>,
        orelse: Vec<Stmt>,
    },
    /// `name += value`; a list grows in place.
    Augment {
        name: String,
        op: BinaryOp,
        value: Expr,
    },
    /// `a, (b, *c) = value`
    Bind {
        target: Target,
        value: Expr,
    },
    /// `target[index] = value`
    Store {
        target: Expr,
        index: Expr,
        value: Expr,
    },
    For {
        target: Target,
        iter: Expr,
        body: Vec<Stmt>,
        orelse: Vec<Stmt>,
    },
    While {
        test: Expr,
        body: Vec<Stmt>,
        orelse: Vec<Stmt>,
    },
    Break,
    Continue,
    Expr {
        value: Expr,
    },
    Raise {
        /// The class of the exception, if it is one of Python's own.
        #[serde(default)]
        kind: Option<String>,
    },
    Assert {
        test: Expr,
    },
    Try {
        body: Vec<Stmt>,
        #[serde(default)]
        handlers: Vec<Handler>,
        orelse: Vec<Stmt>,
        #[serde(default)]
        last: Vec<Stmt>,
    },
    Unsupported {
        why: String,
    },
}

/// What a loop or an assignment binds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
#[allow(missing_docs)] // the names are those of Python's own grammar
pub enum Target {
    Name { name: String },
    Starred { name: String },
    Many { items: Vec<Target> },
}

/// `except types: body`
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Handler {
    /// The classes by name; none: all exceptions.
    pub types: Option<Vec<String>>,
    /// Its statements.
    pub body: Vec<Stmt>,
}

/// An expression and its place.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Expr {
    /// Its place.
    pub at: At,
    /// What it is.
    #[serde(flatten)]
    pub kind: ExprKind,
}

/// The expressions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
#[allow(missing_docs)] // the names are those of Python's own grammar
pub enum ExprKind {
    Const {
        value: Literal,
    },
    Local {
        name: String,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Unary {
        op: UnaryOp,
        value: Box<Expr>,
    },
    Bool {
        op: BoolOp,
        values: Vec<Expr>,
    },
    Compare {
        left: Box<Expr>,
        ops: Vec<CompareOp>,
        rights: Vec<Expr>,
    },
    Choose {
        test: Box<Expr>,
        body: Box<Expr>,
        orelse: Box<Expr>,
    },
    Walrus {
        name: String,
        value: Box<Expr>,
    },
    Call {
        name: String,
        args: Vec<Expr>,
        keywords: std::collections::BTreeMap<String, Expr>,
    },
    /// The arguments in the order in which they are computed, each with its parameter.
    Inline {
        function: usize,
        args: Vec<(String, Expr)>,
    },
    Method {
        value: Box<Expr>,
        name: String,
        args: Vec<Expr>,
        keywords: std::collections::BTreeMap<String, Expr>,
    },
    Index {
        value: Box<Expr>,
        index: Box<Expr>,
    },
    Slice {
        value: Box<Expr>,
        lower: Option<Box<Expr>>,
        upper: Option<Box<Expr>>,
        step: Option<Box<Expr>>,
    },
    Format {
        parts: Vec<FormatPart>,
    },
    Sequence {
        kind: String,
        items: Vec<Expr>,
    },
    Attr {
        value: Box<Expr>,
        name: String,
    },
    Dict {
        keys: Vec<Expr>,
        values: Vec<Expr>,
    },
    /// A comprehension of the kind `list`, `set`, `dict` or `generator`.
    Comp {
        kind: String,
        element: Box<Expr>,
        /// The value of a dict's item.
        value: Option<Box<Expr>>,
        clauses: Vec<Clause>,
    },
    /// A function as an argument: one that is known, one of `functions`, or a `lambda`.
    Function {
        #[serde(default)]
        known: Option<String>,
        #[serde(default)]
        routine: Option<usize>,
        #[serde(default)]
        params: Vec<String>,
        #[serde(default)]
        body: Option<Box<Expr>>,
    },
    Types {
        names: Vec<String>,
    },
    Unsupported {
        why: String,
    },
}

/// `for target in iter if tests`
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Clause {
    /// What it binds.
    pub target: Target,
    /// What it goes through.
    pub iter: Expr,
    /// Its conditions.
    pub tests: Vec<Expr>,
}

/// A piece of an f-string.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum FormatPart {
    /// Literal text.
    Text {
        /// The text.
        text: String,
    },
    /// A formatted value.
    Value {
        /// The value.
        value: Box<Expr>,
        /// `r`, `s`, `a` or nothing; `%d` and `%f` are those of the `%` operator.
        conversion: String,
        /// The format specification.
        spec: String,
    },
}

/// A literal or captured value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "t", content = "v", rename_all = "snake_case")]
#[allow(missing_docs)] // the names are those of Python's types
pub enum Literal {
    None,
    Bool(bool),
    /// Decimal digits: Python's integers have no bounds.
    Int(String),
    /// The bits, as 16 hexadecimal digits.
    Float(String),
    Str(String),
    List(Vec<Literal>),
    Tuple(Vec<Literal>),
    Set(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
    Range([String; 3]),
    /// Days since 1970-01-01.
    Date(i64),
    /// Microseconds since 1970-01-01, without a time zone.
    Datetime(i64),
    /// Microseconds.
    Timedelta(i64),
    /// A compiled regular expression: its text and flags.
    Pattern(String, u32),
}

/// Operators between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    Shl,
    Shr,
    And,
    Or,
    Xor,
}

/// Operators on one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum UnaryOp {
    Neg,
    Pos,
    Invert,
    Not,
}

/// `and` and `or`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum BoolOp {
    And,
    Or,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Is,
    IsNot,
    In,
    NotIn,
}
