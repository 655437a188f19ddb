//! One AWS resource: the step that most of a deployment on AWS is made of.
//!
//! The client makes AWS uniform (get, create, update, delete, documents in CloudFormation's shape), so a resource needs no
//! code of its own beyond the document that it wants. AWS names no operations to poll: what takes long is looked at until
//! it is ready, and a resume looks on.

pub(crate) mod batch;
pub(crate) mod devices;
pub(crate) mod identity;
pub(crate) mod kind;
pub(crate) mod outputs;
pub(crate) mod package;
pub(crate) mod settings;

use std::marker::PhantomData;

use async_trait::async_trait;
use aws::{Aws, Found, State, Tags};
use engine::step::{Change, Context, Error, Failure, FailureKind, Fit, Mark, Observation, Ownership, Policy, Step};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use self::{kind::Kind, outputs::FromAws};
use crate::clouds::Clouds;

/// One resource, wanted as `properties` say.
pub(crate) struct AwsResource<O> {
    kind: Kind,
    id: String,
    properties: Value,
    output: PhantomData<fn() -> O>,
}

impl<O> AwsResource<O> {
    /// The resource `id` as `properties` want it.
    pub(crate) fn new(kind: Kind, id: impl Into<String>, properties: Value) -> Self {
        Self { kind, id: id.into(), properties, output: PhantomData }
    }
}

#[async_trait]
impl<O> Step<Clouds> for AwsResource<O>
where
    O: FromAws + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Output = O;

    fn document(&self) -> Value {
        json!({ "type": self.kind.of.name(), "id": self.id, "properties": self.properties })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<O>, Error> {
        let Some(found) = self.get(cx.env.aws()?).await? else { return Ok(Observation::Absent) };
        Ok(Observation::Present {
            ownership: self.ownership(cx.mark, &found),
            fit: self.fit(&found)?,
            output: O::from_aws(&self.id, &found).ok(),
        })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, _change: Change<'_>) -> Result<O, Error> {
        let aws = cx.env.aws()?;
        let tags = tags(cx.mark);
        let found = match self.settled(cx, aws).await? {
            Some(found) => found,
            None => {
                aws.create(self.kind.of, &self.id, &self.properties, &tags, cx.key).await.map_err(failed)?;
                self.seen(cx, aws).await?
            }
        };
        // Some of what a document wants can only be set on what is there already (a table's time to live).
        let found = match self.fit(&found)? == Fit::Exact && self.is_marked(cx.mark, &found) {
            true => found,
            false => {
                aws.update(self.kind.of, &self.id, &self.properties, &tags, &found).await.map_err(failed)?;
                self.seen(cx, aws).await?
            }
        };
        match self.fit(&found)? {
            Fit::Exact => {
                O::from_aws(&self.id, &found).map_err(|missing| self.not_yet(&format!("{missing} is not there")))
            }
            Fit::Differs(paths) => Err(self.not_yet(&format!("it still differs at {}", paths.join(", ")))),
            Fit::Partial(why) => Err(self.not_yet(&why)),
        }
    }

    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let aws = cx.env.aws()?;
        if self.kind.holds_objects {
            empty(aws, &self.id).await?;
        }
        aws.delete(self.kind.of, &self.id).await.map_err(failed)?;
        while self.get(aws).await?.is_some() {
            cx.pause(format!("{} {} to be gone", self.kind.title, self.id), cx.env.poll_interval).await?;
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        self.kind.policy()
    }
}

impl<O: FromAws> AwsResource<O> {
    async fn get(&self, aws: &Aws) -> Result<Option<Found>, Error> {
        aws.get(self.kind.of, &self.id).await.map_err(failed)
    }

    /// What is there once AWS is not at work on it any more.
    async fn settled(&self, cx: &Context<'_, Clouds>, aws: &Aws) -> Result<Option<Found>, Error> {
        loop {
            match self.get(aws).await? {
                Some(Found { state: State::Busy(state), .. }) => {
                    cx.pause(format!("{} {} ({state})", self.kind.title, self.id), cx.env.poll_interval).await?;
                }
                found => return Ok(found),
            }
        }
    }

    /// The same where something must be there.
    async fn seen(&self, cx: &Context<'_, Clouds>, aws: &Aws) -> Result<Found, Error> {
        self.settled(cx, aws).await?.ok_or_else(|| self.not_yet("it cannot be seen yet"))
    }

