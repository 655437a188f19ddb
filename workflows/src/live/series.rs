//! Series that look like what devices measure: they begin at what the twin shows, move slowly and stay in their range.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use functions::twin_info::ValueSchema;
use serde_json::{Value, json};

use super::{Device, Measured, random::Random};

/// Words in names of properties that only ever count up.
const COUNTERS: [&str; 7] = ["count", "total", "cycles", "strokes", "parts", "hours", "odometer"];

/// Words in names of properties that are shares of a hundred.
const SHARES: [&str; 6] = ["humidity", "percent", "level", "battery", "charge", "utilisation"];

/// How far into its range a walk moves with a step, at most.
const STRIDE: f64 = 0.02;

/// How strongly a walk is drawn to its middle.
const PULL: f64 = 0.05;

/// How often a state changes.
const SWITCH: f64 = 0.1;

/// The measurements of one device, one set after the other.
#[derive(Debug)]
pub(super) struct Series {
    properties: BTreeMap<String, (Shape, Random)>,
}

/// How one property moves.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// Within a range, drawn to its middle.
    Walk { value: f64, low: f64, high: f64, whole: bool },
    /// Upwards only.
    Counter { value: i64, most: i64 },
    /// On or off.
    Switch(bool),
    /// One of these.
    State { values: Vec<String>, at: usize },
    /// The same text again and again.
    Text(String),
    /// The moment of the measurement, in one of DTDL's forms.
    Moment(Form),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Date,
    DateTime,
    Time,
    Duration,
}

impl Series {
    /// The series of a device, going on from the values that its twin shows (by the device's names).
    pub(super) fn new(seed: u64, device: &Device, shown: &BTreeMap<String, Value>) -> Self {
        let property = |(name, measured): (&String, &Measured)| {
            let start = shown.get(name).or(measured.initial.as_ref());
            let random = Random::of(seed, &format!("{}/{name}", device.id));
            (name.clone(), (Shape::of(name, measured, start), random))
        };
        Self { properties: device.measured.iter().map(property).collect() }
    }

    /// The next set of values.
    pub(super) fn next(&mut self, at: DateTime<Utc>) -> BTreeMap<String, Value> {
        let next = |(name, (shape, random)): (&String, &mut (Shape, Random))| (name.clone(), shape.next(random, at));
        self.properties.iter_mut().map(next).collect()
    }
}

/// A value that fits a property, for one that was never set.
pub(super) fn first(seed: u64, device: &Device, name: &str, at: DateTime<Utc>) -> Option<Value> {
    let measured = device.measured.get(name)?;
    let mut random = Random::of(seed, &format!("{}/{name}", device.id));
    Some(Shape::of(name, measured, measured.initial.as_ref()).next(&mut random, at))
}

impl Shape {
    fn of(name: &str, measured: &Measured, start: Option<&Value>) -> Self {
        match &measured.lands.schema {
            ValueSchema::Boolean => Self::Switch(start == Some(&Value::Bool(true))),
            ValueSchema::Enum(values) => {
                let at = values.iter().position(|value| start == Some(&json!(value)));
                Self::State { values: values.clone(), at: at.unwrap_or_default() }
            }
            ValueSchema::String => Self::Text(start.and_then(Value::as_str).unwrap_or("ok").to_owned()),
            ValueSchema::Date => Self::Moment(Form::Date),
            ValueSchema::DateTime => Self::Moment(Form::DateTime),
            ValueSchema::Time => Self::Moment(Form::Time),
            ValueSchema::Duration => Self::Moment(Form::Duration),
            ValueSchema::Integer if is(name, &COUNTERS) => counter(start, i64::from(i32::MAX)),
            ValueSchema::Long if !is(name, &SHARES) => counter(start, 1 << 53),
            ValueSchema::Integer | ValueSchema::Long => walk(name, measured, start, true),
            ValueSchema::Float | ValueSchema::Double => walk(name, measured, start, false),
        }
    }

