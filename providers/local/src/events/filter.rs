//! Filters of event subscriptions: which events a subscription is to get.
//!
//! Subjects are compared as the filter says, event types and the strings of advanced filters without case [D].
//! A key that the event does not have matches only the operators that say "not" and `IsNullOrUndefined`; a value of
//! another type than the operator's matches none.

use serde_json::Value;

/// Advanced filters that one subscription can have at most [D].
const CONDITIONS: usize = 25;

/// A subscription's filter, ready to be asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// In lower case; empty for all.
    types: Vec<String>,
    begins: String,
    ends: String,
    case_counts: bool,
    on_arrays: bool,
    conditions: Vec<Condition>,
}

/// One advanced filter; all of them must hold.
#[derive(Clone, Debug)]
struct Condition {
    key: Vec<String>,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// The value is (or, `negated`, is not) one that `One` accepts.
    Any { one: One, negated: bool },
    /// The value is null or absent (or, `negated`, neither).
    Null { negated: bool },
}

#[derive(Clone, Debug)]
enum One {
    Numbers(Vec<f64>),
    /// Both ends belong to a range.
    Ranges(Vec<(f64, f64)>),
    Limit(fn(&f64, &f64) -> bool, f64),
    Bool(bool),
    /// How a text, in lower case, is held against each of the values.
    Texts(fn(&str, &str) -> bool, Vec<String>),
}

impl Filter {
    /// Reads `properties.filter` of a subscription; the error says what Azure would not take.
    pub(crate) fn read(filter: &Value) -> Result<Self, String> {
        let text = |name: &str| filter[name].as_str().unwrap_or_default().to_owned();
        let types = filter["includedEventTypes"].as_array().into_iter().flatten();
        let types: Vec<String> = types.filter_map(Value::as_str).map(str::to_lowercase).collect();
        let advanced = filter["advancedFilters"].as_array().map(Vec::as_slice).unwrap_or_default();
        if advanced.len() > CONDITIONS {
            return Err(format!(
                "filter.advancedFilters holds {} filters, at most {CONDITIONS} are allowed",
                advanced.len()
            ));
        }
        Ok(Self {
            // `All` is the old way to say that nothing is left out.
            types: if types.iter().any(|name| name == "all") { Vec::new() } else { types },
            begins: text("subjectBeginsWith"),
            ends: text("subjectEndsWith"),
            case_counts: filter["isSubjectCaseSensitive"].as_bool().unwrap_or(false),
            on_arrays: filter["enableAdvancedFilteringOnArrays"].as_bool().unwrap_or(false),
            conditions: advanced.iter().map(Condition::read).collect::<Result<_, _>>()?,
        })
    }

    /// Whether the subscription wants this event, in whichever schema it is.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        let kind = event["eventType"].as_str().or_else(|| event["type"].as_str()).unwrap_or_default();
        let known = self.types.is_empty() || self.types.iter().any(|wanted| wanted.eq_ignore_ascii_case(kind));
        known && self.takes_subject(event["subject"].as_str().unwrap_or_default()) && self.conditions_hold(event)
    }

    fn takes_subject(&self, subject: &str) -> bool {
        if self.case_counts {
            return subject.starts_with(&self.begins) && subject.ends_with(&self.ends);
        }
        let subject = subject.to_lowercase();
        subject.starts_with(&self.begins.to_lowercase()) && subject.ends_with(&self.ends.to_lowercase())
    }

    fn conditions_hold(&self, event: &Value) -> bool {
        self.conditions.iter().all(|condition| condition.test.holds(find(event, &condition.key), self.on_arrays))
    }
}

/// The value under a key such as `data.body.temperature`; names are found without case if not with it.
fn find<'a>(event: &'a Value, key: &[String]) -> Option<&'a Value> {
    key.iter().try_fold(event, |value, name| {
        let members = value.as_object()?;
        let loosely = || members.iter().find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        members.get(name).or_else(loosely)
    })
}

impl Condition {
    fn read(filter: &Value) -> Result<Self, String> {
        let operator = filter["operatorType"].as_str().unwrap_or_default();
        let key = filter["key"].as_str().unwrap_or_default();
        if key.is_empty() {
            return Err(format!("an advanced filter of type '{operator}' has no key"));
        }
        let test = Test::read(operator, filter).ok_or_else(|| {
            format!("the advanced filter on '{key}' is not valid: operatorType '{operator}' or its values are not understood")
        })?;
        Ok(Self { key: key.split('.').map(str::to_owned).collect(), test })
    }
}

