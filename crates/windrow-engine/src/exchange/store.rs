//! The storage that all tasks of a run reach: a folder, or a bucket.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload,
};

use crate::error::{Error, Fault, Result};
use crate::source::output_store;

/// Why storage did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreFault {
    /// There is no such object.
    Missing,
    /// There is no space left.
    Full(String),
    /// Something else; it may pass.
    Other(String),
}

impl fmt::Display for StoreFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("an object of the exchange folder is gone"),
            Self::Full(why) => write!(formatter, "the exchange folder is full: {why}"),
            Self::Other(why) => write!(formatter, "the exchange folder fails: {why}"),
        }
    }
}

impl From<object_store::Error> for StoreFault {
    fn from(error: object_store::Error) -> Self {
        if matches!(error, object_store::Error::NotFound { .. }) {
            return Self::Missing;
        }
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = source {
            let kind = inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            if matches!(
                kind,
                Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
            ) {
                return Self::Full(inner.to_string());
            }
            source = inner.source();
        }
        Self::Other(error.to_string())
    }
}

impl From<StoreFault> for Error {
    fn from(fault: StoreFault) -> Self {
        let hint = match &fault {
            StoreFault::Full(_) => "free space there, or name a larger folder with `exchange=`",
            _ => "check that the folder is there and can be written from every machine",
        };
        Self::new(Fault::Resources, fault.to_string()).hint(hint)
    }
}

/// A folder of exchanges.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    store: Arc<dyn ObjectStore>,
    base: Path,
    name: String,
}

/// Parts of an upload are at least this long, but for the last.
pub(super) const PART: usize = 8 << 20;

impl Exchange {
    /// The folder at `place`: an absolute path or a URL.
    ///
    /// # Errors
    /// A URL that is not understood, or a store without credentials.
    pub(crate) fn open(place: &str) -> Result<Self> {
        let (store, base) = output_store(place)?;
        Ok(Self { store, base, name: place.to_owned() })
    }

    /// As it was named.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.base.clone(), |path, part| path.join(part))
    }

    /// Writes an object if there is none of that name; whether it did.
    pub(crate) async fn put_new(&self, name: &str, bytes: Vec<u8>) -> Result<bool, StoreFault> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&self.path(name), PutPayload::from(bytes), options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an object whole; what was there is replaced.
    pub(crate) async fn put(
        &self,
        name: &str,
        bytes: impl Into<PutPayload>,
    ) -> Result<(), StoreFault> {
        let options = PutOptions::default();
        self.store.put_opts(&self.path(name), bytes.into(), options).await?;
        Ok(())
    }

    /// Starts an object that comes in parts.
    pub(super) async fn upload(&self, name: &str) -> Result<Box<dyn MultipartUpload>, StoreFault> {
        let options = PutMultipartOptions::default();
        Ok(self.store.put_multipart_opts(&self.path(name), options).await?)
    }

    /// An object's bytes.
    pub(crate) async fn get(&self, name: &str) -> Result<Bytes, StoreFault> {
        Ok(self.store.get_opts(&self.path(name), GetOptions::default()).await?.bytes().await?)
    }

    /// Some of an object's bytes; fewer where it ends.
    pub(crate) async fn range(&self, name: &str, range: Range<u64>) -> Result<Bytes, StoreFault> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        Ok(self.store.get_opts(&self.path(name), options).await?.bytes().await?)
    }

    /// An object's length.
    pub(crate) async fn len(&self, name: &str) -> Result<u64, StoreFault> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        Ok(self.store.get_opts(&self.path(name), options).await?.meta.size)
    }

    /// The names of the objects in a folder, without what is before them.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<String>, StoreFault> {
        let path = self.path(folder);
        let found = self.store.list_with_delimiter(Some(&path)).await;
        let found = match found {
            Err(object_store::Error::NotFound { .. }) => return Ok(vec![]),
            other => other?,
        };
        Ok(found
            .objects
            .iter()
            .filter_map(|one| one.location.filename().map(str::to_owned))
            .collect())
    }

    /// The names of the folders in it.
    pub(crate) async fn folders(&self) -> Result<Vec<String>, StoreFault> {
        let found = match self.store.list_with_delimiter(Some(&self.base)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(vec![]),
            other => other?,
        };
        let name = |path: &Path| path.filename().map(str::to_owned);
        Ok(found.common_prefixes.iter().filter_map(name).collect())
    }

    /// Removes an object; that it is not there is no fault.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), StoreFault> {
        let path = self.path(name);
        let mut removed = self.store.delete_stream(stream::once(async move { Ok(path) }).boxed());
        match removed.next().await {
            Some(Err(error)) if !matches!(error, object_store::Error::NotFound { .. }) => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    /// Removes all objects of a folder.
    pub(crate) async fn remove_all(&self, folder: &str) -> Result<(), StoreFault> {
        let path = self.path(folder);
        let found = self.store.list(Some(&path)).map_ok(|one| one.location).boxed();
        self.store.delete_stream(found).try_for_each(|_| async { Ok(()) }).await?;
        // A file system keeps empty folders; there they are ours to remove.
        if !self.name.contains("://") {
            let _ = std::fs::remove_dir_all(std::path::Path::new(&self.name).join(folder));
        }
        Ok(())
    }
}