    fn next(&mut self, random: &mut Random, at: DateTime<Utc>) -> Value {
        match self {
            Self::Walk { value, low, high, whole } => {
                let (span, middle) = (*high - *low, (*low + *high) / 2.0);
                let pull = (middle - *value) * PULL * random.unit();
                *value = (*value + pull + random.sway() * span * STRIDE).clamp(*low, *high);
                if *whole { json!(value.round() as i64) } else { json!(rounded(*value, span)) }
            }
            Self::Counter { value, most } => {
                *value = value.saturating_add(1 + random.below(3) as i64).min(*most);
                json!(value)
            }
            Self::Switch(on) => {
                *on ^= random.chance(SWITCH);
                json!(on)
            }
            Self::State { values, at } => {
                if random.chance(SWITCH) {
                    *at = random.below(values.len());
                }
                json!(values.get(*at).map_or("", String::as_str))
            }
            Self::Text(text) => json!(text),
            Self::Moment(form) => json!(form.text(at)),
        }
    }
}

impl Form {
    fn text(self, at: DateTime<Utc>) -> String {
        match self {
            Self::Date => at.format("%Y-%m-%d").to_string(),
            Self::DateTime => at.to_rfc3339_opts(SecondsFormat::Millis, true),
            Self::Time => at.format("%H:%M:%SZ").to_string(),
            Self::Duration => format!("PT{}S", at.timestamp().rem_euclid(3600)),
        }
    }
}

fn counter(start: Option<&Value>, most: i64) -> Shape {
    Shape::Counter { value: start.and_then(Value::as_i64).unwrap_or_default(), most }
}

/// The range lies around the value before the first message, which is what the project says is normal; a start outside of
/// it (somebody sent it) comes back into it with the first step.
fn walk(name: &str, measured: &Measured, start: Option<&Value>, whole: bool) -> Shape {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64).filter(|number| number.is_finite());
    let normal = number(measured.initial.as_ref()).or(number(start)).unwrap_or_default();
    let unit = measured.unit.as_deref().unwrap_or_default();
    let (low, high) = match normal {
        _ if (unit == "percent" || is(name, &SHARES)) && (0.0..=100.0).contains(&normal) => (0.0, 100.0),
        _ if is(name, &["temperature"]) => (normal - 5.0, normal + 5.0),
        0.0 => (0.0, 10.0),
        normal => {
            let reach = normal.abs() / 4.0;
            (normal - reach, normal + reach)
        }
    };
    // Whole numbers need room to move.
    let high = if whole { high.max(low + 4.0) } else { high };
    let most = if measured.lands.schema == ValueSchema::Integer { f64::from(i32::MAX) } else { f64::MAX };
    let (low, high) = (low.clamp(-most, most), high.clamp(-most, most));
    Shape::Walk { value: number(start).unwrap_or(normal), low, high, whole }
}

/// Whether a name (`battery.level`, `strokeCount`) has one of the words in it.
fn is(name: &str, words: &[&str]) -> bool {
    let name = name.to_lowercase();
    words.iter().any(|word| name.contains(word))
}

