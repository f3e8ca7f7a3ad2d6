//! The session's folder for temporary files; nothing of it outlives the session.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Fault, Result};

const PREFIX: &str = "windrow-";

/// A folder that belongs to this process: `windrow-<pid>-<n>`.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    owner: u32,
}

impl Scratch {
    pub(super) fn new(parent: Option<&Path>) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        sweep(&parent);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| {
            Error::new(
                Fault::Resources,
                format!("cannot make the folder `{}` for temporary files: {error}", path.display()),
            )
            .hint("set `temp` to a folder that can be written")
        })?;
        Ok(Self { path, owner: std::process::id() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process made it: a fork has the same object and must leave the folder alone.
    pub(super) fn is_ours(&self) -> bool {
        self.owner == std::process::id()
    }

    pub(super) fn remove(&self) {
        if !self.is_ours() {
            return;
        }
        // What cannot be removed now is swept by the next session.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what processes that were killed left behind.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse::<u32>().ok());
        if let Some(pid) = owner
            && Path::new("/proc/self").exists()
            && !Path::new(&format!("/proc/{pid}")).exists()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
