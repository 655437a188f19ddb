//! The log: one line of `name=value` pairs per event, to standard error, which every host collects.

use std::{
    fmt::{self, Write as _},
    io,
};

use chrono::{SecondsFormat, Utc};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// The longest value, in characters: parts of it may have come from anywhere.
const VALUE_LIMIT: usize = 512;

/// Turns the log on at a level; `info` when none is named, or one that is not known.
pub(crate) fn start(level: Option<&str>) {
    let started = tracing_subscriber::fmt()
        .with_max_level(level_of(level))
        .with_writer(io::stderr)
        // It would be said on standard error, and a program that cannot say something there panics: a host that has died
        // reads no log any more, and the calls in flight still end.
        .log_internal_errors(false)
        .event_format(Logfmt)
        .try_init();
    debug_assert!(started.is_ok(), "nothing else turns it on");
}

fn level_of(name: Option<&str>) -> LevelFilter {
    match name.map(str::to_ascii_lowercase).as_deref() {
        Some("off") => LevelFilter::OFF,
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some("debug") => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    }
}

struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line(String::with_capacity(192));
        line.pair("time", &Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true));
        line.pair("level", name_of_level(*event.metadata().level()));
        event.record(&mut line);
        writer.write_str(&line.0)?;
        writer.write_char('\n')
    }
}

/// A line that grows.
struct Line(String);

impl Line {
    /// Adds a pair; an empty value says nothing and is left out.
    fn pair(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(name);
        self.0.push('=');
        let bare = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'=' && byte != b'\\');
        let end = value.char_indices().nth(VALUE_LIMIT).map_or(value.len(), |(end, _)| end);
        let value = &value[..end];
        if bare {
            self.0.push_str(value);
        } else {
            // Quotes, line ends and control characters escaped: a line stays a line whatever is in it.
            write!(self.0, "{value:?}").expect("a text takes every write");
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.pair(name_of(field), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.pair(name_of(field), &format!("{value:?}"));
    }
}

fn name_of_level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn name_of(field: &Field) -> &'static str {
    match field.name() {
        "message" => "event",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names_and_a_default() {
        assert_eq!(level_of(Some("OFF")), LevelFilter::OFF);
        assert_eq!(level_of(Some("debug")), LevelFilter::DEBUG);
        assert_eq!((level_of(None), level_of(Some("engine=trace"))), (LevelFilter::INFO, LevelFilter::INFO));
    }

    #[test]
    fn a_line_stays_a_line() {
        let mut line = Line(String::new());
        line.pair("a", "plain-1:2");
        line.pair("empty", "");
        line.pair("b", "two words");
        line.pair("c", "x\nlevel=\"error\"\u{1b}[31m");
        assert_eq!(line.0, r#"a=plain-1:2 b="two words" c="x\nlevel=\"error\"\u{1b}[31m""#);
        let mut long = Line(String::new());
        long.pair("a", &"é".repeat(2_000));
        assert_eq!(long.0.chars().count(), VALUE_LIMIT + 4);
    }
}
