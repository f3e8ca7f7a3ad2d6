//! From a dataset to DataFusion's logical plan.
//!
//! Row functions become [`FunctionNode`]s that append their results as *hidden columns*. A hidden
//! column stays available to the steps above, so a function used in a filter and in the output is
//! computed once.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Expr as DfExpr, ExprSchemable, Extension, LogicalPlan, LogicalPlanBuilder, Partitioning, ident,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use windrow_functions::FnSpec;

use super::dataset::{Dataset, JoinKind, Node, SortKey};
use super::expr::{Apply, Expr};
use super::lower_expr::Scope;
use super::{condition, infer, lower_aggregate, lower_join};
use crate::error::{Error, Result};
use crate::operator::{FunctionCall, FunctionNode, Judged, PartitionsNode};
use crate::session::plan_error;

/// A logical plan, and which of its columns carry the results of row functions.
#[derive(Debug, Clone)]
pub(super) struct Lowered {
    pub(super) plan: LogicalPlan,
    /// Use of a function → its hidden column.
    pub(super) hidden: HashMap<u64, String>,
}

impl Lowered {
    pub(super) fn bare(plan: LogicalPlan) -> Self {
        Self { plan, hidden: HashMap::new() }
    }

    fn is_hidden(&self, name: &str) -> bool {
        self.hidden.values().any(|hidden| hidden == name)
    }

    /// The schema without hidden columns.
    pub(super) fn schema(&self) -> SchemaRef {
        let schema = self.plan.schema().as_arrow();
        let fields = schema.fields().iter().filter(|field| !self.is_hidden(field.name())).cloned();
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The plan without hidden columns.
    pub(super) fn finished(&self) -> Result<LogicalPlan> {
        if self.hidden.is_empty() {
            return Ok(self.plan.clone());
        }
        let columns: Vec<_> =
            self.schema().fields().iter().map(|field| ident(field.name())).collect();
        build(LogicalPlanBuilder::from(self.plan.clone()).project(columns))
    }

    pub(super) fn with_plan(&self, plan: LogicalPlan) -> Self {
        Self { plan, hidden: self.hidden.clone() }
    }
}

/// The plan that a builder gives, its error explained.
pub(super) fn build(builder: datafusion::error::Result<LogicalPlanBuilder>) -> Result<LogicalPlan> {
    builder.and_then(LogicalPlanBuilder::build).map_err(|error| plan_error(&error))
}

impl Dataset {
    pub(super) fn lower(&self) -> BoxFuture<'_, Result<Lowered>> {
        async move {
            if let Some(done) = self.lowered().get() {
                return Ok(done.clone());
            }
            let lowered = self.lower_node().await?;
            Ok(self.lowered().get_or_init(|| lowered).clone())
        }
        .boxed()
    }

    async fn lower_node(&self) -> Result<Lowered> {
        match self.node() {
            Node::Scan(scan) => {
                let source = provider_as_source(Arc::clone(&scan.provider));
                Ok(Lowered::bare(build(LogicalPlanBuilder::scan(&scan.name, source, None))?))
            }
            Node::Select { input, columns } => self.lower_select(input, columns).await,
            Node::Filter { input, predicate } => {
                let below = self.prepare_filter(input, predicate).await?;
                let scope = Scope::of(&below, std::slice::from_ref(predicate)).await?;
                let predicate = scope.truth(predicate)?;
                let plan = build(LogicalPlanBuilder::from(below.plan.clone()).filter(predicate))?;
                Ok(below.with_plan(plan))
            }
            Node::Aggregate { input, keys, aggregates } => {
                let exprs: Vec<_> =
                    keys.iter().chain(aggregates).map(|(_, expr)| expr.clone()).collect();
                let below = self.prepare(input, &exprs).await?;
                let scope = Scope::of(&below, &exprs).await?;
                lower_aggregate::aggregate(&below, &scope, keys, aggregates).map(Lowered::bare)
            }
            Node::Sort { input, keys } => self.lower_sort(input, keys).await,
            Node::Limit { input, skip, count } => {
                let below = input.lower().await?;
                let builder = LogicalPlanBuilder::from(below.plan.clone());
                Ok(below.with_plan(build(builder.limit(*skip, Some(*count)))?))
            }
            Node::Distinct { input } => {
                let plan = input.logical_plan().await?;
                Ok(Lowered::bare(build(LogicalPlanBuilder::from(plan).distinct())?))
            }
            Node::Join { left, right, spec } => {
                let (left, right) = (left.logical_plan().await?, right.logical_plan().await?);
                lower_join::join(left, right, spec).map(Lowered::bare)
            }
            Node::Union { inputs } => lower_union(inputs).await,
            Node::MapPartitions { input, function, schema, grouping } => {
                let plan = match grouping {
                    None => input.logical_plan().await?,
                    Some(grouping) => keyed(input, grouping.keys).await?,
                };
                let result = match schema.get() {
                    Some(known) => Arc::clone(known),
                    None => {
                        let found = infer::frame_schema(input, &plan, function, *grouping).await?;
                        Arc::clone(schema.get_or_init(|| found))
                    }
                };
                let node = PartitionsNode::new(plan, Arc::clone(function), &result, *grouping)
                    .map_err(|error| plan_error(&error))?;
                Ok(Lowered::bare(LogicalPlan::Extension(Extension { node: Arc::new(node) })))
            }
            Node::Repartition { input, partitions } => {
                let below = input.lower().await?;
                let builder = LogicalPlanBuilder::from(below.plan.clone());
                let scheme = Partitioning::RoundRobinBatch(*partitions);
                Ok(below.with_plan(build(builder.repartition(scheme))?))
            }
            Node::Sql { inputs, query } => {
                let mut tables = Vec::with_capacity(inputs.len());
                for (name, input) in inputs {
                    tables.push((name.clone(), input.logical_plan().await?));
                }
                self.session().plan_sql(query, tables).await.map(Lowered::bare)
            }
        }
    }

