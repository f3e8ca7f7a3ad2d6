//! Interpreters that do not become workers: an error that says so, never a hang.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use windrow_functions::{CallForm, Function, Nulls, Verdict};
use windrow_workers::{Command, Failure, FunctionHost, PoolSettings, RowCall, Start, WorkerPool};

/// The failure of a call in a pool whose interpreter is this shell command.
fn failure(script: &str, start: Start) -> String {
    let arguments = ["sh", "-c", script].map(str::to_owned).to_vec();
    let mut settings = PoolSettings::new(2, Command { arguments, environment: Vec::new() });
    settings.start = start;
    let pool = WorkerPool::new(settings).unwrap();
    let (sender, receiver) = channel();
    pool.submit(call(), Box::new(move |outcome| sender.send(outcome).unwrap()));
    match receiver.recv_timeout(Duration::from_secs(30)).unwrap() {
        Err(Failure::Worker(message)) => message,
        other => format!("{other:?}"),
    }
}

fn call() -> RowCall {
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    let batch =
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![1, 2, 3]))]);
    let function = Function {
        id: "f".to_owned(),
        name: "f".to_owned(),
        file: None,
        line: None,
        call: CallForm::Positional,
        columns: None,
        nulls: Nulls::Nan,
        pickled: Vec::new(),
        spec: None,
        verdict: Verdict::Python,
        reasons: Vec::new(),
    };
    RowCall { function: Arc::new(function), batch: batch.unwrap(), result: None, first_row: 0 }
}

#[test]
fn a_fork_server_that_ends_tells_what_it_said() {
    let message = failure("echo no module named windrow >&2; exit 3", Start::ForkServer);
    assert!(message.contains("could not start"), "{message}");
    assert!(message.contains("no module named windrow"), "{message}");
}

#[test]
fn workers_that_end_at_once_are_not_started_for_ever() {
    let message = failure("exit 3", Start::Spawn);
    assert!(message.contains("5 workers in a row"), "{message}");
}

#[test]
fn a_missing_interpreter_is_named_as_the_trouble() {
    let command = Command { arguments: vec!["/no/such/python".to_owned()], environment: vec![] };
    let pool = WorkerPool::new(PoolSettings::new(1, command)).unwrap();
    let (sender, receiver) = channel();
    pool.submit(call(), Box::new(move |outcome| sender.send(outcome).unwrap()));
    let outcome = receiver.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(matches!(outcome, Err(Failure::Worker(text)) if text.contains("No such file")));
}

#[test]
fn a_pool_that_is_closed_answers_what_waits() {
    let arguments = ["sh", "-c", "sleep 60"].map(str::to_owned).to_vec();
    let command = Command { arguments, environment: Vec::new() };
    let pool = WorkerPool::new(PoolSettings::new(1, command)).unwrap();
    let (sender, receiver) = channel();
    pool.submit(call(), Box::new(move |outcome| sender.send(outcome).unwrap()));
    std::thread::sleep(Duration::from_millis(50));
    assert!(pool.stop(false, Duration::from_secs(10)));
    let outcome = receiver.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(outcome.unwrap_err(), Failure::Cancelled);
}
