//! Damage: every kind is found, the first bad record is named, nothing is repaired.

use proptest::prelude::*;

use super::{open, replay};
use crate::record::{Draft, Head, Record};
use crate::scenario::{History, STREAM, actor, every_event, random};
use crate::sled_store::Database;
use crate::verify::{Damage, DamageKind, Failure, Known, Report, verify};
use crate::{Error, Reader};

fn check(lines: &[String], known: &[Head]) -> Result<Report, Damage> {
    let known = Known { heads: known.to_vec(), roots: Vec::new() };
    verify(STREAM, lines.iter().map(Ok::<_, std::convert::Infallible>), &known).map_err(|it| match it {
        Failure::Damage(damage) => damage,
        Failure::Source(never) => match never {},
    })
}

fn damage(lines: &[String]) -> (u64, DamageKind) {
    let damage = check(lines, &[]).unwrap_err();
    (damage.seq, damage.kind)
}

/// The line with its hash made right again, as a forger would.
fn reseal(line: &str, change: impl FnOnce(&mut Record)) -> String {
    let mut record: Record = serde_json::from_str(line).unwrap();
    change(&mut record);
    record.hash = record.compute_hash();
    record.line()
}

#[test]
fn every_kind_of_damage_is_named_at_its_place() {
    let history = every_event();
    let whole = history.lines();
    let edited = |edit: &dyn Fn(&mut Vec<String>)| {
        let mut lines = whole.clone();
        edit(&mut lines);
        damage(&lines)
    };
    let foreign = {
        let mut it = History::of("other");
        it.start(crate::RunKind::Deploy, "one");
        it.lines()[0].clone()
    };
    assert_eq!(edited(&|it| it[3] = it[3].replace("ada", "eve")), (3, DamageKind::BadHash));
    assert!(matches!(edited(&|it| it[3].truncate(100)), (3, DamageKind::Unreadable { .. })));
    assert_eq!(edited(&|it| it[3] = it[3].replace(",\"event\"", ", \"event\"")), (3, DamageKind::NotCanonical));
    assert_eq!(edited(&|it| drop(it.remove(3))), (3, DamageKind::Missing { found: 4 }));
    assert_eq!(edited(&|it| it.swap(3, 4)), (3, DamageKind::Reordered { found: 4 }));
    assert_eq!(edited(&|it| it.insert(4, it[3].clone())), (4, DamageKind::Reordered { found: 3 }));
    assert_eq!(edited(&|it| it[0] = foreign.clone()), (0, DamageKind::ForeignStream { found: "other".to_owned() }));
    assert_eq!(edited(&|it| it[3] = reseal(&it[3], |it| it.actor.user = "eve".to_owned())), (4, DamageKind::BadPrev));
    assert_eq!(edited(&|it| it[0] = reseal(&it[0], |it| it.prev = it.hash.clone())), (0, DamageKind::BadPrev));
    assert_eq!(edited(&|it| it[3] = reseal(&it[3], |it| it.v = 2)), (3, DamageKind::NewerFormat { found: 2 }));
    let newer = r#"{"v":3,"event":{"type":"from-the-future"}}"#;
    assert_eq!(edited(&|it| it[3] = newer.to_owned()), (3, DamageKind::NewerFormat { found: 3 }));
}

#[test]
fn a_forged_tail_is_found_against_a_known_head_and_by_the_transitions() {
    let history = every_event();
    let whole = history.lines();
    let heads: Vec<Head> = history.records.iter().map(Record::head).collect();
    let last = heads.last().unwrap();
    assert_eq!(check(&whole, std::slice::from_ref(last)).unwrap().head.as_ref(), Some(last));
    let cut = check(&whole[..10], std::slice::from_ref(last)).unwrap_err();
    assert_eq!(cut, Damage { seq: 10, kind: DamageKind::Truncated { known: last.clone() } });
    assert!(check(&whole[..10], &heads[..10]).is_ok());
    let mut forged = whole[..10].to_vec();
    forged[9] = reseal(&forged[9], |it| it.actor.user = "eve".to_owned());
    assert!(check(&forged, &[]).is_ok(), "the last record of a chain can be forged by itself");
    let kind = DamageKind::Rewritten { known: heads[9].clone() };
    assert_eq!(check(&forged, &heads[9..10]).unwrap_err(), Damage { seq: 9, kind });
    let illegal = Draft {
        stream: STREAM,
        head: Some(&heads[2]),
        time: history.records[2].time,
        actor: &actor(),
        run: history.records[2].run,
        event: crate::Event::RollbackFinished,
    };
    let lines: Vec<_> = whole[..3].iter().cloned().chain([illegal.seal().1]).collect();
    assert!(matches!(damage(&lines), (3, DamageKind::IllegalTransition { .. })));
}

