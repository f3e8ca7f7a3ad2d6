//! The scripts as people see them, and that the shell reads back what was put in.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;

use super::{Array, Pilots, array_script, pilot_script, shell_quoted, slurm_time, split};
use crate::SlurmSettings;

fn command() -> Vec<String> {
    ["/opt/my env/bin/python", "-m", "windrow._cli"].map(str::to_owned).to_vec()
}

fn array<'a>(after: &'a [String]) -> Array<'a> {
    Array {
        name: "windrow-k3f9ab-s2",
        about: "run k3f9ab, stage 2: 100 tasks",
        tasks: 100,
        file: Path::new("/shared/it's here/s2.tasks.json"),
        outcomes: Path::new("/shared/it's here/outcomes"),
        logs: Path::new("/shared/100% logs"),
        time: Duration::from_secs(3601),
        after,
    }
}

#[test]
fn a_stage_is_an_array_that_waits_for_the_last() {
    let settings = SlurmSettings::from_json(
        r#"{"partition": "main", "mem": "4G", "cpus": 2, "account": "physics", "at_once": 50,
            "constraint": "[rack1|rack2]", "sbatch": ["--gres=gpu:1"], "setup": "module load python\nulimit -n 4096"}"#,
    )
    .unwrap();
    let after = ["123".to_owned(), "124".to_owned()];
    insta::assert_snapshot!(array_script(&array(&after), &settings, &command()), @r#"
    #!/bin/bash
    # run k3f9ab, stage 2: 100 tasks
    #SBATCH --job-name=windrow-k3f9ab-s2
    #SBATCH --partition=main
    #SBATCH --account=physics
    #SBATCH --constraint=[rack1|rack2]
    #SBATCH --time=01:01:00
    #SBATCH --mem=4096M
    #SBATCH --cpus-per-task=2
    #SBATCH --no-requeue
    #SBATCH --open-mode=append
    #SBATCH --gres=gpu:1
    #SBATCH --array=0-99%50
    #SBATCH --output="/shared/100%% logs/windrow-k3f9ab-s2-%A_%a.log"
    #SBATCH --dependency=afterany:123:124

    module load python
    ulimit -n 4096
    exec '/opt/my env/bin/python' -m windrow._cli task '/shared/it'\''s here/s2.tasks.json' --index "$SLURM_ARRAY_TASK_ID" --outcomes '/shared/it'\''s here/outcomes'
    "#);
}

#[test]
fn little_is_said_when_little_is_asked() {
    let settings = SlurmSettings::default();
    insta::assert_snapshot!(array_script(&array(&[]), &settings, &["windrow".to_owned()]), @r#"
    #!/bin/bash
    # run k3f9ab, stage 2: 100 tasks
    #SBATCH --job-name=windrow-k3f9ab-s2
    #SBATCH --time=01:01:00
    #SBATCH --cpus-per-task=1
    #SBATCH --no-requeue
    #SBATCH --open-mode=append
    #SBATCH --array=0-99
    #SBATCH --output="/shared/100%% logs/windrow-k3f9ab-s2-%A_%a.log"

    exec windrow task '/shared/it'\''s here/s2.tasks.json' --index "$SLURM_ARRAY_TASK_ID" --outcomes '/shared/it'\''s here/outcomes'
    "#);
}

#[test]
fn pilots_end_before_their_limit() {
    let pilots = Pilots {
        name: "windrow-k3f9ab-p1",
        count: 8,
        folder: Path::new("/shared/run/queue"),
        logs: Path::new("/shared/run/logs"),
        time: Duration::from_secs(7200),
        idle: Duration::from_secs(60),
    };
    insta::assert_snapshot!(pilot_script(&pilots, &SlurmSettings::default(), &["windrow".to_owned()]), @r#"
    #!/bin/bash
    # 8 pilots that pull tasks until there are none
    #SBATCH --job-name=windrow-k3f9ab-p1
    #SBATCH --time=02:00:00
    #SBATCH --cpus-per-task=1
    #SBATCH --no-requeue
    #SBATCH --open-mode=append
    #SBATCH --array=0-7
    #SBATCH --output=/shared/run/logs/windrow-k3f9ab-p1-%A_%a.log

    exec windrow pilot /shared/run/queue --name "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" --idle 60 --seconds 7190
    "#);
}

#[test]
fn times_are_written_as_slurm_reads_them() {
    assert_eq!(slurm_time(Duration::from_secs(60)), "00:01:00");
    assert_eq!(slurm_time(Duration::from_secs(129_600)), "1-12:00:00");
}

#[test]
fn arrays_are_split_evenly() {
    assert_eq!(split(10, 4), [0..3, 3..6, 6..10]);
    assert_eq!(split(4, 4).len(), 1);
    assert!(split(0, 4).is_empty());
}

proptest! {
    #[test]
    fn parts_of_an_array_cover_all_tasks_once(tasks in 0_usize..5000, largest in 1_usize..1200) {
        let parts = split(tasks, largest);
        let mut next = 0;
        for part in &parts {
            prop_assert_eq!(part.start, next);
            prop_assert!(!part.is_empty() && part.len() <= largest);
            next = part.end;
        }
        prop_assert_eq!(next, tasks);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn the_shell_reads_back_every_word(word in "[^\0]{0,20}") {
        let script = format!("printf %s {}", shell_quoted(&word));
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        prop_assert_eq!(output.stdout, word.into_bytes());
    }
}
