//! Every environment variable that is read here, in one place; the libraries read none.

use std::{env, path::PathBuf};

use journal::Actor;

/// The state folder.
pub(crate) const STATE_DIR: &str = "TWINCTL_STATE_DIR";
/// The local cloud's folder.
pub(crate) const CLOUD_DIR: &str = "TWINCTL_CLOUD_DIR";
/// The program that function apps run, instead of the one that would be found.
pub(crate) const FUNCTIONS: &str = "TWINCTL_FUNCTIONS";
/// The AWS emulator's executable, instead of the one that would be found.
pub(crate) const MINISTACK: &str = "TWINCTL_MINISTACK";
/// What is logged, in the syntax of `tracing`'s filters; implies `-v`.
pub(crate) const LOG: &str = "TWINCTL_LOG";

/// Where AWS answers, when elsewhere than usual, for real clouds; and the emulator at which the local TwinMaker calls its
/// connectors. AWS's own variable.
pub(crate) const AWS_ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Azure's subscription, where the project's credentials name none.
pub(crate) const AZURE_SUBSCRIPTION: &str = "AZURE_SUBSCRIPTION_ID";

/// AWS's region, where the project's credentials name none: the SDK's own variables.
const AWS_REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The region that the environment names for AWS.
pub(crate) fn aws_region() -> Option<String> {
    AWS_REGIONS.into_iter().find_map(text)
}

/// The same for people, at the end of `--help`.
pub(crate) const HELP: &str = "\
Environment:
  TWINCTL_STATE_DIR  the same as --state-dir
  TWINCTL_CLOUD_DIR  the same as --cloud-dir
  TWINCTL_FUNCTIONS  the program that function apps run (otherwise this one; for Azure the build beside it)
  TWINCTL_MINISTACK  the AWS emulator's executable (otherwise looked for, see docs/local-cloud.md)
  TWINCTL_LOG        what to log, for example `debug` or `engine=trace,journal=debug`
  AWS_ENDPOINT_URL   the AWS emulator at which the local TwinMaker calls its connectors, when the local cloud is started
  NO_COLOR           no colour, whatever its value
  OTEL_...           where the trace of a run is sent, see docs/audit.md; nothing is sent unless an endpoint is set
  CI_JOB_URL, GITHUB_RUN_ID and their like name the CI run in the journal

Real clouds (`--target cloud`) also take AZURE_SUBSCRIPTION_ID, and the usual variables of the clouds' own logins:
AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and so on; AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL and so on.

Exit codes:
  0   done
  1   error: nothing was begun, nothing was changed
  2   usage: the command line is wrong
  3   invalid project
  10  failed: `resume` or `rollback`
  11  interrupted: `resume` or `rollback`
  12  rolled back after a failure
  13  partially rolled back: `rollback` again goes on
  14  locked by a living owner
  15  journal damaged
  16  drift found
  17  not visible: a twin does not show what was sent, within the deadline
  130 stopped at once by a second signal: `resume`";

/// The value of a variable, unless it is unset, empty or not text.
pub(crate) fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where the user's programs keep data, by the XDG Base Directory Specification (0.8): absolute, or nothing.
pub(crate) fn data_home() -> Option<PathBuf> {
    let named = text("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(PathBuf::from(text("HOME")?).join(".local/share")))
}

/// The folders in which programs are looked for.
pub(crate) fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

/// Who is at work, for the journal.
pub(crate) fn actor() -> Actor {
    Actor::current(env!("CARGO_PKG_VERSION"), text)
}
