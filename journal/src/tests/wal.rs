//! The write-ahead file: what a crash leaves is taken over, what nobody was told of is cut, damage is named.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{block_on, open, replay};
use crate::scenario::{History, STREAM, actor, every_event, run_id, started};
use crate::verify::Known;
use crate::{Error, Reader, Record, RunKind, Store};

/// A state folder as a killed process leaves it, and the records that it had acknowledged.
fn killed() -> (tempfile::TempDir, Vec<Record>) {
    let alive = tempfile::tempdir().unwrap();
    let store = open(alive.path());
    let records = replay(&store.stream(STREAM).unwrap(), &every_event().records);
    let dead = tempfile::tempdir().unwrap();
    copy(alive.path(), dead.path());
    (dead, records)
}

/// Copies the files of a state folder; sockets end with their process.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
        match entry.unwrap().file_type().unwrap() {
            kind if kind.is_dir() => {
                std::fs::create_dir(&target).unwrap();
                copy(&path, &target);
            }
            kind if kind.is_file() => drop(std::fs::copy(&path, &target).unwrap()),
            _ => {}
        }
    }
}

/// The lines of a write-ahead file, its header and batch ends among them.
fn lines(state: &Path) -> Vec<String> {
    let text = String::from_utf8(std::fs::read(state.join("journal/wal")).unwrap()).unwrap();
    text.trim_end_matches('\0').lines().map(str::to_owned).collect()
}

/// Rewrites a write-ahead file, zeros behind it as before.
fn write(state: &Path, text: &str) {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(256 * 1024, 0);
    std::fs::write(state.join("journal/wal"), bytes).unwrap();
}

/// A copy of a killed state folder with its write-ahead file changed.
fn edited(killed: &Path, edit: impl FnOnce(&mut Vec<String>)) -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    copy(killed, state.path());
    let mut lines = lines(state.path());
    edit(&mut lines);
    write(state.path(), &(lines.join("\n") + "\n"));
    state
}

/// A change to the lines of a write-ahead file.
type Edit<'a> = &'a dyn Fn(&mut Vec<String>);

/// What opening and verifying say; both must say the same, again and again, and leave the file as it is.
fn complaint(state: &Path) -> String {
    let before = std::fs::read(state.join("journal/wal")).unwrap();
    let verified =
        || Reader::open(state).and_then(|reader| reader.verify(STREAM, &Known::default())).unwrap_err().to_string();
    let opened = || Store::open(state, actor(), "twinctl run").unwrap_err().to_string();
    let told = [verified(), opened(), verified(), opened()];
    assert!(told.iter().all(|it| *it == told[0]), "{told:#?}");
    assert_eq!(std::fs::read(state.join("journal/wal")).unwrap(), before, "nothing is repaired");
    told[0].clone()
}

/// The line of record `seq` among the lines of the file: the header first, an empty line after each.
fn at(seq: usize) -> usize {
    1 + 2 * seq
}

#[test]
fn what_a_killed_process_acknowledged_is_read_and_then_taken_over() {
    let (state, records) = killed();
    assert_eq!(lines(state.path()).len(), at(records.len()));
    let reader = Reader::open(state.path()).unwrap();
    assert_eq!(reader.records(STREAM, 0).unwrap().map(Result::unwrap).collect::<Vec<_>>(), records);
    assert_eq!(reader.verify(STREAM, &Known::default()).unwrap().head, records.last().map(Record::head));
    let store = open(state.path());
    assert_eq!(store.stream(STREAM).unwrap().state().head, records.last().map(Record::head));
    assert_eq!(lines(state.path()).len(), 1, "the database has it all");
    drop(store);
    let again = Reader::open(state.path()).unwrap();
    assert_eq!(again.records(STREAM, 0).unwrap().map(Result::unwrap).collect::<Vec<_>>(), records);
}

#[test]
fn a_closed_store_leaves_an_empty_file_and_does_without_it() {
    let state = tempfile::tempdir().unwrap();
    let records = replay(&open(state.path()).stream(STREAM).unwrap(), &every_event().records);
    assert_eq!(lines(state.path()).len(), 1);
    // As a store from before there was such a file.
    std::fs::remove_file(state.path().join("journal/wal")).unwrap();
    assert_eq!(
        Reader::open(state.path()).unwrap().verify(STREAM, &Known::default()).unwrap().records,
        records.len() as u64
    );
    let store = open(state.path());
    assert_eq!(store.stream(STREAM).unwrap().state().head, records.last().map(Record::head));
    assert_eq!(lines(state.path()).len(), 1);
}

