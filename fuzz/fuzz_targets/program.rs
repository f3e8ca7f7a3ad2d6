//! Functions built from bytes over edge values: no panic, and the same answers for any batches.
#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use libfuzzer_sys::fuzz_target;
use windrow_functions::{
    At, BinaryOp, BoolOp, Clause, CompareOp, Expr, ExprKind, FnSpec, FormatPart, Handler, Literal,
    Nulls, Stmt, StmtKind, Target, UnaryOp, compile,
};

/// Decides by bytes; zeros when they are used up.
struct Bytes<'d>(&'d [u8]);

impl Bytes<'_> {
    fn below(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % count
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

const NAMES: [&str; 7] = ["i", "x", "s", "b", "u", "v", "w"];
const TEXTS: [&str; 8] = ["", "a", ",", "12", " x ", "é日", "%Y-%m-%d", "A-b_c 1.5"];
const CALLS: [&str; 30] = [
    "len", "int", "float", "str", "abs", "round", "min", "max", "sum", "any", "all", "sorted",
    "list", "tuple", "set", "dict", "range", "divmod", "ord", "chr", "bool", "repr", "pow", "hex",
    "math.sqrt", "math.floor", "math.log", "pandas.isna", "datetime.datetime.strptime", "zip",
];
const METHODS: [&str; 34] = [
    "lower", "upper", "strip", "split", "rsplit", "replace", "find", "count", "startswith",
    "endswith", "zfill", "center", "title", "partition", "join", "isdigit", "isalpha", "append",
    "extend", "pop", "sort", "index", "get", "items", "keys", "add", "insert", "remove",
    "splitlines", "ljust", "translate", "strftime", "weekday", "removeprefix",
];

fn at() -> At {
    At { line: 1, column: 1, snippet: String::new() }
}

fn literal(bytes: &mut Bytes<'_>, depth: usize) -> Literal {
    match bytes.below(if depth == 0 { 8 } else { 12 }) {
        0 => Literal::None,
        1 => Literal::Bool(bytes.below(2) == 1),
        2 | 3 => Literal::Int(
            bytes.of(&["0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775808"])
                .to_owned(),
        ),
        4 => {
            let value: f64 = bytes.of(&[0.0, -0.0, 1.5, 1e300, f64::NAN, f64::INFINITY, 2.0]);
            Literal::Float(format!("{:016x}", value.to_bits()))
        }
        5 | 6 => Literal::Str(bytes.of(&TEXTS).to_owned()),
        7 => Literal::Date(bytes.below(200) as i64 * 300),
        8 => Literal::List((0..bytes.below(4)).map(|_| literal(bytes, depth - 1)).collect()),
        9 => Literal::Tuple((0..bytes.below(4)).map(|_| literal(bytes, depth - 1)).collect()),
        10 => Literal::Dict(
            (0..bytes.below(4)).map(|_| (literal(bytes, 0), literal(bytes, depth - 1))).collect(),
        ),
        _ => Literal::Range(["0", "5", "2"].map(str::to_owned)),
    }
}

fn exprs(bytes: &mut Bytes<'_>, depth: usize, most: usize) -> Vec<Expr> {
    (0..bytes.below(most + 1)).map(|_| expr(bytes, depth)).collect()
}

fn boxed(bytes: &mut Bytes<'_>, depth: usize) -> Box<Expr> {
    Box::new(expr(bytes, depth))
}

fn expr(bytes: &mut Bytes<'_>, depth: usize) -> Expr {
    let name = |bytes: &mut Bytes<'_>| bytes.of(&NAMES).to_owned();
    if depth == 0 {
        let kind = match bytes.below(3) {
            0 => ExprKind::Const { value: literal(bytes, 1) },
            _ => ExprKind::Local { name: name(bytes) },
        };
        return Expr { at: at(), kind };
    }
    let below = depth - 1;
    let operators = [
        BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Div, BinaryOp::FloorDiv,
        BinaryOp::Mod, BinaryOp::Pow, BinaryOp::Shl, BinaryOp::Shr, BinaryOp::And, BinaryOp::Or,
        BinaryOp::Xor,
    ];
    let comparisons = [
        CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Ge, CompareOp::Is, CompareOp::In,
        CompareOp::NotIn,
    ];
    let kind = match bytes.below(16) {
        0 => ExprKind::Binary {
            op: bytes.of(&operators),
            left: boxed(bytes, below),
            right: boxed(bytes, below),
        },
        1 => ExprKind::Unary {
            op: bytes.of(&[UnaryOp::Neg, UnaryOp::Invert, UnaryOp::Not]),
            value: boxed(bytes, below),
        },
        2 => ExprKind::Bool {
            op: bytes.of(&[BoolOp::And, BoolOp::Or]),
            values: vec![expr(bytes, below), expr(bytes, below)],
        },
        3 => ExprKind::Compare {
            left: boxed(bytes, below),
            ops: vec![bytes.of(&comparisons)],
            rights: vec![expr(bytes, below)],
        },
        4 => ExprKind::Choose {
            test: boxed(bytes, below),
            body: boxed(bytes, below),
            orelse: boxed(bytes, below),
        },
        5 => ExprKind::Walrus { name: name(bytes), value: boxed(bytes, below) },
        6 | 7 => ExprKind::Call {
            name: bytes.of(&CALLS).to_owned(),
            args: exprs(bytes, below, 3),
            keywords: BTreeMap::new(),
        },
        8 | 9 => ExprKind::Method {
            value: boxed(bytes, below),
            name: bytes.of(&METHODS).to_owned(),
            args: exprs(bytes, below, 3),
            keywords: BTreeMap::new(),
        },
        10 => ExprKind::Index { value: boxed(bytes, below), index: boxed(bytes, below) },
        11 => ExprKind::Slice {
            value: boxed(bytes, below),
            lower: Some(boxed(bytes, below)),
            upper: None,
            step: (bytes.below(3) == 0).then(|| boxed(bytes, below)),
        },
        12 => ExprKind::Format {
            parts: vec![FormatPart::Value {
                value: boxed(bytes, below),
                conversion: bytes.of(&["", "s", "r", "%d", "%f"]).to_owned(),
                spec: bytes.of(&["", ">8", "05d", ".2f", "g", "x", "%Y", "e"]).to_owned(),
            }],
        },
        13 => ExprKind::Sequence {
            kind: bytes.of(&["list", "tuple", "set"]).to_owned(),
            items: exprs(bytes, below, 3),
        },
        14 => ExprKind::Comp {
            kind: bytes.of(&["list", "set", "dict", "generator"]).to_owned(),
            element: boxed(bytes, below),
            value: Some(boxed(bytes, below)),
            clauses: vec![Clause {
                target: Target::Name { name: name(bytes) },
                iter: expr(bytes, below),
                tests: exprs(bytes, below, 1),
            }],
        },
        _ => ExprKind::Dict { keys: vec![expr(bytes, 0)], values: vec![expr(bytes, below)] },
    };
    Expr { at: at(), kind }
}

fn block(bytes: &mut Bytes<'_>, depth: usize) -> Vec<Stmt> {
    (0..=bytes.below(3)).map(|_| statement(bytes, depth)).collect()
}

fn statement(bytes: &mut Bytes<'_>, depth: usize) -> Stmt {
    let name = bytes.of(&NAMES).to_owned();
    let kind = match bytes.below(if depth == 0 { 4 } else { 8 }) {
        0 => StmtKind::Return { value: Some(expr(bytes, 3)) },
        1 => StmtKind::Assign { name, value: expr(bytes, 3) },
        2 => StmtKind::Augment { name, op: BinaryOp::Add, value: expr(bytes, 2) },
        3 => StmtKind::Bind {
            target: Target::Many {
                items: vec![
                    Target::Name { name },
                    Target::Starred { name: bytes.of(&NAMES).to_owned() },
                ],
            },
            value: expr(bytes, 2),
        },
        4 => StmtKind::If {
            test: expr(bytes, 2),
            body: block(bytes, depth - 1),
            orelse: block(bytes, depth - 1),
        },
        5 => StmtKind::For {
            target: Target::Name { name },
            iter: expr(bytes, 2),
            body: block(bytes, depth - 1),
            orelse: Vec::new(),
        },
        6 => StmtKind::Try {
            body: block(bytes, depth - 1),
            handlers: vec![Handler { types: None, body: block(bytes, depth - 1) }],
            orelse: Vec::new(),
            last: Vec::new(),
        },
        _ => StmtKind::Store {
            target: expr(bytes, 1),
            index: expr(bytes, 1),
            value: expr(bytes, 2),
        },
    };
    Stmt { at: at(), kind }
}

fn batch() -> RecordBatch {
    let ints = [Some(0), Some(1), Some(-7), None, Some(i64::MAX), Some(i64::MIN), Some(1 << 53)];
    let floats = [Some(0.0), Some(-0.0), None, Some(f64::NAN), Some(1e300), Some(2.5), Some(-1.0)];
    let texts =
        [Some(""), Some("a,b"), None, Some("12"), Some(" é日 "), Some("2024-02-29"), Some("x")];
    let bools = [Some(true), Some(false), None, Some(true), None, Some(false), Some(true)];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int64Array::from(ints.to_vec()))),
        ("x", Arc::new(Float64Array::from(floats.to_vec()))),
        ("s", Arc::new(StringArray::from(texts.to_vec()))),
        ("b", Arc::new(BooleanArray::from(bools.to_vec()))),
    ];
    RecordBatch::try_from_iter(columns).expect("the columns have the same length")
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let nulls = bytes.of(&[Nulls::Nan, Nulls::None]);
    let spec = FnSpec {
        python: (3, 12),
        name: "fuzzed".to_owned(),
        params: NAMES[..4].iter().map(|name| (*name).to_owned()).collect(),
        body: block(&mut bytes, 3),
        functions: Vec::new(),
    };
    let batch = batch();
    let Ok(program) = compile(&spec, &batch.schema(), nulls) else { return };
    let Ok(whole) = program.run(&batch, None) else { return };
    let data_type = whole.values.data_type().clone();
    for row in 0..batch.num_rows() {
        let Ok(one) = program.run(&batch.slice(row, 1), Some(&data_type)) else { continue };
        let left = |exits: &Option<Vec<u8>>, at: usize| exits.as_ref().is_some_and(|e| e[at] != 0);
        if !left(&one.exits, 0) && !left(&whole.exits, row) {
            assert_eq!(
                one.values.to_data(),
                whole.values.slice(row, 1).to_data(),
                "row {row} alone has another answer"
            );
        }
    }
});
