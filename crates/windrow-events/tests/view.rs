//! The view of a run: rate, percent, time left, stage, state; and the bus that feeds it.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use windrow_events::{
    Event, EventBus, Measure, RunId, RunState, RunStatus, RunView, StageId, StageView, Unit,
    WorkerId,
};

fn run() -> RunId {
    RunId::new(0, 1)
}

fn started(rows_total: Option<u64>, bytes_total: Option<u64>, partitions: u32) -> RunView {
    let mut view = RunView::default();
    view.observe(&Event::RunStarted {
        run: run(),
        at: 1000,
        name: "collect".to_owned(),
        plan: String::new(),
        functions: vec![],
    });
    view.observe(&Event::StageStarted {
        run: run(),
        at: 1000,
        stage: StageId(0),
        name: "read".to_owned(),
        partitions,
        unit: Unit::Rows,
        rows_total,
        bytes_total,
    });
    view
}

/// Progress at `at` with `rows` of 100 bytes each.
fn progress(at: u64, rows: u64, tasks_done: u32) -> Event {
    Event::Progress {
        run: run(),
        at,
        stage: StageId(0),
        rows,
        bytes: rows * 100,
        rows_total: None,
        bytes_total: None,
        tasks_done,
        tasks_total: 4,
    }
}

fn stage(view: &RunView) -> &StageView {
    view.stage().unwrap()
}

#[test]
fn rows_give_percent_rate_and_time_left() {
    let mut view = started(Some(1000), None, 4);
    assert_eq!((stage(&view).fraction(), stage(&view).seconds_left()), (Some(0.0), None));
    view.observe(&progress(3000, 250, 1));
    assert_eq!(stage(&view).fraction(), Some(0.25));
    assert_eq!(stage(&view).rows_per_second(), Some(125.0));
    assert_eq!(stage(&view).seconds_left(), Some(6.0));
    assert_eq!((view.state.clone(), view.seconds()), (RunState::Running, 2.0));
}

#[test]
fn bytes_do_where_rows_are_not_known() {
    let mut view = started(None, Some(100_000), 4);
    view.observe(&progress(2000, 500, 1));
    assert_eq!(stage(&view).fraction(), Some(0.5));
    assert_eq!(stage(&view).bytes_per_second(), Some(50_000.0));
    assert_eq!(stage(&view).seconds_left(), Some(1.0));
}

#[test]
fn tasks_do_where_nothing_else_is_known() {
    let mut view = started(None, None, 4);
    assert_eq!(stage(&view).done(), (0, Some(4)));
    view.observe(&progress(4000, 500, 3));
    assert_eq!(stage(&view).measure(), Measure::Tasks);
    assert_eq!((stage(&view).fraction(), stage(&view).seconds_left()), (Some(0.75), Some(1.0)));
}

#[test]
fn what_there_is_does_where_no_total_is_known() {
    let mut view = started(None, None, 1);
    assert_eq!((stage(&view).measure(), stage(&view).done()), (Measure::Rows, (0, None)));
    let only_read = Event::Progress {
        run: run(),
        at: 2000,
        stage: StageId(0),
        rows: 0,
        bytes: 7,
        rows_total: None,
        bytes_total: None,
        tasks_done: 0,
        tasks_total: 0,
    };
    view.observe(&only_read);
    assert_eq!((stage(&view).measure(), stage(&view).done()), (Measure::Bytes, (7, None)));
    assert_eq!((stage(&view).fraction(), stage(&view).seconds_left()), (None, None));
}

#[test]
fn a_wrong_estimate_is_not_done_before_the_tasks_are() {
    let mut view = started(Some(10), None, 4);
    view.observe(&progress(2000, 500, 3));
    assert_eq!((stage(&view).fraction(), stage(&view).seconds_left()), (Some(0.99), Some(0.0)));
    view.observe(&progress(2500, 501, 4));
    assert_eq!(stage(&view).fraction(), Some(1.0));
}

#[test]
fn the_rate_is_that_of_the_last_ten_seconds() {
    let mut view = started(None, None, 4);
    for second in 1..=60 {
        let rows = if second <= 30 { second * 1000 } else { 30_000 + (second - 30) * 10 };
        view.observe(&progress(1000 + second * 1000, rows, 0));
    }
    assert_eq!(stage(&view).rows_per_second(), Some(10.0));
}

#[test]
fn a_stalled_stage_never_ends() {
    let mut view = started(Some(1000), None, 4);
    view.observe(&progress(2000, 10, 0));
    view.observe(&progress(20_000, 10, 0));
    assert_eq!((stage(&view).rows_per_second(), stage(&view).seconds_left()), (Some(0.0), None));
}

#[test]
fn clocks_that_go_backwards_do_no_harm() {
    let mut view = started(Some(1000), None, 4);
    view.observe(&progress(5000, 100, 0));
    view.observe(&progress(500, 200, 0));
    assert_eq!((stage(&view).rows_per_second(), stage(&view).rows), (None, 200));
}

#[test]
fn the_end_is_final_and_other_runs_are_left_out() {
    let mut view = started(None, None, 1);
    let end = |run: RunId, status: RunStatus| Event::RunFinished {
        run,
        at: 4000,
        status,
        seconds: 3.25,
        rows: 7,
        bytes: 0,
        peak_memory: Some(5),
    };
    view.observe(&end(RunId::new(0, 2), RunStatus::Cancelled));
    assert_eq!(view.state, RunState::Running);
    view.observe(&end(run(), RunStatus::Succeeded));
    assert_eq!(view.state, RunState::Finished(RunStatus::Succeeded));
    assert_eq!((view.seconds(), view.rows, view.peak_memory), (3.25, 7, Some(5)));
}

#[test]
fn workers_come_and_go() {
    let mut view = started(None, None, 1);
    let worker = WorkerId(0);
    view.observe(&Event::WorkerStarted { run: None, at: 1, worker, pid: 70 });
    assert_eq!(view.workers.get(&worker), Some(&70));
    let cause = "exited with code 3".to_owned();
    view.observe(&Event::WorkerDied { run: Some(run()), at: 2, worker, pid: 70, cause });
    assert!(view.workers.is_empty());
    assert_eq!(view.deaths, ["worker process 70 exited with code 3"]);
}

#[test]
fn a_bus_feeds_all_its_observers_until_they_are_removed() {
    let bus = EventBus::default();
    assert!(bus.is_idle());
    let views: Vec<_> = (0..2).map(|_| Arc::new(Mutex::new(0))).collect();
    let ids: Vec<_> = views
        .iter()
        .map(|seen| {
            let seen = Arc::clone(seen);
            bus.add(Arc::new(move |_: &Event| *seen.lock().unwrap() += 1))
        })
        .collect();
    bus.clone().emit(&progress(1, 1, 1));
    bus.remove(ids[0]);
    bus.emit(&progress(2, 2, 1));
    assert_eq!(views.iter().map(|seen| *seen.lock().unwrap()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn an_observer_may_add_and_remove_observers() {
    let bus = EventBus::default();
    let inner = bus.clone();
    bus.add(Arc::new(move |_: &Event| {
        let id = inner.add(Arc::new(|_: &Event| ()));
        inner.remove(id);
    }));
    bus.emit(&progress(1, 1, 1));
}
