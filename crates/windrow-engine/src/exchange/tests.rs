//! What is written is read back: from all layouts, with and without spilling, whole or not at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch, StringViewArray};
use arrow::compute::{SortOptions, concat_batches};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionConfig;
use futures::{StreamExt, TryStreamExt, stream};
use windrow_tasks::{AttemptId, BlobRef, InputRef, MapOutput, StageId, manifest, split_points};

use super::{Destination, Exchange, Inputs, Layout, RangeReadExec, gone, rows_of, write};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Int64, true),
        Field::new("text", DataType::Utf8View, true),
    ]))
}

/// Rows `from..to`; texts are long enough to be kept outside of their views.
fn batch(from: i64, to: i64) -> RecordBatch {
    let keys: Int64Array = (from..to).map(|row| (row % 7 != 3).then_some(row)).collect();
    let texts: StringViewArray =
        (from..to).map(|row| Some(format!("a text that is long enough: {row}"))).collect();
    RecordBatch::try_new(schema(), vec![Arc::new(keys), Arc::new(texts)]).unwrap()
}

fn context(memory: usize, inputs: Option<Inputs>) -> Arc<TaskContext> {
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .build_arc()
        .unwrap();
    let mut config = SessionConfig::new().with_batch_size(256);
    if let Some(inputs) = inputs {
        config = config.with_extension(Arc::new(inputs));
    }
    Arc::new(TaskContext::default().with_runtime(environment).with_session_config(config))
}

/// Writes `batches` as one output.
async fn written(
    folder: &Path,
    batches: Vec<RecordBatch>,
    layout: &Layout,
    memory: usize,
    object: &str,
) -> MapOutput {
    encoded(folder, batches, layout, memory, (object, true)).await
}

/// As [`written`], compressed or not.
async fn encoded(
    folder: &Path,
    batches: Vec<RecordBatch>,
    layout: &Layout,
    memory: usize,
    (object, compress): (&str, bool),
) -> MapOutput {
    let exchange = Exchange::open(folder.to_str().unwrap()).unwrap();
    let schema = batches.first().map_or_else(schema, RecordBatch::schema);
    let input = stream::iter(batches.into_iter().map(Ok));
    let input = Box::pin(RecordBatchStreamAdapter::new(schema, input));
    let to = Destination {
        exchange: &exchange,
        object: object.to_owned(),
        compress,
        scratch: folder.to_owned(),
        partition: (0, 1),
    };
    let done = write(input, layout, &to, &context(memory, None)).await.unwrap();
    MapOutput {
        attempt: AttemptId::default(),
        object: object.to_owned(),
        len: done.len,
        slots: done.slots,
        keys: done.keys,
    }
}

/// What a task reads by that has these outputs as its input stage 0.
async fn inputs(folder: &Path, outputs: &[&MapOutput], splits: Vec<Vec<u8>>) -> Inputs {
    let exchange = Exchange::open(folder.to_str().unwrap()).unwrap();
    let bytes = manifest::encode((StageId(0), 0), outputs, splits).unwrap();
    let manifest = BlobRef { name: "manifest".to_owned(), len: bytes.len() as u64 };
    exchange.put(&manifest.name, bytes).await.unwrap();
    Inputs::new(exchange, &[InputRef { stage: StageId(0), epoch: 0, manifest }])
}

async fn slot(inputs: &Arc<Inputs>, slot: u32) -> Result<Vec<RecordBatch>, DataFusionError> {
    let pieces = inputs.slot(StageId(0), slot).await?;
    rows_of(Arc::clone(inputs), pieces).try_collect().await
}

fn texts(batches: &[RecordBatch]) -> Vec<String> {
    let column = |batch: &RecordBatch| {
        batch.column(1).as_string_view().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    batches.iter().flat_map(column).collect()
}

fn by_key(slots: usize) -> Layout {
    Layout::Hash(vec![col("key", &schema()).unwrap()], slots)
}

#[tokio::test]
async fn what_is_not_compressed_is_read_back_batch_by_batch() {
    let folder = tempfile::tempdir().unwrap();
    // Several of the pieces that slots are read in, and messages that do not end where these do.
    let batches: Vec<RecordBatch> =
        (0..300).map(|part| batch(part * 500, part * 500 + 500)).collect();
    let plain =
        encoded(folder.path(), batches.clone(), &by_key(2), 1 << 30, ("plain", false)).await;
    let packed = written(folder.path(), batches, &by_key(2), 1 << 30, "packed").await;
    assert!(plain.len > 8 << 20, "{}", plain.len);
    assert!(packed.len < plain.len / 2, "{} {}", packed.len, plain.len);
    let path = folder.path();
    let of = |output| async move { Arc::new(inputs(path, &[output], vec![]).await) };
    for place in 0..2 {
        let plain = slot(&of(&plain).await, place).await.unwrap();
        let packed = slot(&of(&packed).await, place).await.unwrap();
        assert_eq!(texts(&plain), texts(&packed));
        // Rows that point into the pieces that were read would each be counted as two million bytes.
        let held: usize = plain.iter().map(get_record_batch_memory_size).sum();
        assert!(held < 64 << 20, "{held}");
    }
}

#[tokio::test]
async fn large_batches_are_read_in_batches_of_the_usual_size() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Arc::new(Schema::new(vec![Field::new("key", DataType::Int64, true)]));
    let large = batch(0, 3_000).project(&[0]).unwrap().with_schema(keys).unwrap();
    let output = written(folder.path(), vec![large.clone()], &Layout::Single, 1 << 30, "a").await;
    let inputs = Arc::new(inputs(folder.path(), &[&output], vec![]).await);
    let read = slot(&inputs, 0).await.unwrap();
    assert!(read.iter().all(|batch| batch.num_rows() <= 256));
    assert_eq!(concat_batches(&large.schema(), &read).unwrap(), large);
}

