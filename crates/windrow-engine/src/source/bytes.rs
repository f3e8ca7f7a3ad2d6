//! The bytes of a file, or of a range of it: local files read directly, remote ones through their store, decompressed on the way.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::DataFusionError;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use serde::{Deserialize, Serialize};

use super::fault::ReadError;
use super::remote;

/// How many bytes are asked of a local file at once.
const CHUNK: usize = 512 * 1024;

/// How files are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// By the end of the file's name: `.gz`, `.zst`, `.bz2`, `.xz`, otherwise none.
    #[default]
    Infer,
    /// Not compressed (`None` in Python).
    Plain,
    /// `.gz`; several members in one file are read one after the other.
    #[serde(alias = "gz")]
    Gzip,
    /// `.zst`
    #[serde(alias = "zst")]
    Zstd,
    /// `.bz2`
    #[serde(alias = "bzip2")]
    Bz2,
    /// `.xz`
    Xz,
}

impl Compression {
    /// What `self` means for a file of this name.
    pub(crate) fn of(self, name: &str) -> Self {
        if self != Self::Infer {
            return self;
        }
        match name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
            Some("gz" | "gzip") => Self::Gzip,
            Some("zst" | "zstd") => Self::Zstd,
            Some("bz2") => Self::Bz2,
            Some("xz") => Self::Xz,
            _ => Self::Plain,
        }
    }

    /// The name for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Infer | Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bz2 => "bz2",
            Self::Xz => "xz",
        }
    }

    /// Whether a file that starts with `bytes` can be of this compression.
    fn matches(self, bytes: &[u8]) -> bool {
        match self {
            Self::Infer | Self::Plain => true,
            Self::Gzip => bytes.starts_with(b"\x1f\x8b"),
            // A frame to be skipped may come first.
            Self::Zstd => {
                bytes.starts_with(b"\x28\xb5\x2f\xfd") || bytes.get(1..4) == Some(b"\x2a\x4d\x18")
            }
            Self::Bz2 => bytes.starts_with(b"BZh"),
            Self::Xz => bytes.starts_with(b"\xfd7zXZ"),
        }
    }

    fn codec(self) -> Result<FileCompressionType, DataFusionError> {
        match self {
            Self::Infer | Self::Plain => Ok(FileCompressionType::UNCOMPRESSED),
            other => FileCompressionType::from_str(match other {
                Self::Zstd => "zstd",
                Self::Bz2 => "bz2",
                Self::Xz => "xz",
                _ => "gzip",
            }),
        }
    }
}

/// One file of a source: its name as the user would write it, and where its bytes are.
#[derive(Debug, Clone)]
pub(crate) struct ScanFile {
    pub(crate) name: Arc<str>,
    /// Set for files of this machine, which are read without the store.
    pub(crate) local: Option<PathBuf>,
    pub(crate) meta: ObjectMeta,
    /// Resolved: never `Infer`.
    pub(crate) compression: Compression,
    /// The `key=value` folders on its way.
    pub(crate) keys: Vec<(String, String)>,
}

impl ScanFile {
    pub(crate) fn is_plain(&self) -> bool {
        self.compression == Compression::Plain
    }
}

/// A file with the store it is in.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    pub(crate) file: Arc<ScanFile>,
    pub(crate) store: Arc<dyn ObjectStore>,
}

/// Bytes coming in, chunk after chunk.
pub(crate) struct ByteStream {
    file: Arc<ScanFile>,
    origin: Origin,
}

enum Origin {
    Local(Box<dyn Read + Send>),
    Remote(BoxStream<'static, Result<Bytes, DataFusionError>>),
}

impl StoredFile {
    /// The decompressed bytes of `range`; compressed files can only be cut in memory, from their start.
    pub(crate) async fn open(&self, range: Range<u64>) -> Result<ByteStream, ReadError> {
        let origin = match &self.file.local {
            Some(path) => Origin::Local(self.open_local(path, range)?),
            None => Origin::Remote(self.open_remote(range).await?),
        };
        Ok(ByteStream { file: Arc::clone(&self.file), origin })
    }

    fn open_local(
        &self,
        path: &PathBuf,
        range: Range<u64>,
    ) -> Result<Box<dyn Read + Send>, ReadError> {
        let name = &self.file.name;
        let mut file = File::open(path).map_err(|error| ReadError::io(name, &error))?;
        if self.file.is_plain() {
            if range.start > 0 {
                file.seek(SeekFrom::Start(range.start))
                    .map_err(|error| ReadError::io(name, &error))?;
            }
            return Ok(Box::new(file.take(range.end.saturating_sub(range.start))));
        }
        self.check_start(&mut file).map_err(|error| ReadError::io(name, &error))??;
        let codec = self.file.compression.codec().map_err(|error| self.unreadable(&error))?;
        let mut reader = codec.convert_read(file).map_err(|error| self.unreadable(&error))?;
        std::io::copy(&mut reader.by_ref().take(range.start), &mut std::io::sink())
            .map_err(|error| ReadError::decompress(name, self.file.compression.name(), &error))?;
        Ok(Box::new(reader.take(range.end.saturating_sub(range.start))))
    }

