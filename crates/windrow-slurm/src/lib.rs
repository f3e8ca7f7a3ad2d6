//! Tasks of a run as Slurm job arrays, or pulled by a few long Slurm jobs ("pilots").
//!
//! ```text
//!  runner: tasks of stages, reports
//!     │
//!  backend ── start(batch) ─► script ─► command: sbatch        every batch of tasks is an array
//!     │                                                        job, split at MaxArraySize
//!     ├────── events() ─────► outcome files                    what tasks say themselves
//!     │                  └──► watch: squeue, scontrol, sacct   what Slurm says of the silent ones
//!     │
//!     └────── pilots ───────► pilot::queue: files renamed from `todo` to `taken`
//! ```
//!
//! A task's outcome file is the truth; Slurm is asked only which tasks can no longer write one.
//! Everything that decides is pure; the commands run with time limits and are those on `PATH`.

mod backend;
mod command;
mod dry_run;
mod end;
mod error;
mod parse;
pub mod pilot;
mod runner;
mod script;
mod settings;
mod state;
mod watch;

pub use backend::{Backend, Batch, Event, Task};
pub use command::Commands;
pub use dry_run::{PlannedStage, dry_run};
pub use end::{End, Lost};
pub use error::SlurmError;
pub use runner::{SlurmOptions, SlurmRunner};
pub use script::{Array, Pilots, array_script, pilot_script, shell_quoted, slurm_time, split};
pub use settings::SlurmSettings;
pub use state::{Job, Jobs};
pub use watch::{Limits, TaskState, Watch};