    async fn lower_select(&self, input: &Dataset, columns: &[(String, Expr)]) -> Result<Lowered> {
        let exprs: Vec<_> = columns.iter().map(|(_, expr)| expr.clone()).collect();
        let below = self.prepare(input, &exprs).await?;
        let scope = Scope::of(&below, &exprs).await?;
        let columns = columns
            .iter()
            .map(|(name, expr)| Ok(scope.value(expr)?.alias(name)))
            .collect::<Result<Vec<_>>>()?;
        let plan = build(LogicalPlanBuilder::from(below.plan.clone()).project(columns))?;
        Ok(Lowered::bare(plan))
    }

    async fn lower_sort(&self, input: &Dataset, keys: &[SortKey]) -> Result<Lowered> {
        let exprs: Vec<_> = keys.iter().map(|key| key.expr.clone()).collect();
        let below = self.prepare(input, &exprs).await?;
        let scope = Scope::of(&below, &exprs).await?;
        let keys = keys
            .iter()
            .map(|key| {
                let value = scope.present(scope.value(&key.expr)?)?;
                Ok(value.sort(!key.descending, !key.missing_last))
            })
            .collect::<Result<Vec<_>>>()?;
        let plan = build(LogicalPlanBuilder::from(below.plan.clone()).sort(keys))?;
        Ok(below.with_plan(plan))
    }

    /// The plan of `input` with a hidden column for each row function that `exprs` use.
    async fn prepare(&self, input: &Dataset, exprs: &[Expr]) -> Result<Lowered> {
        let mut lowered = input.lower().await?;
        let mut waiting = Vec::new();
        for expr in exprs {
            expr.applies(&mut waiting);
        }
        waiting.retain(|apply| !lowered.hidden.contains_key(&apply.id()));
        while !waiting.is_empty() {
            // Functions on columns that are there go first; what uses their results is next.
            let (ready, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|apply| is_ready(apply, &lowered.hidden));
            if ready.is_empty() {
                return Err(Error::internal("row functions that wait for each other"));
            }
            lowered = self.attach(input, lowered, ready).await?;
            waiting = later;
        }
        Ok(lowered)
    }

    /// As [`Dataset::prepare`], for a filter. What its function asks of columns first is asked of
    /// the input, so that a source can leave rows out; the function still decides.
    async fn prepare_filter(&self, input: &Dataset, predicate: &Expr) -> Result<Lowered> {
        let Expr::Apply(apply) = predicate else {
            return self.prepare(input, std::slice::from_ref(predicate)).await;
        };
        let mut below = self.prepare(input, &apply.args).await?;
        if below.hidden.contains_key(&apply.id()) {
            return Ok(below);
        }
        let mut call = self.call_of(input, &below, apply).await?;
        if let Some(condition) = asked_first(&call, &below)? {
            call.asked_first = Some(format!("`{}`", condition.human_display()));
            let builder = LogicalPlanBuilder::from(below.plan.clone()).filter(condition);
            below = below.with_plan(build(builder)?);
        }
        attached(&below, vec![(apply.id(), call)])
    }

    async fn attach(
        &self,
        input: &Dataset,
        below: Lowered,
        applies: Vec<Arc<Apply>>,
    ) -> Result<Lowered> {
        let mut calls = Vec::with_capacity(applies.len());
        for apply in applies {
            calls.push((apply.id(), self.call_of(input, &below, &apply).await?));
        }
        attached(&below, calls)
    }

