//! Forking and waiting: what Rust's standard library does not offer.
#![allow(unsafe_code)]

use std::io;

use pyo3::ffi;
use pyo3::prelude::*;
use windrow_workers::launch::Exit;

/// Which side of a fork this is.
pub(super) enum Fork {
    Parent(i32),
    Child,
}

/// Forks this process with the interpreter told about it, as `os.fork()` does.
pub(super) fn fork(_py: Python<'_>) -> io::Result<Fork> {
    // SAFETY: the interpreter's lock is held, as the three hooks demand. The fork server has one
    // thread, so the child has all locks in a known state; `fork_server` reports when it has more.
    unsafe {
        ffi::PyOS_BeforeFork();
        let pid = libc::fork();
        if pid == 0 {
            ffi::PyOS_AfterFork_Child();
            return Ok(Fork::Child);
        }
        let error = io::Error::last_os_error();
        ffi::PyOS_AfterFork_Parent();
        if pid < 0 { Err(error) } else { Ok(Fork::Parent(pid)) }
    }
}

/// How the child `pid` ended, if it has.
pub(super) fn reap(pid: i32) -> Option<Exit> {
    let mut status = 0;
    // SAFETY: `rusage` is plain data for which all bytes zero is a value; both pointers are to
    // locals that live through the call.
    let (reaped, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &raw mut status, libc::WNOHANG, &raw mut usage), usage)
    };
    if reaped != pid {
        return None;
    }
    let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    let kibibytes = u64::try_from(usage.ru_maxrss).unwrap_or(0);
    Some(Exit { signal, code, peak_memory: Some(kibibytes * 1024) })
}
