//! Every environment variable that is read here, in one place; the libraries read none.

use std::env;

use journal::Actor;

/// The state folder.
pub(crate) const STATE_DIR: &str = "TWINCTL_STATE_DIR";
/// The local cloud's folder.
pub(crate) const CLOUD_DIR: &str = "TWINCTL_CLOUD_DIR";
/// The program that function apps run, instead of the one that would be found.
pub(crate) const FUNCTIONS: &str = "TWINCTL_FUNCTIONS";
/// What is logged, in the syntax of `tracing`'s filters; implies `-v`.
pub(crate) const LOG: &str = "TWINCTL_LOG";

/// Azure's subscription, where the project's credentials name none.
pub(crate) const AZURE_SUBSCRIPTION: &str = "AZURE_SUBSCRIPTION_ID";

/// The same for people, at the end of `--help`.
pub(crate) const HELP: &str = "\
Environment:
  TWINCTL_STATE_DIR  the same as --state-dir
  TWINCTL_CLOUD_DIR  the same as --cloud-dir
  TWINCTL_FUNCTIONS  the program that function apps run (otherwise this one; for Azure the build beside it)
  TWINCTL_LOG        what to log, for example `debug` or `engine=trace,journal=debug`
  NO_COLOR           no colour, whatever its value
  CI_JOB_URL, GITHUB_RUN_ID and their like name the CI run in the journal

Real clouds (`--target cloud`) also take AZURE_SUBSCRIPTION_ID, and the usual variables of the clouds' own logins:
AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and so on.

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

/// Who is at work, for the journal.
pub(crate) fn actor() -> Actor {
    Actor::current(env!("CARGO_PKG_VERSION"), text)
}
