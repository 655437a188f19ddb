//! What is not as the last run left it, as people read it.

use engine::Drifted;
use journal::event::Drift;

use super::{journal::word, table::table};

/// A line per step; nothing when nothing differs.
pub(crate) fn text(drifted: &Drifted) -> String {
    if drifted.steps.is_empty() {
        return String::new();
    }
    let row = |drift: &Drift| [drift.step.to_string(), word(&drift.seen), drift.paths.join(", ")];
    table(["step", "seen", "in"], &drifted.steps.iter().map(row).collect::<Vec<_>>())
}
