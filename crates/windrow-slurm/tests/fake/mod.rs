//! Slurm's commands as shell scripts on `PATH`: they note what they are asked and answer from files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use windrow_slurm::{Backend, Batch, Commands, Event, SlurmError, SlurmSettings, Task};

const COMMAND: &str = r#"#!/bin/sh
# Answers from files of the folder that this script lies in.
folder=$(dirname "$0")
name=$(basename "$0")
echo "$name $*" >> "$folder/asked"
if [ -e "$folder/$name.fails" ]; then
  sed -n 1p "$folder/$name.fails" >&2
  sed -i 1d "$folder/$name.fails"
  [ -s "$folder/$name.fails" ] || rm "$folder/$name.fails"
  exit 1
fi
case "$name $*" in
  sbatch*)
    count=$(ls "$folder" | grep -c '^script')
    cp "$2" "$folder/script$count"
    echo "$((100 + count))|0|PENDING|0||0:00|None" >> "$folder/queue"
    echo $((100 + count));;
  "squeue --noheader --states=all --name"*) cat "$folder/named" 2>/dev/null || true;;
  squeue*) cat "$folder/queue" 2>/dev/null || true;;
  sacct*) cat "$folder/accounts" 2>/dev/null || { echo "Slurm accounting storage is disabled" >&2; exit 1; };;
  "scontrol show config") echo "MaxArraySize = 4";;
  scontrol*) echo "PartitionName=main MaxTime=02:00:00 State=UP";;
esac
"#;

/// A folder of fake commands, and one for a run.
pub(crate) struct Fake {
    pub(crate) folder: tempfile::TempDir,
}

impl Fake {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["sbatch", "squeue", "scontrol", "sacct", "scancel"] {
            let path = folder.path().join(name);
            fs::write(&path, COMMAND).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn run_folder(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    pub(crate) fn commands(&self) -> Commands {
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        Commands {
            environment: vec![("PATH".to_owned(), path)],
            timeout: Duration::from_secs(20),
            pauses: vec![Duration::from_millis(1); 3],
        }
    }

    pub(crate) fn backend(&self, options: &str) -> Result<Backend, SlurmError> {
        let mut settings = SlurmSettings::from_json(options)?;
        settings.poll = Duration::from_millis(1);
        let program = vec!["windrow".to_owned()];
        Backend::new("r1", &self.run_folder(), settings, program, self.commands())
    }

    /// What a file of the fake holds.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    pub(crate) fn set(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn outcome(&self, key: &str, text: &str) {
        fs::write(self.run_folder().join("outcomes").join(format!("{key}.json")), text).unwrap();
    }

    /// How often a command was run with arguments that start so.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.text("asked").lines().filter(|line| line.starts_with(start)).count()
    }
}

pub(crate) fn batch(stage: u32, count: u32) -> Batch {
    let tasks = (0..count)
        .map(|number| Task {
            key: format!("{stage}.e0.{number}.r0.a0-0"),
            stage,
            spec: format!("{{\"number\":{number}}}"),
        })
        .collect();
    Batch { about: format!("stage {stage}: {count} tasks"), tasks, after: Vec::new() }
}

/// Events until one says that a task is over.
pub(crate) fn ended(backend: &mut Backend) -> Vec<Event> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let events: Vec<Event> = backend
            .events(Instant::now())
            .unwrap()
            .into_iter()
            .filter(|event| !matches!(event, Event::Started { .. }))
            .collect();
        if !events.is_empty() {
            return events;
        }
        assert!(Instant::now() < deadline, "nothing ended");
        std::thread::sleep(Duration::from_millis(5));
    }
}
