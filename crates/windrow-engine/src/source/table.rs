//! The table over a source's files: partitions fixed when it is made, rows in file order.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::limit::GlobalLimitExec;

/// Files as a table. Partition `i` holds rows that all come before those of partition `i + 1`.
#[derive(Debug)]
pub(crate) struct FileTable {
    pub(crate) store: ObjectStoreUrl,
    pub(crate) source: Source,
    pub(crate) groups: Vec<Vec<PartitionedFile>>,
    pub(crate) statistics: Statistics,
    /// At most this many rows (`nrows`); there is one partition then.
    pub(crate) rows: Option<usize>,
    /// Whether the source uses filters to leave data out (it may still return rows that do not match).
    pub(crate) prunes: bool,
}

/// A fresh file source for each scan, since a source keeps metrics.
pub(crate) struct Source(pub(crate) Box<dyn Fn() -> Arc<dyn FileSource> + Send + Sync>);

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Source")
    }
}

impl FileTable {
    pub(crate) fn table_schema(&self) -> SchemaRef {
        Arc::clone((self.source.0)().table_schema().table_schema())
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        self.table_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let limit = match (self.rows, limit) {
            (Some(rows), Some(limit)) => Some(rows.min(limit)),
            (rows, limit) => rows.or(limit),
        };
        let groups = self.groups.iter().cloned().map(FileGroup::new).collect();
        let config = FileScanConfigBuilder::new(self.store.clone(), (self.source.0)())
            .with_file_groups(groups)
            .with_statistics(self.statistics.clone())
            .with_limit(limit)
            .with_projection_indices(projection.cloned())?
            .build();
        let scan = DataSourceExec::from_data_source(config);
        // A limit inside the scan alone could be widened by one pushed down from above.
        Ok(match self.rows {
            Some(rows) => Arc::new(GlobalLimitExec::new(scan, 0, Some(rows))),
            None => scan,
        })
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = if self.prunes && self.rows.is_none() {
            TableProviderFilterPushDown::Inexact
        } else {
            TableProviderFilterPushDown::Unsupported
        };
        Ok(vec![answer; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics.clone())
    }
}
