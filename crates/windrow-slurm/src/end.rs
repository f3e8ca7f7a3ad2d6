//! How a task's job ended without an outcome, and what is told about it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use crate::script::slurm_time;

/// How Slurm says that a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With exit code 0.
    Completed,
    /// By itself with another exit code, or by a signal.
    Failed {
        /// The exit code.
        code: u32,
        /// The signal, 0 for none.
        signal: u32,
    },
    /// By its time limit.
    Timeout,
    /// By its memory limit.
    OutOfMemory,
    /// With its node.
    NodeFail,
    /// For a job of higher priority.
    Preempted,
    /// By `scancel`.
    Cancelled,
    /// It waits for what cannot come; Slurm's reason.
    NeverStarts(String),
    /// Slurm has forgotten it.
    Gone,
}

/// A task whose job is over and which left no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// How it ended.
    pub end: End,
    /// Whether another attempt may succeed.
    pub again: bool,
    /// One sentence, and the end of its log if it has one.
    pub message: String,
    /// What the user can do, where that is known.
    pub hint: Option<String>,
}

/// What is known of a lost task's job.
#[derive(Debug, Clone)]
pub(crate) struct Scene<'a> {
    /// As `squeue` shows it: `12_3`.
    pub(crate) job: String,
    pub(crate) node: &'a str,
    pub(crate) log: &'a Path,
    /// What it was allowed.
    pub(crate) time: Duration,
    /// Whether it could be allowed no more.
    pub(crate) longest: bool,
    pub(crate) memory: Option<String>,
}

impl Lost {
    pub(crate) fn new(end: End, scene: &Scene<'_>) -> Self {
        let again = match &end {
            End::NeverStarts(reason) => reason == "DependencyNeverSatisfied",
            End::Timeout => !scene.longest,
            _ => true,
        };
        let place = if scene.node.is_empty() || scene.node == "None assigned" {
            String::new()
        } else {
            format!(" on node `{}`", scene.node)
        };
        let mut message = format!("slurm job {}{place} {}", scene.job, what(&end, scene));
        if let Some(tail) = tail(scene.log) {
            message.push_str(&format!("\nits log `{}` ends with:\n{tail}", scene.log.display()));
        }
        let hint = hint(&end, scene);
        Self { end, again, message, hint }
    }
}

fn what(end: &End, scene: &Scene<'_>) -> String {
    match end {
        End::Completed => "ended well but left no outcome".to_owned(),
        End::Failed { signal: 0, code } => format!("ended with exit code {code}"),
        End::Failed { signal, .. } => format!("was killed by signal {signal}"),
        End::Timeout => format!("was killed by its time limit of {}", slurm_time(scene.time)),
        End::OutOfMemory => format!(
            "was killed by its memory limit{}",
            scene.memory.as_ref().map(|mem| format!(" of {mem}")).unwrap_or_default()
        ),
        End::NodeFail => "was lost with its node".to_owned(),
        End::Preempted => "was preempted".to_owned(),
        End::Cancelled => "was cancelled".to_owned(),
        End::NeverStarts(reason) => format!("can never start: {reason}"),
        End::Gone => "is over, and slurm does not know how it ended".to_owned(),
    }
}

fn hint(end: &End, scene: &Scene<'_>) -> Option<String> {
    let hint = match end {
        End::Completed | End::Gone => {
            "the run's folder must be the same one on all nodes (`folder=`)"
        }
        End::Failed { code: 126 | 127, .. } => {
            "the nodes must have the same Python and packages as this machine; `setup=` can load them"
        }
        End::Timeout if scene.longest => {
            "allow more with `time=`, or cut the work smaller with `partitions=`"
        }
        End::OutOfMemory => "ask for more with `mem=`, or cut the work smaller with `partitions=`",
        End::NeverStarts(reason) if reason.ends_with("TimeLimit") => {
            "lower `time=`: `sinfo -o '%P %l'` shows how long each partition allows"
        }
        End::NeverStarts(reason)
            if matches!(reason.as_str(), "BadConstraints" | "PartitionConfig") =>
        {
            "no node has what is asked for: look at `mem=`, `cpus=` and `constraint=`"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 8192;

/// The last lines of a log, indented; None when there is nothing in it.
pub(crate) fn tail(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    (!last.is_empty())
        .then(|| last.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{End, Lost, Scene};

    fn scene<'a>(log: &'a Path, node: &'a str) -> Scene<'a> {
        Scene {
            job: "12_3".to_owned(),
            node,
            log,
            time: Duration::from_secs(3600),
            longest: true,
            memory: Some("4096M".to_owned()),
        }
    }

    #[test]
    fn a_lost_task_tells_where_how_and_what_its_log_says() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let lines: Vec<String> = (0..50).map(|line| format!("line {line}")).collect();
        std::fs::write(&log, lines.join("\n")).unwrap();
        let lost = Lost::new(End::OutOfMemory, &scene(&log, "n2"));
        assert!(lost.again);
        assert!(lost.message.starts_with(
            "slurm job 12_3 on node `n2` was killed by its memory limit of 4096M\nits log"
        ));
        assert!(lost.message.ends_with("  line 49"), "{}", lost.message);
        assert!(lost.hint.unwrap().starts_with("ask for more with `mem=`"));
        assert!(!lost.message.contains("line 29\n"));
    }

    #[test]
    fn only_what_cannot_succeed_is_not_tried_again() {
        let nowhere = Path::new("/nonexistent/log");
        let lost = |end| Lost::new(end, &scene(nowhere, ""));
        let timeout = lost(End::Timeout);
        insta::assert_snapshot!(timeout.message, @"slurm job 12_3 was killed by its time limit of 01:00:00");
        insta::assert_snapshot!(timeout.hint.unwrap(), @"allow more with `time=`, or cut the work smaller with `partitions=`");
        assert!(!lost(End::Timeout).again);
        assert!(!lost(End::NeverStarts("BadConstraints".to_owned())).again);
        let more = Scene { longest: false, ..scene(nowhere, "") };
        assert!(Lost::new(End::Timeout, &more).again);
        for end in [End::NodeFail, End::Preempted, End::Cancelled, End::Gone, End::Completed] {
            assert!(lost(end.clone()).again, "{end:?}");
        }
    }
}
