//! The command as a user runs it: exit codes, what goes to which stream, which Python it finds.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A folder of its own to run the command in, without any Python but those put there.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path().join("bin")).unwrap();
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path().join(name), text).unwrap();
        self
    }

    /// A program that answers the probe as a Python does, and else says how it was called.
    fn python(&self, name: &str, version: &str, has_windrow: bool) -> &Self {
        let script = format!(
            r#"#!/bin/sh
if [ "$1" = -c ]; then
  echo '{{"executable": "{name}", "version": [{version}], "implementation": "cpython", "has_windrow": {has_windrow}, "packages": {{}}}}'
else
  echo "{name} $*"
  env | grep ^WINDROW_ | sort
  exit 7
fi
"#
        );
        self.program(name, &script)
    }

    fn program(&self, name: &str, script: &str) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windrow"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WINDROW_") {
                command.env_remove(name);
            }
        }
        let path = format!("{}:/usr/bin:/bin", self.path().join("bin").display());
        command.env_remove("VIRTUAL_ENV").env("PATH", path);
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&self.command(arguments).output().unwrap(), self)
    }
}

#[derive(Debug)]
struct Outcome {
    code: i32,
    out: String,
    err: String,
}

impl Outcome {
    fn of(output: &Output, place: &Place) -> Self {
        let folder = place.path().to_string_lossy().into_owned();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder, "HERE");
        Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

/// A folder with a table of three rows.
fn with_table() -> Place {
    let place = Place::new();
    place.file("t.csv", "a,b\n1,x\n2,y\n3,\n");
    place
}

#[test]
fn a_script_runs_in_the_first_python_with_windrow_and_its_exit_code_is_ours() {
    let place = Place::new();
    place.file("job.py", "").python("bin/python3", "3, 12, 0", false);
    place.python("bin/python3.12", "3, 10, 0", true).python("bin/python3.11", "3, 11, 7", true);
    let outcome =
        place.run(&["run", "--workers", "3", "--no-progress", "job.py", "--workers", "x"]);
    assert_eq!(outcome.code, 7, "{outcome:?}");
    assert_eq!(
        outcome.out,
        "bin/python3.11 job.py --workers x\nWINDROW_PROGRESS=false\nWINDROW_WORKERS=3\n"
    );
}

#[test]
fn the_virtual_environment_comes_first_and_an_option_before_it() {
    let place = Place::new();
    place.python("bin/python3", "3, 12, 0", true).python("venv/bin/python3", "3, 12, 0", true);
    let active = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("VIRTUAL_ENV", place.path().join("venv"));
        Outcome::of(&command.output().unwrap(), &place).out
    };
    assert_eq!(active(&["run", "-m", "pkg.mod", "-v"]), "venv/bin/python3 -m pkg.mod -v\n");
    let named = active(&["run", "--python", "bin/python3", "-m", "pkg.mod"]);
    assert_eq!(named, "bin/python3 -m pkg.mod\n");
    place.python("bin/python3.11", "3, 11, 0", true);
    assert_eq!(active(&["run", "--python", "3.11", "-m", "m"]), "bin/python3.11 -m m\n");
}

#[test]
fn without_a_python_that_will_do_it_says_what_it_saw_and_what_to_do() {
    let place = Place::new();
    place.file("job.py", "").python("bin/python3", "3, 12, 0", false);
    place.program("bin/python3.13", "#!/bin/sh\necho broken >&2\nexit 1\n");
    let mut command = place.command(&["run", "job.py"]);
    command.env("PATH", place.path().join("bin"));
    let outcome = Outcome::of(&command.output().unwrap(), &place);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.err, @r"
    error: no Python 3.11 or newer has windrow installed
      caused by: `HERE/bin/python3` has no windrow installed
      caused by: `HERE/bin/python3.13` does not answer: broken
    hint: install it: `HERE/bin/python3 -m pip install windrow`
    hint: or name the Python that has it: `windrow run --python PATH script.py`
    ");
}

#[test]
fn a_script_that_is_not_there() {
    let place = Place::new();
    place.file("job.py", "").python("bin/python3", "3, 12, 0", true);
    let outcome = place.run(&["run", "jbo.py"]);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.err, @r"
    error: there is no script `jbo.py`
    hint: did you mean `job.py`?
    ");
    assert!(place.run(&["run", "pkg.mod"]).err.contains("there is no script"));
}

#[test]
fn bad_settings_are_told_before_anything_starts() {
    let place = Place::new();
    place.file("job.py", "");
    let outcome = place.run(&["run", "--memory", "lots", "job.py"]);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.err, @"error: bad settings: `lots` is no size; write `8GB` or `512MiB`");
}

