//! The devices of IoT Core, all of them as one step: things, each with a certificate that logs in as it.
//!
//! A device's key is made here, kept in a file that only its owner reads ([`crate::device_keys`]), and never leaves the
//! machine: AWS gets the certificate alone. A certificate's id is the digest of the certificate, so it is known before it
//! is registered, and stands in the thing from the beginning: whoever finds the thing knows which certificate is its own.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws::{Aws, Kind};
use engine::step::{Change, Context, Error, FailureKind, Fit, Observation, Ownership, Step};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::{failed, tags, whose};
use crate::{clouds::Clouds, device_keys::DeviceKeys};

/// The attribute of a thing that names its certificate.
const CERTIFICATE: &str = "twinctl-certificate";

/// Devices at work on at once: IoT Core's control plane takes about ten requests a second of each kind.
const AT_ONCE: usize = 4;

/// The things that devices log in as.
pub(crate) struct Things {
    policy: String,
    ids: BTreeSet<String>,
}

/// How one thing looks.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    Absent,
    /// Something about it is not there (yet).
    Partial(String),
    Foreign(String),
    Exact,
}

impl Things {
    /// The things `ids`, whose certificates carry the policy with this name.
    pub(crate) fn new(policy: String, ids: BTreeSet<String>) -> Self {
        Self { policy, ids }
    }

    async fn look(&self, cx: &Context<'_, Clouds>, id: &str) -> Result<Look, Error> {
        let aws = cx.env.aws()?;
        let Some(thing) = aws.get(Kind::Thing, id).await.map_err(failed)? else { return Ok(Look::Absent) };
        match whose(cx.mark, &thing.tags) {
            Ownership::Ours => {}
            Ownership::Theirs(owner) => return Ok(Look::Foreign(format!("{id}, of {owner}"))),
            Ownership::Unmarked | Ownership::Unmarkable => return Ok(Look::Foreign(format!("{id}, without our mark"))),
        }
        let Some(certificate) = certificate_of(&thing) else {
            return Ok(Look::Partial(format!("{id} names no certificate")));
        };
        let Some(state) = aws.certificate(&certificate).await.map_err(failed)? else {
            return Ok(Look::Partial(format!("the certificate of {id} is not there")));
        };
        if !state.active {
            return Ok(Look::Partial(format!("the certificate of {id} is not active")));
        }
        let attached = aws.principals_of_thing(id).await.map_err(failed)?.contains(&state.arn);
        let allowed = aws.policies_of_certificate(&state.arn).await.map_err(failed)?.contains(&self.policy);
        Ok(match (attached, allowed) {
            (true, true) => Look::Exact,
            (false, _) => Look::Partial(format!("the certificate of {id} is not attached to it")),
            (_, false) => Look::Partial(format!("the certificate of {id} carries no policy")),
        })
    }

    /// Makes a thing and everything about it, whatever of it is there already.
    async fn make(&self, cx: &Context<'_, Clouds>, id: &str) -> Result<(), Error> {
        let aws = cx.env.aws()?;
        let certificate = self.named(cx, aws, id).await?;
        let arn = match aws.certificate(&certificate).await.map_err(failed)? {
            Some(state) => state.arn,
            None => self.register(cx, aws, id, &certificate).await?,
        };
        aws.attach(id, &arn, &self.policy).await.map_err(failed)
    }

    /// The certificate that the thing names; where it names none, one that was just made, and is named by it now.
    async fn named(&self, cx: &Context<'_, Clouds>, aws: &Aws, id: &str) -> Result<String, Error> {
        let found = aws.get(Kind::Thing, id).await.map_err(failed)?;
        if let Some(named) = found.as_ref().and_then(certificate_of) {
            // One that is registered may be at work in a device; one that is not can only be ours, if its key is here.
            let registered = aws.certificate(&named).await.map_err(failed)?.is_some();
            if registered || keys(cx)?.certificate(id).map_err(unkept)?.is_some_and(|kept| kept.id == named) {
                return Ok(named);
            }
        }
        let kept = keys(cx)?.load_or_make(id).map_err(unkept)?;
        let properties = json!({ "AttributePayload": { "Attributes": { CERTIFICATE: kept.id } } });
        match &found {
            None => aws.create(Kind::Thing, id, &properties, &tags(cx.mark), cx.key).await.map_err(failed)?,
            Some(found) => aws.update(Kind::Thing, id, &properties, &tags(cx.mark), found).await.map_err(failed)?,
        }
        Ok(kept.id)
    }

    async fn register(&self, cx: &Context<'_, Clouds>, aws: &Aws, id: &str, named: &str) -> Result<String, Error> {
        let gone =
            || Error::failed(FailureKind::Permanent, format!("register the certificate of {id}: it is not here"));
        let kept = keys(cx)?.certificate(id).map_err(unkept)?.filter(|kept| kept.id == named).ok_or_else(gone)?;
        aws.register_certificate(&kept.pem).await.map_err(failed)?;
        let unseen = || Error::failed(FailureKind::NotYet, format!("see the certificate of {id}: it is not there yet"));
        Ok(aws.certificate(named).await.map_err(failed)?.ok_or_else(unseen)?.arn)
    }

