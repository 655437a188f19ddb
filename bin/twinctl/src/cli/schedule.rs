//! The commands of schedules: `schedule` and `serve`, and what `serve` hands to the runs that it starts.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use journal::Trigger;
use reqwest::Url;

use super::Project;

/// No start is put off by more than a day.
const MOST_JITTER: u64 = 24 * 3600;

/// `twinctl schedule`.
#[derive(Debug, Args)]
pub(crate) struct Schedule {
    #[command(subcommand)]
    pub(crate) command: ScheduleCommand,
}

/// `twinctl schedule ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Add a schedule; `twinctl serve` keeps it
    Add(AddSchedule),
    /// List the schedules with their next and last time; changes nothing
    List(Project),
    /// Keep no more times of a schedule, until it is unpaused
    Pause(NamedSchedule),
    /// Keep the times of a schedule again, from now on
    Unpause(NamedSchedule),
    /// Remove a schedule; what is deployed stays
    Remove(NamedSchedule),
    /// Ask for a run now, besides the schedule's times
    RunNow(NamedSchedule),
}

/// `twinctl schedule add`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  twinctl schedule add my-project --cron '0 3 * * *' --timezone Europe/Vienna
  twinctl schedule add my-project --kind drift-check --cron '*/30 * * * *' --jitter 5m
  twinctl schedule add my-project --cron '0 3 * * MON-FRI' --overlap replace --missed skip --name nightly
  twinctl schedule add my-project --cron '0 3 * * *' --on eventbridge --target cloud")]
pub(crate) struct AddSchedule {
    /// The project folder
    #[arg(value_name = "PROJECT")]
    pub(crate) project: PathBuf,
    /// When: minute, hour, day of the month, month, day of the week
    #[arg(long, value_name = "PATTERN")]
    pub(crate) cron: String,
    /// The time zone in which that is meant, such as Europe/Vienna
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) timezone: String,
    /// What is done then
    #[arg(long, value_name = "KIND", default_value = "redeploy")]
    pub(crate) kind: Kind,
    /// Put each start off by up to this long (90s, 10m, 1h), always the same for the same time
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = jitter)]
    pub(crate) jitter: u64,
    /// What becomes of a time that comes while the deployment is being worked on
    #[arg(long, value_name = "WHAT", default_value = "skip")]
    pub(crate) overlap: Overlap,
    /// What becomes of times that passed while nobody was there to keep them
    #[arg(long, value_name = "WHAT", default_value = "once")]
    pub(crate) missed: Missed,
    /// Whose clock tells the time
    #[arg(long, value_name = "CLOCK", default_value = "clock")]
    pub(crate) on: On,
    /// Its name [default: the project folder's, and the kind if it is a drift check]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// A schedule by its name.
#[derive(Debug, Args)]
pub(crate) struct NamedSchedule {
    /// The schedule
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) project: Project,
}

/// What a schedule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// What `run` does
    Redeploy,
    /// What `drift` does; changes nothing
    DriftCheck,
}

/// Whose clock tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum On {
    /// The daemon's own
    Clock,
    /// A rule of AWS's EventBridge with a queue, both made now; times in UTC
    Eventbridge,
}

/// What becomes of a time that comes while the deployment is being worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Overlap {
    /// It is left out
    Skip,
    /// It waits for its turn
    Queue,
    /// What is in progress is stopped, and makes room for it
    Replace,
}

/// What becomes of times that passed while nobody was there to keep them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Missed {
    /// The latest is caught up
    Once,
    /// All are left out
    Skip,
}

/// `twinctl serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "One daemon per state folder. SIGTERM or Ctrl-C ends it: a run in progress stops at a safe point, and the \
                        next daemon goes on with it.

Examples:
  twinctl serve my-project
  twinctl serve --state-dir /var/lib/twinctl --listen 127.0.0.1:9464
  twinctl serve --state-dir /var/lib/twinctl --target cloud --eventbridge default
  twinctl serve my-project --webhook https://example.org/hook --webhook-secret hook.secret"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Serve /healthz and /metrics there; a loopback address
    #[arg(long, value_name = "ADDRESS", value_parser = loopback)]
    pub(crate) listen: Option<SocketAddr>,
    /// Put the lifecycle events of all runs on this bus of EventBridge
    #[arg(long, value_name = "BUS", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) eventbridge: Option<String>,
    /// Post the lifecycle events of all runs to this URL, signed
    #[arg(long, value_name = "URL", requires = "webhook_secret")]
    pub(crate) webhook: Option<Url>,
    /// The file that holds the webhook's secret, `whsec_...`, readable by its owner alone
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub(crate) webhook_secret: Option<PathBuf>,
    /// Begin with the first event that the journal holds, where nothing was sent yet [default: with those to come]
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// How long a run may take to stop before it is killed
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = grace)]
    pub(crate) grace: Duration,
}

/// The occurrence that a run is for: given by `twinctl serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Scheduled {
    /// The schedule that asks for the run
    #[arg(long = "scheduled", value_name = "NAME", hide = true, requires = "at")]
    pub(crate) schedule: Option<String>,
    /// The occurrence that asks for it
    #[arg(long, value_name = "TIME", hide = true, requires = "schedule")]
    pub(crate) at: Option<DateTime<Utc>>,
    /// Undo an unfinished run of another definition, rather than go on with it
    #[arg(long, hide = true, requires = "schedule")]
    pub(crate) replace: bool,
}

impl Scheduled {
    /// The occurrence, if there is one.
    pub(crate) fn trigger(&self) -> Option<Trigger> {
        Some(Trigger { schedule: self.schedule.clone()?, at: self.at? })
    }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err("a loopback address is expected: it is open to everybody who reaches it".into()),
        Err(_) => Err("an address and a port are expected, such as 127.0.0.1:9464".into()),
    }
}

fn grace(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) if (1..=86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err("a number of seconds from 1 to 86400 is expected".into()),
    }
}

/// A duration in seconds: a number with `s`, `m` or `h`.
fn jitter(text: &str) -> Result<u64, String> {
    let expected = || "a duration up to 24h is expected, such as 90s, 10m or 1h".to_owned();
    let (number, unit) = text.split_at(text.len() - usize::from(text.ends_with(['s', 'm', 'h'])));
    let unit = match unit {
        "m" => 60,
        "h" => 3600,
        _ => 1,
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(expected)?;
    if seconds <= MOST_JITTER { Ok(seconds) } else { Err(expected()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let seconds = ["0s", "90s", "10m", "1h", "45"].map(|text| jitter(text).unwrap());
        assert_eq!(seconds, [0, 90, 600, 3600, 45]);
        for wrong in ["", "s", "-1s", "25h", "1d", "1.5h", "99999999999999999999h"] {
            assert!(jitter(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_loopback_is_listened_on() {
        assert!(loopback("127.0.0.1:9464").is_ok() && loopback("[::1]:0").is_ok());
        assert!(loopback("0.0.0.0:9464").is_err() && loopback("9464").is_err());
    }
}
