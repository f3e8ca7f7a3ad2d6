//! The row interpreter: the same specification, run one row at a time over dynamic values.
//!
//! It has what straight-line operations on lanes cannot have (loops, comprehensions, lists,
//! handlers, regular expressions, dates), and it takes the rows that leave the machine before the
//! interpreter does. An answer it gives is CPython's; where it is not sure, the row leaves.
//!
//! ```text
//! FnSpec ── resolve ──► Tree: locals by number, functions by name of a closed list
//!                         │
//!     row of a batch ─────┴── exec (statements), eval (expressions) ──► value | raise | leave
//! ```

mod arith;
mod builtins;
mod civil;
mod columns;
mod compare;
mod constants;
mod dates;
mod eval;
mod exec;
mod format;
mod gather;
mod iterate;
mod list_methods;
mod match_methods;
mod math;
mod names;
mod pattern;
mod pattern_syntax;
mod repr;
mod resolve;
mod resolve_calls;
mod strptime;
mod sum;
mod text_methods;
mod tree;
mod trouble;
mod value;

pub(crate) use columns::{Reader, accepts};
pub(crate) use exec::{Answer, LIMIT, Runner};
pub(crate) use resolve::resolve;
pub(crate) use tree::Tree;
pub(crate) use trouble::Trouble;
pub(crate) use value::{Val, character};

/// The name of an exception class that is Python's own and that `raise` may name.
pub(crate) fn exception(name: &str) -> Option<&'static str> {
    trouble::Exc::named(name).map(trouble::Exc::name)
}
