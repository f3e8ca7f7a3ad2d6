//! Run ids, states and events: what every view of a run reads.
//!
//! ```text
//!  engine, workers ──emit──► EventBus ──► TerminalBar, notebook, dashboard   (live)
//!                                   └───► RunRecord ──► the same views       (afterwards)
//! ```
//!
//! All is pure but the file of a [`RunRecord`], the lock of an [`EventBus`], [`RunId::generate`] and
//! [`now_millis`].

mod bus;
pub mod display;
mod event;
mod id;
mod record;
mod state;
mod view;

pub use bus::{EventBus, Observer, ObserverId};
pub use event::{Event, FunctionSummary};
pub use id::{RunId, StageId, TaskId, WorkerId, now_millis};
pub use record::{RecordError, RecordReader, RunRecord};
pub use state::{RunState, RunStatus, Stream, TaskStatus, Unit, Verdict};
pub use view::{Measure, RunView, StageView};
