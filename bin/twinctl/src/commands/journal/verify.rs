//! `twinctl journal verify`: the journal, or exports of it, against themselves and against what is known of them.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use journal::{
    Error, Head, Reader,
    checkpoint::{self, Signer, VerifierKey},
    event::Digest,
    verify::{Damage, DamageKind, Failure as NotWhole, Known, Report, verify_export},
};
use serde_json::{Value, json};

use super::{one_stream, unread};
use crate::{
    cli::Verification,
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
};

/// Verifies the journal of a state folder.
pub(super) fn journal(
    place: &Place,
    reader: &Reader,
    named: Option<&str>,
    options: &Verification,
    output: Output,
) -> failure::Result {
    let head = options.head.as_deref().map(parse_head).transpose()?;
    let streams = match (named, head.is_some() || !options.checkpoint.is_empty()) {
        // A head belongs to one stream, and so does a checkpoint.
        (Some(_), _) | (None, true) => vec![one_stream(reader, named)?],
        (None, false) => reader.streams().map_err(unread)?.into_iter().map(|stream| stream.stream).collect(),
    };
    let mut reports = Vec::new();
    for stream in &streams {
        let known = Known { heads: head.clone().into_iter().collect(), roots: roots(place, reader, stream, options)? };
        let report = reader.verify(stream, &known).map_err(|error| unverified(stream, &error))?;
        reader.verify_definitions(stream).map_err(|error| unverified(stream, &error))?;
        reports.push(data(stream, &report, &known));
    }
    told(&reports, output)
}

/// The roots that checkpoints of a stream state, their signatures checked.
fn roots(
    place: &Place,
    reader: &Reader,
    stream: &str,
    options: &Verification,
) -> Result<Vec<(u64, journal::merkle::Hash)>, Failure> {
    let open = |path: &std::path::PathBuf| {
        let id = journal_id(reader)?;
        let key = key(place, id, options)?;
        opened(path, &key, &checkpoint::origin(id, stream))
    };
    options.checkpoint.iter().map(open).collect()
}

fn opened(path: &Path, key: &VerifierKey, origin: &str) -> Result<(u64, journal::merkle::Hash), Failure> {
    let tried = || format!("use the checkpoint {}", path.display());
    let note = std::fs::read_to_string(path).map_err(|error| Failure::of(Exit::Error, tried(), &error))?;
    let checkpoint = checkpoint::Checkpoint::open(&note, key, origin);
    let checkpoint =
        checkpoint.map_err(|error| Failure::of(Exit::JournalDamaged, tried(), &error).code("bad-checkpoint"))?;
    Ok((checkpoint.size, checkpoint.root))
}

/// The key that was given, or the state folder's.
fn key(place: &Place, id: uuid::Uuid, options: &Verification) -> Result<VerifierKey, Failure> {
    let tried = "find the key that checkpoints are signed with";
    if let Some(text) = &options.key {
        return text.parse().map_err(|error| {
            Failure::of(Exit::Usage, tried, &error).hint("`--key KEY`, as `twinctl journal key` prints it")
        });
    }
    let signer = Signer::open(&Signer::path(&place.state), &checkpoint::key_name(id), false);
    let signer = signer.map_err(|error| Failure::of(Exit::Error, tried, &error).hint("`--key KEY` names it"))?;
    Ok(signer.verifier_key().clone())
}

/// The journal's id.
pub(super) fn journal_id(reader: &Reader) -> Result<uuid::Uuid, Failure> {
    let none = || Failure::new(Exit::Error, "read the journal").because("it holds no record yet").code("no-journal");
    reader.id().map_err(unread)?.ok_or_else(none)
}