    /// The call of a function on columns of `below`, its result typed.
    async fn call_of(
        &self,
        input: &Dataset,
        below: &Lowered,
        apply: &Apply,
    ) -> Result<FunctionCall> {
        let scope = Scope::of(below, &apply.args).await?;
        let args = apply
            .args
            .iter()
            .zip(&apply.names)
            .map(|(arg, name)| Ok(scope.value(arg)?.alias(name)))
            .collect::<Result<Vec<DfExpr>>>()?;
        let native = self.session().compiles_functions();
        apply.judged.get_or_init(|| judged(apply, &args, &scope, native));
        let data_type = match apply.result.get() {
            Some(known) => known.clone(),
            None => {
                let found = infer::value_type(input, &below.plan, apply, &args).await?;
                apply.result.get_or_init(|| found).clone()
            }
        };
        Ok(FunctionCall {
            function: Arc::clone(&apply.function),
            names: apply.names.clone(),
            args: args.into_iter().map(DfExpr::unalias).collect(),
            output: apply.column(),
            data_type,
            nanos_a_row: apply.nanos_a_row.get().copied(),
            native,
            asked_first: None,
        })
    }
}

/// `below` with a hidden column for each call.
fn attached(below: &Lowered, calls: Vec<(u64, FunctionCall)>) -> Result<Lowered> {
    let mut hidden = below.hidden.clone();
    hidden.extend(calls.iter().map(|(id, call)| (*id, call.output.clone())));
    let calls = calls.into_iter().map(|(_, call)| call).collect();
    let node = FunctionNode::new(below.plan.clone(), calls).map_err(|error| plan_error(&error))?;
    let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
    Ok(Lowered { plan, hidden })
}

/// What a filter's function asks of its columns before anything else.
fn asked_first(call: &FunctionCall, below: &Lowered) -> Result<Option<DfExpr>> {
    if call.data_type != DataType::Boolean {
        return Ok(None);
    }
    let Some(spec) = call.function.spec.as_deref().and_then(|text| FnSpec::from_json(text).ok())
    else {
        return Ok(None);
    };
    let schema = below.plan.schema();
    let args = call.args.iter().map(|arg| Ok((arg.clone(), arg.get_type(schema.as_ref())?)));
    let args: datafusion::error::Result<Vec<_>> = args.collect();
    let args = args.map_err(|error| plan_error(&error))?;
    Ok(condition::necessary(&spec, &args, call.function.nulls))
}

/// The verdict on a function for the types of its arguments.
fn judged(apply: &Apply, args: &[DfExpr], scope: &Scope<'_>, native: bool) -> Arc<Judged> {
    if !native {
        let why = "the setting `native` is off";
        return Arc::new(Judged::in_the_interpreter(why));
    }
    let fields = args
        .iter()
        .zip(&apply.names)
        .map(|(arg, name)| Ok(Field::new(name, scope.type_of(arg)?, true)));
    match fields.collect::<Result<Vec<_>>>() {
        Ok(fields) => Judged::of(&apply.function, &Schema::new(fields)),
        Err(error) => Arc::new(Judged::in_the_interpreter(error.message())),
    }
}

fn is_ready(apply: &Apply, hidden: &HashMap<u64, String>) -> bool {
    let mut inner = Vec::new();
    for arg in &apply.args {
        arg.applies(&mut inner);
    }
    inner.iter().all(|apply| hidden.contains_key(&apply.id()))
}

async fn lower_union(inputs: &[Dataset]) -> Result<Lowered> {
    let mut plans = Vec::with_capacity(inputs.len());
    for input in inputs {
        plans.push(input.logical_plan().await?);
    }
    let mut plans = plans.into_iter();
    let Some(first) = plans.next() else {
        return Err(Error::plan("a union needs at least one dataset"));
    };
    let mut builder = LogicalPlanBuilder::from(first);
    for plan in plans {
        builder = builder.union_by_name(plan).map_err(|error| plan_error(&error))?;
    }
    build(Ok(builder)).map(Lowered::bare)
}

/// A call of a scalar function that we bring along.
pub(super) fn call(
    function: &Arc<datafusion::logical_expr::ScalarUDF>,
    args: Vec<DfExpr>,
) -> DfExpr {
    DfExpr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), args))
}

/// The plan of `input` with its first `count` columns as keys of groups.
async fn keyed(input: &Dataset, count: usize) -> Result<LogicalPlan> {
    let below = Lowered::bare(input.logical_plan().await?);
    let scope = Scope::of(&below, &[]).await?;
    let schema = below.schema();
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (place, field) in schema.fields().iter().enumerate() {
        if place >= count {
            columns.push(ident(field.name()));
            continue;
        }
        columns.push(scope.key(ident(field.name()))?.alias(field.name()));
    }
    build(LogicalPlanBuilder::from(below.plan).project(columns))
}

/// Whether the rows of `dataset` come from its sources one by one, so that a few can be had cheaply.
pub(super) fn is_narrow(dataset: &Dataset) -> bool {
    match dataset.node() {
        Node::Scan(_) => true,
        Node::Select { input, .. }
        | Node::Filter { input, .. }
        | Node::MapPartitions { input, grouping: None, .. }
        | Node::Limit { input, .. }
        | Node::Repartition { input, .. } => is_narrow(input),
        Node::Join { left, spec, .. } => spec.kind == JoinKind::Cross && is_narrow(left),
        _ => false,
    }
}
