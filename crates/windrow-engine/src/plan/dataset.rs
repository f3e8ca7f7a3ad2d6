//! A dataset: a lazy plan with a schema and a number of partitions.
//!
//! ```text
//! Scan ─► Filter ─► Select ─► Aggregate …     each node holds its inputs; nothing has run yet
//! ```
//!
//! Column names and partition counts follow from the plan's shape. Types may need a sample of a row
//! function's results and are found when they are asked for (`infer`).

use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::LogicalPlan;
use windrow_functions::Function;

use super::expr::{Apply, Expr};
use super::lower::Lowered;
use super::lower_join;
use crate::error::{Error, Fault, Result};
use crate::nearest::column_hint;
use crate::operator::Grouping;
use crate::program::Recipe;
use crate::session::{JobSize, Session};
use crate::source::FileInfo;

/// How rows of two datasets are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Outer,
    Cross,
    Semi,
    Anti,
}

impl JoinKind {
    /// The kind under its pandas name.
    ///
    /// # Errors
    /// Another name.
    pub fn parse(how: &str) -> Result<Self> {
        Ok(match how {
            "inner" => Self::Inner,
            "left" => Self::Left,
            "right" => Self::Right,
            "outer" => Self::Outer,
            "cross" => Self::Cross,
            "semi" => Self::Semi,
            "anti" => Self::Anti,
            _ => {
                return Err(Error::plan(format!("`how` is `{how}`"))
                    .hint("it can be inner, left, right, outer, cross, semi or anti"));
            }
        })
    }
}

/// A join as `pandas.merge` describes it.
#[derive(Debug, Clone)]
pub struct JoinSpec {
    /// Which rows are kept.
    pub kind: JoinKind,
    /// Key columns of the left side.
    pub left_on: Vec<String>,
    /// Key columns of the right side, as many.
    pub right_on: Vec<String>,
    /// What is appended to names that both sides have.
    pub suffixes: (String, String),
    /// A column saying where a row comes from, if wanted.
    pub indicator: Option<String>,
}

/// One key of a sort.
#[derive(Debug, Clone)]
pub struct SortKey {
    /// What is sorted by.
    pub expr: Expr,
    /// Largest first.
    pub descending: bool,
    /// Rows without a value come last.
    pub missing_last: bool,
}

/// A source that has been opened: its schema is known, its rows are not read.
#[derive(Debug)]
pub struct ScanNode {
    /// Where DataFusion reads from.
    pub provider: Arc<dyn TableProvider>,
    /// How the plan names it.
    pub name: String,
    /// Partitions it is read in.
    pub partitions: usize,
    /// Row labels at the partitions' borders, where known.
    pub divisions: Option<Vec<i64>>,
    /// The exact number of rows, where known without reading them.
    pub rows: Option<u64>,
    /// Bytes to read.
    pub bytes: Option<u64>,
    /// The files behind it, for errors that name them.
    pub files: Vec<FileInfo>,
    /// What it was made from, where other processes can make it too.
    pub recipe: Option<Recipe>,
}

/// A step of a lazy plan.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Node {
    Scan(ScanNode),
    Select {
        input: Dataset,
        columns: Vec<(String, Expr)>,
    },
    Filter {
        input: Dataset,
        predicate: Expr,
    },
    Aggregate {
        input: Dataset,
        keys: Vec<(String, Expr)>,
        aggregates: Vec<(String, Expr)>,
    },
    Sort {
        input: Dataset,
        keys: Vec<SortKey>,
    },
    Limit {
        input: Dataset,
        skip: usize,
        count: usize,
    },
    Distinct {
        input: Dataset,
    },
    Join {
        left: Dataset,
        right: Dataset,
        spec: JoinSpec,
    },
    Union {
        inputs: Vec<Dataset>,
    },
    /// A function of frames; with `grouping`, of the groups of its rows.
    MapPartitions {
        input: Dataset,
        function: Arc<Function>,
        schema: OnceLock<SchemaRef>,
        grouping: Option<Grouping>,
    },
    Repartition {
        input: Dataset,
        partitions: usize,
    },
    Sql {
        inputs: Vec<(String, Dataset)>,
        query: String,
    },
}

#[derive(Debug)]
struct Inner {
    session: Session,
    node: Node,
    lowered: OnceLock<Lowered>,
}

/// A lazy plan; cheap to clone, and the same rows whenever it is run.
#[derive(Debug, Clone)]
pub struct Dataset {
    inner: Arc<Inner>,
}

