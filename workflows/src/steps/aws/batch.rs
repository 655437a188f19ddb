//! Many small resources that belong together, in the order in which they build on each other, as one step.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws::{Aws, Found, State};
use engine::step::{Change, Context, Error, FailureKind, Fit, Observation, Ownership, Policy, Step};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{failed, kind::Kind, tags, whose};
use crate::clouds::Clouds;

/// Resources looked at at once: far below the ten requests a second that TwinMaker's reads take.
const AT_ONCE: usize = 4;

/// The batch that is wanted.
pub(crate) struct Batch {
    kinds: Vec<Kind>,
    members: Vec<Member>,
}

/// One resource of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// The type's name.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The resource's id.
    pub(crate) id: String,
    /// What it is to be.
    #[serde(default)]
    pub(crate) properties: Value,
}

impl Batch {
    /// The resources, each after those that it builds on; they are taken away in the reverse order. `kinds` are all types
    /// that may be among them, now or in an earlier definition, in that order too.
    pub(crate) fn new(kinds: Vec<Kind>, members: Vec<(Kind, String, Value)>) -> Self {
        let member =
            |(kind, id, properties): (Kind, String, Value)| Member { kind: kind.of.name().into(), id, properties };
        Self { kinds, members: members.into_iter().map(member).collect() }
    }

    fn kind(&self, name: &str) -> Result<Kind, Error> {
        let unknown = || Error::failed(FailureKind::Permanent, format!("work on a {name}: the type is not known here"));
        self.kinds.iter().find(|kind| kind.of.name() == name).copied().ok_or_else(unknown)
    }

    /// What was in the earlier definition and is not in this one, those that build on others first.
    fn left(&self, previous: Option<&Value>) -> Vec<Member> {
        let earlier = previous.and_then(|document| document["members"].as_array()).into_iter().flatten();
        let wanted: BTreeSet<(&str, &str)> =
            self.members.iter().map(|one| (one.kind.as_str(), one.id.as_str())).collect();
        let members = earlier.filter_map(|one| Member::deserialize(one).ok());
        let mut left: Vec<Member> =
            members.filter(|one| !wanted.contains(&(one.kind.as_str(), one.id.as_str()))).collect();
        left.reverse();
        left
    }

    async fn find(&self, aws: &Aws, member: &Member) -> Result<Option<Found>, Error> {
        aws.get(self.kind(&member.kind)?.of, &member.id).await.map_err(failed)
    }

    async fn settled(&self, cx: &Context<'_, Clouds>, member: &Member) -> Result<Option<Found>, Error> {
        loop {
            match self.find(cx.env.aws()?, member).await? {
                Some(Found { state: State::Busy(state), .. }) => {
                    cx.pause(
                        format!("{} {} ({state})", self.kind(&member.kind)?.title, member.id),
                        cx.env.poll_interval,
                    )
                    .await?;
                }
                found => return Ok(found),
            }
        }
    }

    async fn make(&self, cx: &Context<'_, Clouds>, member: &Member) -> Result<(), Error> {
        let (aws, kind) = (cx.env.aws()?, self.kind(&member.kind)?);
        match self.settled(cx, member).await? {
            None => {
                // Each member is an intent of its own: its key follows from the step's and from what it is.
                let key = uuid::Uuid::new_v5(&cx.key, format!("{} {}", member.kind, member.id).as_bytes());
                aws.create(kind.of, &member.id, &member.properties, &tags(cx.mark), key).await.map_err(failed)?;
            }
            Some(found) if self.look(cx, member, Some(&found))? == Look::Exact => return Ok(()),
            Some(found) => {
                aws.update(kind.of, &member.id, &member.properties, &tags(cx.mark), &found).await.map_err(failed)?;
            }
        }
        let found = self.settled(cx, member).await?;
        match self.look(cx, member, found.as_ref())? {
            Look::Exact => Ok(()),
            other => {
                let why = format!("see {} {} as wanted: {other:?}", kind.title, member.id).to_lowercase();
                Err(Error::failed(FailureKind::NotYet, why))
            }
        }
    }

