//! The options of `slurm://partition`: what is asked of Slurm for each task.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::SlurmError;

const MIB: u64 = 1 << 20;

/// What every task of a run asks for. Read with [`SlurmSettings::from_json`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlurmSettings {
    /// The partition; none leaves it to Slurm's default.
    pub partition: Option<String>,
    /// How long a task (or a pilot) may run. Slurm counts whole minutes.
    pub time: Duration,
    /// Memory of a task, in bytes; none leaves it to the partition's default.
    pub memory_bytes: Option<u64>,
    /// Cores of a task.
    pub cpus: u16,
    /// Whom to charge.
    pub account: Option<String>,
    /// Quality of service.
    pub qos: Option<String>,
    /// Features that the nodes must have.
    pub constraint: Option<String>,
    /// Tasks that run at a time at most, of each array; none: as many as there is room for.
    pub at_once: Option<u32>,
    /// Further options of `sbatch`, such as `--gres=gpu:1`.
    pub sbatch: Vec<String>,
    /// Shell lines before each task, such as `module load python`.
    pub setup: Vec<String>,
    /// Where scripts, logs and outcomes are kept, on storage that all nodes share.
    pub folder: Option<PathBuf>,
    /// How many pilots pull the tasks; 0: each task is an element of an array job.
    pub pilots: u32,
    /// Time between two looks at Slurm's queue.
    pub poll: Duration,
}

impl Default for SlurmSettings {
    fn default() -> Self {
        Self {
            partition: None,
            time: Duration::from_secs(3600),
            memory_bytes: None,
            cpus: 1,
            account: None,
            qos: None,
            constraint: None,
            at_once: None,
            sbatch: Vec::new(),
            setup: Vec::new(),
            folder: None,
            pilots: 0,
            poll: Duration::from_secs(2),
        }
    }
}

const NAMES: [&str; 13] = [
    "partition",
    "time",
    "mem",
    "cpus",
    "account",
    "qos",
    "constraint",
    "at_once",
    "sbatch",
    "setup",
    "folder",
    "pilots",
    "poll",
];

/// Options that a script of ours sets itself, so that the user's would fight with them.
const OURS: [&str; 9] = [
    "--array",
    "--output",
    "--error",
    "--dependency",
    "--job-name",
    "--open-mode",
    "--no-requeue",
    "--requeue",
    "--wrap",
];

impl SlurmSettings {
    /// From an object of options as a user gives them: `{"partition": "main", "time": "1h", "mem": "4G"}`.
    ///
    /// # Errors
    /// An option that does not exist, or a value that it cannot have.
    pub fn from_json(text: &str) -> Result<Self, SlurmError> {
        let given: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            SlurmError::new(format!("the options of `slurm://` are no object: {error}"))
        })?;
        let mut settings = Self::default();
        for (name, value) in &given {
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), SlurmError> {
        match name {
            "partition" => self.partition = word(name, value)?,
            "account" => self.account = word(name, value)?,
            "qos" => self.qos = word(name, value)?,
            "constraint" => self.constraint = word(name, value)?,
            "time" => self.time = time(name, value)?,
            "poll" => self.poll = time(name, value)?,
            "mem" => self.memory_bytes = if value.is_null() { None } else { Some(memory(value)?) },
            "cpus" => self.cpus = number(name, value, 1)?,
            "pilots" => self.pilots = number(name, value, 0)?,
            "at_once" => {
                self.at_once = if value.is_null() { None } else { Some(number(name, value, 1)?) }
            }
            "setup" => self.setup = lines(name, value)?,
            "sbatch" => self.sbatch = sbatch_options(name, value)?,
            "folder" => self.folder = word(name, value)?.map(PathBuf::from),
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// The memory in Slurm's words.
    pub(crate) fn mem(&self) -> Option<String> {
        self.memory_bytes.map(|bytes| format!("{}M", bytes.div_ceil(MIB)))
    }
}

fn unknown(name: &str) -> SlurmError {
    let nearest = NAMES.into_iter().max_by(|left, right| {
        strsim::jaro_winkler(name, left).total_cmp(&strsim::jaro_winkler(name, right))
    });
    let error = SlurmError::new(format!("`slurm://` has no option `{name}`"));
    match nearest.filter(|near| strsim::jaro_winkler(name, near) > 0.8) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!(
            "there are {}; others go to sbatch as they are: `sbatch=[\"--{name}=…\"]`",
            NAMES.join(", ")
        )),
    }
}

