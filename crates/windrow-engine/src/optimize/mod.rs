//! Our rules beside DataFusion's.

mod row_order;

pub use row_order::KeepRowOrder;