    async fn unmake(&self, cx: &Context<'_, Clouds>, member: &Member) -> Result<(), Error> {
        let Some(found) = self.settled(cx, member).await? else { return Ok(()) };
        if whose(cx.mark, &found.tags) != Ownership::Ours {
            return Ok(());
        }
        cx.env.aws()?.delete(self.kind(&member.kind)?.of, &member.id).await.map_err(failed)?;
        self.settled(cx, member).await.map(drop)
    }
}

/// How one member looks.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    Absent,
    Busy(String),
    Differs(Vec<String>),
    Foreign(String),
    Exact,
}

impl Batch {
    fn look(&self, cx: &Context<'_, Clouds>, member: &Member, found: Option<&Found>) -> Result<Look, Error> {
        let Some(found) = found else { return Ok(Look::Absent) };
        match whose(cx.mark, &found.tags) {
            Ownership::Ours => {}
            Ownership::Theirs(owner) => return Ok(Look::Foreign(owner)),
            Ownership::Unmarked | Ownership::Unmarkable => {
                return Ok(Look::Foreign("something without our mark".into()));
            }
        }
        let kind = self.kind(&member.kind)?.of;
        Ok(match &found.state {
            State::Busy(state) | State::Failed(state) => Look::Busy(state.clone()),
            State::Ready => match kind.differences(&member.properties, &found.properties).map_err(failed)? {
                paths if paths.is_empty() => Look::Exact,
                paths => Look::Differs(paths),
            },
        })
    }
}

#[async_trait]
impl Step<Clouds> for Batch {
    type Output = ();

    fn document(&self) -> Value {
        json!({ "members": self.members })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<()>, Error> {
        let aws = cx.env.aws()?;
        let look_at = |member: Member| async move {
            let found = self.find(aws, &member).await?;
            Ok::<_, Error>((self.look(cx, &member, found.as_ref())?, member))
        };
        let looks = stream::iter(self.members.clone().into_iter().map(look_at)).buffered(AT_ONCE);
        let looks: Vec<(Look, Member)> = looks.try_collect().await?;
        let mut wrong = Vec::new();
        for member in self.left(cx.previous) {
            if self.find(aws, &member).await?.is_some() {
                wrong.push(member.id);
            }
        }
        if wrong.is_empty() && looks.iter().all(|(look, _)| *look == Look::Absent) {
            return Ok(Observation::Absent);
        }
        let (ownership, fit) = judge(looks, wrong);
        Ok(Observation::Present { ownership, fit, output: Some(()) })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, change: Change<'_>) -> Result<(), Error> {
        for member in &self.members {
            self.make(cx, member).await?;
        }
        for member in self.left(change.previous) {
            self.unmake(cx, &member).await?;
        }
        Ok(())
    }

    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        for member in self.members.iter().rev() {
            self.unmake(cx, member).await?;
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        let seconds = 5 + self.members.len() as u64;
        Policy { expected: std::time::Duration::from_secs(seconds), ..Policy::default() }
    }
}

/// Whose the members are and how they fit, all of them together. One that is somebody else's decides.
fn judge(looks: Vec<(Look, Member)>, mut wrong: Vec<String>) -> (Ownership, Fit) {
    let mut incomplete = Vec::new();
    for (look, member) in looks {
        match look {
            Look::Foreign(owner) => {
                return (Ownership::Theirs(format!("{} of {owner}", member.id)), Fit::Differs(vec![member.id.clone()]));
            }
            Look::Absent => incomplete.push(format!("{} is not there", member.id)),
            Look::Busy(state) => incomplete.push(format!("{} is {state}", member.id)),
            Look::Differs(paths) => wrong.extend(paths.into_iter().map(|path| format!("{}{path}", member.id))),
            Look::Exact => {}
        }
    }
    let fit = match (incomplete.first(), wrong.is_empty()) {
        (Some(first), _) => Fit::Partial(format!("{} incomplete, first: {first}", incomplete.len())),
        (None, false) => Fit::Differs(wrong),
        (None, true) => Fit::Exact,
    };
    (Ownership::Unmarkable, fit)
}
