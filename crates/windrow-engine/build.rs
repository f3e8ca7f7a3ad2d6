//! Names the build: a digest of the sources that decide how tasks plan and what their bytes mean.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let mut hasher = DefaultHasher::new();
    for root in ["src", "../windrow-tasks/src", "../windrow-functions/src", "../../Cargo.lock"] {
        println!("cargo:rerun-if-changed={root}");
        let mut files = Vec::new();
        collect(Path::new(root), &mut files);
        files.sort();
        for file in files {
            hasher.write(file.to_string_lossy().as_bytes());
            hasher.write(&fs::read(&file).unwrap_or_default());
        }
    }
    for name in ["TARGET", "RUSTFLAGS"] {
        hasher.write(env::var(name).unwrap_or_default().as_bytes());
    }
    println!("cargo:rustc-env=WINDROW_BUILD={:016x}", hasher.finish());
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else {
        if path.is_file() {
            files.push(path.to_owned());
        }
        return;
    };
    for entry in entries.flatten() {
        collect(&entry.path(), files);
    }
}
