//! A job as stages of tasks: what is handed to whatever runs tasks, what comes back, how all of it
//! is named on shared storage, and the machine that decides what happens next.
//!
//! ```text
//!            JobPlan (stages, inputs, outputs)
//!               │
//!               ▼            Start, Cancel                TaskSpec
//!          ┌─ Machine ─┐ ───────────────────► driver ─────────────────► Runner: threads, processes,
//!          │   pure    │ ◄───────────────────        ◄─────────────────         Slurm, Dask, …
//!          └───────────┘   Started, Ended, Lost           TaskOutcome            │
//!                 ▲                                                              ▼
//!                 └────────── resume: commit records ◄──────────── RunFolder: data, commits, manifests
//! ```
//!
//! A task may run twice, be killed at any moment, or be run again after the driver itself died: its
//! data goes into an object that no other execution writes, and the first *commit record* that
//! names one wins. Readers read what the driver's *manifest* lists and nothing else.
//!
//! Nothing here does any input or output, reads a clock or draws a random number; there is no
//! DataFusion, no PyO3 and no Slurm.

mod folder;
mod hexadecimal;
mod id;
pub mod machine;
pub mod manifest;
mod outcome;
mod plan;
mod record;
mod runner;
mod spec;
mod splits;

pub use folder::RunFolder;
pub use id::{AttemptId, Fingerprint, TaskKey};
pub use manifest::{ManifestError, ManifestHead};
pub use outcome::{KeySample, LostInput, MapOutput, Slot, TaskError, TaskOutcome, TaskReport};
pub use plan::{Determinism, JobPlan, Output, Read, StageInput, StagePlan};
pub use record::{CommitRecord, EpochsRecord};
pub use runner::{Capabilities, Reach, Report, Runner};
pub use spec::{BlobRef, FunctionPlace, InputRef, Resources, SPEC_VERSION, TaskSpec};
pub use splits::split_points;
pub use windrow_events::{RunId, StageId};
