//! A session: settings, one memory budget, one pool of workers, and the context plans run in.

mod errors;
mod scratch;
mod wait;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::MemTable;
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::{QueryPlanner, SQLOptions};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::runtime::Runtime;
use windrow_events::EventBus;
use windrow_workers::FunctionHost;

use crate::drive::Client;
use crate::error::{Error, Fault, Result};
use crate::operator::{FunctionHosts, FunctionPlanner};
use crate::optimize::physical_rules;
use crate::plan::{Dataset, Node, ScanNode};
use crate::program::Recipe;
use crate::settings::{FunctionPlace, Settings};
use crate::source::{FileSource, OpenSource};

pub(crate) use errors::plan_error;
use scratch::Scratch;

/// Jobs of at most this many rows call their functions in the caller's interpreter: there, 200,000
/// rows of a small function take about as long as starting workers.
const SMALL_JOB_ROWS: u64 = 200_000;
/// A job that takes longer than this is not small, however few its rows.
const SMALL_JOB_NANOS: u64 = 100_000_000;

/// How much work the functions of a job are.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobSize {
    /// About how many rows there are, at most.
    pub rows: Option<u64>,
    /// Nanoseconds that a row took in a sample; 0 before there was one.
    pub nanos_a_row: u64,
}

impl JobSize {
    fn is_small(self) -> bool {
        self.rows.is_some_and(|rows| {
            rows <= SMALL_JOB_ROWS && rows.saturating_mul(self.nanos_a_row) <= SMALL_JOB_NANOS
        })
    }
}

/// Starts the worker processes of a session with these settings.
pub type StartWorkers = dyn Fn(&Settings) -> Result<Arc<dyn FunctionHost>> + Send + Sync;

/// What the surroundings bring: where functions run, and how an interrupt is noticed.
pub struct Surroundings {
    /// Functions in the interpreter that we are in, if we are in one.
    pub in_process: Option<Arc<dyn FunctionHost>>,
    /// Starts worker processes; called once, when the first function needs them.
    pub start_workers: Box<StartWorkers>,
    /// True when the user wants the run to end (Ctrl-C). Called on the waiting thread, often.
    pub interrupted: Box<dyn Fn() -> bool + Send + Sync>,
    /// Where runs say what happens.
    pub events: EventBus,
}

impl Surroundings {
    /// Surroundings without Python: plans that call functions fail with a reason.
    #[must_use]
    pub fn bare() -> Self {
        Self {
            in_process: None,
            start_workers: Box::new(|_| {
                Err(Error::plan("this program has no Python to run functions in"))
            }),
            interrupted: Box::new(|| false),
            events: EventBus::default(),
        }
    }
}

struct Inner {
    settings: Settings,
    surroundings: Surroundings,
    state: SessionState,
    config: SessionConfig,
    runtime: Mutex<Option<Runtime>>,
    handle: tokio::runtime::Handle,
    workers: OnceLock<Arc<dyn FunctionHost>>,
    starting: Mutex<()>,
    client: Mutex<Option<Arc<Client>>>,
    scratch: Scratch,
}

/// A session; cheap to clone. In a fork of the process that made it, it runs nothing.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("settings", &self.inner.settings).finish()
    }
}

