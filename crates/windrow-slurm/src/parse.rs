//! What Slurm's commands print, read: pure.

use std::time::Duration;

use crate::end::End;
use crate::settings::clock;
use crate::watch::TaskState;

/// The fields asked of `squeue`, for [`queue_line`]; the reason is last, as it is free text.
pub(crate) const QUEUE_FIELDS: &str =
    "ArrayJobID:|,ArrayTaskID:|,State:|,exit_code:|,NodeList:|,TimeUsed:|,Reason:200";

/// The fields asked of `sacct`, for [`account_line`].
pub(crate) const ACCOUNT_FIELDS: &str = "JobID,State,ExitCode,NodeList";

/// A job and the element of its array (0 for a job that is no array).
pub(crate) type Element = (u64, u32);

/// The job's id from `sbatch --parsable`: `123` or `123;cluster`.
pub(crate) fn submitted(said: &str) -> Option<u64> {
    said.trim().lines().last()?.split(';').next()?.trim().parse().ok()
}

/// One line of `squeue -O` with [`QUEUE_FIELDS`].
pub(crate) fn queue_line(line: &str) -> Option<(Element, TaskState)> {
    let mut fields = line.splitn(7, '|').map(str::trim);
    let job = fields.next()?.parse().ok()?;
    let index = match fields.next()? {
        "N/A" => 0,
        index => index.parse().ok()?,
    };
    let (state, exit, node) = (fields.next()?, fields.next()?, fields.next()?);
    let ran = clock(fields.next()?).map_or(Duration::ZERO, Duration::from_secs_f64);
    let reason = fields.next().unwrap_or_default();
    // A wait status: signal in the low seven bits, exit code above the low eight.
    let status: u32 = exit.parse().unwrap_or_default();
    let state = task_state(state, reason, ((status >> 8) & 0xff, status & 0x7f), node);
    Some(((job, index), state.ran(ran)))
}

/// One line of `sacct -n -X -P` with [`ACCOUNT_FIELDS`].
pub(crate) fn account_line(line: &str) -> Option<(Element, TaskState)> {
    let mut fields = line.split('|').map(str::trim);
    let (job, index) = match fields.next()?.split_once('_') {
        Some((job, index)) => (job.parse().ok()?, index.parse().ok()?),
        None => return None,
    };
    // `CANCELLED by 1000`
    let state = fields.next()?.split_whitespace().next()?;
    let (code, signal) = fields.next()?.split_once(':')?;
    let status = (code.parse().ok()?, signal.parse().ok()?);
    Some(((job, index), task_state(state, "", status, fields.next().unwrap_or_default())))
}

fn task_state(state: &str, reason: &str, (code, signal): (u32, u32), node: &str) -> TaskState {
    let ended = |end| TaskState::Ended { end, node: node.to_owned() };
    match state {
        "PENDING" if never_starts(reason) => ended(End::NeverStarts(reason.to_owned())),
        "PENDING" | "CONFIGURING" | "REQUEUED" | "REQUEUE_FED" | "REQUEUE_HOLD"
        | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => TaskState::Waiting { reason: reason.to_owned() },
        "COMPLETED" => ended(End::Completed),
        "FAILED" => ended(End::Failed { code, signal }),
        "TIMEOUT" | "DEADLINE" => ended(End::Timeout),
        "OUT_OF_MEMORY" => ended(End::OutOfMemory),
        "NODE_FAIL" | "BOOT_FAIL" => ended(End::NodeFail),
        "PREEMPTED" | "REVOKED" => ended(End::Preempted),
        "CANCELLED" => ended(End::Cancelled),
        // RUNNING, COMPLETING, SUSPENDED and any state that a later Slurm may add: not over.
        _ => TaskState::Running { node: node.to_owned(), ran: Duration::ZERO },
    }
}

/// Whether a waiting job can never start as it is.
fn never_starts(reason: &str) -> bool {
    [
        "DependencyNeverSatisfied",
        "BadConstraints",
        "PartitionTimeLimit",
        "PartitionNodeLimit",
        "PartitionConfig",
        "AssociationTimeLimit",
    ]
    .contains(&reason)
}

/// `MaxArraySize` from `scontrol show config`.
pub(crate) fn largest_array(said: &str) -> Option<usize> {
    let line = said.lines().find(|line| line.trim_start().starts_with("MaxArraySize"))?;
    line.split_once('=')?.1.trim().parse().ok()
}

/// `MaxTime` from `scontrol -o show partition`; None when it is not limited.
pub(crate) fn longest_time(said: &str) -> Option<Duration> {
    let word = said.split_whitespace().find_map(|word| word.strip_prefix("MaxTime="))?;
    clock(word).map(Duration::from_secs_f64)
}

