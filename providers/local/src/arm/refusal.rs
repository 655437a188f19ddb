//! What Resource Manager refuses, whatever the type: missing places, taken names, bad shapes, stale conditions.

use serde_json::Value;

use super::failure::Failure;
use super::id::{GROUP, Id, strip};
use super::kind::Kind;
use super::lifecycle;
use super::resource::Call;
use crate::state::{Held, Resource, State};

impl Call<'_> {
    pub(super) fn missing(&self, kind: &Kind, id: &Id) -> Failure {
        let group = id.group();
        let name = |group: &str| group.rsplit('/').next().unwrap_or_default().to_owned();
        if kind.name == GROUP {
            return no_group(id.name());
        }
        if let Some(group) =
            group.as_deref().filter(|group| self.state.get::<Resource>(&group.to_lowercase()).is_none())
        {
            return no_group(&name(group));
        }
        let path = kind.name.split('/').skip(1).zip(&id.names).map(|(_, name)| name.as_str());
        let path = format!("{}/{}", kind.name, path.collect::<Vec<_>>().join("/"));
        let group = group.as_deref().map(name).unwrap_or_default();
        Failure::not_found(
            "ResourceNotFound",
            format!("The Resource '{path}' under resource group '{group}' was not found."),
        )
    }

    /// A plan with apps on it cannot go.
    pub(super) fn check_unused(&self, here: &Resource) -> Result<(), Failure> {
        if here.kind != "Microsoft.Web/serverfarms" {
            return Ok(());
        }
        let on_it = |site: &&Resource| {
            let farm = site.body["properties"]["serverFarmId"].as_str();
            site.kind == "Microsoft.Web/sites" && farm.is_some_and(|farm| farm.eq_ignore_ascii_case(&here.id))
        };
        match self.state.all::<Resource>().values().find(on_it) {
            None => Ok(()),
            Some(site) => {
                let (plan, site) = (here.name(), site.name());
                let message =
                    format!("Server farm '{plan}' cannot be deleted because it has web app(s) {site} assigned to it.");
                Err(Failure::conflict("Conflict", message))
            }
        }
    }

    /// What the resource lies in must be there, and not be going.
    pub(super) fn check_place(&mut self, kind: &Kind, id: &Id) -> Result<(), Failure> {
        if kind.name == GROUP {
            return Ok(());
        }
        if let Some(group) = id.group() {
            let name = group.rsplit('/').next().unwrap_or_default();
            if self.state.get::<Resource>(&group.to_lowercase()).is_none() {
                return Err(no_group(name));
            }
            if lifecycle::group_is_going(self.state, &id.text) {
                let message = format!(
                    "The resource group '{name}' is in deprovisioning state and cannot perform this operation."
                );
                return Err(Failure::conflict("ResourceGroupBeingDeleted", message));
            }
        }
        if kind.parent == 0 {
            return Ok(());
        }
        let parent = strip(&id.text, kind.parent);
        lifecycle::observe(self.cloud, self.state, &parent.to_lowercase());
        match self.state.get::<Resource>(&parent.to_lowercase()) {
            None => {
                let message = format!(
                    "Failed to perform 'write' on resource(s) of type '{}', because the parent resource '{parent}' could not be found.",
                    kind.name.split_once('/').map_or("", |(_, kind)| kind)
                );
                Err(Failure::not_found("ParentResourceNotFound", message))
            }
            Some(parent) if parent.operation.is_some() => Err(busy(parent)),
            Some(_) => Ok(()),
        }
    }

    pub(super) fn check_preconditions(&self, id: &Id) -> Result<(), Failure> {
        let here = self.state.get::<Resource>(&id.key());
        let bare = |tag: &str| tag.trim_start_matches("W/").trim_matches('"').to_owned();
        let stale = match (self.if_match, here) {
            (Some("*"), here) => here.is_none(),
            (Some(tag), Some(here)) => bare(tag) != here.etag,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if stale || (self.if_none_match == Some("*") && here.is_some()) {
            let message = "The condition specified using HTTP conditional header(s) is not met.";
            return Err(Failure::new(412, "PreconditionFailed", message));
        }
        Ok(())
    }

    /// The name must not be taken by somebody else, nor held by what was deleted under it.
    pub(super) fn check_free(&mut self, kind: &Kind, id: &Id) -> Result<(), Failure> {
        if kind.global && taken(self.state, kind, id.name()) {
            return Err(unavailable(kind, id.name()));
        }
        let key = id.key();
        let Some(held) = self.state.get::<Held>(&key).cloned() else { return Ok(()) };
        if held.refusals == 0 {
            self.state.remove::<Held>(&key);
            return Ok(());
        }
        self.state.set(&key, Held { refusals: held.refusals - 1 });
        let message = format!("The name '{}' is still held by a deleted resource.", id.name());
        Err(Failure::conflict("NameHeldBySoftDeletedResource", message))
    }
}

/// Whether the name of a globally unique type is in use.
pub(crate) fn taken(state: &State, kind: &Kind, name: &str) -> bool {
    state.all::<Resource>().values().any(|other| other.kind == kind.name && other.name().eq_ignore_ascii_case(name))
}

fn unavailable(kind: &Kind, name: &str) -> Failure {
    let (code, message) = match kind.name {
        "Microsoft.Storage/storageAccounts" => {
            ("StorageAccountAlreadyTaken", format!("The storage account named {name} is already taken."))
        }
        "Microsoft.Web/sites" => ("Conflict", format!("Website with given name {name} already exists.")),
        "Microsoft.Devices/IotHubs" => ("IotHubNameNotAvailable", format!("IotHub name '{name}' is not available.")),
        "Microsoft.DocumentDB/databaseAccounts" => {
            ("BadRequest", format!("Dns record for {name} under zone Document is already taken."))
        }
        _ => ("NameUnavailable", format!("The name '{name}' is already taken.")),
    };
    Failure::conflict(code, message)
}

pub(super) fn no_group(name: &str) -> Failure {
    Failure::not_found("ResourceGroupNotFound", format!("Resource group '{name}' could not be found."))
}

pub(super) fn busy(resource: &Resource) -> Failure {
    let message = format!(
        "Another operation is in progress on '{}', whose provisioning state is {}. Try again later.",
        resource.name(),
        resource.state
    );
    Failure::conflict("AnotherOperationInProgress", message)
}

pub(super) fn check_shape(kind: &Kind, id: &Id, body: &Value) -> Result<(), Failure> {
    if !kind.names.allows(id.name()) {
        let (name, rule) = (id.name(), kind.names.describe());
        let message = format!("The name '{name}' is not valid for {}: {rule}.", kind.name);
        return Err(Failure::bad_request(bad_name(kind), message));
    }
    if !body.is_object() {
        return Err(Failure::bad_request("InvalidRequestContent", "The request content is not a JSON object."));
    }
    for pointer in kind.needs {
        if body.pointer(pointer).is_none_or(Value::is_null) {
            let path = pointer[1..].replace('/', ".");
            if *pointer == "/location" {
                let message = "The location property is required for this definition.";
                return Err(Failure::bad_request("LocationRequired", message));
            }
            let message = format!("Required property '{path}' not found in JSON.");
            return Err(Failure::bad_request("InvalidRequestContent", message));
        }
    }
    Ok(())
}

fn bad_name(kind: &Kind) -> &'static str {
    match kind.name {
        GROUP => "InvalidResourceGroup",
        "Microsoft.Storage/storageAccounts" => "AccountNameInvalid",
        _ => "InvalidResourceName",
    }
}
