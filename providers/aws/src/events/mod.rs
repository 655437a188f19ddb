//! EventBridge and SQS: events that are put on a bus, and rules that by the clock put one into a queue.
//!
//! A schedule rule stands on the account's default bus, the only one that has a clock. Its target is one queue, whose policy
//! lets that rule send and nobody else. Both carry the caller's tags, and what does not carry them is never changed or removed:
//! it is refused as [`crate::ErrorKind::Conflict`] with the code `not-ours`.
//!
//! EventBridge may deliver an event more than once, and so may SQS: whoever receives knows an event by its id.

mod cron;
mod put;
mod queue;
mod rule;

pub use cron::{Untranslatable, schedule_expression};
pub use put::{Entry, MOST_BYTES, MOST_ENTRIES, Refusal, batches};
pub use queue::{Message, Queue};
pub use rule::Rule;

use crate::{Error, ErrorKind, Tags};

/// The code of a refusal to touch what is somebody else's.
const NOT_OURS: &str = "not-ours";

/// Refuses what does not carry all our tags.
fn demand_ours(what: &str, found: &Tags, ours: &Tags) -> Result<(), Error> {
    if is_ours(found, ours) {
        return Ok(());
    }
    let message = format!("touch {what}: it is there and does not carry our tags");
    Err(Error::found(ErrorKind::Conflict, NOT_OURS, message))
}

fn is_ours(found: &Tags, ours: &Tags) -> bool {
    !ours.is_empty() && ours.iter().all(|(name, value)| found.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_carries_all_our_tags_is_ours() {
        let tags = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<Tags>();
        let ours = tags(&[("twinctl-journal", "j"), ("twinctl-step", "s")]);
        assert_eq!(
            demand_ours("rule r", &tags(&[("twinctl-journal", "j"), ("twinctl-step", "s"), ("x", "y")]), &ours),
            Ok(())
        );
        for foreign in
            [tags(&[]), tags(&[("twinctl-journal", "j")]), tags(&[("twinctl-journal", "k"), ("twinctl-step", "s")])]
        {
            let refused = demand_ours("rule r", &foreign, &ours).unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, Some("not-ours")));
        }
        assert!(!is_ours(&tags(&[]), &tags(&[])), "no mark marks nothing");
    }
}
