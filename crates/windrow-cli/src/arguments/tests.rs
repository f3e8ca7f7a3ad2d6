//! What is understood, and what is said about what is not.
#![allow(clippy::unwrap_used)]

use clap::Parser;

use super::{Arguments, Command, OutputFormat, Script};

fn parse(line: &str) -> Command {
    Arguments::try_parse_from(line.split(' ')).unwrap().command
}

fn error(line: &str) -> String {
    Arguments::try_parse_from(line.split(' ')).unwrap_err().to_string()
}

#[test]
fn options_after_the_script_are_the_scripts() {
    let Command::Run(run) = parse("windrow run --workers 3 job.py --workers 9 -m --help x") else {
        panic!("not run");
    };
    let Script::Given(script) = run.script;
    assert_eq!(script, ["job.py", "--workers", "9", "-m", "--help", "x"]);
    assert_eq!((run.settings.workers, run.module), (Some(3), false));
}

#[test]
fn a_module_takes_arguments_too() {
    let Command::Run(run) = parse("windrow run -m pkg.job -v") else { panic!("not run") };
    let Script::Given(script) = run.script;
    assert_eq!((script, run.module), (vec!["pkg.job".into(), "-v".into()], true));
}

#[test]
fn settings_become_json_and_variables() {
    let line = "windrow run --workers 3 --memory 8GB --temp /t --no-progress job.py";
    let Command::Run(run) = parse(line) else { panic!("not run") };
    insta::assert_snapshot!(run.settings.json(), @r#"{"memory":"8GB","progress":false,"temp":"/t","workers":3}"#);
    let variables: Vec<String> = run
        .settings
        .environment()
        .into_iter()
        .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
        .collect();
    insta::assert_snapshot!(variables.join(" "), @"WINDROW_WORKERS=3 WINDROW_MEMORY=8GB WINDROW_TEMP=/t WINDROW_PROGRESS=false");
}

#[test]
fn the_last_word_on_progress_counts() {
    let Command::Run(run) = parse("windrow run --no-progress --progress x.py") else {
        panic!("not run")
    };
    assert_eq!(run.settings.json(), "{\"progress\":true}");
    let Command::Run(run) = parse("windrow run --progress --no-progress x.py") else {
        panic!("not run")
    };
    assert_eq!(run.settings.json(), "{\"progress\":false}");
}

#[test]
fn tables_have_names_and_paths() {
    let Command::Sql(sql) = parse("windrow sql q -t a=x.csv --table b=s3://k/v=1/*.parquet") else {
        panic!("not sql");
    };
    let expected = [("a", "x.csv"), ("b", "s3://k/v=1/*.parquet")];
    assert_eq!(sql.tables, expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
    assert_eq!((sql.format, sql.rows), (OutputFormat::Table, 100));
}

#[test]
fn what_is_not_understood_is_explained() {
    insta::assert_snapshot!(error("windrow sql q --table x.parquet"), @r"
    error: invalid value 'x.parquet' for '--table <NAME=PATH>': write the table's name before its path: `x=file.parquet`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(error("windrow sql q --table 1x=x.parquet"), @r"
    error: invalid value '1x=x.parquet' for '--table <NAME=PATH>': `1x` is no name for a table: use letters, digits and `_`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(error("windrow run --wrokers 3 job.py"), @r"
    error: unexpected argument '--wrokers' found

      tip: a similar argument exists: '--workers'

    Usage: windrow run [OPTIONS] <SCRIPT> [ARGUMENTS]...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(error("windrow sq q"), @r"
    error: unrecognized subcommand 'sq'

      tip: a similar subcommand exists: 'sql'

    Usage: windrow <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(error("windrow --version"), format!("windrow {}\n", env!("CARGO_PKG_VERSION")));
}
