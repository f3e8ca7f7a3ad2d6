//! `windrow pilot`: one long job that takes tasks from a queue of files.

use std::time::Duration;

use windrow_engine::task::{TaskOutcome, TaskSpec};
use windrow_slurm::pilot::{Pilot, Queue, Why};
use windrow_tasks::TaskError;

use crate::Host;
use crate::arguments::PilotArguments;
use crate::console::Console;
use crate::error::{CliError, Exit};
use crate::task::host_of;

/// Runs tasks until there are none or no time is left, and says how many there were.
pub(crate) fn run(
    arguments: &PilotArguments,
    host: &Host,
    console: &mut Console,
) -> Result<(), Exit> {
    let host = host_of(host);
    let broken = |error: &std::io::Error| {
        CliError::new(format!("cannot use the queue `{}`", arguments.folder.display())).cause(error)
    };
    let queue = Queue::open(&arguments.folder).map_err(|error| broken(&error))?;
    let pilot = Pilot {
        name: arguments.name.clone(),
        idle: Duration::from_secs(arguments.idle),
        time: arguments.seconds.map(Duration::from_secs),
    };
    let mut execute = |spec: &[u8]| match serde_json::from_slice::<TaskSpec>(spec) {
        Ok(spec) => host.execute(&spec).to_json(),
        Err(error) => {
            let text = format!("`{}` cannot read a task: {error}", host.fingerprint());
            let hint = "install the same windrow, for the same Python, wherever tasks run";
            TaskOutcome::Fatal(TaskError::settings(text).hint(hint)).to_json()
        }
    };
    let done = pilot.work(&queue, &mut execute).map_err(|error| broken(&error))?;
    let why = match done.why {
        Why::Closed => "its driver needs no more",
        Why::Idle => "there was nothing more to do",
        Why::Time => "there is no time for more",
    };
    console.line(format!("pilot `{}` did {} tasks and ends: {why}", pilot.name, done.tasks))?;
    Ok(())
}
