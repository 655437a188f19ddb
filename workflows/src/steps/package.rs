//! The functions of an app, as one package.
//!
//! A setting of the app holds the digest of the package that was deployed last: a changed package under an old name
//! would otherwise go unnoticed.

use std::time::Duration;

use async_trait::async_trait;
use azure::{
    api,
    arm::{Settings, Write},
    credentials::Secret,
};
use engine::step::{Change, Context, Error, FailureKind, Fit, Observation, Ownership, Policy, Step};
use functions::{
    function::Function,
    package::{self, Contents},
};
use serde_json::{Value, json};

use super::{failed, outputs::App};
use crate::clouds::Clouds;

/// The setting that holds the digest.
const DIGEST: &str = "TWINCTL_PACKAGE_SHA256";

/// The package that an app is to run.
pub(crate) struct Package {
    app: App,
    functions: Vec<Function>,
    built: package::Package,
}

impl Package {
    /// The package with `functions` for `app`.
    pub(crate) fn new(app: App, functions: Vec<Function>) -> Self {
        let contents = Contents { functions: &functions, handler: None };
        let built = package::build(contents).expect("a few documents in memory fit into a zip");
        Self { app, functions, built }
    }

    fn settings(&self) -> Settings {
        [(DIGEST.to_owned(), Secret::new(self.built.digest.clone()))].into()
    }

    /// The functions that the app's host does not know (yet).
    async fn unknown(&self, cx: &Context<'_, Clouds>) -> Result<Vec<&'static str>, Error> {
        let mut unknown = Vec::new();
        for function in &self.functions {
            let id = format!("{}/functions/{}", self.app.id, function.name());
            if cx.env.azure.arm().get(&id, api::WEB).await.map_err(failed)?.is_none() {
                unknown.push(function.name());
            }
        }
        Ok(unknown)
    }

    async fn publish(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let scm = cx.env.azure.scm(&self.app.scm_host).map_err(failed)?;
        let deployment = scm.publish(self.built.bytes.clone().into()).await.map_err(failed)?;
        cx.checkpoint(json!({ "deployment": deployment })).await?;
        while let azure::scm::Progress::Running(status) = scm.deployment(&deployment).await.map_err(failed)? {
            cx.pause(format!("the package to be deployed ({status})"), cx.env.poll_interval).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Step<Clouds> for Package {
    type Output = ();

    fn document(&self) -> Value {
        json!({ "app": self.app.id, "functions": self.functions, "sha256": self.built.digest })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<()>, Error> {
        let settings = cx.env.azure.arm().settings(&self.app.id).await.map_err(failed)?.unwrap_or_default();
        let Some(digest) = settings.get(DIGEST) else { return Ok(Observation::Absent) };
        let fit = if digest.expose() != self.built.digest {
            Fit::Differs(vec![DIGEST.into()])
        } else {
            match self.unknown(cx).await?.first() {
                Some(function) => Fit::Partial(format!("function {function} is not there")),
                None => Fit::Exact,
            }
        };
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit, output: Some(()) })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, _change: Change<'_>) -> Result<(), Error> {
        self.publish(cx).await?;
        if let Some(function) = self.unknown(cx).await?.first() {
            // Indexing lags behind the deployment; what subscribes to a function needs it to be known.
            let message = format!("see function {function}: the app's host has not indexed it yet");
            return Err(Error::failed(FailureKind::NotYet, message).with_code("function-not-indexed"));
        }
        let write = Write { key: Some(cx.key), ..Write::default() };
        cx.env.azure.arm().merge_settings(&self.app.id, &self.settings(), &[], write).await.map(drop).map_err(failed)
    }

    /// The app is deleted as a whole; only the note of what it runs is taken back.
    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let write = Write { key: Some(cx.key), ..Write::default() };
        let unwanted = [DIGEST.to_owned()];
        match cx.env.azure.arm().merge_settings(&self.app.id, &Settings::new(), &unwanted, write).await {
            Err(error) if error.kind() == azure::Kind::NotFound => Ok(()),
            done => done.map(drop).map_err(failed),
        }
    }

    fn policy(&self) -> Policy {
        Policy { expected: Duration::from_secs(60), ..Policy::default() }
    }
}
