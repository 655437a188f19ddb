//! What a caller may do: data roles, while they propagate, and what no data role covers.

use serde_json::Value;

use super::refusal::Refusal;
use super::{Call, Caller};
use crate::data_plane;
use crate::faults::Target;
use crate::state::{Resource, State};

const ASSIGNMENT: &str = "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments";
/// The built-in data reader; whoever has another role may write.
const READER: &str = "00000000-0000-0000-0000-000000000001";

/// Whether the caller may read or write the items of a container, or read about what a link names.
///
/// Tokens: always, unless the propagation fault is in force; then an assignment of a data role must be there that has been
/// refused often enough, and is old enough.
pub(super) fn check(call: &Call<'_>, state: &State, link: &str) -> Result<(), Refusal> {
    let reads = reads(call);
    let principal = match &call.caller {
        Caller::Key { reads: true } if !reads => return Err(read_only()),
        Caller::Key { .. } => return Ok(()),
        Caller::Principal(principal) => principal.as_deref(),
    };
    let (method, path) = (call.request.method().as_str(), call.request.uri().path());
    let Some(limits) = call.cloud.faults.propagation(Target { service: "data", method, path }) else { return Ok(()) };
    let found = assignment(state, &call.account, principal, link, reads);
    if data_plane::has_propagated(call.cloud, "data", found, limits) {
        return Ok(());
    }
    let (name, action) = (principal.unwrap_or_default(), if reads { "read" } else { "write" });
    Err(blocked(&format!(
        "Request is blocked because principal [{name}] does not have required RBAC permissions to perform action to {action} items on resource [{link}]. Learn more: https://aka.ms/cosmos-native-rbac."
    ))
    .sub(5301))
}

/// Databases and containers are made by those with a key alone: no data role covers that.
pub(super) fn check_management(call: &Call<'_>) -> Result<(), Refusal> {
    match &call.caller {
        Caller::Key { reads: false } => Ok(()),
        Caller::Key { reads: true } => Err(read_only()),
        Caller::Principal(_) => {
            let (method, path) = (call.request.method(), call.request.uri().path());
            Err(blocked(&format!("Request for {method} {path} cannot be authorized by AAD token in data plane."))
                .sub(5300))
        }
    }
}

fn blocked(message: &str) -> Refusal {
    Refusal::new(403, "Forbidden", format!("Request blocked by Auth : {message}"))
}

fn read_only() -> Refusal {
    Refusal::new(403, "Forbidden", "The authorization token is made with a read-only key.")
}

fn reads(call: &Call<'_>) -> bool {
    call.request.method() == "GET"
        || call.says("x-ms-documentdb-isquery")
        || call.says("x-ms-cosmos-is-query-plan-request")
}

/// The assignment that admits a principal to what a link names: its key and when it was made.
fn assignment(
    state: &State,
    account: &str,
    principal: Option<&str>,
    link: &str,
    reads: bool,
) -> Option<(String, String)> {
    let below = format!("{account}/");
    let of_account = state.all::<Resource>().range(below.clone()..).take_while(|(key, _)| key.starts_with(&below));
    let fits = |found: &Resource| {
        let text = |name: &str| found.body["properties"][name].as_str().unwrap_or_default().to_lowercase();
        let asked = format!("{account}/{}", link.to_lowercase());
        let scope = text("scope");
        let covers = asked == scope || asked.starts_with(&format!("{}/", scope.trim_end_matches('/')));
        let is_theirs = principal.is_none_or(|principal| text("principalId") == principal.to_lowercase());
        covers && is_theirs && (reads || !text("roleDefinitionId").ends_with(READER))
    };
    let mut found = of_account.filter(|(_, found)| found.kind == ASSIGNMENT && found.body != Value::Null);
    found.find(|(_, found)| fits(found)).map(|(key, found)| (key.clone(), found.created.clone()))
}