    /// Takes a thing away with its certificate and its key; one that is not ours stays.
    async fn unmake(&self, cx: &Context<'_, Clouds>, id: &str) -> Result<(), Error> {
        let aws = cx.env.aws()?;
        if let Some(thing) = aws.get(Kind::Thing, id).await.map_err(failed)? {
            if whose(cx.mark, &thing.tags) != Ownership::Ours {
                return Ok(());
            }
            if let Some(certificate) = certificate_of(&thing) {
                aws.deactivate_and_delete_certificate(&certificate).await.map_err(failed)?;
            }
            aws.delete(Kind::Thing, id).await.map_err(failed)?;
        }
        keys(cx)?.remove(id).map_err(unkept)
    }
}

fn certificate_of(thing: &aws::Found) -> Option<String> {
    let attributes = thing.properties.pointer("/AttributePayload/Attributes")?;
    attributes[CERTIFICATE].as_str().map(String::from)
}

fn keys<'a>(cx: &Context<'a, Clouds>) -> Result<&'a DeviceKeys, Error> {
    cx.env.device_keys()
}

fn unkept(error: crate::device_keys::Error) -> Error {
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let message = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Error::failed(FailureKind::Permanent, message).with_code("device-key")
}

/// Does something for each device, a few at a time.
async fn each<T, F: Future<Output = Result<T, Error>>>(
    ids: &BTreeSet<String>,
    work: impl Fn(String) -> F,
) -> Result<Vec<T>, Error> {
    stream::iter(ids.iter().cloned().map(work)).buffered(AT_ONCE).try_collect().await
}

#[async_trait]
impl Step<Clouds> for Things {
    type Output = ();

    fn document(&self) -> Value {
        json!({ "policy": self.policy, "devices": self.ids })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<()>, Error> {
        let looks = each(&self.ids, |id| async move { Ok((self.look(cx, &id).await?, id)) }).await?;
        let left = earlier(cx.previous).difference(&self.ids).cloned().collect();
        let left =
            each(&left, |id| async move { Ok((cx.env.aws()?.get(Kind::Thing, &id).await.map_err(failed)?, id)) });
        let wrong: Vec<String> =
            left.await?.into_iter().filter(|(found, _)| found.is_some()).map(|(_, id)| id).collect();
        let absent = looks.iter().filter(|(look, _)| *look == Look::Absent).count();
        if absent == looks.len() && wrong.is_empty() && absent > 0 {
            return Ok(Observation::Absent);
        }
        let (ownership, fit) = judge(&looks, wrong);
        Ok(Observation::Present { ownership, fit, output: Some(()) })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, change: Change<'_>) -> Result<(), Error> {
        each(&self.ids, |id| async move { self.make(cx, &id).await }).await?;
        let left = earlier(change.previous).difference(&self.ids).cloned().collect();
        each(&left, |id| async move { self.unmake(cx, &id).await }).await.map(drop)
    }

    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        each(&self.ids, |id| async move { self.unmake(cx, &id).await }).await.map(drop)
    }
}

/// Whose the things are and how they fit, all of them together. One that is somebody else's decides.
fn judge(looks: &[(Look, String)], wrong: Vec<String>) -> (Ownership, Fit) {
    let mut missing: BTreeMap<&str, String> = BTreeMap::new();
    for (look, id) in looks {
        match look {
            Look::Foreign(whose) => {
                return (Ownership::Theirs(format!("thing {whose}")), Fit::Differs(vec![id.clone()]));
            }
            Look::Absent => drop(missing.insert(id, format!("{id} is not there"))),
            Look::Partial(why) => drop(missing.insert(id, why.clone())),
            Look::Exact => {}
        }
    }
    let fit = match (missing.values().next(), wrong.is_empty()) {
        (Some(first), _) => Fit::Partial(format!("{} devices incomplete, first: {first}", missing.len())),
        (None, false) => Fit::Differs(wrong),
        (None, true) => Fit::Exact,
    };
    // The things carry marks, each its own; as a whole the step is known by the journal.
    (Ownership::Unmarkable, fit)
}

fn earlier(document: Option<&Value>) -> BTreeSet<String> {
    let ids = document.and_then(|document| document["devices"].as_array());
    ids.into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(all: Vec<(Look, &str)>) -> Vec<(Look, String)> {
        all.into_iter().map(|(look, id)| (look, id.to_owned())).collect()
    }

    #[test]
    fn things_are_judged_together() {
        let all = looks(vec![(Look::Exact, "a"), (Look::Exact, "b")]);
        assert_eq!(judge(&all, vec![]), (Ownership::Unmarkable, Fit::Exact));
        assert_eq!(judge(&all, vec!["c".into()]).1, Fit::Differs(vec!["c".into()]));
        let all = looks(vec![(Look::Absent, "a"), (Look::Exact, "b")]);
        assert_eq!(judge(&all, vec![]).1, Fit::Partial("1 devices incomplete, first: a is not there".into()));
        let all = looks(vec![(Look::Absent, "a"), (Look::Foreign("b, without our mark".into()), "b")]);
        assert!(matches!(judge(&all, vec![]).0, Ownership::Theirs(_)));
    }

    #[test]
    fn what_left_the_definition_is_read_from_the_earlier_document() {
        let document = Things::new("p".into(), ["a".to_owned(), "b".to_owned()].into()).document();
        assert_eq!(earlier(Some(&document)), ["a".to_owned(), "b".to_owned()].into());
        assert_eq!(earlier(None), BTreeSet::new());
    }
}
