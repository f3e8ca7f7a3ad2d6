//! Results in files: one file, in row order, or a folder with one file a partition.
//!
//! A file appears under its name when it is complete; what an interrupted run began is removed.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::{StreamExt, stream};
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path as ObjectPath;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use super::encode::Encoder;
use super::watch::Watch;
use crate::drive::{Answered, Take};
use crate::error::{Error, Fault, Result};
use crate::operator::OrderedGatherExec;
use crate::plan::Dataset;
use crate::session::plan_error;
use crate::source::output_store;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum WriteFormat {
    Parquet,
    Csv,
    Json,
}

impl WriteFormat {
    /// The format of that name.
    ///
    /// # Errors
    /// Another name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "parquet" => Ok(Self::Parquet),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(Error::plan(format!("cannot write `{name}`"))
                .hint("the formats are parquet, csv and json")),
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Options of writing, under pandas' names.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteOptions {
    /// CSV: whether the first line names the columns.
    pub header: bool,
    /// CSV: what stands between fields.
    #[serde(deserialize_with = "one_byte")]
    pub sep: u8,
    /// CSV: what stands for a missing value.
    pub na_rep: String,
    /// `snappy`, `zstd`, `gzip`, `lz4`, `none` (Parquet); `gzip`, `zstd`, `none`, `infer` (text).
    pub compression: Option<String>,
    /// Whether files that are there may be replaced (folders only; one file is always replaced).
    pub overwrite: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { header: true, sep: b',', na_rep: String::new(), compression: None, overwrite: false }
    }
}

impl WriteOptions {
    /// Options from a JSON object.
    ///
    /// # Errors
    /// An option that is not there or has a wrong value.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|error| Error::new(Fault::Settings, format!("bad options: {error}")))
    }
}

fn one_byte<'de, D: serde::Deserializer<'de>>(input: D) -> std::result::Result<u8, D::Error> {
    let text = String::deserialize(input)?;
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(serde::de::Error::custom(format!("`sep` must be one character, not `{text}`"))),
    }
}

/// Where and how one file is written.
#[derive(Clone)]
struct Target {
    store: Arc<dyn ObjectStore>,
    format: WriteFormat,
    options: WriteOptions,
}

impl Dataset {
    /// Writes all rows to `path`: one file if it has an extension, else a folder of files.
    ///
    /// # Errors
    /// Those of running, and of the place that is written to.
    pub async fn write(
        &self,
        format: WriteFormat,
        path: &str,
        options: WriteOptions,
    ) -> Result<Vec<String>> {
        check_parent(path)?;
        let (store, root) = output_store(path)?;
        let target = Target { store, format, options };
        let files = Files { dataset: self, target: &target, root: &root, path };
        if !files.are_one() && !target.options.overwrite {
            check_empty(target.store.as_ref(), &root, path).await?;
        }
        if let Some(paths) = self.run_as_stages("write", &files).await? {
            return Ok(paths);
        }
        let plan = self.logical_plan().await?;
        let physical = self.session().physical_plan(&plan).await?;
        let watch = Watch::start(self, &physical, "write");
        let mut outcome = files.write_plan(physical).await;
        if outcome.as_ref().is_err_and(Error::is_of_large_join) {
            super::watch::note(self, super::watch::LARGE_JOIN);
            self.session().settled().await;
            let spilling = self.session().spilling_plan(&plan).await?;
            outcome = files.write_plan(spilling).await;
        }
        watch.finish(&outcome, outcome.as_ref().map_or(0, |(rows, _)| *rows));
        Ok(outcome?.1)
    }
}

/// The files of a dataset.
struct Files<'a> {
    dataset: &'a Dataset,
    target: &'a Target,
    root: &'a ObjectPath,
    path: &'a str,
}

impl Files<'_> {
    /// Whether all rows go into one file.
    fn are_one(&self) -> bool {
        Path::new(self.path).extension().is_some()
    }

    /// Runs `plan` in this process and writes its rows.
    async fn write_plan(&self, plan: Arc<dyn ExecutionPlan>) -> Result<(u64, Vec<String>)> {
        let plan = if self.are_one() && plan.output_partitioning().partition_count() != 1 {
            Arc::new(OrderedGatherExec::new(plan, None))
        } else {
            plan
        };
        let context = self.dataset.session().task_context(self.dataset.job_size());
        let partitions = plan.output_partitioning().partition_count();
        let rows = (0..partitions)
            .map(|partition| plan.execute(partition, Arc::clone(&context)))
            .collect::<datafusion::error::Result<Vec<_>>>()
            .map_err(|error| plan_error(&error))?;
        // Partitions may wait for one another: all of them run.
        self.write(rows.into_iter(), partitions).await
    }

    /// Writes one file, or one for each of `partitions`, so many at once; gives the number of rows
    /// and the files' names.
    async fn write(
        &self,
        mut partitions: impl Iterator<Item = SendableRecordBatchStream> + Send,
        at_once: usize,
    ) -> Result<(u64, Vec<String>)> {
        if self.are_one() {
            let Some(rows) = partitions.next() else { return Ok((0, vec![])) };
            let place = self.root.clone();
            let count = write_file(self.target.clone(), place, rows, self.dataset).await?;
            return Ok((count, vec![self.path.to_owned()]));
        }
        let (mut writing, mut paths) = (Vec::new(), Vec::new());
        for (partition, rows) in partitions.enumerate() {
            let name = format!("part-{partition:05}.{}", self.target.format.extension());
            paths.push(format!("{}/{name}", self.path.trim_end_matches('/')));
            let (target, place) = (self.target.clone(), self.root.clone().join(name.as_str()));
            let dataset = self.dataset.clone();
            let work = async move { write_file(target, place, rows, &dataset).await };
            writing.push(async { SpawnedTask::spawn(work).join().await });
        }
        let mut writing = stream::iter(writing).buffered(at_once.max(1));
        let mut count = 0;
        while let Some(written) = writing.next().await {
            count += written.map_err(|error| Error::internal(error.to_string()))??;
        }
        Ok((count, paths))
    }
}

