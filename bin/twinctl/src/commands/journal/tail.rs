//! `twinctl journal tail`.

use std::time::Duration;

use journal::Record;

use super::{Looking, unread};
use crate::{
    cli::Tail,
    exit::Exit,
    failure,
    output::{self, Heard},
    render,
};

/// How long a follower waits before it looks around again; it goes on until it is stopped.
const PATIENCE: Duration = Duration::from_secs(5);

/// Shows the newest records, and with `--follow` those that come.
pub(super) fn tail(at: Looking<'_>, options: &Tail) -> failure::Result {
    let heads = at.reader.streams().map_err(unread)?;
    let head = heads.into_iter().find(|head| head.stream == at.stream);
    let next = head.map_or(0, |head| head.head.seq + 1);
    let from = next.saturating_sub(options.lines as u64);
    // As `records` does: the canonical line, which the hash is made of.
    let print = |record: &Record| match at.output.json {
        true => output::part(&record.line()),
        false => output::part(&render::journal::record(record)),
    };
    if !options.follow {
        for record in at.reader.records(at.stream, from).map_err(unread)? {
            if print(&record.map_err(unread)?)? == Heard::Gone {
                break;
            }
        }
        return Ok(Exit::Done);
    }
    let mut records = at.reader.follow(at.stream, from).map_err(unread)?;
    loop {
        let Some(record) = records.next(PATIENCE).map_err(unread)? else { continue };
        if print(&record)? == Heard::Gone {
            return Ok(Exit::Done);
        }
    }
}
