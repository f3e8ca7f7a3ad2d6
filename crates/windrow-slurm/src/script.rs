//! The text of the scripts given to `sbatch`: pure, and written to be read.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::settings::SlurmSettings;

/// One array job: element `i` runs task `i` of a file of tasks.
#[derive(Debug, Clone)]
pub struct Array<'a> {
    /// Unique among the user's jobs.
    pub name: &'a str,
    /// What it is, for people who read the script.
    pub about: &'a str,
    /// How many tasks the file has; at most MaxArraySize.
    pub tasks: u32,
    /// A JSON array of task specs.
    pub file: &'a Path,
    /// Folder of the outcomes.
    pub outcomes: &'a Path,
    /// Folder of the logs.
    pub logs: &'a Path,
    /// How long an element may run.
    pub time: Duration,
    /// Jobs that must be over before: their ids, or words for them when the script is only shown.
    pub after: &'a [String],
}

/// The script of an array job. `command` starts windrow, such as `["python", "-m", "windrow._cli"]`.
pub fn array_script(array: &Array<'_>, settings: &SlurmSettings, command: &[String]) -> String {
    let mut text = header(array.name, array.about, settings, array.time);
    let last = array.tasks.saturating_sub(1);
    let at_once = settings.at_once.map(|most| format!("%{most}")).unwrap_or_default();
    option(&mut text, &format!("--array=0-{last}{at_once}"));
    option(&mut text, &format!("--output={}", pattern(array.logs, array.name, "%A_%a.log")));
    if !array.after.is_empty() {
        option(&mut text, &format!("--dependency=afterany:{}", array.after.join(":")));
    }
    body(
        &mut text,
        settings,
        &format!(
            "exec {} task {} --index \"$SLURM_ARRAY_TASK_ID\" --outcomes {}",
            words(command),
            quoted(array.file),
            quoted(array.outcomes),
        ),
    );
    text
}

/// An array job whose elements pull tasks from a queue of files.
#[derive(Debug, Clone)]
pub struct Pilots<'a> {
    /// Unique among the user's jobs.
    pub name: &'a str,
    /// How many.
    pub count: u32,
    /// The queue.
    pub folder: &'a Path,
    /// Folder of the logs.
    pub logs: &'a Path,
    /// How long a pilot may run, as Slurm is told.
    pub time: Duration,
    /// A pilot that found nothing to do for this long ends.
    pub idle: Duration,
}

/// The script of an array of pilots; a pilot's name is `JOB_INDEX`, as `squeue` shows it.
pub fn pilot_script(pilots: &Pilots<'_>, settings: &SlurmSettings, command: &[String]) -> String {
    let about = format!("{} pilots that pull tasks until there are none", pilots.count);
    let mut text = header(pilots.name, &about, settings, pilots.time);
    option(&mut text, &format!("--array=0-{}", pilots.count.saturating_sub(1)));
    option(&mut text, &format!("--output={}", pattern(pilots.logs, pilots.name, "%A_%a.log")));
    body(
        &mut text,
        settings,
        &format!(
            "exec {} pilot {} --name \"${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}\" --idle {} --seconds {}",
            words(command),
            quoted(pilots.folder),
            pilots.idle.as_secs(),
            granted(pilots.time).saturating_sub(MARGIN).as_secs().max(1),
        ),
    );
    text
}

/// What a pilot leaves between its last task and Slurm's limit.
const MARGIN: Duration = Duration::from_secs(10);

/// Slurm counts minutes: what is asked for is rounded up to them.
pub(crate) fn granted(time: Duration) -> Duration {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    Duration::from_secs(seconds.div_ceil(60).max(1) * 60)
}

fn header(name: &str, about: &str, settings: &SlurmSettings, time: Duration) -> String {
    let mut text = format!("#!/bin/bash\n# {about}\n");
    option(&mut text, &format!("--job-name={name}"));
    let given = [
        ("partition", settings.partition.clone()),
        ("account", settings.account.clone()),
        ("qos", settings.qos.clone()),
        ("constraint", settings.constraint.clone()),
        ("time", Some(slurm_time(granted(time)))),
        ("mem", settings.mem()),
        ("cpus-per-task", Some(settings.cpus.to_string())),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            option(&mut text, &format!("--{key}={}", in_option(&value)));
        }
    }
    // Windrow runs a lost task again itself, as a new attempt.
    option(&mut text, "--no-requeue");
    option(&mut text, "--open-mode=append");
    for further in &settings.sbatch {
        option(&mut text, further);
    }
    text
}

fn body(text: &mut String, settings: &SlurmSettings, last: &str) {
    text.push('\n');
    for line in &settings.setup {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(last);
    text.push('\n');
}

fn option(text: &mut String, option: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "#SBATCH {option}");
}

/// A value after `=` in a line `#SBATCH`: quoted when it must be, as sbatch reads quotes there.
fn in_option(value: &str) -> String {
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || "-_./:,+@%&|*[]()".contains(letter);
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('"', "\\\""))
    }
}

/// A log's path; `%` is Slurm's own sign in it, so the folder's are doubled.
fn pattern(folder: &Path, name: &str, end: &str) -> String {
    let folder = folder.to_string_lossy().replace('%', "%%");
    in_option(&format!("{folder}/{name}-{end}"))
}

fn words(command: &[String]) -> String {
    command.iter().map(|word| shell_quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(path: &Path) -> String {
    shell_quoted(&path.to_string_lossy())
}

/// A word as the shell reads it back.
pub fn shell_quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,+@%=".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// `days-hours:minutes:seconds`, or without the days when there are none.
pub fn slurm_time(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, rest) = (seconds / 86400, seconds % 86400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days > 0 { format!("{days}-{clock}") } else { clock }
}

/// Cuts `tasks` into array jobs of at most `largest` elements, of about equal sizes.
pub fn split(tasks: usize, largest: usize) -> Vec<std::ops::Range<usize>> {
    let parts = tasks.div_ceil(largest.max(1));
    (0..parts).map(|part| tasks * part / parts..tasks * (part + 1) / parts).collect()
}

#[cfg(test)]
mod tests;