/// A store whose database was changed behind its back.
fn tampered(tamper: impl FnOnce(&Database)) -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    replay(&open(state.path()).stream(STREAM).unwrap(), &every_event().records);
    let database = Database::open(&state.path().join("journal")).unwrap();
    tamper(&database);
    database.flush().unwrap();
    state
}

#[test]
fn a_store_that_lost_its_tail_is_not_opened() {
    let state = tampered(|database| database.remove(STREAM, every_event().records.len() as u64 - 1));
    let opened = crate::Store::open(state.path(), actor(), "twinctl run");
    let error = opened.unwrap_err();
    assert!(
        matches!(&error, Error::Damaged { damage, .. } if matches!(damage.kind, DamageKind::Truncated { .. })),
        "{error}"
    );
    let verified = Reader::open(state.path()).unwrap().verify(STREAM, &Known::default()).unwrap_err();
    assert_eq!(verified.to_string(), error.to_string());
}

#[test]
fn a_changed_record_is_found_when_its_stream_is_opened() {
    let state = tampered(|database| {
        let line = every_event().lines()[5].replace("ada", "eve");
        database.remove(STREAM, 5);
        database.insert(STREAM, 5, line.as_bytes()).unwrap();
    });
    let store = crate::Store::open(state.path(), actor(), "twinctl run").unwrap();
    let error = store.stream(STREAM).unwrap_err();
    insta::assert_snapshot!(error, @r#"the stream "factory" is damaged: record 5: its contents do not match its hash"#);
    drop(store);
    assert_eq!(
        Reader::open(state.path()).unwrap().verify(STREAM, &Known::default()).unwrap_err().to_string(),
        error.to_string()
    );
}

#[test]
fn a_newer_format_is_read_no_further_and_never_written() {
    let state = tampered(|database| {
        let next = every_event().records.len() as u64;
        database.insert(STREAM, next, br#"{"v":2,"event":{"type":"from-the-future"}}"#).unwrap();
    });
    let error = crate::Store::open(state.path(), actor(), "twinctl run").unwrap_err();
    insta::assert_snapshot!(error, @"the journal is of format 2, newer than 1, which this version writes");
}

#[test]
fn a_destroyed_store_says_what_can_be_done() {
    let state = tempfile::tempdir().unwrap();
    replay(&open(state.path()).stream(STREAM).unwrap(), &every_event().records);
    std::fs::write(
        state.path().join("journal/conf"),
        b"segment_size: 77\nuse_compression: false\nversion: 0.34\nvQ\xff",
    )
    .unwrap();
    let before = std::fs::read(state.path().join("journal/db")).unwrap();
    for error in [
        crate::Store::open(state.path(), actor(), "run").unwrap_err(),
        Reader::open(state.path()).unwrap().id().unwrap_err(),
    ] {
        assert!(matches!(&error, Error::Unreadable { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("keep a copy"), "{error:?}");
    }
    assert_eq!(std::fs::read(state.path().join("journal/db")).unwrap(), before);
}

/// Whatever byte of the database is flipped: either nothing was lost, or somebody says so.
#[test]
fn a_flipped_byte_in_the_database_never_goes_unnoticed() {
    let state = tempfile::tempdir().unwrap();
    let whole = replay(&open(state.path()).stream(STREAM).unwrap(), &every_event().records);
    let path = state.path().join("journal/db");
    let sound = std::fs::read(&path).unwrap();
    let written = sound.iter().rposition(|byte| *byte != 0).unwrap();
    for number in 0..24 {
        let mut bytes = sound.clone();
        bytes[number * written / 24] ^= 0x41;
        std::fs::write(&path, bytes).unwrap();
        let verified = Reader::open(state.path()).and_then(|reader| reader.verify(STREAM, &Known::default()));
        if let Ok(report) = verified {
            assert_eq!(report.head, whole.last().map(Record::head), "flip {number} lost records silently");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn legal_histories_hold_and_tampered_ones_do_not(choices in proptest::collection::vec(any::<u8>(), 0..120), at in any::<proptest::sample::Index>(), kind in 0..4_u8) {
        let history = random(&choices);
        let whole = history.lines();
        let report = check(&whole, &[]).unwrap();
        prop_assert_eq!(report.head.as_ref(), history.state.head.as_ref());
        let known: Vec<Head> = report.head.into_iter().collect();
        let mut lines = whole.clone();
        let place = at.index(lines.len());
        let first_bad = match kind {
            0 => { lines.remove(place); place }
            1 if place + 1 < lines.len() => { lines.swap(place, place + 1); place }
            2 => { lines.insert(place, lines[place].clone()); place + 1 }
            _ => { lines[place] = lines[place].replace("ada", "eve"); place }
        };
        prop_assert_eq!(check(&lines, &known).unwrap_err().seq, first_bad as u64);
    }
}
