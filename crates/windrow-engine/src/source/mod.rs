//! Where rows come from when they come from files: CSV, Parquet, JSON lines and text, here or behind URLs.
//!
//! Opening a source lists its files and reads only what the schema needs: the head (and spots) of some files, or
//! Parquet's footers. Partitions are fixed then. They are contiguous and in order: files in the order of the paths
//! given (those of a folder or glob by name), rows in the order of the file, and all rows of partition `i` before those
//! of partition `i + 1`.
//!
//! ```text
//!  paths ──list──► files ──format──► schema
//!                    └──groups──► partitions ──► table ──scan──► batches
//! ```

mod bytes;
mod csv;
mod dtype;
mod fault;
mod format;
mod groups;
mod hive;
mod json;
mod lines;
mod list;
mod parquet;
mod remote;
mod scan;
mod table;
mod text;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::context::SessionContext;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use serde::{Deserialize, Serialize};

pub use self::bytes::Compression;
pub use self::csv::{
    BadLines, ColumnRef, CsvOptions, Encoding, EncodingErrors, Header, NaList, NaValue, NaValues,
};
pub use self::dtype::{Dtype, Dtypes};
pub use self::fault::{ReadError, explain_error};
pub use self::format::Format;
pub use self::json::JsonOptions;
pub use self::parquet::ParquetOptions;
pub use self::remote::StorageOptions;
pub use self::text::TextOptions;

use self::bytes::StoredFile;
use self::groups::{Piece, Slice};
use self::remote::Remote;
use self::scan::{RowFormat, RowSource};
use self::table::{FileTable, Source};
use crate::error::{Error, Fault, Result};

/// Files to be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileSource {
    /// The format and its options.
    pub format: Format,
    /// Paths, globs, folders and URLs; rows come in this order.
    pub paths: Vec<String>,
    /// Options for stores behind URLs; the environment's are used, too.
    #[serde(default)]
    pub storage_options: StorageOptions,
}

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// The path or URL, as it is named in messages.
    pub path: String,
    /// Bytes, as stored.
    pub size: u64,
    /// Exact number of rows, where a footer says it.
    pub rows: Option<u64>,
    /// The absolute path, for files of this machine.
    pub local: Option<PathBuf>,
}

/// A source whose files were listed and whose schema is known.
#[derive(Debug, Clone)]
pub struct OpenSource {
    /// The table to scan.
    pub provider: Arc<dyn TableProvider>,
    /// Its columns.
    pub schema: SchemaRef,
    /// How many partitions a scan has.
    pub partitions: usize,
    /// Exact number of rows, if footers say it.
    pub rows: Option<u64>,
    /// Bytes of all files, as stored.
    pub bytes: Option<u64>,
    /// The files, in order.
    pub files: Vec<FileInfo>,
}

/// The store and the place in it that `path` (local or a URL) names, to write to.
///
/// # Errors
/// A URL that is not understood, or a store without credentials.
pub(crate) fn output_store(path: &str) -> Result<(Arc<dyn ObjectStore>, ObjectPath)> {
    if let Some(remote) = Remote::parse(path)? {
        let store = remote.build(&StorageOptions::new())?;
        return Ok((store, ObjectPath::from(remote.key.as_str())));
    }
    let local = std::path::absolute(list::expand_home(path))
        .map_err(|error| Error::plan(format!("`{path}` is no path: {error}")))?;
    let place = ObjectPath::from_absolute_path(&local)
        .map_err(|error| Error::plan(format!("`{path}` is no path: {error}")))?;
    Ok((Arc::new(LocalFileSystem::new()), place))
}

impl FileSource {
    /// Reads `options` (JSON under pandas' names) of the format called `format`.
    ///
    /// # Errors
    /// A format or an option that is not there, or an option's wrong value.
    pub fn from_json(format: &str, paths: Vec<String>, options: &str) -> Result<Self> {
        Ok(Self::new(Format::from_options(format, options)?, paths))
    }

    /// `paths` in `format`, with credentials from the environment.
    pub fn new(format: Format, paths: Vec<String>) -> Self {
        Self { format, paths, storage_options: StorageOptions::new() }
    }

    /// The same files, named so that a process in another folder finds them.
    #[must_use]
    pub(crate) fn with_absolute_paths(mut self) -> Self {
        for path in &mut self.paths {
            if !path.contains("://")
                && let Ok(absolute) = std::path::absolute(list::expand_home(path))
            {
                *path = absolute.to_string_lossy().into_owned();
            }
        }
        self
    }