impl Session {
    /// A session with `settings` in `surroundings`.
    ///
    /// # Errors
    /// No folder for temporary files, or no threads.
    pub fn new(settings: Settings, surroundings: Surroundings) -> Result<Self> {
        let scratch = Scratch::new(settings.temp.as_deref())?;
        let memory = usize::try_from(settings.memory).unwrap_or(usize::MAX);
        let consumers = std::num::NonZeroUsize::MIN.saturating_add(2);
        let pool = TrackConsumersPool::new(FairSpillPool::new(memory), consumers);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_temp_file_path(scratch.path())
            .build_arc()
            .map_err(|error| plan_error(&error))?;
        let config = config(&settings);
        let state = SessionStateBuilder::new()
            .with_config(config.clone())
            .with_runtime_env(environment)
            .with_default_features()
            .with_query_planner(Arc::new(Planner))
            .with_physical_optimizer_rules(physical_rules())
            .build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.workers.max(2))
            .thread_name("windrow")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(Fault::Resources, format!("cannot start threads: {error}"))
            })?;
        let handle = runtime.handle().clone();
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                surroundings,
                state,
                config,
                runtime: Mutex::new(Some(runtime)),
                handle,
                workers: OnceLock::new(),
                starting: Mutex::new(()),
                client: Mutex::new(None),
                scratch,
            }),
        })
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The folder for its temporary files.
    #[must_use]
    pub fn scratch(&self) -> &std::path::Path {
        self.inner.scratch.path()
    }

    /// Where its runs say what happens.
    #[must_use]
    pub fn events(&self) -> &EventBus {
        &self.inner.surroundings.events
    }

    /// Runs datasets as stages on `client` from now on; in this process when there is none.
    pub fn set_client(&self, client: Option<Arc<Client>>) {
        *self.inner.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }

    /// What datasets run on, if it is not this process alone.
    #[must_use]
    pub fn client(&self) -> Option<Arc<Client>> {
        self.inner.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens files; reads what the schema needs and no more.
    ///
    /// # Errors
    /// Files that are not there or are not what they are said to be.
    pub fn scan(&self, source: FileSource, name: &str) -> Result<Dataset> {
        let session = self.clone();
        let name = name.to_owned();
        self.wait(async move { session.open_scan(source, &name).await })
    }

    /// As [`Session::scan`], for callers on the session's threads.
    pub(crate) async fn open_scan(&self, source: FileSource, name: &str) -> Result<Dataset> {
        let context = SessionContext::new_with_state(self.inner.state.clone());
        let OpenSource { provider, rows, bytes, files, .. } = source.open(&context).await?;
        let plan = provider
            .scan(&self.inner.state, None, &[], None)
            .await
            .map_err(|error| plan_error(&error))?;
        let partitions = plan.properties().output_partitioning().partition_count().max(1);
        let node = ScanNode {
            provider,
            name: name.to_owned(),
            partitions,
            divisions: None,
            rows,
            bytes,
            files,
            recipe: Some(Recipe::Files(Box::new(source.with_absolute_paths()))),
        };
        Ok(Dataset::new(self.clone(), Node::Scan(node)))
    }

    /// Rows in memory, one list of batches a partition.
    ///
    /// # Errors
    /// Batches of different schemas.
    pub fn from_batches(
        &self,
        schema: SchemaRef,
        partitions: Vec<Vec<RecordBatch>>,
        divisions: Option<Vec<i64>>,
    ) -> Result<Dataset> {
        let rows = partitions.iter().flatten().map(|batch| batch.num_rows() as u64).sum();
        let count = partitions.len();
        let recipe = Recipe::Batches {
            schema: Arc::clone(&schema),
            partitions: Arc::new(partitions.clone()),
        };
        let table = MemTable::try_new(schema, partitions).map_err(|error| plan_error(&error))?;
        Ok(Dataset::new(
            self.clone(),
            Node::Scan(ScanNode {
                provider: Arc::new(table),
                name: "memory".to_owned(),
                partitions: count,
                divisions,
                rows: Some(rows),
                bytes: None,
                files: vec![],
                recipe: Some(recipe),
            }),
        ))
    }

    /// A query over `tables`.
    ///
    /// # Errors
    /// A query that does not parse; what does not fit the tables shows when types are asked for.
    pub fn sql(&self, query: &str, tables: Vec<(String, Dataset)>) -> Result<Dataset> {
        let typed = tables.iter().all(|(_, dataset)| dataset.is_typed());
        let dataset =
            Dataset::new(self.clone(), Node::Sql { inputs: tables, query: query.to_owned() });
        if typed {
            dataset.schema()?;
        }
        Ok(dataset)
    }

    /// The logical plan of `query`; it may read the tables and change nothing.
    pub(crate) async fn plan_sql(
        &self,
        query: &str,
        tables: Vec<(String, LogicalPlan)>,
    ) -> Result<LogicalPlan> {
        let runtime = Arc::clone(self.inner.state.runtime_env());
        let context = SessionContext::new_with_config_rt(self.inner.config.clone(), runtime);
        for (name, plan) in tables {
            let view = DataFrame::new(context.state(), plan).into_view();
            context
                .register_table(datafusion::common::TableReference::bare(name), view)
                .map_err(|error| plan_error(&error))?;
        }
        let plan =
            context.state().create_logical_plan(query).await.map_err(|error| plan_error(&error))?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(|_| Error::plan("only queries can be run here").hint("write `select ...`"))?;
        Ok(plan)
    }

    /// The optimized physical plan.
    pub(crate) async fn physical_plan(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        self.inner.state.create_physical_plan(plan).await.map_err(|error| plan_error(&error))
    }

    /// A physical plan whose joins spill: they sort and merge instead of building hash tables.
    pub(crate) async fn spilling_plan(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        let mut state = self.inner.state.clone();
        state.config_mut().options_mut().optimizer.prefer_hash_join = false;
        state.create_physical_plan(plan).await.map_err(|error| plan_error(&error))
    }

    /// A physical plan that can be cut into stages; `millis` (since 1970) is what `now()` is.
    pub(crate) async fn stageable_plan(
        &self,
        plan: &LogicalPlan,
        millis: i64,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut state = SessionStateBuilder::new_from_existing(self.inner.state.clone())
            .with_physical_optimizer_rules(crate::stage::physical_rules())
            .build();
        crate::stage::set_options(state.config_mut().options_mut());
        // Names that the optimizer makes up are counted anew: they are the same in every process.
        *state.execution_props_mut() = ExecutionProps::new();
        state.execution_props_mut().query_execution_start_time =
            chrono::DateTime::from_timestamp_millis(millis);
        state.create_physical_plan(plan).await.map_err(|error| plan_error(&error))
    }

    /// What a task of a stage runs in.
    pub(crate) fn stage_context(&self, inputs: Arc<crate::exchange::Inputs>) -> Arc<TaskContext> {
        let context = self.task_context(JobSize::default());
        let config = context.session_config().clone().with_extension(inputs);
        Arc::new(TaskContext::from(&self.inner.state).with_session_config(config))
    }

    /// Spawns `work` on the session's threads.
    pub(crate) fn handle(&self) -> &tokio::runtime::Handle {
        &self.inner.handle
    }

    /// Waits for a run that failed to give back its memory, for a second at most.
    pub(crate) async fn settled(&self) {
        const LOOKS: u32 = 100;
        for _ in 0..LOOKS {
            if self.inner.state.runtime_env().memory_pool.reserved() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The optimized logical plan.
    pub(crate) fn optimized(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        self.inner.state.optimize(plan).map_err(|error| plan_error(&error))
    }

    /// What the tasks of a job of this size run in.
    pub(crate) fn task_context(&self, size: JobSize) -> Arc<TaskContext> {
        let session = self.clone();
        let hosts = FunctionHosts::new(move || session.function_host(size))
            .with_near(self.near().cloned())
            .with_verified_share(self.settings().verify)
            .with_events(self.events().clone());
        let config = self.inner.config.clone().with_extension(Arc::new(hosts));
        Arc::new(TaskContext::from(&self.inner.state).with_session_config(config))
    }

    /// Where a job of this size calls its functions.
    ///
    /// # Errors
    /// Workers that cannot be started.
    pub fn function_host(&self, size: JobSize) -> Result<Arc<dyn FunctionHost>> {
        let in_process = match self.settings().functions {
            FunctionPlace::InProcess => true,
            FunctionPlace::Workers => false,
            FunctionPlace::Auto => size.is_small(),
        };
        match &self.inner.surroundings.in_process {
            Some(host) if in_process => Ok(Arc::clone(host)),
            _ => self.workers(),
        }
    }

    /// Where native functions are called on a few rows.
    ///
    /// # Errors
    /// Workers that cannot be started, where this program has no interpreter.
    pub(crate) fn near_host(&self) -> Result<Arc<dyn FunctionHost>> {
        match self.near() {
            Some(host) => Ok(Arc::clone(host)),
            None => self.workers(),
        }
    }

    fn near(&self) -> Option<&Arc<dyn FunctionHost>> {
        let elsewhere = self.settings().functions == FunctionPlace::Workers;
        self.inner.surroundings.in_process.as_ref().filter(|_| !elsewhere)
    }

    /// Whether functions may run as native code.
    pub(crate) fn compiles_functions(&self) -> bool {
        self.settings().native
    }

    /// Whether worker processes were started.
    pub(crate) fn has_workers(&self) -> bool {
        self.inner.workers.get().is_some()
    }

    /// The worker processes, started when first asked for.
    ///
    /// # Errors
    /// Workers that cannot be started.
    pub fn workers(&self) -> Result<Arc<dyn FunctionHost>> {
        let _guard = self.inner.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(workers) = self.inner.workers.get() {
            return Ok(Arc::clone(workers));
        }
        let workers = (self.inner.surroundings.start_workers)(self.settings())?;
        Ok(Arc::clone(self.inner.workers.get_or_init(|| workers)))
    }
}

impl Drop for Session {
    #[allow(clippy::disallowed_methods, reason = "what is forgotten belongs to the parent process")]
    fn drop(&mut self) {
        // In a fork the threads are not there, and to let go of their handles is to touch memory
        // that is gone: what came over stays.
        if !self.inner.scratch.is_ours() {
            std::mem::forget(Arc::clone(&self.inner));
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
        self.scratch.remove();
    }
}

fn config(settings: &Settings) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(settings.partitions)
        .with_batch_size(settings.batch_rows)
        // Both would take rows out of their order.
        .with_round_robin_repartition(false)
        .with_information_schema(false);
    let options = config.options_mut();
    options.execution.enable_file_stream_work_stealing = false;
    // Sources cut their files themselves, once, in order.
    options.optimizer.repartition_file_scans = false;
    options.optimizer.repartition_file_min_size = 1 << 20;
    // What each sort keeps back for merging must fit into a small budget many times over.
    let share = usize::try_from(settings.memory).unwrap_or(usize::MAX) / (settings.partitions * 16);
    let reserved = &mut options.execution.sort_spill_reservation_bytes;
    *reserved = share.min(*reserved);
    // Column names are Python's: their case counts.
    options.sql_parser.enable_ident_normalization = false;
    options.execution.parquet.pushdown_filters = true;
    config
}

#[derive(Debug)]
struct Planner;

#[async_trait::async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn datafusion::catalog::Session,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(FunctionPlanner)])
            .create_physical_plan(plan, session)
            .await
    }
}
