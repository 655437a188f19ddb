//! Which operation a request is for: methods and paths of the service model.

use std::collections::BTreeMap;

use axum::http::Request;
use bytes::Bytes;

use super::refusal::Refusal;
use crate::query;

/// The half of the API that an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plane {
    Control,
    Data,
}

impl Plane {
    /// What SDKs put before the endpoint's host name.
    fn prefix(self) -> &'static str {
        match self {
            Self::Control => "api.",
            Self::Data => "data.",
        }
    }
}

/// An operation, its method, its path, its plane, and whether it knows `ResourceNotFoundException`.
type Operation = (&'static str, &'static str, &'static str, Plane, bool);

/// Every operation of the service model.
const OPERATIONS: &[Operation] = &[
    ("BatchPutPropertyValues", "POST", "/workspaces/{workspaceId}/entity-properties", Plane::Data, true),
    (
        "CancelMetadataTransferJob",
        "PUT",
        "/metadata-transfer-jobs/{metadataTransferJobId}/cancel",
        Plane::Control,
        true,
    ),
    (
        "CreateComponentType",
        "POST",
        "/workspaces/{workspaceId}/component-types/{componentTypeId}",
        Plane::Control,
        false,
    ),
    ("CreateEntity", "POST", "/workspaces/{workspaceId}/entities", Plane::Control, false),
    ("CreateMetadataTransferJob", "POST", "/metadata-transfer-jobs", Plane::Control, true),
    ("CreateScene", "POST", "/workspaces/{workspaceId}/scenes", Plane::Control, false),
    ("CreateSyncJob", "POST", "/workspaces/{workspaceId}/sync-jobs/{syncSource}", Plane::Control, false),
    ("CreateWorkspace", "POST", "/workspaces/{workspaceId}", Plane::Control, false),
    (
        "DeleteComponentType",
        "DELETE",
        "/workspaces/{workspaceId}/component-types/{componentTypeId}",
        Plane::Control,
        true,
    ),
    ("DeleteEntity", "DELETE", "/workspaces/{workspaceId}/entities/{entityId}", Plane::Control, true),
    ("DeleteScene", "DELETE", "/workspaces/{workspaceId}/scenes/{sceneId}", Plane::Control, true),
    ("DeleteSyncJob", "DELETE", "/workspaces/{workspaceId}/sync-jobs/{syncSource}", Plane::Control, true),
    ("DeleteWorkspace", "DELETE", "/workspaces/{workspaceId}", Plane::Control, true),
    ("ExecuteQuery", "POST", "/queries/execution", Plane::Control, false),
    ("GetComponentType", "GET", "/workspaces/{workspaceId}/component-types/{componentTypeId}", Plane::Control, true),
    ("GetEntity", "GET", "/workspaces/{workspaceId}/entities/{entityId}", Plane::Control, true),
    ("GetMetadataTransferJob", "GET", "/metadata-transfer-jobs/{metadataTransferJobId}", Plane::Control, true),
    ("GetPricingPlan", "GET", "/pricingplan", Plane::Control, false),
    ("GetPropertyValue", "POST", "/workspaces/{workspaceId}/entity-properties/value", Plane::Data, true),
    ("GetPropertyValueHistory", "POST", "/workspaces/{workspaceId}/entity-properties/history", Plane::Data, true),
    ("GetScene", "GET", "/workspaces/{workspaceId}/scenes/{sceneId}", Plane::Control, true),
    ("GetSyncJob", "GET", "/sync-jobs/{syncSource}", Plane::Control, true),
    ("GetWorkspace", "GET", "/workspaces/{workspaceId}", Plane::Control, true),
    ("ListComponentTypes", "POST", "/workspaces/{workspaceId}/component-types-list", Plane::Control, false),
    ("ListComponents", "POST", "/workspaces/{workspaceId}/entities/{entityId}/components-list", Plane::Control, true),
    ("ListEntities", "POST", "/workspaces/{workspaceId}/entities-list", Plane::Control, false),
    ("ListMetadataTransferJobs", "POST", "/metadata-transfer-jobs-list", Plane::Control, false),
    ("ListProperties", "POST", "/workspaces/{workspaceId}/properties-list", Plane::Control, true),
    ("ListScenes", "POST", "/workspaces/{workspaceId}/scenes-list", Plane::Control, false),
    ("ListSyncJobs", "POST", "/workspaces/{workspaceId}/sync-jobs-list", Plane::Control, false),
    (
        "ListSyncResources",
        "POST",
        "/workspaces/{workspaceId}/sync-jobs/{syncSource}/resources-list",
        Plane::Control,
        false,
    ),
    ("ListTagsForResource", "POST", "/tags-list", Plane::Control, true),
    ("ListWorkspaces", "POST", "/workspaces-list", Plane::Control, false),
    ("TagResource", "POST", "/tags", Plane::Control, true),
    ("UntagResource", "DELETE", "/tags", Plane::Control, true),
    ("UpdateComponentType", "PUT", "/workspaces/{workspaceId}/component-types/{componentTypeId}", Plane::Control, true),
    ("UpdateEntity", "PUT", "/workspaces/{workspaceId}/entities/{entityId}", Plane::Control, true),
    ("UpdatePricingPlan", "POST", "/pricingplan", Plane::Control, false),
    ("UpdateScene", "PUT", "/workspaces/{workspaceId}/scenes/{sceneId}", Plane::Control, true),
    ("UpdateWorkspace", "PUT", "/workspaces/{workspaceId}", Plane::Control, true),
];

/// The operation that a request is for.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Its name in the service model.
    pub(super) operation: &'static str,
    /// Whether the service model lists `ResourceNotFoundException` for it.
    pub(super) finds: bool,
    parts: BTreeMap<&'static str, String>,
}