/// As many digits as a sensor has: a thousandth of the range.
fn rounded(value: f64, span: f64) -> f64 {
    let digits = (3.0 - span.max(f64::MIN_POSITIVE).log10().ceil()).clamp(0.0, 12.0);
    let scale = 10_f64.powi(digits as i32);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests {
    use functions::twin_info::PropertyInfo;

    use super::*;

    fn at() -> DateTime<Utc> {
        "2026-11-23T10:15:30Z".parse().expect("it is a time")
    }

    fn device(properties: &[(&str, ValueSchema, Value)]) -> Device {
        let measured = |schema: &ValueSchema, initial: &Value| Measured {
            lands: PropertyInfo { component: None, property: "p".into(), field: Vec::new(), schema: schema.clone() },
            initial: (!initial.is_null()).then(|| initial.clone()),
            unit: None,
        };
        let measured = properties.iter().map(|(name, schema, initial)| ((*name).to_owned(), measured(schema, initial)));
        Device { id: "d".into(), twin: "d".into(), measured: measured.collect() }
    }

    /// The values of a single property.
    fn run(name: &str, schema: ValueSchema, initial: Value, seed: u64) -> Vec<Value> {
        let device = device(&[(name, schema, initial)]);
        let mut series = Series::new(seed, &device, &BTreeMap::new());
        (0..500).map(|_| series.next(at()).remove(name).expect("it is measured")).collect()
    }

    fn numbers(values: &[Value]) -> Vec<f64> {
        values.iter().map(|value| value.as_f64().expect("it is a number")).collect()
    }

    #[test]
    fn a_temperature_moves_slowly_around_its_initial_value() {
        let values = numbers(&run("temperature", ValueSchema::Double, json!(21.5), 1));
        assert!(values.iter().all(|value| (16.5..=26.5).contains(value)));
        assert!(values.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 1.0), "{values:?}");
        assert!(values.windows(2).any(|pair| pair[1] != pair[0]));
    }

    #[test]
    fn shares_stay_between_nothing_and_all() {
        for (name, schema) in [("humidity", ValueSchema::Double), ("battery.level", ValueSchema::Integer)] {
            let values = run(name, schema.clone(), json!(100), 2);
            assert!(numbers(&values).iter().all(|value| (0.0..=100.0).contains(value)));
            assert!(schema == ValueSchema::Double || values.iter().all(Value::is_i64));
        }
    }

    #[test]
    fn counters_only_grow_and_never_overflow() {
        for (name, schema, start) in
            [("strokes", ValueSchema::Long, 7), ("cycles", ValueSchema::Integer, i64::from(i32::MAX) - 3)]
        {
            let values: Vec<i64> =
                run(name, schema, json!(start), 3).iter().map(|value| value.as_i64().unwrap()).collect();
            assert!(values.is_sorted() && values[0] > start, "{values:?}");
        }
        let last = run("cycles", ValueSchema::Integer, json!(i32::MAX - 3), 3).pop();
        assert_eq!(last, Some(json!(i32::MAX)));
    }

    #[test]
    fn states_are_those_of_the_model_and_do_change() {
        let values = vec!["idle".to_owned(), "running".to_owned(), "fault".to_owned()];
        let seen = run("state", ValueSchema::Enum(values.clone()), json!("running"), 4);
        assert!(seen.iter().all(|value| values.iter().any(|known| value == known)));
        let distinct: std::collections::BTreeSet<String> = seen.iter().map(ToString::to_string).collect();
        assert_eq!(distinct.len(), 3);
        assert_eq!(run("state", ValueSchema::Enum(Vec::new()), Value::Null, 4)[0], "", "no state, no panic");
        let flips = run("open", ValueSchema::Boolean, json!(false), 5);
        assert!(flips.contains(&json!(true)) && flips.contains(&json!(false)));
    }

    #[test]
    fn times_and_texts_fit_their_schemas() {
        let moments = [
            (ValueSchema::Date, dtdl::Primitive::Date),
            (ValueSchema::DateTime, dtdl::Primitive::DateTime),
            (ValueSchema::Time, dtdl::Primitive::Time),
            (ValueSchema::Duration, dtdl::Primitive::Duration),
            (ValueSchema::String, dtdl::Primitive::String),
        ];
        for (schema, primitive) in moments {
            let value = &run("p", schema, Value::Null, 6)[0];
            dtdl::check_value(&dtdl::Schema::Primitive(primitive), value)
                .unwrap_or_else(|why| panic!("{value}: {why:?}"));
        }
    }

    #[test]
    fn equal_seeds_make_equal_series_and_others_others() {
        let of = |seed| run("pressure", ValueSchema::Double, json!(3.0), seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_series_goes_on_from_what_the_twin_shows() {
        let device = device(&[("strokes", ValueSchema::Long, json!(0)), ("humidity", ValueSchema::Double, json!(45))]);
        let shown = [("strokes".to_owned(), json!(1_000)), ("humidity".to_owned(), json!(80))].into();
        let next = Series::new(1, &device, &shown).next(at());
        assert!(next["strokes"].as_i64().unwrap() > 1_000);
        assert!((next["humidity"].as_f64().unwrap() - 80.0).abs() < 5.0, "{next:?}");
    }

    #[test]
    fn odd_starts_do_not_hurt() {
        for initial in [json!(1e308), json!(-1e308), json!(1e-300), json!("warm"), json!(-4)] {
            for schema in [ValueSchema::Double, ValueSchema::Float, ValueSchema::Integer, ValueSchema::Long] {
                run("value", schema, initial.clone(), 7);
            }
        }
    }

    #[test]
    fn a_property_that_was_never_set_has_a_first_value() {
        let device = device(&[("temperature", ValueSchema::Double, Value::Null)]);
        assert!(first(1, &device, "temperature", at()).unwrap().is_number());
        assert_eq!(first(1, &device, "colour", at()), None);
    }
}
