//! From the specification to a tree: names become numbers; what is not compiled becomes a place
//! where rows leave.

use std::collections::HashMap;

use crate::Reason;
use crate::lower::FormatSpec;
use crate::row::constants::Lit;
use crate::row::tree::{
    Catch, Code, Comp, CompKind, Conversion, Each, Goal, Kind, Node, Part, Place, Spec, Step,
    StepKind, Tree,
};
use crate::row::trouble::Exc;
use crate::spec::{At, BoolOp, Clause, Expr, ExprKind, FnSpec, FormatPart, Stmt, StmtKind, Target};

/// Resolves a function; with it the pieces that are left to the interpreter.
///
/// # Errors
/// The reason, if every row would leave.
pub(crate) fn resolve(spec: &FnSpec) -> Result<(Tree, Vec<Reason>), Reason> {
    let mut resolver = Resolver {
        spec,
        places: Vec::new(),
        slots: HashMap::new(),
        conditional: 0,
        left_out: Vec::new(),
        refused: None,
    };
    let mut routines = Vec::new();
    // Whether a routine is reached by every row is seen at its calls.
    resolver.conditional = 1;
    for routine in &spec.functions {
        routines.push(resolver.code(&routine.params, &routine.body));
    }
    resolver.conditional = 0;
    let main = resolver.code(&spec.params, &spec.body);
    if let Some(reason) = resolver.refused {
        return Err(reason);
    }
    let tree = Tree { main, routines, places: resolver.places, python: spec.python };
    Ok((tree, resolver.left_out))
}

pub(crate) struct Resolver<'s> {
    pub(crate) spec: &'s FnSpec,
    places: Vec<Place>,
    slots: HashMap<String, u32>,
    /// How many branches are around: zero where every row gets to.
    conditional: usize,
    left_out: Vec<Reason>,
    refused: Option<Reason>,
}

pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Resolver<'_> {
    fn code(&mut self, params: &[String], body: &[Stmt]) -> Code {
        let outer = std::mem::take(&mut self.slots);
        for param in params {
            self.slot(param);
        }
        let body = self.block(body);
        let slots = std::mem::replace(&mut self.slots, outer).len();
        Code { params: params.len(), slots: slots.max(params.len()), body }
    }

    pub(crate) fn slot(&mut self, name: &str) -> u32 {
        let next = number(self.slots.len());
        *self.slots.entry(name.to_owned()).or_insert(next)
    }

    fn place(&mut self, at: &At) -> u32 {
        self.places.push(Place { at: at.clone(), why: None });
        number(self.places.len() - 1)
    }

    /// A place where rows leave.
    fn leave(&mut self, at: &At, why: &str) -> u32 {
        let reason = at.reason(why);
        if self.conditional == 0 && self.refused.is_none() {
            self.refused = Some(reason.clone());
        }
        if !self.left_out.contains(&reason) {
            self.left_out.push(reason);
        }
        self.places.push(Place { at: at.clone(), why: Some(why.to_owned()) });
        number(self.places.len() - 1)
    }

    pub(crate) fn branch<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.conditional += 1;
        let result = work(self);
        self.conditional -= 1;
        result
    }

    // --- statements ---

    fn block(&mut self, statements: &[Stmt]) -> Vec<Step> {
        let mut steps = Vec::with_capacity(statements.len());
        let before = self.conditional;
        for statement in statements {
            steps.push(self.step(statement));
            if may_end(statement) {
                self.conditional += 1;
            }
        }
        self.conditional = before;
        steps
    }

    fn step(&mut self, statement: &Stmt) -> Step {
        let kind = match &statement.kind {
            StmtKind::Unsupported { why } => {
                return Step { at: self.leave(&statement.at, why), kind: StepKind::Leave };
            }
            StmtKind::Return { value } => {
                StepKind::Return(value.as_ref().map(|value| self.node(value)))
            }
            StmtKind::Assign { name, value } => {
                let value = self.node(value);
                StepKind::Assign(self.slot(name), value)
            }
            StmtKind::Augment { name, op, value } => {
                let value = self.node(value);
                StepKind::Augment(self.slot(name), *op, value)
            }
            StmtKind::Unpack { names, value } => {
                let value = self.node(value);
                let goals = names.iter().map(|name| Goal::Slot(self.slot(name))).collect();
                StepKind::Bind(Goal::Many(goals), value)
            }
            StmtKind::Bind { target, value } => {
                let value = self.node(value);
                StepKind::Bind(self.goal(target), value)
            }
            StmtKind::Store { target, index, value } => {
                let value = self.node(value);
                StepKind::Store { target: self.node(target), index: self.node(index), value }
            }
            StmtKind::If { test, body, orelse } => {
                let test = self.node(test);
                self.branch(|r| StepKind::If(test, r.block(body), r.block(orelse)))
            }
            StmtKind::Expr { value } => StepKind::Expr(self.node(value)),
            StmtKind::Raise { kind } => StepKind::Raise(kind.as_deref().and_then(Exc::named)),
            StmtKind::Assert { test } => StepKind::Assert(self.node(test)),
            StmtKind::Break => StepKind::Break,
            StmtKind::Continue => StepKind::Continue,
            _ => self.compound(&statement.kind),
        };
        Step { at: self.place(&statement.at), kind }
    }

    fn compound(&mut self, kind: &StmtKind) -> StepKind {
        match kind {
            StmtKind::For { target, iter, body, orelse } => {
                let iter = self.node(iter);
                let goal = self.goal(target);
                self.branch(|r| StepKind::For {
                    goal,
                    iter,
                    body: r.block(body),
                    orelse: r.block(orelse),
                })
            }
            StmtKind::While { test, body, orelse } => {
                let test = self.node(test);
                self.branch(|r| StepKind::While {
                    test,
                    body: r.block(body),
                    orelse: r.block(orelse),
                })
            }
            StmtKind::Try { body, handlers, orelse, last } => {
                let body = self.block(body);
                self.branch(|r| StepKind::Try {
                    body,
                    handlers: handlers
                        .iter()
                        .map(|handler| Catch {
                            types: handler.types.clone(),
                            body: r.block(&handler.body),
                        })
                        .collect(),
                    orelse: r.block(orelse),
                    last: r.block(last),
                })
            }
            _ => StepKind::Leave,
        }
    }

    fn goal(&mut self, target: &Target) -> Goal {
        match target {
            Target::Name { name } => Goal::Slot(self.slot(name)),
            Target::Starred { name } => Goal::Starred(self.slot(name)),
            Target::Many { items } => {
                Goal::Many(items.iter().map(|item| self.goal(item)).collect())
            }
        }
    }

    // --- expressions ---

    pub(crate) fn nodes(&mut self, exprs: &[Expr]) -> Vec<Node> {
        exprs.iter().map(|expr| self.node(expr)).collect()
    }

    pub(crate) fn boxed(&mut self, expr: &Expr) -> Box<Node> {
        Box::new(self.node(expr))
    }

    pub(crate) fn node(&mut self, expr: &Expr) -> Node {
        match self.kind(expr) {
            Ok(kind) => Node { at: self.place(&expr.at), kind },
            Err(why) => Node { at: self.leave(&expr.at, &why), kind: Kind::Leave },
        }
    }

    fn kind(&mut self, expr: &Expr) -> Result<Kind, String> {
        Ok(match &expr.kind {
            ExprKind::Const { value } => Kind::Lit(Lit::new(value)?),
            ExprKind::Local { name } => Kind::Local(self.slot(name)),
            ExprKind::Binary { op, left, right } => {
                Kind::Binary(*op, Box::new([self.node(left), self.node(right)]))
            }
            ExprKind::Unary { op, value } => Kind::Unary(*op, self.boxed(value)),
            ExprKind::Bool { op, values } => {
                let mut nodes = Vec::new();
                for (index, value) in values.iter().enumerate() {
                    nodes.push(if index == 0 {
                        self.node(value)
                    } else {
                        self.branch(|r| r.node(value))
                    });
                }
                if *op == BoolOp::And { Kind::And(nodes) } else { Kind::Or(nodes) }
            }
            ExprKind::Compare { left, ops, rights } => {
                let left = self.boxed(left);
                let rights = rights.iter().map(|right| self.node(right));
                Kind::Compare(left, ops.iter().copied().zip(rights).collect())
            }
            ExprKind::Choose { test, body, orelse } => {
                let test = self.node(test);
                let (body, orelse) = self.branch(|r| (r.node(body), r.node(orelse)));
                Kind::Choose(Box::new([test, body, orelse]))
            }
            ExprKind::Walrus { name, value } => {
                let value = self.boxed(value);
                Kind::Walrus(self.slot(name), value)
            }
            ExprKind::Index { value, index } => {
                Kind::Index(Box::new([self.node(value), self.node(index)]))
            }
            ExprKind::Slice { value, lower, upper, step } => {
                let value = self.node(value);
                let bounds = [lower, upper, step].map(|bound| bound.as_deref());
                let [lower, upper, step] = bounds.map(|bound| bound.map(|bound| self.node(bound)));
                Kind::Slice(Box::new([Some(value), lower, upper, step]))
            }
            ExprKind::Format { parts } => self.format(parts)?,
            ExprKind::Sequence { kind, items } => {
                let items = self.nodes(items);
                match kind.as_str() {
                    "tuple" => Kind::Tuple(items),
                    "set" => Kind::Set(items),
                    _ => Kind::List(items),
                }
            }
            ExprKind::Dict { keys, values } => {
                let (keys, values) = (self.nodes(keys), self.nodes(values));
                Kind::Dict(keys.into_iter().zip(values).collect())
            }
            ExprKind::Types { names } => Kind::Types(names.clone()),
            ExprKind::Unsupported { why } => return Err(why.clone()),
            _ => return self.calling(expr),
        })
    }

    pub(crate) fn comp(
        &mut self,
        kind: &str,
        element: &Expr,
        value: Option<&Expr>,
        clauses: &[Clause],
    ) -> Kind {
        let kind = match kind {
            "list" => CompKind::List,
            "set" => CompKind::Set,
            "dict" => CompKind::Dict,
            _ => CompKind::Generator,
        };
        let mut each = Vec::new();
        let before = self.conditional;
        for clause in clauses {
            let iter = self.node(&clause.iter);
            self.conditional = before + 1;
            let goal = self.goal(&clause.target);
            each.push(Each { goal, iter, tests: self.nodes(&clause.tests) });
        }
        let element = self.node(element);
        let value = value.map(|value| self.node(value));
        self.conditional = before;
        Kind::Comp(Box::new(Comp { kind, element, value, clauses: each }))
    }

    fn format(&mut self, parts: &[FormatPart]) -> Result<Kind, String> {
        let mut pieces = Vec::new();
        for part in parts {
            pieces.push(match part {
                FormatPart::Text { text } => Part::Text(text.clone()),
                FormatPart::Value { value, conversion, spec } => {
                    let conversion = match conversion.as_str() {
                        "" => Conversion::Nothing,
                        "s" => Conversion::Str,
                        "r" => Conversion::Repr,
                        "%d" => Conversion::PercentInt,
                        "%f" => Conversion::PercentFloat,
                        "%s" => Conversion::PercentStr,
                        _ => return Err("`!a` is not compiled".to_owned()),
                    };
                    let value = self.node(value);
                    let spec = match FormatSpec::parse(spec) {
                        _ if spec.is_empty() => Spec::Nothing,
                        Some(parsed) => Spec::Plain(parsed),
                        None if spec.contains('%') => Spec::Date(spec.clone()),
                        None => return Err(format!("the format `{spec}` is not compiled")),
                    };
                    Part::Value { value, conversion, spec }
                }
            });
        }
        Ok(Kind::Format(pieces))
    }
}

/// Whether some rows may not come out at the end of a statement.
fn may_end(statement: &Stmt) -> bool {
    let any = |statements: &[Stmt]| statements.iter().any(may_end);
    match &statement.kind {
        StmtKind::Return { .. }
        | StmtKind::Raise { .. }
        | StmtKind::Break
        | StmtKind::Continue
        | StmtKind::Assert { .. } => true,
        StmtKind::If { body, orelse, .. }
        | StmtKind::For { body, orelse, .. }
        | StmtKind::While { body, orelse, .. } => any(body) || any(orelse),
        StmtKind::Try { body, handlers, orelse, last } => {
            any(body) || any(orelse) || any(last) || handlers.iter().any(|h| any(&h.body))
        }
        _ => false,
    }
}
