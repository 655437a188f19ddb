//! Components of entities.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ask::Ask;
use super::definition::{self, Definitions};
use super::pattern;
use super::record::{Component, ComponentType, Entity, Property};
use super::refusal::Refusal;
use super::traits::{self, Traits, is};
use super::{quota, value};
use crate::state::State;

/// Parts of the API that are not here.
const ABSENT: [&str; 2] = ["propertyGroups", "propertyGroupUpdates"];

/// Reads the `components` of a new entity.
pub(super) fn read(ask: &Ask<'_>) -> Result<BTreeMap<String, Component>, Refusal> {
    let Some(map) = ask.map("components")? else { return Ok(BTreeMap::new()) };
    let mut components = BTreeMap::new();
    for (name, value) in map {
        pattern::NAME.check("components", name)?;
        let said = ask.inside(&format!("components.{name}"), value)?;
        components.insert(name.clone(), fresh(&said, "properties")?);
    }
    Ok(components)
}

fn fresh(said: &Ask<'_>, properties: &str) -> Result<Component, Refusal> {
    absent(said)?;
    let mut component = Component {
        component_type: said.required_text("componentTypeId", &pattern::COMPONENT_TYPE_ID)?,
        description: said.text("description", &pattern::DESCRIPTION)?,
        properties: BTreeMap::new(),
    };
    write(said, properties, &mut component)?;
    Ok(component)
}

fn absent(said: &Ask<'_>) -> Result<(), Refusal> {
    match ABSENT.iter().find(|name| said.has(name)) {
        Some(name) => Err(Refusal::not_implemented(&format!("`{name}` of a component"))),
        None => Ok(()),
    }
}

/// Applies the `componentUpdates` of a request.
pub(super) fn update(ask: &Ask<'_>, components: &mut BTreeMap<String, Component>) -> Result<(), Refusal> {
    let Some(map) = ask.map("componentUpdates")? else { return Ok(()) };
    for (name, value) in map {
        pattern::NAME.check("componentUpdates", name)?;
        let said = ask.inside(&format!("componentUpdates.{name}"), value)?;
        let kind = said.word("updateType", &["CREATE", "UPDATE", "DELETE"])?.unwrap_or("UPDATE");
        match (kind, components.get_mut(name)) {
            ("CREATE", None) => drop(components.insert(name.clone(), fresh(&said, "propertyUpdates")?)),
            ("CREATE", Some(_)) => {
                return Err(Refusal::invalid(format!("The entity has a component {name} already.")));
            }
            (_, None) => return Err(Refusal::invalid(format!("The entity has no component {name}."))),
            ("DELETE", Some(_)) => drop(components.remove(name)),
            (_, Some(component)) => change(&said, name, component)?,
        }
    }
    Ok(())
}

fn change(said: &Ask<'_>, name: &str, component: &mut Component) -> Result<(), Refusal> {
    absent(said)?;
    let other = said.text("componentTypeId", &pattern::COMPONENT_TYPE_ID)?;
    if other.is_some_and(|other| other != component.component_type) {
        return Err(Refusal::invalid(format!("The component {name} is of the type {}.", component.component_type)));
    }
    if let Some(description) = said.text("description", &pattern::DESCRIPTION)? {
        component.description = Some(description);
    }
    write(said, "propertyUpdates", component)
}

/// Writes what a request says of properties.
fn write(said: &Ask<'_>, name: &str, component: &mut Component) -> Result<(), Refusal> {
    let Some(map) = said.map(name)? else { return Ok(()) };
    for (key, value) in map {
        pattern::NAME.check(&said.path(name), key)?;
        let property = said.inside(&format!("{name}.{key}"), value)?;
        let kind = property.word("updateType", &["UPDATE", "DELETE", "CREATE", "RESET_VALUE"])?;
        if kind == Some("DELETE") {
            component.properties.remove(key);
            continue;
        }
        let row = component.properties.entry(key.clone()).or_default();
        if let Some(definition) = property.structure("definition")? {
            row.definition = Some(definition::property(&definition)?);
        }
        if kind == Some("RESET_VALUE") {
            row.value = None;
        } else if let Some(given) = property.value("value") {
            value::check(&property, "value", given)?;
            row.value = Some(given.clone());
        }
    }
    component.properties.retain(|_, row| *row != Property::default());
    Ok(())
}

/// Refuses components that do not go with their types.
pub(super) fn check(state: &State, workspace: &str, entity: &Entity) -> Result<(), Refusal> {
    quota::check(entity.components.len(), quota::COMPONENTS, "components in an entity")?;
    for (name, component) in &entity.components {
        let own = traits::usable(state, workspace, &component.component_type)?;
        let traits = Traits::of(state, workspace, own);
        fits(name, component, own, &traits)?;
        let alike = entity.components.values().filter(|other| other.component_type == component.component_type);
        if own.said.get("isSingleton") == Some(&Value::Bool(true)) && alike.count() > 1 {
            return Err(Refusal::invalid(format!("An entity may have one component of the type {}.", own.id)));
        }
    }
    Ok(())
}

/// Refuses a component that its type does not take.
pub(super) fn fits(name: &str, component: &Component, own: &ComponentType, traits: &Traits) -> Result<(), Refusal> {
    if traits.is_abstract() {
        return Err(Refusal::invalid(format!("The component type {} is abstract.", own.id)));
    }
    let properties = properties(component, traits);
    quota::check(properties.len(), quota::PROPERTIES, "properties in a component")?;
    for (key, definition) in &properties {
        let Some(kind) = definition.get("dataType").and_then(Value::as_object) else {
            return Err(Refusal::invalid(format!("The component {name} has no definition of the property {key}.")));
        };
        let held = held(component, key, definition);
        if held.is_some_and(|held| !value::fits(held, kind)) {
            return Err(Refusal::invalid(format!("The value of {key} in the component {name} is not of its type.")));
        }
        if is(definition, "isRequiredInEntity") && held.is_none() {
            return Err(Refusal::invalid(format!("The component {name} has no value of the property {key}.")));
        }
    }
    Ok(())
}

/// The definitions of all properties of a component: those of its type, and its own.
pub(super) fn properties(component: &Component, traits: &Traits) -> Definitions {
    let mut all = traits.properties.clone();
    for (key, own) in &component.properties {
        let inherited = traits.properties.get(key);
        let said = own.definition.clone().unwrap_or_default();
        if own.definition.is_some() || inherited.is_none() {
            all.insert(key.clone(), traits::whole(inherited, &said));
        }
    }
    all
}

/// The value of a property: the component's, or the definition's default.
pub(super) fn held<'v>(component: &'v Component, key: &str, definition: &'v Map<String, Value>) -> Option<&'v Value> {
    let own = component.properties.get(key).and_then(|own| own.value.as_ref());
    own.or_else(|| definition.get("defaultValue"))
}
