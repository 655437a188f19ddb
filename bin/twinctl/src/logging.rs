//! Logs: to standard error, only when asked for; of a daemon, which nobody watches, warnings always.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::{environment, output::Output};

/// Turns logging on as `-v` and `TWINCTL_LOG` say, and for a daemon in any case.
pub(crate) fn start(verbose: u8, daemon: bool, output: Output) {
    let filter = filter(verbose, environment::text(environment::LOG)).or_else(|| daemon.then(|| "warn".to_owned()));
    let Some(filter) = filter else { return };
    let started = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse_lossy(filter))
        .with_writer(io::stderr)
        .with_ansi(output.error_color)
        .try_init();
    if let Err(error) = started {
        output.say(&format!("warning: logging could not be turned on: {error}"));
    }
}

/// What each request to a cloud was and how it was answered; tokens are redacted there, bodies are left out.
const REQUESTS: &str = "typespec_client_core::http::policies::logging=debug";

/// What to log: what our own crates do and every request first, then more of both; libraries' internals last.
fn filter(verbose: u8, wanted: Option<String>) -> Option<String> {
    let ours = |level: &str| {
        let crates =
            ["twinctl", "workflows", "engine", "journal", "audit", "scheduler", "notify", "aws", "azure", "local"];
        crates.map(|name| format!("{name}={level}")).join(",")
    };
    match (wanted, verbose) {
        (Some(filter), _) => Some(filter),
        (None, 0) => None,
        (None, 1) => Some(format!("warn,{},{REQUESTS}", ours("info"))),
        (None, 2) => Some(format!("info,{},{REQUESTS}", ours("debug"))),
        (None, _) => Some(format!("debug,{}", ours("trace"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_the_default_and_the_variable_wins() {
        assert_eq!(filter(0, None), None);
        assert_eq!(filter(2, Some("journal=trace".into())).as_deref(), Some("journal=trace"));
        assert!(filter(1, None).unwrap().contains("engine=info"));
    }
}
