//! What queries see when they lag behind: the state as it was some time ago.
//!
//! The real service indexes what is written for its queries afterwards: a `COUNT` that was 0 before a write was recorded
//! as 0, 0 and 1 over the next five seconds. Here a second fold of the same changes follows the first one at a distance.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::change::Change;
use super::state::State;

/// A state that follows another one.
#[derive(Debug)]
pub(super) struct Lagging {
    state: State,
    /// What it has yet to take, and when it was written.
    pending: VecDeque<(DateTime<Utc>, Change)>,
    lag: Duration,
}

impl Lagging {
    /// Starts from a state as it is now; refused only when its models do not fit each other.
    pub(super) fn behind(current: &State, lag: Duration) -> Result<Self, String> {
        let mut state = State::new();
        current.snapshot().try_for_each(|change| state.apply(change))?;
        Ok(Self { state, pending: VecDeque::new(), lag })
    }

    /// The state as of when it last caught up.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Takes note of a change that the other state has taken, and takes those that are old enough by then.
    pub(super) fn push(&mut self, now: DateTime<Utc>, change: Change) {
        self.pending.push_back((now, change));
        self.catch_up(now);
    }

    /// Whether there is anything old enough to be taken.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.pending.front().is_some_and(|(written, _)| *written + self.lag <= now)
    }

    /// Takes all that is old enough.
    pub(super) fn catch_up(&mut self, now: DateTime<Utc>) {
        while self.is_due(now)
            && let Some((_, change)) = self.pending.pop_front()
        {
            self.state.apply(change).expect("the other state has taken the same changes in the same order");
        }
    }
}
