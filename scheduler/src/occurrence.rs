//! From a cron pattern in a time zone to the times that it names.
//!
//! # When clocks change
//!
//! A pattern whose hours are `*` or `*/N` goes by elapsed time: it keeps its distance through a repeated hour, and an hour
//! that is left out has no times. Any other pattern means times of the day: one that is left out is kept at the first
//! moment after the gap, one that is repeated is kept once, the first time. That is what Vixie's cron does.
//!
//! croner knows the rule for patterns with a single minute and hour only (`0 3 * * *`); with it `30 2,14 * * *` would lose
//! 02:30 in spring and have it twice in autumn. So times of the day are walked on the wall clock here, and put into the
//! zone afterwards.

use std::str::FromStr;

use chrono::{DateTime, Duration, NaiveDateTime, SubsecRound, TimeZone, Utc, offset::LocalResult};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use sha2::{Digest, Sha256};

/// Put before the bytes that jitter is derived from, so that they can stand for nothing else.
const JITTER_DOMAIN: &str = "twinctl.schedule.jitter.v1\n";

/// No time zone has ever left out more than a day (Samoa, 2011).
const LONGEST_GAP: i64 = 25 * 60;

/// Why a pattern cannot be used. Displays fit after "failed to ...:".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no cron pattern of five fields.
    #[error("{cron:?} is no cron pattern: {why}")]
    Cron {
        /// The pattern.
        cron: String,
        /// What is wrong with it.
        why: String,
    },
    /// The time zone is not one of the IANA database.
    #[error("there is no time zone {zone:?}{}", nearest.as_ref().map(|name| format!("; is {name} meant?")).unwrap_or_default())]
    Zone {
        /// The name.
        zone: String,
        /// The one that is written most alike.
        nearest: Option<&'static str>,
    },
    /// It names no time at all, such as 30 February.
    #[error("{cron:?} never comes")]
    Never {
        /// The pattern.
        cron: String,
    },
}

/// A cron pattern in a time zone.
#[derive(Debug, Clone)]
pub struct Pattern {
    cron: Cron,
    zone: Tz,
}

impl Pattern {
    /// Reads a pattern of five fields (or `@daily` and its like) and the IANA name of a time zone.
    ///
    /// # Errors
    /// [`PatternError`] when either cannot be read, or the pattern never comes.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, PatternError> {
        let wrong = |why: croner::errors::CronError| PatternError::Cron { cron: cron.to_owned(), why: said(&why) };
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let zone = Tz::from_str(zone)
            .map_err(|_| PatternError::Zone { zone: zone.to_owned(), nearest: nearest_zone(zone) })?;
        let pattern = Self { cron: parser.parse(cron).map_err(wrong)?, zone };
        let never = || PatternError::Never { cron: cron.to_owned() };
        pattern.next(DateTime::UNIX_EPOCH).map(|_| pattern.clone()).ok_or_else(never)
    }

    /// The first time that it names after `after`, a whole second; none when croner's calendar ends.
    #[must_use]
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A part of a second has begun: whatever is named is a whole one after it.
        let after = after.trunc_subsecs(0);
        match self.cron.pattern.hours.from_wildcard {
            true => self.by_elapsed_time(after),
            false => self.by_time_of_day(after),
        }
    }

    fn by_elapsed_time(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&after.with_timezone(&self.zone), false).ok()?;
        Some(next.to_utc())
    }

    /// Later on the wall clock is never earlier in fact, so the first that is later in fact is the next one.
    fn by_time_of_day(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = after.with_timezone(&self.zone).naive_local();
        loop {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            let next = self.place(wall)?;
            if next > after {
                return Some(next);
            }
        }
    }

    /// The moment of a time of the day: the first of two, the end of the gap when there is none.
    fn place(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.zone.from_local_datetime(&wall) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
            LocalResult::None => self.end_of_gap(wall),
        }
    }

    /// Gaps end on a whole minute: times of the day before there were time zones are no times of a schedule.
    fn end_of_gap(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let minutes = (1..=LONGEST_GAP).map(|minutes| wall + Duration::minutes(minutes));
        let after = minutes.filter_map(|wall| self.zone.from_local_datetime(&wall).earliest()).next()?;
        Some(after.to_utc())
    }
}

/// How long the start of an occurrence is put off: from nothing to `most` seconds, the same for the same occurrence.
#[must_use]
pub fn jitter(schedule: &str, at: DateTime<Utc>, most: u64) -> Duration {
    let mut hasher = Sha256::new();
    hasher.update(JITTER_DOMAIN);
    hasher.update(schedule);
    hasher.update(b"\n");
    hasher.update(at.timestamp().to_be_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let first = *digest.first_chunk::<8>().expect("a digest has 32 bytes");
    let seconds = u64::from_be_bytes(first) % most.saturating_add(1);
    Duration::seconds(i64::try_from(seconds).unwrap_or_default())
}

/// croner's words as a fragment.
fn said(error: &croner::errors::CronError) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("Invalid pattern: ").unwrap_or(&text).trim_end_matches('.');
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn nearest_zone(wanted: &str) -> Option<&'static str> {
    let alike = |name: &&str| strsim::jaro_winkler(&name.to_lowercase(), &wanted.to_lowercase());
    let names = TZ_VARIANTS.iter().map(|zone| zone.name()).map(|name| (alike(&name), name));
    let best = names.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 > 0.85).then_some(best.1)
}

#[cfg(test)]
mod tests;
