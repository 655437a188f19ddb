//! Whether a value is of its property's schema, as Azure Digital Twins sees it.
//!
//! What does not fit is not sent: the instance would reject the whole patch, other properties' values included.

use dtdl::temporal::{is_date, is_date_time, is_duration, is_time};
use serde_json::Value;

use crate::twin_info::ValueSchema;

/// The most bytes of a string.
const STRING_BYTES: usize = 4096;
/// Up to here every whole number has its own double.
const EXACT: i64 = 1 << 53;

/// The value as it is sent, or `None` when it does not fit.
///
/// Whole numbers are numbers; a number without a fraction is whole however it is written (5.0 is 5).
pub(super) fn fit(schema: &ValueSchema, value: Value) -> Option<Value> {
    let text = |check: fn(&str) -> bool| value.as_str().is_some_and(check);
    let fits = match schema {
        ValueSchema::Integer => return whole(&value).filter(|number| i32::try_from(*number).is_ok()).map(Value::from),
        ValueSchema::Long => return whole(&value).map(Value::from),
        ValueSchema::Float => value.as_f64().is_some_and(|number| number.abs() <= f64::from(f32::MAX)),
        ValueSchema::Double => return double(value),
        ValueSchema::Boolean => value.is_boolean(),
        ValueSchema::String => text(|text| text.len() <= STRING_BYTES),
        ValueSchema::Date => text(is_date),
        ValueSchema::DateTime => text(is_date_time),
        ValueSchema::Time => text(is_time),
        ValueSchema::Duration => text(is_duration),
        ValueSchema::Enum(known) => value.as_str().is_some_and(|text| known.iter().any(|known| known == text)),
    };
    fits.then_some(value)
}

fn whole(value: &Value) -> Option<i64> {
    let exact = |float: &f64| float.fract() == 0.0 && float.abs() <= EXACT as f64;
    value.as_i64().or_else(|| value.as_f64().filter(|_| value.is_f64()).filter(exact).map(|float| float as i64))
}

/// A number; one that no double can hold becomes the nearest that can, so that what is read back compares as equal.
fn double(value: Value) -> Option<Value> {
    match value.as_i64() {
        Some(whole) if (-EXACT..=EXACT).contains(&whole) => Some(value),
        _ => value.as_f64().map(Value::from),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_their_range_and_change_only_their_writing() {
        use ValueSchema::{Boolean, Double, Float, Integer, Long};
        let cases = [
            (Integer, json!(i32::MAX), Some(json!(i32::MAX))),
            (Integer, json!(5.0), Some(json!(5))),
            (Integer, json!(5.5), None),
            (Integer, json!(i64::from(i32::MAX) + 1), None),
            (Integer, json!("5"), None),
            (Long, json!(i64::MIN), Some(json!(i64::MIN))),
            (Long, json!(u64::MAX), None),
            (Long, json!(1e300), None),
            (Float, json!(3), Some(json!(3))),
            (Float, json!(1e300), None),
            (Double, json!(3), Some(json!(3))),
            (Double, json!(1e300), Some(json!(1e300))),
            (Double, json!(i64::MAX), Some(json!(i64::MAX as f64))),
            (Double, json!(true), None),
            (Boolean, json!(true), Some(json!(true))),
            (Boolean, json!(0), None),
            (Double, Value::Null, None),
        ];
        for (schema, value, sent) in cases {
            assert_eq!(fit(&schema, value.clone()), sent, "{value} as {schema:?}");
        }
    }

    #[test]
    fn texts_have_their_form() {
        use ValueSchema::{Date, DateTime, Duration, Enum, String, Time};
        let long = "x".repeat(4096);
        let fits: [(ValueSchema, &[&str]); 6] = [
            (String, &["", &long]),
            (Enum(vec!["on".into()]), &["on"]),
            (Date, &["2024-02-29"]),
            (DateTime, &["2024-05-31T09:30:00Z", "2024-05-31T09:30:00.5+02:00"]),
            (Time, &["00:00:00Z", "23:59:60.123-08:00", "09:30:00+05:30"]),
            (Duration, &["P1Y2M3DT4H5M6S", "P3W", "PT0.5S", "P1.5D", "PT36H", "P0D"]),
        ];
        let longer = "x".repeat(4097);
        let wrong: [(ValueSchema, &[&str]); 6] = [
            (String, &[&longer]),
            (Enum(vec!["on".into()]), &["On", ""]),
            (Date, &["2023-02-29", "2024-13-01", "2024-1-1", "24-01-01", "2024-01-01Z", "+2024-01-1"]),
            (DateTime, &["2024-05-31 09:30:00Z", "2024-05-31t09:30:00Z", "2024-05-31T09:30:00", "2024-05-31"]),
            (
                Time,
                &[
                    "00:00:00",
                    "24:00:00Z",
                    "9:30:00Z",
                    "09:30Z",
                    "09:30:00.Z",
                    "09:30:00+5",
                    "",
                    "09:30:00z",
                    "09:30:0ä",
                ],
            ),
            (
                Duration,
                &["", "P", "PT", "P1", "1D", "P1DT", "P1M1Y", "P1Y1W", "PT1.5H1M", "P-1D", "P1S", "PT1D", "P1ä"],
            ),
        ];
        for (schema, texts) in fits {
            texts.iter().for_each(|text| assert!(fit(&schema, json!(text)).is_some(), "{text} as {schema:?}"));
        }
        for (schema, texts) in wrong {
            texts.iter().for_each(|text| assert_eq!(fit(&schema, json!(text)), None, "{text} as {schema:?}"));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[PT0-9YMWDHS.:Z+\\-ä]{0,30}") {
            for schema in [ValueSchema::Date, ValueSchema::DateTime, ValueSchema::Time, ValueSchema::Duration] {
                let _ = fit(&schema, json!(text));
            }
        }
    }
}
