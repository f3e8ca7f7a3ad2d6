//! Hands the compiler's version and the target to the program, for `windrow doctor`.

use std::env;
use std::process::Command;

fn main() {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(compiler)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_else(|| "unknown".to_owned());
    let cargo = |name: &str| env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    let lines = [
        format!("cargo::rustc-env=WINDROW_RUSTC={}", version.trim()),
        format!("cargo::rustc-env=WINDROW_TARGET={}", cargo("TARGET")),
        format!("cargo::rustc-env=WINDROW_PROFILE={}", cargo("PROFILE")),
        "cargo::rerun-if-changed=build.rs".to_owned(),
    ];
    #[allow(clippy::print_stdout)] // How a build script speaks to cargo.
    for line in lines {
        println!("{line}");
    }
}