/// Verifies exports: one stream from its first record on, in one file or several.
pub(super) fn files(place: &Place, options: &Verification, output: Output) -> failure::Result {
    let mut known = Known::default();
    let mut origins = Vec::new();
    for path in &options.checkpoint {
        let given = options.key.as_deref().map(str::parse::<VerifierKey>).transpose();
        let key = match given.map_err(|error| Failure::of(Exit::Usage, "read the key", &error))? {
            Some(key) => key,
            None => key(place, journal_id(&Reader::open(&place.state).map_err(unread)?)?, options)?,
        };
        let stated = std::fs::read_to_string(path).ok().and_then(|note| note.lines().next().map(str::to_owned));
        known.roots.push(opened(path, &key, stated.as_deref().unwrap_or_default())?);
        origins.extend(stated);
    }
    let lines = options.file.iter().map(|path| lines_of(path)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = options.file.iter().map(|path| path.display().to_string()).collect();
    let verified = verify_export(lines.into_iter().flatten(), &known);
    let (stream, report) = verified.map_err(|error| not_whole(&names.join(", "), error))?;
    let end = format!("/{}", checkpoint::encoded(&stream));
    if !origins.iter().all(|origin| origin.ends_with(&end)) {
        let other = Failure::new(Exit::JournalDamaged, "use the checkpoint").because("it is of another stream");
        return Err(other.code("bad-checkpoint"));
    }
    told(&[data(&stream, &report, &known)], output)
}

fn lines_of(path: &Path) -> Result<impl Iterator<Item = std::io::Result<String>> + use<>, Failure> {
    let file = File::open(path);
    let file = file.map_err(|error| Failure::of(Exit::Error, format!("read {}", path.display()), &error))?;
    Ok(BufReader::new(file).lines())
}

fn not_whole(names: &str, error: NotWhole<std::io::Error>) -> Failure {
    let tried = format!("verify {names}");
    match error {
        NotWhole::Source(error) => Failure::of(Exit::Error, tried, &error),
        NotWhole::Damage(damage) => damaged(Failure::of(Exit::JournalDamaged, tried, &damage), &damage),
    }
}

fn damaged(failure: Failure, damage: &Damage) -> Failure {
    let failure = match &damage.kind {
        DamageKind::Missing { .. } if damage.seq == 0 => {
            failure.hint("earlier exports come first: `--file OLD --file NEW`")
        }
        DamageKind::Pruned { .. } => Failure { exit: Exit::Usage, ..failure }
            .hint("`--file EXPORT`, what `prune` wrote, then an export of what is left"),
        _ => failure.hint("keep a copy of everything as it is, and restore one that verifies"),
    };
    failure.code("journal-damaged")
}

fn unverified(stream: &str, error: &Error) -> Failure {
    let failure = explain::journal(format!("verify the stream `{stream}`"), error);
    match error {
        // It is verifying that found it: the hint to verify would lead in a circle.
        Error::Damaged { damage, .. } => damaged(Failure { hint: None, ..failure }, damage),
        _ => failure,
    }
}

fn data(stream: &str, report: &Report, known: &Known) -> Value {
    json!({
        "stream": stream, "first": report.first, "records": report.records, "head": report.head, "root": report.root,
        "checkpoints": known.roots.iter().map(|(size, _)| size).collect::<Vec<_>>(),
    })
}

fn told(reports: &[Value], output: Output) -> failure::Result {
    output.data(&json!({ "whole": true, "streams": reports }), || reports.iter().map(whole).collect())?;
    Ok(Exit::Done)
}

/// One line per stream; the head in the form that `--head` takes.
fn whole(report: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pruned = match report["first"].as_u64() {
        Some(first) if first > 0 => format!(" (those before {first} were pruned)"),
        _ => String::new(),
    };
    let covered: Vec<String> =
        report["checkpoints"].as_array().into_iter().flatten().map(ToString::to_string).collect();
    let covered =
        if covered.is_empty() { String::new() } else { format!(", as the checkpoint of {} says", covered.join(", ")) };
    let head = match &report["head"] {
        Value::Null => String::new(),
        head => format!(", head {}:{}", head["seq"], text(&head["hash"])),
    };
    let plural = if report["records"] == 1 { "" } else { "s" };
    format!("{}: {} record{plural}{pruned}, whole{covered}{head}\n", text(&report["stream"]), report["records"])
}

fn parse_head(text: &str) -> Result<Head, Failure> {
    let bad =
        || Failure::new(Exit::Usage, format!("read the head `{text}`")).hint("SEQ:HASH, as `journal verify` prints it");
    let (seq, hash) = text.split_once(':').ok_or_else(bad)?;
    let is_digest = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match seq.parse() {
        Ok(seq) if is_digest => Ok(Head { seq, hash: Digest(hash.to_owned()) }),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let hash = "ab".repeat(32);
        let head = parse_head(&format!("12:{hash}")).unwrap();
        assert_eq!((head.seq, head.hash.0.as_str()), (12, hash.as_str()));
        for bad in ["12", "x:ab", "12:ab", &format!("12:{}", "AB".repeat(32))] {
            assert_eq!(parse_head(bad).unwrap_err().exit, Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn a_whole_stream_prints_its_head_as_it_is_taken() {
        let report = json!({ "stream": "factory", "first": 0, "records": 3, "head": { "seq": 2, "hash": "ab" } });
        assert_eq!(whole(&report), "factory: 3 records, whole, head 2:ab\n");
        let report = json!({ "stream": "factory", "first": 2, "records": 3, "head": null, "checkpoints": [3] });
        assert_eq!(
            whole(&report),
            "factory: 3 records (those before 2 were pruned), whole, as the checkpoint of 3 says\n"
        );
    }
}
