//! Files behind URLs: `s3://`, `gs://`, `az://`, `http(s)://`. Credentials come from the environment or `storage_options`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{
    ClientConfigKey, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};
use url::Url;

use super::bytes::{Compression, ScanFile};
use super::fault::ReadError;
use super::list::{Kind, is_glob, is_hidden, keys};
use crate::error::Fault;
use crate::nearest::nearest;

/// Options for stores, under object_store's names (`aws_region`) or fsspec's (`key`, `secret`, `anon`).
pub type StorageOptions = BTreeMap<String, String>;

/// A URL in its parts; the key may hold glob characters, so it is not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) scheme: String,
    /// Bucket, container or host.
    pub(crate) host: String,
    pub(crate) key: String,
}

impl Remote {
    /// None for paths of this machine.
    pub(crate) fn parse(path: &str) -> Result<Option<Self>, ReadError> {
        let Some((scheme, rest)) = path.split_once("://") else { return Ok(None) };
        let scheme = scheme.to_ascii_lowercase();
        let known = match scheme.as_str() {
            "file" => return Ok(None),
            "s3" | "s3a" => "s3",
            "gs" | "gcs" => "gs",
            "az" | "abfs" | "abfss" | "azure" => "az",
            "http" => "http",
            "https" => "https",
            _ => {
                return Err(ReadError::new(
                    Fault::Unsupported,
                    format!("`{path}` has an unknown scheme `{scheme}://`"),
                )
                .hint(
                    "paths of this machine, s3://, gs://, az://, http:// and https:// can be read",
                ));
            }
        };
        let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() {
            let what = if known.starts_with("http") { "host" } else { "bucket" };
            return Err(ReadError::new(Fault::Plan, format!("`{path}` names no {what}")));
        }
        if known.starts_with("http") && key.contains('?') {
            return Err(ReadError::new(
                Fault::Unsupported,
                format!("`{path}` has a query (`?...`), which is not supported"),
            )
            .hint("download the file first: `curl -LO`"));
        }
        Ok(Some(Self { scheme: known.to_owned(), host: host.to_owned(), key: key.to_owned() }))
    }

    fn is_web(&self) -> bool {
        self.scheme.starts_with("http")
    }

    fn base(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// A file's URL.
    fn shown(&self, key: &Path) -> String {
        format!("{}/{key}", self.base())
    }

    /// The store, from the environment's registry or newly registered there.
    pub(crate) fn store(
        &self,
        runtime: &RuntimeEnv,
        options: &StorageOptions,
    ) -> Result<(ObjectStoreUrl, Arc<dyn ObjectStore>), ReadError> {
        let wrong = |error: &dyn std::fmt::Display| {
            ReadError::new(Fault::Plan, format!("`{}` is not a URL: {error}", self.base()))
        };
        let url = Url::parse(&self.base()).map_err(|error| wrong(&error))?;
        let store_url = ObjectStoreUrl::parse(self.base()).map_err(|error| wrong(&error))?;
        if options.is_empty()
            && let Ok(store) = runtime.object_store(&store_url)
        {
            return Ok((store_url, store));
        }
        let store = self.build(options)?;
        runtime.register_object_store(&url, Arc::clone(&store));
        Ok((store_url, store))
    }

    pub(crate) fn build(
        &self,
        options: &StorageOptions,
    ) -> Result<Arc<dyn ObjectStore>, ReadError> {
        let failed = |error: object_store::Error| explain(&self.base(), &error);
        // `with_client_options` would drop what the environment says of the client (`AWS_ALLOW_HTTP`).
        let (retry, connect_timeout) = patience(self.has_credentials(options));
        Ok(match self.scheme.as_str() {
            "s3" => {
                let mut builder =
                    AmazonS3Builder::from_env().with_url(self.base()).with_retry(retry);
                if let Some(time) = connect_timeout {
                    let key = AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout);
                    builder = builder.with_config(key, time);
                }
                for (key, value) in self.settings(options) {
                    builder = builder
                        .with_config(key.parse::<AmazonS3ConfigKey>().map_err(failed)?, value);
                }
                Arc::new(builder.build().map_err(failed)?)
            }
            "gs" => {
                let mut builder =
                    GoogleCloudStorageBuilder::from_env().with_url(self.base()).with_retry(retry);
                if let Some(time) = connect_timeout {
                    let key = GoogleConfigKey::Client(ClientConfigKey::ConnectTimeout);
                    builder = builder.with_config(key, time);
                }
                for (key, value) in self.settings(options) {
                    builder =
                        builder.with_config(key.parse::<GoogleConfigKey>().map_err(failed)?, value);
                }
                Arc::new(builder.build().map_err(failed)?)
            }
            "az" => {
                let mut builder =
                    MicrosoftAzureBuilder::from_env().with_url(self.base()).with_retry(retry);
                if let Some(time) = connect_timeout {
                    let key = AzureConfigKey::Client(ClientConfigKey::ConnectTimeout);
                    builder = builder.with_config(key, time);
                }
                for (key, value) in self.settings(options) {
                    builder =
                        builder.with_config(key.parse::<AzureConfigKey>().map_err(failed)?, value);
                }
                Arc::new(builder.build().map_err(failed)?)
            }
            _ => {
                let client = ClientOptions::new().with_allow_http(true);
                Arc::new(
                    HttpBuilder::new()
                        .with_url(self.base())
                        .with_client_options(client)
                        .build()
                        .map_err(failed)?,
                )
            }
        })
    }

