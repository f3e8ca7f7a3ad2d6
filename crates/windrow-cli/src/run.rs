//! `windrow run`: the user's script in its interpreter, with settings in its environment.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use windrow_engine::settings::Settings;

use crate::Host;
use crate::arguments::{RunArguments, Script};
use crate::error::{CliError, Exit};
use crate::interpreter;

/// Replaces this process by the script's interpreter, so that Ctrl-C, signals, standard streams and
/// the exit code are the script's own. Returns only what went wrong before.
pub(crate) fn run(arguments: &RunArguments, host: &Host) -> Exit {
    match prepare(arguments, host) {
        Ok(mut command) => {
            let error = command.exec();
            CliError::new(format!("cannot start `{}`", command.get_program().to_string_lossy()))
                .cause(&error)
                .into()
        }
        Err(exit) => exit,
    }
}

fn prepare(arguments: &RunArguments, host: &Host) -> Result<Command, Exit> {
    // Told here, before an interpreter starts, rather than by the script's first session.
    Settings::resolve(&arguments.settings.json())?;
    let Script::Given(script) = &arguments.script;
    let Some((script, rest)) = script.split_first() else {
        return Err(CliError::new("no script is given").into());
    };
    if !arguments.module {
        check_script(script)?;
    }
    let python = interpreter::find(arguments.python.as_deref(), host)?;
    let mut command = Command::new(python);
    if arguments.module {
        command.arg("-m");
    }
    command.arg(script).args(rest).envs(arguments.settings.environment());
    if arguments.dry_run {
        command.env("WINDROW_DRY_RUN", "1");
    }
    Ok(command)
}

fn check_script(script: &OsStr) -> Result<(), CliError> {
    let path = Path::new(script);
    // A folder or archive with a `__main__.py` is a script too; `-` is standard input.
    if script == "-" || path.exists() {
        return Ok(());
    }
    let error = CliError::new(format!("there is no script `{}`", path.display()));
    Err(match nearest_script(path) {
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None if path.extension().is_none() => {
            error.hint(format!("to run a module: `windrow run -m {}`", path.display()))
        }
        None => error,
    })
}

/// The Python file in the same folder whose name is most like that of `path`.
fn nearest_script(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_string_lossy();
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let scripts: Vec<String> = fs::read_dir(folder.unwrap_or(Path::new(".")))
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|found| found.extension().is_some_and(|extension| extension == "py"))
        .filter_map(|found| Some(found.file_name()?.to_string_lossy().into_owned()))
        .collect();
    let name = windrow_engine::nearest(&wanted, scripts.iter().map(String::as_str))?;
    Some(path.with_file_name(name).display().to_string())
}
