//! Small files that are replaced as a whole, and are on disk when that returns.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// The folder below the state folder that cursors and ledgers lie in.
const FOLDER: &str = "outbox";

/// Makes the folder of a state folder unless it is there, for its owner alone, and gives its path.
pub(crate) fn folder(state: &Path) -> Result<PathBuf, Error> {
    let folder = state.join(FOLDER);
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(Error::io("create", &folder))?;
        sync(state)?;
    }
    Ok(folder)
}

/// The files in the folder of a state folder; none when there is no folder.
pub(crate) fn files(state: &Path) -> Result<Vec<PathBuf>, Error> {
    let folder = state.join(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", &folder)(error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.map_err(Error::io("read", &folder))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    Ok(paths)
}

/// Writes a value in place of what the file held: whoever reads finds either the old or the new one, also after a crash.
pub(crate) fn replace<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(value).expect("cursors and ledgers have string keys");
    let fresh = path.with_extension("json.new");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh);
    let mut file = file.map_err(Error::io("open", &fresh))?;
    file.write_all(&text).map_err(Error::io("write", &fresh))?;
    file.sync_all().map_err(Error::io("sync", &fresh))?;
    std::fs::rename(&fresh, path).map_err(Error::io("replace", path))?;
    sync(path.parent().expect("it lies in the folder"))
}

/// Reads what was written last; `None` when nothing ever was.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let malformed = |error: serde_json::Error| Error::Malformed { path: path.to_owned(), what: error.to_string() };
    serde_json::from_slice(&text).map(Some).map_err(malformed)
}

/// Makes what was created or renamed in a folder last.
fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_only_for_its_owner() {
        let state = tempfile::tempdir().unwrap();
        let path = folder(state.path()).unwrap().join("a.json");
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), None);
        // What a crash left half written does not count.
        std::fs::write(path.with_extension("json.new"), "[1,").unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), None);
        for value in [vec![1, 2, 3], vec![4]] {
            replace(&path, &value).unwrap();
            assert_eq!(read(&path).unwrap(), Some(value));
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(read::<Vec<u32>>(&path), Err(Error::Malformed { .. })));
    }
}
