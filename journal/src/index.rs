//! The index: what the runs of each stream were, so that listing them needs no look at the records.
//!
//! It is derived: the owner writes it when it closes the journal, and tells it while it lives. It counts only while the
//! files beside it are as the owner left them, otherwise the records are read. Verifying compares the two.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lease::Owner;
use crate::record::{Head, canonical, sha256};
use crate::state::{RunState, StreamState};
use crate::store::DATABASE;
use crate::wal;

/// The file's name below the state folder.
const FILE: &str = "index";

/// What changes whenever an owner has been at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    owner: Option<Owner>,
    files: [Option<(u64, SystemTime)>; 2],
    heads: Option<String>,
}

/// What was done in a stream, run by run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// Its newest record.
    pub head: Option<Head>,
    /// Its runs, oldest first, without their steps.
    pub runs: Vec<RunState>,
}

/// The overviews of all streams, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Index(pub(crate) BTreeMap<String, Overview>);

/// The file's contents.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// The digest of the rest: shows what was torn or changed by hand.
    check: String,
    stamp: Stamp,
    streams: Index,
}

impl Stamp {
    pub(crate) fn of(state: &Path) -> Self {
        let of_file = |name: &str| {
            let metadata = std::fs::metadata(state.join(DATABASE).join(name)).ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        };
        Self {
            owner: Owner::last(state),
            files: ["db", wal::FILE].map(of_file),
            heads: std::fs::read_to_string(state.join("heads")).ok(),
        }
    }
}

impl Overview {
    pub(crate) fn of(state: &StreamState) -> Self {
        let mut runs = state.runs.clone();
        runs.iter_mut().for_each(RunState::summarise);
        Self { head: state.head.clone(), runs }
    }
}

impl Index {
    /// The index of a state folder, if it tells what the files beside it hold.
    pub(crate) fn read(state: &Path) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(&std::fs::read(state.join(FILE)).ok()?).ok()?;
        let sound = stored.check == check(&stored.stamp, &stored.streams);
        (sound && stored.stamp == Stamp::of(state)).then_some(stored.streams)
    }

    /// Writes the index of a state folder, as a whole or not at all. It is derived, so it is not synced.
    pub(crate) fn write(self, state: &Path) -> Result<(), Error> {
        let stamp = Stamp::of(state);
        let stored = Stored { check: check(&stamp, &self), stamp, streams: self };
        let (path, fresh) = (state.join(FILE), state.join("index.new"));
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh);
        let mut file = file.map_err(Error::io("open", &fresh))?;
        let text = serde_json::to_vec(&stored).expect("an index is plain data");
        file.write_all(&text).map_err(Error::io("write", &fresh))?;
        std::fs::rename(&fresh, &path).map_err(Error::io("replace", &path))
    }

    /// What of it speaks of exactly these heads.
    pub(crate) fn at(mut self, heads: &BTreeMap<String, Head>) -> Self {
        self.0.retain(|stream, overview| overview.head.as_ref() == heads.get(stream));
        self
    }

    /// The streams and their heads.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (&String, &Head)> {
        self.0.iter().filter_map(|(stream, overview)| Some((stream, overview.head.as_ref()?)))
    }
}

fn check(stamp: &Stamp, streams: &Index) -> String {
    let body = format!("{}{}", canonical(stamp), serde_json::to_string(streams).expect("an index is plain data"));
    sha256("twinctl.journal.index.v1\n", body.as_bytes()).0
}
