//! Role assignments, and the built-in roles that they name.

use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::id::Id;
use super::super::kind::{Begin, End, Kind, Reply, View};
use super::super::names::{Ends, Letters, Rule};
use super::PLAIN;
use crate::state::{Principal, Resource};

/// Built-in roles: id and name.
pub(crate) const ROLES: [(&str, &str); 17] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    ("bcd981a7-7f74-457b-83e1-cceb9e632ffe", "Azure Digital Twins Data Owner"),
    ("d57506d4-4c8d-48b1-8587-93c323f6a5a3", "Azure Digital Twins Data Reader"),
    ("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "Storage Blob Data Owner"),
    ("ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor"),
    ("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader"),
    ("974c5e8b-45b9-4653-ba55-5f855dd0fb88", "Storage Queue Data Contributor"),
    ("0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3", "Storage Table Data Contributor"),
    ("17d1049b-9a84-46fb-8f53-869881c3d3ab", "Storage Account Contributor"),
    ("4fc6c259-987e-4a07-842e-c321cc9d413f", "IoT Hub Data Contributor"),
    ("b447c946-2db7-41ec-983d-d8bf3b1c77e3", "IoT Hub Data Reader"),
    ("4ea46cd5-c1b2-4a8e-910b-273211f9ce47", "IoT Hub Registry Contributor"),
    ("d5a91429-5739-47e2-a06b-3470a27159e7", "EventGrid Data Sender"),
    ("f1a07417-d97a-45cb-824c-7a7467783830", "Managed Identity Operator"),
];

pub(super) const KINDS: [Kind; 1] = [Kind {
    name: "Microsoft.Authorization/roleAssignments",
    versions: &["2018-09-01-preview", "2020-04-01-preview", "2022-04-01"],
    names: Rule::new(36, 36, Letters::Any, "-", Ends::Guid),
    needs: &["/properties/roleDefinitionId", "/properties/principalId"],
    create: Begin::Done(201),
    update: Begin::Done(200),
    patch: None,
    delete: End::Done { status: 200, body: Reply::Resource, absent: 204 },
    check,
    show: assignment,
    ..PLAIN
}];

fn check(view: View<'_>, id: &Id, body: &Value) -> Result<(), Failure> {
    let asked = Meaning::of(&id.scope, body);
    if let Some(here) = view.state.get::<Resource>(&id.key()) {
        if Meaning::of(&id.scope, &here.body) != asked {
            let message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            return Err(Failure::bad_request("RoleAssignmentUpdateNotPermitted", message));
        }
        return Ok(());
    }
    if !ROLES.iter().any(|(role, _)| *role == asked.role) {
        let message = format!("The specified role definition with ID '{}' does not exist.", asked.role);
        return Err(Failure::new(404, "RoleDefinitionDoesNotExist", message));
    }
    if !is_principal(view, &asked.principal) {
        let message = format!("Principal {} does not exist in the directory.", asked.principal.replace('-', ""));
        return Err(Failure::bad_request("PrincipalNotFound", message));
    }
    for (key, other) in view.state.all::<Resource>().iter().filter(|(_, other)| other.kind == KINDS[0].name) {
        let scope = key.rsplit_once("/providers/").map_or("", |(scope, _)| scope);
        if Meaning::of(scope, &other.body) == asked {
            let name = other.name().replace('-', "");
            let message =
                format!("The role assignment already exists. The ID of the existing role assignment is {name}.");
            return Err(Failure::conflict("RoleAssignmentExists", message));
        }
    }
    Ok(())
}

/// What a role assignment says, whatever it is called.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    scope: String,
    role: String,
    principal: String,
}

impl Meaning {
    fn of(scope: &str, body: &Value) -> Self {
        let text = |name: &str| body["properties"][name].as_str().unwrap_or_default().to_lowercase();
        let role = text("roleDefinitionId");
        Self {
            scope: scope.to_lowercase(),
            role: role.rsplit('/').next().unwrap_or_default().to_owned(),
            principal: text("principalId"),
        }
    }
}

/// Principals are managed identities and whoever a token was issued to.
fn is_principal(view: View<'_>, principal: &str) -> bool {
    view.state.get::<Principal>(principal).is_some()
        || view.state.all::<Resource>().values().any(|resource| {
            let user_assigned = resource.kind == "Microsoft.ManagedIdentity/userAssignedIdentities";
            let system = resource.body["identity"]["type"].as_str().is_some_and(|kind| kind.contains("SystemAssigned"));
            (user_assigned || system) && resource.minted("principalId") == principal
        })
}

fn assignment(_: View<'_>, assignment: &Resource) -> Value {
    let scope = assignment.id.rsplit_once("/providers/").map_or("", |(scope, _)| scope);
    let kind = assignment.body["properties"]["principalType"].as_str().unwrap_or("ServicePrincipal");
    json!({ "properties": {
        "scope": scope,
        "principalType": kind,
        "createdOn": assignment.created,
        "updatedOn": assignment.changed,
    }})
}