/// What ran as stages is written from here, with the same partitions, as it is read.
impl Take for Files<'_> {
    type Taken = Vec<String>;
    const WHOLE: bool = false;

    async fn take(&self, answer: &Answered) -> Result<(u64, Self::Taken)> {
        let partitions = (0..answer.partitions()).map(|partition| answer.rows(partition));
        if !self.are_one() {
            return self.write(partitions, self.dataset.session().settings().workers).await;
        }
        let all = stream::iter(partitions.collect::<Vec<_>>()).flatten();
        let all = RecordBatchStreamAdapter::new(answer.schema(), all);
        self.write(std::iter::once(Box::pin(all) as _), 1).await
    }
}

/// A folder that is not there is more likely a typing mistake than a wish.
fn check_parent(path: &str) -> Result<()> {
    match Path::new(path).parent() {
        Some(parent)
            if !path.contains("://")
                && !parent.as_os_str().is_empty()
                && !path.starts_with('~')
                && !parent.is_dir() =>
        {
            Err(Error::missing(format!("there is no folder `{}`", parent.display()))
                .hint(format!("make it first, to write `{path}`")))
        }
        _ => Ok(()),
    }
}

async fn check_empty(store: &dyn ObjectStore, root: &ObjectPath, path: &str) -> Result<()> {
    let mut listing = store.list(Some(root));
    match listing.next().await {
        Some(Ok(found)) => {
            Err(Error::plan(format!("`{path}` is not empty: it has `{}`", found.location))
                .hint("pass `overwrite=True`, or another folder"))
        }
        _ => Ok(()),
    }
}

async fn write_file(
    target: Target,
    place: ObjectPath,
    rows: SendableRecordBatchStream,
    dataset: &Dataset,
) -> Result<u64> {
    if target.format == WriteFormat::Parquet {
        write_parquet(target, place, rows, dataset).await
    } else {
        write_text(target, place, rows, dataset).await
    }
}

async fn write_parquet(
    target: Target,
    place: ObjectPath,
    mut rows: SendableRecordBatchStream,
    dataset: &Dataset,
) -> Result<u64> {
    let properties = WriterProperties::builder().set_compression(codec(&target.options)?).build();
    let sink = BufWriter::new(target.store, place);
    let mut writer = AsyncArrowWriter::try_new(sink, rows.schema(), Some(properties))
        .map_err(|error| Error::data(error.to_string()))?;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|error| dataset.run_error(&error))?;
        count += batch.num_rows() as u64;
        writer.write(&batch).await.map_err(|error| cannot_write(&error))?;
    }
    writer.close().await.map_err(|error| cannot_write(&error))?;
    Ok(count)
}

async fn write_text(
    target: Target,
    place: ObjectPath,
    mut rows: SendableRecordBatchStream,
    dataset: &Dataset,
) -> Result<u64> {
    let compression = text_compression(&target.options, &place)?;
    let mut encoder = Encoder::new(target.format, &target.options, compression)?;
    let mut sink = BufWriter::new(target.store, place);
    let schema = rows.schema();
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|error| dataset.run_error(&error))?;
        count += batch.num_rows() as u64;
        let bytes = encoder.encode(&batch)?;
        sink.write_all(&bytes).await.map_err(|error| cannot_write(&error))?;
    }
    if !encoder.started() {
        let bytes = encoder.encode(&RecordBatch::new_empty(schema))?;
        sink.write_all(&bytes).await.map_err(|error| cannot_write(&error))?;
    }
    sink.write_all(&encoder.finish()?).await.map_err(|error| cannot_write(&error))?;
    sink.shutdown().await.map_err(|error| cannot_write(&error))?;
    Ok(count)
}

impl Dataset {
    fn run_error(&self, error: &datafusion::error::DataFusionError) -> Error {
        self.session().run_error(error, &self.files())
    }
}

fn cannot_write(error: &dyn std::fmt::Display) -> Error {
    Error::new(Fault::Resources, format!("cannot write the result: {error}"))
        .hint("look at the folder's permissions and the disk's free space")
}

fn codec(options: &WriteOptions) -> Result<Codec> {
    Ok(match options.compression.as_deref().unwrap_or("snappy") {
        "snappy" => Codec::SNAPPY,
        "zstd" => Codec::ZSTD(ZstdLevel::default()),
        "gzip" => Codec::GZIP(GzipLevel::default()),
        "lz4" => Codec::LZ4_RAW,
        "none" | "uncompressed" => Codec::UNCOMPRESSED,
        other => {
            return Err(Error::plan(format!("there is no compression `{other}` for parquet"))
                .hint("it can be snappy, zstd, gzip, lz4 or none"));
        }
    })
}

fn text_compression(options: &WriteOptions, place: &ObjectPath) -> Result<Compression> {
    Ok(match options.compression.as_deref().unwrap_or("infer") {
        "infer" => match place.extension() {
            Some("gz") => Compression::Gzip,
            Some("zst") => Compression::Zstd,
            _ => Compression::None,
        },
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        "none" => Compression::None,
        other => {
            return Err(Error::plan(format!("there is no compression `{other}` for text"))
                .hint("it can be gzip, zstd, none or infer"));
        }
    })
}
