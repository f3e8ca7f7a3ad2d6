//! What this machine, or the control group we are in, gives us: cores and memory.

use std::fs;
use std::thread::available_parallelism;

/// The number of cores this process may use (affinity and cgroup quota included).
#[must_use]
pub fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Bytes of memory this process may use: the cgroup's limit or the machine's, whichever is less.
///
/// `None` where neither can be read.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    [cgroup_limit("/sys/fs/cgroup/memory.max"), own_cgroup_limit(), total_memory()]
        .into_iter()
        .flatten()
        .min()
}

fn total_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// `memory.max` of the cgroup (version 2) that this process is in.
fn own_cgroup_limit() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    cgroup_limit(&format!("/sys/fs/cgroup{path}/memory.max"))
}

fn cgroup_limit(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The most memory that this process has held, in bytes.
#[must_use]
pub fn peak_memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
