//! The same thing under another id: a role assignment's name is made of what it means, so another principal (a new
//! deployer, an identity made again) gives it another name; and somebody else may have made it under a name of theirs.

use azure::arm::{Submitted, Write};
use engine::step::{Context, Error, Fit, Observation, Ownership};
use serde_json::Value;

use super::{ArmResource, wait};
use crate::{
    clouds::Clouds,
    steps::{
        failed,
        kind::{Carries, ROLE_ASSIGNMENT},
        outputs::FromArm,
        ownership,
    },
};

/// What stands between a role assignment's scope and its name.
const ASSIGNMENTS: &str = "/providers/Microsoft.Authorization/roleAssignments";

impl<O: FromArm> ArmResource<O> {
    /// The id that the earlier definition of the step had, when it is another one.
    fn earlier_id<'c>(&self, cx: &Context<'c, Clouds>) -> Option<&'c str> {
        let id = cx.previous?["id"].as_str()?;
        (!id.eq_ignore_ascii_case(&self.id)).then_some(id)
    }

    /// What stands under the earlier id, if it is ours to take away.
    async fn earlier(&self, cx: &Context<'_, Clouds>) -> Result<Option<Ownership>, Error> {
        let Some(id) = self.earlier_id(cx) else { return Ok(None) };
        let found = cx.env.azure.arm().get(id, self.kind.api_version).await.map_err(failed)?;
        let ownership = found.map(|found| ownership::read(self.kind.carries, cx.mark, &found));
        let ours = |one: &Ownership| *one == Ownership::Ours || self.kind.carries == Carries::Nothing;
        Ok(ownership.filter(ours))
    }

    /// While the earlier one stands, the step is not as wanted, whatever stands under the new id.
    pub(super) async fn moved(&self, cx: &Context<'_, Clouds>) -> Result<Option<Observation<O>>, Error> {
        let differs = || Fit::Differs(vec!["/id".into()]);
        let earlier = self.earlier(cx).await?;
        Ok(earlier.map(|ownership| Observation::Present { ownership, fit: differs(), output: None }))
    }

    /// Takes the earlier one away, once the new one stands.
    pub(super) async fn delete_earlier(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let (Some(id), Some(_)) = (self.earlier_id(cx), self.earlier(cx).await?) else { return Ok(()) };
        let write = Write { key: Some(cx.key), ..Write::default() };
        let deleted = cx.env.azure.arm().delete(id, self.kind.api_version, write).await.map_err(failed)?;
        match deleted {
            Submitted::Running(operation) => wait(cx, self.kind.title, operation).await.map(drop),
            Submitted::Done(_) => Ok(()),
        }
    }

    /// Looks for an assignment that somebody else made and that says the same: Azure refuses to make a second one, and
    /// whoever wanted it has it.
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