fn wrong(name: &str, value: &Value, hint: &str) -> SlurmError {
    SlurmError::new(format!("`{name}` of `slurm://` cannot be `{}`", shown(value))).hint(hint)
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One word or path of text; it goes into a line of a script, so it may not end that line.
fn word(name: &str, value: &Value) -> Result<Option<String>, SlurmError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) if !text.contains(['\n', '\r', '\0']) => Ok(Some(text.clone())),
        _ => Err(wrong(name, value, "pass text of one line")),
    }
}

fn number<N: TryFrom<u64>>(name: &str, value: &Value, least: u64) -> Result<N, SlurmError> {
    value
        .as_u64()
        .filter(|number| *number >= least)
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| wrong(name, value, &format!("pass a whole number, {least} or more")))
}

fn lines(name: &str, value: &Value) -> Result<Vec<String>, SlurmError> {
    let hint = "pass text, or a list of texts";
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(text.lines().map(str::to_owned).collect()),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(name, item, hint)))
            .collect(),
        _ => Err(wrong(name, value, hint)),
    }
}

fn sbatch_options(name: &str, value: &Value) -> Result<Vec<String>, SlurmError> {
    let options = lines(name, value)?;
    for option in &options {
        let shown = Value::from(option.as_str());
        if !option.starts_with('-') || option.contains(['\n', '\r', '\0']) {
            return Err(wrong(
                name,
                &shown,
                "each is one option of sbatch, such as `--gres=gpu:1`",
            ));
        }
        let key = option.split(['=', ' ']).next().unwrap_or_default();
        if OURS.contains(&key) {
            return Err(wrong(name, &shown, "windrow sets this option itself"));
        }
    }
    Ok(options)
}

/// `90s`, `30m`, `1h30m`, `2d`, seconds as a number, or as Slurm writes it: `1-12:00:00`, `12:00:00`.
fn time(name: &str, value: &Value) -> Result<Duration, SlurmError> {
    let hint = "write `90s`, `30m`, `1h30m`, `2d`, or as Slurm does: `1-12:00:00`";
    let found = match value {
        Value::Number(seconds) => seconds.as_f64(),
        Value::String(text) if text.contains(':') => clock(text),
        Value::String(text) => spoken(text),
        _ => None,
    };
    found
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| wrong(name, value, hint))
}

/// `1h30m` in seconds; a number needs its unit.
fn spoken(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut digits = String::new();
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        if letter.is_ascii_digit() || letter == '.' {
            digits.push(letter);
            continue;
        }
        let unit = match letter.to_ascii_lowercase() {
            's' => 1.0,
            'm' => 60.0,
            'h' => 3600.0,
            'd' => 86400.0,
            _ => return None,
        };
        total += unit * std::mem::take(&mut digits).parse::<f64>().ok()?;
    }
    digits.is_empty().then_some(total)
}

/// `[days-]hours:minutes:seconds` in seconds; also what Slurm itself prints (`minutes:seconds`).
pub(crate) fn clock(text: &str) -> Option<f64> {
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (days.parse::<u32>().ok()?, rest),
        None => (0, text),
    };
    let parts = rest.split(':').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
    let seconds = match (days, parts.as_slice()) {
        (_, [hours, minutes, seconds]) => hours * 3600 + minutes * 60 + seconds,
        (0, [minutes, seconds]) => minutes * 60 + seconds,
        (1.., [hours, minutes]) => hours * 3600 + minutes * 60,
        (1.., [hours]) => hours * 3600,
        _ => return None,
    };
    Some(f64::from(days) * 86400.0 + f64::from(seconds))
}

/// `4G`, `4GB`, `4GiB`, `512M` or bytes as a number. As everywhere in Slurm, units are powers of 1024.
fn memory(value: &Value) -> Result<u64, SlurmError> {
    let hint = "write `4G`, `512M`, or bytes as a number";
    let bytes = match value {
        Value::Number(bytes) => bytes.as_u64(),
        Value::String(text) => memory_text(text),
        _ => None,
    };
    bytes.filter(|bytes| *bytes >= MIB).ok_or_else(|| wrong("mem", value, hint))
}

fn memory_text(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (digits, unit) = text.split_at(end);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => MIB,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    let number = digits.parse::<f64>().ok()?;
    // Checked to be a whole number of a size that fits.
    let bytes = number * f64::from(u32::try_from(unit >> 10).ok()?) * 1024.0;
    format!("{bytes:.0}").parse().ok()
}

#[cfg(test)]
mod tests;
