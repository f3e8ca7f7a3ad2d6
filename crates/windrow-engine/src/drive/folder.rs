//! What a run's folder says of it: who drives it, its epochs, what is committed.

use futures::{StreamExt, TryStreamExt, stream};
use windrow_tasks::machine::Remains;
use windrow_tasks::{CommitRecord, EpochsRecord, JobPlan, MapOutput, RunFolder, StageId, TaskKey};

use crate::error::{Error, Fault, Result};
use crate::exchange::{Exchange, StoreFault};

/// Commit records that are read at a time.
const CONCURRENT: usize = 32;

/// A run as a driver finds it.
#[derive(Debug)]
pub(super) struct State {
    /// Which driver this is.
    pub(super) driver: u32,
    pub(super) remains: Remains,
}

impl State {
    /// Claims the run for a new driver and reads what earlier ones have left.
    pub(super) async fn load(exchange: &Exchange, plan: &JobPlan) -> Result<Self> {
        let folder = RunFolder::new(&plan.run);
        let driver = claim(exchange, &folder).await?;
        if driver == 0 {
            return Ok(Self { driver, remains: Remains::default() });
        }
        let epochs = epochs(exchange, &folder).await?;
        let mut commits = Vec::new();
        for stage in &plan.stages {
            let epoch = epochs.epochs.get(stage.id.0 as usize).copied().unwrap_or(0);
            commits.extend(committed(exchange, &folder, stage.id, epoch).await?);
        }
        Ok(Self { driver, remains: Remains { epochs, commits } })
    }
}

/// The number of a driver that nobody has had before.
async fn claim(exchange: &Exchange, folder: &RunFolder) -> Result<u32> {
    loop {
        let known = exchange.list(&folder.drivers()).await?;
        let last = known.iter().filter_map(|name| name.parse::<u32>().ok()).max();
        let number = last.map_or(0, |last| last + 1);
        let text = format!("{{\"pid\":{}}}", std::process::id()).into_bytes();
        if exchange.put_new(&folder.driver(number), text).await? {
            return Ok(number);
        }
    }
}

async fn epochs(exchange: &Exchange, folder: &RunFolder) -> Result<EpochsRecord> {
    let known = exchange.list(&folder.all_epochs()).await?;
    let number = |name: &String| name.strip_suffix(".json").and_then(|name| name.parse().ok());
    let Some(last) = known.iter().filter_map(number).max() else {
        return Ok(EpochsRecord::default());
    };
    let bytes = exchange.get(&folder.epochs(last)).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::data(format!("a record of the run `{}` cannot be read: {error}", folder.root()))
    })
}

/// What is committed of a stage; of several rounds of a task the last.
async fn committed(
    exchange: &Exchange,
    folder: &RunFolder,
    stage: StageId,
    epoch: u32,
) -> Result<Vec<(TaskKey, MapOutput)>> {
    let names = exchange.list(&folder.outputs(stage, epoch)).await?;
    let mut keys: Vec<TaskKey> =
        names.iter().filter_map(|name| RunFolder::task_of_commit(stage, epoch, name)).collect();
    keys.sort_unstable();
    let mut last: Vec<TaskKey> = Vec::with_capacity(keys.len());
    for key in keys {
        match last.last_mut() {
            Some(same) if same.partition == key.partition => *same = key,
            _ => last.push(key),
        }
    }
    stream::iter(last)
        .map(|key| async move {
            let bytes = match exchange.get(&folder.commit(&key)).await {
                Ok(bytes) => bytes,
                // Removed since it was listed: as if it had never been there.
                Err(StoreFault::Missing) => return Ok(None),
                Err(fault) => return Err(Error::from(fault)),
            };
            let record = CommitRecord::from_json(&bytes).map_err(|error| {
                Error::new(Fault::Data, format!("a commit record cannot be read: {error}"))
                    .hint(format!("remove `{}` and resume the run", folder.commit(&key)))
            })?;
            Ok(Some((key, record.0)))
        })
        .buffered(CONCURRENT)
        .try_filter_map(|found| async move { Ok(found) })
        .try_collect()
        .await
}
