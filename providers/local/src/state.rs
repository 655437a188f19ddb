//! The control plane's state: typed tables, and the journal of their changes that outlives the process.
//!
//! A request changes rows in memory and commits them as one line of `cloud.jsonl`; its answer leaves only after
//! that. The line is written, not synced: it survives the death of the process, not a power failure. Opening
//! replays the journal and rewrites it without what was superseded.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::lines::{self, Lines};
use crate::twinmaker::{ComponentType, Entity, Workspace};

/// A row of one of the tables; the tables are named after their types.
pub(crate) trait Row: Clone + Serialize + DeserializeOwned {
    const TABLE: &'static str;
    fn table(tables: &Tables) -> &BTreeMap<String, Self>;
    fn table_mut(tables: &mut Tables) -> &mut BTreeMap<String, Self>;
}

macro_rules! tables {
    ($($field:ident: $row:ty),* $(,)?) => {
        /// All rows, by table and key.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Tables { $($field: BTreeMap<String, $row>),* }

        $(impl Row for $row {
            const TABLE: &'static str = stringify!($field);
            fn table(tables: &Tables) -> &BTreeMap<String, Self> { &tables.$field }
            fn table_mut(tables: &mut Tables) -> &mut BTreeMap<String, Self> { &mut tables.$field }
        })*

        impl Tables {
            fn replay(&mut self, change: Change) -> Result<(), serde_json::Error> {
                match change.table.as_str() {
                    $(stringify!($field) => put(&mut self.$field, change),)*
                    other => Err(serde::de::Error::custom(format!("there is no table `{other}`"))),
                }
            }

            fn changes(&self) -> Result<Vec<Change>, serde_json::Error> {
                let mut changes = Vec::new();
                $(for (key, row) in &self.$field {
                    changes.push(Change::set::<$row>(key, row)?);
                })*
                Ok(changes)
            }
        }
    };
}

tables! {
    resources: Resource,
    operations: Operation,
    devices: Device,
    packages: Package,
    held: Held,
    principals: Principal,
    twinmaker_workspaces: Workspace,
    twinmaker_component_types: ComponentType,
    twinmaker_entities: Entity,
}

/// A resource group, a resource of a provider, or an extension resource such as a role assignment.
///
/// Its key is its id in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resource {
    /// The id as it was first written.
    pub(crate) id: String,
    /// The type, `Microsoft.DigitalTwins/digitalTwinsInstances`.
    pub(crate) kind: String,
    /// What was asked for, without what the service computes.
    pub(crate) body: Value,
    /// What was drawn when it was created: principal ids, keys.
    pub(crate) minted: Map<String, Value>,
    /// `properties.provisioningState`.
    pub(crate) state: String,
    /// The operation that runs on it.
    pub(crate) operation: Option<String>,
    /// When it was created.
    pub(crate) created: String,
    /// When it was last changed.
    pub(crate) changed: String,
    /// Drawn anew at every change.
    pub(crate) etag: String,
}

impl Resource {
    /// The last part of the id.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn location(&self) -> &str {
        self.body["location"].as_str().unwrap_or("westeurope")
    }

    /// Something that was drawn at creation, as text.
    pub(crate) fn minted(&self, name: &str) -> &str {
        self.minted.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What a long-running operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Create,
    Update,
    Delete,
    Publish,
}

/// How a long-running operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Running,
    Succeeded,
    Failed,
}

/// A long-running operation, by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// Key of the resource (or of the package's site) that it works on.
    pub(crate) resource: String,
    /// The resource's type.
    pub(crate) kind: String,
    pub(crate) act: Act,
    pub(crate) started: DateTime<Utc>,
    /// When it ends, if time is realistic.
    pub(crate) due: DateTime<Utc>,
    /// When it did end.
    pub(crate) ended: Option<DateTime<Utc>>,
    /// How often it was looked at. Not journaled: a restart only makes it look younger.
    #[serde(skip)]
    pub(crate) seen: u32,
    /// The error code that it is to end with.
    pub(crate) fails: Option<String>,
    pub(crate) outcome: Outcome,
}

/// A device identity; its key is `{hub}/{device id}`, the hub in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) hub: String,
    pub(crate) id: String,
    pub(crate) generation: String,
    pub(crate) etag: String,
    pub(crate) enabled: bool,
    pub(crate) status_reason: Option<String>,
    pub(crate) status_changed: String,
    /// As the client sent it, keys filled in.
    pub(crate) authentication: Value,
    pub(crate) iot_edge: bool,
}

