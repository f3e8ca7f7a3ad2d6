//! A Python function in a plan: its description, its lifted form and its verdict.

mod explain;
mod function;

pub use function::{CallForm, DescriptionError, Function, Nulls, Reason, Verdict};
