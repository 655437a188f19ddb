//! Our settings of a function app, merged with those that are there: a PUT replaces them all.
//!
//! What we record is what we want, with secrets as references; what the cloud answers holds secrets in clear and never
//! leaves this module.

use std::collections::BTreeSet;

use async_trait::async_trait;
use azure::{
    arm::{Settings, Write},
    credentials::Secret,
};
use engine::step::{Change, Context, Error, Fit, Observation, Ownership, Step};
use functions::settings::{AppSettings as Wanted, resolve};
use serde_json::{Value, json};

use super::failed;
use crate::clouds::Clouds;

/// The settings that we want an app to have.
pub(crate) struct AppSettings {
    app: String,
    wanted: Wanted,
    initially: Wanted,
}

impl AppSettings {
    /// The settings `wanted` of the app with the id `app`.
    pub(crate) fn new(app: String, wanted: Wanted) -> Self {
        Self { app, wanted, initially: Wanted::new() }
    }

    /// The same with settings that are written where they are not there, and belong to another step from then on.
    pub(crate) fn initially(mut self, initially: Wanted) -> Self {
        self.initially = initially;
        self
    }

    /// What is to be written: all that is wanted, and of what is wanted initially what is not there.
    async fn to_write(&self, cx: &Context<'_, Clouds>) -> Result<Settings, Error> {
        let mut settings = self.resolved(cx)?;
        if !self.initially.is_empty() {
            let found = cx.env.azure.arm().settings(&self.app).await.map_err(failed)?.unwrap_or_default();
            let initial = values(&self.initially, cx)?;
            settings.extend(initial.into_iter().filter(|(name, _)| !found.contains_key(name)));
        }
        Ok(settings)
    }

    fn resolved(&self, cx: &Context<'_, Clouds>) -> Result<Settings, Error> {
        values(&self.wanted, cx)
    }

    fn leftovers(&self, previous: Option<&Value>) -> Vec<String> {
        let earlier: BTreeSet<String> = previous
            .and_then(|document| document["settings"].as_object())
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect();
        earlier.into_iter().filter(|name| !self.wanted.contains_key(name)).collect()
    }

    async fn merge(
        &self,
        cx: &Context<'_, Clouds>,
        wanted: &Settings,
        unwanted: &[String],
    ) -> Result<(), azure::Error> {
        let write = Write { key: Some(cx.key), ..Write::default() };
        cx.env.azure.arm().merge_settings(&self.app, wanted, unwanted, write).await.map(drop)
    }
}

fn values(settings: &Wanted, cx: &Context<'_, Clouds>) -> Result<Settings, Error> {
    let values = resolve(settings, |reference| cx.env.reveal(reference))?;
    Ok(values.into_iter().map(|(name, value)| (name, Secret::new(value.reveal().to_owned()))).collect())
}

#[async_trait]
impl Step<Clouds> for AppSettings {
    type Output = ();

    fn document(&self) -> Value {
        let mut document = json!({ "app": self.app, "settings": self.wanted });
        if !self.initially.is_empty() {
            document["initially"] = json!(self.initially);
        }
        document
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<()>, Error> {
        let mut found = cx.env.azure.arm().settings(&self.app).await.map_err(failed)?.unwrap_or_default();
        // What is not known yet is written as empty text, and means no more than nothing.
        found.retain(|_, value| !value.expose().is_empty());
        let wanted = self.resolved(cx)?;
        if wanted.keys().all(|name| !found.contains_key(name)) {
            return Ok(Observation::Absent);
        }
        let mut wrong: Vec<String> = wanted
            .iter()
            .filter(|(name, value)| found.get(*name) != Some(*value))
            .map(|(name, _)| name.clone())
            .collect();
        wrong.extend(self.leftovers(cx.previous).into_iter().filter(|name| found.contains_key(name)));
        let fit = if wrong.is_empty() { Fit::Exact } else { Fit::Differs(wrong) };
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit, output: Some(()) })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, change: Change<'_>) -> Result<(), Error> {
        self.merge(cx, &self.to_write(cx).await?, &self.leftovers(change.previous)).await.map_err(failed)
    }

    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let ours: Vec<String> = self.wanted.keys().chain(self.initially.keys()).cloned().collect();
        match self.merge(cx, &Settings::new(), &ours).await {
            // The app is gone, and its settings with it.
            Err(error) if error.kind() == azure::Kind::NotFound => Ok(()),
            done => done.map_err(failed),
        }
    }
}
