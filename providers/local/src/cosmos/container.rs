//! One container: its items in memory, and the file of their changes.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lines::{self, Lines};

/// After how many writes it is looked for items that are over, and for a file that has outgrown what it holds.
const SWEEP: usize = 50_000;

/// A partition key's value as it is looked up by: its components as one JSON array.
pub(super) type Partition = String;

/// One line of a container's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    /// An item is there from now on; what had its number is not.
    Put { partition: Partition, number: u64, sequence: u64, document: Value },
    /// No item has that number any more.
    Delete { partition: Partition, number: u64, sequence: u64 },
    /// How far the counters had come when the file was rewritten.
    Counters { number: u64, sequence: u64 },
}

/// An item as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) etag: String,
    /// The document with its system properties, as JSON.
    pub(super) text: Arc<str>,
    /// When it was written, in seconds since 1970.
    written: i64,
    /// Its own time to live in seconds, -1 for ever.
    ttl: Option<i64>,
}

impl Item {
    fn of(document: &Value) -> Self {
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("id"),
            etag: text("_etag"),
            text: document.to_string().into(),
            written: document["_ts"].as_i64().unwrap_or_default(),
            ttl: document["ttl"].as_i64(),
        }
    }

    /// Whether it has outlived what it or its container says; without the container's word nothing does.
    fn is_over(&self, age: Age) -> bool {
        let Some(default) = age.ttl else { return false };
        let ttl = self.ttl.unwrap_or(default);
        ttl > 0 && self.written.saturating_add(ttl) <= age.now
    }

    /// The document as a value.
    pub(super) fn document(&self) -> Value {
        serde_json::from_str(&self.text).expect("it was written as JSON")
    }
}

/// By what an item's age is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    /// The present moment, in seconds since 1970.
    pub(super) now: i64,
    /// The container's default time to live, -1 for ever; `None` when items do not age at all.
    pub(super) ttl: Option<i64>,
}

#[derive(Debug, Default)]
struct Items {
    numbers: HashMap<String, u64>,
    by_number: BTreeMap<u64, Item>,
}

/// Where a list goes on: after that item.
pub(super) type Place = (Partition, u64);

/// A container's items. Whoever writes holds it alone.
#[derive(Debug)]
pub(super) struct Container {
    path: PathBuf,
    lines: Lines,
    /// Lines in the file.
    length: usize,
    /// Writes since it was last swept.
    unswept: usize,
    partitions: BTreeMap<Partition, Items>,
    count: usize,
    /// The last number given to an item.
    number: u64,
    /// The number of writes so far.
    sequence: u64,
    gone: bool,
}

impl Container {
    /// Opens or creates the file, replays it, and rewrites it when it has outgrown what it holds.
    pub(super) fn open(path: &Path) -> Result<Self, lines::Error> {
        let (lines, changes) = Lines::open::<Change>(path)?;
        let mut container = Self {
            path: path.to_owned(),
            lines,
            length: changes.len(),
            unswept: 0,
            partitions: BTreeMap::new(),
            count: 0,
            number: 0,
            sequence: 0,
            gone: false,
        };
        for change in changes {
            container.apply(change);
        }
        if container.length > container.count + 1 {
            container.rewrite()?;
        }
        Ok(container)
    }

    /// Deletes the file; whoever still holds the container can write to it no more.
    pub(super) fn delete(&mut self) -> io::Result<()> {
        self.gone = true;
        fs::remove_file(&self.path)
    }

    /// The number of writes so far.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// An item that has not outlived its time.
    pub(super) fn find(&self, partition: &str, id: &str, age: Age) -> Option<(u64, &Item)> {
        let items = self.partitions.get(partition)?;
        let number = items.numbers.get(id)?;
        items.by_number.get(number).filter(|item| !item.is_over(age)).map(|item| (*number, item))
    }

