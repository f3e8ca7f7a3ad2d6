//! Reading sources in tests: a folder of files, a session of some partitions, rows and errors as text.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its share")]

use std::io::Write;
use std::path::PathBuf;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};
use windrow_engine::error::Error;
use windrow_engine::source::{FileSource, Format, OpenSource, explain_error};

/// A folder of input files, gone after the test.
pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    pub fn gzip(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content.as_ref()).unwrap();
        self.write(name, encoder.finish().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        path.display().to_string()
    }
}

/// A session that cuts even tiny files into `partitions`.
pub fn session(partitions: usize) -> SessionContext {
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_repartition_file_min_size(1)
        .with_round_robin_repartition(false)
        .with_repartition_file_scans(false);
    config.options_mut().execution.enable_file_stream_work_stealing = false;
    SessionContext::new_with_config(config)
}

pub async fn open(
    context: &SessionContext,
    format: &str,
    paths: &[String],
    options: &str,
) -> Result<OpenSource, Error> {
    let format = Format::from_options(format, options)?;
    FileSource::new(format, paths.to_vec()).open(context).await
}

/// Opens and reads everything, partition after partition.
pub async fn read(
    partitions: usize,
    format: &str,
    paths: &[String],
    options: &str,
) -> Result<(OpenSource, Vec<RecordBatch>), Error> {
    let context = session(partitions);
    let source = open(&context, format, paths, options).await?;
    let frame = context.read_table(source.provider.clone()).unwrap();
    let parts = frame.collect_partitioned().await.map_err(|error| {
        explain_error(&error, &source.files).unwrap_or_else(|| panic!("not explained: {error:?}"))
    })?;
    Ok((source, parts.into_iter().flatten().collect()))
}

/// Rows as text, values joined by `|`, missing ones as `-`.
pub fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join("|"));
        }
    }
    rows
}

/// Names and types, as `a: Int64, b: Utf8`.
pub fn schema(source: &OpenSource) -> String {
    let fields = source.schema.fields().iter();
    fields
        .map(|field| format!("{}: {}", field.name(), field.data_type()))
        .collect::<Vec<_>>()
        .join(", ")
}
