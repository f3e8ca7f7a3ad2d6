//! Results in memory.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::watch::Watch;
use crate::drive::{self, Collected, Ran, Take};
use crate::error::{Error, Result};
use crate::operator::memory;
use crate::plan::{Dataset, Node};
use crate::session::plan_error;

impl Dataset {
    /// All rows, in order.
    ///
    /// # Errors
    /// Those of the plan, the data and the user's functions; of several failing rows the first in
    /// order is reported.
    pub async fn collect(&self, name: &str) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        if let Some((schema, parts)) = self.run_as_stages(name, &Collected).await? {
            return Ok((schema, parts.into_iter().flatten().collect()));
        }
        let plan = self.logical_plan().await?;
        let physical = self.session().physical_plan(&plan).await?;
        let watch = Watch::start(self, &physical, name);
        let batches = self.gather_or_spill(&plan, &physical).await;
        let rows = batches.as_ref().map_or(0, |all| all.iter().map(RecordBatch::num_rows).sum());
        watch.finish(&batches, rows as u64);
        Ok((physical.schema(), batches?))
    }

    /// The number of rows.
    ///
    /// # Errors
    /// As [`Dataset::collect`].
    pub async fn count(&self) -> Result<u64> {
        if self.session().client().is_some() {
            return self.count_as_stages().await;
        }
        let plan = self.logical_plan().await?;
        let plan = LogicalPlanBuilder::from(plan)
            .aggregate(Vec::<datafusion::logical_expr::Expr>::new(), vec![count(lit(1_i64))])
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| plan_error(&error))?;
        let physical = self.session().physical_plan(&plan).await?;
        let watch = Watch::start(self, &physical, "count");
        let batches = self.gather_or_spill(&plan, &physical).await;
        watch.finish(&batches, 1);
        one_count(&batches?)
    }

    /// What `taker` makes of the rows, if the session has a client and the plan can run on it.
    pub(super) async fn run_as_stages<T: Take>(
        &self,
        name: &str,
        taker: &T,
    ) -> Result<Option<T::Taken>> {
        let Some(client) = self.session().client() else { return Ok(None) };
        match drive::answer(self, &client, name, taker).await? {
            Ran::Staged(taken) => Ok(Some(taken)),
            Ran::Stays(why) => {
                super::watch::note(self, &format!("this runs in this process: {why}"));
                Ok(None)
            }
        }
    }

    async fn count_as_stages(&self) -> Result<u64> {
        let inputs = vec![("counted".to_owned(), self.clone())];
        let query = "select count(*) as n from counted".to_owned();
        let counted = self.then(Node::Sql { inputs, query });
        // Its columns are of known types: this does not come here again.
        let (_, batches) = Box::pin(counted.collect("count")).await?;
        one_count(&batches)
    }

    /// As [`Dataset::gather`]; if the hash table of a join does not fit into memory, once more with
    /// joins that sort, merge and spill.
    async fn gather_or_spill(
        &self,
        plan: &LogicalPlan,
        physical: &Arc<dyn ExecutionPlan>,
    ) -> Result<Vec<RecordBatch>> {
        match self.gather(physical).await {
            Err(error) if error.is_of_large_join() => {
                super::watch::note(self, super::watch::LARGE_JOIN);
                self.session().settled().await;
                self.gather(&self.session().spilling_plan(plan).await?).await
            }
            outcome => outcome,
        }
    }

    async fn gather(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<RecordBatch>> {
        let context = self.session().task_context(self.job_size());
        let partitions = plan.output_partitioning().partition_count();
        let mut tasks = Vec::with_capacity(partitions);
        let mut running = FuturesUnordered::new();
        for partition in 0..partitions {
            let work = one(Arc::clone(plan), partition, Arc::clone(&context));
            let task = SpawnedTask::spawn(work);
            let (abort, registration) = futures::future::AbortHandle::new_pair();
            let task = futures::future::Abortable::new(task.join(), registration);
            tasks.push(abort);
            running.push(async move { (partition, task.await) });
        }
        let mut results: Vec<Option<Part>> = (0..partitions).map(|_| None).collect();
        let mut failed: Option<(usize, Error)> = None;
        while let Some((partition, outcome)) = running.next().await {
            let outcome = match outcome {
                Err(futures::future::Aborted) => continue,
                Ok(Err(join)) => Err(Error::internal(format!("a thread panicked: {join}"))),
                Ok(Ok(Err(error))) => Err(self.session().run_error(&error, &self.files())),
                Ok(Ok(Ok(batches))) => Ok(batches),
            };
            match outcome {
                Ok(batches) => results[partition] = Some(batches),
                Err(error) if failed.as_ref().is_none_or(|(first, _)| partition < *first) => {
                    // Rows after the failing one no longer matter; those before it may fail too.
                    tasks[partition..].iter().for_each(futures::future::AbortHandle::abort);
                    failed = Some((partition, error));
                }
                Err(_) => {}
            }
        }
        match failed {
            Some((_, error)) => Err(error),
            None => Ok(results.into_iter().flatten().flat_map(|part| part.batches).collect()),
        }
    }
}

fn one_count(batches: &[RecordBatch]) -> Result<u64> {
    let counts = batches.iter().filter(|batch| batch.num_rows() > 0);
    let rows: i64 = counts.map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0)).sum();
    u64::try_from(rows).map_err(|_| Error::internal("a negative number of rows"))
}

/// The rows of one partition, and their share of the budget: held until all partitions are there.
struct Part {
    batches: Vec<RecordBatch>,
    _held: MemoryReservation,
}

async fn one(
    plan: Arc<dyn ExecutionPlan>,
    partition: usize,
    context: Arc<TaskContext>,
) -> datafusion::error::Result<Part> {
    let reservation = MemoryConsumer::new("the result").register(context.memory_pool());
    let mut stream = plan.execute(partition, context)?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        reservation.try_grow(memory::of(&batch))?;
        batches.push(batch);
    }
    Ok(Part { batches, _held: reservation })
}
