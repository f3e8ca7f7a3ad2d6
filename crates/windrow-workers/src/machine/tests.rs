//! What the machine hands out, and what a death means.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use super::{Blame, CallSpec, Limits, Machine, Piece};

/// A machine with `workers` ready workers, numbered from 1.
fn machine(workers: usize) -> Machine {
    let mut machine =
        Machine::new(Limits { workers, bytes_per_worker: 1 << 20, tasks_per_worker: None });
    for worker in 1..=workers as u64 {
        machine.worker_starting(worker);
        machine.worker_ready(worker);
    }
    machine
}

fn call(items: u32) -> CallSpec {
    CallSpec { function: 1, items, bytes: 100, max_attempts: 3, timeout: None }
}

/// Everything that is handed out now: worker, task, items.
fn sent(machine: &mut Machine) -> Vec<(u64, u64, std::ops::Range<u32>)> {
    machine
        .assign(|_| true)
        .into_iter()
        .map(|(worker, task, piece)| (worker, task, piece.items))
        .collect()
}

/// Lets a machine with one worker learn that tasks of function 1 take this long.
fn learn(machine: &mut Machine, nanos: u64) {
    machine.submit(999, call(1));
    let (worker, task, _) = sent(machine)[0].clone();
    assert!(machine.finished(worker, task, nanos).is_some());
    machine.forget(999);
}

#[test]
fn work_goes_to_the_worker_with_the_least_to_do() {
    let mut machine = machine(2);
    for number in 0..2 {
        machine.submit(number, call(1));
    }
    let workers: Vec<u64> = sent(&mut machine).into_iter().map(|sent| sent.0).collect();
    assert_eq!(workers, [1, 2]);
}

#[test]
fn an_unknown_function_gets_one_task_a_worker() {
    let mut machine = machine(1);
    (0..5).for_each(|number| machine.submit(number, call(1)));
    assert_eq!(sent(&mut machine).len(), 1);
}

#[test]
fn depth_follows_the_time_of_tasks() {
    for (nanos, depth) in [(1_000, 64), (100_000, 10), (900_000, 2), (50_000_000, 1)] {
        let mut machine = machine(1);
        learn(&mut machine, nanos);
        (0..100).for_each(|number| machine.submit(number, call(1)));
        assert_eq!(sent(&mut machine).len(), depth, "{nanos} ns");
    }
}

#[test]
fn large_tasks_wait_for_room() {
    let mut machine = machine(1);
    learn(&mut machine, 1_000);
    (0..3).for_each(|number| machine.submit(number, CallSpec { bytes: 600 << 10, ..call(1) }));
    assert_eq!(sent(&mut machine).len(), 1);
}

#[test]
fn only_the_task_that_ran_is_charged() {
    let mut machine = machine(1);
    learn(&mut machine, 1_000);
    (0..3).for_each(|number| machine.submit(number, CallSpec { max_attempts: 1, ..call(1) }));
    let tasks = sent(&mut machine);
    let loss = machine.died(1, (tasks[0].1, None), Blame::Task);
    assert_eq!(loss.given_up, Some(Piece { call: 0, items: 0..1, attempts: 1 }));
    machine.worker_starting(2);
    machine.worker_ready(2);
    let again: Vec<u64> =
        machine.assign(|_| true).into_iter().map(|(_, _, piece)| piece.call).collect();
    assert_eq!(again, [1, 2]);
}

#[test]
fn the_item_that_ran_is_tried_alone_and_given_up_after_three_attempts() {
    let mut machine = machine(1);
    machine.submit(7, call(10));
    let task = sent(&mut machine)[0].1;
    let mut loss = machine.died(1, (task, Some(4)), Blame::Task);
    let mut worker = 1;
    let mut deaths = 1;
    let mut done = Vec::new();
    while loss.given_up.is_none() {
        worker += 1;
        machine.worker_starting(worker);
        machine.worker_ready(worker);
        loop {
            let (_, task, items) = sent(&mut machine)[0].clone();
            if items == (4..5) {
                loss = machine.died(worker, (task, Some(4)), Blame::Task);
                deaths += 1;
                break;
            }
            done.push(items);
            assert!(machine.finished(worker, task, 1_000).is_some());
        }
    }
    assert_eq!(loss.given_up, Some(Piece { call: 7, items: 4..5, attempts: 3 }));
    assert_eq!(deaths, 3);
    machine.worker_starting(9);
    machine.worker_ready(9);
    done.extend(sent(&mut machine).into_iter().map(|sent| sent.2));
    assert_eq!(done, [0..2, 2..4, 5..7, 7..10]);
}

#[test]
fn a_chunk_that_kills_as_a_whole_is_given_up_as_a_whole() {
    let mut machine = machine(1);
    machine.submit(7, call(8));
    for attempts in 1..=3 {
        let (worker, task, items) = sent(&mut machine)[0].clone();
        assert_eq!(items, 0..8);
        let loss = machine.died(worker, (task, None), Blame::Task);
        let all = Piece { call: 7, items: 0..8, attempts };
        assert_eq!(loss.given_up, (attempts == 3).then_some(all));
        machine.worker_starting(worker + 1);
        machine.worker_ready(worker + 1);
    }
    assert!(sent(&mut machine).is_empty());
}

