//! Run records: what is written is read again, also after a crash.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use windrow_events::{
    Event, EventBus, FunctionSummary, RecordError, RecordReader, RunId, RunRecord, RunStatus,
    RunView, StageId, Stream, TaskId, TaskStatus, Unit, Verdict, WorkerId,
};

/// One event of every kind.
fn all_kinds() -> Vec<Event> {
    let run = RunId::new(1_795_185_108_123, 42);
    let (stage, worker) = (StageId(0), WorkerId(3));
    let task = TaskId { stage, partition: 1, attempt: 0 };
    let function = FunctionSummary {
        id: "ab12".to_owned(),
        name: "home_advantage".to_owned(),
        verdict: Verdict::PartlyNative,
    };
    vec![
        Event::RunStarted {
            run: run.clone(),
            at: 10,
            name: "collect".to_owned(),
            plan: "read\n  apply".to_owned(),
            functions: vec![function],
        },
        Event::StageStarted {
            run: run.clone(),
            at: 11,
            stage,
            name: "apply".to_owned(),
            partitions: 2,
            unit: Unit::Items,
            rows_total: Some(100),
            bytes_total: None,
        },
        Event::WorkerStarted { run: None, at: 12, worker, pid: 77 },
        Event::Progress {
            run: run.clone(),
            at: 13,
            stage,
            rows: 50,
            bytes: u64::MAX,
            rows_total: Some(100),
            bytes_total: None,
            tasks_done: 1,
            tasks_total: 2,
        },
        Event::Output {
            run: Some(run.clone()),
            at: 14,
            worker,
            task: Some(task),
            stream: Stream::Stderr,
            line: "caf\u{e9} \u{1b}[1m\u{2028}\\".to_owned(),
        },
        Event::RowFailed {
            run: run.clone(),
            at: 15,
            function: "f".to_owned(),
            row: Some(7),
            message: "ValueError: no".to_owned(),
            values: vec![("a".to_owned(), "1".to_owned())],
        },
        Event::TaskFinished {
            run: run.clone(),
            at: 16,
            task,
            status: TaskStatus::Failed { message: "no".to_owned() },
            seconds: 0.25,
            rows: 50,
            bytes: 9,
        },
        Event::WorkerDied {
            run: Some(run.clone()),
            at: 17,
            worker,
            pid: 77,
            cause: "was killed by SIGKILL".to_owned(),
        },
        Event::Note { run: None, at: 18, text: "said once".to_owned() },
        Event::RunFinished {
            run,
            at: 19,
            status: RunStatus::Failed { message: "ValueError: no".to_owned() },
            seconds: 0.009,
            rows: 0,
            bytes: 9,
            peak_memory: None,
        },
    ]
}

fn read(path: &Path) -> Result<Vec<Event>, RecordError> {
    RecordReader::open(path)?.collect()
}

/// A record of all kinds in a folder of its own.
fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let bus = EventBus::default();
    let record = Arc::new(RunRecord::create(&path).unwrap());
    bus.add(record.clone());
    all_kinds().iter().for_each(|event| bus.emit(event));
    assert!(record.error().is_none());
    (folder, path)
}

#[test]
fn replaying_gives_the_same_events_and_the_same_view() {
    let (_folder, path) = written();
    let events = read(&path).unwrap();
    assert_eq!(events, all_kinds());
    assert_eq!(RunView::of(&events), RunView::of(&all_kinds()));
}

#[test]
fn every_kind_is_listed() {
    let kinds: Vec<String> = all_kinds()
        .iter()
        .map(|event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned())
        .collect();
    let mut listed = Event::KINDS.to_vec();
    listed.sort_unstable();
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, listed);
}

#[test]
fn a_record_cut_anywhere_keeps_its_whole_lines_and_can_go_on() {
    let (folder, path) = written();
    let bytes = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.jsonl");
    let extra = Event::Note { run: None, at: 99, text: "went on".to_owned() };
    // All of the header and the first event, then the end.
    for length in (0..120).chain(bytes.len() - 200..bytes.len()) {
        fs::write(&cut, &bytes[..length]).unwrap();
        let lines = bytes[..length].iter().filter(|byte| **byte == b'\n').count();
        let whole = &all_kinds()[..lines.saturating_sub(1)];
        assert_eq!(read(&cut).unwrap(), whole, "cut at {length}");

        RunRecord::append(&cut).unwrap().write(&extra).unwrap();
        assert_eq!(
            read(&cut).unwrap(),
            [whole, std::slice::from_ref(&extra)].concat(),
            "cut at {length}"
        );
    }
}

#[test]
fn kinds_and_fields_of_later_times_are_skipped() {
    let (_folder, path) = written();
    let later = "{\"event\":\"moon_rose\",\"at\":1}\n{\"event\":\"note\",\"at\":2,\"text\":\"t\",\"color\":\"red\"}\n";
    fs::write(&path, [fs::read(&path).unwrap(), later.into()].concat()).unwrap();
    let events = read(&path).unwrap();
    assert_eq!(events.len(), all_kinds().len() + 1);
    assert_eq!(events.last(), Some(&Event::Note { run: None, at: 2, text: "t".to_owned() }));
}

#[test]
fn what_is_no_record_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let error = |text: &str| {
        fs::write(&path, text).unwrap();
        let before = fs::read(&path).unwrap();
        assert!(RunRecord::append(&path).is_err() || text.contains("note"));
        assert_eq!(fs::read(&path).unwrap(), before, "somebody's file was changed");
        read(&path).unwrap_err().to_string()
    };
    assert!(error("a,b\n1,2\n").ends_with("is no run record"));
    assert!(error("not even a line").ends_with("is no run record"));
    assert!(error("{\"record\":\"windrow-run\",\"version\":2}\n").contains("hint: update windrow"));
    let broken = "{\"record\":\"windrow-run\",\"version\":1}\n{\"event\":\"note\"}\n";
    assert!(error(broken).starts_with("line 2 of run record"));
}

#[test]
fn a_record_is_never_begun_over_another() {
    let (_folder, path) = written();
    assert!(matches!(RunRecord::create(&path), Err(RecordError::File { .. })));
    assert_eq!(read(&path).unwrap(), all_kinds());
}
