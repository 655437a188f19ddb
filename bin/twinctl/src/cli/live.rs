//! The commands of live data: `send`, `simulate`, `verify`, `twins`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, builder::NonEmptyStringValueParser};

use super::Project;

/// A week: no wait of these commands is meant to be longer.
const LONGEST: f64 = 7.0 * 24.0 * 3600.0;

/// `twinctl send`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  twinctl send my-project room-1 '{\"temperature\": 21.5}'
  twinctl send my-project room-1 '{\"battery\": {\"level\": 80}}' --wait
  twinctl send my-project room-1 @message.json
  echo '{\"temperature\": 21.5}' | twinctl send my-project room-1 -")]
pub(crate) struct Send {
    /// The project folder
    #[arg(value_name = "PROJECT")]
    pub(crate) project: PathBuf,
    /// The device that sends
    #[arg(value_name = "DEVICE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) device: String,
    /// The message, a JSON object: inline, `@FILE`, or `-` for standard input
    #[arg(value_name = "JSON")]
    pub(crate) message: String,
    /// Wait until the twin shows it, and tell after how long
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long all of it may take [default: 60, on real clouds 600]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

/// `twinctl simulate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  twinctl simulate my-project
  twinctl simulate my-project --rate 100 --duration 300
  twinctl simulate my-project --devices room-1,room-2 --seed 7 --json")]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Messages per second, of all devices together
    #[arg(long, value_name = "N", default_value = "10", value_parser = rate)]
    pub(crate) rate: f64,
    /// How long to send; Ctrl-C ends it earlier
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) duration: Duration,
    /// Which devices [default: all]
    #[arg(long, value_name = "DEVICE,...", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) devices: Vec<String>,
    /// Where the series begin: equal seeds make equal series [default: another one each time]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How long what is on its way may take afterwards [default: 60, on real clouds 600]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) settle: Option<Duration>,
}

/// `twinctl verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Each device sends a value that its twin already has, under a new time: the twin shows the time as the \
                        value's `sourceTime` when the message has arrived. Ends with 17 when a twin does not follow.

Examples:
  twinctl verify my-project
  twinctl verify my-project --timeout 20 --json"
)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) project: Project,
    /// How long all of it may take [default: 60, on real clouds 600]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

/// `twinctl twins`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  twinctl twins my-project
  twinctl twins my-project --watch --interval 5")]
pub(crate) struct Twins {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Show it again and again, until Ctrl-C; with --json, one line each time
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// How often
    #[arg(long, value_name = "SECONDS", default_value = "2", requires = "watch", value_parser = seconds)]
    pub(crate) interval: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=LONGEST).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0.1 to 604800 is expected".into()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("a number from 0.001 to 100000 is expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_checked() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1_500)));
        for wrong in ["0", "-1", "inf", "NaN", "soon", "1e9"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(rate("0.5"), Ok(0.5));
        assert!(rate("0").is_err() && rate("inf").is_err());
    }
}
