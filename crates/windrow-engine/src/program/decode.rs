//! From bytes to a dataset of a session.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use windrow_functions::Function;

use super::steps::{ExprCode, FilePin, Head, StepCode};
use super::values::{rows_of, scalar_of, schema_of, type_of};
use crate::error::{Error, Result};
use crate::operator::Grouping;
use crate::plan::{Apply, BinaryOp, Dataset, Expr, JoinKind, JoinSpec, Node, SortKey, UnaryOp};
use crate::session::Session;
use crate::source::FileSource;

/// The dataset that `bytes` are.
///
/// # Errors
/// Bytes that are no program; files that are not what they were.
pub(crate) async fn decode(session: &Session, bytes: &[u8]) -> Result<Dataset> {
    let (head, blobs) = parts(bytes)?;
    let functions = head
        .functions
        .iter()
        .map(|code| {
            let pickled = blob(&blobs, code.pickled)?.to_vec();
            Ok(Arc::new(Function { pickled, ..code.function.clone() }))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut decoder =
        Decoder { session, head: &head, blobs, functions, steps: Vec::new(), uses: Vec::new() };
    for step in &head.steps {
        let dataset = decoder.step(step).await?;
        decoder.steps.push(dataset);
    }
    decoder.steps.pop().ok_or_else(broken)
}

fn broken() -> Error {
    Error::internal("a program that travelled cannot be read: parts of it are missing")
}

fn parts(bytes: &[u8]) -> Result<(Head, Vec<&[u8]>)> {
    let (len, rest) = bytes.split_first_chunk::<8>().ok_or_else(broken)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| broken())?;
    let (text, mut rest) = rest.split_at_checked(len).ok_or_else(broken)?;
    let head: Head = serde_json::from_slice(text).map_err(|error| {
        Error::internal(format!("a program that travelled cannot be read: {error}"))
    })?;
    let mut blobs = Vec::with_capacity(head.blobs.len());
    for len in &head.blobs {
        let len = usize::try_from(*len).map_err(|_| broken())?;
        let (blob, after) = rest.split_at_checked(len).ok_or_else(broken)?;
        blobs.push(blob);
        rest = after;
    }
    Ok((head, blobs))
}

fn blob<'a>(blobs: &[&'a [u8]], place: usize) -> Result<&'a [u8]> {
    blobs.get(place).copied().ok_or_else(broken)
}

struct Decoder<'a> {
    session: &'a Session,
    head: &'a Head,
    blobs: Vec<&'a [u8]>,
    functions: Vec<Arc<Function>>,
    steps: Vec<Dataset>,
    uses: Vec<(usize, Arc<Apply>)>,
}