/// Whether the failure is of the kind that passes: a controller that is busy or restarts.
pub(crate) fn passes(said: &str) -> bool {
    let said = said.to_lowercase();
    [
        "socket timed out",
        "unable to contact slurm controller",
        "connection refused",
        "temporarily unavailable",
        "temporarily unable",
        "communication",
        "in standby mode",
        "zero bytes were transmitted",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// Whether what was asked about is over, and forgotten.
pub(crate) fn is_over(said: &str) -> bool {
    let said = said.to_lowercase();
    ["invalid job id", "already completed", "already completing", "already finished"]
        .iter()
        .any(|words| said.contains(words))
}

/// What to do about a submission that Slurm refuses.
pub(crate) fn advice(said: &str) -> Option<&'static str> {
    let said = said.to_lowercase();
    let says = |words: &str| said.contains(words);
    if says("invalid partition") {
        Some("`sinfo -s` shows the partitions: `slurm://NAME`")
    } else if says("invalid account") {
        Some("`account=` names whom to charge: `sacctmgr show associations user=$USER` shows yours")
    } else if says("invalid qos") {
        Some("`qos=` must be one of yours: `sacctmgr show associations user=$USER` shows them")
    } else if says("maxsubmit") || says("job submit limit") || says("accounting/qos policy") {
        Some("you may not submit so many tasks: `pilots=8` runs them all in 8 jobs")
    } else if says("node configuration is not available") || says("memory specification") {
        Some("no node has that much: lower `mem=` or `cpus=`, or take another partition")
    } else if says("feature specification") {
        Some("no node has what `constraint=` names: `sinfo -o '%N %f'` shows what they have")
    } else if says("time limit") {
        Some("lower `time=`: `sinfo -o '%P %l'` shows how long each partition allows")
    } else if says("configuration source") || says("slurm controller") {
        Some("this machine does not reach a Slurm: `sinfo` must work here")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{account_line, largest_array, longest_time, queue_line, submitted};
    use crate::end::End;
    use crate::watch::TaskState;

    fn queue(line: &str) -> TaskState {
        queue_line(line).unwrap().1
    }

    #[test]
    fn a_submission_gives_an_id() {
        assert_eq!(submitted("123\n"), Some(123));
        assert_eq!(submitted("123;cluster2\n"), Some(123));
        assert_eq!(submitted("sbatch: a word of the site\n77\n"), Some(77));
        assert_eq!(submitted("Submitted"), None);
    }

    #[test]
    fn squeue_is_read() {
        assert_eq!(queue_line("12|3|RUNNING|0|n1|1:05|None").unwrap().0, (12, 3));
        assert_eq!(queue_line("12|N/A|RUNNING|0|n1|1:05|None").unwrap().0, (12, 0));
        let running = TaskState::Running { node: "n1".to_owned(), ran: Duration::from_secs(65) };
        assert_eq!(queue("12|3|RUNNING|0|n1|1:05|None"), running);
        assert_eq!(queue("12|3|A_NEW_STATE|0|n1|1:05|None"), running);
        let waiting = TaskState::Waiting { reason: "Priority".to_owned() };
        assert_eq!(queue("12|3|PENDING|0||0:00|Priority   "), waiting);
        for (line, end) in [
            ("12|3|FAILED|768|n1|0:01|NonZeroExitCode", End::Failed { code: 3, signal: 0 }),
            ("12|3|FAILED|9|n1|0:01|None", End::Failed { code: 0, signal: 9 }),
            ("12|3|TIMEOUT|0|n1|1:00|TimeLimit", End::Timeout),
            ("12|3|CANCELLED|0|n1|1:00|None", End::Cancelled),
            ("12|3|NODE_FAIL|0|n1|1:00|NodeDown", End::NodeFail),
            ("12|3|PENDING|0||0:00|BadConstraints", End::NeverStarts("BadConstraints".to_owned())),
        ] {
            assert!(
                matches!(queue(line), TaskState::Ended { end: found, .. } if found == end),
                "{line}"
            );
        }
        assert_eq!(queue_line("slurm_load_jobs error: something"), None);
        assert_eq!(queue_line("12|[4-9]|PENDING|0||0:00|None"), None);
    }

    #[test]
    fn sacct_is_read() {
        let (element, state) = account_line("12_3|CANCELLED by 1000|0:15|n4").unwrap();
        assert_eq!(element, (12, 3));
        assert_eq!(state, TaskState::Ended { end: End::Cancelled, node: "n4".to_owned() });
        assert_eq!(account_line("12_[4-9]|PENDING|0:0|None assigned"), None);
    }

    #[test]
    fn limits_are_read() {
        assert_eq!(largest_array("Something = 1\nMaxArraySize            = 1001\n"), Some(1001));
        assert_eq!(
            longest_time("PartitionName=short MaxTime=00:02:00 X=1"),
            Some(Duration::from_secs(120))
        );
        assert_eq!(
            longest_time("PartitionName=x MaxTime=7-00:00:00"),
            Some(Duration::from_secs(604_800))
        );
        assert_eq!(longest_time("PartitionName=main MaxTime=UNLIMITED"), None);
    }
}
