//! Single values: what Python answers for one number or text, for the inputs we take.

pub(crate) mod float_text;
pub(crate) mod format;
pub(crate) mod letters;
pub(crate) mod number;
pub(crate) mod parse;
pub(crate) mod part;
pub(crate) mod text;
