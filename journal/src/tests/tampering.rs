//! Every way to tamper with a journal that we could think of, and how it is named.

use std::path::Path;

use super::{block_on, open, replay};
use crate::checkpoint::{self, Checkpoint, CheckpointError, Signer, VerifierKey};
use crate::merkle::Hash;
use crate::record::{Record, genesis};
use crate::scenario::{History, STREAM};
use crate::sled_store::Database;
use crate::verify::{Known, verify, verify_export};
use crate::{Error, Event, Outcome, Reader, RunKind};

/// Four runs.
fn runs() -> History {
    let mut it = History::new();
    for (number, outcome) in
        [Outcome::Created, Outcome::Updated, Outcome::Unchanged, Outcome::Updated].into_iter().enumerate()
    {
        it.start(RunKind::Deploy, &format!("definition {number}")).done("setup/group", outcome);
        it.push(Event::RunFinished);
    }
    it
}

/// The lines with one record changed, and every hash from there on made right again.
fn rewritten(lines: &[String], at: usize, change: impl FnOnce(&mut Record)) -> Vec<String> {
    let mut records: Vec<Record> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    change(&mut records[at]);
    let mut prev = if at == 0 { genesis(&records[0].stream) } else { records[at - 1].hash.clone() };
    for record in &mut records[at..] {
        record.prev = prev;
        record.hash = record.compute_hash();
        prev = record.hash.clone();
    }
    records.iter().map(Record::line).collect()
}

fn someone_else(record: &mut Record) {
    record.actor.user = "mallory".to_owned();
}

/// What an auditor holds: an export, and the root and size of a checkpoint that was kept elsewhere.
type Tampering = (&'static str, fn(&mut Vec<String>), &'static str);

