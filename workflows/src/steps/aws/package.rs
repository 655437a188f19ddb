//! The functions' program in the artifact bucket, as the one package that all Lambda functions run.
//!
//! Its key is the digest of its contents, so another program is another object: a function goes back to an earlier one by
//! naming it, and a rollback finds it there. All of them go with the deployment.
//!
//! The program comes from the machine that deploys and not from the definition, so the digest is the step's output, which
//! is recorded, and not part of its document.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use engine::step::{Change, Context, Error, FailureKind, Fit, Observation, Ownership, Policy, Step};
use functions::package::{self, digest_of_zip};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::failed;
use crate::clouds::Clouds;

/// Where packages are in the bucket.
const PREFIX: &str = "packages/";

/// The object's metadata that holds the digest of the zip itself, which Lambda answers as `CodeSha256`.
const ZIP: &str = "twinctl-zip-sha256";

/// The package that functions are to run.
pub(crate) struct Package {
    bucket: String,
}

/// A package in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uploaded {
    /// The bucket.
    pub(crate) bucket: String,
    /// The object's key.
    pub(crate) key: String,
    /// The SHA-256 of the zip, in hexadecimal digits.
    pub(crate) sha256: String,
}

impl Package {
    /// The package in a bucket.
    pub(crate) fn new(bucket: String) -> Self {
        Self { bucket }
    }

    fn contents(cx: &Context<'_, Clouds>) -> Result<package::Package, Error> {
        Ok(package::Package::lambda(cx.env.handler()?.clone()))
    }

    fn key(package: &package::Package) -> Result<String, Error> {
        Ok(format!("{PREFIX}{}.zip", package.digest().map_err(|error| unbuilt(&error))?))
    }
}

fn unbuilt(error: &(dyn std::error::Error + 'static)) -> Error {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    Error::failed(FailureKind::Permanent, causes.collect::<Vec<_>>().join(": ")).with_code("no-functions-program")
}

#[async_trait]
impl Step<Clouds> for Package {
    type Output = Uploaded;

    fn document(&self) -> Value {
        json!({ "bucket": self.bucket, "packages": PREFIX })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<Uploaded>, Error> {
        let aws = cx.env.aws()?;
        let key = Self::key(&Self::contents(cx)?)?;
        let head = match aws.object(&self.bucket, &key).await {
            Err(error) if error.kind() == aws::ErrorKind::NotFound => None,
            head => head.map_err(failed)?,
        };
        if let Some(sha256) = head.and_then(|head| head.metadata.get(ZIP).cloned()) {
            let output = Some(Uploaded { bucket: self.bucket.clone(), key, sha256 });
            return Ok(Observation::Present { ownership: Ownership::Unmarkable, fit: Fit::Exact, output });
        }
        let others = match aws.objects(&self.bucket, PREFIX).await {
            Err(error) if error.kind() == aws::ErrorKind::NotFound => Vec::new(),
            others => others.map_err(failed)?,
        };
        if others.is_empty() {
            return Ok(Observation::Absent);
        }
        let fit = Fit::Differs(vec![key]);
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit, output: None })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, _change: Change<'_>) -> Result<Uploaded, Error> {
        let package = Self::contents(cx)?;
        let key = Self::key(&package)?;
        let compression = cx.env.compression;
        // The program is large: building the zip would hold up every other step.
        let zip = tokio::task::spawn_blocking(move || package.zip(compression));
        let zip = zip.await.map_err(|error| unbuilt(&error))?.map_err(|error| unbuilt(&error))?;
        let sha256 = digest_of_zip(&zip);
        let metadata = BTreeMap::from([(ZIP.to_owned(), sha256.clone())]);
        cx.env.aws()?.put_object(&self.bucket, &key, zip.into(), &metadata).await.map_err(failed)?;
        Ok(Uploaded { bucket: self.bucket.clone(), key, sha256 })
    }

    /// Every package: earlier ones were kept for a rollback, and nothing stands any more that could go back to them.
    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let aws = cx.env.aws()?;
        let keys = match aws.objects(&self.bucket, PREFIX).await {
            Err(error) if error.kind() == aws::ErrorKind::NotFound => return Ok(()),
            keys => keys.map_err(failed)?,
        };
        for key in keys {
            aws.delete_object(&self.bucket, &key).await.map_err(failed)?;
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        Policy { expected: Duration::from_secs(20), ..Policy::default() }
    }
}
