//! The backend with fake commands on `PATH`: what it asks of Slurm, and what it makes of the answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod fake;

use std::time::{Duration, Instant};

use fake::{Fake, batch, ended};
use windrow_slurm::{Commands, End, Event, Limits};

const KEY: &str = "1.e0.0.r0.a0-0";

/// The only lost task's end, whether it may run again, and what is told.
fn lost(events: &[Event]) -> (End, bool, String) {
    match events {
        [Event::Lost { lost, .. }] => {
            let hint = lost.hint.iter().map(|hint| format!("\nhint: {hint}")).collect::<String>();
            (lost.end.clone(), lost.again, format!("{}{hint}", lost.message))
        }
        other => panic!("not one lost task: {other:?}"),
    }
}

#[test]
fn a_batch_is_split_and_its_tasks_are_in_files() {
    let fake = Fake::new();
    let mut backend = fake.backend(r#"{"partition": "main"}"#).unwrap();
    backend.start(&batch(1, 6)).unwrap();
    assert_eq!(fake.count("sbatch"), 2);
    assert!(fake.text("script0").contains("#SBATCH --array=0-2\n"));
    let specs: Vec<serde_json::Value> =
        serde_json::from_str(&fake.text("run/tasks/windrow-r1-s1-1.json")).unwrap();
    assert_eq!(specs[0]["number"], 3);
    assert_eq!(backend.in_flight().count(), 6);
}

#[test]
fn a_stage_comes_after_the_jobs_of_the_last() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    backend.start(&batch(1, 1)).unwrap();
    fake.outcome(KEY, "done");
    let done = Event::Outcome { key: KEY.to_owned(), outcome: b"done".to_vec() };
    assert_eq!(ended(&mut backend), [done]);
    let mut next = batch(2, 1);
    next.after = vec![1];
    backend.start(&next).unwrap();
    assert!(fake.text("script1").contains("#SBATCH --dependency=afterany:100\n"));
}

#[test]
fn all_tasks_are_asked_about_at_once_and_starts_are_told() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    backend.start(&batch(1, 8)).unwrap();
    fake.set("queue", "100|0|RUNNING|0|n1|0:05|None\n101|2|PENDING|0||0:00|Priority\n");
    let now = Instant::now();
    let events = backend.events(now).unwrap();
    assert_eq!(events, [Event::Started { key: KEY.to_owned() }]);
    assert_eq!(backend.events(now).unwrap(), []);
    assert_eq!(fake.count("squeue"), 1, "it looked again too soon");
    assert!(fake.text("asked").contains("--jobs 100,101"));
}

#[test]
fn a_task_that_leaves_nothing_is_lost_with_the_end_of_its_log() {
    let fake = Fake::new();
    let mut backend = fake.backend(r#"{"mem": "2G"}"#).unwrap();
    backend.start(&batch(1, 1)).unwrap();
    fake.set("run/logs/windrow-r1-s1-0-100_0.log", "first\nlast words\n");
    fake.set("queue", "100|0|FAILED|32512|n3|0:05|NonZeroExitCode\n");
    let (end, again, message) = lost(&ended(&mut backend));
    assert_eq!((end, again), (End::Failed { code: 127, signal: 0 }, true));
    let message = message.replace(&fake.folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(message, @r"
    slurm job 100_0 on node `n3` ended with exit code 127
    its log `FOLDER/run/logs/windrow-r1-s1-0-100_0.log` ends with:
      first
      last words
    hint: the nodes must have the same Python and packages as this machine; `setup=` can load them
    ");
    assert_eq!(backend.in_flight().count(), 0);
}

#[test]
fn an_outcome_counts_whatever_slurm_says() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    backend.start(&batch(1, 1)).unwrap();
    fake.set("queue", "100|0|NODE_FAIL|0|n3|0:05|NodeDown\n");
    backend.events(Instant::now()).unwrap();
    fake.outcome(KEY, "done");
    assert!(matches!(ended(&mut backend).as_slice(), [Event::Outcome { .. }]));
}

#[test]
fn a_task_killed_by_its_limit_gets_more_time_until_there_is_no_more() {
    let fake = Fake::new();
    let mut backend = fake.backend(r#"{"partition": "main", "time": "90m"}"#).unwrap();
    backend.start(&batch(1, 1)).unwrap();
    fake.set("queue", "100|0|TIMEOUT|0|n3|1:30:00|TimeLimit\n");
    let (end, again, _) = lost(&ended(&mut backend));
    assert_eq!((end, again), (End::Timeout, true));
    backend.start(&batch(1, 1)).unwrap();
    assert!(fake.text("script1").contains("#SBATCH --time=02:00:00\n"), "not all that is allowed");
    fake.set("queue", "101|0|TIMEOUT|0|n3|2:00:00|TimeLimit\n");
    let (_, again, message) = lost(&ended(&mut backend));
    assert!(!again && message.contains("hint: allow more with `time=`"), "{message}");
}

#[test]
fn what_slurm_has_forgotten_is_recalled_where_there_is_accounting() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    backend.start(&batch(1, 1)).unwrap();
    fake.set("queue", "");
    fake.set("accounts", "100_0|OUT_OF_MEMORY|0:125|n2\n");
    assert_eq!(lost(&ended(&mut backend)).0, End::OutOfMemory);
}

#[test]
fn without_accounting_it_is_asked_once_and_the_task_is_gone() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    backend.start(&batch(1, 1)).unwrap();
    fake.set("queue", "");
    fake.set("squeue.fails", "slurm_load_jobs error: Invalid job id specified");
    assert_eq!(lost(&ended(&mut backend)).0, End::Gone);
    assert_eq!(fake.count("sacct"), 1);
}

#[test]
fn a_controller_that_restarts_is_waited_for() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    fake.set(
        "sbatch.fails",
        "sbatch: error: Unable to contact slurm controller (connect failure)\n",
    );
    backend.start(&batch(1, 1)).unwrap();
    assert_eq!(fake.count("sbatch"), 2);
    let down = "slurm_load_jobs error: Unable to contact slurm controller\n";
    fake.set("squeue.fails", &down.repeat(3));
    for _ in 0..3 {
        assert_eq!(backend.events(Instant::now()).unwrap(), []);
        std::thread::sleep(Duration::from_millis(5));
    }
    fake.set("queue", "100|0|CANCELLED|0|n3|0:05|None\n");
    assert_eq!(lost(&ended(&mut backend)).0, End::Cancelled);
}

