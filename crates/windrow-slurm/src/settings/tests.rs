//! What users write for options, and what they are told when it cannot be.

use std::time::Duration;

use super::SlurmSettings;

fn read(text: &str) -> SlurmSettings {
    SlurmSettings::from_json(text).unwrap()
}

fn error(text: &str) -> String {
    SlurmSettings::from_json(text).unwrap_err().to_string()
}

#[test]
fn times_are_read_as_people_and_as_slurm_write_them() {
    for (text, seconds) in [
        ("\"90s\"", 90),
        ("\"30m\"", 1800),
        ("\"1h30m\"", 5400),
        ("\"1.5h\"", 5400),
        ("\"2d\"", 172_800),
        ("600", 600),
        ("\"12:00:00\"", 43_200),
        ("\"1-12:00:00\"", 129_600),
        ("\"2-06\"", 0),
        ("\"10:30\"", 630),
    ] {
        let json = format!("{{\"time\": {text}}}");
        if seconds == 0 {
            assert!(SlurmSettings::from_json(&json).is_err(), "{text}");
        } else {
            assert_eq!(read(&json).time, Duration::from_secs(seconds), "{text}");
        }
    }
}

#[test]
fn memory_is_asked_for_in_whole_mebibytes() {
    for (text, mem) in [("4G", "4096M"), ("512MB", "512M"), ("1.5GiB", "1536M"), ("2T", "2097152M")]
    {
        assert_eq!(read(&format!("{{\"mem\": \"{text}\"}}")).mem().unwrap(), mem);
    }
    assert_eq!(read("{\"mem\": 1048577}").mem().unwrap(), "2M");
    assert_eq!(read("{\"mem\": null}").mem(), None);
}

#[test]
fn what_cannot_be_is_told() {
    insta::assert_snapshot!(error(r#"{"time": "30"}"#), @r"
    `time` of `slurm://` cannot be `30`
    hint: write `90s`, `30m`, `1h30m`, `2d`, or as Slurm does: `1-12:00:00`
    ");
    insta::assert_snapshot!(error(r#"{"mem": "lots"}"#), @r"
    `mem` of `slurm://` cannot be `lots`
    hint: write `4G`, `512M`, or bytes as a number
    ");
    insta::assert_snapshot!(error(r#"{"cpus": 0}"#), @r"
    `cpus` of `slurm://` cannot be `0`
    hint: pass a whole number, 1 or more
    ");
    insta::assert_snapshot!(error(r#"{"sbatch": ["--array=0-3"]}"#), @r"
    `sbatch` of `slurm://` cannot be `--array=0-3`
    hint: windrow sets this option itself
    ");
    insta::assert_snapshot!(error(r#"{"sbatch": "gres=gpu:1"}"#), @r"
    `sbatch` of `slurm://` cannot be `gres=gpu:1`
    hint: each is one option of sbatch, such as `--gres=gpu:1`
    ");
    insta::assert_snapshot!(error("{\"partition\": \"a\\n#SBATCH --uid=0\"}"), @r"
    `partition` of `slurm://` cannot be `a
    #SBATCH --uid=0`
    hint: pass text of one line
    ");
}

#[test]
fn options_that_do_not_exist_name_the_nearest() {
    insta::assert_snapshot!(error(r#"{"partitions": "main"}"#), @r"
    `slurm://` has no option `partitions`
    hint: did you mean `partition`?
    ");
    insta::assert_snapshot!(error(r#"{"gres": "gpu:1"}"#), @r#"
    `slurm://` has no option `gres`
    hint: there are partition, time, mem, cpus, account, qos, constraint, at_once, sbatch, setup, folder, pilots, poll; others go to sbatch as they are: `sbatch=["--gres=…"]`
    "#);
}
