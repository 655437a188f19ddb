//! `twinctl journal prune`.

use journal::Store;
use serde_json::json;

use super::Looking;
use crate::{cli::Prune, environment, exit::Exit, explain, failure};

/// Takes old records out, once they are exported.
pub(super) async fn prune(at: Looking<'_>, options: &Prune) -> failure::Result {
    let failed = |error| explain::journal("prune the journal", &error);
    let store = Store::open(&at.place.state, environment::actor(), "twinctl journal prune").map_err(failed)?;
    let pruned = store.prune(at.stream, options.before, &options.export).await.map_err(failed)?;
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