    /// An error if the file is compressed otherwise than its name says.
    fn check_start(&self, file: &mut File) -> std::io::Result<Result<(), ReadError>> {
        let mut start = Vec::with_capacity(8);
        file.by_ref().take(8).read_to_end(&mut start)?;
        file.rewind()?;
        let compression = self.file.compression;
        if compression.matches(&start) {
            return Ok(Ok(()));
        }
        let (name, kind) = (&self.file.name, compression.name());
        Ok(Err(ReadError::data(format!("file `{name}` is not a {kind} file"))
            .hint("pass `compression=None` if it is not compressed at all")))
    }

    async fn open_remote(
        &self,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, DataFusionError>>, ReadError> {
        let plain = self.file.is_plain();
        let whole = range.start == 0 && range.end >= self.file.meta.size;
        let wanted = (plain && !whole)
            .then(|| GetRange::Bounded(range.start..range.end.min(self.file.meta.size)));
        let options = GetOptions { range: wanted, ..GetOptions::default() };
        let reply = self
            .store
            .get_opts(&self.file.meta.location, options)
            .await
            .map_err(|error| remote::explain(&self.file.name, &error))?;
        let raw = reply.into_stream().map(|chunk| chunk.map_err(DataFusionError::from)).boxed();
        if plain {
            return Ok(raw);
        }
        let codec = self.file.compression.codec().map_err(|error| self.unreadable(&error))?;
        let decompressed = codec.convert_stream(raw).map_err(|error| self.unreadable(&error))?;
        Ok(cut(decompressed, range))
    }

    fn unreadable(&self, error: &DataFusionError) -> ReadError {
        explain(&self.file, error)
    }

    /// The first `limit` bytes, decompressed, and whether that is all of the file.
    pub(crate) async fn head(&self, limit: usize) -> Result<(Vec<u8>, bool), ReadError> {
        let bytes = self.range(0..limit as u64 + 1).await?;
        let whole = bytes.len() <= limit;
        let mut bytes = bytes;
        bytes.truncate(limit);
        Ok((bytes, whole))
    }

    /// The bytes of `range` (or fewer at the file's end) in memory.
    pub(crate) async fn range(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let wanted = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut stream = self.open(range).await?;
        let mut bytes = Vec::with_capacity(wanted.min(CHUNK));
        while let Some(chunk) = stream.next().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() >= wanted {
                break;
            }
        }
        bytes.truncate(wanted);
        Ok(bytes)
    }
}

impl ByteStream {
    /// The next bytes; None at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        match &mut self.origin {
            Origin::Local(reader) => read_chunk(reader, &self.file),
            Origin::Remote(stream) => match stream.next().await {
                None => Ok(None),
                Some(Ok(bytes)) => Ok(Some(bytes)),
                Some(Err(error)) => Err(explain(&self.file, &error)),
            },
        }
    }
}

fn read_chunk(
    reader: &mut Box<dyn Read + Send>,
    file: &ScanFile,
) -> Result<Option<Bytes>, ReadError> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).map_err(|error| {
        if file.is_plain() {
            ReadError::io(&file.name, &error)
        } else {
            ReadError::decompress(&file.name, file.compression.name(), &error)
        }
    })?;
    Ok((read > 0).then(|| Bytes::from(chunk)))
}

/// `range` of a stream that starts at 0.
fn cut(
    stream: BoxStream<'static, Result<Bytes, DataFusionError>>,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, DataFusionError>> {
    let mut at = 0_u64;
    stream
        .map(move |chunk| {
            chunk.map(|chunk| {
                let start = range.start.saturating_sub(at).min(chunk.len() as u64);
                let end = range.end.saturating_sub(at).min(chunk.len() as u64);
                at += chunk.len() as u64;
                chunk.slice(start as usize..end.max(start) as usize)
            })
        })
        .boxed()
}

fn explain(file: &ScanFile, error: &DataFusionError) -> ReadError {
    match error {
        DataFusionError::ObjectStore(inner) => remote::explain(&file.name, inner),
        DataFusionError::IoError(inner) if file.is_plain() => ReadError::io(&file.name, inner),
        DataFusionError::IoError(inner) => {
            ReadError::decompress(&file.name, file.compression.name(), inner)
        }
        other => ReadError::data(format!("file `{}` could not be read: {other}", file.name)),
    }
}
