//! What files become: rows, types, partitions and order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod source_session;

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use source_session::*;

async fn csv(text: &str, options: &str) -> (String, Vec<String>) {
    let files = Files::new();
    let path = files.write("t.csv", text);
    let (source, batches) =
        read(1, "csv", &[path], options).await.unwrap_or_else(|error| panic!("{error}"));
    (schema(&source), rows(&batches))
}

#[tokio::test]
async fn types_are_pandas() {
    let text = ",a,a,b,c,d,e\n0,1,1.5,True,x,NA,2020-01-01\n1,,2,False,,,2020-01-02\n";
    let (schema, rows) = csv(text, "{}").await;
    assert_eq!(
        schema,
        "Unnamed: 0: Int64, a: Int64, a.1: Float64, b: Boolean, c: Utf8, d: Float64, e: Utf8"
    );
    assert_eq!(rows, ["0|1|1.5|true|x|-|2020-01-01", "1|-|2.0|false|-|-|2020-01-02"]);
}

#[tokio::test]
async fn declared_types_and_dates() {
    let text = "a,b,c\n1,2020-01-01,1\n2,2020-01-02 03:04:05,2\n";
    let (schema, rows) =
        csv(text, r#"{"dtype": {"a": "float32", "c": "str"}, "parse_dates": ["b"]}"#).await;
    assert_eq!(schema, "a: Float32, b: Timestamp(µs), c: Utf8");
    assert_eq!(rows, ["1.0|2020-01-01T00:00:00|1", "2.0|2020-01-02T03:04:05|2"]);
}

#[tokio::test]
async fn columns_are_chosen_named_and_skipped() {
    let text = "# made today\nx,y,z\n1,2,3\n\n4,5,6\n";
    assert_eq!(csv(text, r#"{"skiprows": 1, "usecols": ["z", "x"]}"#).await.1, ["1|3", "4|6"]);
    assert_eq!(csv(text, r##"{"comment": "#", "usecols": [1], "nrows": 1}"##).await.1, ["2"]);
    let (schema, rows) =
        csv("1;2,5\n3;4,0\n", r#"{"sep": ";", "decimal": ",", "names": ["p", "q"]}"#).await;
    assert_eq!(
        (schema.as_str(), rows),
        ("p: Int64, q: Float64", vec!["1|2.5".to_owned(), "3|4.0".to_owned()])
    );
    assert_eq!(csv("1,2\n", r#"{"header": null}"#).await.0, "0: Int64, 1: Int64");
    assert_eq!(csv("a\n1\n-999\n", r#"{"na_values": [-999]}"#).await.1, ["1", "-"]);
    assert_eq!(csv("a,b\n1\n", r#"{"on_bad_lines": "pad"}"#).await.1, ["1|-"]);
    assert_eq!(csv("a,b\n1\n2,3\n4,5,6\n", r#"{"on_bad_lines": "skip"}"#).await.1, ["2|3"]);
}

#[tokio::test]
async fn a_column_is_typed_by_the_end_of_the_file_too() {
    let mut text = "a,b\n".to_owned();
    (0..200_000).for_each(|number| text.push_str(&format!("{number},1\n")));
    text.push_str("x,2.5\n");
    assert_eq!(csv(&text, "{}").await.0, "a: Utf8, b: Float64");
}

#[tokio::test]
async fn text_has_a_row_per_line() {
    let files = Files::new();
    let path = files.write("t.txt", "\u{feff}a\r\n\nb");
    let (source, batches) = read(1, "text", &[path], "{}").await.unwrap();
    assert_eq!(schema(&source), "text: Utf8");
    assert_eq!(rows(&batches), ["a", "", "b"]);
    let empty = files.write("e.txt", "");
    assert!(
        read(2, "text", &[empty], "{}").await.unwrap().1.iter().all(|batch| batch.num_rows() == 0)
    );
}

#[tokio::test]
async fn json_lines_are_exact() {
    let files = Files::new();
    let text = "{\"b\": 1, \"a\": \"x\", \"c\": [1, 2]}\n\n{\"b\": null, \"a\": \"y\", \"d\": {\"e\": true}}\n{\"b\": 2.5}\n";
    let (source, batches) = read(3, "json", &[files.write("t.jsonl", text)], "{}").await.unwrap();
    assert!(
        schema(&source).starts_with("b: Float64, a: Utf8, c: List(Int64"),
        "{}",
        schema(&source)
    );
    assert_eq!(rows(&batches), ["1.0|x|[1, 2]|-", "-|y|-|{e: true}", "2.5|-|-|-"]);
}

#[tokio::test]
async fn folders_globs_and_lists_come_in_order() {
    let files = Files::new();
    for (name, value) in
        [("d/b.csv", 2), ("d/a.csv", 1), ("d/sub/c.csv", 3), ("d/.x.csv", 8), ("d/_t.csv", 9)]
    {
        files.write(name, format!("v\n{value}\n"));
    }
    files.gzip("d/z.csv.gz", "v\n4\n");
    let values = async |paths: &[String]| rows(&read(2, "csv", paths, "{}").await.unwrap().1);
    assert_eq!(values(&[files.path("d")]).await, ["1", "2", "3", "4"]);
    assert_eq!(values(&[files.path("d/*.csv")]).await, ["9", "1", "2"]);
    assert_eq!(values(&[files.path("d/**/[a-z]*.csv")]).await, ["1", "2", "3"]);
    assert_eq!(values(&[files.path("d/b.csv"), files.path("d/a.csv")]).await, ["2", "1"]);
}

#[tokio::test]
async fn folders_named_by_keys_are_columns() {
    let files = Files::new();
    files.write("d/year=2024/team=a/t.csv", "v\n1\n");
    files.write("d/year=2025/team=b/t.csv", "v\n2\n");
    let (source, batches) = read(1, "csv", &[files.path("d")], "{}").await.unwrap();
    assert_eq!(schema(&source), "v: Int64, year: Int64, team: Utf8");
    assert_eq!(rows(&batches), ["1|2024|a", "2|2025|b"]);
}

fn write_parquet(files: &Files, name: &str, values: std::ops::Range<i64>, group: usize) -> String {
    let schema = Arc::new(Schema::new(vec![
        Field::new("v", DataType::Int64, true),
        Field::new("w", DataType::Int64, true),
    ]));
    let column = Arc::new(Int64Array::from_iter_values(values));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column.clone(), column]).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    files.write(name, bytes)
}

#[tokio::test]
async fn parquet_keeps_its_order_and_knows_its_rows() {
    let files = Files::new();
    let paths = [
        write_parquet(&files, "a.parquet", 0..1000, 100),
        write_parquet(&files, "b.parquet", 1000..1500, 100),
    ];
    let (source, batches) = read(4, "parquet", &paths, r#"{"columns": ["v"]}"#).await.unwrap();
    assert_eq!((source.rows, source.partitions), (Some(1500), 4));
    assert_eq!(
        source.files.iter().map(|file| file.rows).collect::<Vec<_>>(),
        [Some(1000), Some(500)]
    );
    assert_eq!(rows(&batches), (0..1500).map(|value| value.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn parquet_filters_are_pushed_down() {
    let files = Files::new();
    let context = session(2);
    let path = write_parquet(&files, "a.parquet", 0..1000, 100);
    let source = open(&context, "parquet", &[path], "{}").await.unwrap();
    context.register_table("t", source.provider).unwrap();
    let frame = context.sql("select w from t where v = 550").await.unwrap();
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let text = datafusion::physical_plan::displayable(plan.as_ref()).indent(true).to_string();
    assert!(text.contains("predicate=v@0 = 550"), "{text}");
    assert_eq!(rows(&frame.collect().await.unwrap()), ["550"]);
}

#[tokio::test]
async fn a_limit_above_nrows_does_not_widen_it() {
    let files = Files::new();
    let context = session(3);
    let path = files.write("t.csv", "a\n1\n2\n3\n4\n5\n");
    let source = open(&context, "csv", &[path], r#"{"nrows": 2}"#).await.unwrap();
    let frame = context.read_table(source.provider).unwrap();
    assert_eq!(
        rows(&frame.clone().limit(0, Some(4)).unwrap().collect().await.unwrap()),
        ["1", "2"]
    );
    assert_eq!(frame.count().await.unwrap(), 2);
}

/// Reads a file of `bytes` in one and in several partitions.
fn same_in_parts(
    format: &str,
    bytes: &[u8],
    partitions: usize,
    options: &str,
) -> (Result<Vec<String>, String>, Result<Vec<String>, String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let files = Files::new();
    let path = files.write("t.dat", bytes);
    let run = |partitions| {
        let read = runtime.block_on(read(partitions, format, std::slice::from_ref(&path), options));
        read.map(|(_, batches)| rows(&batches)).map_err(|error| error.to_string())
    };
    (run(1), run(partitions))
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just(",".to_owned()),
        Just("\"".to_owned()),
        Just("\"\"".to_owned()),
        Just("\"a\n\"\"b\"".to_owned()),
        Just("ab".to_owned()),
        Just("é".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_split_of_text_is_the_whole(pieces in proptest::collection::vec(piece(), 0..40), partitions in 2..9_usize) {
        let text = pieces.concat();
        let (whole, parts) = same_in_parts("text", text.as_bytes(), partitions, "{}");
        let mut lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        if text.is_empty() || text.ends_with('\n') {
            lines.pop();
        }
        prop_assert_eq!(whole.as_ref().map(Vec::len), Ok(lines.len()));
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn any_split_of_csv_is_the_whole(pieces in proptest::collection::vec(piece(), 0..60), partitions in 2..9_usize) {
        let text = format!("x,\"y\n\",z\n1,2,3\n{}", pieces.concat());
        let options = r#"{"on_bad_lines": "pad", "dtype": "str", "na_filter": false}"#;
        let (whole, parts) = same_in_parts("csv", text.as_bytes(), partitions, options);
        prop_assert_eq!(whole, parts);
    }
}
