//! Steps on the cloud in memory.

use std::time::Duration;

use async_trait::async_trait;
use engine::step::{Change, Context, Error, Fit, Observation, Ownership, Policy, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fake::cloud::Cloud;

/// What every step puts out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) id: String,
}

/// One resource.
pub(crate) struct Resource {
    pub(crate) name: String,
    pub(crate) document: Value,
    /// Polls until it is ready, and until it is gone.
    pub(crate) polls: u32,
    pub(crate) markable: bool,
    pub(crate) policy: Policy,
}

pub(crate) fn quick() -> Policy {
    Policy {
        deadline: Duration::from_secs(20),
        initial_delay: Duration::from_micros(1),
        max_delay: Duration::from_micros(10),
        max_transient_attempts: 50,
        ..Policy::default()
    }
}

impl Resource {
    async fn wait(&self, cx: &Context<'_, Cloud>) -> Result<(), Error> {
        while !cx.env.poll(&self.name).await? {
            cx.pause("the cloud", Duration::ZERO).await?;
        }
        Ok(())
    }

    fn made(&self) -> Made {
        Made { id: format!("id of {}", self.name) }
    }
}

#[async_trait]
impl Step<Cloud> for Resource {
    type Output = Made;

    fn document(&self) -> Value {
        self.document.clone()
    }

    async fn observe(&self, cx: &Context<'_, Cloud>) -> Result<Observation<Made>, Error> {
        let Some(thing) = cx.env.get(&self.name).await? else { return Ok(Observation::Absent) };
        let ownership = match &thing.mark {
            _ if !self.markable => Ownership::Unmarkable,
            None => Ownership::Unmarked,
            Some(mark) if mark == cx.mark => Ownership::Ours,
            Some(mark) => Ownership::Theirs(format!("journal {}", mark.journal)),
        };
        let fit = match (thing.busy, thing.document == self.document) {
            (0, true) => Fit::Exact,
            (0, false) => Fit::Differs(vec!["document".into()]),
            _ => Fit::Partial("an operation is running".into()),
        };
        Ok(Observation::Present { ownership, fit, output: Some(self.made()) })
    }

    async fn apply(&self, cx: &Context<'_, Cloud>, _: Change<'_>) -> Result<Made, Error> {
        if cx.checkpoints.is_empty() {
            let mark = self.markable.then_some(cx.mark);
            cx.env.put(&self.name, &self.document, mark, self.polls).await?;
            if self.polls > 0 {
                cx.checkpoint(json!({ "operation": self.name })).await?;
            }
        }
        self.wait(cx).await?;
        Ok(self.made())
    }

    async fn compensate(&self, cx: &Context<'_, Cloud>) -> Result<(), Error> {
        if cx.undo_checkpoints.is_empty() {
            cx.env.delete(&self.name, self.polls).await?;
            if self.polls > 0 {
                cx.checkpoint(json!({ "operation": self.name })).await?;
            }
        }
        self.wait(cx).await
    }

    fn policy(&self) -> Policy {
        self.policy
    }
}

/// Many small things in one step, in batches of two. They carry no mark.
pub(crate) struct Bulk {
    pub(crate) name: String,
    pub(crate) items: Vec<String>,
}

impl Bulk {
    fn item(&self, item: &str) -> String {
        format!("{}/{item}", self.name)
    }

    /// What an earlier document lists and this one does not.
    fn left(&self, previous: Option<&Value>) -> Vec<String> {
        let earlier: Vec<String> =
            previous.and_then(|document| serde_json::from_value(document["items"].clone()).ok()).unwrap_or_default();
        earlier.into_iter().filter(|item| !self.items.contains(item)).collect()
    }
}

#[async_trait]
impl Step<Cloud> for Bulk {
    type Output = Made;

    fn document(&self) -> Value {
        json!({ "items": self.items })
    }

    async fn observe(&self, cx: &Context<'_, Cloud>) -> Result<Observation<Made>, Error> {
        let (mut present, mut over) = (0, 0);
        for item in &self.items {
            present += usize::from(cx.env.get(&self.item(item)).await?.is_some());
        }
        for item in self.left(cx.previous) {
            over += usize::from(cx.env.get(&self.item(&item)).await?.is_some());
        }
        if present + over == 0 {
            return Ok(Observation::Absent);
        }
        let exact = present == self.items.len() && over == 0;
        let partial = || Fit::Partial(format!("{present} of {} and {over} too many", self.items.len()));
        let fit = if exact { Fit::Exact } else { partial() };
        let output = Some(Made { id: self.name.clone() });
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit, output })
    }

    async fn apply(&self, cx: &Context<'_, Cloud>, change: Change<'_>) -> Result<Made, Error> {
        for (batch, items) in self.items.chunks(2).enumerate().skip(cx.checkpoints.len()) {
            for item in items {
                cx.env.put(&self.item(item), &json!({ "item": item }), None, 0).await?;
            }
            cx.checkpoint(json!({ "batch": batch })).await?;
        }
        for item in self.left(change.previous) {
            cx.env.delete(&self.item(&item), 0).await?;
        }
        Ok(Made { id: self.name.clone() })
    }

    async fn compensate(&self, cx: &Context<'_, Cloud>) -> Result<(), Error> {
        for item in &self.items {
            cx.env.delete(&self.item(item), 0).await?;
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        quick()
    }
}