#[test]
fn a_submission_whose_answer_was_lost_is_found_by_its_name() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    fake.set("sbatch.fails", "sbatch: error: Batch job submission failed: Socket timed out\n");
    fake.set("named", "300\n300\n");
    backend.start(&batch(1, 1)).unwrap();
    assert_eq!(fake.count("sbatch"), 1);
    fake.set("queue", "300|0|CANCELLED|0|n3|0:05|None\n");
    assert_eq!(lost(&ended(&mut backend)).0, End::Cancelled);
}

#[test]
fn what_slurm_refuses_is_told_with_what_to_do() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    fake.set(
        "sbatch.fails",
        "sbatch: error: QOSMaxSubmitJobPerUserLimit: Job violates accounting/QOS policy\n",
    );
    insta::assert_snapshot!(backend.start(&batch(1, 1)).unwrap_err(), @r"
    `sbatch` failed: sbatch: error: QOSMaxSubmitJobPerUserLimit: Job violates accounting/QOS policy
    hint: you may not submit so many tasks: `pilots=8` runs them all in 8 jobs
    ");
    assert_eq!(fake.count("sbatch"), 1);
    insta::assert_snapshot!(fake.backend(r#"{"partition": "main", "time": "3h"}"#).unwrap_err(), @r"
    partition `main` allows 02:00:00 at most, and `time=` asks for 03:00:00
    hint: lower `time=`, or take another partition: `sinfo -o '%P %l'`
    ");
    fake.set("scontrol.fails", "\nPartition nain not found\n");
    let error = Limits::ask(&fake.commands(), Some("nain")).unwrap_err();
    assert!(error.message().contains("exit status"), "{error}");
}

#[test]
fn tasks_are_cancelled_by_element_and_the_rest_by_job() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    backend.start(&batch(1, 4)).unwrap();
    backend.cancel(&["1.e0.1.r0.a0-0", "1.e0.3.r0.a0-0", "unknown"]).unwrap();
    assert!(fake.text("asked").contains("scancel --quiet 100_1 100_3\n"));
    backend.close().unwrap();
    assert!(fake.text("asked").ends_with("scancel --quiet 100\n"));
}

#[test]
fn another_driver_goes_on_with_what_was_submitted() {
    let fake = Fake::new();
    let mut backend = fake.backend("{}").unwrap();
    backend.start(&batch(1, 2)).unwrap();
    fake.set("sbatch.fails", "killed before its answer was read");
    backend.start(&batch(2, 1)).unwrap_err();
    drop(backend);
    fake.set("named", "300\n");
    let mut backend = fake.backend("{}").unwrap();
    assert_eq!(backend.adopt().unwrap(), ["1.e0.0.r0.a0-0", "1.e0.1.r0.a0-0", "2.e0.0.r0.a0-0"]);
    fake.set("queue", "100|0|RUNNING|0|n1|0:05|None\n100|1|RUNNING|0|n1|0:05|None\n300|0|TIMEOUT|0|n3|0:05|None\n");
    assert_eq!(lost(&ended(&mut backend)).0, End::Timeout);
}

#[test]
fn a_machine_without_slurm_or_with_one_that_hangs_is_told() {
    let nothing = Commands {
        environment: vec![("PATH".to_owned(), "/nonexistent".to_owned())],
        ..Commands::default()
    };
    insta::assert_snapshot!(Limits::ask(&nothing, None).unwrap_err(), @r"
    there is no `scontrol` here
    hint: run this where Slurm's commands are: on a login node, or inside a job
    ");
    let fake = Fake::new();
    fake.set("scontrol", "#!/bin/sh\nsleep 60 & sleep 60\n");
    let hangs = Commands { timeout: Duration::from_millis(200), ..fake.commands() };
    let before = Instant::now();
    let error = Limits::ask(&hangs, None).unwrap_err().to_string();
    assert!(error.starts_with("`scontrol` did not answer within"), "{error}");
    assert!(before.elapsed() < Duration::from_secs(20));
}

#[test]
fn pilots_are_sent_once_and_again_when_they_died() {
    let fake = Fake::new();
    let mut backend = fake.backend(r#"{"pilots": 2}"#).unwrap();
    backend.start(&batch(1, 3)).unwrap();
    backend.start(&batch(2, 3)).unwrap();
    assert_eq!(fake.count("sbatch"), 1);
    assert!(fake.text("script0").contains("pilot"));
    // The first pilot takes a task and dies.
    let name = "0000000001.0.1.1.e0.0.r0.a0-0";
    let run = fake.run_folder();
    std::fs::create_dir(run.join("taken/100_0")).unwrap();
    std::fs::rename(run.join("todo").join(name), run.join("taken/100_0").join(KEY)).unwrap();
    fake.set("queue", "100|0|NODE_FAIL|0|n1|0:05|None\n100|1|RUNNING|0|n1|0:05|None\n");
    let (end, again, message) = lost(&ended(&mut backend));
    assert_eq!((end, again), (End::NodeFail, true));
    assert!(
        message.starts_with("slurm job 100_0 on node `n1` was lost with its node"),
        "{message}"
    );
    assert!(fake.count("sbatch") > 1, "no other pilot was sent");
    assert!(fake.text("script1").contains("#SBATCH --array=0-0\n"));
}

#[test]
fn a_task_that_a_pilots_end_killed_is_tried_once_by_a_fresh_one() {
    let fake = Fake::new();
    let mut backend = fake.backend(r#"{"pilots": 1, "time": "10m"}"#).unwrap();
    let run = fake.run_folder();
    let take = |name: &str, pilot: &str| {
        std::fs::create_dir_all(run.join("taken").join(pilot)).unwrap();
        std::fs::rename(run.join("todo").join(name), run.join("taken").join(pilot).join(KEY))
            .unwrap();
    };
    backend.start(&batch(1, 1)).unwrap();
    take("0000000001.0.1.1.e0.0.r0.a0-0", "100_0");
    fake.set("queue", "100|0|TIMEOUT|0|n1|0:05|None\n");
    assert!(lost(&ended(&mut backend)).1);
    backend.start(&batch(1, 1)).unwrap();
    take("0000000002.570.1.1.e0.0.r0.a0-0", "101_0");
    fake.set("queue", "101|0|TIMEOUT|0|n1|0:05|None\n");
    let (_, again, message) = lost(&ended(&mut backend));
    assert!(!again, "{message}");
}

#[test]
fn pilots_that_cannot_start_are_an_error_not_a_wait() {
    let fake = Fake::new();
    let mut backend = fake.backend(r#"{"pilots": 1}"#).unwrap();
    backend.start(&batch(1, 1)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = loop {
        let sent = fake.count("sbatch");
        let ended: String =
            (0..sent).map(|job| format!("{}|0|FAILED|32512|n1|0:00|x\n", 100 + job)).collect();
        fake.set("queue", &ended);
        match backend.events(Instant::now()) {
            Err(error) => break error.to_string(),
            Ok(_) => assert!(Instant::now() < deadline),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(
        error.starts_with("the pilots ended 3 times without finishing a task\nslurm job 102_0"),
        "{error}"
    );
}
