//! Paths, globs and folders of this machine to files, in order.

use std::path::{Path, PathBuf};

use object_store::ObjectMeta;

use super::bytes::{Compression, ScanFile};
use super::fault::ReadError;
use crate::nearest::nearest;

/// Which files of a folder belong to a format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// The reader, for hints: "read_csv".
    pub(crate) reader: &'static str,
    /// Without the dot; a compression's ending may follow.
    pub(crate) extensions: &'static [&'static str],
}

impl Kind {
    /// Whether a file of this name, found in a folder, is meant.
    pub(crate) fn takes(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let plain = [".gz", ".zst", ".bz2", ".xz"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(&name);
        plain.rsplit_once('.').is_some_and(|(_, end)| self.extensions.contains(&end))
    }

    /// ".csv or .tsv"
    pub(crate) fn shown(&self) -> String {
        self.extensions.iter().map(|end| format!(".{end}")).collect::<Vec<_>>().join(" or ")
    }
}

/// Names that tools use for what is no data: `.crc`, `_SUCCESS`.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// Whether `path` has glob characters.
pub(crate) fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The files that `path` stands for, in order.
pub(crate) fn list(
    path: &str,
    kind: Kind,
    compression: Compression,
) -> Result<Vec<ScanFile>, ReadError> {
    let plain = expand_home(path.strip_prefix("file://").unwrap_or(path));
    let local = Path::new(&plain);
    match std::fs::metadata(local) {
        Ok(found) if found.is_dir() => list_folder(path, local, kind, compression),
        Ok(found) if found.is_file() => Ok(vec![scan_file(path, local, local, compression)?]),
        Ok(_) => Err(ReadError::data(format!("`{path}` is neither a file nor a folder"))),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(ReadError::io(path, &error))
        }
        Err(_) if is_glob(&plain) => list_glob(path, &plain, kind, compression),
        Err(_) => Err(missing(path, local)),
    }
}

pub(crate) fn expand_home(path: &str) -> String {
    match (path.strip_prefix('~'), std::env::home_dir()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.display())
        }
        _ => path.to_owned(),
    }
}

fn missing(path: &str, local: &Path) -> ReadError {
    let mut parent = local.parent().unwrap_or(Path::new(""));
    let mut child = local;
    while !parent.as_os_str().is_empty() && !parent.is_dir() {
        child = parent;
        parent = parent.parent().unwrap_or(Path::new(""));
    }
    let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let wanted =
        child.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let names = entries(folder).unwrap_or_default();
    let error = if child == local {
        ReadError::missing(format!("no such file: `{path}`"))
    } else {
        ReadError::missing(format!(
            "no such file: `{path}`, since there is no folder `{}`",
            child.display()
        ))
    };
    match nearest(&wanted, names.iter().map(|(name, _)| name.as_str())) {
        Some(name) => error.hint(format!(
            "did you mean `{}`?",
            folder.join(name).display().to_string().trim_start_matches("./")
        )),
        None if local.is_relative() => {
            let current =
                std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default();
            error.hint(format!("the path is relative to the current folder, `{current}`"))
        }
        None => error,
    }
}

/// The entries of a folder, sorted by name.
fn entries(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    entries.sort();
    Ok(entries)
}

fn list_folder(
    path: &str,
    folder: &Path,
    kind: Kind,
    compression: Compression,
) -> Result<Vec<ScanFile>, ReadError> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    walk(folder, &mut |name, path| {
        if kind.takes(name) { found.push(path) } else { others.push(path) }
    })
    .map_err(|error| ReadError::io(path, &error))?;
    if found.is_empty() {
        let error = ReadError::missing(format!("folder `{path}` has no {} files", kind.shown()));
        return Err(match others.first() {
            Some(other) => {
                let rest = if others.len() > 1 {
                    format!(" and {} more", others.len() - 1)
                } else {
                    String::new()
                };
                let name = other.strip_prefix(folder).unwrap_or(other).display();
                error.hint(format!(
                    "it has `{name}`{rest}; pass a glob such as `{}/*` to read files of any name",
                    path.trim_end_matches('/')
                ))
            }
            None => error.hint("the folder is empty"),
        });
    }
    found
        .iter()
        .map(|file| scan_file(&shown(path, folder, file), file, folder, compression))
        .collect()
}

/// The name of a file in a folder that the user called `path`.
fn shown(path: &str, folder: &Path, file: &Path) -> String {
    match file.strip_prefix(folder) {
        Ok(rest) => format!("{}/{}", path.trim_end_matches('/'), rest.display()),
        Err(_) => file.display().to_string(),
    }
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&str, PathBuf)) -> std::io::Result<()> {
    for (name, path) in entries(folder)? {
        if is_hidden(&name) {
            continue;
        }
        if path.is_dir() {
            walk(&path, visit)?;
        } else if path.is_file() {
            visit(&name, path);
        }
    }
    Ok(())
}

fn list_glob(
    path: &str,
    pattern: &str,
    kind: Kind,
    compression: Compression,
) -> Result<Vec<ScanFile>, ReadError> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let matches = glob::glob_with(pattern, options).map_err(|error| {
        ReadError::new(crate::error::Fault::Plan, format!("`{path}` is not a glob: {}", error.msg))
    })?;
    let mut found = Vec::new();
    for entry in matches {
        let entry = entry
            .map_err(|error| ReadError::io(&error.path().display().to_string(), error.error()))?;
        if entry.is_dir() {
            walk(&entry, &mut |name, file| {
                if kind.takes(name) {
                    found.push(file);
                }
            })
            .map_err(|error| ReadError::io(&entry.display().to_string(), &error))?;
        } else {
            found.push(entry);
        }
    }
    if found.is_empty() {
        let fixed: PathBuf = Path::new(pattern)
            .iter()
            .take_while(|part| !is_glob(&part.to_string_lossy()))
            .collect();
        let error = ReadError::missing(format!("no file matches `{path}`"));
        return Err(if fixed.as_os_str().is_empty() || fixed.is_dir() {
            error.hint(
                "`*` matches within one folder, `**` across folders; `ls` shows what there is",
            )
        } else {
            error.hint(format!("there is no folder `{}`", fixed.display()))
        });
    }
    found
        .iter()
        .map(|file| scan_file(&file.display().to_string(), file, file, compression))
        .collect()
}

fn scan_file(
    name: &str,
    path: &Path,
    root: &Path,
    compression: Compression,
) -> Result<ScanFile, ReadError> {
    let io = |error: std::io::Error| ReadError::io(name, &error);
    let absolute = path.canonicalize().map_err(io)?;
    let found = absolute.metadata().map_err(io)?;
    let location = object_store::path::Path::from_absolute_path(&absolute).map_err(|error| {
        ReadError::data(format!("file `{name}` has a name that cannot be used: {error}"))
    })?;
    let meta = ObjectMeta {
        location,
        last_modified: found.modified().map_err(io)?.into(),
        size: found.len(),
        e_tag: None,
        version: None,
    };
    let inner = path.strip_prefix(root).unwrap_or(path);
    Ok(ScanFile {
        name: name.into(),
        local: Some(absolute),
        meta,
        compression: compression.of(name),
        keys: keys(&inner.to_string_lossy()),
    })
}

/// The `key=value` folders in a path below the folder that is read.
pub(crate) fn keys(path: &str) -> Vec<(String, String)> {
    let folders = path.rsplit_once('/').map(|(folders, _)| folders).unwrap_or_default();
    let split =
        |part: &str| part.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    folders.split('/').filter_map(split).filter(|(key, _)| !key.is_empty()).collect()
}
