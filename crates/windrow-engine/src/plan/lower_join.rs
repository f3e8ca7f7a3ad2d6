//! Joins as `pandas.merge` defines them: keys once, suffixes, missing keys match each other.

use std::collections::HashSet;

use datafusion::common::{Column, JoinType, NullEquality, TableReference};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, when};

use super::dataset::{JoinKind, JoinSpec, no_column};
use super::lower::build;
use crate::error::{Error, Result};
use crate::session::plan_error;

const LEFT: &str = "left_side";
const RIGHT: &str = "right_side";
const MARK: &str = "__present";

pub(super) fn join(left: LogicalPlan, right: LogicalPlan, spec: &JoinSpec) -> Result<LogicalPlan> {
    let left_names = names(&left);
    let right_names = names(&right);
    check_keys(&left_names, &spec.left_on)?;
    check_keys(&right_names, &spec.right_on)?;
    if spec.left_on.len() != spec.right_on.len() {
        return Err(Error::plan("a merge needs as many key columns on the right as on the left"));
    }
    let (left, right) = match spec.indicator {
        Some(_) => (marked(left)?, marked(right)?),
        None => (left, right),
    };
    let left = LogicalPlanBuilder::from(left).alias(LEFT).map_err(|error| plan_error(&error))?;
    let right = build(LogicalPlanBuilder::from(right).alias(RIGHT))?;
    let joined = match spec.kind {
        JoinKind::Cross => left.cross_join(right),
        kind => left.join_detailed(
            right,
            join_type(kind),
            (keys(LEFT, &spec.left_on), keys(RIGHT, &spec.right_on)),
            None,
            NullEquality::NullEqualsNull,
        ),
    };
    let joined = joined.map_err(|error| plan_error(&error))?;
    let columns = output(&left_names, &right_names, spec)?;
    build(joined.project(columns))
}

/// The names of the columns that the join gives.
pub(super) fn names_of(left: &[String], right: &[String], spec: &JoinSpec) -> Result<Vec<String>> {
    let columns = output(left, right, spec)?;
    Ok(columns.iter().map(|column| column.schema_name().to_string()).collect())
}

fn join_type(kind: JoinKind) -> JoinType {
    match kind {
        JoinKind::Inner | JoinKind::Cross => JoinType::Inner,
        JoinKind::Left => JoinType::Left,
        JoinKind::Right => JoinType::Right,
        JoinKind::Outer => JoinType::Full,
        JoinKind::Semi => JoinType::LeftSemi,
        JoinKind::Anti => JoinType::LeftAnti,
    }
}

fn names(plan: &LogicalPlan) -> Vec<String> {
    plan.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn check_keys(columns: &[String], keys: &[String]) -> Result<()> {
    match keys.iter().find(|key| !columns.contains(key)) {
        Some(key) => Err(no_column(key, columns)),
        None => Ok(()),
    }
}

fn marked(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    columns.push(lit(true).alias(MARK));
    build(LogicalPlanBuilder::from(plan).project(columns))
}

fn side(table: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(TableReference::bare(table)), name))
}

fn keys(table: &str, names: &[String]) -> Vec<Column> {
    names.iter().map(|name| Column::new(Some(TableReference::bare(table)), name)).collect()
}

/// The output columns in pandas' order and under pandas' names.
fn output(left: &[String], right: &[String], spec: &JoinSpec) -> Result<Vec<Expr>> {
    if matches!(spec.kind, JoinKind::Semi | JoinKind::Anti) {
        return Ok(left.iter().map(|name| side(LEFT, name).alias(name)).collect());
    }
    // A key with one name on both sides appears once.
    let shared: HashSet<&str> = spec
        .left_on
        .iter()
        .zip(&spec.right_on)
        .filter(|(left, right)| left == right)
        .map(|(key, _)| key.as_str())
        .collect();
    let clashing = |name: &str, others: &[String]| {
        !shared.contains(name) && others.iter().any(|other| other == name)
    };
    let mut columns = Vec::with_capacity(left.len() + right.len());
    for name in left {
        if shared.contains(name.as_str()) {
            columns.push(shared_key(spec.kind, name).alias(name));
        } else if clashing(name, right) {
            columns.push(side(LEFT, name).alias(format!("{name}{}", spec.suffixes.0)));
        } else {
            columns.push(side(LEFT, name).alias(name));
        }
    }
    for name in right.iter().filter(|name| !shared.contains(name.as_str())) {
        let output =
            if clashing(name, left) { format!("{name}{}", spec.suffixes.1) } else { name.clone() };
        columns.push(side(RIGHT, name).alias(output));
    }
    if let Some(indicator) = &spec.indicator {
        let origin = when(side(LEFT, MARK).is_null(), lit("right_only"))
            .when(side(RIGHT, MARK).is_null(), lit("left_only"))
            .otherwise(lit("both"))
            .map_err(|error| plan_error(&error))?;
        columns.push(origin.alias(indicator));
    }
    let mut seen = HashSet::new();
    for column in &columns {
        let name = column.schema_name().to_string();
        if !seen.insert(name.clone()) {
            return Err(Error::plan(format!("the merge would give two columns `{name}`"))
                .hint("pass other `suffixes`"));
        }
    }
    Ok(columns)
}

fn shared_key(kind: JoinKind, name: &str) -> Expr {
    match kind {
        JoinKind::Right => side(RIGHT, name),
        JoinKind::Outer => coalesce(vec![side(LEFT, name), side(RIGHT, name)]),
        _ => side(LEFT, name),
    }
}
