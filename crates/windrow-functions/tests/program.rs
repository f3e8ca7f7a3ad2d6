//! Programs from specifications that the Python package wrote (`tests/cases`), run over arrays.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int64Array, LargeStringArray,
    RecordBatch, StringArray, StringViewArray,
};
use arrow::datatypes::{DataType, Int32Type, Int64Type, Schema};
use windrow_functions::{FnSpec, Nulls, Outcome, Program, Verdict, compile};

fn spec(name: &str) -> FnSpec {
    let path = format!("{}/tests/cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    FnSpec::from_json(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    let names = ["a", "b", "c"];
    RecordBatch::try_from_iter_with_nullable(
        names.into_iter().zip(columns).map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

fn program(name: &str, schema: &Schema) -> Program {
    compile(&spec(name), schema, Nulls::Nan).unwrap()
}

fn run(name: &str, columns: Vec<ArrayRef>, result: Option<&DataType>) -> Outcome {
    let batch = batch(columns);
    program(name, &batch.schema()).run(&batch, result).unwrap()
}

fn ints(values: impl Into<Int64Array>) -> ArrayRef {
    Arc::new(values.into())
}

#[test]
fn the_home_advantage_is_native() {
    let neutral: ArrayRef = Arc::new(BooleanArray::from(vec![false, false, false, true]));
    let home = ints(vec![2, 1, 0, 9]);
    let away = ints(vec![1, 1, 3, 0]);
    let all = batch(vec![neutral.clone(), home.clone(), away.clone()]);
    assert_eq!(program("home_advantage", &all.schema()).verdict(), Verdict::Native);
    let outcome = run("home_advantage", vec![neutral, home, away], None);
    assert!(outcome.exits.is_none());
    assert_eq!(outcome.values.as_primitive::<Int64Type>().values(), &[1, 0, -1, 0]);
}

#[test]
fn sliced_columns_give_the_same_answers() {
    let neutral: ArrayRef = Arc::new((0..3000).map(|i| Some(i % 7 == 0)).collect::<BooleanArray>());
    let home = ints((0..3000).map(|i| i % 5).collect::<Vec<i64>>());
    let away = ints((0..3000).map(|i| i % 3).collect::<Vec<i64>>());
    let whole = batch(vec![neutral, home, away]);
    let program = program("home_advantage", &whole.schema());
    let expected = program.run(&whole, None).unwrap().values;
    for (start, length) in [(0, 1), (1, 1023), (13, 2048), (1500, 1500), (7, 0)] {
        let part = program.run(&whole.slice(start, length), Some(&DataType::Int64)).unwrap();
        assert_eq!(&part.values, &expected.slice(start, length), "{start}+{length}");
    }
}

#[test]
fn rows_leave_with_a_reason() {
    let outcome = run(
        "floor_division",
        vec![ints(vec![-7, 1, i64::MIN]), ints(vec![2, 0, -1])],
        Some(&DataType::Int64),
    );
    assert_eq!(outcome.left(), [1, 2]);
    assert_eq!(outcome.values.as_primitive::<Int64Type>().value(0), -4);
    assert_eq!(outcome.reason(0), None);
    assert_eq!(outcome.reason(1).unwrap().raises, Some("ZeroDivisionError"));
    let overflow = outcome.reason(2).unwrap();
    assert_eq!(overflow.raises, None);
    assert!(overflow.reason.to_string().ends_with("the result does not fit 64 bits"));
}

#[test]
fn few_values_in_many_rows_give_the_same_answers() {
    // Missing values raise, and Cherokee letters are the interpreter's.
    let names = [
        Some(" Eve "),
        None,
        Some("Ænne Fee"),
        Some("ꭰe"),
        Some(" a name of more than twelve bytes "),
    ];
    let texts = || (0..5000).map(|row| names[row * 7 / 3 % 5]);
    let views: ArrayRef = Arc::new(texts().collect::<StringViewArray>());
    let dictionary: ArrayRef = Arc::new(texts().collect::<DictionaryArray<Int32Type>>());
    let plain: ArrayRef = Arc::new(texts().collect::<StringArray>());
    let large: ArrayRef = Arc::new(texts().collect::<LargeStringArray>());
    for column in [views, dictionary, plain, large] {
        let whole = batch(vec![column]);
        let program = program("tidy", &whole.schema());
        let answers = program.run(&whole, Some(&DataType::Int64)).unwrap();
        assert!(!answers.left().is_empty() && answers.left().len() < 5000);
        for start in (0..5000).step_by(500) {
            // So few rows are not gathered by their values.
            let part = program.run(&whole.slice(start, 500), Some(&DataType::Int64)).unwrap();
            assert_eq!(&part.values, &answers.values.slice(start, 500));
            for row in 0..500 {
                assert_eq!(part.reason(row), answers.reason(start + row));
            }
        }
    }
}

#[test]
fn endless_loops_leave_after_a_while_and_the_rows_between_are_answered() {
    // From 0 the loop never gets to 1.
    let outcome =
        run("collatz", vec![ints((0..2000).map(|n| n % 2 * 27).collect::<Vec<i64>>())], None);
    assert_eq!(outcome.left(), (0..2000).step_by(2).collect::<Vec<_>>());
    assert!(outcome.reason(0).unwrap().reason.to_string().contains("a very long loop"));
    assert_eq!(outcome.values.as_primitive::<Int64Type>().value(1), 111);
}

#[test]
fn an_answer_that_does_not_fit_leaves() {
    let columns = || vec![ints(vec![70, 7]), ints(vec![1, 1])];
    let outcome = run("floor_division", columns(), Some(&DataType::Int8));
    assert!(outcome.exits.is_none());
    let outcome = run("floor_division", columns(), Some(&DataType::Utf8));
    assert_eq!(outcome.left(), [0, 1]);
    assert_eq!(outcome.values.null_count(), 2);
}

#[test]
fn a_branch_outside_the_subset_is_left_out() {
    let all = batch(vec![ints(vec![1, 101, 3])]);
    let program = program("partly", &all.schema());
    assert_eq!(program.verdict(), Verdict::PartlyNative);
    assert!(program.left_out()[0].text.contains("`sorted` is not compiled"));
    let outcome = program.run(&all, Some(&DataType::Int64)).unwrap();
    assert_eq!(outcome.left(), [1]);
    assert!(program.explain().starts_with("partly native"), "{}", program.explain());
}

#[test]
fn other_types_are_refused_by_name() {
    let schema = Schema::new(vec![arrow::datatypes::Field::new("a", DataType::Binary, true)]);
    let reason = compile(&spec("partly"), &schema, Nulls::Nan).unwrap_err();
    assert_eq!(reason.text, "the column `a` has the type Binary, which is not compiled");
}

#[test]
fn a_broken_specification_is_an_error() {
    assert!(FnSpec::from_json("{}").is_err());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(FnSpec::from_json(&deep).is_err());
}
