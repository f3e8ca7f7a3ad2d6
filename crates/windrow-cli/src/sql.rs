//! `windrow sql`: a query over files, shown or written. What it needs of the engine is used here only.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use windrow_engine::plan::{Dataset, Node};
use windrow_engine::run::{WriteFormat, WriteOptions};
use windrow_engine::session::{Session, Surroundings};
use windrow_engine::settings::Settings;
use windrow_engine::source::{FileSource, Format};

use crate::arguments::{OutputFormat, SqlArguments};
use crate::console::Console;
use crate::error::{CliError, Exit};
use crate::interrupt::Interrupt;
use crate::progress::TerminalBar;

/// Runs the query; its result goes to `console` or to the file that is named.
pub(crate) fn run(arguments: &SqlArguments, console: &mut Console) -> Result<(), Exit> {
    let query = read_query(&arguments.query)?;
    let target = arguments.out.as_deref().map(written_format).transpose()?;
    let sources = sources(&arguments.tables)?;
    let settings = Settings::resolve(&arguments.settings.json())?;
    let session = open(settings)?;
    let outcome = run_in(&session, &query, sources, |dataset| match target {
        Some(format) => write(dataset, format, arguments.out.as_deref().unwrap_or_default()),
        None => show(dataset, arguments, console),
    });
    session.close();
    outcome
}

fn open(settings: Settings) -> Result<Session, Exit> {
    let interrupt = Interrupt::watch();
    let bar = TerminalBar::new(settings.progress);
    let surroundings = Surroundings {
        interrupted: Box::new(move || interrupt.is_raised()),
        ..Surroundings::bare()
    };
    surroundings.events.add(Arc::new(bar));
    Ok(Session::new(settings, surroundings)?)
}

fn run_in(
    session: &Session,
    query: &str,
    sources: Vec<(String, FileSource)>,
    finish: impl FnOnce(Dataset) -> Result<(), Exit>,
) -> Result<(), Exit> {
    let mut tables = Vec::with_capacity(sources.len());
    for (name, source) in sources {
        let table = session.scan(source, &name)?;
        tables.push((name, table));
    }
    finish(session.sql(query, tables).map_err(|error| {
        match unknown_table(error.message()) {
            Some(name) => CliError::new(format!("there is no table `{name}`"))
                .hint(format!("say what it is: `--table {name}=FILE`"))
                .into(),
            None => Exit::from(error),
        }
    })?)
}

/// The table that a query names and that is not given, if that is what `message` says.
fn unknown_table(message: &str) -> Option<&str> {
    message.strip_prefix("there is no table `")?.strip_suffix('`')
}

fn show(dataset: Dataset, arguments: &SqlArguments, console: &mut Console) -> Result<(), Exit> {
    match arguments.format {
        OutputFormat::Table => show_table(dataset, arguments.rows, console),
        OutputFormat::Csv => show_rows(dataset, "csv", console),
        OutputFormat::Json => show_rows(dataset, "json", console),
    }
}

fn show_table(dataset: Dataset, most: usize, console: &mut Console) -> Result<(), Exit> {
    let limited = if most == 0 {
        dataset
    } else {
        // One more, to know whether there are more.
        dataset.then(Node::Limit { skip: 0, count: most + 1, input: dataset.clone() })
    };
    let session = limited.session().clone();
    let (schema, batches) = session.wait(async move { limited.collect("sql").await })?;
    let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut shown = if most == 0 { batches } else { first_rows(&batches, most) };
    // A result without rows has a head all the same.
    shown.push(RecordBatch::new_empty(schema));
    let format = FormatOptions::default().with_null("null");
    let table = pretty_format_batches_with_options(&shown, &format)
        .map_err(|error| CliError::new("cannot show the result").cause(&error))?;
    console.line(table)?;
    if most > 0 && found > most {
        console.note(format!(
            "there are more rows than these {most}: `--rows 0` shows all, `--out FILE` writes them"
        ));
    }
    Ok(())
}

fn first_rows(batches: &[RecordBatch], most: usize) -> Vec<RecordBatch> {
    let mut left = most;
    let mut first = Vec::new();
    for batch in batches {
        let rows = batch.num_rows().min(left);
        left -= rows;
        first.push(batch.slice(0, rows));
    }
    first
}

/// Rows as text, by way of a temporary file: the engine writes it under its memory budget, however
/// large it gets, and an error comes before the first row rather than in the middle.
fn show_rows(dataset: Dataset, format: &str, console: &mut Console) -> Result<(), Exit> {
    let parent = dataset.session().settings().temp.clone().unwrap_or_else(std::env::temp_dir);
    let cannot = |error: io::Error| CliError::new("cannot use the temporary folder").cause(&error);
    let folder =
        tempfile::Builder::new().prefix("windrow-sql-").tempdir_in(parent).map_err(cannot)?;
    let path = folder.path().join(format!("result.{format}"));
    write(dataset, WriteFormat::parse(format)?, &path.to_string_lossy())?;
    let mut file = File::open(&path).map_err(cannot)?;
    io::copy(&mut file, console.out())?;
    Ok(())
}

