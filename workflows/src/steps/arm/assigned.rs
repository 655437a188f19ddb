//! The same role assignment under another name: Azure refuses to make a second one that says the same.

use engine::step::{Context, Error, Fit, Observation, Ownership};
use serde_json::Value;

use super::ArmResource;
use crate::{
    clouds::Clouds,
    steps::{failed, kind::ROLE_ASSIGNMENT, outputs::FromArm},
};

/// What stands between a role assignment's scope and its name.
const ASSIGNMENTS: &str = "/providers/Microsoft.Authorization/roleAssignments";

impl<O: FromArm> ArmResource<O> {
    /// Looks for an assignment that somebody else made and that says the same: whoever wanted it has it.
    pub(super) async fn under_another_name(&self, cx: &Context<'_, Clouds>) -> Result<Observation<O>, Error> {
        let Some((scope, _)) = self.id.split_once(ASSIGNMENTS).filter(|_| self.kind == ROLE_ASSIGNMENT) else {
            return Ok(Observation::Absent);
        };
        let principal = self.body["properties"]["principalId"].as_str().unwrap_or_default();
        let list = format!("{scope}{ASSIGNMENTS}?$filter=principalId eq '{principal}'");
        let all = match cx.env.azure.arm().list(&list, self.kind.api_version).await {
            // The scope is not there (yet).
            Err(error) if error.kind() == azure::Kind::NotFound => return Ok(Observation::Absent),
            all => all.map_err(failed)?,
        };
        let same = all.iter().find(|one| says_the_same(&self.body, scope, one));
        Ok(same.and_then(|one| O::from_arm(one).ok()).map_or(Observation::Absent, |output| Observation::Present {
            ownership: Ownership::Unmarkable,
            fit: Fit::Exact,
            output: Some(output),
        }))
    }
}

/// Whether a listed assignment gives the wanted role to the wanted principal at just this scope: lists also hold what
/// is inherited from above.
fn says_the_same(wanted: &Value, scope: &str, found: &Value) -> bool {
    let text = |value: &Value, name: &str| value["properties"][name].as_str().unwrap_or_default().to_ascii_lowercase();
    let role = |value: &Value| text(value, "roleDefinitionId").rsplit('/').next().map(String::from);
    text(found, "scope") == scope.to_ascii_lowercase()
        && text(found, "principalId") == text(wanted, "principalId")
        && role(found) == role(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_inherited_or_other_role_is_not_the_same() {
        let assigned = |scope: &str, role: &str, principal: &str| {
            json!({ "properties": {
            "scope": scope, "roleDefinitionId": format!("/subscriptions/S/providers/x/{role}"), "principalId": principal } })
        };
        let wanted =
            json!({ "properties": { "roleDefinitionId": "/subscriptions/s/providers/x/r", "principalId": "p" } });
        assert!(says_the_same(&wanted, "/subscriptions/s/hub", &assigned("/subscriptions/S/Hub", "r", "P")));
        assert!(!says_the_same(&wanted, "/subscriptions/s/hub", &assigned("/subscriptions/s", "r", "p")));
        assert!(!says_the_same(&wanted, "/subscriptions/s/hub", &assigned("/subscriptions/s/hub", "q", "p")));
        assert!(!says_the_same(&wanted, "/subscriptions/s/hub", &assigned("/subscriptions/s/hub", "r", "other")));
    }
}
