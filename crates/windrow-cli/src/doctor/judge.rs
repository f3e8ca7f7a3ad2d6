//! What the facts mean. Pure.

use windrow_events::display::size;

use super::facts::Facts;
use super::report::{Finding, Report};
use crate::interpreter::{OLDEST, Probed};

/// Required packages and the oldest version that will do.
const REQUIRED: [(&str, (u32, u32)); 4] =
    [("pyarrow", (18, 0)), ("pandas", (2, 2)), ("numpy", (1, 26)), ("cloudpickle", (3, 0))];
/// Below this a run of many files may fail.
const OPEN_FILES: u64 = 1024;
const GIB: u64 = 1 << 30;

/// Says of each fact whether it is as it should be, and what to do if not.
pub(super) fn judge(facts: &Facts) -> Report {
    let mut report = Report::default();
    windrow(facts, &mut report);
    machine(facts, &mut report);
    python(facts, &mut report);
    optional(facts, &mut report);
    report
}

fn windrow(facts: &Facts, report: &mut Report) {
    report.add("windrow", "version", Finding::good(facts.version));
    report.add("windrow", "compiler", Finding::good(facts.compiler));
    let build = if facts.build.starts_with("debug") {
        Finding::warning(&facts.build, "this build is slow: build it with `--release`")
    } else {
        Finding::good(&facts.build)
    };
    report.add("windrow", "build", build);
    report.add("windrow", "datafusion", Finding::good(facts.datafusion));
    let settings = match &facts.settings {
        Ok(settings) => Finding::good(format!(
            "{} workers, {} of memory, {} partitions",
            settings.workers,
            size(settings.memory),
            settings.partitions
        )),
        Err(message) => Finding::bad(message, "look at the variables `WINDROW_*`"),
    };
    report.add("windrow", "settings", settings);
}

fn machine(facts: &Facts, report: &mut Report) {
    let mut add = |name: &str, finding| report.add("machine", name, finding);
    add("kernel", Finding::good(facts.kernel.as_deref().unwrap_or("unknown")));
    add("cores", Finding::good(cores(facts)));
    add("memory", memory(facts));
    add("temp", temp(facts));
    add("open files", open_files(facts));
    add(
        "memfd",
        match facts.memfd {
            true => Finding::good("yes"),
            false => Finding::warning("no", "workers share data through files; Linux 3.17 has it"),
        },
    );
    add(
        "pidfd",
        match facts.pidfd {
            true => Finding::good("yes"),
            false => Finding::warning("no", "workers start slower; Linux 5.3 has it"),
        },
    );
}

fn cores(facts: &Facts) -> String {
    let mut text = facts.cores.to_string();
    if let Some(all) = facts.machine_cores.filter(|all| *all != facts.cores) {
        text += &format!(" of {all}");
    }
    match facts.cgroup_cores {
        Some(limit) => text + &format!(", cgroup limit {limit:.1}"),
        None => text + ", no cgroup limit",
    }
}

fn memory(facts: &Facts) -> Finding {
    let Some(total) = facts.memory else {
        return Finding::warning("unknown", "set `WINDROW_MEMORY`, such as `8GB`");
    };
    let mut text = size(total);
    if let Some(available) = facts.memory_available {
        text += &format!(", {} available", size(available));
    }
    match facts.cgroup_memory {
        Some(limit) => text += &format!(", cgroup limit {}", size(limit)),
        None => text += ", no cgroup limit",
    }
    if facts.cgroup_memory.unwrap_or(total).min(total) < GIB {
        Finding::warning(text, "little for Python workers: use `--workers 1`")
    } else {
        Finding::good(text)
    }
}

fn temp(facts: &Facts) -> Finding {
    const HINT: &str = "set `--temp` or `WINDROW_TEMP` to a folder on a disk with space";
    let temp = &facts.temp;
    let mut text = temp.path.display().to_string();
    if let Err(reason) = &temp.writable {
        return Finding::bad(format!("{text} cannot be written: {reason}"), HINT);
    }
    if let Some(free) = temp.free {
        text += &format!(", {} free", size(free));
    }
    if temp.is_memory {
        text += ", in memory (tmpfs)";
        return Finding::warning(text, format!("what is spilled there saves no memory: {HINT}"));
    }
    if temp.free.is_some_and(|free| free < GIB) {
        Finding::warning(text, HINT)
    } else {
        Finding::good(text)
    }
}

