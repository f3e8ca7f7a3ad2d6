//! What the doctor says of a machine that is well, of one that is not, and of this one.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use windrow_engine::settings::Settings;

use super::super::State;
use super::super::facts::{Facts, PACKAGES, Temp, gather};
use super::*;
use crate::Host;

/// A machine with all that is needed and nothing that is optional.
fn well() -> Facts {
    let packages = [
        ("windrow", "9.9.9"),
        ("pyarrow", "26.0.0"),
        ("pandas", "3.1.0"),
        ("numpy", "2.5.1"),
        ("cloudpickle", "3.1.2"),
    ];
    let mut known: BTreeMap<String, Option<String>> =
        PACKAGES.iter().map(|name| ((*name).to_owned(), None)).collect();
    known.extend(packages.map(|(name, version)| (name.to_owned(), Some(version.to_owned()))));
    let settings = Settings { workers: 2, partitions: 4, memory: 8 * GIB, ..Settings::default() };
    Facts {
        version: "9.9.9",
        compiler: "rustc 1.95.0",
        build: "release for x86_64-unknown-linux-gnu".to_owned(),
        datafusion: "55.2.0",
        settings: Ok(settings),
        kernel: Some("6.1.0".to_owned()),
        cores: 2,
        machine_cores: Some(16),
        cgroup_cores: Some(2.0),
        memory: Some(64 * GIB),
        memory_available: Some(32 * GIB),
        cgroup_memory: Some(12 * GIB),
        temp: Temp {
            path: PathBuf::from("/tmp"),
            free: Some(100 * GIB),
            is_memory: false,
            writable: Ok(()),
        },
        open_files: Some(1024),
        open_files_most: Some(4096),
        memfd: true,
        pidfd: true,
        python: Ok(Probed {
            executable: PathBuf::from("/v/bin/python3"),
            version: (3, 12, 1),
            implementation: "cpython".to_owned(),
            has_windrow: true,
            packages: known,
        }),
        programs: [("java", None), ("sbatch", None)].into(),
    }
}

/// The state, value and hint of the check of that name after `change`.
fn after(area: &str, name: &str, change: impl FnOnce(&mut Facts)) -> (State, String, String) {
    let mut facts = well();
    change(&mut facts);
    let report = judge(&facts);
    let check =
        report.checks.into_iter().find(|check| check.area == area && check.name == name).unwrap();
    (check.state, check.value, check.hint.unwrap_or_default())
}

fn python(facts: &mut Facts) -> &mut Probed {
    facts.python.as_mut().unwrap()
}