    /// Lists the files and finds out the schema.
    ///
    /// There are as many partitions as `target_partitions` of the session says, unless they would be smaller than
    /// `repartition_file_min_size`; a file that cannot be cut (compressed, or a remote CSV file) is in one partition.
    ///
    /// # Errors
    /// Nothing there, files that are not of the format, files of different columns, options that do not fit them.
    pub async fn open(&self, context: &SessionContext) -> Result<OpenSource> {
        if let Format::Csv(options) = &self.format {
            options.check()?;
        }
        let (store, files) = self.list(context).await?;
        let files = without_empty(files, &self.format);
        let state = context.state();
        let layout = Layout {
            target: if self.format.nrows().is_some() {
                1
            } else {
                state.config().target_partitions()
            },
            least: state.config_options().optimizer.repartition_file_min_size as u64,
        };
        let plan = match &self.format {
            Format::Csv(options) => open_csv(options, &files, &layout).await?,
            Format::Json(options) => {
                let format = json::open(options, &files).await?;
                let schema = format.schema();
                open_lines(Arc::new(format), schema, &files, &layout)
            }
            Format::Text(options) => {
                let format = text::TextFormat::new(options);
                let schema = format.schema();
                open_lines(Arc::new(format), schema, &files, &layout)
            }
            Format::Parquet(options) => open_parquet(options, &files, &layout, &state).await?,
        };
        Ok(finish(plan, store, &files, self.format.nrows()))
    }

    async fn list(&self, context: &SessionContext) -> Result<(ObjectStoreUrl, Vec<StoredFile>)> {
        let mut files = Vec::new();
        let mut first: Option<(ObjectStoreUrl, &str)> = None;
        let (kind, compression) = (self.format.kind(), self.format.compression());
        for path in &self.paths {
            let (url, store, found) = match Remote::parse(path)? {
                Some(remote) => {
                    let (url, store) =
                        remote.store(&context.runtime_env(), &self.storage_options)?;
                    let found = remote.list(&store, kind, compression).await?;
                    (url, store, found)
                }
                None => {
                    let url = ObjectStoreUrl::local_filesystem();
                    let known = context.runtime_env().object_store(&url);
                    let store = known.unwrap_or_else(|_| Arc::new(LocalFileSystem::new()));
                    (url, store, list::list(path, kind, compression)?)
                }
            };
            match &first {
                Some((known, other)) if *known != url => {
                    let error = format!(
                        "`{other}` and `{path}` are in different places, which one source cannot read"
                    );
                    return Err(Error::new(Fault::Unsupported, error)
                        .hint("read them one by one and join them with `concat`"));
                }
                _ => first = Some((url, path)),
            }
            files.extend(
                found
                    .into_iter()
                    .map(|file| StoredFile { file: Arc::new(file), store: Arc::clone(&store) }),
            );
        }
        match first {
            Some((url, _)) => Ok((url, files)),
            None => Err(Error::plan(format!("`{}` needs a path", kind.reader))
                .hint("pass a file, a folder, a glob or a list of these")),
        }
    }
}

/// Empty files have no rows and no columns to compare; one is kept if there is nothing else.
fn without_empty(files: Vec<StoredFile>, format: &Format) -> Vec<StoredFile> {
    if matches!(format, Format::Parquet(_)) {
        return files;
    }
    let filled: Vec<StoredFile> =
        files.iter().filter(|file| file.file.meta.size > 0).cloned().collect();
    if filled.is_empty() { files.into_iter().take(1).collect() } else { filled }
}

/// How many partitions to make.
struct Layout {
    target: usize,
    /// Bytes below which a partition is not worth its while.
    least: u64,
}

/// A format's share of an open source.
struct Plan {
    source: Box<dyn FnOnce(TableSchema) -> Source>,
    schema: SchemaRef,
    slices: Vec<Vec<Slice>>,
    statistics: Statistics,
    by_file: Option<Vec<Arc<Statistics>>>,
    rows: Option<Vec<u64>>,
}

async fn open_csv(options: &CsvOptions, files: &[StoredFile], layout: &Layout) -> Result<Plan> {
    let (mut format, schema) = csv::open(options, files).await?;
    let slices =
        groups::cut(&pieces(files, |file| format.divisible(file)), layout.target, layout.least);
    let mut cuts: HashMap<_, Vec<u64>> = HashMap::new();
    for slice in slices.iter().flatten() {
        let cuts = cuts.entry(files[slice.file].file.meta.location.clone()).or_default();
        if slice.range.start > 0 && !cuts.contains(&slice.range.start) {
            cuts.push(slice.range.start);
        }
    }
    format.set_cuts(cuts);
    Ok(row_plan(Arc::new(format), schema, slices))
}

