//! Our variables in a Lambda function's environment, merged with those that are there: an update replaces them all.
//!
//! As on Azure ([`super::super::app_settings`]), what we record is what we want, with secrets as references.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use engine::step::{Change, Context, Error, Fit, Observation, Ownership, Step};
use functions::settings::{AppSettings, Secret, resolve};
use serde_json::{Value, json};

use super::failed;
use crate::clouds::Clouds;

/// The variables that we want a function to have.
pub(crate) struct Variables {
    function: String,
    wanted: AppSettings,
}

impl Variables {
    /// The variables `wanted` of the function with this name.
    pub(crate) fn new(function: String, wanted: AppSettings) -> Self {
        Self { function, wanted }
    }

    fn resolved(&self, cx: &Context<'_, Clouds>) -> Result<BTreeMap<String, aws::Secret>, Error> {
        let values: BTreeMap<String, Secret> = resolve(&self.wanted, |reference| cx.env.reveal(reference))?;
        Ok(values.into_iter().map(|(name, value)| (name, aws::Secret::new(value.reveal().to_owned()))).collect())
    }

    fn leftovers(&self, previous: Option<&Value>) -> Vec<String> {
        let earlier = previous.and_then(|document| document["variables"].as_object()).into_iter().flatten();
        let earlier: BTreeSet<String> = earlier.map(|(name, _)| name.clone()).collect();
        earlier.into_iter().filter(|name| !self.wanted.contains_key(name)).collect()
    }
}

#[async_trait]
impl Step<Clouds> for Variables {
    type Output = ();

    fn document(&self) -> Value {
        json!({ "function": self.function, "variables": self.wanted })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<()>, Error> {
        let found = cx.env.aws()?.environment(&self.function).await.map_err(failed)?.unwrap_or_default();
        let wanted = self.resolved(cx)?;
        if !wanted.is_empty() && wanted.keys().all(|name| !found.contains_key(name)) {
            return Ok(Observation::Absent);
        }
        let wrong = wanted.iter().filter(|(name, value)| found.get(*name) != Some(*value));
        let mut wrong: Vec<String> = wrong.map(|(name, _)| name.clone()).collect();
        wrong.extend(self.leftovers(cx.previous).into_iter().filter(|name| found.contains_key(name)));
        let fit = if wrong.is_empty() { Fit::Exact } else { Fit::Differs(wrong) };
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit, output: Some(()) })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, change: Change<'_>) -> Result<(), Error> {
        let unwanted = self.leftovers(change.previous);
        cx.env.aws()?.merge_environment(&self.function, &self.resolved(cx)?, &unwanted).await.map_err(failed)
    }

    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let ours: Vec<String> = self.wanted.keys().cloned().collect();
        match cx.env.aws()?.merge_environment(&self.function, &BTreeMap::new(), &ours).await {
            // The function is gone, and its variables with it.
            Err(error) if error.kind() == aws::ErrorKind::NotFound => Ok(()),
            done => done.map_err(failed),
        }
    }
}
