//! A Python function in a plan: its description, its lifted form and its verdict; and the
//! compiler and the machine that run it natively over Arrow columns.
//!
//! ```text
//! FnSpec (JSON from Python) + Arrow schema
//!    │  lower    types, inlining, branches to selection      lower/ -> ir
//!    ▼
//! straight-line operations on lanes, with masks and exits    ir
//!    │  plan     unread results dropped, registers shared    machine/plan
//!    ▼
//! one row for each value of a column with few of them        repeats
//!    ▼
//! blocks of 1,024 lanes through the register machine         machine/, kernel/
//!    ▼
//! answers, and the rows that left for the interpreter        result, program
//! ```

mod explain;
mod function;
mod ir;
mod kernel;
mod lower;
mod machine;
mod nested;
mod program;
mod repeats;
mod result;
mod row;
mod rows;
mod spec;
mod value;

pub use function::{CallForm, DescriptionError, Function, Nulls, Reason, Verdict};
pub use ir::Exit;
pub use program::{Outcome, Program, compile};
pub use spec::{
    At, BinaryOp, BoolOp, Clause, CompareOp, Expr, ExprKind, FnSpec, FormatPart, Handler, Literal,
    Routine, SpecError, Stmt, StmtKind, Target, UnaryOp,
};
