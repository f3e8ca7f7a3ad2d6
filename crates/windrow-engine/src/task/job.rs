//! A job as a process that runs its tasks sees it: planned and cut once.

use std::collections::BTreeMap;
use std::sync::Arc;

use windrow_events::RunId;
use windrow_tasks::{FunctionPlace as TaskFunctionPlace, Resources, StageId, TaskError, TaskSpec};

use super::answer::Answer;
use crate::error::{Error, Fault, Result};
use crate::exchange::Exchange;
use crate::program::{decode, digest};
use crate::session::Session;
use crate::settings::{FunctionPlace, Settings};
use crate::source::FileInfo;
use crate::stage::{Fragment, cut};

/// What a plan was made with, besides its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobOptions {
    pub(crate) partitions: usize,
    pub(crate) batch_rows: usize,
    /// Whether functions run natively: it is part of what a plan becomes.
    pub(crate) native: bool,
    /// Whether what tasks write is compressed.
    pub(crate) compress: bool,
    /// What `now()` is, in milliseconds since 1970.
    pub(crate) now: i64,
    /// What the plan became; empty where it is planned for the first time.
    pub(crate) digest: String,
}

impl JobOptions {
    /// As a spec carries them.
    pub(crate) fn to_map(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("partitions".to_owned(), self.partitions.to_string()),
            ("batch_rows".to_owned(), self.batch_rows.to_string()),
            ("native".to_owned(), self.native.to_string()),
            ("compress".to_owned(), self.compress.to_string()),
            ("now".to_owned(), self.now.to_string()),
            ("digest".to_owned(), self.digest.clone()),
        ])
    }

    /// Those of a map that [`JobOptions::to_map`] made.
    pub(crate) fn of_map(map: &BTreeMap<String, String>) -> Option<Self> {
        Some(Self {
            partitions: map.get("partitions")?.parse().ok()?,
            batch_rows: map.get("batch_rows")?.parse().ok()?,
            native: map.get("native")?.parse().ok()?,
            compress: map.get("compress")?.parse().ok()?,
            now: map.get("now")?.parse().ok()?,
            digest: map.get("digest")?.clone(),
        })
    }

    pub(crate) fn of(spec: &TaskSpec) -> Result<Self, TaskError> {
        Self::of_map(&spec.options)
            .ok_or_else(|| TaskError::new("internal", "a task came without its options"))
    }

    /// The settings of a session that runs such tasks.
    pub(crate) fn settings(&self, resources: Resources, place: TaskFunctionPlace) -> Settings {
        Settings {
            memory: resources.memory_bytes.max(16 << 20),
            workers: usize::from(resources.threads.max(1)),
            partitions: self.partitions,
            batch_rows: self.batch_rows,
            native: self.native,
            progress: Some(false),
            functions: match place {
                TaskFunctionPlace::Interpreter => FunctionPlace::InProcess,
                TaskFunctionPlace::Workers => FunctionPlace::Workers,
            },
            ..Settings::default()
        }
    }
}

/// A job that was planned and cut in this process.
pub(crate) struct Job {
    session: Session,
    exchange: Exchange,
    run: RunId,
    fragments: Vec<Fragment>,
    files: Vec<FileInfo>,
    options: JobOptions,
    answer: Option<Answer>,
}

impl Job {
    /// Plans and cuts `program` and compares what comes out with what the driver had.
    ///
    /// # Errors
    /// A program that cannot be planned here, or not as it was planned by the driver.
    pub(crate) async fn plan(
        session: Session,
        exchange: Exchange,
        run: RunId,
        program: &[u8],
        mut options: JobOptions,
    ) -> Result<Self> {
        let dataset = decode(&session, program).await?;
        let files = dataset.files();
        let logical = dataset.logical_plan().await?;
        let plan = session.stageable_plan(&logical, options.now).await?;
        let fragments = cut(plan).map_err(|refusal| {
            Error::new(Fault::Unsupported, format!("the plan cannot be cut: {}", refusal.0))
        })?;
        let text: String = fragments.iter().map(Fragment::text).collect();
        let found = digest(text.as_bytes());
        if options.digest.is_empty() {
            options.digest = found;
        } else if options.digest != found {
            return Err(Error::internal(
                "a task planned the program in another way than its driver",
            )
            .hint("please report this with the program; it runs without `connect`"));
        }
        Ok(Self { session, exchange, run, fragments, files, options, answer: None })
    }

    /// The same job, whose answer stays in memory: its tasks run in this process, and nobody else
    /// will read it.
    pub(crate) fn with_answer_kept(self) -> Self {
        Self { answer: Some(Answer::default()), ..self }
    }

    /// What keeps the outputs of `stage`, if it gives the answer and that stays in memory.
    pub(crate) fn answer(&self, stage: StageId) -> Option<&Answer> {
        let last = self.fragments.len().checked_sub(1);
        self.answer.as_ref().filter(|_| last == Some(stage.0 as usize))
    }

    pub(crate) fn is_of(&self, spec: &TaskSpec) -> bool {
        self.run == spec.run && self.exchange.name() == spec.exchange
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    pub(crate) fn options(&self) -> &JobOptions {
        &self.options
    }

    pub(crate) fn fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    pub(crate) fn fragment(&self, stage: StageId) -> Option<&Fragment> {
        self.fragments.get(stage.0 as usize)
    }

    pub(crate) fn files(&self) -> &[FileInfo] {
        &self.files
    }

    /// The columns of the answer.
    pub(crate) fn schema(&self) -> arrow::datatypes::SchemaRef {
        let last = self.fragments.last();
        last.map_or_else(|| Arc::new(arrow::datatypes::Schema::empty()), |last| last.plan.schema())
    }
}
