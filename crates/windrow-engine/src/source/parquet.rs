//! Parquet files: schema, exact row count and statistics from the footers; row groups laid out over partitions.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::Statistics;
use datafusion::common::config::TableParquetOptions;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileSource, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::FileInfo;
use super::bytes::StoredFile;
use super::fault::ReadError;
use super::groups::Piece;
use super::table::Source;
use crate::error::Fault;
use crate::nearest::column_hint;

/// How many footers are read at a time.
const CONCURRENT: usize = 32;

/// How to read Parquet files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParquetOptions {
    /// The columns to read, in this order; all by default.
    pub columns: Option<Vec<String>>,
}

/// What the footers say.
pub(crate) struct Footers {
    /// The columns to read.
    pub(crate) schema: SchemaRef,
    pub(crate) statistics: Statistics,
    /// By file.
    pub(crate) rows: Vec<u64>,
    pub(crate) by_file: Vec<Arc<Statistics>>,
    /// Row groups in order; a file without rows has one piece of all its bytes.
    pub(crate) pieces: Vec<Piece>,
}

struct Footer {
    schema: Schema,
    metadata: Arc<ParquetMetaData>,
}

/// Reads the footers of `files`.
pub(crate) async fn open(
    options: &ParquetOptions,
    files: &[StoredFile],
    state: &dyn Session,
) -> Result<Footers, ReadError> {
    let footers: Vec<Footer> = futures::stream::iter(files.iter().cloned())
        .map(|file| async move { read(&file, state).await })
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    for (file, footer) in files.iter().zip(&footers).skip(1) {
        same_schema(&files[0].file.name, &footers[0].schema, &file.file.name, &footer.schema)?;
    }
    let schema = Arc::new(choose(&footers[0].schema, options)?);
    let mut by_file = Vec::with_capacity(files.len());
    for (file, footer) in files.iter().zip(&footers) {
        let statistics =
            DFParquetMetadata::statistics_from_parquet_metadata(&footer.metadata, &schema)
                .map_err(|error| explain(&file.file.name, &error))?;
        by_file.push(Arc::new(statistics));
    }
    let statistics = Statistics::try_merge_iter(by_file.iter().map(Arc::as_ref), &schema)
        .map_err(|error| explain(&files[0].file.name, &error))?;
    let rows = footers
        .iter()
        .map(|footer| footer.metadata.file_metadata().num_rows().unsigned_abs())
        .collect();
    let pieces = footers
        .iter()
        .zip(files)
        .enumerate()
        .flat_map(|(number, (footer, file))| {
            row_groups(number, &footer.metadata, file.file.meta.size)
        })
        .collect();
    Ok(Footers { schema, statistics, rows, by_file, pieces })
}

async fn read(file: &StoredFile, state: &dyn Session) -> Result<Footer, ReadError> {
    let name = &file.file.name;
    let object = &file.file.meta;
    if object.size == 0 {
        return Err(ReadError::data(format!(
            "file `{name}` is empty, so it is not a Parquet file"
        )));
    }
    let format = ParquetFormat::new().with_options(options(state));
    let schema = format
        .infer_schema(state, &file.store, std::slice::from_ref(object))
        .await
        .map_err(|error| explain(name, &error))?;
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let metadata = DFParquetMetadata::new(file.store.as_ref(), object)
        .with_file_metadata_cache(Some(cache))
        .fetch_metadata()
        .await
        .map_err(|error| explain(name, &error))?;
    Ok(Footer { schema: schema.as_ref().clone().with_metadata(Default::default()), metadata })
}

fn options(state: &dyn Session) -> TableParquetOptions {
    state.default_table_options().parquet
}

/// One piece per row group: from its first page to the next one's.
fn row_groups(file: usize, metadata: &ParquetMetaData, size: u64) -> Vec<Piece> {
    let mut starts: Vec<u64> = metadata.row_groups().iter().map(first_page).collect();
    // A writer may have laid groups out in another order than the footer's; then the file stays whole.
    if starts.is_empty() || !starts.is_sorted() {
        return vec![Piece { file, start: 0, end: size, divisible: false }];
    }
    starts[0] = 0;
    let ends = starts.iter().skip(1).copied().chain([size]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| Piece { file, start: *start, end, divisible: false })
        .collect()
}

