//! `twinctl journal prove`: proofs for somebody who has a checkpoint and not the journal.

use std::path::Path;

use journal::{checkpoint, merkle};
use serde_json::{Value, json};

use super::{Looking, unread, verify::journal_id};
use crate::{
    cli::Prove,
    exit::Exit,
    failure::{self, Failure},
};

/// Makes the proof that was asked for. It is data for programs, so it is JSON either way.
pub(super) fn prove(at: Looking<'_>, options: &Prove) -> failure::Result {
    let leaves = at.reader.leaves(at.stream).map_err(unread)?;
    let size = match &options.checkpoint {
        Some(path) => size_of(at, path)?,
        None => leaves.size(),
    };
    let proof = match (options.record, &options.since) {
        (Some(seq), _) => inclusion(at, &leaves, seq, size)?,
        (None, Some(path)) => consistency(&leaves, size_of(at, path)?, size)?,
        (None, None) => unreachable!("one of them is required"),
    };
    let origin = checkpoint::origin(journal_id(at.reader)?, at.stream);
    let root = leaves.root(size);
    let mut data = json!({ "origin": origin, "size": size, "root": root });
    data.as_object_mut().expect("it is an object").extend(proof);
    crate::output::raw(&serde_json::to_string_pretty(&data).expect("a proof is plain data"))?;
    Ok(Exit::Done)
}

type Proof = serde_json::Map<String, Value>;

fn inclusion(at: Looking<'_>, leaves: &merkle::Leaves, seq: u64, size: u64) -> Result<Proof, Failure> {
    let none = || Failure::new(Exit::Usage, format!("prove record {seq} among {size}"));
    let hashes = leaves.inclusion(seq, size).ok_or_else(|| none().because("it is not among those that are left"))?;
    let line = at.reader.lines(at.stream, seq).map_err(unread)?.next();
    let line = line.ok_or_else(|| none().because("there is no such record"))?.map_err(unread)?;
    Ok(Proof::from_iter([
        ("record".to_owned(), json!(seq)),
        ("line".to_owned(), json!(line)),
        ("inclusion".to_owned(), json!(hashes)),
    ]))
}

fn consistency(leaves: &merkle::Leaves, earlier: u64, size: u64) -> Result<Proof, Failure> {
    let none = || Failure::new(Exit::Usage, format!("prove that {size} records begin with the first {earlier}"));
    let hashes = leaves.consistency(earlier, size);
    let hashes =
        hashes.ok_or_else(|| none().because("the earlier ones must be fewer, more than none, and not pruned"))?;
    Ok(Proof::from_iter([("since".to_owned(), json!(earlier)), ("consistency".to_owned(), json!(hashes))]))
}

/// The size that a checkpoint states. Its signature is the reader's of the proof to check.
fn size_of(at: Looking<'_>, path: &Path) -> Result<u64, Failure> {
    let tried = || format!("read the checkpoint {}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| Failure::of(Exit::Error, tried(), &error))?;
    let origin = checkpoint::origin(journal_id(at.reader)?, at.stream);
    let stated = checkpoint::Checkpoint::peek(&text, &origin);
    stated.map(|stated| stated.size).map_err(|error| Failure::of(Exit::Usage, tried(), &error).code("bad-checkpoint"))
}
