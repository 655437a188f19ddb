//! What a component type has: its own, and what it inherits.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::definition::{Definitions, FLAGS};
use super::record::ComponentType;
use super::refusal::Refusal;
use super::{life, quota};
use crate::state::State;

/// The functions that read time series.
const READERS: [&str; 3] = ["dataReader", "dataReaderByEntity", "dataReaderByComponentType"];
/// The function that reads other values that are kept elsewhere.
pub(super) const ATTRIBUTE_READER: &str = "attributePropertyValueReaderByEntity";
/// The namespace of the types that every workspace has.
const BUILT_IN: &str = "com.amazon.";

/// Everything that a component type has.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    /// The properties, whole, as the service shows them.
    pub(super) properties: Definitions,
    /// The functions, as the service shows them.
    pub(super) functions: Definitions,
    /// The types that it inherits from, however far.
    pub(super) ancestors: BTreeSet<String>,
    /// Types one above the other, itself included.
    pub(super) depth: usize,
}

/// The ARN of a component type in a workspace, given by its ARN.
pub(super) fn arn(workspace: &str, id: &str) -> String {
    format!("{workspace}/component-type/{id}")
}

/// A type of a workspace that can be used.
pub(super) fn usable<'s>(state: &'s State, workspace: &str, id: &str) -> Result<&'s ComponentType, Refusal> {
    if id.starts_with(BUILT_IN) {
        return Err(Refusal::not_implemented(&format!("the component type {id}")));
    }
    let found = state.get::<ComponentType>(&arn(workspace, id));
    let found = found.ok_or_else(|| Refusal::invalid(format!("The component type {id} does not exist.")))?;
    if !found.life.is_active() {
        return Err(Refusal::invalid(format!("The component type {id} is not ACTIVE.")));
    }
    Ok(found)
}

impl Traits {
    /// What a type has, given as it is or would be.
    pub(super) fn of(state: &State, workspace: &str, own: &ComponentType) -> Self {
        Self::within(state, workspace, own, &BTreeSet::from([own.id.clone()]))
    }

    /// The same; types that stand further up already are not followed again, so that a circle ends.
    fn within(state: &State, workspace: &str, own: &ComponentType, above: &BTreeSet<String>) -> Self {
        let mut traits = Self { depth: 1, ..Self::default() };
        for id in &own.extends {
            traits.ancestors.insert(id.clone());
            let parent = state.get::<ComponentType>(&arn(workspace, id)).filter(|_| !above.contains(id));
            if let Some(parent) = parent {
                let above = above.iter().cloned().chain([id.clone()]).collect();
                traits.inherit(Self::within(state, workspace, parent, &above));
            }
        }
        for (name, said) in &own.properties {
            traits.properties.insert(name.clone(), whole(traits.properties.get(name), said));
        }
        for (name, said) in &own.functions {
            let mut function = said.clone();
            function.insert("isInherited".into(), false.into());
            traits.functions.insert(name.clone(), function);
        }
        traits
    }

    /// Takes over what a parent has; of two parents the first counts.
    fn inherit(&mut self, parent: Self) {
        self.depth = self.depth.max(parent.depth + 1);
        self.ancestors.extend(parent.ancestors);
        for (into, from) in [(&mut self.properties, parent.properties), (&mut self.functions, parent.functions)] {
            for (name, mut said) in from {
                said.insert("isInherited".into(), true.into());
                into.entry(name).or_insert(said);
            }
        }
    }

    /// Whether values are kept elsewhere that no function can get. Such a type is for inheriting only.
    pub(super) fn is_abstract(&self) -> bool {
        let reads =
            |name: &str| self.functions.get(name).is_some_and(|function| function.contains_key("implementedBy"));
        let has_reader = READERS.iter().any(|name| reads(name));
        self.properties.values().any(|property| {
            let may_be_attribute = property.get("isTimeSeries") != Some(&Value::Bool(true));
            is(property, "isStoredExternally") && !has_reader && !(may_be_attribute && reads(ATTRIBUTE_READER))
        })
    }

    /// Refuses what the service does not take: circles, properties without a type, too much of something.
    pub(super) fn check(&self, own: &ComponentType) -> Result<(), Refusal> {
        if self.ancestors.contains(&own.id) {
            return Err(Refusal::invalid(format!("The component type {} would inherit from itself.", own.id)));
        }
        quota::check(own.extends.len(), quota::PARENT_TYPES, "parents of a component type")?;
        quota::check(self.depth, quota::TYPE_DEPTH, "component types one above the other")?;
        quota::check(self.properties.len(), quota::PROPERTIES, "properties in a component type")?;
        match self.properties.iter().find(|(_, property)| !property.contains_key("dataType")) {
            Some((name, _)) => Err(Refusal::invalid(format!("The property {name} has no dataType."))),
            None => Ok(()),
        }
    }
}

/// A property's definition as the service shows it: over what is inherited, with every flag.
pub(super) fn whole(inherited: Option<&Map<String, Value>>, said: &Map<String, Value>) -> Map<String, Value> {
    let mut whole = inherited.cloned().unwrap_or_default();
    whole.extend(said.clone());
    for flag in FLAGS {
        whole.entry(flag).or_insert(false.into());
    }
    whole.insert("isInherited".into(), inherited.is_some().into());
    whole.insert("isImported".into(), false.into());
    whole.entry("isFinal").or_insert(false.into());
    whole
}

/// Whether a definition's flag is set.
pub(super) fn is(definition: &Map<String, Value>, flag: &str) -> bool {
    definition.get(flag) == Some(&Value::Bool(true))
}

/// The types of a workspace that inherit from one directly.
pub(super) fn heirs(state: &State, workspace: &str, id: &str) -> Vec<String> {
    let rows = life::below::<ComponentType>(state, &arn(workspace, ""));
    let heirs = rows.iter().filter_map(|arn| state.get::<ComponentType>(arn));
    heirs.filter(|found| found.extends.iter().any(|parent| parent == id)).map(|found| found.id.clone()).collect()
}
