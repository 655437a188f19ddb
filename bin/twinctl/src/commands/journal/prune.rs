//! `twinctl journal prune`.

use journal::Store;
use serde_json::json;

use super::Looking;
use crate::{
    cli::Prune,
    environment,
    exit::Exit,
    explain,
    failure::{self, Failure},
};

const TRIED: &str = "prune the journal";

/// Takes old records out, once they are exported. What an outbox has still to send stays.
pub(super) async fn prune(at: Looking<'_>, options: &Prune) -> failure::Result {
    let failed = |error| explain::journal(TRIED, &error);
    let store = Store::open(&at.place.state, environment::actor(), "twinctl journal prune").map_err(failed)?;
    let needed = notify::still_needed(&at.place.state, at.stream);
    let needed = needed.map_err(|error| Failure::of(Exit::Error, TRIED, &error))?;
    let keep = needed.as_ref().map_or(u64::MAX, |(seq, _)| *seq);
    if let Some((seq, cursor)) = &needed {
        at.output.say(&format!("records from {seq} on stay in any case: {} has still to send them", cursor.display()));
    }
    let pruned = store.prune(at.stream, options.before, keep, &options.export).await.map_err(failed)?;
    let Some(pruned) = pruned else {
        at.output.say("nothing is old enough: the last run always stays");
        at.output.data(&json!({ "pruned": null }), String::new)?;
        return Ok(Exit::Done);
    };
    let text = format!(
        "records {} to {} are in {} (SHA-256 {}) and out of the journal\n",
        pruned.first,
        pruned.size - 1,
        options.export.display(),
        pruned.export
    );
    at.output.data(&json!({ "pruned": pruned }), || text)?;
    Ok(Exit::Done)
}
