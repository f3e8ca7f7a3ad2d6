//! A dataset as bytes: what travels to the processes that run its stages.
//!
//! ```text
//! ┌──────────┬────────────────────────────────────┬─────────┬─────────┬ …
//! │ head len │ JSON: steps, expressions, sources  │ blob 0  │ blob 1  │   pickled functions, tables
//! └──────────┴────────────────────────────────────┴─────────┴─────────┴ …
//! ```
//!
//! The plan itself does not travel: every process plans the same program with the same options of
//! the same build, cuts it the same way, and compares a digest of what came out. So there is no
//! operator that could run but not be encoded, and nothing of a plan is lost on the way.
//!
//! Encoding is deterministic: the same program gives the same bytes, in another process too.

mod decode;
mod encode;
mod steps;
mod values;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub(crate) use decode::decode;
pub(crate) use encode::encode;

use crate::source::FileSource;

/// What a scan was made from.
#[derive(Debug, Clone)]
pub enum Recipe {
    /// Files; opened again wherever the scan runs, and compared with what they were.
    Files(Box<FileSource>),
    /// Rows in memory, by partition.
    Batches {
        /// Their columns.
        schema: SchemaRef,
        /// The rows of each partition.
        partitions: Arc<Vec<Vec<RecordBatch>>>,
    },
}

/// A digest that is the same in every process of a build.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::hash::Hasher;
    // Two passes with different starts: 128 bits, so that different programs are told apart.
    let pass = |start: u8| {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u8(start);
        hasher.write(bytes);
        hasher.finish()
    };
    format!("{:016x}{:016x}", pass(0), pass(1))
}