impl Route {
    /// A variable part of the path, decoded.
    pub(super) fn part(&self, name: &str) -> &str {
        self.parts.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// Finds the operation of a request's method, path and host.
pub(super) fn find(request: &Request<Bytes>) -> Result<Route, Refusal> {
    let path: Vec<String> = request.uri().path().split('/').skip(1).map(query::decode).collect();
    let host = query::header(request, "host").unwrap_or_default();
    let fits = |operation: &&Operation| operation.1 == request.method().as_str() && reaches(host, operation.3);
    let mut routes = OPERATIONS.iter().filter(fits).filter_map(|(operation, _, template, _, finds)| {
        Some(Route { operation, finds: *finds, parts: parts(template, &path)? })
    });
    routes.next().ok_or_else(Refusal::unknown)
}

/// Whether a plane is served under a host name: one plane under its prefix, both under a bare name.
fn reaches(host: &str, plane: Plane) -> bool {
    let prefixes = [Plane::Control, Plane::Data].map(Plane::prefix);
    !prefixes.iter().any(|prefix| host.starts_with(prefix)) || host.starts_with(plane.prefix())
}

/// The variable parts of a path that has a template's form.
fn parts(template: &'static str, path: &[String]) -> Option<BTreeMap<&'static str, String>> {
    let template: Vec<&str> = template.split('/').skip(1).collect();
    if template.len() != path.len() {
        return None;
    }
    let mut parts = BTreeMap::new();
    for (wanted, is) in template.into_iter().zip(path) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !is.is_empty() => drop(parts.insert(name, is.clone())),
            None if wanted == is => {}
            _ => return None,
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str, host: &str) -> Option<Route> {
        let request = Request::builder().method(method).uri(path).header("host", host).body(Bytes::new());
        find(&request.expect("a request")).ok()
    }

    #[test]
    fn methods_and_paths_name_operations() {
        let found = route("GET", "/workspaces/w/component-types/a%3Ab", "api.localhost:1").expect("it is one");
        assert_eq!((found.operation, found.part("componentTypeId")), ("GetComponentType", "a:b"));
        let arn = route("GET", "/workspaces/arn%3Aaws%3Aiottwinmaker%3Ax%3A1%3Aworkspace%2Fw", "localhost")
            .expect("it is one");
        assert_eq!(arn.part("workspaceId"), "arn:aws:iottwinmaker:x:1:workspace/w");
        assert!(route("PATCH", "/workspaces/w", "localhost").is_none());
        assert!(route("GET", "/workspaces/", "localhost").is_none());
    }

    #[test]
    fn a_plane_is_not_reached_under_the_others_name() {
        let reached = |host| route("POST", "/workspaces/w/entity-properties/history", host).is_some();
        assert!(reached("data.localhost:1") && reached("127.0.0.1:1") && !reached("api.localhost:1"));
    }
}
