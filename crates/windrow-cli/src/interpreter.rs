//! Finding a Python that has windrow, and asking a Python what it has.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Host;
use crate::error::CliError;

/// The oldest Python that windrow supports.
pub(crate) const OLDEST: (u32, u32) = (3, 11);

/// Prints what [`Probed`] reads; looks at metadata only, so that nothing heavy is imported.
const PROBE: &str = r#"
import json, sys
from importlib import metadata, util
def version(name):
    try:
        return metadata.version(name)
    except Exception:
        return None
names = sys.argv[1:]
print(json.dumps({
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "has_windrow": util.find_spec("windrow") is not None,
    "packages": {name: version(name) for name in names},
}))
"#;

/// What an interpreter says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Probed {
    pub(crate) executable: PathBuf,
    pub(crate) version: (u32, u32, u32),
    pub(crate) implementation: String,
    pub(crate) has_windrow: bool,
    /// Versions of the packages asked for; `None` for those that are not installed.
    pub(crate) packages: std::collections::BTreeMap<String, Option<String>>,
}

impl Probed {
    /// Whether windrow supports its version.
    pub(crate) fn is_recent(&self) -> bool {
        let (major, minor, _) = self.version;
        (major, minor) >= OLDEST
    }

    /// Why it cannot run scripts that use windrow, if it cannot.
    pub(crate) fn shortcoming(&self) -> Option<String> {
        let (major, minor, patch) = self.version;
        if !self.is_recent() {
            Some(format!("is Python {major}.{minor}.{patch}, older than {}.{}", OLDEST.0, OLDEST.1))
        } else if !self.has_windrow {
            Some("has no windrow installed".to_owned())
        } else {
            None
        }
    }
}

/// Asks `python` what it is and which of `packages` it has.
///
/// # Errors
/// Why it could not be asked, in words that follow its name.
pub(crate) fn probe(python: &Path, packages: &[&str]) -> Result<Probed, String> {
    let output = Command::new(python)
        .args(["-c", PROBE])
        .args(packages)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot be started: {error}"))?;
    // A `sitecustomize` may print before us.
    let text = String::from_utf8_lossy(&output.stdout);
    let answer = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
    answer.ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        // A traceback says what is wrong in its last line, anything else in its first.
        let mut lines = errors.lines().map(str::trim).filter(|line| !line.is_empty());
        let telling = if errors.contains("Traceback") { lines.next_back() } else { lines.next() };
        match telling {
            Some(line) => format!("does not answer: {line}"),
            None => "does not answer as a Python does".to_owned(),
        }
    })
}

/// The interpreter for a script: the one asked for, the one we are in, or the first with windrow.
///
/// # Errors
/// There is none; says what was looked at and what to do.
pub(crate) fn find(wanted: Option<&Path>, host: &Host) -> Result<PathBuf, CliError> {
    if let Some(wanted) = wanted {
        let python = named(wanted)?;
        let found = probe(&python, &[])
            .map_err(|reason| CliError::new(format!("`{}` {reason}", python.display())))?;
        return match found.shortcoming() {
            None => Ok(python),
            Some(reason) => {
                let error = CliError::new(format!("`{}` {reason}", python.display()));
                Err(if found.is_recent() { error.hint(install_hint(&python)) } else { error })
            }
        };
    }
    if let Host::Python { executable, .. } = host {
        return Ok(executable.clone());
    }
    first_with_windrow(candidates(
        env::var_os("VIRTUAL_ENV").as_deref(),
        env::var_os("PATH").as_deref(),
    ))
}

/// The interpreter to look at when there may be none with windrow.
pub(crate) fn find_any(wanted: Option<&Path>, host: &Host) -> Result<PathBuf, CliError> {
    match (wanted, find(wanted, host)) {
        (_, Ok(python)) => Ok(python),
        (Some(wanted), Err(_)) => named(wanted),
        (None, Err(error)) => {
            candidates(env::var_os("VIRTUAL_ENV").as_deref(), env::var_os("PATH").as_deref())
                .into_iter()
                .next()
                .ok_or(error)
        }
    }
}

fn first_with_windrow(candidates: Vec<PathBuf>) -> Result<PathBuf, CliError> {
    let mut error = CliError::new(format!(
        "no Python {}.{} or newer has windrow installed",
        OLDEST.0, OLDEST.1
    ));
    let mut usable = None;
    for python in candidates {
        let reason = match probe(&python, &[]) {
            Ok(found) => {
                let Some(reason) = found.shortcoming() else { return Ok(python) };
                usable = usable.or_else(|| found.is_recent().then(|| python.clone()));
                reason
            }
            Err(reason) => reason,
        };
        error = error.cause(&format!("`{}` {reason}", python.display()));
    }
    Err(match usable {
        Some(python) => error.hint(install_hint(&python)),
        None => error.hint("install Python 3.11 or newer, then `python3 -m pip install windrow`"),
    }
    .hint("or name the Python that has it: `windrow run --python PATH script.py`"))
}

fn install_hint(python: &Path) -> String {
    format!("install it: `{} -m pip install windrow`", python.display())
}

/// The virtual environment's Python, then those on the search path, each once.
fn candidates(environment: Option<&OsStr>, search: Option<&OsStr>) -> Vec<PathBuf> {
    const NAMES: [&str; 5] = ["python3", "python3.13", "python3.12", "python3.11", "python"];
    let active = environment.map(|folder| Path::new(folder).join("bin/python3"));
    let mut found: Vec<PathBuf> = active.into_iter().filter(|path| is_program(path)).collect();
    for name in NAMES {
        if let Some(path) = on_path(OsStr::new(name), search)
            && !found.contains(&path)
        {
            found.push(path);
        }
    }
    found
}

/// What the user calls an interpreter: a path, a name on the search path, or a version.
fn named(wanted: &Path) -> Result<PathBuf, CliError> {
    if wanted.components().count() > 1 {
        let inside = wanted.join("bin/python3");
        return match (wanted.is_dir(), is_program(&inside), is_program(wanted)) {
            // A virtual environment's folder.
            (true, true, _) => Ok(inside),
            (false, _, true) => Ok(wanted.to_owned()),
            _ => Err(CliError::new(format!("there is no Python at `{}`", wanted.display()))),
        };
    }
    let text = wanted.to_string_lossy();
    let name = match text.starts_with(|letter: char| letter.is_ascii_digit()) {
        true => OsString::from(format!("python{text}")),
        false => wanted.as_os_str().to_owned(),
    };
    on_path(&name, env::var_os("PATH").as_deref()).ok_or_else(|| {
        CliError::new(format!("there is no `{}` on PATH", name.to_string_lossy()))
            .hint("give the path of an interpreter")
    })
}

/// The first program of that name on `search`.
pub(crate) fn on_path(name: &OsStr, search: Option<&OsStr>) -> Option<PathBuf> {
    env::split_paths(search?).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
