//! `twinctl journal checkpoint` and `journal key`.

use std::path::Path;

use journal::{
    Reader,
    checkpoint::{self, Signer},
    verify::{Known, Report},
};
use serde_json::json;

use super::{Looking, deliver, verify::journal_id};
use crate::{
    cli::Checkpoint,
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
};

/// Verifies the stream and signs what it holds: a checkpoint of what does not hold is not to be had.
pub(super) fn checkpoint(at: Looking<'_>, options: &Checkpoint) -> failure::Result {
    let Signed { checkpoint, note, key } = sign(at, &verified(at)?, options.signing_key.as_deref())?;
    match (&options.output, at.output.json) {
        (None, true) => at.output.data(&json!({ "checkpoint": checkpoint, "note": note, "key": key }), String::new)?,
        (path, _) => deliver(&note, path.as_deref())?,
    }
    at.output.say(&format!("keep it where nobody who can write here can; it is checked with the key\n  {key}"));
    Ok(Exit::Done)
}

/// What the stream holds, once it is known to hold.
pub(super) fn verified(at: Looking<'_>) -> Result<Report, Failure> {
    let report = at.reader.verify(at.stream, &Known::default());
    report.map_err(|error| explain::journal("verify what is to be signed", &error))
}

/// A checkpoint with its signature, and the key by which it is checked.
pub(super) struct Signed {
    checkpoint: checkpoint::Checkpoint,
    pub(super) note: String,
    key: String,
}

/// Signs what was verified, with a key that was given or the state folder's.
pub(super) fn sign(at: Looking<'_>, report: &Report, key: Option<&Path>) -> Result<Signed, Failure> {
    let id = journal_id(at.reader)?;
    let signer = match key {
        Some(path) => Signer::open(path, &checkpoint::key_name(id), false),
        None => Signer::open(&Signer::path(&at.place.state), &checkpoint::key_name(id), true),
    };
    let signer = signer.map_err(|error| Failure::of(Exit::Error, "sign the checkpoint", &error))?;
    let checkpoint =
        checkpoint::Checkpoint { origin: checkpoint::origin(id, at.stream), size: report.records, root: report.root };
    let note = signer.sign(&checkpoint).to_string();
    Ok(Signed { checkpoint, note, key: signer.verifier_key().to_string() })
}

/// Prints the verifier key of the state folder's signing key, made if there is none yet.
pub(super) fn key(place: &Place, reader: &Reader, output: Output) -> failure::Result {
    let name = checkpoint::key_name(journal_id(reader)?);
    let signer = Signer::open(&Signer::path(&place.state), &name, true);
    let signer = signer.map_err(|error| Failure::of(Exit::Error, "find the signing key", &error))?;
    let key = signer.verifier_key().to_string();
    output.data(&json!({ "key": key }), || key.clone())?;
    Ok(Exit::Done)
}