    /// fsspec's names in object_store's.
    pub(crate) fn settings(&self, options: &StorageOptions) -> Vec<(String, String)> {
        let translate = |key: &str| match (self.scheme.as_str(), key) {
            ("s3", "key") => "aws_access_key_id".to_owned(),
            ("s3", "secret") => "aws_secret_access_key".to_owned(),
            ("s3", "token") => "aws_session_token".to_owned(),
            ("s3", "anon") => "aws_skip_signature".to_owned(),
            ("s3", "endpoint_url") => "aws_endpoint".to_owned(),
            ("gs", "token") => "google_service_account".to_owned(),
            ("az", "account_name") => "azure_storage_account_name".to_owned(),
            ("az", "account_key") => "azure_storage_account_key".to_owned(),
            _ => key.to_ascii_lowercase(),
        };
        options.iter().map(|(key, value)| (translate(key), value.to_lowercase_if_bool())).collect()
    }

    /// Whether the user gave credentials, so that the machine's own role need not be asked for.
    fn has_credentials(&self, options: &StorageOptions) -> bool {
        let prefixes: &[&str] = match self.scheme.as_str() {
            "s3" => &[
                "AWS_ACCESS_KEY_ID",
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                "AWS_CONTAINER_CREDENTIALS",
                "AWS_SKIP_SIGNATURE",
            ],
            "gs" => &["GOOGLE_"],
            "az" => &["AZURE_"],
            _ => return true,
        };
        !options.is_empty()
            || std::env::vars_os().any(|(key, _)| {
                key.to_str()
                    .is_some_and(|key| prefixes.iter().any(|prefix| key.starts_with(prefix)))
            })
    }

