//! The backend on a real Slurm of four nodes on this machine; says so when there is none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use windrow_slurm::{Backend, Batch, Commands, End, Event, Lost, SlurmSettings, Task};

/// What runs on the nodes in place of windrow: does what its spec says, and tells it.
const TASK: &str = r#"
import json, os, sys, time
file, index, outcomes = sys.argv[2], int(sys.argv[4]), sys.argv[6]
with open(file) as specs:
    spec = json.load(specs)[index]
print("task", spec["key"], "on", os.environ["SLURMD_NODENAME"], flush=True)
time.sleep(spec["seconds"])
if spec["code"]:
    sys.exit(spec["code"])
aside = os.path.join(outcomes, "." + spec["key"])
with open(aside, "w") as outcome:
    outcome.write("done " + spec["key"])
os.rename(aside, os.path.join(outcomes, spec["key"] + ".json"))
"#;

/// A Slurm that is stopped when this is dropped.
struct Cluster {
    process: Child,
    folder: tempfile::TempDir,
    configuration: String,
}

impl Cluster {
    /// None, after saying why, on a machine without Slurm.
    fn start() -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/slurm/cluster.py");
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new("python3")
            .arg(program)
            .arg(folder.path())
            .env("WINDROW_TEST_MAX_ARRAY", "5")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut configuration = String::new();
        BufReader::new(process.stdout.take()?).read_line(&mut configuration).unwrap();
        if configuration.is_empty() {
            let mut said = String::new();
            process.stderr.take()?.read_to_string(&mut said).unwrap();
            process.wait().unwrap();
            assert!(said.contains("missing: "), "slurm did not start: {said}");
            eprintln!("skipped: {said}");
            return None;
        }
        Some(Self { process, folder, configuration: configuration.trim().to_owned() })
    }

    fn commands(&self) -> Commands {
        let environment = vec![("SLURM_CONF".to_owned(), self.configuration.clone())];
        Commands { environment, ..Commands::default() }
    }

    fn slurm(&self, command: &[&str]) -> String {
        let output = Command::new(command[0])
            .args(&command[1..])
            .env("SLURM_CONF", &self.configuration)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn run(&self, run: &str, options: &str) -> Run<'_> {
        let folder = self.folder.path().join(run);
        let script = self.folder.path().join("task.py");
        fs::write(&script, TASK).unwrap();
        let mut settings = SlurmSettings::from_json(options).unwrap();
        settings.poll = Duration::from_millis(300);
        let program = vec!["python3".to_owned(), script.to_string_lossy().into_owned()];
        let backend = Backend::new(run, &folder, settings, program, self.commands()).unwrap();
        Run { cluster: self, backend, folder }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

struct Run<'a> {
    cluster: &'a Cluster,
    backend: Backend,
    folder: PathBuf,
}