#[rustfmt::skip]
const EXPORTS: [Tampering; 14] = [
    ("a byte is changed", |it| it[3] = it[3].replace("ada", "eve"), "record 3: its contents do not match its hash"),
    ("a byte of a hash is changed", |it| it[3] = it[3].replace(r#""hash":"#, r#""hash": "#), "record 3: it is not in canonical form"),
    ("a line is cut", |it| it[3].truncate(80), "record 3: it cannot be read"),
    ("a record is taken out", |it| drop(it.remove(3)), "record 3: it is missing, record 4 stands in its place"),
    ("two records change places", |it| it.swap(3, 4), "record 3: record 4 stands in its place, out of order"),
    ("a record stands there twice", |it| it.insert(4, it[3].clone()), "record 4: record 3 stands in its place, out of order"),
    ("a record of another stream is put in", |it| it[3] = rewritten(&it.clone(), 3, |it| it.stream = "other".to_owned())[3].clone(),
        "record 3: it belongs to the stream \"other\""),
    ("a record is changed with its hash", |it| it[3] = rewritten(&it.clone(), 3, someone_else)[3].clone(),
        "record 4: it does not follow the record before it"),
    ("the first record is changed with its hash", |it| it[0] = rewritten(&it.clone(), 0, someone_else)[0].clone(),
        "record 1: it does not follow the record before it"),
    ("history is rewritten to its end", |it| *it = rewritten(it, 3, someone_else),
        "the records up to it are not the 19 that the checkpoint"),
    ("an impossible event is put in, with hashes", |it| *it = rewritten(it, 3, |it| it.event = Event::RollbackFinished),
        "record 3: it is not legal here"),
    ("the end is cut off", |it| it.truncate(10), "record 10: the stream ends before it, and a checkpoint covers 19 records"),
    ("everything is taken away", Vec::clear, "record 0: the stream ends before it"),
    ("the beginning is cut off", |it| drop(it.drain(..5)), "record 0: it is missing, record 5 stands in its place"),
];

#[test]
fn every_tampering_with_an_export_is_named() {
    let whole = runs().lines();
    let report = verify(STREAM, whole.iter().map(Ok::<_, Error>), &Known::default()).unwrap();
    let known = Known { heads: vec![], roots: vec![(report.records, report.root)] };
    let check = |lines: &[String]| verify_export(lines.iter().map(Ok::<_, Error>), &known).map(|(stream, _)| stream);
    assert_eq!(check(&whole).unwrap(), STREAM);
    for (what, tamper, expected) in EXPORTS {
        let mut lines = whole.clone();
        tamper(&mut lines);
        let error = check(&lines).expect_err(what).to_string();
        assert!(error.contains(expected), "{what}: {error}");
    }
}

/// A state folder, and what is kept of it elsewhere.
struct Kept {
    dir: tempfile::TempDir,
    note: String,
    key: VerifierKey,
    origin: String,
    lines: Vec<String>,
}

impl Kept {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let lines = replay(&store.stream(STREAM).unwrap(), &runs().records).iter().map(Record::line).collect();
        let id = store.id();
        drop(store);
        let report = Reader::open(dir.path()).unwrap().verify(STREAM, &Known::default()).unwrap();
        let signer = Signer::open(&Signer::path(dir.path()), &checkpoint::key_name(id), true).unwrap();
        let origin = checkpoint::origin(id, STREAM);
        let note = signer.sign(&Checkpoint { origin: origin.clone(), size: report.records, root: report.root });
        Self { note: note.to_string(), key: signer.verifier_key().clone(), origin, lines, dir }
    }

    fn state(&self) -> &Path {
        self.dir.path()
    }

    /// Verifies the folder with the checkpoint.
    fn verify(&self) -> Result<(), String> {
        let checkpoint = Checkpoint::open(&self.note, &self.key, &self.origin).map_err(|error| error.to_string())?;
        let known = Known { heads: vec![], roots: vec![(checkpoint.size, checkpoint.root)] };
        let verified = Reader::open(self.state()).and_then(|reader| reader.verify(STREAM, &known));
        verified.map(drop).map_err(|error| error.to_string())
    }

    /// Changes the database behind everybody's back.
    fn database(&self, change: impl FnOnce(&Database)) {
        let database = Database::open(&self.state().join("journal")).unwrap();
        change(&database);
        database.flush().unwrap();
    }

    /// Puts other lines into the database, and makes the file of heads agree.
    fn put(&self, lines: &[String]) {
        self.database(|database| {
            (0..self.lines.len() as u64).for_each(|seq| database.remove(STREAM, seq));
            for (seq, line) in (0..).zip(lines) {
                database.insert(STREAM, seq, line.as_bytes()).unwrap();
            }
        });
        std::fs::remove_file(self.state().join("heads")).unwrap();
    }
}

/// What is done to a state folder, or to what is kept elsewhere.
type Attack = (&'static str, fn(&mut Kept), &'static str);

#[rustfmt::skip]
const STORES: [Attack; 12] = [
    ("a record in the database is changed", |it| it.database(|database| {
        database.remove(STREAM, 5);
        database.insert(STREAM, 5, it.lines[5].replace("ada", "eve").as_bytes()).unwrap();
    }), "record 5: its contents do not match its hash"),
    ("a record is taken out of the database", |it| it.database(|database| database.remove(STREAM, 5)),
        "record 5: it is missing"),
    ("the end is cut off", |it| it.database(|database| database.remove(STREAM, 18)),
        "record 18: the stream ends before it, and record 18 is known to have existed"),
    ("the end is cut off, and the note of the heads is taken away", |it| it.put(&it.lines[..12]),
        "record 12: the stream ends before it, and a checkpoint covers 19 records"),
    ("history is rewritten to its end, heads and all", |it| it.put(&rewritten(&it.lines, 2, someone_else)),
        "the records up to it are not the 19"),
    ("the database is put back to an older one", |it| {
        let older = Kept::new();
        older.put(&it.lines[..8]);
        std::fs::remove_dir_all(it.state().join("journal")).unwrap();
        std::fs::rename(older.state().join("journal"), it.state().join("journal")).unwrap();
    }, "the stream ends before it"),
    ("the write-ahead file of another journal is put in", |it| {
        let other = tempfile::tempdir().unwrap();
        drop(open(other.path()));
        std::fs::copy(other.path().join("journal/wal"), it.state().join("journal/wal")).unwrap();
    }, "says that it belongs to the journal"),
    ("the index tells another story", |it| {
        let mut index = crate::index::Index::read(it.state()).unwrap();
        index.0.get_mut(STREAM).unwrap().runs[1].actor.user = "mallory".to_owned();
        index.write(it.state()).unwrap();
    }, "the index of the runs says something else"),
    ("records are pruned without a word", |it| it.database(|database| {
        let lines = it.lines[..8].iter().map(Ok::<_, Error>);
        let fold = crate::verify::fold_part(STREAM, None, lines, crate::check::Depth::Everything, &Known::default()).unwrap();
        database.prune(STREAM, 0, &crate::Base::new(fold.tree, fold.state)).unwrap();
    }), "no record says that they were pruned"),
    ("the checkpoint is changed", |it| it.note = it.note.replacen("\n19\n", "\n12\n", 1), "it was changed or forged"),
    ("the checkpoint is signed with another key", |it| {
        let other = tempfile::tempdir().unwrap();
        let signer = Signer::open(&other.path().join("key"), "somebody", true).unwrap();
        let root = Hash([7; 32]);
        it.note = signer.sign(&Checkpoint { origin: it.origin.clone(), size: 19, root }).to_string();
    }, "it is not signed by the key"),
    ("a checkpoint of another stream is shown", |it| {
        let signer = Signer::open(&Signer::path(it.state()), &checkpoint::key_name(open(it.state()).id()), false).unwrap();
        it.note = signer.sign(&Checkpoint { origin: "another/log".to_owned(), size: 19, root: Hash([7; 32]) }).to_string();
    }, "it is of another log"),
];

#[test]
fn every_tampering_with_a_state_folder_is_named() {
    for (what, tamper, expected) in STORES {
        let mut kept = Kept::new();
        assert_eq!(kept.verify(), Ok(()), "{what}: before");
        tamper(&mut kept);
        let error = kept.verify().expect_err(what);
        assert!(error.contains(expected), "{what}: {error}");
    }
}

/// What no checkpoint covers yet can be rewritten by whoever owns the folder: that is why checkpoints are kept elsewhere.
#[test]
fn without_a_checkpoint_a_rewritten_history_that_agrees_with_itself_passes() {
    let kept = Kept::new();
    kept.put(&rewritten(&kept.lines, 2, someone_else));
    assert!(Reader::open(kept.state()).unwrap().verify(STREAM, &Known::default()).is_ok());
    assert!(kept.verify().is_err());
}

#[test]
fn a_changed_definition_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let definition = store.definitions().put(&serde_json::json!({"twin": "factory"})).unwrap();
    let (kind, target) = (RunKind::Deploy, serde_json::Value::Null);
    let started =
        Event::RunStarted { kind, definition: definition.clone(), previous: None, target, adopt: false, trigger: None };
    block_on(store.stream(STREAM).unwrap().append(Some(crate::RunId::fresh()), started)).unwrap();
    drop(store);
    let reader = Reader::open(dir.path()).unwrap();
    reader.verify_definitions(STREAM).unwrap();
    let path = dir.path().join(format!("definitions/{definition}.json"));
    std::fs::write(&path, r#"{"twin":"other"}"#).unwrap();
    assert!(reader.verify_definitions(STREAM).unwrap_err().to_string().ends_with("is not what its digest says"));
    std::fs::remove_file(path).unwrap();
    assert!(reader.verify_definitions(STREAM).is_err());
}

#[test]
fn a_wrong_key_is_told_from_a_forged_note() {
    let kept = Kept::new();
    let other = tempfile::tempdir().unwrap();
    let name = kept.key.to_string().split('+').next().unwrap().to_owned();
    let stranger = Signer::open(&other.path().join("key"), &name, true).unwrap();
    let opened = Checkpoint::open(&kept.note, stranger.verifier_key(), &kept.origin);
    assert!(matches!(opened, Err(CheckpointError::Unsigned(_))), "another key has another id");
}
