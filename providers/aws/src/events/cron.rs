//! From the five fields of cron to a schedule expression of EventBridge.
//!
//! | | cron | EventBridge rules |
//! |---|---|---|
//! | fields | minute, hour, day of the month, month, day of the week | the same and a year |
//! | days of the week | 0 or 7 is Sunday | 1 is Sunday; written here by their names |
//! | both days given | one *or* the other | not to be had: one of them must be `?` |
//! | step | `*/7`, `3-40/7` | `3/7` runs to the field's end; others become lists |
//! | time zone | the host's, or one that is named | UTC |
//!
//! What would fire at another time than cron says is refused with the reason. Source: EventBridge User Guide, "Cron
//! expressions reference"; crontab(5).

use std::collections::BTreeSet;

/// Names that mean UTC.
const UTC: [&str; 5] = ["UTC", "Etc/UTC", "Etc/GMT", "GMT", "Z"];
/// The most characters of an expression (PutRule, `ScheduleExpression`).
const LONGEST: usize = 256;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// Why a schedule cannot be a rule of EventBridge; fits after "failed to translate the schedule: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untranslatable(String);

impl std::fmt::Display for Untranslatable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Untranslatable {}

/// A field of cron: its bounds, and its names from the lowest value on.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", least: 0, most: 59, names: &[] };
const HOUR: Field = Field { name: "hour", least: 0, most: 23, names: &[] };
const DAY: Field = Field { name: "day of the month", least: 1, most: 31, names: &[] };
const MONTH: Field = Field { name: "month", least: 1, most: 12, names: &MONTHS };
const WEEKDAY: Field = Field { name: "day of the week", least: 0, most: 7, names: &DAYS };

/// Translates `m h dom mon dow` in UTC to `cron(m h dom mon dow year)`.
///
/// # Errors
/// When EventBridge cannot fire at the times that cron means: another time zone, or both days given; and when it is no cron
/// expression of five fields with numbers, names, `*`, lists, ranges and steps.
pub fn schedule_expression(cron: &str, time_zone: &str) -> Result<String, Untranslatable> {
    if !UTC.contains(&time_zone) {
        return refuse(format!("rules of EventBridge run in UTC, and {time_zone} is another time zone"));
    }
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return refuse(format!("{cron:?} has {} fields and not five", fields.len()));
    };
    let [minute, hour, month] =
        [(&MINUTE, minute), (&HOUR, hour), (&MONTH, month)].map(|(field, text)| field.plain(text));
    let days = days(day, weekday)?;
    let expression = format!("cron({} {} {} {} {} *)", minute?, hour?, days.0, month?, days.1);
    if expression.len() > LONGEST {
        return refuse(format!("its expression has {} characters, {LONGEST} are the most", expression.len()));
    }
    Ok(expression)
}

fn refuse<T>(reason: String) -> Result<T, Untranslatable> {
    Err(Untranslatable(reason))
}

/// The two fields of days, one of them `?`.
fn days(day: &str, weekday: &str) -> Result<(String, String), Untranslatable> {
    match (day, weekday) {
        (day, "*") => Ok((DAY.plain(day)?, "?".into())),
        ("*", weekday) => Ok(("?".into(), weekdays(weekday)?)),
        // Even when one of them names all days: cron means one or the other.
        _ => refuse("a rule of EventBridge takes days of the month or days of the week, not both".into()),
    }
}

/// Days of the week by their names: the numbers of the two differ.
fn weekdays(text: &str) -> Result<String, Untranslatable> {
    let days: BTreeSet<u8> = WEEKDAY.values(text)?.into_iter().map(|day| day % 7).collect();
    if days.len() == 7 {
        return Ok("*".into());
    }
    Ok(runs(&days, |day| DAYS[usize::from(day)].to_owned()))
}

impl Field {
    /// A field whose numbers mean the same to both.
    fn plain(&self, text: &str) -> Result<String, Untranslatable> {
        let values = self.values(text)?;
        if values.len() == usize::from(self.most - self.least) + 1 {
            return Ok("*".into());
        }
        Ok(self.step(&values).unwrap_or_else(|| runs(&values, |value| value.to_string())))
    }

    /// `first/step` when that is what the values are, to the field's end.
    fn step(&self, values: &BTreeSet<u8>) -> Option<String> {
        let mut first = values.iter().copied();
        let (start, second) = (first.next()?, first.next()?);
        let step = second - start;
        let same = (start..=self.most).step_by(usize::from(step)).eq(values.iter().copied());
        (step > 1 && values.len() > 2 && same).then(|| format!("{start}/{step}"))
    }

    fn values(&self, text: &str) -> Result<BTreeSet<u8>, Untranslatable> {
        let mut values = BTreeSet::new();
        for part in text.split(',') {
            values.extend(self.part(part)?);
        }
        Ok(values)
    }