impl Run<'_> {
    fn start(&mut self, stage: u32, keys: &[&str], (seconds, code): (f64, i32)) {
        let tasks = keys.iter().map(|key| Task {
            key: (*key).to_owned(),
            stage,
            spec: format!("{{\"key\":\"{key}\",\"seconds\":{seconds},\"code\":{code}}}"),
        });
        let about = format!("stage {stage}");
        self.backend
            .start(&Batch { about, tasks: tasks.collect(), after: vec![stage - 1] })
            .unwrap();
    }

    /// Waits until `key` runs; gives its element, as `scancel` names it, and its node.
    fn running(&mut self, key: &str) -> (String, String) {
        self.until(|event| matches!(event, Event::Started { key: started } if started == key));
        let said = self.cluster.slurm(&["squeue", "-h", "-r", "-t", "R", "-o", "%F_%K %N %j"]);
        let line = said.lines().find(|line| line.ends_with("-s1-0")).unwrap();
        let mut words = line.split(' ').map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    }

    fn until(&mut self, mut is_it: impl FnMut(&Event) -> bool) -> Event {
        let deadline = Instant::now() + Duration::from_secs(240);
        loop {
            let events = self.backend.events(Instant::now()).unwrap();
            if let Some(found) = events.into_iter().find(|event| is_it(event)) {
                return found;
            }
            assert!(Instant::now() < deadline, "what was waited for did not happen");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn lost(&mut self) -> Lost {
        match self.until(|event| !matches!(event, Event::Started { .. })) {
            Event::Lost { lost, .. } => lost,
            other => panic!("not lost: {other:?}"),
        }
    }

    fn outcomes(&mut self, count: usize) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let deadline = Instant::now() + Duration::from_secs(120);
        while found.len() < count {
            for event in self.backend.events(Instant::now()).unwrap() {
                match event {
                    Event::Outcome { key, outcome } => {
                        found.insert(key, String::from_utf8(outcome).unwrap());
                    }
                    Event::Started { .. } => {}
                    Event::Lost { key, lost } => panic!("{key}: {}", lost.message),
                }
            }
            assert!(Instant::now() < deadline, "only {found:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        found
    }
}

#[test]
fn tasks_on_a_real_slurm() {
    let Some(cluster) = Cluster::start() else { return };
    let options = r#"{"partition": "short", "time": "1m", "sbatch": "--nodelist=n4"}"#;
    let mut slow = cluster.run("slow", options);
    // Its limit of a minute, the least that Slurm knows, passes while the others run.
    slow.start(1, &["slow"], (600.0, 0));
    two_stages_of_split_arrays(&cluster);
    a_failed_task_tells_its_node_and_log(&cluster);
    a_cancelled_element_and_a_node_that_goes_down(&cluster);
    another_driver_goes_on(&cluster);
    let lost = slow.lost();
    assert_eq!((&lost.end, lost.again), (&End::Timeout, true), "{}", lost.message);
    slow.start(1, &["again"], (0.0, 0));
    assert!(
        cluster.slurm(&["squeue", "-h", "-n", "windrow-slow-s1-1", "-O", "TimeLimit"]).trim()
            == "2:00"
    );
    slow.outcomes(1);
}

fn two_stages_of_split_arrays(cluster: &Cluster) {
    let mut run = cluster.run("plain", r#"{"partition": "main", "time": "5m", "mem": "100M"}"#);
    let keys: Vec<String> = (0..9).map(|number| format!("first{number}")).collect();
    run.start(1, &keys.iter().map(String::as_str).collect::<Vec<_>>(), (0.0, 0));
    assert_eq!(
        fs::read_dir(run.folder.join("tasks")).unwrap().count(),
        4,
        "two scripts, two files"
    );
    let outcomes = run.outcomes(9);
    assert!(outcomes.iter().all(|(key, outcome)| *outcome == format!("done {key}")));
    run.start(2, &["second"], (0.0, 0));
    let script = fs::read_to_string(run.folder.join("tasks/windrow-plain-s2-2.sh")).unwrap();
    assert!(script.contains("#SBATCH --dependency=afterany:"), "{script}");
    run.outcomes(1);
}

fn a_failed_task_tells_its_node_and_log(cluster: &Cluster) {
    let mut run = cluster.run("failed", "{}");
    run.start(1, &["fails"], (0.0, 3));
    let lost = run.lost();
    assert_eq!(lost.end, End::Failed { code: 3, signal: 0 });
    assert!(lost.message.contains("on node `n"), "{}", lost.message);
    assert!(lost.message.contains("  task fails on n"), "{}", lost.message);
}

fn a_cancelled_element_and_a_node_that_goes_down(cluster: &Cluster) {
    let mut run = cluster.run("killed", "{}");
    run.start(1, &["cancelled"], (600.0, 0));
    let (element, _) = run.running("cancelled");
    cluster.slurm(&["scancel", &element]);
    assert_eq!(run.lost().end, End::Cancelled);

    let mut run = cluster.run("downed", r#"{"sbatch": "--exclude=n4"}"#);
    run.start(1, &["downed"], (600.0, 0));
    let (_, node) = run.running("downed");
    let name = format!("nodename={node}");
    cluster.slurm(&["scontrol", "update", &name, "state=down", "reason=test"]);
    let lost = run.lost();
    assert_eq!((&lost.end, lost.again), (&End::NodeFail, true), "{}", lost.message);
    run.start(1, &["elsewhere"], (0.0, 0));
    run.outcomes(1);
}

fn another_driver_goes_on(cluster: &Cluster) {
    let mut first = cluster.run("handed-over", "{}");
    first.start(1, &["quick"], (0.0, 0));
    first.outcomes(1);
    first.start(2, &["long", "longer"], (2.0, 0));
    drop(first);
    let mut second = cluster.run("handed-over", "{}");
    assert_eq!(second.backend.adopt().unwrap(), ["long", "longer", "quick"]);
    second.outcomes(3);
    second.start(3, &["endless"], (600.0, 0));
    second.backend.close().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !cluster.slurm(&["squeue", "-h", "-n", "windrow-handed-over-s3-2"]).trim().is_empty() {
        assert!(Instant::now() < deadline, "a job was left behind");
        std::thread::sleep(Duration::from_millis(200));
    }
}