/// The code of a function app; its key is the app's name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package {
    pub(crate) app: String,
    /// SHA-256 of the zip, hexadecimal; it is unpacked in `packages/{digest}/`.
    pub(crate) digest: String,
    /// Name and `function.json` of every function in it.
    pub(crate) functions: BTreeMap<String, Value>,
    /// The deployment that brought it, and whether that has ended.
    pub(crate) deployment: String,
    pub(crate) live: bool,
    pub(crate) received: String,
    /// What the app runs until that deployment has ended, and on if it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Served>,
}

/// Code that an app runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) digest: String,
    pub(crate) functions: BTreeMap<String, Value>,
}

impl Package {
    /// What the app runs now.
    pub(crate) fn served(&self) -> Option<Served> {
        let new = || Served { digest: self.digest.clone(), functions: self.functions.clone() };
        if self.live { Some(new()) } else { self.before.clone() }
    }
}

/// A deleted resource's name that is not free yet; its key is the resource's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) refusals: u32,
}

/// A service principal that tokens were issued to; its key is the object id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Principal {
    pub(crate) client: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Change {
    table: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row: Option<Value>,
}

impl Change {
    fn set<R: Row>(key: &str, row: &R) -> Result<Self, serde_json::Error> {
        Ok(Self { table: R::TABLE.to_owned(), key: key.to_owned(), row: Some(serde_json::to_value(row)?) })
    }
}

fn put<R: Row>(table: &mut BTreeMap<String, R>, change: Change) -> Result<(), serde_json::Error> {
    match change.row {
        Some(row) => table.insert(change.key, serde_json::from_value(row)?),
        None => table.remove(&change.key),
    };
    Ok(())
}

/// The tables and their journal.
#[derive(Debug)]
pub(crate) struct State {
    tables: Tables,
    lines: Lines,
    /// Changes that are not committed yet.
    pending: Vec<Change>,
    /// Grows whenever a resource is set or removed.
    revision: u64,
}

impl State {
    /// Replays `cloud.jsonl` and compacts it.
    pub(crate) fn open(dir: &Path) -> Result<Self, lines::Error> {
        let path = dir.join("cloud.jsonl");
        let (_, commits) = Lines::open::<Vec<Change>>(&path)?;
        let mut tables = Tables::default();
        for (at, commit) in commits.into_iter().enumerate() {
            for change in commit {
                let failed = |source| lines::Error::Line { path: path.clone(), line: at + 1, source };
                tables.replay(change).map_err(failed)?;
            }
        }
        let failed = |source| lines::Error::Line { path: path.clone(), line: 0, source };
        let whole: Vec<[Change; 1]> = tables.changes().map_err(failed)?.into_iter().map(|change| [change]).collect();
        let lines = Lines::rewrite(&path, &whole)?;
        Ok(Self { tables, lines, pending: Vec::new(), revision: 0 })
    }

    pub(crate) fn get<R: Row>(&self, key: &str) -> Option<&R> {
        R::table(&self.tables).get(key)
    }

    pub(crate) fn all<R: Row>(&self) -> &BTreeMap<String, R> {
        R::table(&self.tables)
    }

    /// Changes a row without a record of it.
    pub(crate) fn unrecorded<R: Row>(&mut self, key: &str) -> Option<&mut R> {
        R::table_mut(&mut self.tables).get_mut(key)
    }

    /// Grows with every change of the resources: what is derived from them is still right while it stays.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn set<R: Row>(&mut self, key: &str, row: R) {
        self.revise::<R>();
        let change = Change::set(key, &row).expect("rows are plain data with string keys");
        self.pending.push(change);
        R::table_mut(&mut self.tables).insert(key.to_owned(), row);
    }

    pub(crate) fn remove<R: Row>(&mut self, key: &str) -> Option<R> {
        let row = R::table_mut(&mut self.tables).remove(key)?;
        self.revise::<R>();
        self.pending.push(Change { table: R::TABLE.to_owned(), key: key.to_owned(), row: None });
        Some(row)
    }

    fn revise<R: Row>(&mut self) {
        self.revision += u64::from(R::TABLE == Resource::TABLE);
    }

    /// Writes what changed since the last commit as one line.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.lines.append(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_is_there_after_reopening_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut state = State::open(dir.path()).expect("opens");
        state.set("a", Held { refusals: 1 });
        state.set("b", Held { refusals: 2 });
        state.commit().expect("writes");
        state.set("a", Held { refusals: 3 });
        state.remove::<Held>("b");
        state.commit().expect("writes");
        state.set("never", Held { refusals: 9 });
        drop(state);
        let state = State::open(dir.path()).expect("opens");
        assert_eq!(state.all::<Held>().iter().collect::<Vec<_>>(), [(&"a".to_owned(), &Held { refusals: 3 })]);
        let journal = std::fs::read_to_string(dir.path().join("cloud.jsonl")).expect("readable");
        assert_eq!(journal.lines().count(), 1, "superseded changes are gone: {journal}");
    }
}
