//! What a query looks at, read in place.

use std::borrow::Cow;

use serde_json::Value;

use super::syntax::Path;
use crate::adt::call::Version;
use crate::adt::change::Relationship;
use crate::adt::name::Name;
use crate::adt::part::{Part, Twin};
use crate::adt::relationship;

/// A twin, or a relationship with its source and id.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    Twin(&'a Name, &'a Twin),
    Relationship(&'a Name, &'a Name, &'a Relationship),
}

/// What stands in each collection of the query, as far as it is there yet.
pub(super) type Row<'a> = [Option<Item<'a>>];

/// The value at a path, where there is one.
pub(super) fn value<'a>(row: &Row<'a>, path: &Path, version: Version) -> Option<Cow<'a, Value>> {
    item(row, path)?.value(&path.names, version)
}

/// The thing that a path starts at.
pub(super) fn item<'a>(row: &Row<'a>, path: &Path) -> Option<Item<'a>> {
    *row.get(path.of?)?
}

impl<'a> Item<'a> {
    /// The id of the model, which relationships have none of.
    pub(super) fn model(&self) -> Option<&'a str> {
        match self {
            Self::Twin(_, twin) => Some(&twin.model),
            Self::Relationship(..) => None,
        }
    }

    /// The whole, as the service shows it.
    pub(super) fn document(&self, version: Version) -> Value {
        match self {
            Self::Twin(id, twin) => twin.document(id, version),
            Self::Relationship(source, id, one) => relationship::document(source, id, one),
        }
    }

    fn value(&self, path: &[String], version: Version) -> Option<Cow<'a, Value>> {
        let Some((first, rest)) = path.split_first() else { return Some(Cow::Owned(self.document(version))) };
        if first.starts_with('$') {
            return self.special(first, path, version);
        }
        match self {
            Self::Twin(_, twin) => match twin.component(first) {
                Some(part) => of_part(part, rest, version),
                None => within(&twin.root.property(first)?.value, rest).map(Cow::Borrowed),
            },
            Self::Relationship(_, _, one) => within(one.properties.get(first)?, rest).map(Cow::Borrowed),
        }
    }

    fn special(&self, first: &str, path: &[String], version: Version) -> Option<Cow<'a, Value>> {
        let text = match (self, first) {
            (Self::Twin(id, _), "$dtId") => id,
            (Self::Twin(_, twin), "$metadata") if path.len() == 2 && path[1] == "$model" => &twin.model,
            (Self::Relationship(source, _, _), "$sourceId") => source,
            (Self::Relationship(_, id, _), "$relationshipId") => id,
            (Self::Relationship(_, _, one), "$relationshipName") => &one.name,
            (Self::Relationship(_, _, one), "$targetId") => &one.target,
            _ => return within(&self.document(version), path).cloned().map(Cow::Owned),
        };
        (path.len() == 1 || first == "$metadata").then(|| Cow::Owned(Value::from(&**text)))
    }
}

fn of_part<'a>(part: &'a Part, path: &[String], version: Version) -> Option<Cow<'a, Value>> {
    match path.split_first() {
        Some((name, rest)) if !name.starts_with('$') => within(&part.property(name)?.value, rest).map(Cow::Borrowed),
        _ => within(&part.document(version), path).cloned().map(Cow::Owned),
    }
}

fn within<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.as_object()?.get(name))
}
