//! What the daemon is doing, for whoever looks: health, metrics.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use journal::{ScheduleState, Trigger};
use serde::Serialize;
use tokio::sync::watch;

use crate::policy::{Schedules, coming};

/// What the daemon is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Since when it is up.
    pub up_since: DateTime<Utc>,
    /// The schedules by name.
    pub schedules: BTreeMap<String, Seen>,
    /// What is in progress.
    pub working: Option<Working>,
    /// Whom it waits for: who holds the journal's lease.
    pub waiting_for: Option<String>,
    /// Why it cannot do its work right now.
    pub trouble: Option<String>,
}

/// One schedule as it was seen last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// What the journal says.
    pub state: ScheduleState,
    /// The next time that its pattern names; none while it is paused.
    pub next: Option<DateTime<Utc>>,
}

/// What is in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Working {
    /// The occurrence.
    pub trigger: Trigger,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Where the daemon writes what it does, and others read it. Clones share it.
#[derive(Debug, Clone)]
pub struct Board(Arc<watch::Sender<Status>>);

impl Board {
    /// A board of a daemon that is up since this moment.
    #[must_use]
    pub fn new(up_since: DateTime<Utc>) -> Self {
        let schedules = BTreeMap::new();
        let status = Status { up_since, schedules, working: None, waiting_for: None, trouble: None };
        Self(Arc::new(watch::Sender::new(status)))
    }

    /// What it says now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.borrow().clone()
    }

    pub(crate) fn up_since(&self) -> DateTime<Utc> {
        self.0.borrow().up_since
    }

    pub(crate) fn schedules(&self, schedules: &Schedules) {
        let seen = |(name, state): (&String, &ScheduleState)| {
            let next = coming(name, state).next().map(|next| next.at);
            (name.clone(), Seen { state: state.clone(), next })
        };
        let schedules = schedules.iter().map(seen).collect();
        self.0.send_modify(|status| {
            status.schedules = schedules;
            status.trouble = None;
        });
    }

    pub(crate) fn working(&self, working: Option<Working>) {
        self.0.send_modify(|status| status.working = working);
    }

    pub(crate) fn waiting_for(&self, who: Option<String>) {
        self.0.send_modify(|status| status.waiting_for = who);
    }

    pub(crate) fn trouble(&self, trouble: String) {
        self.0.send_modify(|status| status.trouble = Some(trouble));
    }
}
