//! Running a dataset: to batches, to a count, to files; with progress and one failure told.

mod collect;
mod encode;
mod watch;
mod write;

pub use write::{WriteFormat, WriteOptions};
