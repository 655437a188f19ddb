//! The pace of one twin.

use std::time::Duration;

use tokio::time::Instant;

/// How far apart requests on one twin are in the long run; two may follow each other at once.
///
/// The service takes 10 a second, reads included. With this distance d and a burst of 2, the first and the eleventh of any
/// requests are at least (11 - 2) d > 1 s apart: no second holds more than 10.
const DISTANCE: Duration = Duration::from_millis(112);

/// When a twin may be asked again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// When the next request would come if all came at the distance; `None` before the first.
    due: Option<Instant>,
}

impl Pace {
    /// The next turn, now or later.
    pub(super) fn turn(self, now: Instant) -> Instant {
        self.due.map_or(now, |due| now.max(due.checked_sub(DISTANCE).unwrap_or(due)))
    }

    /// Takes a turn.
    pub(super) fn take(&mut self, now: Instant) {
        self.due = Some(self.due.map_or(now, |due| due.max(now)) + DISTANCE);
    }

    /// Whether forgetting it would let requests come too fast.
    pub(super) fn matters(self, now: Instant) -> bool {
        self.due.is_some_and(|due| due > now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_second_holds_more_than_ten(waits in prop::collection::vec(0u64..300, 10..120)) {
            let mut now = Instant::now();
            let mut pace = Pace::default();
            let mut turns = Vec::new();
            for wait in waits {
                now = pace.turn(now + Duration::from_millis(wait.saturating_sub(150)));
                pace.take(now);
                turns.push(now);
            }
            for eleven in turns.windows(11) {
                prop_assert!(eleven[10] - eleven[0] >= Duration::from_secs(1));
            }
        }
    }

    #[test]
    fn a_read_and_a_write_need_not_wait_and_nothing_is_kept_for_long() {
        let now = Instant::now();
        let mut pace = Pace::default();
        for _ in 0..2 {
            assert_eq!(pace.turn(now), now);
            pace.take(now);
        }
        assert_eq!(pace.turn(now), now + DISTANCE);
        assert!(pace.matters(now) && !pace.matters(now + 2 * DISTANCE));
    }
}
