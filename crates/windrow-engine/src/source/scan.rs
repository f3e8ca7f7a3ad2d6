//! Reading row formats (CSV, JSON lines, text) inside DataFusion's file scan.
//!
//! ```text
//!  slice of a file ──bounds──► whole rows ──bytes──► decoder ──► batches
//!                     (the format finds row borders)     └─ a bad row: count what is before it, and say where
//! ```

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpenFuture, FileOpener, FileScanConfig, FileSource,
};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::{DisplayFormatType, PhysicalExpr, apply_expression_roots};
use futures::StreamExt;
use object_store::ObjectStore;

use super::bytes::{ByteStream, ScanFile, StoredFile};
use super::fault::{Before, Misread, ReadError};

/// Above this, the rows before a bad one are not counted for the message.
const COUNTED_AT_MOST: u64 = 16 << 30;

/// Where the rows of a slice are.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Bytes of whole rows.
    pub(crate) range: Range<u64>,
    /// Where the file's rows start, after its header.
    pub(crate) body: u64,
    /// How many lines are before `body`.
    pub(crate) header_lines: u64,
}

/// How a row format turns bytes into rows.
#[async_trait]
pub(crate) trait RowFormat: fmt::Debug + Send + Sync + 'static {
    /// The name in plans.
    fn name(&self) -> &'static str;

    /// The whole rows that start in `range` of `file`. Ranges side by side give each row once.
    async fn bounds(&self, file: &StoredFile, range: Range<u64>) -> Result<Bounds, ReadError>;

    /// A decoder for the columns `projection` of the schema.
    fn decoder(&self, projection: &[usize], batch_size: usize) -> Result<Box<dyn RowDecoder>>;
}

/// Bytes in, batches out.
pub(crate) trait RowDecoder: Send {
    /// Takes in more bytes.
    fn push(&mut self, chunk: &[u8]);

    /// The next batch, if there are rows enough for one, or any at all when `last` says that no bytes follow.
    fn next_batch(&mut self, last: bool) -> Result<Option<RecordBatch>, Misread>;

    /// Rows and lines read so far.
    fn position(&self) -> (u64, u64);
}

/// A row format as a DataFusion file source.
#[derive(Debug, Clone)]
pub(crate) struct RowSource {
    format: Arc<dyn RowFormat>,
    schema: TableSchema,
    projection: SplitProjection,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl RowSource {
    pub(crate) fn new(format: Arc<dyn RowFormat>, schema: TableSchema) -> Self {
        Self {
            format,
            projection: SplitProjection::unprojected(&schema),
            schema,
            batch_size: 8192,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl FileSource for RowSource {
    fn create_file_opener(
        &self,
        object_store: Arc<dyn ObjectStore>,
        _base_config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let opener = Arc::new(RowOpener {
            format: Arc::clone(&self.format),
            columns: self.projection.file_indices.clone(),
            batch_size: self.batch_size,
            store: object_store,
            bytes: MetricBuilder::new(&self.metrics).counter("bytes_scanned", partition),
        });
        ProjectionOpener::try_new(self.projection.clone(), opener, self.schema.file_schema())
    }

    fn table_schema(&self) -> &TableSchema {
        &self.schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self { batch_size, ..self.clone() })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.schema.file_schema(), &merged);
        Ok(Some(Arc::new(Self { projection, ..self.clone() })))
    }

    /// The table has cut the files already, at borders that only the format understands.
    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        self.format.name()
    }

    fn fmt_extra(
        &self,
        _kind: DisplayFormatType,
        _formatter: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        Ok(())
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter(), visit)
    }
}

struct RowOpener {
    format: Arc<dyn RowFormat>,
    columns: Vec<usize>,
    batch_size: usize,
    store: Arc<dyn ObjectStore>,
    bytes: Count,
}

impl FileOpener for RowOpener {
    fn open(&self, part: PartitionedFile) -> Result<FileOpenFuture> {
        let file = part.extension::<Arc<ScanFile>>().cloned().ok_or_else(|| {
            DataFusionError::Internal("a file of a row scan lost its description".to_owned())
        })?;
        let file = StoredFile { file, store: Arc::clone(&self.store) };
        let range = match &part.range {
            Some(range) => range.start as u64..range.end as u64,
            None => 0..u64::MAX,
        };
        let decoder = self.format.decoder(&self.columns, self.batch_size)?;
        let format = Arc::clone(&self.format);
        let bytes = self.bytes.clone();
        Ok(Box::pin(async move {
            let bounds = format.bounds(&file, range).await?;
            let stream = file.open(bounds.range.clone()).await?;
            let slice = Slice { format, file, bounds };
            let reading = Reading { slice, stream, decoder, last: false, bytes };
            Ok(futures::stream::try_unfold(reading, Reading::step).boxed())
        }))
    }
}

/// What is read: a range of a file.
struct Slice {
    format: Arc<dyn RowFormat>,
    file: StoredFile,
    bounds: Bounds,
}

/// A slice being read.
struct Reading {
    slice: Slice,
    stream: ByteStream,
    decoder: Box<dyn RowDecoder>,
    last: bool,
    bytes: Count,
}

impl Reading {
    async fn step(mut self) -> Result<Option<(RecordBatch, Self)>> {
        loop {
            match self.decoder.next_batch(self.last) {
                Ok(Some(batch)) => return Ok(Some((batch, self))),
                Ok(None) if self.last => return Ok(None),
                Ok(None) => match self.stream.next().await? {
                    Some(chunk) => {
                        self.bytes.add(chunk.len());
                        self.decoder.push(&chunk);
                    }
                    None => self.last = true,
                },
                Err(misread) => return Err(self.slice.explain(misread).await.into()),
            }
        }
    }
}

impl Slice {
    /// Counts the rows before this slice, so that the message can name the row of the file.
    async fn explain(&self, misread: Misread) -> ReadError {
        match self.before().await {
            Ok(before) => misread.explain(&self.file.file.name, before),
            Err(earlier) => earlier,
        }
    }

    async fn before(&self) -> Result<Before, ReadError> {
        let Bounds { range, body, header_lines } = &self.bounds;
        if range.start <= *body {
            return Ok(Some((0, *header_lines)));
        }
        if range.start - body > COUNTED_AT_MOST || self.file.file.local.is_none() {
            return Ok(None);
        }
        let Ok(mut decoder) = self.format.decoder(&[], 64 * 1024) else { return Ok(None) };
        let mut stream = self.file.open(*body..range.start).await?;
        let mut last = false;
        loop {
            match decoder.next_batch(last) {
                Ok(Some(_)) => {}
                Ok(None) if last => break,
                Ok(None) => match stream.next().await? {
                    Some(chunk) => decoder.push(&chunk),
                    None => last = true,
                },
                Err(earlier) => {
                    return Err(earlier.explain(&self.file.file.name, Some((0, *header_lines))));
                }
            }
        }
        let (rows, lines) = decoder.position();
        Ok(Some((rows, header_lines + lines)))
    }
}
