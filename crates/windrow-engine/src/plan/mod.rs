//! Datasets (lazy plans), the expressions in them, and how both become DataFusion's logical plan.

mod condition;
mod dataset;
mod expr;
mod infer;
mod lower;
mod lower_aggregate;
mod lower_call;
mod lower_expr;
mod lower_join;

pub use datafusion::scalar::ScalarValue;
pub(crate) use dataset::no_column;
pub use dataset::{Dataset, JoinKind, JoinSpec, Node, ScanNode, SortKey};
pub use expr::{Apply, BinaryOp, Expr, UnaryOp};