#[test]
fn a_query_is_shown() {
    let outcome = with_table().run(&["sql", "select a, b from t where a > 1", "-t", "t=t.csv"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
    insta::assert_snapshot!(outcome.out, @r"
    +---+------+
    | a | b    |
    +---+------+
    | 2 | y    |
    | 3 | null |
    +---+------+
    ");
}

#[test]
fn a_long_result_is_cut_and_says_so() {
    let outcome = with_table().run(&["sql", "select a from t", "-t", "t=t.csv", "--rows", "2"]);
    assert_eq!((outcome.code, outcome.out.lines().count()), (0, 6), "{outcome:?}");
    assert!(outcome.err.starts_with("there are more rows"), "{outcome:?}");
    let whole = with_table().run(&["sql", "select a from t", "-t", "t=t.csv", "--rows", "3"]);
    assert_eq!((whole.out.lines().count(), whole.err.as_str()), (7, ""));
}

#[test]
fn a_result_without_rows_has_a_head() {
    let outcome = with_table().run(&["sql", "select a from t where a > 9", "-t", "t=t.csv"]);
    assert!(outcome.out.contains("| a |"), "{outcome:?}");
}

#[test]
fn rows_as_csv_and_json() {
    let place = with_table();
    let shown = |format: &str| {
        place.run(&["sql", "select * from t;", "-t", "t=t.csv", "--format", format]).out
    };
    assert_eq!(shown("csv"), "a,b\n1,x\n2,y\n3,\n");
    let json = "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n{\"a\":3,\"b\":null}\n";
    assert_eq!(shown("json"), json);
}

#[test]
fn what_is_written_can_be_read_again() {
    for name in ["o.parquet", "o.csv", "o.json"] {
        let place = with_table();
        let wrote = place.run(&["sql", "select a from t", "-t", "t=t.csv", "--out", name]);
        assert_eq!((wrote.code, wrote.out.as_str()), (0, ""), "{name}: {wrote:?}");
        let table = format!("t={name}");
        let read = place.run(&["sql", "select sum(a) as s from t", "-t", &table, "-f", "csv"]);
        assert_eq!(read.out, "s\n6\n", "{name}: {read:?}");
    }
}

#[test]
fn the_query_can_come_from_standard_input() {
    let place = with_table();
    let mut command = place.command(&["sql", "-", "-t", "t=t.csv", "-f", "csv"]);
    place.file("q.sql", "select count(*) as n\nfrom t;\n");
    command.stdin(fs::File::open(place.path().join("q.sql")).unwrap());
    assert_eq!(Outcome::of(&command.output().unwrap(), &place).out, "n\n3\n");
}

/// What is said about a query or its tables that will not do.
fn refused(arguments: &[&str]) -> String {
    let outcome = with_table().run(&[&["sql"], arguments].concat());
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""), "{outcome:?}");
    outcome.err
}

#[test]
fn queries_that_will_not_do() {
    insta::assert_snapshot!(refused(&["select * from u", "-t", "t=t.csv"]), @r"
    error: there is no table `u`
    hint: say what it is: `--table u=FILE`
    ");
    insta::assert_snapshot!(refused(&["select c from t", "-t", "t=t.csv"]), @r"
    error: there is no column `c`
    hint: the columns are `a`, `b`
    ");
    insta::assert_snapshot!(refused(&["drop table t", "-t", "t=t.csv"]), @r"
    error: only queries can be run here
    hint: write `select ...`
    ");
    insta::assert_snapshot!(refused(&[" ; "]), @r"
    error: the query is empty
    hint: write `select ...`
    ");
}

#[test]
fn tables_that_will_not_do() {
    insta::assert_snapshot!(refused(&["select 1", "-t", "t=t.xlsx"]), @r"
    error: cannot tell the format of table `t` from `t.xlsx`
    hint: the files must end in .csv, .tsv, .parquet, .json, .jsonl, .ndjson or .txt, with .gz or .zst after it or not
    ");
    insta::assert_snapshot!(refused(&["select 1", "-t", "t=t.csv", "-t", "t=t.csv"]), @"error: table `t` is given twice");
    assert!(refused(&["select * from t", "-t", "t=nope.csv"]).contains("no such file: `nope.csv`"));
    insta::assert_snapshot!(refused(&["select * from t", "-t", "t=t.csv", "-o", "x.xls"]), @r"
    error: cannot tell what to write from `x.xls`
    hint: let it end in .parquet, .csv or .json
    ");
}

#[test]
fn temporary_files_are_removed() {
    let place = with_table();
    fs::create_dir(place.path().join("tmp")).unwrap();
    place.run(&["sql", "select * from t", "-t", "t=t.csv", "-f", "csv", "--temp", "tmp"]);
    assert_eq!(fs::read_dir(place.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let place = Place::new();
    let rows = "select value from generate_series(1, 200000) as t(value)";
    let mut child = place
        .command(&["sql", rows, "-f", "csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}

#[test]
fn an_interrupt_ends_a_query_and_removes_its_temporary_files() {
    let place = Place::new();
    let temp = place.path().join("tmp");
    fs::create_dir(&temp).unwrap();
    let endless = "select count(*) from generate_series(1, 100000) a(x) \
                   join generate_series(1, 1000000000) b(y) on a.x < b.y";
    let child = place
        .command(&["sql", endless, "--temp", "tmp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its folder for temporary files is made after it watches for interrupts.
    while fs::read_dir(&temp).unwrap().count() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(130), 0), "{output:?}");
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
}

#[test]
fn the_doctor_answers_in_json_and_fails_without_a_python() {
    let place = Place::new();
    let mut command = place.command(&["doctor", "--json"]);
    command.env("PATH", place.path().join("bin"));
    let outcome = Outcome::of(&command.output().unwrap(), &place);
    let report: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!((outcome.code, &report["good"]), (1, &serde_json::Value::Bool(false)));
    let bad: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["state"] == "bad")
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(bad, ["interpreter"]);
}

#[test]
fn the_version_and_what_is_no_command() {
    let place = Place::new();
    let version = place.run(&["--version"]);
    assert_eq!(
        (version.code, version.out),
        (0, format!("windrow {}\n", env!("CARGO_PKG_VERSION")))
    );
    let wrong = place.run(&["sqll", "select 1"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(wrong.err.contains("'sql'"), "{}", wrong.err);
    let script = place.run(&["job.py", "--fast"]);
    assert_eq!((script.code, script.out.as_str()), (1, ""));
    assert!(script.err.contains("hint: `windrow run job.py`"), "{}", script.err);
}
