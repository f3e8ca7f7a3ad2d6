//! The queue of files: each task is taken once, by whoever is first, and only when there is time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use windrow_slurm::pilot::{Next, Pilot, Queue, Taker, Why};

fn queue() -> (tempfile::TempDir, Queue) {
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::create(folder.path()).unwrap();
    (folder, queue)
}

fn pilot(name: &str, time: Option<Duration>) -> Pilot {
    Pilot { name: name.to_owned(), idle: Duration::from_millis(100), time }
}

fn put(queue: &Queue, order: u64, seconds: u64) {
    let key = format!("3.e0.{order}.r0.a0-0");
    queue.put(order, seconds, (3, &key), format!("spec {order}").as_bytes()).unwrap();
}

#[test]
fn many_pilots_do_every_task_once() {
    let (_folder, queue) = queue();
    (0..300).for_each(|order| put(&queue, order, 0));
    let pilots: Vec<_> = (0..8)
        .map(|number| {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut done = Vec::new();
                let mut execute = |spec: &[u8]| {
                    done.push(String::from_utf8(spec.to_vec()).unwrap());
                    spec.to_vec()
                };
                let summary =
                    pilot(&format!("7_{number}"), None).work(&queue, &mut execute).unwrap();
                assert_eq!((summary.tasks, summary.why), (done.len() as u64, Why::Idle));
                done
            })
        })
        .collect();
    let done: Vec<String> = pilots.into_iter().flat_map(|pilot| pilot.join().unwrap()).collect();
    assert_eq!(done.len(), 300);
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), 300);
    assert_eq!(std::fs::read_dir(queue.outcomes()).unwrap().count(), 300);
    assert_eq!((queue.waiting().unwrap().len(), queue.taken().unwrap().len()), (0, 0));
}

#[test]
fn tasks_come_in_order_and_hidden_files_are_no_tasks() {
    let (folder, queue) = queue();
    [5, 1, 3].into_iter().for_each(|order| put(&queue, order, 0));
    std::fs::write(folder.path().join("todo/.0000000000.0.3.half"), "").unwrap();
    let mut seen = Vec::new();
    pilot("7_0", None)
        .work(&queue, &mut |spec| {
            seen.push(String::from_utf8(spec.to_vec()).unwrap());
            vec![]
        })
        .unwrap();
    assert_eq!(seen, ["spec 1", "spec 3", "spec 5"]);
}

#[test]
fn nothing_is_started_that_cannot_finish() {
    let (_folder, queue) = queue();
    put(&queue, 1, 3600);
    put(&queue, 2, 1);
    let mut seen = 0;
    let summary = pilot("7_0", Some(Duration::from_secs(60)))
        .work(&queue, &mut |_| {
            seen += 1;
            vec![]
        })
        .unwrap();
    assert_eq!((seen, summary.why), (1, Why::Time));
    assert_eq!(queue.waiting().unwrap(), ["3.e0.1.r0.a0-0"]);
}

#[test]
fn a_pilot_learns_how_long_tasks_of_a_stage_take() {
    let (_folder, queue) = queue();
    put(&queue, 1, 0);
    put(&queue, 2, 0);
    let time = Duration::from_millis(500);
    let summary = pilot("7_0", Some(time))
        .work(&queue, &mut |_| {
            thread::sleep(Duration::from_millis(300));
            vec![]
        })
        .unwrap();
    assert_eq!((summary.tasks, summary.why), (1, Why::Time));
}

#[test]
fn a_dead_pilots_task_is_known_and_can_be_given_again() {
    let (_folder, queue) = queue();
    put(&queue, 1, 0);
    let mut taker = Taker::new(queue.clone(), "7_0").unwrap();
    assert!(matches!(taker.take(None, |_, told| told).unwrap(), Next::Task(_)));
    assert_eq!(queue.taken().unwrap(), [("7_0".to_owned(), "3.e0.1.r0.a0-0".to_owned())]);
    queue.forget("7_0", "3.e0.1.r0.a0-0").unwrap();
    put(&queue, 1, 0);
    let mut other = Taker::new(queue.clone(), "7_1").unwrap();
    assert!(matches!(other.take(None, |_, told| told).unwrap(), Next::Task(_)));
}

#[test]
fn a_closed_queue_sends_pilots_home_and_withdrawn_tasks_are_not_run() {
    let (_folder, queue) = queue();
    put(&queue, 1, 0);
    put(&queue, 2, 0);
    queue.withdraw(&["3.e0.1.r0.a0-0", "unknown"]).unwrap();
    assert_eq!(queue.waiting().unwrap(), ["3.e0.2.r0.a0-0"]);
    queue.close().unwrap();
    let summary = pilot("7_0", None).work(&queue, &mut |_| vec![]).unwrap();
    assert_eq!((summary.tasks, summary.why), (0, Why::Closed));
}
