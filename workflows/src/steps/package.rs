//! The functions of an app, as one package.
//!
//! A setting of the app holds the digest of the package that was deployed last: a changed package under an old name
//! would otherwise go unnoticed. The program in it comes from the installation and not from the definition, so the digest
//! is the step's output, which is recorded, and not part of its document.
//!
//! The digest is taken away before another package is sent and written after it has arrived: while it is not there, nobody
//! knows what the app runs. With the old digest beside the new package, a rollback after a crash would find nothing to do.

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
    package::{self, Handler},
    twin_info::TwinInfo,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{failed, outputs::App};
use crate::clouds::Clouds;

/// The setting that holds the digest.
const DIGEST: &str = "TWINCTL_PACKAGE_SHA256";

/// The package that an app is to run.
pub(crate) struct Package {
    app: App,
    functions: Vec<Function>,
    twin_info: Option<TwinInfo>,
}

/// What an app runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deployed {
    /// The package's digest.
    sha256: String,
}

impl Package {
    /// The package with `functions` for `app`; `twin_info` where one of them needs it.
    pub(crate) fn new(app: App, functions: Vec<Function>, twin_info: Option<TwinInfo>) -> Self {
        Self { app, functions, twin_info }
    }

    fn contents(&self, cx: &Context<'_, Clouds>) -> Result<package::Package, Error> {
        Ok(package::Package::new(&self.functions, self.twin_info.as_ref(), cx.env.handler()?.clone()))
    }

    /// Writes the digest of what the app runs, or takes it away.
    async fn note(&self, cx: &Context<'_, Clouds>, sha256: Option<&str>) -> Result<(), azure::Error> {
        let write = Write { key: Some(cx.key), ..Write::default() };
        let set = sha256.map(|sha256| (DIGEST.to_owned(), Secret::new(sha256.to_owned())));
        let unwanted = if set.is_none() { vec![DIGEST.to_owned()] } else { Vec::new() };
        let set: Settings = set.into_iter().collect();
        cx.env.azure.arm().merge_settings(&self.app.id, &set, &unwanted, write).await.map(drop)
    }

    /// Whether the app carries a digest, whichever.
    async fn is_noted(&self, cx: &Context<'_, Clouds>) -> Result<bool, Error> {
        let settings = cx.env.azure.arm().settings(&self.app.id).await.map_err(failed)?;
        Ok(settings.is_some_and(|settings| settings.contains_key(DIGEST)))
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

    async fn publish(&self, cx: &Context<'_, Clouds>, package: package::Package) -> Result<(), Error> {
        let scm = cx.env.azure.scm(&self.app.scm_host).map_err(failed)?;
        let compression = cx.env.compression;
        // The program is large: building the zip would hold up every other step.
        let zip = tokio::task::spawn_blocking(move || package.zip(compression));
        let zip = zip.await.map_err(|error| unbuilt(&error))?.map_err(|error| unbuilt(&error))?;
        let deployment = scm.publish(zip.into()).await.map_err(failed)?;
        cx.checkpoint(json!({ "deployment": deployment })).await?;
        while let azure::scm::Progress::Running(status) = scm.deployment(&deployment).await.map_err(failed)? {
            cx.pause(format!("the package to be deployed ({status})"), cx.env.poll_interval).await?;
        }
        Ok(())
    }
}

fn unbuilt(error: &(dyn std::error::Error + 'static)) -> Error {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    Error::failed(FailureKind::Permanent, causes.collect::<Vec<_>>().join(": ")).with_code("no-functions-program")
}

#[async_trait]
impl Step<Clouds> for Package {
    type Output = Deployed;

    fn document(&self) -> Value {
        let documents = package::Package::new(&self.functions, self.twin_info.as_ref(), Handler::bytes([]));
        let sha256 = documents.digest().expect("a program in memory is readable");
        json!({ "app": self.app.id, "functions": self.functions, "documents": sha256 })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<Deployed>, Error> {
        let wanted = self.contents(cx)?.digest().map_err(|error| unbuilt(&error))?;
        let settings = cx.env.azure.arm().settings(&self.app.id).await.map_err(failed)?.unwrap_or_default();
        let Some(digest) = settings.get(DIGEST) else { return Ok(Observation::Absent) };
        let fit = if digest.expose() != wanted {
            Fit::Differs(vec![DIGEST.into()])
        } else {
            match self.unknown(cx).await?.first() {
                Some(function) => Fit::Partial(format!("function {function} is not there")),
                None => Fit::Exact,
            }
        };
        let output = Some(Deployed { sha256: digest.expose().to_owned() });
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit, output })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, _change: Change<'_>) -> Result<Deployed, Error> {
        let package = self.contents(cx)?;
        let sha256 = package.digest().map_err(|error| unbuilt(&error))?;
        if self.is_noted(cx).await? {
            self.note(cx, None).await.map_err(failed)?;
        }
        self.publish(cx, package).await?;
        if let Some(function) = self.unknown(cx).await?.first() {
            // Indexing lags behind the deployment; what subscribes to a function needs it to be known.
            let message = format!("see function {function}: the app's host has not indexed it yet");
            return Err(Error::failed(FailureKind::NotYet, message).with_code("function-not-indexed"));
        }
        self.note(cx, Some(&sha256)).await.map_err(failed)?;
        Ok(Deployed { sha256 })
    }

    /// The app is deleted as a whole; only the note of what it runs is taken back.
    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        match self.note(cx, None).await {
            Err(error) if error.kind() == azure::Kind::NotFound => Ok(()),
            done => done.map(drop).map_err(failed),
        }
    }

    fn policy(&self) -> Policy {
        Policy { expected: Duration::from_secs(60), ..Policy::default() }
    }
}
