//! A function as the row interpreter runs it: locals and functions are numbers.

use std::sync::Arc;

use crate::Reason;
use crate::ir::Exit;
use crate::lower::FormatSpec;
use crate::row::constants::Lit;
use crate::row::names::{Attribute, Known, Method};
use crate::row::pattern::Pattern;
use crate::row::trouble::{Exc, Trouble};
use crate::spec::{At, BinaryOp, CompareOp, UnaryOp};

/// A function and everything it calls.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) main: Code,
    pub(crate) routines: Vec<Code>,
    /// By the number in nodes and statements: where they stand and, if they are not compiled, why.
    pub(crate) places: Vec<Place>,
    /// Major and minor version of the Python whose answers it gives.
    pub(crate) python: (u8, u8),
}

impl Tree {
    /// The way out for a trouble at a place.
    pub(crate) fn exit(&self, place: u32, trouble: Trouble) -> Exit {
        let place = self.places.get(place as usize);
        let (raises, why) = match trouble {
            Trouble::Leave(why) => (None, why),
            Trouble::Raise(exc, why) => (Some(exc.name()), why),
        };
        let reason = match place {
            Some(Place { at, why: own }) => at.reason(own.as_deref().unwrap_or(why)),
            None => Reason { line: None, column: None, snippet: String::new(), text: why.into() },
        };
        Exit { raises, reason, is_final: true }
    }
}

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) at: At,
    pub(crate) why: Option<String>,
}

/// The statements of one function.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) params: usize,
    /// Locals, the parameters first.
    pub(crate) slots: usize,
    pub(crate) body: Vec<Step>,
}

/// A statement.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) at: u32,
    pub(crate) kind: StepKind,
}

#[derive(Debug)]
pub(crate) enum StepKind {
    Return(Option<Node>),
    Assign(u32, Node),
    Augment(u32, BinaryOp, Node),
    Bind(Goal, Node),
    Store { target: Node, index: Node, value: Node },
    If(Node, Vec<Step>, Vec<Step>),
    For { goal: Goal, iter: Node, body: Vec<Step>, orelse: Vec<Step> },
    While { test: Node, body: Vec<Step>, orelse: Vec<Step> },
    Break,
    Continue,
    Expr(Node),
    Raise(Option<Exc>),
    Assert(Node),
    Try { body: Vec<Step>, handlers: Vec<Catch>, orelse: Vec<Step>, last: Vec<Step> },
    Leave,
}

/// `except`
#[derive(Debug)]
pub(crate) struct Catch {
    pub(crate) types: Option<Vec<String>>,
    pub(crate) body: Vec<Step>,
}

/// What is bound.
#[derive(Debug)]
pub(crate) enum Goal {
    Slot(u32),
    Starred(u32),
    Many(Vec<Goal>),
}

/// An expression.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: u32,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Lit(Lit),
    Local(u32),
    Binary(BinaryOp, Box<[Node; 2]>),
    Unary(UnaryOp, Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(Box<Node>, Vec<(CompareOp, Node)>),
    Choose(Box<[Node; 3]>),
    Walrus(u32, Box<Node>),
    Call(Known, Vec<Node>, Vec<(String, Node)>),
    /// A regular expression that is a literal, and the other arguments.
    Regex(Known, Arc<Pattern>, Vec<Node>),
    Inline(usize, Vec<(u32, Node)>),
    Method(Box<Call>),
    Attr(Box<Node>, Attribute),
    Index(Box<[Node; 2]>),
    Slice(Box<[Option<Node>; 4]>),
    Format(Vec<Part>),
    Tuple(Vec<Node>),
    List(Vec<Node>),
    Set(Vec<Node>),
    Dict(Vec<(Node, Node)>),
    Comp(Box<Comp>),
    Types(Vec<String>),
    Function(Box<Callee>),
    Leave,
}

/// A call of a method.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) target: Node,
    pub(crate) method: Method,
    pub(crate) args: Vec<Node>,
    /// `str.lower(x)`: what is no text raises TypeError.
    pub(crate) of_str: bool,
}

/// A piece of a formatted text.
#[derive(Debug)]
pub(crate) enum Part {
    Text(String),
    Value { value: Node, conversion: Conversion, spec: Spec },
}

/// A format specification.
#[derive(Debug)]
pub(crate) enum Spec {
    Nothing,
    Plain(FormatSpec),
    /// That of a date.
    Date(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    Nothing,
    Str,
    Repr,
    /// `%d` of the `%` operator.
    PercentInt,
    /// `%f` of the `%` operator.
    PercentFloat,
    /// `%s` of the `%` operator.
    PercentStr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompKind {
    List,
    Set,
    Dict,
    Generator,
}

/// A comprehension.
#[derive(Debug)]
pub(crate) struct Comp {
    pub(crate) kind: CompKind,
    pub(crate) element: Node,
    pub(crate) value: Option<Node>,
    pub(crate) clauses: Vec<Each>,
}

/// `for goal in iter if tests`
#[derive(Debug)]
pub(crate) struct Each {
    pub(crate) goal: Goal,
    pub(crate) iter: Node,
    pub(crate) tests: Vec<Node>,
}

/// A function as an argument.
#[derive(Debug)]
pub(crate) enum Callee {
    Known(Known),
    /// A method of `str`.
    Method(Method),
    Routine(usize),
    Lambda(Vec<u32>, Node),
}
