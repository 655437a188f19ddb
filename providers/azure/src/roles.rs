//! Role assignments: what a role is called, what an assignment is called, and what the service's answers mean.

use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use crate::Error;

/// Read and write everything in a twin instance.
pub const DIGITAL_TWINS_DATA_OWNER: Uuid = uuid!("bcd981a7-7f74-457b-83e1-cceb9e632ffe");
/// Read everything in a twin instance.
pub const DIGITAL_TWINS_DATA_READER: Uuid = uuid!("d57506d4-4c8d-48b1-8587-93c323f6a5a3");
/// Read and write blobs.
pub const STORAGE_BLOB_DATA_CONTRIBUTOR: Uuid = uuid!("ba92f5b4-2d11-453d-a403-e96b0029c9fe");
/// Read blobs.
pub const STORAGE_BLOB_DATA_READER: Uuid = uuid!("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1");
/// Read and write the device identities of an IoT hub, and nothing else of it.
pub const IOT_HUB_REGISTRY_CONTRIBUTOR: Uuid = uuid!("4ea46cd5-c1b2-4a8e-910b-273211f9ce47");
/// Manage everything but access.
pub const CONTRIBUTOR: Uuid = uuid!("b24988ac-6180-42a0-ab88-20f7382dd24c");

/// The namespace of Resource Manager's own `guid()` template function, so that templates make the same names.
const NAMESPACE: Uuid = uuid!("11fb06fb-712d-4ddd-98c7-e71bbd588830");

/// What kind of directory object a principal is; sent along, so that a new identity is not looked up too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalType {
    /// An application or a managed identity.
    ServicePrincipal,
    /// A person.
    User,
}

impl PrincipalType {
    fn as_str(self) -> &'static str {
        match self {
            Self::ServicePrincipal => "ServicePrincipal",
            Self::User => "User",
        }
    }
}

/// Makes a name as Resource Manager's `guid(parts...)` does: UUIDv5 of the parts joined by `-`.
#[must_use]
pub fn guid(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, parts.join("-").as_bytes())
}

/// The resource id of a built-in role in a subscription.
#[must_use]
pub fn definition_id(subscription: &str, role: Uuid) -> String {
    format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}")
}

/// The deterministic name of an assignment: the same scope, principal and role always make the same name.
#[must_use]
pub fn assignment_name(scope: &str, principal: &str, definition_id: &str) -> Uuid {
    guid(&[scope, principal, definition_id])
}

/// The resource id of an assignment with the given name.
#[must_use]
pub fn assignment_id(scope: &str, name: Uuid) -> String {
    format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}", scope.trim_end_matches('/'))
}

/// The body of an assignment.
#[must_use]
pub fn assignment(principal: &str, principal_type: PrincipalType, definition_id: &str) -> Value {
    json!({"properties": {
        "roleDefinitionId": definition_id,
        "principalId": principal,
        "principalType": principal_type.as_str(),
    }})
}

/// Whether the service refused because the same (scope, principal, role) is assigned under another name already, and
/// under which, where it says so. Whoever wanted the assignment has it.
#[must_use]
pub fn already_assigned(error: &Error) -> Option<Option<Uuid>> {
    if error.code() != Some("RoleAssignmentExists") {
        return None;
    }
    Some(
        error
            .message()
            .split(|c: char| !c.is_ascii_hexdigit() && c != '-')
            .find_map(|word| (word.len() >= 32).then(|| Uuid::try_parse(word).ok()).flatten()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_templates_make() {
        // Pinned: assignments of earlier deployments must be found again.
        assert_eq!(guid(&["foo", "bar"]), uuid!("5153061a-20ce-546e-8e3a-7b6a1d0eb119"));
        let one = assignment_name("/subscriptions/s", "p", "r");
        assert_eq!(one, assignment_name("/subscriptions/s", "p", "r"));
        assert_ne!(one, assignment_name("/subscriptions/s", "q", "r"));
    }

    #[test]
    fn the_existing_assignment_is_read_from_the_refusal() {
        let refusal = Error::for_test(
            409,
            r#"{"error":{"code":"RoleAssignmentExists","message":"The role assignment already exists. The ID of the existing role assignment is 0fc1e7a4c2f14d3bb5a6d7e8f9a0b1c2."}}"#,
        );
        let name = already_assigned(&refusal).expect("it says so").expect("it names it");
        assert_eq!(name, uuid!("0fc1e7a4-c2f1-4d3b-b5a6-d7e8f9a0b1c2"));
        let other = Error::for_test(409, r#"{"error":{"code":"Conflict","message":"no"}}"#);
        assert_eq!(already_assigned(&other), None);
    }
}
