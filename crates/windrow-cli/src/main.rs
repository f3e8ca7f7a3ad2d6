//! The `windrow` command as cargo builds it.

use std::process::ExitCode;

use windrow_cli::Host;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(windrow_cli::main(std::env::args_os().collect(), &Host::Binary))
}