    /// `*`, `a`, `a-b`, and the last two of `*`, `a-b` with `/n`.
    fn part(&self, part: &str) -> Result<Vec<u8>, Untranslatable> {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = match step.map(str::parse) {
            None => 1,
            Some(Ok(step)) if step > 0 => step,
            Some(_) => return self.unknown(part),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            // `5/15` is 5 alone to some crons, and 5, 20, 35, 50 to others.
            None if part.contains('/') => return self.unknown(part),
            None => (self.value(range)?, self.value(range)?),
        };
        if first > last { self.unknown(part) } else { Ok((first..=last).step_by(step).collect()) }
    }

    fn value(&self, text: &str) -> Result<u8, Untranslatable> {
        let by_name = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match by_name {
            Some(place) => u8::try_from(place).ok().map(|place| place + self.least),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        match number.filter(|number| (self.least..=self.most).contains(number)) {
            Some(number) => Ok(number),
            None => self.unknown(text),
        }
    }

    fn unknown<T>(&self, text: &str) -> Result<T, Untranslatable> {
        refuse(format!("{text:?} is no {} that is translated", self.name))
    }
}

/// Values as a list, three and more in a row as a range.
fn runs(values: &BTreeSet<u8>, write: impl Fn(u8) -> String) -> String {
    let mut runs: Vec<(u8, u8)> = Vec::new();
    for &value in values {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == value => *last = value,
            _ => runs.push((value, value)),
        }
    }
    let texts = runs.into_iter().map(|(first, last)| match last - first {
        0 => write(first),
        1 => format!("{},{}", write(first), write(last)),
        _ => format!("{}-{}", write(first), write(last)),
    });
    texts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_know_is_translated() {
        let cases = [
            ("* * * * *", "cron(* * * * ? *)"),
            ("0 3 * * *", "cron(0 3 * * ? *)"),
            ("*/15 * * * *", "cron(0/15 * * * ? *)"),
            ("5-59/15 * * * *", "cron(5/15 * * * ? *)"),
            ("5-40/15 * * * *", "cron(5,20,35 * * * ? *)"),
            ("0,30 8-18 * * *", "cron(0,30 8-18 * * ? *)"),
            ("0 3 1,15 * *", "cron(0 3 1,15 * ? *)"),
            ("0 3 */10 jan-mar,DEC *", "cron(0 3 1/10 1-3,12 ? *)"),
            ("0 3 * * 0", "cron(0 3 ? * SUN *)"),
            ("0 3 * * 7", "cron(0 3 ? * SUN *)"),
            ("0 3 * * 1-5", "cron(0 3 ? * MON-FRI *)"),
            ("0 3 * * 5-7", "cron(0 3 ? * SUN,FRI,SAT *)"),
            ("0 3 * * mon,Wed", "cron(0 3 ? * MON,WED *)"),
            ("0 3 * * */2", "cron(0 3 ? * SUN,TUE,THU,SAT *)"),
            ("0 3 * * 0-6", "cron(0 3 ? * * *)"),
            ("  0   3\t* * * ", "cron(0 3 * * ? *)"),
        ];
        for (cron, expression) in cases {
            assert_eq!(schedule_expression(cron, "UTC").as_deref(), Ok(expression), "{cron}");
        }
        assert!(schedule_expression("0 3 * * *", "Etc/UTC").is_ok());
    }

    #[test]
    fn what_would_fire_at_other_times_is_refused_with_the_reason() {
        let cases = [
            ("0 3 1 * 1", "UTC", "days of the month or days of the week"),
            ("0 3 */2 * 0-6", "UTC", "days of the month or days of the week"),
            ("0 3 * * *", "Europe/Vienna", "Europe/Vienna is another time zone"),
            ("0 0 3 * * *", "UTC", "has 6 fields"),
            ("@daily", "UTC", "has 1 fields"),
            ("60 3 * * *", "UTC", "\"60\" is no minute"),
            ("5/15 3 * * *", "UTC", "\"5/15\" is no minute"),
            ("*/0 3 * * *", "UTC", "\"*/0\" is no minute"),
            ("0 18-6 * * *", "UTC", "\"18-6\" is no hour"),
            ("0 3 L * *", "UTC", "\"L\" is no day of the month"),
            ("0 3 0 * *", "UTC", "\"0\" is no day of the month"),
            ("0 3 * * 5#2", "UTC", "\"5#2\" is no day of the week"),
            ("+5 3 * * *", "UTC", "\"+5\" is no minute"),
            (" 3 * * *,", "UTC", "has 4 fields"),
            ("0, 3 * * *", "UTC", "\"\" is no minute"),
        ];
        for (cron, zone, reason) in cases {
            let refused = schedule_expression(cron, zone).expect_err(cron).to_string();
            assert!(refused.contains(reason), "{cron}: {refused}");
        }
    }

    #[test]
    fn the_longest_expression_fits() {
        let odd = |least: u8, most: u8| {
            (least..=most)
                .filter(|value| value % 2 == 1 && value % 11 != 0)
                .map(|v| v.to_string())
                .collect::<Vec<_>>()
                .join(",")
        };
        let cron = format!("{} {} {} {} *", odd(0, 59), odd(0, 23), odd(1, 31), odd(1, 12));
        assert!(schedule_expression(&cron, "UTC").is_ok(), "{cron}");
    }
}
