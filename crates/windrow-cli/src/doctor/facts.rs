//! What there is on this machine. Only looks; what it means is said elsewhere.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::MemfdFlags;
use rustix::process::{PidfdFlags, Resource};
use windrow_engine::machine;
use windrow_engine::settings::Settings;

use crate::Host;
use crate::interpreter::{self, Probed};

/// Python packages that are looked for.
pub(super) const PACKAGES: [&str; 9] = [
    "windrow",
    "pyarrow",
    "pandas",
    "numpy",
    "cloudpickle",
    "ipython",
    "distributed",
    "pyspark",
    "ray",
];

/// All that was found. What could not be found out is `None`.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) version: &'static str,
    pub(super) compiler: &'static str,
    pub(super) build: String,
    pub(super) datafusion: &'static str,
    pub(super) settings: Result<Settings, String>,
    pub(super) kernel: Option<String>,
    pub(super) cores: usize,
    pub(super) machine_cores: Option<usize>,
    pub(super) cgroup_cores: Option<f64>,
    pub(super) memory: Option<u64>,
    pub(super) memory_available: Option<u64>,
    pub(super) cgroup_memory: Option<u64>,
    pub(super) temp: Temp,
    pub(super) open_files: Option<u64>,
    pub(super) open_files_most: Option<u64>,
    pub(super) memfd: bool,
    pub(super) pidfd: bool,
    pub(super) python: Result<Probed, String>,
    /// Programs by name, and where they are.
    pub(super) programs: BTreeMap<&'static str, Option<PathBuf>>,
}

/// The folder for what does not fit into memory.
#[derive(Debug, Clone)]
pub(super) struct Temp {
    pub(super) path: PathBuf,
    pub(super) free: Option<u64>,
    pub(super) is_memory: bool,
    pub(super) writable: Result<(), String>,
}

/// Looks at this machine, and at the interpreter asked for or that of `host`.
pub(super) fn gather(python: Option<&Path>, host: &Host) -> Facts {
    let settings = Settings::resolve("{}").map_err(|error| error.message().to_owned());
    let folder = settings.as_ref().ok().and_then(|settings| settings.temp.clone());
    let open_files = rustix::process::getrlimit(Resource::Nofile);
    Facts {
        version: env!("CARGO_PKG_VERSION"),
        compiler: env!("WINDROW_RUSTC"),
        build: format!("{} for {}", env!("WINDROW_PROFILE"), env!("WINDROW_TARGET")),
        datafusion: datafusion::DATAFUSION_VERSION,
        kernel: read_line("/proc/sys/kernel/osrelease"),
        cores: machine::cores(),
        machine_cores: count_cores(),
        cgroup_cores: cgroup_cores(),
        memory: memory_line("MemTotal:"),
        memory_available: memory_line("MemAvailable:"),
        cgroup_memory: cgroup_files("memory.max", "memory/memory.limit_in_bytes")
            .filter_map(|text| text.parse().ok())
            // Version 1 says "no limit" with a number near the largest.
            .filter(|limit| *limit < 1 << 60)
            .min(),
        temp: temp(folder.unwrap_or_else(env::temp_dir)),
        open_files: open_files.current,
        open_files_most: open_files.maximum,
        memfd: rustix::fs::memfd_create("windrow-doctor", MemfdFlags::CLOEXEC).is_ok(),
        pidfd: rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).is_ok(),
        python: ask_python(python, host),
        programs: ["java", "sbatch"].into_iter().map(|name| (name, program(name))).collect(),
        settings,
    }
}

fn ask_python(wanted: Option<&Path>, host: &Host) -> Result<Probed, String> {
    let python = interpreter::find_any(wanted, host).map_err(|error| {
        error.to_string().lines().next().unwrap_or_default().replace("error: ", "")
    })?;
    interpreter::probe(&python, &PACKAGES)
        .map_err(|reason| format!("`{}` {reason}", python.display()))
}

fn program(name: &str) -> Option<PathBuf> {
    interpreter::on_path(OsStr::new(name), env::var_os("PATH").as_deref())
}

fn temp(path: PathBuf) -> Temp {
    /// Linux's numbers for file systems that are in memory: tmpfs and ramfs.
    const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
    let kind = rustix::fs::statfs(&path).ok();
    #[allow(clippy::cast_sign_loss)] // A number of 32 bits, whatever the type of the field.
    let is_memory =
        kind.is_some_and(|found| IN_MEMORY.contains(&(found.f_type as u64 & 0xffff_ffff)));
    let free = rustix::fs::statvfs(&path).ok().map(|space| space.f_bavail * space.f_frsize);
    let writable = tempfile::tempfile_in(&path).map(|_| ()).map_err(|error| error.to_string());
    Temp { path, free, is_memory, writable }
}

fn read_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.trim().to_owned())
}

fn memory_line(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn count_cores() -> Option<usize> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    Some(text.lines().filter(|line| line.starts_with("processor")).count()).filter(|it| *it > 0)
}

/// The share of processors that our control group may use, in cores.
fn cgroup_cores() -> Option<f64> {
    let second_version = cgroup_files("cpu.max", "-").filter_map(|text| {
        let (quota, period) = text.split_once(' ')?;
        Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
    });
    let number = |name: &str| -> Option<f64> {
        read_line(&format!("/sys/fs/cgroup/cpu/{name}"))?.parse().ok().filter(|it| *it > 0.0)
    };
    let first_version =
        number("cpu.cfs_quota_us").zip(number("cpu.cfs_period_us")).map(|(one, other)| one / other);
    second_version.chain(first_version).min_by(f64::total_cmp)
}

/// What a limit's file says, for our control group and all above it (version 2) or in version 1.
fn cgroup_files(second: &str, first: &str) -> impl Iterator<Item = String> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").to_owned();
    let root = Path::new("/sys/fs/cgroup");
    let group = root.join(own.trim_start_matches('/'));
    let mut files: Vec<PathBuf> = group
        .ancestors()
        .take_while(|folder| folder.starts_with(root))
        .map(|folder| folder.join(second))
        .collect();
    files.push(root.join(first));
    files.into_iter().filter_map(|path| read_line(&path.to_string_lossy()))
}