/// The offset by which a scan of a byte range tells whether a row group is in it.
fn first_page(group: &RowGroupMetaData) -> u64 {
    let offset = group
        .columns()
        .first()
        .map(|column| column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset()));
    offset.unwrap_or_default().unsigned_abs()
}

fn same_schema(first: &str, left: &Schema, other: &str, right: &Schema) -> Result<(), ReadError> {
    let differ = |what: String| {
        Err(ReadError::data(format!("the files have different schemas: {what}"))
            .hint("read them one by one and join them with `concat`, or choose files of one kind by a glob"))
    };
    for field in left.fields() {
        match right.field_with_name(field.name()) {
            Err(_) => {
                return differ(format!(
                    "`{first}` has a column `{}`, but `{other}` has not",
                    field.name()
                ));
            }
            Ok(found) if found.data_type() != field.data_type() => {
                return differ(format!(
                    "column `{}` is {} in `{first}`, but {} in `{other}`",
                    field.name(),
                    super::dtype::name_of(field.data_type()),
                    super::dtype::name_of(found.data_type())
                ));
            }
            Ok(_) => {}
        }
    }
    match right.fields().iter().find(|field| left.field_with_name(field.name()).is_err()) {
        Some(field) => {
            differ(format!("`{other}` has a column `{}`, but `{first}` has not", field.name()))
        }
        None => Ok(()),
    }
}

fn choose(schema: &Schema, options: &ParquetOptions) -> Result<Schema, ReadError> {
    let Some(columns) = &options.columns else { return Ok(schema.clone()) };
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut chosen = Vec::with_capacity(columns.len());
    for column in columns {
        match schema.fields().find(column) {
            Some((_, field)) => chosen.push(Arc::clone(field)),
            None => {
                let error =
                    format!("`columns` names a column `{column}`, which the file does not have");
                return Err(ReadError::new(Fault::Column, error).hint(column_hint(column, &names)));
            }
        }
    }
    Ok(Schema::new(chosen))
}

/// A source for scans of `schema`.
pub(crate) fn source(schema: &TableSchema, file: &StoredFile, state: &dyn Session) -> Source {
    let options = options(state);
    let schema = schema.clone();
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let store = Arc::clone(&file.store);
    Source(Box::new(move || {
        let reader = CachedParquetFileReaderFactory::new(Arc::clone(&store), Arc::clone(&cache));
        let source = ParquetSource::new(schema.clone())
            .with_table_parquet_options(options.clone())
            .with_parquet_file_reader_factory(Arc::new(reader));
        Arc::new(source) as Arc<dyn FileSource>
    }))
}

fn explain(name: &str, error: &DataFusionError) -> ReadError {
    match error {
        DataFusionError::ObjectStore(inner) => super::remote::explain(name, inner),
        other => unreadable(&format!("file `{name}`"), &other.strip_backtrace()),
    }
}

/// The error for a file (named with its kind: "file `x`") that Parquet's reader refuses.
pub(crate) fn unreadable(file: &str, reason: &str) -> ReadError {
    let reason = reason.trim_start_matches("Parquet error: ").trim_start_matches("External: ");
    let lower = reason.to_lowercase();
    if ["corrupt footer", "invalid parquet", "file size", "magic", "less than"]
        .iter()
        .any(|sign| lower.contains(sign))
    {
        ReadError::data(format!("{file} is not a Parquet file, or its end is missing"))
            .hint("check the format with `head -c4` and `tail -c4`: both show PAR1 in a whole Parquet file")
    } else {
        ReadError::data(format!("{file} could not be read as Parquet: {reason}"))
            .hint("the file is damaged, or it was replaced while it was being read")
    }
}

/// Which of `files` is not a whole Parquet file; DataFusion's errors do not say.
pub(crate) fn culprit(files: &[FileInfo]) -> String {
    let broken = |info: &&FileInfo| {
        let Some(path) = &info.local else { return false };
        let tail = std::fs::File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::End(-4))?;
            let mut tail = [0; 4];
            file.read_exact(&mut tail)?;
            Ok(tail)
        });
        !matches!(tail, Ok(tail) if &tail == b"PAR1")
    };
    let mut parquet = files.iter().filter(|info| info.rows.is_some());
    match (parquet.clone().find(broken), parquet.next(), parquet.next()) {
        (Some(info), _, _) | (None, Some(info), None) => format!("file `{}`", info.path),
        _ => "one of the files".to_owned(),
    }
}
