//! The items of every account: a file per container.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::{fs, io};

use super::container::Container;
use crate::lines;

/// The folder below the cloud's.
pub(crate) const FOLDER: &str = "cosmos";

/// All containers by the name of their file.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    containers: RwLock<BTreeMap<String, Arc<RwLock<Container>>>>,
}

impl Store {
    /// Opens every container kept in the folder, replaying and compacting its file.
    pub(crate) fn open(dir: &Path) -> Result<Self, lines::Error> {
        let dir = dir.join(FOLDER);
        let failed = |source| lines::Error::Io { path: dir.clone(), source };
        fs::create_dir_all(&dir).map_err(failed)?;
        let mut containers = BTreeMap::new();
        for entry in fs::read_dir(&dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".jsonl"));
            if let Some(name) = name {
                containers.insert(name.to_owned(), Arc::new(RwLock::new(Container::open(&path)?)));
            }
        }
        Ok(Self { dir, containers: RwLock::new(containers) })
    }

    /// The container of that name, an empty one when there was none.
    pub(super) fn container(&self, name: &str) -> Result<Arc<RwLock<Container>>, lines::Error> {
        if let Some(found) = self.containers.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Arc::clone(found));
        }
        let mut containers = self.containers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = containers.get(name) {
            return Ok(Arc::clone(found));
        }
        let opened = Arc::new(RwLock::new(Container::open(&self.dir.join(format!("{name}.jsonl")))?));
        containers.insert(name.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }

    /// Deletes the items of a container that is no more; one that never had any is fine.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.containers.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        removed.map_or(Ok(()), |found| found.write().unwrap_or_else(PoisonError::into_inner).delete())
    }

    /// Deletes the items of all containers but these: a kill may have come between a resource's end and its items'.
    pub(crate) fn retain(&self, known: &BTreeSet<String>) -> io::Result<()> {
        let kept: Vec<String> =
            self.containers.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        kept.iter().filter(|name| !known.contains(*name)).try_for_each(|name| self.remove(name))
    }
}
