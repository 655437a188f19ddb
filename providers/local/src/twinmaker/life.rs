//! The lives of component types and entities: begun by a request, moved on by being looked at.
//!
//! When time is instant, a change is under way the first time that somebody looks and over the second time; when time is
//! realistic, it is over when its nominal duration, scaled, has passed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Call;
use super::record::{Entity, Living};
use super::refusal::Refusal;
use crate::cloud::Cloud;
use crate::faults::Kind;
use crate::state::State;

/// How long a change takes. Nominal: nothing was recorded.
const NOMINAL: Duration = Duration::from_secs(3);

/// The codes that an error of a life may have, of the service model.
const CODES: [&str; 3] = ["VALIDATION_ERROR", "INTERNAL_FAILURE", "PROCESSING_ERROR"];

/// Where something is between its creation and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Stage {
    Creating,
    Updating,
    Deleting,
    Active,
    Error,
}

/// A stage, and how it will end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Life {
    pub(super) stage: Stage,
    /// When the change is over, if time is realistic.
    due: DateTime<Utc>,
    /// How often it was looked at. Not written: a restart only makes it look younger.
    #[serde(skip)]
    seen: u32,
    /// The code of the error that it ends in, or ended in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl Life {
    /// Begins a change.
    pub(super) fn begin(call: &Call<'_>, stage: Stage) -> Self {
        let error = call.hits.iter().find_map(|hit| match hit {
            Kind::OperationFails { code } => Some(code.clone()),
            _ => None,
        });
        let due = call.cloud.clock.now() + call.cloud.clock.lasts(NOMINAL);
        Self { stage, due, seen: 0, error }
    }

    /// The stage as the service writes it.
    pub(super) fn word(&self) -> Value {
        serde_json::to_value(self.stage).expect("a stage is a word")
    }

    /// The `status` of the service.
    pub(super) fn status(&self) -> Value {
        let error = match (&self.error, self.stage) {
            (Some(code), Stage::Error) => {
                let known = CODES.iter().find(|known| *known == code).unwrap_or(&"INTERNAL_FAILURE");
                json!({ "code": known, "message": format!("The change failed on demand: {code}") })
            }
            _ => json!({}),
        };
        json!({ "state": self.word(), "error": error })
    }

    fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Creating | Stage::Updating | Stage::Deleting)
    }

    /// Whether it can be used by others.
    pub(super) fn is_active(&self) -> bool {
        self.stage == Stage::Active
    }

    /// Refuses another change while one is under way.
    pub(super) fn at_rest(&self, what: &str, refuse: fn(String) -> Refusal) -> Result<(), Refusal> {
        if self.is_under_way() {
            return Err(refuse(format!("The {what} is in the state {}.", self.word().as_str().unwrap_or_default())));
        }
        Ok(())
    }
}

/// Looks at a row, which may end its change; false when it is gone, then or before.
pub(super) fn look<R: Living>(cloud: &Cloud, state: &mut State, arn: &str) -> bool {
    let Some(row) = state.unrecorded::<R>(arn) else { return false };
    let life = row.life_mut();
    if !life.is_under_way() {
        return true;
    }
    life.seen = life.seen.saturating_add(1);
    let over = if cloud.clock.is_realistic() { cloud.clock.now() >= life.due } else { life.seen > 1 };
    if over {
        let ended = row.clone();
        return end(state, arn, ended);
    }
    true
}

fn end<R: Living>(state: &mut State, arn: &str, mut row: R) -> bool {
    let life = row.life_mut();
    if life.stage == Stage::Deleting && life.error.is_none() {
        state.remove::<R>(arn);
        return false;
    }
    life.stage = if life.error.is_some() { Stage::Error } else { Stage::Active };
    state.set(arn, row);
    true
}

/// Looks at every row under a prefix.
pub(super) fn look_at_all<R: Living>(cloud: &Cloud, state: &mut State, prefix: &str) {
    for arn in below::<R>(state, prefix) {
        look::<R>(cloud, state, &arn);
    }
}

/// The ARNs of all rows of a kind under a prefix.
pub(super) fn below<R: Living>(state: &State, prefix: &str) -> Vec<String> {
    let rows = state.all::<R>().range(prefix.to_owned()..);
    rows.take_while(|(arn, _)| arn.starts_with(prefix)).map(|(arn, _)| arn.clone()).collect()
}

/// The entities of a workspace, by its ARN.
pub(super) fn entities<'s>(state: &'s State, workspace: &str) -> impl Iterator<Item = (&'s String, &'s Entity)> {
    let prefix = format!("{workspace}/entity/");
    let rows = state.all::<Entity>().range(prefix.clone()..);
    rows.take_while(move |(arn, _)| arn.starts_with(&prefix))
}