impl Test {
    fn read(operator: &str, filter: &Value) -> Option<Self> {
        match operator {
            "IsNullOrUndefined" => return Some(Self::Null { negated: false }),
            "IsNotNull" => return Some(Self::Null { negated: true }),
            _ => {}
        }
        let (operator, negated) = match operator.split_once("Not") {
            Some((kind, rest)) => (format!("{kind}{rest}"), true),
            None => (operator.to_owned(), false),
        };
        let one = One::read(&operator, filter)?;
        let has_negation = matches!(one, One::Numbers(_) | One::Ranges(_) | One::Texts(..));
        (has_negation || !negated).then_some(Self::Any { one, negated })
    }

    fn holds(&self, value: Option<&Value>, on_arrays: bool) -> bool {
        match (self, value) {
            (Self::Null { negated }, value) => value.is_none_or(Value::is_null) != *negated,
            (Self::Any { negated, .. }, None | Some(Value::Null)) => *negated,
            (Self::Any { one, negated: false }, Some(Value::Array(items))) => {
                on_arrays && items.iter().any(|item| one.accepts(item) == Some(true))
            }
            (Self::Any { one, negated: true }, Some(Value::Array(items))) => {
                on_arrays && items.iter().all(|item| one.accepts(item) == Some(false))
            }
            (Self::Any { one, negated }, Some(value)) => one.accepts(value) == Some(!negated),
        }
    }
}

impl One {
    fn read(operator: &str, filter: &Value) -> Option<Self> {
        let (value, values) = (&filter["value"], &filter["values"]);
        let limit = |compare| value.as_f64().map(|limit| Self::Limit(compare, limit));
        let texts = |compare| strings(values).map(|values| Self::Texts(compare, values));
        match operator {
            "NumberIn" => list(values, Value::as_f64).map(Self::Numbers),
            "NumberInRange" => list(values, range).map(Self::Ranges),
            "NumberLessThan" => limit(f64::lt),
            "NumberLessThanOrEquals" => limit(f64::le),
            "NumberGreaterThan" => limit(f64::gt),
            "NumberGreaterThanOrEquals" => limit(f64::ge),
            "BoolEquals" => value.as_bool().map(Self::Bool),
            "StringIn" => texts(|text, value| text == value),
            "StringBeginsWith" => texts(|text, value| text.starts_with(value)),
            "StringEndsWith" => texts(|text, value| text.ends_with(value)),
            "StringContains" => texts(|text, value| text.contains(value)),
            _ => None,
        }
    }

    /// Whether the value is one of those that are asked for; `None` when it is of another type.
    fn accepts(&self, value: &Value) -> Option<bool> {
        Some(match self {
            Self::Numbers(numbers) => numbers.contains(&value.as_f64()?),
            Self::Ranges(ranges) => {
                let value = value.as_f64()?;
                ranges.iter().any(|(low, high)| *low <= value && value <= *high)
            }
            Self::Limit(compare, limit) => compare(&value.as_f64()?, limit),
            Self::Bool(wanted) => value.as_bool()? == *wanted,
            Self::Texts(compare, values) => {
                let text = value.as_str()?.to_lowercase();
                values.iter().any(|value| compare(&text, value))
            }
        })
    }
}

/// A list in which every item reads; an empty one is none.
fn list<T>(values: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    let values = values.as_array().filter(|values| !values.is_empty())?;
    values.iter().map(read).collect()
}

fn strings(values: &Value) -> Option<Vec<String>> {
    list(values, |value| value.as_str().map(str::to_lowercase))
}