impl Dataset {
    /// A plan whose last step is `node`.
    #[must_use]
    pub fn new(session: Session, node: Node) -> Self {
        Self { inner: Arc::new(Inner { session, node, lowered: OnceLock::new() }) }
    }

    /// A plan with one more step.
    #[must_use]
    pub fn then(&self, node: Node) -> Self {
        Self::new(self.session().clone(), node)
    }

    /// The session it belongs to.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.inner.session
    }

    /// Tells its last step from others while it is alive.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.inner) as usize
    }

    /// Its last step.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.inner.node
    }

    pub(super) fn lowered(&self) -> &OnceLock<Lowered> {
        &self.inner.lowered
    }

    /// The last step's inputs.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Dataset> {
        match self.node() {
            Node::Scan(_) => vec![],
            Node::Select { input, .. }
            | Node::Filter { input, .. }
            | Node::Aggregate { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. }
            | Node::Distinct { input }
            | Node::MapPartitions { input, .. }
            | Node::Repartition { input, .. } => vec![input],
            Node::Join { left, right, .. } => vec![left, right],
            Node::Union { inputs } => inputs.iter().collect(),
            Node::Sql { inputs, .. } => inputs.iter().map(|(_, input)| input).collect(),
        }
    }

    /// How many steps the plan has.
    #[must_use]
    pub fn steps(&self) -> usize {
        1 + self.inputs().iter().map(|input| input.steps()).sum::<usize>()
    }

    /// The names of the columns.
    ///
    /// # Errors
    /// A plan whose names follow only from types (SQL, `map_partitions`) that cannot be found.
    pub fn columns(&self) -> Result<Vec<String>> {
        Ok(match self.node() {
            Node::Scan(scan) => names(&scan.provider.schema()),
            Node::Select { columns, .. } => columns.iter().map(|(name, _)| name.clone()).collect(),
            Node::Aggregate { keys, aggregates, .. } => {
                keys.iter().chain(aggregates).map(|(name, _)| name.clone()).collect()
            }
            Node::Filter { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. }
            | Node::Distinct { input }
            | Node::Repartition { input, .. } => input.columns()?,
            Node::Union { inputs } => match inputs.first() {
                Some(first) => first.columns()?,
                None => vec![],
            },
            Node::Join { left, right, spec } => {
                lower_join::names_of(&left.columns()?, &right.columns()?, spec)?
            }
            Node::MapPartitions { .. } | Node::Sql { .. } => names(&self.schema()?),
        })
    }

    /// Column names and types; runs row functions on a sample where their types are not known.
    ///
    /// # Errors
    /// A plan that does not fit its data, or a function whose results have no type.
    pub fn schema(&self) -> Result<SchemaRef> {
        self.session().wait(self.clone().resolve_schema())
    }

    async fn resolve_schema(self) -> Result<SchemaRef> {
        Ok(self.lower().await?.schema())
    }

    /// DataFusion's logical plan for it, hidden columns dropped.
    pub(crate) async fn logical_plan(&self) -> Result<LogicalPlan> {
        self.lower().await?.finished()
    }

    /// Whether all types are known without running anything.
    #[must_use]
    pub fn is_typed(&self) -> bool {
        let own = match self.node() {
            Node::Select { columns, .. } => columns.iter().all(|(_, expr)| expr.is_typed()),
            Node::Filter { predicate, .. } => predicate.is_typed(),
            Node::Aggregate { keys, aggregates, .. } => {
                keys.iter().chain(aggregates).all(|(_, expr)| expr.is_typed())
            }
            Node::Sort { keys, .. } => keys.iter().all(|key| key.expr.is_typed()),
            Node::MapPartitions { schema, .. } => schema.get().is_some(),
            _ => true,
        };
        own && self.inputs().iter().all(|input| input.is_typed())
    }

    /// The types of the columns as far as they are known without running anything.
    ///
    /// # Errors
    /// A plan that does not fit its data.
    pub fn known_types(&self) -> Result<Vec<Option<DataType>>> {
        if self.is_typed() {
            return Ok(types(&self.schema()?));
        }
        match self.node() {
            Node::Filter { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. }
            | Node::Distinct { input }
            | Node::Repartition { input, .. } => input.known_types(),
            Node::Select { input, columns } if input.is_typed() => {
                let typed: Vec<_> =
                    columns.iter().filter(|(_, expr)| expr.is_typed()).cloned().collect();
                let select = Node::Select { input: input.clone(), columns: typed };
                let mut known = types(&input.then(select).schema()?).into_iter();
                let of = |(_, expr): &(String, Expr)| {
                    if expr.is_typed() { known.next().flatten() } else { None }
                };
                Ok(columns.iter().map(of).collect())
            }
            Node::Join { .. } | Node::MapPartitions { .. } | Node::Sql { .. } => Ok(vec![]),
            _ => Ok(vec![None; self.columns()?.len()]),
        }
    }

    /// The number of partitions.
    #[must_use]
    pub fn partitions(&self) -> usize {
        match self.node() {
            Node::Scan(scan) => scan.partitions,
            Node::MapPartitions { grouping: Some(_), .. } => self.session().settings().partitions,
            Node::Select { input, .. }
            | Node::Filter { input, .. }
            | Node::MapPartitions { input, .. } => input.partitions(),
            Node::Sort { .. } | Node::Limit { .. } => 1,
            Node::Aggregate { keys, .. } if keys.is_empty() => 1,
            Node::Aggregate { .. } | Node::Distinct { .. } | Node::Sql { .. } => {
                self.session().settings().partitions
            }
            Node::Join { spec, left, .. } if spec.kind == JoinKind::Cross => left.partitions(),
            Node::Join { .. } => self.session().settings().partitions,
            Node::Union { inputs } => inputs.iter().map(Dataset::partitions).sum(),
            Node::Repartition { partitions, .. } => *partitions,
        }
    }

    /// Row labels at the borders of the partitions, while rows are still those of the source.
    #[must_use]
    pub fn divisions(&self) -> Option<&[i64]> {
        match self.node() {
            Node::Scan(scan) => scan.divisions.as_deref(),
            Node::Select { input, .. } => input.divisions(),
            Node::Filter { input, .. } => input.divisions(),
            _ => None,
        }
    }

    /// About how many rows, at most, the sources behind it have; `None` where nothing is known.
    #[must_use]
    pub fn estimated_rows(&self) -> Option<u64> {
        /// Bytes of a short text row; small, so that a file is rather thought larger than it is.
        const ROW_BYTES: u64 = 40;
        match self.node() {
            Node::Scan(scan) => scan.rows.or(scan.bytes.map(|bytes| bytes / ROW_BYTES)),
            Node::Limit { input, count, .. } => {
                let count = *count as u64;
                Some(input.estimated_rows().map_or(count, |rows| rows.min(count)))
            }
            _ => self
                .inputs()
                .iter()
                .map(|input| input.estimated_rows())
                .collect::<Option<Vec<_>>>()?
                .into_iter()
                .max(),
        }
    }

    /// How much work its functions are, as far as is known.
    #[must_use]
    pub fn job_size(&self) -> JobSize {
        let mut applies = Vec::new();
        self.applies(&mut applies);
        let nanos = applies.iter().filter_map(|apply| apply.nanos_a_row.get()).sum();
        JobSize { rows: self.estimated_rows(), nanos_a_row: nanos }
    }

    /// All uses of row functions in the plan.
    pub(crate) fn applies(&self, found: &mut Vec<Arc<Apply>>) {
        for input in self.inputs() {
            input.applies(found);
        }
        match self.node() {
            Node::Select { columns, .. } => {
                columns.iter().for_each(|(_, expr)| expr.applies(found));
            }
            Node::Filter { predicate, .. } => predicate.applies(found),
            Node::Aggregate { keys, aggregates, .. } => {
                keys.iter().chain(aggregates).for_each(|(_, expr)| expr.applies(found));
            }
            Node::Sort { keys, .. } => keys.iter().for_each(|key| key.expr.applies(found)),
            _ => {}
        }
    }

    /// All files that are read.
    #[must_use]
    pub fn files(&self) -> Vec<FileInfo> {
        match self.node() {
            Node::Scan(scan) => scan.files.clone(),
            _ => self.inputs().iter().flat_map(|input| input.files()).collect(),
        }
    }
}

/// The error for a column that is not there, with the nearest that is.
pub(crate) fn no_column(name: &str, columns: &[String]) -> Error {
    Error::new(Fault::Column, format!("there is no column `{name}`"))
        .hint(column_hint(name, columns))
}

fn types(schema: &SchemaRef) -> Vec<Option<DataType>> {
    schema.fields().iter().map(|field| Some(field.data_type().clone())).collect()
}

fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}
