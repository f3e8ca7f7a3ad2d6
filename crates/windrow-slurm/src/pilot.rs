//! A few long jobs that pull tasks from a queue of files on shared storage.
//!
//! ```text
//!  driver ─ put ─► todo/0000000007.12.3.KEY ─ rename ─► taken/PILOT/KEY ─ done ─► outcomes/KEY.json
//!                        any pilot may try: only one rename succeeds
//! ```

mod queue;
mod work;

pub use queue::{Next, Queue, Taken, Taker};
pub use work::{Pilot, Summary, Why};

use std::fs;
use std::io;
use std::path::Path;

/// Writes a file so that a reader sees all of it or none.
///
/// # Errors
/// A folder that cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Two executions of one attempt may write the same file at the same time.
    let aside = path.with_file_name(format!(".{name}.{}", nonce()));
    let written = fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // The first error is what counts.
        let _ = fs::remove_file(&aside);
    }
    written
}

fn nonce() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
