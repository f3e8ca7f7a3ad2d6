//! From the specification and the types of the columns to straight-line typed operations.

// Lowering hands the place, the mask and the variables down to every node.
#![allow(clippy::too_many_arguments)]

mod arithmetic;
mod builder;
mod call;
mod characters;
mod compare;
mod expr;
pub(crate) mod flow;
mod format;
mod lookup;
mod method;

pub(crate) use builder::{Builder, Lowered, Truth, float_of};
pub(crate) use characters::{Characters, Gather};
pub(crate) use format::{FormatSpec, Grouping};
pub(crate) use lookup::Table;
