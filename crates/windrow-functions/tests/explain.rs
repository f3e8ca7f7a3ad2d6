//! Descriptions as the Python package writes them, and their explanations.
#![allow(clippy::unwrap_used)]

use windrow_functions::{CallForm, Function, Nulls, Verdict};

const JSON: &str = r#"{"id": "00ff", "name": "score", "file": "job.py", "line": 3, "call": "row",
 "columns": null, "nulls": "none", "verdict": "python",
 "reasons": [{"line": 5, "column": 12, "snippet": "row.index", "text": "`row.index` is an attribute of the row itself"},
             {"line": null, "column": null, "snippet": "", "text": "row functions are slow"}]}"#;

#[test]
fn a_description_is_read_and_explained() {
    let function = Function::from_json(JSON, vec![1, 2]).unwrap();
    assert_eq!(function.call, CallForm::Row);
    assert_eq!(function.nulls, Nulls::None);
    assert_eq!(function.pickled, [1, 2]);
    assert_eq!(
        function.explain(),
        "python\n  `score` (job.py:3), called with a row object over all columns\n  \
         5:12: `row.index`: `row.index` is an attribute of the row itself\n  row functions are slow"
    );
}

#[test]
fn the_first_line_is_the_verdict() {
    let mut function = Function::from_json(JSON, Vec::new()).unwrap();
    function.call = CallForm::Positional;
    function.columns = Some(vec!["a".to_owned(), "b c".to_owned()]);
    for (verdict, word) in [
        (Verdict::Native, "native"),
        (Verdict::PartlyNative, "partly native"),
        (Verdict::Python, "python"),
    ] {
        function.verdict = verdict;
        let text = function.explain();
        assert!(text.starts_with(&format!("{word}\n  `score`")), "{text}");
        assert!(text.contains(", called with the values of `a`, `b c`"), "{text}");
    }
}

#[test]
fn a_foreign_description_is_an_error() {
    let error = Function::from_json(r#"{"id": 1}"#, Vec::new()).unwrap_err().to_string();
    assert!(error.starts_with("the description of a function cannot be read: "), "{error}");
    assert!(error.contains("\nhint: "), "{error}");
}
