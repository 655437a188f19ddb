//! What a twin shows of one property.

use chrono::{DateTime, SubsecRound, Utc};
use functions::twin_info::{PropertyInfo, ValueSchema};
use serde_json::Value;

use super::Device;

/// A property, or a field of one, as a twin shows it; fields of one object have one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sight {
    /// The value; absent while it was never set.
    pub value: Option<Value>,
    /// When the value was true, to the microsecond; absent for values that no device sent.
    pub source_time: Option<DateTime<Utc>>,
    /// When the twin took it.
    pub updated: Option<DateTime<Utc>>,
}

impl Sight {
    /// Reads a property from a twin as the service sends it.
    #[must_use]
    pub fn of(twin: &Value, info: &PropertyInfo) -> Self {
        let holder = match &info.component {
            Some(component) => &twin[component.as_str()],
            None => twin,
        };
        let name = info.property.as_str();
        let about = &holder["$metadata"][name];
        let value = info.field.iter().try_fold(holder.get(name), |value, field| Some(value?.get(field)));
        Self {
            value: value.flatten().filter(|value| !value.is_null()).cloned(),
            source_time: time(&about["sourceTime"]).map(|time| time.trunc_subsecs(6)),
            updated: time(&about["lastUpdateTime"]),
        }
    }

    /// Whether the twin has taken what was sent under this time, or something newer.
    #[must_use]
    pub fn has(&self, mark: DateTime<Utc>) -> bool {
        self.source_time.is_some_and(|time| time >= mark)
    }

    /// Whether it shows exactly what was sent, or something newer.
    #[must_use]
    pub fn follows(&self, mark: DateTime<Utc>, schema: &ValueSchema, sent: &Value) -> bool {
        match self.source_time {
            Some(time) if time > mark => true,
            Some(time) if time == mark => self.value.as_ref().is_some_and(|value| same(schema, value, sent)),
            _ => false,
        }
    }
}

/// The newest source time that a twin shows of any property of its device.
pub(super) fn newest(twin: &Value, device: &Device) -> Option<DateTime<Utc>> {
    device.measured.values().filter_map(|measured| Sight::of(twin, &measured.lands).source_time).max()
}

/// Whether two values are one in a schema: 1 and 1.0 are, and numbers of 32 bits that differ beyond their precision.
fn same(schema: &ValueSchema, shown: &Value, sent: &Value) -> bool {
    match (schema, shown.as_f64(), sent.as_f64()) {
        (ValueSchema::Float, Some(shown), Some(sent)) => shown as f32 == sent as f32,
        (_, Some(shown), Some(sent)) => shown == sent,
        // The service may write a time in another form than it came in; its source time tells that it is ours.
        (ValueSchema::Date | ValueSchema::DateTime | ValueSchema::Time | ValueSchema::Duration, _, _) => true,
        _ => shown == sent,
    }
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn info(component: Option<&str>) -> PropertyInfo {
        PropertyInfo {
            component: component.map(str::to_owned),
            property: "level".into(),
            field: Vec::new(),
            schema: ValueSchema::Double,
        }
    }

    #[test]
    fn properties_of_twins_and_of_components_are_read() {
        let about =
            json!({"level": {"sourceTime": "2026-11-23T10:00:00.1234567Z", "lastUpdateTime": "2026-11-23T10:00:01Z"}});
        let twin = json!({"level": 4, "$metadata": about, "battery": {"level": 5, "$metadata": {}}});
        let own = Sight::of(&twin, &info(None));
        assert_eq!(own.value, Some(json!(4)));
        assert_eq!(own.source_time.unwrap().to_rfc3339(), "2026-11-23T10:00:00.123456+00:00");
        assert!(own.updated > own.source_time);
        let part = Sight::of(&twin, &info(Some("battery")));
        assert_eq!(part, Sight { value: Some(json!(5)), source_time: None, updated: None });
        assert_eq!(Sight::of(&twin, &info(Some("motor"))), Sight::default());
    }

    #[test]
    fn fields_of_objects_are_read_with_the_time_of_the_object() {
        let about = json!({"level": {"sourceTime": "2026-11-23T10:00:00Z"}});
        let twin = json!({"level": {"cell": {"row": 4}}, "$metadata": about});
        let field = |names: &[&str]| PropertyInfo {
            field: names.iter().map(|name| (*name).to_owned()).collect(),
            ..info(None)
        };
        let row = Sight::of(&twin, &field(&["cell", "row"]));
        assert_eq!((row.value, row.source_time), (Some(json!(4)), Some("2026-11-23T10:00:00Z".parse().unwrap())));
        let left_out = Sight::of(&twin, &field(&["cell", "column"]));
        assert_eq!((left_out.value, left_out.source_time.is_some()), (None, true));
    }

    #[test]
    fn following_is_newer_or_the_same() {
        let mark: DateTime<Utc> = "2026-11-23T10:00:00Z".parse().unwrap();
        let sight = |seconds: i64, value: f64| Sight {
            value: Some(json!(value)),
            source_time: Some(mark + chrono::TimeDelta::seconds(seconds)),
            updated: None,
        };
        assert!(sight(0, 4.0).follows(mark, &ValueSchema::Double, &json!(4)));
        assert!(!sight(0, 5.0).follows(mark, &ValueSchema::Double, &json!(4)));
        assert!(sight(1, 5.0).follows(mark, &ValueSchema::Double, &json!(4)));
        assert!(!sight(-1, 4.0).follows(mark, &ValueSchema::Double, &json!(4)));
        assert!(sight(0, f64::from(0.1_f32)).follows(mark, &ValueSchema::Float, &json!(0.1)));
        assert!(!Sight::default().follows(mark, &ValueSchema::Double, &json!(4)));
    }
}
