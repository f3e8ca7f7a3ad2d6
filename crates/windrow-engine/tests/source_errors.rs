//! What a user is told about input that cannot be read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod source_session;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use source_session::*;
use windrow_engine::error::Fault;

/// The error of reading `path`, with the test's folder as `DIR`.
async fn error(format: &str, files: &Files, name: &str, options: &str) -> (Fault, String) {
    let paths: Vec<String> = name.split(' ').map(|name| files.path(name)).collect();
    match read(3, format, &paths, options).await {
        Ok((_, batches)) => panic!("read without error: {:?}", rows(&batches)),
        Err(error) => (error.fault(), error.to_string().replace(&files.path(""), "DIR/")),
    }
}

#[tokio::test]
async fn a_missing_file_names_the_nearest() {
    let files = Files::new();
    files.write("matches.csv", "a\n1\n");
    let (fault, text) = error("csv", &files, "match.csv", "{}").await;
    assert_eq!(fault, Fault::Missing);
    assert_eq!(text, "no such file: `DIR/match.csv`\nhint: did you mean `DIR/matches.csv`?");
    let (_, text) = error("csv", &files, "nowhere/match.csv", "{}").await;
    assert!(
        text.starts_with(
            "no such file: `DIR/nowhere/match.csv`, since there is no folder `DIR/nowhere`"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_folder_without_matching_files() {
    let files = Files::new();
    files.write("d/a.parquet", "PAR1");
    let (fault, text) = error("csv", &files, "d", "{}").await;
    assert_eq!(fault, Fault::Missing);
    assert!(
        text.starts_with("folder `DIR/d` has no .csv or .tsv files\nhint: it has `a.parquet`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_glob_without_match() {
    let files = Files::new();
    let (fault, text) = error("csv", &files, "*.csv", "{}").await;
    assert_eq!(fault, Fault::Missing);
    assert!(text.starts_with("no file matches `DIR/*.csv`"), "{text}");
}

#[tokio::test]
async fn a_truncated_gzip() {
    let files = Files::new();
    let text: String =
        (0..50_000).map(|number| format!("{number},{}\n", number * 7919 % 10_007)).collect();
    let path = files.gzip("t.csv.gz", format!("a,b\n{text}"));
    let whole = std::fs::read(&path).unwrap();
    files.write("t.csv.gz", &whole[..whole.len() / 2]);
    for format in ["csv", "text"] {
        let (fault, text) = error(format, &files, "t.csv.gz", "{}").await;
        assert_eq!(fault, Fault::Data);
        assert!(text.starts_with("gzip file `DIR/t.csv.gz` is truncated"), "{text}");
    }
    files.write("n.csv.gz", "a,b\n1,2\n");
    let (_, text) = error("csv", &files, "n.csv.gz", "{}").await;
    assert!(text.starts_with("file `DIR/n.csv.gz` is not a gzip file"), "{text}");
}

#[tokio::test]
async fn a_ragged_row_is_numbered_in_the_file() {
    let files = Files::new();
    let mut text = "a,b\n".to_owned();
    (0..1000).for_each(|number| text.push_str(&format!("{number},\"x\ny\"\n")));
    files.write("long.csv", format!("{text}1,2,3\n"));
    files.write("short.csv", format!("{text}1\n"));
    let (fault, text) = error("csv", &files, "long.csv", "{}").await;
    assert_eq!(fault, Fault::Data);
    assert!(
        text.starts_with("row 1001 (line 2002) of `DIR/long.csv` has 3 fields, expected 2\nhint: "),
        "{text}"
    );
    let (_, text) = error("csv", &files, "short.csv", "{}").await;
    assert!(
        text.starts_with("row 1001 (line 2002) of `DIR/short.csv` has 1 fields, expected 2"),
        "{text}"
    );
}

#[tokio::test]
async fn a_value_that_the_sample_did_not_show() {
    let files = Files::new();
    let mut text = "id,score\n".to_owned();
    (0..300_000).for_each(|number| {
        text.push_str(&format!("{number},{}\n", if number == 60_000 { "n/k" } else { "1" }))
    });
    files.write("t.csv", text);
    let (fault, text) = error("csv", &files, "t.csv", "{}").await;
    assert_eq!(fault, Fault::Data);
    assert_eq!(
        text,
        "value `n/k` in column `score`, row 60001 (line 60002) of `DIR/t.csv` is not a whole number (int64)\n\
         hint: the type was inferred from a sample of the file; pass `dtype={\"score\": \"str\"}` to declare it, \
         or `na_values=[\"n/k\"]` if the value means missing"
    );
}

#[tokio::test]
async fn a_wrong_declared_type() {
    let files = Files::new();
    files.write("t.csv", "a,b\n1,x\n2.5,y\n");
    let (_, text) = error("csv", &files, "t.csv", r#"{"dtype": {"a": "int64"}}"#).await;
    assert!(
        text.starts_with(
            "value `2.5` in column `a`, row 2 (line 3) of `DIR/t.csv` is not a whole number (int64)"
        ),
        "{text}"
    );
    assert!(text.contains(r#"dtype={"a": "float64"}"#), "{text}");
    let (_, text) =
        error("csv", &files, "t.csv", r#"{"dtype": {"a": "int8", "b": "floaty"}}"#).await;
    assert!(text.contains("dtype"), "{text}");
    let (_, text) = error("csv", &files, "t.csv", r#"{"parse_dates": ["b"]}"#).await;
    assert!(
        text.starts_with(
            "value `x` in column `b`, row 1 (line 2) of `DIR/t.csv` is not a date and time"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn bytes_that_are_no_utf8() {
    let files = Files::new();
    files.write("t.csv", b"a,b\n1,x\n2,caf\xe9\n");
    files.write("t.txt", b"one\ntwo\ncaf\xe9\n");
    let (fault, text) = error("csv", &files, "t.csv", "{}").await;
    assert_eq!(fault, Fault::Data);
    assert!(
        text.starts_with("column `b`, row 2 (line 3) of `DIR/t.csv` is not UTF-8 text\nhint: "),
        "{text}"
    );
    let (_, text) = error("text", &files, "t.txt", "{}").await;
    assert!(text.starts_with("row 3 (line 3) of `DIR/t.txt` is not UTF-8 text"), "{text}");
    let (_, text) = error("csv", &files, "t.csv", r#"{"encoding": "latin1"}"#).await;
    assert!(text.contains("encoding `latin1` cannot be read, only utf-8"), "{text}");
    let replaced =
        read(1, "text", &[files.path("t.txt")], r#"{"encoding_errors": "replace"}"#).await.unwrap();
    assert_eq!(rows(&replaced.1)[2], "caf\u{fffd}");
}

#[tokio::test]
async fn columns_and_options_that_are_not_there() {
    let files = Files::new();
    files.write("t.csv", "home_score,away_score\n1,2\n");
    let (fault, text) = error("csv", &files, "t.csv", r#"{"usecols": ["home_scor"]}"#).await;
    assert_eq!(fault, Fault::Column);
    assert_eq!(
        text,
        "`usecols` names a column `home_scor`, which the file does not have\nhint: did you mean `home_score`?"
    );
    let (_, text) = error("csv", &files, "t.csv", r#"{"names": ["a", "b", "c"]}"#).await;
    assert!(text.starts_with("`names` has 3 names, but `DIR/t.csv` has 2 columns"), "{text}");
    let (_, text) = error("csv", &files, "t.csv", r#"{"nrow": 3}"#).await;
    assert_eq!(text, "`read_csv` has no option `nrow`\nhint: did you mean `nrows`?");
}

#[tokio::test]
async fn files_that_are_empty_or_something_else() {
    let files = Files::new();
    for name in ["e.csv", "e.json", "e.parquet"] {
        files.write(name, "");
    }
    files.write("t.parquet", "a,b\n1,2\n");
    files.write("a.json", "[1, 2]\n");
    let starts = [
        ("csv", "e.csv", "file `DIR/e.csv` is empty: no columns to read"),
        ("json", "e.json", "file `DIR/e.json` is empty: no columns to read"),
        ("parquet", "e.parquet", "file `DIR/e.parquet` is empty, so it is not a Parquet file"),
        (
            "parquet",
            "t.parquet",
            "file `DIR/t.parquet` is not a Parquet file, or its end is missing",
        ),
        ("json", "a.json", "row 1 (line 1) of `DIR/a.json` is not a JSON object"),
    ];
    for (format, name, start) in starts {
        let (fault, text) = error(format, &files, name, "{}").await;
        assert_eq!(fault, Fault::Data);
        assert!(text.starts_with(start), "{text}");
    }
}

#[tokio::test]
async fn files_of_different_columns() {
    let files = Files::new();
    files.write("a.csv", "x,y\n1,2\n");
    files.write("b.csv", "x,z\n1,2\n");
    let (fault, text) = error("csv", &files, "a.csv b.csv", "{}").await;
    assert_eq!(fault, Fault::Data);
    assert!(text.starts_with("the files have different columns: `DIR/a.csv` has `x`, `y`, but `DIR/b.csv` has `x`, `z`"), "{text}");
    let parquet = |name: &str, column: ArrayRef| {
        let batch = RecordBatch::try_from_iter([("v", column)]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        files.write(name, bytes);
    };
    parquet("a.parquet", Arc::new(Int64Array::from(vec![1])));
    parquet("b.parquet", Arc::new(StringArray::from(vec!["x"])));
    let (_, text) = error("parquet", &files, "a.parquet b.parquet", "{}").await;
    assert!(
        text.starts_with("the files have different schemas: column `v` is int64 in `DIR/a.parquet`, but str in `DIR/b.parquet`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_quote_that_is_never_closed() {
    let files = Files::new();
    files.write("t.csv", "a,b\n1,\"x\n2,y\n");
    let (_, text) = error("csv", &files, "t.csv", "{}").await;
    assert!(
        text.starts_with("the quote opened in row 1 (line 2) of `DIR/t.csv` is never closed"),
        "{text}"
    );
}

#[tokio::test]
async fn json_that_does_not_fit() {
    let files = Files::new();
    files.write("m.json", "{\"a\": 1}\n{\"a\": \"x\"}\n");
    let (_, text) = error("json", &files, "m.json", "{}").await;
    assert!(
        text.starts_with("column `a` holds whole numbers in some rows and text in others"),
        "{text}"
    );
    files.write("f.json", "{\"a\": 1}\n{\"a\": 1.5}\n");
    let (_, text) = error("json", &files, "f.json", r#"{"dtype": {"a": "int64"}}"#).await;
    assert!(
        text.starts_with(
            "value `1.5` in column `a`, row 2 (line 2) of `DIR/f.json` is not a whole number"
        ),
        "{text}"
    );
    files.write("s.json", "{\"a\": 1}\n{\"a\": \n");
    let (_, text) = error("json", &files, "s.json", "{}").await;
    assert!(text.starts_with("row 2 (line 2) of `DIR/s.json` is not valid JSON"), "{text}");
}

#[tokio::test]
async fn a_parquet_file_that_is_damaged_inside() {
    let files = Files::new();
    let column: ArrayRef =
        Arc::new(Int64Array::from_iter_values((0..5000).map(|number| number * number)));
    let batch = RecordBatch::try_from_iter([("v", column)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes[4..2000].fill(0xff);
    files.write("t.parquet", bytes);
    let (fault, text) = error("parquet", &files, "t.parquet", "{}").await;
    assert_eq!(fault, Fault::Data);
    assert!(text.starts_with("file `DIR/t.parquet` could not be read as Parquet: "), "{text}");
}

#[tokio::test]
async fn a_file_that_is_gone_when_it_is_read() {
    let files = Files::new();
    let path = files.write("t.csv", "a\n1\n");
    let context = session(2);
    let source = open(&context, "csv", std::slice::from_ref(&path), "{}").await.unwrap();
    std::fs::remove_file(path).unwrap();
    let error = context.read_table(source.provider).unwrap().collect().await.unwrap_err();
    let error = windrow_engine::source::explain_error(&error, &source.files).unwrap();
    assert_eq!(error.fault(), Fault::Missing);
    assert!(error.message().ends_with("is gone: it was there when the frame was made"), "{error}");
}
