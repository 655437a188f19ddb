//! The live path's one binary: what a function app runs.
//!
//! Its environment is the app's settings; nothing else configures it:
//!
//! | variable | says |
//! |---|---|
//! | `FUNCTIONS_CUSTOMHANDLER_PORT`, or `FUNCTIONS_HTTPWORKER_PORT` | the port on 127.0.0.1 to serve; 0 takes a free one, which the first log line names |
//! | `AWS_LAMBDA_RUNTIME_API`, `_HANDLER` | the runtime of AWS Lambda, and the function by its public name; goes before a port |
//! | `TWINCTL_LOG` | `off`, `error`, `warn`, `info` (the default: one line per call) or `debug` |
//! | `TWINCTL_PARENT_STDIN` | `1`: the end of standard input means stop, as SIGTERM does; the local cloud sets it |
//! | `SSL_CERT_FILE` | certificate authorities to trust instead of the system's |
//! | `IDENTITY_ENDPOINT`, `IDENTITY_HEADER` | where App Service gives tokens of the app's identity |
//! | the rest | settings of the functions, read when one is called first |
//!
//! Invariants:
//! - Starting reads no setting of a function, no certificate and no file: it is done before the first could be missed.
//! - It ends on SIGTERM, on SIGINT or with its host when the calls in flight have, and after half a minute in any case.

mod logging;
mod start;

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

const HELP: &str = "\
twin-functions: the functions of a digital twin's live path, as a custom handler of Azure Functions
or on the runtime of AWS Lambda.

Usage: twin-functions [--version | --help]

Serves on 127.0.0.1, on the port of FUNCTIONS_CUSTOMHANDLER_PORT, or the runtime of
AWS_LAMBDA_RUNTIME_API as the function that _HANDLER names. Its settings are its environment;
TWINCTL_LOG is off, error, warn, info or debug.
";

/// The names that a package gives the program: Azure's, Lambda's, and its own.
const NAMES: [&str; 3] = ["handler", "bootstrap", "twin-functions"];

/// Whether a program called by this name is meant to be this one; `twinctl` asks, since it can play both.
#[must_use]
pub fn is_meant(argv0: &OsStr) -> bool {
    Path::new(argv0).file_name().is_some_and(|name| NAMES.iter().any(|ours| name == *ours))
}

/// Does what the arguments say: without any, serves until it is told to stop.
#[must_use]
pub fn main() -> ExitCode {
    match env::args_os().nth(1) {
        None => start::serve(settings()),
        Some(argument) if argument == "--version" || argument == "-V" => {
            say(&mut io::stdout(), concat!("twin-functions ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        Some(argument) if argument == "--help" || argument == "-h" => say(&mut io::stdout(), HELP),
        Some(_) => {
            // Nothing to do about a standard error that is gone.
            let _ = io::stderr().write_all(format!("error: unknown argument\n\n{HELP}").as_bytes());
            ExitCode::from(2)
        }
    }
}

fn say(out: &mut dyn Write, text: &str) -> ExitCode {
    if out.write_all(text.as_bytes()).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The environment; what is not text cannot be a setting of ours.
fn settings() -> std::collections::BTreeMap<String, String> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    env::vars_os().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_which_program_is_meant() {
        for ours in ["handler", "./handler", "/home/site/wwwroot/handler", "/var/task/bootstrap", "twin-functions"] {
            assert!(is_meant(OsStr::new(ours)), "{ours}");
        }
        for other in ["twinctl", "/opt/handler/twinctl", "handlers", ""] {
            assert!(!is_meant(OsStr::new(other)), "{other}");
        }
    }
}