    /// The files that the URL stands for, in order.
    pub(crate) async fn list(
        &self,
        store: &Arc<dyn ObjectStore>,
        kind: Kind,
        compression: Compression,
    ) -> Result<Vec<ScanFile>, ReadError> {
        let url = format!("{}/{}", self.base(), self.key);
        let failed = |error: object_store::Error| explain(&url, &error);
        if self.is_web() {
            if self.key.contains('*') || self.key.is_empty() || self.key.ends_with('/') {
                return Err(ReadError::new(
                    Fault::Unsupported,
                    format!("`{url}`: a web server cannot list its files"),
                )
                .hint("pass the URL of each file"));
            }
            let path = Path::from_url_path(&self.key).map_err(|error| failed(error.into()))?;
            let meta = store.head(&path).await.map_err(failed)?;
            return Ok(vec![self.scan_file(meta, None, compression)]);
        }
        if is_glob(&self.key) {
            return self.list_glob(store, &url, compression).await;
        }
        let path = Path::from(self.key.trim_end_matches('/'));
        if !self.key.is_empty() && !self.key.ends_with('/') {
            match store.head(&path).await {
                Ok(meta) => return Ok(vec![self.scan_file(meta, None, compression)]),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let all = self.objects(store, path.as_ref(), &url).await?;
        if all.is_empty() {
            return Err(self.missing(store, &url).await);
        }
        let below = |meta: &ObjectMeta| {
            meta.location.as_ref().strip_prefix(path.as_ref()).unwrap_or_default().to_owned()
        };
        let files: Vec<ScanFile> = all
            .into_iter()
            .filter(|meta| !below(meta).split('/').any(is_hidden))
            .filter(|meta| meta.location.filename().is_some_and(|name| kind.takes(name)))
            .map(|meta| self.scan_file(meta, Some(path.as_ref()), compression))
            .collect();
        if files.is_empty() {
            return Err(ReadError::missing(format!(
                "folder `{url}` has no {} files",
                kind.shown()
            )));
        }
        Ok(files)
    }

    async fn list_glob(
        &self,
        store: &Arc<dyn ObjectStore>,
        url: &str,
        compression: Compression,
    ) -> Result<Vec<ScanFile>, ReadError> {
        let pattern = glob::Pattern::new(&self.key).map_err(|error| {
            ReadError::new(Fault::Plan, format!("`{url}` is not a glob: {}", error.msg))
        })?;
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let fixed = &self.key[..self.key.find(['*', '?', '[']).unwrap_or(0)];
        let prefix = fixed.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
        let all = self.objects(store, prefix, url).await?;
        let files: Vec<ScanFile> = all
            .into_iter()
            .filter(|meta| pattern.matches_with(meta.location.as_ref(), options))
            .map(|meta| self.scan_file(meta, None, compression))
            .collect();
        if files.is_empty() {
            return Err(ReadError::missing(format!("no file matches `{url}`")));
        }
        Ok(files)
    }

    /// Everything below `prefix`, in order.
    async fn objects(
        &self,
        store: &Arc<dyn ObjectStore>,
        prefix: &str,
        url: &str,
    ) -> Result<Vec<ObjectMeta>, ReadError> {
        let prefix = Path::from(prefix);
        let all: Vec<ObjectMeta> =
            store.list(Some(&prefix)).try_collect().await.map_err(|error| explain(url, &error))?;
        let mut all: Vec<ObjectMeta> = all
            .into_iter()
            .filter(|meta| meta.size > 0 || meta.location.extension().is_some())
            .collect();
        all.sort_by(|left, right| left.location.cmp(&right.location));
        Ok(all)
    }

    async fn missing(&self, store: &Arc<dyn ObjectStore>, url: &str) -> ReadError {
        let error = ReadError::missing(format!("no such file: `{url}`"));
        let (folder, wanted) =
            self.key.trim_end_matches('/').rsplit_once('/').unwrap_or(("", self.key.as_str()));
        let Ok(listed) = store.list_with_delimiter(Some(&Path::from(folder))).await else {
            return error;
        };
        let files = listed.objects.iter().map(|meta| meta.location.clone());
        let names: Vec<Path> = files.chain(listed.common_prefixes.iter().cloned()).collect();
        match nearest(wanted, names.iter().filter_map(Path::filename)) {
            Some(name) if folder.is_empty() => {
                error.hint(format!("did you mean `{}/{name}`?", self.base()))
            }
            Some(name) => error.hint(format!("did you mean `{}/{folder}/{name}`?", self.base())),
            None => error,
        }
    }

    /// `folder` is what was listed, if it was a folder.
    fn scan_file(
        &self,
        meta: ObjectMeta,
        folder: Option<&str>,
        compression: Compression,
    ) -> ScanFile {
        let name = self.shown(&meta.location);
        let below = folder.and_then(|folder| meta.location.as_ref().strip_prefix(folder));
        let keys = below.map(keys).unwrap_or_default();
        ScanFile { compression: compression.of(&name), name: name.into(), local: None, keys, meta }
    }
}

trait LowercaseBool {
    fn to_lowercase_if_bool(&self) -> String;
}

impl LowercaseBool for String {
    /// `True` from Python as `true`.
    fn to_lowercase_if_bool(&self) -> String {
        if matches!(self.as_str(), "True" | "False") { self.to_lowercase() } else { self.clone() }
    }
}

/// Without credentials, the machine's role is asked for at an address that answers at once or never.
fn patience(has_credentials: bool) -> (RetryConfig, Option<&'static str>) {
    if has_credentials {
        return (RetryConfig::default(), None);
    }
    let retry = RetryConfig {
        max_retries: 1,
        retry_timeout: Duration::from_secs(5),
        ..RetryConfig::default()
    };
    (retry, Some("3s"))
}

/// A store's error about the file named `name`.
pub(crate) fn explain(name: &str, error: &object_store::Error) -> ReadError {
    let reason = reason(error);
    let lower = reason.to_lowercase();
    let scheme = name.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match error {
        _ if says(&["nosuchbucket", "bucket does not exist", "containernotfound"]) => {
            ReadError::missing(format!("there is no bucket as in `{name}`"))
        }
        object_store::Error::NotFound { .. } => {
            ReadError::missing(format!("no such file: `{name}`"))
        }
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => {
            ReadError::new(Fault::Settings, format!("access to `{name}` was denied"))
                .hint(credentials(scheme))
        }
        _ if says(&[
            "169.254.169.254",
            "credential",
            "metadata.google",
            "access token",
            "account must be specified",
        ]) =>
        {
            ReadError::new(Fault::Settings, format!("no credentials for `{name}`"))
                .hint(credentials(scheme))
        }
        _ if says(&["scheme is not allowed"]) => {
            ReadError::new(Fault::Settings, format!("the endpoint of `{name}` is without TLS")).hint(
                "set AWS_ALLOW_HTTP=true (AZURE_ALLOW_HTTP, GOOGLE_ALLOW_HTTP), or an endpoint with https://",
            )
        }
        _ if says(&["dns", "connect", "timed out", "timeout"]) => {
            ReadError::new(Fault::Resources, format!("`{name}` could not be reached: {reason}"))
                .hint("check the name, the network, and any endpoint or proxy settings")
        }
        _ => ReadError::data(format!("`{name}` could not be read: {reason}")),
    }
}

fn credentials(scheme: &str) -> String {
    match scheme {
        "s3" | "s3a" => "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION \
            (`eval \"$(aws configure export-credentials --format env)\"`), or AWS_SKIP_SIGNATURE=true for a public bucket",
        "gs" | "gcs" => "set GOOGLE_APPLICATION_CREDENTIALS to the path of a key file, \
            or GOOGLE_SKIP_SIGNATURE=true for a public bucket",
        "az" | "abfs" | "abfss" | "azure" => "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY \
            (or AZURE_STORAGE_SAS_TOKEN)",
        _ => "the server asks for a login, which is not supported; download the file first",
    }
    .to_owned()
}

/// The innermost causes, which say more than the outermost.
fn reason(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    let short: String = text.chars().take(400).collect();
    short.replace('\n', " ")
}