#[test]
fn a_machine_that_is_well() {
    let report = judge(&well());
    assert!(report.is_good());
    insta::assert_snapshot!(report, @r"
    windrow
      version      9.9.9
      compiler     rustc 1.95.0
      build        release for x86_64-unknown-linux-gnu
      datafusion   55.2.0
      settings     2 workers, 8.00 GiB of memory, 4 partitions

    machine
      kernel       6.1.0
      cores        2 of 16, cgroup limit 2.0
      memory       64.0 GiB, 32.0 GiB available, cgroup limit 12.0 GiB
      temp         /tmp, 100 GiB free
      open files   1024, can be raised to 4096
      memfd        yes
      pidfd        yes

    python
      interpreter  cpython 3.12.1, /v/bin/python3
      windrow      9.9.9
      pyarrow      26.0.0
      pandas       3.1.0
      numpy        2.5.1
      cloudpickle  3.1.2

    optional
    - ipython      not here
                   hint: progress in notebooks: `pip install ipython`
    - dask         not here
                   hint: to run on a Dask cluster: `pip install 'windrow[dask]'`
    - pyspark      not here
                   hint: to run on a Spark cluster: `pip install 'windrow[spark]'`
    - ray          not here
                   hint: to run on a Ray cluster: `pip install 'windrow[ray]'`
    - java         not here
                   hint: only PySpark needs it: `apt-get install default-jre-headless`
    - slurm        not here
                   hint: to run on Slurm: use a login node of the cluster

    nothing that is needed is missing
    ");
}

#[test]
fn a_temporary_folder_in_memory_or_full_or_not_there() {
    let (state, value, hint) = after("machine", "temp", |facts| facts.temp.is_memory = true);
    assert_eq!((state, value.contains("tmpfs")), (State::Warning, true));
    assert!(hint.contains("WINDROW_TEMP"));
    let (state, ..) = after("machine", "temp", |facts| facts.temp.free = Some(5));
    assert_eq!(state, State::Warning);
    let (state, ..) =
        after("machine", "temp", |facts| facts.temp.writable = Err("no such folder".to_owned()));
    assert_eq!(state, State::Bad);
}

#[test]
fn pythons_that_will_not_do() {
    let state = |name: &str, change: fn(&mut Facts)| after("python", name, change);
    let (bad, value, hint) =
        state("interpreter", |facts| facts.python = Err("none is here".to_owned()));
    assert_eq!((bad, value.as_str()), (State::Bad, "none is here"));
    assert!(hint.contains("pip install windrow"));
    assert_eq!(state("interpreter", |facts| python(facts).version = (3, 10, 9)).0, State::Bad);
    let pypy = |facts: &mut Facts| python(facts).implementation = "pypy".to_owned();
    assert_eq!(state("interpreter", pypy).0, State::Bad);
    let (bad, _, hint) = state("windrow", |facts| python(facts).has_windrow = false);
    assert_eq!((bad, hint.as_str()), (State::Bad, "`/v/bin/python3 -m pip install windrow`"));
}

#[test]
fn packages_that_are_missing_old_or_of_another_version() {
    let set = |name: &'static str, version: Option<&'static str>| {
        move |facts: &mut Facts| {
            python(facts).packages.insert(name.to_owned(), version.map(str::to_owned));
        }
    };
    let (state, value, hint) = after("python", "pyarrow", set("pyarrow", Some("17.0.1")));
    assert_eq!((state, value.as_str()), (State::Bad, "17.0.1, older than 18.0"));
    assert!(hint.contains("'pyarrow>=18.0'"), "{hint}");
    assert_eq!(after("python", "numpy", set("numpy", None)).0, State::Bad);
    assert_eq!(after("python", "pandas", set("pandas", Some("3.0.0rc1"))).0, State::Good);
    let (state, _, hint) = after("python", "windrow", set("windrow", Some("9.9.8")));
    assert_eq!(state, State::Warning);
    assert!(hint.contains("windrow==9.9.9"), "{hint}");
    assert_eq!(after("optional", "dask", set("distributed", Some("2026.8.0"))).0, State::Good);
}

#[test]
fn limits_that_are_low() {
    assert_eq!(
        after("machine", "open files", |facts| facts.open_files = Some(256)).0,
        State::Warning
    );
    assert_eq!(after("machine", "open files", |facts| facts.open_files = None).1, "no limit");
    let little = |facts: &mut Facts| facts.cgroup_memory = Some(GIB / 2);
    assert_eq!(after("machine", "memory", little).0, State::Warning);
    assert_eq!(after("machine", "memory", |facts| facts.memory = None).0, State::Warning);
    let debug = |facts: &mut Facts| facts.build = "debug for x".to_owned();
    assert_eq!(after("windrow", "build", debug).0, State::Warning);
}

#[test]
fn json_has_every_check() {
    let report = judge(&well());
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["good"], true);
    assert_eq!(json["checks"].as_array().unwrap().len(), report.checks.len());
    assert_eq!(json["checks"][0]["area"], "windrow");
    assert_eq!(json["checks"][0]["state"], "good");
}

#[test]
fn this_machine_can_be_examined() {
    let facts = gather(None, &Host::Binary);
    assert!(facts.cores >= 1 && facts.machine_cores.is_some_and(|all| all >= facts.cores));
    assert!(facts.memory.is_some_and(|bytes| bytes > 1 << 20));
    assert!(facts.temp.free.is_some());
    assert!(facts.kernel.is_some());
    assert!(judge(&facts).checks.len() > 15);
}
