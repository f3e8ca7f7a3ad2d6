//! The bar on a terminal of its own in memory.
#![allow(clippy::unwrap_used)]

use indicatif::InMemoryTerm;
use windrow_events::{RunId, RunStatus, StageId, Unit, WorkerId};

use super::*;

fn run(number: u64) -> RunId {
    RunId::new(0, number)
}

fn started(number: u64) -> Event {
    Event::RunStarted {
        run: run(number),
        at: 0,
        name: "collect".to_owned(),
        plan: String::new(),
        functions: vec![],
    }
}

fn stage(rows_total: Option<u64>, bytes_total: Option<u64>) -> Event {
    Event::StageStarted {
        run: run(1),
        at: 0,
        stage: StageId(0),
        name: "apply home_advantage".to_owned(),
        partitions: 4,
        unit: Unit::Rows,
        rows_total,
        bytes_total,
    }
}

fn progress(at: u64, rows: u64, bytes: u64) -> Event {
    Event::Progress {
        run: run(1),
        at,
        stage: StageId(0),
        rows,
        bytes,
        rows_total: None,
        bytes_total: None,
        tasks_done: 0,
        tasks_total: 1,
    }
}

fn finished(number: u64) -> Event {
    Event::RunFinished {
        run: run(number),
        at: 9000,
        status: RunStatus::Succeeded,
        seconds: 9.0,
        rows: 1,
        bytes: 0,
        peak_memory: None,
    }
}

fn output(line: &str) -> Event {
    let worker = WorkerId(0);
    let stream = Stream::Stdout;
    Event::Output { run: None, at: 0, worker, task: None, stream, line: line.to_owned() }
}

/// A bar and the terminal it is on; workers' lines are printed to the same terminal.
fn bar() -> (Shared, InMemoryTerm) {
    let terminal = InMemoryTerm::new(10, 90);
    let (screen, paper) = (terminal.clone(), terminal.clone());
    let target = move || ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let lines = move |_: Stream, line: &str| indicatif::TermLike::write_line(&paper, line).unwrap();
    (Shared::new(Look::Bar(Box::new(target)), Box::new(lines)), terminal)
}

/// What is on the terminal after `events`.
fn drawn(events: &[Event]) -> String {
    let (shared, terminal) = bar();
    let turns: Vec<u64> = events.iter().filter_map(|event| shared.observe(event)).collect();
    for turn in turns {
        shared.draw(turn);
    }
    terminal.contents()
}

#[test]
fn rows_of_a_known_total() {
    let events = [started(1), stage(Some(5_000_000), None), progress(2000, 2_250_000, 0)];
    insta::assert_snapshot!(drawn(&events), @"apply home_advantage ━━━━━━━╸          45 %  2.25 M of 5.00 M rows · 1.12 M/s · 2.4 s left");
}

#[test]
fn bytes_of_a_known_total() {
    let events = [started(1), stage(None, Some(4 << 30)), progress(2000, 2_250_000, 1 << 30)];
    insta::assert_snapshot!(drawn(&events), @"apply home_advantage ━━━━╸             25 %  1.00 GiB of 4.00 GiB · 512 MiB/s · 6.0 s left");
}

#[test]
fn tasks_where_no_total_of_rows_is_known() {
    let ended = Event::Progress {
        run: run(1),
        at: 2000,
        stage: StageId(0),
        rows: 1_200_000,
        bytes: 0,
        rows_total: None,
        bytes_total: None,
        tasks_done: 4,
        tasks_total: 16,
    };
    insta::assert_snapshot!(drawn(&[started(1), stage(None, None), ended]), @"apply home_advantage ━━━━━╸                 25 %  4 of 16 tasks · 1.20 M rows · 6.0 s left");
}

#[test]
fn items_of_a_slow_pool() {
    let mut first = stage(Some(40), None);
    if let Event::StageStarted { unit, name, .. } = &mut first {
        *unit = Unit::Items;
        "fetch".clone_into(name);
    }
    insta::assert_snapshot!(drawn(&[started(1), first, progress(2000, 5, 0)]), @"fetch ━━━━━╸                                       12 %  5 of 40 items · 2.5/s · 14 s left");
}

#[test]
fn no_total_has_no_percent() {
    let text = drawn(&[started(1), stage(None, None), progress(2000, 0, 0)]);
    assert!(text.contains("apply home_advantage") && !text.contains('%'), "{text}");
}

#[test]
fn the_end_leaves_nothing() {
    let (shared, terminal) = bar();
    let turn = shared.observe(&started(1)).unwrap();
    assert!(shared.draw(turn));
    assert!(terminal.contents().contains("collect"));
    shared.observe(&finished(1));
    assert_eq!(terminal.contents(), "");
    assert!(!shared.draw(turn), "the thread of the bar goes on after the end");
    assert_eq!(terminal.contents(), "");
}

#[test]
fn another_run_does_not_end_the_one_shown_and_the_next_is_shown() {
    let (shared, terminal) = bar();
    let turn = shared.observe(&started(1)).unwrap();
    assert_eq!(shared.observe(&started(2)), None);
    shared.observe(&finished(2));
    assert!(shared.draw(turn));
    shared.observe(&finished(1));
    let next = shared.observe(&started(3)).unwrap();
    assert!(shared.draw(next) && !shared.draw(turn));
    assert!(terminal.contents().contains("collect"));
}

#[test]
fn lines_of_workers_stand_above_the_bar() {
    let (shared, terminal) = bar();
    let turn = shared.observe(&started(1)).unwrap();
    shared.observe(&output("first"));
    shared.draw(turn);
    shared.observe(&output("second"));
    shared.draw(turn);
    let text = terminal.contents();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["first", "second"], "{text}");
    assert!(lines.len() == 3 && lines[2].starts_with("collect"), "{text}");
}

#[test]
fn a_note_is_said_once() {
    let (shared, terminal) = bar();
    let note = Event::Note { run: None, at: 0, text: "runs in Python".to_owned() };
    shared.observe(&note);
    shared.observe(&note);
    assert_eq!(terminal.contents(), "note: runs in Python");
}

#[test]
fn without_a_bar_only_the_lines_of_workers_are_passed_on() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let paper = Arc::clone(&seen);
    let lines = move |_: Stream, line: &str| paper.lock().unwrap().push(line.to_owned());
    let bar = TerminalBar::with_lines(Some(false), Box::new(lines));
    let note = Event::Note { run: None, at: 0, text: "runs in Python".to_owned() };
    for event in [started(1), output("hello"), note, finished(1)] {
        bar.observe(&event);
    }
    assert_eq!(*seen.lock().unwrap(), ["hello"]);
}

#[test]
fn the_thread_ends_with_the_run() {
    let (shared, terminal) = bar();
    let shared = Arc::new(shared);
    let turn = shared.observe(&started(1)).unwrap();
    let thread = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.show(turn))
    };
    shared.observe(&finished(1));
    thread.join().unwrap();
    assert_eq!(terminal.contents(), "");
}