#[tokio::test]
async fn slots_hold_all_rows_once_with_and_without_spilling() {
    let folder = tempfile::tempdir().unwrap();
    let batches: Vec<RecordBatch> =
        (0..40).map(|part| batch(part * 500, part * 500 + 500)).collect();
    let large = written(folder.path(), batches.clone(), &by_key(5), 1 << 30, "large").await;
    let small = written(folder.path(), batches.clone(), &by_key(5), 400_000, "small").await;
    let mut all = Vec::new();
    for output in [&large, &small] {
        let inputs = Arc::new(inputs(folder.path(), &[output], vec![]).await);
        let mut rows = Vec::new();
        for place in 0..5 {
            rows.push(texts(&slot(&inputs, place).await.unwrap()));
        }
        all.push(rows);
    }
    // Spilling changes neither which slot a row is in nor its place there.
    assert_eq!(all[0], all[1]);
    let mut rows: Vec<String> = all[0].concat();
    rows.sort();
    let mut expected = texts(&batches);
    expected.sort();
    assert_eq!(rows, expected);
    // Text is not written again for every slot.
    let plain: usize = expected.iter().map(String::len).sum();
    assert!((large.len as usize) < plain * 2, "{} bytes for {plain}", large.len);
}

#[tokio::test]
async fn outputs_without_rows_are_read_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let empty = written(folder.path(), vec![], &by_key(3), 1 << 20, "empty").await;
    assert_eq!(empty.len, 0);
    let inputs = Arc::new(inputs(folder.path(), &[&empty], vec![]).await);
    for place in 0..3 {
        assert!(slot(&inputs, place).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_is_gone_cut_off_or_changed_is_lost_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let object = folder.path().join("one");
    let damages: [(&str, &dyn Fn()); 3] = [
        ("gone", &|| std::fs::remove_file(&object).unwrap()),
        ("cut off", &|| {
            let file = std::fs::OpenOptions::new().write(true).open(&object).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        }),
        ("changed", &|| {
            let mut bytes = std::fs::read(&object).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x55;
            std::fs::write(&object, bytes).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let output = written(folder.path(), vec![batch(0, 2000)], &Layout::Single, 1 << 30, "one");
        let output = output.await;
        let inputs = Arc::new(inputs(folder.path(), &[&output], vec![]).await);
        assert_eq!(texts(&slot(&inputs, 0).await.unwrap()).len(), 2000);
        damage();
        let error = slot(&inputs, 0).await.expect_err(what);
        assert_eq!(gone(&error).expect(what).object, "one", "{what}");
    }
}

#[tokio::test]
async fn an_object_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let exchange = Exchange::open(folder.path().to_str().unwrap()).unwrap();
    let tries = (0..8_u8).map(|number| exchange.put_new("run/record.ok", vec![number; 3]));
    let made: Vec<bool> =
        stream::iter(tries).buffer_unordered(8).map(Result::unwrap).collect().await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    let first = exchange.get("run/record.ok").await.unwrap();
    assert!(!exchange.put_new("run/record.ok", vec![99]).await.unwrap());
    assert_eq!(exchange.get("run/record.ok").await.unwrap(), first);
    assert_eq!(exchange.list("run").await.unwrap(), ["record.ok"]);
    assert_eq!(exchange.folders().await.unwrap(), ["run"]);
    exchange.remove_all("run").await.unwrap();
    assert!(exchange.list("run").await.unwrap().is_empty());
}

#[tokio::test]
async fn ranges_of_sorted_runs_hold_all_rows_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let options = SortOptions { descending: true, nulls_first: false };
    let key = PhysicalSortExpr { expr: col("key", &schema()).unwrap(), options };
    let ordering = LexOrdering::new(vec![key]).unwrap();
    let layout = Layout::Run(ordering.clone(), 3);
    let mut outputs = Vec::new();
    for (place, range) in [0..3000, 1500..4000, 0..0, 100..101].into_iter().enumerate() {
        let rows = batch(range.start, range.end);
        let indices = arrow::compute::sort_to_indices(rows.column(0), Some(options), None).unwrap();
        let sorted = arrow::compute::take_record_batch(&rows, &indices).unwrap();
        let name = format!("run{place}");
        outputs.push(written(folder.path(), vec![sorted], &layout, 1 << 30, &name).await);
    }
    let splits = split_points(outputs.iter().flat_map(|output| &output.keys), 3);
    assert_eq!(splits.len(), 2);
    let outputs: Vec<&MapOutput> = outputs.iter().collect();
    let inputs = inputs(folder.path(), &outputs, splits).await;
    let context = context(1 << 30, Some(inputs));
    let reader = RangeReadExec::new(StageId(0), schema(), ordering, 3);
    let mut keys: Vec<Option<i64>> = Vec::new();
    for range in 0..3 {
        let rows = reader.execute(range, Arc::clone(&context)).unwrap();
        let batches: Vec<RecordBatch> = rows.try_collect().await.unwrap();
        let before = keys.len();
        for batch in &batches {
            keys.extend(batch.column(0).as_primitive::<Int64Type>().iter());
        }
        assert!(keys.len() - before > 800, "range {range} has {} rows", keys.len() - before);
    }
    let expected = |range: std::ops::Range<i64>| range.map(|row| (row % 7 != 3).then_some(row));
    let mut all: Vec<Option<i64>> =
        expected(0..3000).chain(expected(1500..4000)).chain(expected(100..101)).collect();
    all.sort_by_key(|key| std::cmp::Reverse(key.unwrap_or(i64::MIN)));
    assert_eq!(keys, all);
}
