//! From a dataset to bytes.

use std::collections::HashMap;
use std::sync::Arc;

use windrow_functions::Function;

use super::Recipe;
use super::steps::{ExprCode, FilePin, FunctionCode, Head, KeyCode, StepCode, UseCode};
use super::values::{rows_to_bytes, scalar_to_text, schema_to_text, type_to_text};
use crate::error::{Error, Fault, Result};
use crate::plan::{Apply, Dataset, Expr, JoinKind, JoinSpec, Node, ScanNode};

/// The bytes of `dataset`, whose types are all known.
///
/// # Errors
/// Something that cannot travel; the message says what.
pub(crate) fn encode(dataset: &Dataset) -> Result<Vec<u8>> {
    let mut encoder = Encoder::default();
    encoder.step(dataset)?;
    let Encoder { mut head, blobs, .. } = encoder;
    head.blobs = blobs.iter().map(|blob| blob.len() as u64).collect();
    let text = serde_json::to_vec(&head)
        .map_err(|error| Error::internal(format!("a program cannot be encoded: {error}")))?;
    let size = 8 + text.len() + blobs.iter().map(Vec::len).sum::<usize>();
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&text);
    blobs.iter().for_each(|blob| bytes.extend_from_slice(blob));
    Ok(bytes)
}

#[derive(Default)]
struct Encoder {
    head: Head,
    blobs: Vec<Vec<u8>>,
    /// Places of what was encoded: steps by their address, uses by their identity, functions by
    /// their content.
    steps: HashMap<usize, usize>,
    uses: HashMap<u64, usize>,
    functions: HashMap<String, usize>,
}

/// A list of named expressions.
type Named = Vec<(String, ExprCode)>;

impl Encoder {
    fn step(&mut self, dataset: &Dataset) -> Result<usize> {
        if let Some(known) = self.steps.get(&dataset.address()) {
            return Ok(*known);
        }
        let step = self.node(dataset)?;
        self.head.steps.push(step);
        let place = self.head.steps.len() - 1;
        self.steps.insert(dataset.address(), place);
        Ok(place)
    }

    fn node(&mut self, dataset: &Dataset) -> Result<StepCode> {
        Ok(match dataset.node() {
            Node::Scan(scan) => self.scan(scan)?,
            Node::Select { input, columns } => {
                StepCode::Select { input: self.step(input)?, columns: self.named(columns)? }
            }
            Node::Filter { input, predicate } => {
                StepCode::Filter { input: self.step(input)?, predicate: self.expr(predicate)? }
            }
            Node::Aggregate { input, keys, aggregates } => StepCode::Aggregate {
                input: self.step(input)?,
                keys: self.named(keys)?,
                aggregates: self.named(aggregates)?,
            },
            Node::Sort { input, keys } => {
                let input = self.step(input)?;
                let keys = keys.iter().map(|key| {
                    let expr = self.expr(&key.expr)?;
                    Ok(KeyCode { expr, descending: key.descending, missing_last: key.missing_last })
                });
                StepCode::Sort { input, keys: keys.collect::<Result<_>>()? }
            }
            Node::Limit { input, skip, count } => {
                StepCode::Limit { input: self.step(input)?, skip: *skip, count: *count }
            }
            Node::Distinct { input } => StepCode::Distinct { input: self.step(input)? },
            Node::Join { left, right, spec } => self.join(left, right, spec)?,
            Node::Union { inputs } => StepCode::Union {
                inputs: inputs.iter().map(|input| self.step(input)).collect::<Result<_>>()?,
            },
            Node::MapPartitions { input, function, schema, grouping } => {
                let input = self.step(input)?;
                let known = schema
                    .get()
                    .ok_or_else(|| Error::internal("a frame function without known columns"))?;
                StepCode::MapPartitions {
                    input,
                    function: self.function(function),
                    schema: schema_to_text(known)?,
                    groups: grouping.map(|grouping| (grouping.keys, grouping.missing)),
                }
            }
            Node::Repartition { input, partitions } => {
                StepCode::Repartition { input: self.step(input)?, partitions: *partitions }
            }
            Node::Sql { inputs, query } => {
                let inputs =
                    inputs.iter().map(|(name, input)| Ok((name.clone(), self.step(input)?)));
                StepCode::Sql { inputs: inputs.collect::<Result<_>>()?, query: query.clone() }
            }
            #[allow(unreachable_patterns, reason = "steps may be added that cannot travel yet")]
            other => return Err(stays(&format!("{other:?}").chars().take(40).collect::<String>())),
        })
    }