#[test]
fn a_suspect_runs_with_nothing_behind_it() {
    let mut machine = machine(1);
    learn(&mut machine, 1_000);
    (0..3).for_each(|number| machine.submit(number, call(1)));
    let task = sent(&mut machine)[0].1;
    machine.died(1, (task, None), Blame::Task);
    machine.worker_starting(2);
    machine.worker_ready(2);
    assert_eq!(sent(&mut machine).len(), 1);
}

#[test]
fn nobody_is_charged_when_we_ended_the_worker() {
    let mut machine = machine(1);
    machine.submit(1, CallSpec { max_attempts: 1, ..call(1) });
    let task = sent(&mut machine)[0].1;
    assert_eq!(machine.died(1, (task, None), Blame::Nobody).given_up, None);
    assert_eq!(machine.load(), 1);
}

#[test]
fn an_item_that_takes_too_long_is_not_tried_again() {
    let mut machine = machine(1);
    let start = Instant::now();
    let limit = Duration::from_secs(1);
    machine.submit(1, CallSpec { timeout: Some(limit), ..call(3) });
    let task = sent(&mut machine)[0].1;
    assert_eq!(machine.observe(1, (task, Some(0)), start), None);
    let soon = start + limit / 2;
    assert_eq!(machine.observe(1, (task, Some(1)), soon), None);
    assert_eq!(machine.observe(1, (task, Some(1)), soon + limit / 2), None);
    assert_eq!(machine.observe(1, (task, Some(1)), soon + limit * 2), Some(limit));
    let loss = machine.died(1, (task, Some(1)), Blame::Timeout);
    assert_eq!(loss.given_up.map(|piece| piece.items), Some(1..2));
}

#[test]
fn a_cancelled_call_is_forgotten_and_its_answer_dropped() {
    let mut machine = machine(1);
    learn(&mut machine, 1_000);
    machine.submit(1, call(1));
    machine.submit(2, call(1));
    let tasks = sent(&mut machine);
    assert_eq!(machine.cancel(1), [(1, tasks[0].1)]);
    assert_eq!(machine.finished(1, tasks[0].1, 1), None);
    assert!(machine.finished(1, tasks[1].1, 1).is_some());
}

#[test]
fn what_waits_behind_a_long_task_goes_to_an_idle_worker() {
    let mut machine = machine(2);
    learn(&mut machine, 1_000);
    (0..4).for_each(|number| machine.submit(number, call(1)));
    let tasks = sent(&mut machine);
    let of = |worker: u64| tasks.iter().filter(move |sent| sent.0 == worker);
    let now = Instant::now();
    let long = of(1).next().unwrap().1;
    machine.observe(1, (long, None), now);
    for (worker, task, _) in of(2) {
        machine.finished(*worker, *task, 1_000);
    }
    let later = now + Duration::from_millis(10);
    assert_eq!(machine.hoarders(later, Duration::from_millis(4)), [1]);
    // The first worker had also answered the task that taught its pace.
    machine.revoked(1, 2);
    let moved = sent(&mut machine);
    assert_eq!(moved.len(), of(1).count() - 1);
    assert!(moved.iter().all(|sent| sent.0 == 2));
}

#[test]
fn workers_retire_after_their_tasks() {
    let limits = Limits { workers: 1, bytes_per_worker: 1 << 20, tasks_per_worker: Some(2) };
    let mut machine = Machine::new(limits);
    machine.worker_starting(1);
    machine.worker_ready(1);
    for number in 0..2 {
        machine.submit(number, call(1));
        let task = sent(&mut machine)[0].1;
        machine.finished(1, task, 1_000);
    }
    assert_eq!(machine.retired(), [1]);
    assert_eq!(machine.wanted_workers(), 1);
}

#[test]
fn deaths_before_hello_are_counted_and_forgiven() {
    let mut machine = machine(1);
    for worker in 10..13 {
        machine.worker_starting(worker);
        machine.died(worker, (0, None), Blame::Task);
    }
    assert_eq!(machine.stillborn(), 3);
    machine.worker_starting(20);
    machine.worker_ready(20);
    assert_eq!(machine.stillborn(), 0);
}

#[test]
fn tokens_limit_how_fast_workers_are_replaced() {
    let start = Instant::now();
    let mut limiter = super::Limiter::new(2, 10.0, start);
    assert!(limiter.take(start).is_ok());
    assert!(limiter.take(start).is_ok());
    let wait = limiter.take(start).unwrap_err();
    assert!(wait <= Duration::from_millis(101), "{wait:?}");
    assert!(limiter.take(start + wait * 2).is_ok());
    let later = start + wait * 2;
    while limiter.take(later).is_ok() {}
    limiter.give_back();
    assert!(limiter.take(later).is_ok());
}