impl Decoder<'_> {
    fn input(&self, place: usize) -> Result<Dataset> {
        self.steps.get(place).cloned().ok_or_else(broken)
    }

    fn function(&self, place: usize) -> Result<Arc<Function>> {
        self.functions.get(place).cloned().ok_or_else(broken)
    }

    async fn step(&mut self, step: &StepCode) -> Result<Dataset> {
        let node = match step {
            StepCode::Files { name, source, partitions, schema, files } => {
                return self.files(name, source, (*partitions, schema.as_str()), files).await;
            }
            StepCode::Rows { partitions, divisions, .. } => {
                return self.rows(partitions, divisions.clone());
            }
            other => self.node(other)?,
        };
        Ok(Dataset::new(self.session.clone(), node))
    }

    async fn files(
        &self,
        name: &str,
        source: &FileSource,
        (partitions, schema): (usize, &str),
        pins: &[FilePin],
    ) -> Result<Dataset> {
        let opened = self.session.open_scan(source.clone(), name).await?;
        let Node::Scan(scan) = opened.node() else { return Err(broken()) };
        let same = scan.partitions == partitions
            && scan.provider.schema() == schema_of(schema)?
            && scan.files.len() == pins.len()
            && scan.files.iter().zip(pins).all(|(file, pin)| {
                file.path == pin.path && file.size == pin.size && file.rows == pin.rows
            });
        if same {
            return Ok(opened);
        }
        let changed = scan.files.iter().zip(pins).find(|(file, pin)| file.size != pin.size);
        let which = changed.map_or_else(
            || source.paths.first().cloned().unwrap_or_default(),
            |(file, _)| file.path.clone(),
        );
        Err(Error::data(format!("`{which}` has changed since the frame was made"))
            .hint("make the frame again; tasks on other machines must see the same files"))
    }

    fn rows(&self, places: &[usize], divisions: Option<Vec<i64>>) -> Result<Dataset> {
        let mut partitions = Vec::with_capacity(places.len());
        let mut schema = None;
        for place in places {
            let (found, batches) = rows_of(blob(&self.blobs, *place)?)?;
            schema = Some(found);
            partitions.push(batches);
        }
        self.session.from_batches(schema.ok_or_else(broken)?, partitions, divisions)
    }

    fn node(&mut self, step: &StepCode) -> Result<Node> {
        Ok(match step {
            StepCode::Select { input, columns } => {
                Node::Select { input: self.input(*input)?, columns: self.named(columns)? }
            }
            StepCode::Filter { input, predicate } => {
                Node::Filter { input: self.input(*input)?, predicate: self.expr(predicate)? }
            }
            StepCode::Aggregate { input, keys, aggregates } => Node::Aggregate {
                input: self.input(*input)?,
                keys: self.named(keys)?,
                aggregates: self.named(aggregates)?,
            },
            StepCode::Sort { input, keys } => {
                let input = self.input(*input)?;
                let keys = keys.iter().map(|key| {
                    let expr = self.expr(&key.expr)?;
                    Ok(SortKey { expr, descending: key.descending, missing_last: key.missing_last })
                });
                Node::Sort { input, keys: keys.collect::<Result<_>>()? }
            }
            StepCode::Limit { input, skip, count } => {
                Node::Limit { input: self.input(*input)?, skip: *skip, count: *count }
            }
            StepCode::Distinct { input } => Node::Distinct { input: self.input(*input)? },
            StepCode::Join { left, right, kind, left_on, right_on, suffixes, indicator } => {
                Node::Join {
                    left: self.input(*left)?,
                    right: self.input(*right)?,
                    spec: JoinSpec {
                        kind: JoinKind::parse(kind)?,
                        left_on: left_on.clone(),
                        right_on: right_on.clone(),
                        suffixes: suffixes.clone(),
                        indicator: indicator.clone(),
                    },
                }
            }
            StepCode::Union { inputs } => Node::Union {
                inputs: inputs.iter().map(|input| self.input(*input)).collect::<Result<_>>()?,
            },
            StepCode::MapPartitions { input, function, schema, groups } => Node::MapPartitions {
                input: self.input(*input)?,
                function: self.function(*function)?,
                schema: OnceLock::from(schema_of(schema)?),
                grouping: groups.map(|(keys, missing)| Grouping { keys, missing }),
            },
            StepCode::Repartition { input, partitions } => {
                Node::Repartition { input: self.input(*input)?, partitions: *partitions }
            }
            StepCode::Sql { inputs, query } => {
                let inputs =
                    inputs.iter().map(|(name, input)| Ok((name.clone(), self.input(*input)?)));
                Node::Sql { inputs: inputs.collect::<Result<_>>()?, query: query.clone() }
            }
            StepCode::Files { .. } | StepCode::Rows { .. } => return Err(broken()),
        })
    }

    fn named(&mut self, columns: &[(String, ExprCode)]) -> Result<Vec<(String, Expr)>> {
        columns.iter().map(|(name, expr)| Ok((name.clone(), self.expr(expr)?))).collect()
    }

    fn expr(&mut self, code: &ExprCode) -> Result<Expr> {
        let mut boxed = |code: &ExprCode| self.expr(code).map(Box::new);
        Ok(match code {
            ExprCode::Column(name) => Expr::Column(name.clone()),
            ExprCode::Literal(text) => Expr::Literal(scalar_of(text)?),
            ExprCode::Binary(op, left, right) => {
                Expr::Binary(BinaryOp::from_str(op)?, boxed(left)?, boxed(right)?)
            }
            ExprCode::Unary(op, input) => Expr::Unary(UnaryOp::from_str(op)?, boxed(input)?),
            ExprCode::Cast(input, data_type) => Expr::Cast(boxed(input)?, type_of(data_type)?),
            ExprCode::Call(name, args) => {
                let args = args.iter().map(|arg| self.expr(arg)).collect::<Result<_>>()?;
                Expr::Call(name.clone(), args)
            }
            ExprCode::Aggregate(name, input) => Expr::Aggregate(name.clone(), boxed(input)?),
            ExprCode::Apply(place) => Expr::Apply(self.apply(*place)?),
            ExprCode::Subquery(place) => Expr::Subquery(self.input(*place)?),
        })
    }

    fn apply(&mut self, place: usize) -> Result<Arc<Apply>> {
        if let Some((_, known)) = self.uses.iter().find(|(known, _)| *known == place) {
            return Ok(Arc::clone(known));
        }
        let code = self.head.uses.get(place).ok_or_else(broken)?;
        let function = self.function(code.function)?;
        let args = code.args.iter().map(|arg| self.expr(arg)).collect::<Result<_>>()?;
        let result = Some(type_of(&code.result)?);
        let apply = Apply::numbered(place as u64, function, args, code.names.clone(), result);
        if let Some(nanos) = code.nanos_a_row {
            let _ = apply.nanos_a_row.set(nanos);
        }
        let apply = Arc::new(apply);
        self.uses.push((place, Arc::clone(&apply)));
        Ok(apply)
    }
}
