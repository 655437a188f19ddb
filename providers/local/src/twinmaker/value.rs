//! Values, and whether they are of a type.

use serde_json::{Map, Value};

use super::ask::Ask;
use super::pattern;
use super::refusal::Refusal;

/// The types of properties, each with the member that holds a value of it.
pub(super) const TYPES: [(&str, &str); 8] = [
    ("RELATIONSHIP", "relationshipValue"),
    ("STRING", "stringValue"),
    ("LONG", "longValue"),
    ("BOOLEAN", "booleanValue"),
    ("INTEGER", "integerValue"),
    ("DOUBLE", "doubleValue"),
    ("LIST", "listValue"),
    ("MAP", "mapValue"),
];

/// The most members of a list or map.
const MOST: usize = 50;

/// Checks a `DataValue`: one member, of its own type.
pub(super) fn check(ask: &Ask<'_>, name: &str, value: &Value) -> Result<(), Refusal> {
    let members = ask.inside(name, value)?;
    if members.has("expression") {
        return Err(Refusal::not_implemented("an expression as a value"));
    }
    let held: Vec<&str> = TYPES.iter().map(|(_, member)| *member).filter(|member| members.has(member)).collect();
    let [member] = held.as_slice() else {
        return Err(Refusal::invalid(format!("The value at '{}' must hold one value.", ask.path(name))));
    };
    content(&members, member)
}

fn content(members: &Ask<'_>, member: &str) -> Result<(), Refusal> {
    match member {
        "stringValue" => members.text(member, &pattern::STRING).map(drop),
        "booleanValue" => members.flag(member).map(drop),
        "doubleValue" => members.number(member).map(drop),
        "longValue" => members.integer(member).map(drop),
        "integerValue" => match members.integer(member)? {
            Some(number) if i32::try_from(number).is_err() => {
                Err(Refusal::unreadable(format!("The value at '{}' is not an integer.", members.path(member))))
            }
            _ => Ok(()),
        },
        "listValue" => {
            let items = members.list(member)?.unwrap_or_default();
            few(members, member, items.len())?;
            items.iter().try_for_each(|item| check(members, member, item))
        }
        "mapValue" => {
            let Some(items) = members.map(member)? else { return Ok(()) };
            few(members, member, items.len())?;
            items.iter().try_for_each(|(key, item)| {
                pattern::STRING.check(&members.path(member), key)?;
                check(members, key, item)
            })
        }
        _ => {
            let Some(target) = members.structure(member)? else { return Ok(()) };
            target.text("targetEntityId", &pattern::ENTITY_ID)?;
            target.text("targetComponentName", &pattern::NAME).map(drop)
        }
    }
}

fn few(members: &Ask<'_>, member: &str, count: usize) -> Result<(), Refusal> {
    if count > MOST {
        let constraint = format!("Member must have length less than or equal to {MOST}");
        return Err(pattern::broken(&members.path(member), &format!("{count} members"), &constraint));
    }
    Ok(())
}

/// Whether a checked value is of a data type, nested and allowed values included.
pub(super) fn fits(value: &Value, data_type: &Map<String, Value>) -> bool {
    let name = data_type.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some((_, member)) = TYPES.iter().find(|(known, _)| *known == name) else { return false };
    let Some(held) = value.get(member).filter(|held| !held.is_null()) else { return false };
    let allowed = data_type.get("allowedValues").and_then(Value::as_array);
    if allowed.is_some_and(|allowed| !allowed.is_empty() && !allowed.contains(value)) {
        return false;
    }
    let Some(nested) = data_type.get("nestedType").and_then(Value::as_object) else { return true };
    match held {
        Value::Array(items) => items.iter().all(|item| fits(item, nested)),
        Value::Object(items) if name == "MAP" => items.values().all(|item| fits(item, nested)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(value: &Value) -> bool {
        check(&Ask::new(&Map::new()), "value", value).is_ok()
    }

    #[test]
    fn a_value_has_one_member_of_its_own_type() {
        for good in [
            json!({"doubleValue": 1}),
            json!({"stringValue": "x", "longValue": null}),
            json!({"listValue": [{"integerValue": 1}]}),
            json!({"mapValue": {"a b": {"booleanValue": true}}}),
            json!({"relationshipValue": {"targetEntityId": "room-1"}}),
        ] {
            assert!(checked(&good), "{good}");
        }
        for bad in [
            json!({}),
            json!(1),
            json!({"doubleValue": "1"}),
            json!({"stringValue": ""}),
            json!({"integerValue": 1.5}),
            json!({"integerValue": 3_000_000_000_u32}),
            json!({"stringValue": "x", "longValue": 1}),
            json!({"listValue": [1]}),
            json!({"expression": "${Parameters.a}"}),
        ] {
            assert!(!checked(&bad), "{bad}");
        }
    }

    #[test]
    fn a_value_fits_its_type_with_all_that_is_in_it() {
        let list = json!({"type": "LIST", "nestedType": {"type": "DOUBLE"}});
        let fits = |value: &Value, kind: &Value| fits(value, kind.as_object().expect("a type is an object"));
        assert!(fits(&json!({"listValue": [{"doubleValue": 1}]}), &list));
        assert!(!fits(&json!({"listValue": [{"stringValue": "1"}]}), &list));
        assert!(!fits(&json!({"doubleValue": 1}), &list));
        let few = json!({"type": "STRING", "allowedValues": [{"stringValue": "on"}]});
        assert!(fits(&json!({"stringValue": "on"}), &few) && !fits(&json!({"stringValue": "off"}), &few));
    }
}
