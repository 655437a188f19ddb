//! Definitions of properties and functions, as requests write them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::pattern::{self, Pattern};
use super::refusal::Refusal;
use super::{quota, value};

/// The truth values of a property's definition; each is false where nothing is said.
pub(super) const FLAGS: [&str; 4] = ["isRequiredInEntity", "isExternalId", "isStoredExternally", "isTimeSeries"];

/// The functions that a component type may have.
const FUNCTIONS: [&str; 7] = [
    "dataReader",
    "dataReaderByEntity",
    "dataReaderByComponentType",
    "dataWriter",
    "attributePropertyValueReaderByEntity",
    "tabularDataReaderByEntity",
    "schemaInitializer",
];

/// Definitions by name.
pub(super) type Definitions = BTreeMap<String, Map<String, Value>>;

/// Reads a map of property definitions; `None` when the request has none.
pub(super) fn properties(ask: &Ask<'_>, name: &str) -> Result<Option<Definitions>, Refusal> {
    let Some(map) = ask.map(name)? else { return Ok(None) };
    quota::check(map.len(), quota::PROPERTIES, "properties in a component type")?;
    let read = |(key, value): (&String, _)| {
        pattern::NAME.check(&ask.path(name), key)?;
        Ok((key.clone(), property(&ask.inside(&format!("{name}.{key}"), value)?)?))
    };
    map.iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// Reads one property's definition: what the service model knows of it.
pub(super) fn property(ask: &Ask<'_>) -> Result<Map<String, Value>, Refusal> {
    let mut read = Map::new();
    if let Some(kind) = ask.structure("dataType")? {
        read.insert("dataType".into(), data_type(&kind)?.into());
    }
    for flag in FLAGS {
        put(&mut read, flag, ask.flag(flag)?);
    }
    put(&mut read, "displayName", ask.text("displayName", &pattern::DISPLAY_NAME)?);
    if let Some(default) = ask.value("defaultValue") {
        value::check(ask, "defaultValue", default)?;
        if !read.get("dataType").and_then(Value::as_object).is_none_or(|kind| value::fits(default, kind)) {
            return Err(Refusal::invalid(format!("The value at '{}' is not of the type.", ask.path("defaultValue"))));
        }
        read.insert("defaultValue".into(), default.clone());
    }
    put(&mut read, "configuration", configuration(ask)?);
    Ok(read)
}

fn configuration(ask: &Ask<'_>) -> Result<Option<Value>, Refusal> {
    let Some(map) = ask.map("configuration")? else { return Ok(None) };
    let inner = ask.inside("configuration", ask.value("configuration").unwrap_or(&Value::Null))?;
    for key in map.keys() {
        pattern::NAME.check(&ask.path("configuration"), key)?;
        inner.text(key, &pattern::CONFIGURATION)?;
    }
    Ok(Some(map.clone().into()))
}

fn data_type(ask: &Ask<'_>) -> Result<Map<String, Value>, Refusal> {
    let names = value::TYPES.map(|(name, _)| name);
    let mut read = Map::new();
    read.insert("type".into(), ask.word("type", &names)?.ok_or_else(|| ask.absent("type"))?.into());
    if let Some(nested) = ask.structure("nestedType")? {
        read.insert("nestedType".into(), data_type(&nested)?.into());
    }
    if let Some(allowed) = ask.list("allowedValues")? {
        allowed.iter().try_for_each(|item| value::check(ask, "allowedValues", item))?;
        read.insert("allowedValues".into(), allowed.into());
    }
    put(&mut read, "unitOfMeasure", ask.text("unitOfMeasure", &pattern::STRING)?);
    if let Some(relationship) = ask.structure("relationship")? {
        let mut target = Map::new();
        let id = relationship.text("targetComponentTypeId", &pattern::COMPONENT_TYPE_ID)?;
        put(&mut target, "targetComponentTypeId", id);
        put(&mut target, "relationshipType", relationship.text("relationshipType", &pattern::STRING)?);
        read.insert("relationship".into(), target.into());
    }
    Ok(read)
}

/// Reads a map of functions; `None` when the request has none.
pub(super) fn functions(ask: &Ask<'_>) -> Result<Option<Definitions>, Refusal> {
    let Some(map) = ask.map("functions")? else { return Ok(None) };
    let read = |(key, value): (&String, _)| {
        if !FUNCTIONS.contains(&key.as_str()) {
            return Err(Refusal::invalid(format!("{key} is none of the functions {}.", FUNCTIONS.join(", "))));
        }
        if key == "schemaInitializer" {
            return Err(Refusal::not_implemented("the function schemaInitializer"));
        }
        Ok((key.clone(), function(&ask.inside(&format!("functions.{key}"), value)?)?))
    };
    map.iter().map(read).collect::<Result<_, _>>().map(Some)
}

fn function(ask: &Ask<'_>) -> Result<Map<String, Value>, Refusal> {
    let mut read = Map::new();
    let properties = ask.texts("requiredProperties", &pattern::NAME, 0..=quota::PROPERTIES)?;
    put(&mut read, "requiredProperties", properties);
    put(&mut read, "scope", ask.word("scope", &["ENTITY", "WORKSPACE"])?);
    if let Some(by) = ask.structure("implementedBy")? {
        let mut connector = Map::new();
        if let Some(lambda) = by.structure("lambda")? {
            connector.insert("lambda".into(), json!({ "arn": lambda.required_text("arn", &pattern::LAMBDA_ARN)? }));
        }
        put(&mut connector, "isNative", by.flag("isNative")?);
        read.insert("implementedBy".into(), connector.into());
    }
    Ok(read)
}

/// Reads texts that an object says of itself, by their patterns.
pub(super) fn said(ask: &Ask<'_>, texts: &[(&str, &Pattern)]) -> Result<Map<String, Value>, Refusal> {
    let mut read = Map::new();
    for (name, pattern) in texts {
        put(&mut read, name, ask.text(name, pattern)?);
    }
    Ok(read)
}

/// Puts what is there.
pub(super) fn put(into: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        into.insert(name.to_owned(), value.into());
    }
}
