//! The folder of outcomes, as the driver reads it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::Place;
use crate::error::SlurmError;
use crate::pilot::write_whole;

/// The outcomes of those tasks that have one now.
pub(super) fn read(
    folder: &Path,
    places: &BTreeMap<String, Place>,
) -> Result<Vec<(String, Vec<u8>)>, SlurmError> {
    let failed = |error: io::Error| SlurmError::file(folder, &error);
    let mut found = Vec::new();
    if places.is_empty() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(key) = name.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
        if !places.contains_key(key) {
            continue;
        }
        match fs::read(folder.join(&name)) {
            Ok(outcome) => found.push((key.to_owned(), outcome)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(SlurmError::file(&folder.join(&name), &error)),
        }
    }
    Ok(found)
}

/// Changes the folder, so that a network file system has to ask its server what is in it now.
pub(super) fn freshen(folder: &Path) -> Result<(), SlurmError> {
    let path = folder.join(".looked");
    write_whole(&path, b"")
        .and_then(|()| fs::remove_file(&path))
        .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .map_err(|error| SlurmError::file(&path, &error))
}