    fn scan(&mut self, scan: &ScanNode) -> Result<StepCode> {
        let name = scan.name.clone();
        match &scan.recipe {
            Some(Recipe::Files(source)) => Ok(StepCode::Files {
                name,
                source: source.clone(),
                partitions: scan.partitions,
                schema: schema_to_text(&scan.provider.schema())?,
                files: scan
                    .files
                    .iter()
                    .map(|file| FilePin {
                        path: file.path.clone(),
                        size: file.size,
                        rows: file.rows,
                    })
                    .collect(),
            }),
            Some(Recipe::Batches { schema, partitions }) => {
                let mut places = Vec::with_capacity(partitions.len());
                for batches in partitions.iter() {
                    places.push(self.blob(rows_to_bytes(schema, batches)?));
                }
                Ok(StepCode::Rows { name, partitions: places, divisions: scan.divisions.clone() })
            }
            None => Err(stays(&format!("the source `{name}`"))),
        }
    }

    fn join(&mut self, left: &Dataset, right: &Dataset, spec: &JoinSpec) -> Result<StepCode> {
        let kind = match spec.kind {
            JoinKind::Inner => "inner",
            JoinKind::Left => "left",
            JoinKind::Right => "right",
            JoinKind::Outer => "outer",
            JoinKind::Cross => "cross",
            JoinKind::Semi => "semi",
            JoinKind::Anti => "anti",
        };
        Ok(StepCode::Join {
            left: self.step(left)?,
            right: self.step(right)?,
            kind: kind.to_owned(),
            left_on: spec.left_on.clone(),
            right_on: spec.right_on.clone(),
            suffixes: spec.suffixes.clone(),
            indicator: spec.indicator.clone(),
        })
    }

    fn named(&mut self, columns: &[(String, Expr)]) -> Result<Named> {
        columns.iter().map(|(name, expr)| Ok((name.clone(), self.expr(expr)?))).collect()
    }

    fn expr(&mut self, expr: &Expr) -> Result<ExprCode> {
        let mut boxed = |expr: &Expr| self.expr(expr).map(Box::new);
        Ok(match expr {
            Expr::Column(name) => ExprCode::Column(name.clone()),
            Expr::Literal(value) => ExprCode::Literal(scalar_to_text(value)?),
            Expr::Binary(op, left, right) => {
                ExprCode::Binary(op.symbol().to_owned(), boxed(left)?, boxed(right)?)
            }
            Expr::Unary(op, input) => ExprCode::Unary(op.name().to_owned(), boxed(input)?),
            Expr::Cast(input, data_type) => ExprCode::Cast(boxed(input)?, type_to_text(data_type)?),
            Expr::Call(name, args) => {
                let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<_>>()?;
                ExprCode::Call(name.clone(), args)
            }
            Expr::Aggregate(name, input) => ExprCode::Aggregate(name.clone(), boxed(input)?),
            Expr::Apply(apply) => ExprCode::Apply(self.apply(apply)?),
            Expr::Subquery(dataset) => ExprCode::Subquery(self.step(dataset)?),
            #[allow(unreachable_patterns, reason = "expressions may be added that stay here")]
            _ => return Err(stays("an expression of this plan")),
        })
    }

    fn apply(&mut self, apply: &Arc<Apply>) -> Result<usize> {
        if let Some(known) = self.uses.get(&apply.id()) {
            return Ok(*known);
        }
        let args = apply.args.iter().map(|arg| self.expr(arg)).collect::<Result<_>>()?;
        let result = apply
            .result
            .get()
            .ok_or_else(|| Error::internal("a row function without a known result type"))?;
        let code = UseCode {
            function: self.function(&apply.function),
            args,
            names: apply.names.clone(),
            result: type_to_text(result)?,
            // How long a sample took differs from time to time; what the plan becomes must not.
            nanos_a_row: None,
        };
        self.head.uses.push(code);
        let place = self.head.uses.len() - 1;
        self.uses.insert(apply.id(), place);
        Ok(place)
    }

    fn function(&mut self, function: &Arc<Function>) -> usize {
        if let Some(known) = self.functions.get(&function.id) {
            return *known;
        }
        let pickled = self.blob(function.pickled.clone());
        let code = FunctionCode { function: function.as_ref().clone(), pickled };
        self.head.functions.push(code);
        let place = self.head.functions.len() - 1;
        self.functions.insert(function.id.clone(), place);
        place
    }

    fn blob(&mut self, bytes: Vec<u8>) -> usize {
        self.blobs.push(bytes);
        self.blobs.len() - 1
    }
}

fn stays(what: &str) -> Error {
    Error::new(Fault::Unsupported, format!("{what} cannot be sent to other processes"))
}