#[test]
fn a_checkpoint_empties_the_file_while_the_store_is_open() {
    let alive = tempfile::tempdir().unwrap();
    let store = open(alive.path());
    let stream = store.stream(STREAM).unwrap();
    let mut history = History::new();
    history.start(RunKind::Deploy, "one").begin("a").intend("a", crate::Action::Create);
    replay(&stream, &history.records);
    let data = || serde_json::Value::from("x".repeat(100 << 10));
    for _ in 0..25 {
        let event = crate::Event::StepCheckpoint { step: crate::StepId::new("a"), data: data() };
        block_on(stream.append(history.run, event)).unwrap();
    }
    // Checkpoints are made by a thread of their own.
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::fs::metadata(alive.path().join("journal/wal")).unwrap().len() > 1 << 20 {
        assert!(Instant::now() < deadline, "the file was not emptied");
        std::thread::sleep(Duration::from_millis(5));
    }
    let dead = tempfile::tempdir().unwrap();
    copy(alive.path(), dead.path());
    let report = Reader::open(dead.path()).unwrap().verify(STREAM, &Known::default()).unwrap();
    assert_eq!(report.records, history.records.len() as u64 + 25);
}

#[test]
fn a_batch_that_was_never_acknowledged_is_cut_wherever_it_is_torn() {
    let (state, records) = killed();
    let head = records.last().map(Record::head);
    let whole = lines(state.path()).join("\n") + "\n";
    // The next record, as its write would have left it.
    let next = every_event().lines().pop().unwrap().replace("rollback", "anything");
    let holes = next.replace(&next[40..90], &"\0".repeat(50));
    for torn in
        ["{", &next[..1], &next[..next.len() / 2], &next, &format!("{holes}\n\n"), &format!("{holes}\n{next}\n")]
    {
        let copied = tempfile::tempdir().unwrap();
        copy(state.path(), copied.path());
        write(copied.path(), &(whole.clone() + torn));
        let report = Reader::open(copied.path()).unwrap().verify(STREAM, &Known::default()).unwrap();
        assert_eq!(report.head, head);
        let store = open(copied.path());
        assert_eq!(store.stream(STREAM).unwrap().state().head, head);
        assert_eq!(lines(copied.path()).len(), 1);
    }
}

#[test]
fn an_acknowledged_record_that_is_cut_off_is_missed() {
    let (state, records) = killed();
    let mut left = lines(state.path());
    left.truncate(at(records.len() - 1));
    for tail in ["\n", "\n{\"actor\":{\"ci\""] {
        write(state.path(), &(left.join("\n") + tail));
        let told = complaint(state.path());
        assert!(told.contains("is damaged: record 26: the stream ends before it, and record 26 is known"), "{told}");
    }
}

#[test]
fn damage_is_named_at_its_place() {
    let table: [(&str, Edit<'_>); 8] = [
        (r#""factory" is damaged: record 5: its contents do not match its hash"#, &|it| {
            it[at(5)] = it[at(5)].replace("ada", "eve");
        }),
        (r#""factory" is damaged: record 5: it is missing, record 6 stands in its place"#, &|it| {
            it.drain(at(5)..at(6));
        }),
        (r#""factory" is damaged: record 5: it is missing, record 6 stands in its place"#, &|it| {
            it.swap(at(5), at(6));
        }),
        (r#""factory" is damaged: record 6: record 5 stands in its place, out of order"#, &|it| {
            it.insert(at(6), it[at(5)].clone());
        }),
        ("line 12 of the write-ahead file does not hold: it cannot be read", &|it| {
            it[at(5)] = it[at(5)].replace("\"prev\":", "\"prev:");
        }),
        ("line 12 of the write-ahead file is torn, and it was acknowledged", &|it| {
            it[at(5)] = it[at(5)].replace("ada", "\0\0\0");
        }),
        ("line 1 of the write-ahead file cannot be read", &|it| it[0] = it[0].replace('{', "[")),
        ("is of format 2, newer than 1", &|it| it[0] = it[0].replace("\"v\":1", "\"v\":2")),
    ];
    let (state, _) = killed();
    for (expected, edit) in table {
        let told = complaint(edited(state.path(), edit).path());
        assert!(told.contains(expected), "{told:?} lacks {expected:?}");
    }
}