    /// The items of one partition or of all, in a fixed order, after a place.
    pub(super) fn items<'a>(
        &'a self,
        partition: Option<&'a str>,
        after: Option<&'a Place>,
        age: Age,
    ) -> impl Iterator<Item = (Place, &'a Item)> {
        let from = match (partition, after) {
            (Some(only), _) => Bound::Included(only),
            (None, Some((partition, _))) => Bound::Included(partition.as_str()),
            (None, None) => Bound::Unbounded,
        };
        let chosen = self
            .partitions
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(move |(name, _)| partition.is_none_or(|only| only == name.as_str()));
        chosen.flat_map(move |(name, items)| {
            let start = match after {
                Some((partition, number)) if partition == name => Bound::Excluded(*number),
                _ => Bound::Unbounded,
            };
            let rest = items.by_number.range((start, Bound::Unbounded));
            rest.filter(move |(_, item)| !item.is_over(age)).map(move |(number, item)| ((name.clone(), *number), item))
        })
    }

    /// The numbers that the next write will have: the item's, when it is a new one, and the write's.
    pub(super) fn next(&self) -> (u64, u64) {
        (self.number + 1, self.sequence + 1)
    }

    /// Writes an item under its number; it is on its way to the disk when this returns.
    pub(super) fn put(&mut self, partition: &str, number: u64, document: Value, age: Age) -> io::Result<()> {
        let sequence = self.sequence + 1;
        self.commit(Change::Put { partition: partition.to_owned(), number, sequence, document }, age)
    }

    /// Takes an item away.
    pub(super) fn remove(&mut self, partition: &str, number: u64, age: Age) -> io::Result<()> {
        let sequence = self.sequence + 1;
        self.commit(Change::Delete { partition: partition.to_owned(), number, sequence }, age)
    }

    fn commit(&mut self, change: Change, age: Age) -> io::Result<()> {
        if self.gone {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the container was deleted"));
        }
        self.lines.append(&change)?;
        self.length += 1;
        self.apply(change);
        self.unswept += 1;
        if self.unswept >= SWEEP {
            self.sweep(age).map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Forgets what is over, and rewrites the file when most of its lines say nothing any more.
    fn sweep(&mut self, age: Age) -> Result<(), lines::Error> {
        self.unswept = 0;
        self.forget_what_is_over(age);
        if self.length > 2 * self.count { self.rewrite() } else { Ok(()) }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Put { partition, number, sequence, document } => {
                let items = self.partitions.entry(partition).or_default();
                let item = Item::of(&document);
                // One that was over may still lie there under its old number.
                if let Some(old) = items.numbers.insert(item.id.clone(), number)
                    && items.by_number.remove(&old).is_some()
                {
                    self.count -= 1;
                }
                items.by_number.insert(number, item);
                self.count += 1;
                (self.number, self.sequence) = (self.number.max(number), sequence);
            }
            Change::Delete { partition, number, sequence } => {
                self.take(&partition, number);
                self.sequence = sequence;
            }
            Change::Counters { number, sequence } => (self.number, self.sequence) = (number, sequence),
        }
    }

    fn take(&mut self, partition: &str, number: u64) {
        let Some(items) = self.partitions.get_mut(partition) else { return };
        if let Some(item) = items.by_number.remove(&number) {
            items.numbers.remove(&item.id);
            self.count -= 1;
        }
        if items.by_number.is_empty() {
            self.partitions.remove(partition);
        }
    }

    fn forget_what_is_over(&mut self, age: Age) {
        let over = |(number, item): (&u64, &Item)| item.is_over(age).then_some(*number);
        let places = self.partitions.iter().flat_map(|(name, items)| {
            items.by_number.iter().filter_map(over).map(|number| (name.clone(), number)).collect::<Vec<_>>()
        });
        for (partition, number) in places.collect::<Vec<_>>() {
            self.take(&partition, number);
        }
    }

    fn rewrite(&mut self) -> Result<(), lines::Error> {
        let mut changes = vec![Change::Counters { number: self.number, sequence: self.sequence }];
        for (partition, items) in &self.partitions {
            changes.extend(items.by_number.iter().map(|(number, item)| Change::Put {
                partition: partition.clone(),
                number: *number,
                sequence: self.sequence,
                document: item.document(),
            }));
        }
        self.lines = Lines::rewrite(&self.path, &changes)?;
        self.length = changes.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AGELESS: Age = Age { now: 100, ttl: None };

    fn document(id: &str, written: i64) -> Value {
        json!({ "id": id, "_etag": "\"e\"", "_ts": written })
    }

    fn ids(container: &Container, partition: Option<&str>, after: Option<&Place>, age: Age) -> Vec<String> {
        container.items(partition, after, age).map(|(_, item)| item.id.clone()).collect()
    }

    #[test]
    fn what_was_written_is_there_after_reopening_in_the_same_order() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let path = dir.path().join("x.jsonl");
        let mut container = Container::open(&path).expect("opens");
        for (partition, id) in [("[\"b\"]", "1"), ("[\"a\"]", "1"), ("[\"b\"]", "2"), ("[\"b\"]", "3")] {
            let (number, _) = container.next();
            container.put(partition, number, document(id, 1), AGELESS).expect("written");
        }
        let (number, _) = container.find("[\"b\"]", "2", AGELESS).expect("there");
        container.remove("[\"b\"]", number, AGELESS).expect("written");
        let (number, _) = container.find("[\"b\"]", "1", AGELESS).expect("there");
        container.put("[\"b\"]", number, document("1", 2), AGELESS).expect("written");
        let before = (container.next(), ids(&container, None, None, AGELESS));
        drop(container);
        for _ in 0..2 {
            let again = Container::open(&path).expect("opens");
            assert_eq!((again.next(), ids(&again, None, None, AGELESS)), before);
            assert_eq!(again.length, 4, "rewritten");
        }
        assert_eq!(before.1, ["1", "1", "3"]);
    }

    #[test]
    fn a_list_goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut container = Container::open(&dir.path().join("x.jsonl")).expect("opens");
        for (partition, id) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
            let (number, _) = container.next();
            container.put(partition, number, document(id, 1), AGELESS).expect("written");
        }
        let place = ("a".to_owned(), 1);
        assert_eq!(ids(&container, None, Some(&place), AGELESS), ["3", "2", "4"]);
        assert_eq!(ids(&container, Some("a"), Some(&place), AGELESS), ["3"]);
        assert_eq!(ids(&container, Some("b"), None, AGELESS), ["2"]);
        assert_eq!(ids(&container, Some("x"), None, AGELESS), [""; 0]);
    }

    #[test]
    fn items_outlive_their_time_only_where_the_container_says_so() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut container = Container::open(&dir.path().join("x.jsonl")).expect("opens");
        let mut brief = document("brief", 95);
        brief["ttl"] = 5.into();
        let mut eternal = document("eternal", 0);
        eternal["ttl"] = (-1).into();
        for document in [brief, eternal, document("plain", 41)] {
            let (number, _) = container.next();
            container.put("p", number, document, AGELESS).expect("written");
        }
        let left = |now, ttl| ids(&container, None, None, Age { now, ttl });
        assert_eq!(left(100, None), ["brief", "eternal", "plain"]);
        assert_eq!(left(100, Some(-1)), ["eternal", "plain"]);
        assert_eq!(left(99, Some(60)), ["brief", "eternal", "plain"]);
        assert_eq!(left(101, Some(60)), ["eternal"]);
        assert!(container.find("p", "brief", Age { now: 100, ttl: Some(-1) }).is_none());
        container.sweep(Age { now: 101, ttl: Some(60) }).expect("written");
        assert_eq!((container.count, container.length), (1, 2), "only what is left is in the file");
    }
}