fn open_files(facts: &Facts) -> Finding {
    let Some(limit) = facts.open_files else { return Finding::good("no limit") };
    let text = match facts.open_files_most {
        Some(most) if most != limit => format!("{limit}, can be raised to {most}"),
        _ => limit.to_string(),
    };
    if limit < OPEN_FILES {
        Finding::warning(text, format!("`ulimit -n {OPEN_FILES}` before a run over many files"))
    } else {
        Finding::good(text)
    }
}

fn python(facts: &Facts, report: &mut Report) {
    let mut add = |name: &str, finding| report.add("python", name, finding);
    let probed = match &facts.python {
        Ok(probed) => probed,
        Err(reason) => {
            let hint = format!(
                "install Python {}.{} or newer, then `python3 -m pip install windrow`",
                OLDEST.0, OLDEST.1
            );
            return add("interpreter", Finding::bad(reason, hint));
        }
    };
    let python = probed.executable.display();
    let (major, minor, patch) = probed.version;
    let text = format!("{} {major}.{minor}.{patch}, {python}", probed.implementation);
    if (major, minor) < OLDEST {
        let hint = format!("windrow needs Python {}.{} or newer", OLDEST.0, OLDEST.1);
        add("interpreter", Finding::bad(text, hint));
    } else if probed.implementation != "cpython" {
        add("interpreter", Finding::bad(text, "windrow runs in CPython only"));
    } else {
        add("interpreter", Finding::good(text));
    }
    add("windrow", package_of_ours(facts, probed));
    if !probed.has_windrow {
        // What it requires comes with it.
        return;
    }
    for (name, oldest) in REQUIRED {
        add(name, required(probed, name, oldest));
    }
}

fn package_of_ours(facts: &Facts, probed: &Probed) -> Finding {
    let python = probed.executable.display();
    match installed(probed, "windrow") {
        _ if !probed.has_windrow => {
            Finding::bad("not installed", format!("`{python} -m pip install windrow`"))
        }
        None => Finding::good("imported from a folder, not installed"),
        Some(version) if version == facts.version => Finding::good(version),
        Some(version) => Finding::warning(
            format!("{version}, this command is {}", facts.version),
            format!("`{python} -m pip install windrow=={}`", facts.version),
        ),
    }
}

fn required(probed: &Probed, name: &str, oldest: (u32, u32)) -> Finding {
    let install = |what: &str| format!("`{} -m pip install {what}`", probed.executable.display());
    let Some(version) = installed(probed, name) else {
        return Finding::bad("not installed", install(name));
    };
    if release(version).is_some_and(|found| found < oldest) {
        let (major, minor) = oldest;
        let hint = install(&format!("'{name}>={major}.{minor}'"));
        return Finding::bad(format!("{version}, older than {major}.{minor}"), hint);
    }
    Finding::good(version)
}

fn installed<'a>(probed: &'a Probed, name: &str) -> Option<&'a str> {
    probed.packages.get(name)?.as_deref()
}

/// The first two numbers of a version; `None` where it does not start with such.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    let major = numbers.next()?.parse().ok()?;
    Some((major, numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
}

fn optional(facts: &Facts, report: &mut Report) {
    let package = |name: &str, what: &str, hint: &str| {
        let version = facts.python.as_ref().ok().and_then(|probed| installed(probed, name));
        version
            .map_or_else(|| Finding::absent(format!("{what}: `pip install {hint}`")), Finding::good)
    };
    let program = |name: &str, hint: &str| match facts.programs.get(name) {
        Some(Some(path)) => Finding::good(path.display().to_string()),
        _ => Finding::absent(hint),
    };
    let mut add = |name: &str, finding| report.add("optional", name, finding);
    add("ipython", package("ipython", "progress in notebooks", "ipython"));
    add("dask", package("distributed", "to run on a Dask cluster", "'windrow[dask]'"));
    add("pyspark", package("pyspark", "to run on a Spark cluster", "'windrow[spark]'"));
    add("ray", package("ray", "to run on a Ray cluster", "'windrow[ray]'"));
    add("java", program("java", "only PySpark needs it: `apt-get install default-jre-headless`"));
    add("slurm", program("sbatch", "to run on Slurm: use a login node of the cluster"));
}

#[cfg(test)]
mod tests;