#[test]
fn the_file_of_another_journal_is_refused() {
    let ((state, _), (other, _)) = (killed(), killed());
    std::fs::copy(other.path().join("journal/wal"), state.path().join("journal/wal")).unwrap();
    let told = complaint(state.path());
    assert!(told.contains("line 1 of the write-ahead file says that it belongs to the journal"), "{told}");
}

#[test]
fn records_of_another_stream_do_not_pass_for_ours() {
    let mut other = History::of("other");
    other.start(RunKind::Deploy, "one").begin("a");
    let state = edited(killed().0.path(), |it| it[at(5)] = other.lines()[1].clone());
    let error = Store::open(state.path(), actor(), "twinctl run").unwrap_err().to_string();
    assert!(error.contains(r#""other" is damaged: record 0: it is missing, record 1 stands in its place"#), "{error}");
    let verified = Reader::open(state.path()).unwrap().verify(STREAM, &Known::default()).unwrap_err().to_string();
    assert!(verified.contains(r#""factory" is damaged: record 5: the stream ends before it"#), "{verified}");
}

#[test]
fn a_record_that_the_database_holds_otherwise_is_named() {
    let (state, _) = killed();
    let database = crate::sled_store::Database::open(&state.path().join("journal")).unwrap();
    let ours = lines(state.path());
    for seq in 0..2 {
        database.insert(STREAM, seq, ours[at(usize::try_from(seq).unwrap())].as_bytes()).unwrap();
    }
    let mut record: Record = serde_json::from_str(&ours[at(2)]).unwrap();
    record.actor.user = "eve".to_owned();
    record.hash = record.compute_hash();
    database.insert(STREAM, 2, record.line().as_bytes()).unwrap();
    database.flush().unwrap();
    drop(database);
    let told = complaint(state.path());
    assert!(told.contains("record 2: it is not the record that is known to stand there"), "{told}");
}

#[test]
fn what_stands_before_damage_can_be_read() {
    let state = edited(killed().0.path(), |it| it[at(5)] = it[at(5)].replace("ada", "eve"));
    let reader = Reader::open(state.path()).unwrap();
    let read: Vec<_> = reader.records(STREAM, 0).unwrap().collect();
    assert_eq!(read.len(), 6);
    assert!(read[..5].iter().all(Result::is_ok));
    assert!(matches!(&read[5], Err(Error::Damaged { damage, .. }) if damage.seq == 5));
}

/// Whatever byte of the file is flipped: either nothing was lost, or somebody says so.
#[test]
fn a_flipped_byte_never_goes_unnoticed() {
    let (state, records) = killed();
    let sound = std::fs::read(state.path().join("journal/wal")).unwrap();
    let written = sound.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let (mut noticed, flips) = (0, 40);
    for number in 0..=flips {
        let mut bytes = sound.clone();
        bytes[number * (written - 1) / flips] ^= 0x41;
        std::fs::write(state.path().join("journal/wal"), bytes).unwrap();
        match Reader::open(state.path()).and_then(|reader| reader.verify(STREAM, &Known::default())) {
            Ok(report) => assert_eq!(report.head, records.last().map(Record::head), "flip {number} lost records"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed >= flips - 1, "only {noticed} of {flips} flips were noticed");
}

#[test]
fn several_streams_come_back_to_their_own() {
    let alive = tempfile::tempdir().unwrap();
    let store = open(alive.path());
    let (one, two) = (store.stream("one").unwrap(), store.stream("two").unwrap());
    let start = every_event().records[0].event.clone();
    let mut heads = Vec::new();
    block_on(async {
        for stream in [&one, &two] {
            stream.append(Some(run_id(1)), start.clone()).await.unwrap();
        }
        for number in 0..3 {
            one.append(Some(run_id(1)), started(&format!("step {number}"))).await.unwrap();
            two.append(Some(run_id(1)), started(&format!("step {number}"))).await.unwrap();
        }
    });
    heads.extend([one.state().head.clone(), two.state().head.clone()]);
    let dead = tempfile::tempdir().unwrap();
    copy(alive.path(), dead.path());
    let store = open(dead.path());
    let found = ["one", "two"].map(|name| store.stream(name).unwrap().state().head.clone());
    assert_eq!(found.to_vec(), heads);
}