fn open_lines(
    format: Arc<dyn RowFormat>,
    schema: SchemaRef,
    files: &[StoredFile],
    layout: &Layout,
) -> Plan {
    let slices =
        groups::cut(&pieces(files, |file| file.file.is_plain()), layout.target, layout.least);
    row_plan(format, schema, slices)
}

async fn open_parquet(
    options: &ParquetOptions,
    files: &[StoredFile],
    layout: &Layout,
    state: &datafusion::execution::context::SessionState,
) -> Result<Plan> {
    let footers = parquet::open(options, files, state).await?;
    let file = files.first().cloned().ok_or_else(|| Error::internal("a source without files"))?;
    let (schema, state) = (Arc::clone(&footers.schema), state.clone());
    Ok(Plan {
        source: Box::new(move |schema| parquet::source(&schema, &file, &state)),
        schema,
        slices: groups::cut(&footers.pieces, layout.target, layout.least),
        statistics: footers.statistics,
        by_file: Some(footers.by_file),
        rows: Some(footers.rows),
    })
}

fn pieces(files: &[StoredFile], divisible: impl Fn(&StoredFile) -> bool) -> Vec<Piece> {
    let piece = |(number, file): (usize, &StoredFile)| Piece {
        file: number,
        start: 0,
        end: file.file.meta.size,
        divisible: divisible(file),
    };
    files.iter().enumerate().map(piece).collect()
}

fn row_plan(format: Arc<dyn RowFormat>, schema: SchemaRef, slices: Vec<Vec<Slice>>) -> Plan {
    let source = move |schema: TableSchema| {
        Source(Box::new(move || Arc::new(RowSource::new(Arc::clone(&format), schema.clone())) as _))
    };
    Plan {
        source: Box::new(source),
        statistics: Statistics::new_unknown(&schema),
        schema,
        slices,
        by_file: None,
        rows: None,
    }
}

fn finish(
    plan: Plan,
    store: ObjectStoreUrl,
    files: &[StoredFile],
    nrows: Option<usize>,
) -> OpenSource {
    let hive = hive::columns(files, &plan.schema);
    let mut statistics = plan.statistics;
    statistics.column_statistics.extend(hive.iter().map(|_| ColumnStatistics::new_unknown()));
    if statistics.num_rows == Precision::Absent {
        let bytes: u64 = files.iter().map(|file| file.file.meta.size).sum();
        statistics.total_byte_size =
            Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    let file_info = |(number, file): (usize, &StoredFile)| FileInfo {
        path: file.file.name.to_string(),
        size: file.file.meta.size,
        rows: plan.rows.as_ref().map(|rows| rows[number]),
        local: file.file.local.clone(),
    };
    let infos: Vec<FileInfo> = files.iter().enumerate().map(file_info).collect();
    let part = |slice: &Slice| {
        let file = &files[slice.file];
        let mut part = PartitionedFile::new_from_meta(file.file.meta.clone())
            .with_partition_values(hive::values(file, &hive))
            .with_extension(Arc::clone(&file.file));
        if slice.range != (0..file.file.meta.size) {
            part = part.with_range(slice.range.start as i64, slice.range.end as i64);
        }
        match &plan.by_file {
            Some(statistics) => part.with_statistics(Arc::clone(&statistics[slice.file])),
            None => part,
        }
    };
    let groups: Vec<Vec<PartitionedFile>> =
        plan.slices.iter().map(|slices| slices.iter().map(part).collect()).collect();
    let schema =
        TableSchema::builder(Arc::clone(&plan.schema)).with_table_partition_cols(hive).build();
    let table_schema: Arc<Schema> = Arc::clone(schema.table_schema());
    let prunes = plan.rows.is_some();
    OpenSource {
        partitions: groups.len(),
        rows: plan.rows.as_ref().map(|rows| rows.iter().sum()),
        bytes: Some(infos.iter().map(|info| info.size).sum()),
        files: infos,
        schema: table_schema,
        provider: Arc::new(FileTable {
            store,
            source: (plan.source)(schema),
            groups,
            statistics,
            rows: nrows,
            prunes,
        }),
    }
}