fn range(value: &Value) -> Option<(f64, f64)> {
    match value.as_array()?.as_slice() {
        [low, high] => Some((low.as_f64()?, high.as_f64()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> Value {
        json!({
            "id": "1", "topic": "/T", "subject": "devices/Pump-7", "eventType": "Microsoft.Devices.DeviceTelemetry",
            "dataVersion": "", "data": { "body": {
                "temperature": 21.5, "on": true, "name": "Pump seven", "nothing": null, "tags": ["Hot", "wet"],
            }},
        })
    }

    fn takes(filter: Value) -> bool {
        Filter::read(&filter).expect("a valid filter").matches(&event())
    }

    fn holds(operator: &str, key: &str, values: Value) -> bool {
        let name = if values.is_array() { "values" } else { "value" };
        takes(json!({ "advancedFilters": [{ "operatorType": operator, "key": key, name: values }] }))
    }

    #[test]
    fn types_and_subjects_are_compared_as_told() {
        assert!(takes(json!({})));
        assert!(takes(json!({ "includedEventTypes": ["microsoft.devices.devicetelemetry"] })));
        assert!(takes(json!({ "includedEventTypes": ["All"] })));
        assert!(!takes(json!({ "includedEventTypes": ["Microsoft.Devices.DeviceCreated"] })));
        assert!(takes(json!({ "subjectBeginsWith": "DEVICES/", "subjectEndsWith": "-7" })));
        assert!(!takes(json!({ "subjectBeginsWith": "DEVICES/", "isSubjectCaseSensitive": true })));
        assert!(!takes(json!({ "subjectEndsWith": "-8" })));
    }

    #[test]
    fn every_operator_says_yes_and_no() {
        let (number, text, bool) = ("data.body.temperature", "Data.body.name", "data.body.on");
        for (operator, key, yes, no) in [
            ("NumberIn", number, json!([1, 21.5]), json!([1])),
            ("NumberNotIn", number, json!([1]), json!([21.5])),
            ("NumberLessThan", number, json!(22), json!(21.5)),
            ("NumberLessThanOrEquals", number, json!(21.5), json!(21)),
            ("NumberGreaterThan", number, json!(21), json!(21.5)),
            ("NumberGreaterThanOrEquals", number, json!(21.5), json!(22)),
            ("NumberInRange", number, json!([[0, 1], [20, 21.5]]), json!([[0, 1]])),
            ("NumberNotInRange", number, json!([[0, 1]]), json!([[21.5, 30]])),
            ("BoolEquals", bool, json!(true), json!(false)),
            ("StringIn", text, json!(["x", "PUMP SEVEN"]), json!(["pump"])),
            ("StringNotIn", text, json!(["pump"]), json!(["Pump Seven"])),
            ("StringBeginsWith", text, json!(["pump"]), json!(["seven"])),
            ("StringNotBeginsWith", text, json!(["seven"]), json!(["pump"])),
            ("StringEndsWith", text, json!(["Seven"]), json!(["pump"])),
            ("StringNotEndsWith", text, json!(["pump"]), json!(["seven"])),
            ("StringContains", text, json!(["mp se"]), json!(["eight"])),
            ("StringNotContains", text, json!(["eight"]), json!(["mp SE"])),
        ] {
            assert!(holds(operator, key, yes), "{operator} should hold");
            assert!(!holds(operator, key, no), "{operator} should not hold");
        }
        assert!(holds("IsNotNull", number, json!(null)) && !holds("IsNotNull", "data.body.nothing", json!(null)));
        assert!(holds("IsNullOrUndefined", "data.nope", json!(null)));
        assert!(!holds("IsNullOrUndefined", number, json!(null)));
    }

    #[test]
    fn what_is_absent_matches_only_what_is_negated_and_other_types_match_nothing() {
        assert!(!holds("NumberIn", "data.nope", json!([1])));
        assert!(holds("NumberNotIn", "data.nope", json!([1])));
        assert!(!holds("StringContains", "data.body.nothing", json!(["a"])));
        assert!(!holds("StringIn", "data.body.temperature", json!(["21.5"])));
        assert!(!holds("StringNotIn", "data.body.temperature", json!(["21.5"])));
    }

    #[test]
    fn arrays_are_looked_into_only_on_demand() {
        let ask = |operator: &str, value: &str, on: bool| {
            let filter = json!({ "operatorType": operator, "key": "data.body.tags", "values": [value] });
            takes(json!({ "enableAdvancedFilteringOnArrays": on, "advancedFilters": [filter] }))
        };
        assert!(ask("StringIn", "hot", true) && !ask("StringIn", "hot", false));
        assert!(ask("StringNotIn", "dry", true) && !ask("StringNotIn", "wet", true));
        assert!(!ask("StringNotIn", "dry", false));
    }

    #[test]
    fn what_azure_would_not_take_is_named() {
        let error = |filter: Value| Filter::read(&json!({ "advancedFilters": filter })).expect_err("not valid");
        assert!(error(json!([{ "operatorType": "BoolNotEquals", "key": "a", "value": true }])).contains("'a'"));
        assert!(error(json!([{ "operatorType": "NumberIn", "key": "a", "values": ["x"] }])).contains("NumberIn"));
        assert!(error(json!([{ "operatorType": "NumberIn", "values": [1] }])).contains("no key"));
        let many: Vec<Value> = (0..26).map(|_| json!({ "operatorType": "IsNotNull", "key": "a" })).collect();
        assert!(error(many.into()).contains("26"));
    }
}
