//! The uniform API: every kind of resource is looked at, made, brought in line and removed by the same four calls.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::{
    Aws, Error, ErrorKind, Kind, compare,
    kinds::{self, Resource},
};

/// Tags: our mark and what else a resource is labelled with.
pub type Tags = BTreeMap<String, String>;

/// A resource as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The document, of the same shape as a wanted one; properties that nobody set have the service's values.
    pub properties: Value,
    /// What the service says of it besides: `Arn`, `RoleId`, `FunctionUrl` and so on, as strings.
    pub attributes: Value,
    /// Its tags, ours and foreign ones.
    pub tags: Tags,
    /// Whether it can be used.
    pub state: State,
}

/// Whether a resource can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can.
    Ready,
    /// It is being made, changed or removed; with the service's word for it.
    Busy(String),
    /// It will not become ready by itself; with the service's reason.
    Failed(String),
}

impl Found {
    /// An attribute, `Arn`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.as_str()
    }

    /// The tags of `wanted` that the resource lacks or has with another value.
    #[must_use]
    pub fn missing_tags(&self, wanted: &Tags) -> Tags {
        let missing = wanted.iter().filter(|(name, value)| self.tags.get(*name) != Some(*value));
        missing.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Calls an associated function of the kind's resource. Boxed: the SDK's futures are large, and a match holds them all.
macro_rules! of_kind {
    ($kind:expr, $call:ident($($argument:expr),*)) => {
        match $kind {
            Kind::Role => Box::pin($call::<kinds::Role>($($argument),*)).await,
            Kind::Function => Box::pin($call::<kinds::Function>($($argument),*)).await,
            Kind::FunctionUrl => Box::pin($call::<kinds::FunctionUrl>($($argument),*)).await,
            Kind::Permission => Box::pin($call::<kinds::Permission>($($argument),*)).await,
            Kind::Thing => Box::pin($call::<kinds::Thing>($($argument),*)).await,
            Kind::IotPolicy => Box::pin($call::<kinds::IotPolicy>($($argument),*)).await,
            Kind::TopicRule => Box::pin($call::<kinds::TopicRule>($($argument),*)).await,
            Kind::Table => Box::pin($call::<kinds::Table>($($argument),*)).await,
            Kind::Bucket => Box::pin($call::<kinds::Bucket>($($argument),*)).await,
            Kind::LogGroup => Box::pin($call::<kinds::LogGroup>($($argument),*)).await,
            Kind::Workspace => Box::pin($call::<kinds::Workspace>($($argument),*)).await,
            Kind::ComponentType => Box::pin($call::<kinds::ComponentType>($($argument),*)).await,
            Kind::Entity => Box::pin($call::<kinds::Entity>($($argument),*)).await,
        }
    };
}

impl Aws {
    /// Looks at a resource; `None` when there is none.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached, or the id is malformed.
    pub async fn get(&self, kind: Kind, id: &str) -> Result<Option<Found>, Error> {
        of_kind!(kind, get(self, id))
    }

    /// Makes a resource with its tags.
    ///
    /// What is there already and carries all of `tags` is an earlier attempt of ours: it is brought in line. A service
    /// that knows client tokens is given `token`. The resource may come up busy, and a table's expiry and backups can
    /// only be set on a ready one: look at it, and [update](Aws::update) while it differs.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when somebody else's is there, [`ErrorKind::NotYet`] when what is there cannot be seen;
    /// [`ErrorKind::Permanent`] for a document that is not one of
    /// the kind.
    pub async fn create(
        &self,
        kind: Kind,
        id: &str,
        properties: &Value,
        tags: &Tags,
        token: Uuid,
    ) -> Result<(), Error> {
        of_kind!(kind, create(self, id, properties, tags, token))
    }

    /// Brings what differs between `found` and what is wanted to what is wanted, and leaves foreign tags alone.
    ///
    /// # Errors
    /// [`ErrorKind::NotYet`] while an earlier change is in progress; [`ErrorKind::Permanent`] for what cannot be changed.
    pub async fn update(
        &self,
        kind: Kind,
        id: &str,
        properties: &Value,
        tags: &Tags,
        found: &Found,
    ) -> Result<(), Error> {
        of_kind!(kind, update(self, id, properties, tags, found))
    }

    /// Removes a resource, with what belongs to it alone; nothing there is fine. It may be gone only after a while.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when others still use it, or it holds data (`bucket-not-empty`).
    pub async fn delete(&self, kind: Kind, id: &str) -> Result<(), Error> {
        of_kind!(kind, delete(self, id))
    }
}

impl Kind {
    /// Lists where a found document is not as the wanted one, as paths; pure. Empty: it matches.
    ///
    /// Policies are compared by meaning, lists that are sets in any order. A property that is not wanted is compared with
    /// its default where it has one (`MemorySize`, a role's `Policies`), and is nobody's business elsewhere.
    ///
    /// # Errors
    /// [`ErrorKind::Permanent`] when either is not a document of the kind.
    pub fn differences(self, wanted: &Value, found: &Value) -> Result<Vec<String>, Error> {
        let (wanted, found) = (self.normalised(wanted)?, self.normalised(found)?);
        Ok(compare::differences(&wanted, &found))
    }

    /// A document as differences are taken from it: checked, defaults filled in, sets sorted.
    ///
    /// # Errors
    /// [`ErrorKind::Permanent`] when it is not a document of the kind.
    pub fn normalised(self, document: &Value) -> Result<Value, Error> {
        match self {
            Self::Role => normalised::<kinds::Role>(document),
            Self::Function => normalised::<kinds::Function>(document),
            Self::FunctionUrl => normalised::<kinds::FunctionUrl>(document),
            Self::Permission => normalised::<kinds::Permission>(document),
            Self::Thing => normalised::<kinds::Thing>(document),
            Self::IotPolicy => normalised::<kinds::IotPolicy>(document),
            Self::TopicRule => normalised::<kinds::TopicRule>(document),
            Self::Table => normalised::<kinds::Table>(document),
            Self::Bucket => normalised::<kinds::Bucket>(document),
            Self::LogGroup => normalised::<kinds::LogGroup>(document),
            Self::Workspace => normalised::<kinds::Workspace>(document),
            Self::ComponentType => normalised::<kinds::ComponentType>(document),
            Self::Entity => normalised::<kinds::Entity>(document),
        }
    }
}

async fn get<R: Resource>(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
    let found = R::get(aws, id).await?;
    Ok(found.map(|found| Found { attributes: kinds::document(&found.attributes), ..found }))
}

async fn create<R: Resource>(aws: &Aws, id: &str, properties: &Value, tags: &Tags, token: Uuid) -> Result<(), Error> {
    let wanted = parse::<R>(properties)?;
    let refusal = match R::create(aws, id, &wanted, tags, token).await {
        Err(error) if error.kind() == ErrorKind::Conflict => error,
        settled => return settled,
    };
    let found = match get::<R>(aws, id).await? {
        Some(found) => found,
        // Refused as there, and not to be seen: it is being removed, or not known everywhere yet.
        None => return Err(refusal.with_kind(ErrorKind::NotYet)),
    };
    if !is_ours::<R>(tags, &found) {
        return Err(refusal);
    }
    match found.state {
        State::Ready => update::<R>(aws, id, properties, tags, &found).await,
        State::Busy(_) | State::Failed(_) => Ok(()),
    }
}

/// Whether what is there already comes from an attempt of ours. What has no tags is as much ours as what it belongs to.
fn is_ours<R: Resource>(tags: &Tags, found: &Found) -> bool {
    !R::KIND.has_tags() || (!tags.is_empty() && found.missing_tags(tags).is_empty())
}

async fn update<R: Resource>(aws: &Aws, id: &str, properties: &Value, tags: &Tags, found: &Found) -> Result<(), Error> {
    let wanted = parse::<R>(properties)?;
    let before = parse::<R>(&found.properties)?;
    if !R::KIND.differences(properties, &found.properties)?.is_empty() {
        R::update(aws, id, &wanted, &before, found).await?;
    }
    let missing = found.missing_tags(tags);
    if missing.is_empty() || !R::KIND.has_tags() { Ok(()) } else { R::tag(aws, id, found, &missing).await }
}

async fn delete<R: Resource>(aws: &Aws, id: &str) -> Result<(), Error> {
    R::delete(aws, id).await
}

fn parse<R: Resource>(document: &Value) -> Result<R::Properties, Error> {
    use serde::Deserialize as _;
    let mut properties = R::Properties::deserialize(document)
        .map_err(|error| Error::permanent(format!("read a document of {}: {error}", R::KIND)))?;
    R::normalise(&mut properties);
    Ok(properties)
}

fn normalised<R: Resource>(document: &Value) -> Result<Value, Error> {
    let mut properties = parse::<R>(document)?;
    R::comparable(&mut properties);
    Ok(kinds::with_nulls(&properties))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_tags_are_not_missed() {
        let tags = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<Tags>();
        let found = Found {
            properties: Value::Null,
            attributes: Value::Null,
            tags: tags(&[("team", "north"), ("step", "a")]),
            state: State::Ready,
        };
        assert!(found.missing_tags(&tags(&[("step", "a")])).is_empty());
        assert_eq!(found.missing_tags(&tags(&[("step", "b"), ("run", "1")])), tags(&[("run", "1"), ("step", "b")]));
    }
}