fn write(dataset: Dataset, format: WriteFormat, path: &str) -> Result<(), Exit> {
    let session = dataset.session().clone();
    let path = path.to_owned();
    let options = WriteOptions::default();
    session.wait(async move { dataset.write(format, &path, options).await })?;
    Ok(())
}

fn read_query(given: &str) -> Result<String, CliError> {
    let mut query = given.to_owned();
    if given == "-" {
        query.clear();
        io::stdin()
            .read_to_string(&mut query)
            .map_err(|error| CliError::new("cannot read the query").cause(&error))?;
    }
    // One is usual at the end, two queries are the engine's to refuse.
    let query = query.trim().trim_end_matches(';').to_owned();
    if query.is_empty() {
        return Err(CliError::new("the query is empty").hint("write `select ...`"));
    }
    Ok(query)
}

fn sources(tables: &[(String, String)]) -> Result<Vec<(String, FileSource)>, Exit> {
    let mut names = HashSet::new();
    let mut sources = Vec::with_capacity(tables.len());
    for (name, path) in tables {
        if !names.insert(name) {
            return Err(CliError::new(format!("table `{name}` is given twice")).into());
        }
        let (format, options) = read_format(name, path)?;
        let source = FileSource::new(Format::from_options(format, options)?, vec![path.clone()]);
        sources.push((name.clone(), source));
    }
    Ok(sources)
}

/// The format of the files at `path`, and its options.
fn read_format(name: &str, path: &str) -> Result<(&'static str, &'static str), CliError> {
    let local = Path::new(path);
    let found = if local.is_dir() { first_known(local) } else { by_extension(path) };
    found.ok_or_else(|| {
        CliError::new(format!("cannot tell the format of table `{name}` from `{path}`")).hint(
            "the files must end in .csv, .tsv, .parquet, .json, .jsonl, .ndjson or .txt, with .gz or .zst after it or not",
        )
    })
}

fn by_extension(path: &str) -> Option<(&'static str, &'static str)> {
    let (_, last) = uncompressed(path).rsplit_once('.')?;
    Some(match last.to_ascii_lowercase().as_str() {
        "csv" => ("csv", "{}"),
        "tsv" => ("csv", r#"{"sep":"\t"}"#),
        "parquet" | "parq" | "pq" => ("parquet", "{}"),
        "json" | "jsonl" | "ndjson" => ("json", "{}"),
        "txt" | "text" | "log" => ("text", "{}"),
        _ => return None,
    })
}

/// That of the first file in `folder`, by name, that has one; folders inside come after files.
fn first_known(folder: &Path) -> Option<(&'static str, &'static str)> {
    let mut entries: Vec<_> = fs::read_dir(folder).ok()?.flatten().map(|it| it.path()).collect();
    entries.sort();
    let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|path| path.is_dir());
    let known = files.iter().find_map(|path| by_extension(&path.to_string_lossy()));
    known.or_else(|| folders.iter().find_map(|inner| first_known(inner)))
}

fn written_format(path: &str) -> Result<WriteFormat, Exit> {
    let extension = uncompressed(path).rsplit_once('.').map(|(_, last)| last.to_ascii_lowercase());
    let format = match extension.as_deref() {
        Some("parquet") => "parquet",
        Some("csv") => "csv",
        Some("json" | "jsonl" | "ndjson") => "json",
        _ => {
            return Err(CliError::new(format!("cannot tell what to write from `{path}`"))
                .hint("let it end in .parquet, .csv or .json")
                .into());
        }
    };
    Ok(WriteFormat::parse(format)?)
}

/// Without the ending of a compression.
fn uncompressed(path: &str) -> &str {
    [".gz", ".zst"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::{by_extension, first_known, written_format};

    #[test]
    fn the_extension_tells_the_format() {
        let format = |path| by_extension(path).map(|(format, _)| format);
        assert_eq!(format("a.b/x.CSV.gz"), Some("csv"));
        assert_eq!(format("s3://bucket/part-*.parquet"), Some("parquet"));
        assert_eq!(format("x.ndjson.zst"), Some("json"));
        assert_eq!(format("x.xlsx"), None);
        assert_eq!(by_extension("x.tsv"), Some(("csv", "{\"sep\":\"\\t\"}")));
        assert!(written_format("x.tar").is_err() && written_format("folder").is_err());
    }

    #[test]
    fn a_folder_is_what_its_files_are() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(first_known(folder.path()), None);
        std::fs::create_dir(folder.path().join("a=1")).unwrap();
        std::fs::write(folder.path().join("_SUCCESS"), "").unwrap();
        std::fs::write(folder.path().join("a=1/x.parquet"), "").unwrap();
        assert_eq!(first_known(folder.path()).map(|(format, _)| format), Some("parquet"));
    }
}