    fn fit(&self, found: &Found) -> Result<Fit, Error> {
        Ok(match &found.state {
            State::Busy(state) => Fit::Partial(format!("{} is {state}", self.kind.title)),
            State::Failed(why) => Fit::Partial(format!("{} failed: {why}", self.kind.title)),
            State::Ready => match self.kind.of.differences(&self.properties, &found.properties).map_err(failed)? {
                paths if paths.is_empty() && O::from_aws(&self.id, found).is_ok() => Fit::Exact,
                paths if paths.is_empty() => Fit::Partial(format!("{} is not ready", self.kind.title)),
                paths => Fit::Differs(paths),
            },
        })
    }

    fn ownership(&self, mark: &Mark, found: &Found) -> Ownership {
        if self.kind.of.has_tags() { whose(mark, &found.tags) } else { Ownership::Unmarkable }
    }

    fn is_marked(&self, mark: &Mark, found: &Found) -> bool {
        !self.kind.of.has_tags() || whose(mark, &found.tags) == Ownership::Ours
    }

    fn not_yet(&self, why: &str) -> Error {
        Error::failed(FailureKind::NotYet, format!("see {} {} as wanted: {why}", self.kind.title, self.id))
    }
}

/// Takes every object out of a bucket: what is in one of ours was put there by the deployment's own functions.
async fn empty(aws: &Aws, bucket: &str) -> Result<(), Error> {
    loop {
        let keys = match aws.objects(bucket, "").await {
            Err(error) if error.kind() == aws::ErrorKind::NotFound => return Ok(()),
            keys => keys.map_err(failed)?,
        };
        if keys.is_empty() {
            return Ok(());
        }
        for key in keys {
            aws.delete_object(bucket, &key).await.map_err(failed)?;
        }
    }
}

/// The mark as tags. The names are those on Azure: an operator looks for one thing.
pub(crate) fn tags(mark: &Mark) -> Tags {
    use azure::mark::{DEPLOYMENT, JOURNAL, STEP};
    [(DEPLOYMENT, &mark.deployment), (JOURNAL, &mark.journal), (STEP, &mark.step)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

/// Whose a thing with these tags is. Only the deployment and the journal decide, as on Azure.
pub(crate) fn whose(mark: &Mark, tags: &Tags) -> Ownership {
    use azure::mark::{DEPLOYMENT, JOURNAL};
    let tag = |name: &str| tags.get(name).map(String::as_str);
    match (tag(DEPLOYMENT), tag(JOURNAL)) {
        (None, None) => Ownership::Unmarked,
        (Some(deployment), Some(journal)) if deployment == mark.deployment && journal == mark.journal => {
            Ownership::Ours
        }
        (deployment, journal) => Ownership::Theirs(format!(
            "deployment {}, journal {}",
            deployment.unwrap_or_default(),
            journal.unwrap_or_default()
        )),
    }
}

/// A cloud's error as the engine sees it.
pub(crate) fn failed(error: aws::Error) -> Error {
    let kind = match error.kind() {
        aws::ErrorKind::Transient => FailureKind::Transient,
        aws::ErrorKind::Throttled => FailureKind::Throttled,
        aws::ErrorKind::NotYet => FailureKind::NotYet,
        aws::ErrorKind::Conflict => FailureKind::Conflict,
        aws::ErrorKind::NotFound | aws::ErrorKind::Permanent => FailureKind::Permanent,
    };
    Error::Failed(Failure {
        kind,
        code: error.code().map(String::from),
        message: error.to_string(),
        retry_after: error.retry_after(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(journal: &str) -> Mark {
        Mark { deployment: "d".into(), journal: journal.into(), step: "l1/aws-policy".into() }
    }

    #[test]
    fn the_mark_reads_back_and_tells_journals_apart() {
        assert_eq!(whose(&mark("j"), &tags(&mark("j"))), Ownership::Ours);
        assert!(matches!(whose(&mark("k"), &tags(&mark("j"))), Ownership::Theirs(_)));
        assert_eq!(whose(&mark("j"), &Tags::new()), Ownership::Unmarked);
        let mut damaged = tags(&mark("j"));
        damaged.remove(azure::mark::JOURNAL);
        assert!(matches!(whose(&mark("j"), &damaged), Ownership::Theirs(_)));
    }
}
