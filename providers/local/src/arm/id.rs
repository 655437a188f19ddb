//! Resource ids and the other paths of Resource Manager, taken apart.

use crate::query;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// `/subscriptions`.
    Subscriptions,
    /// `/tenants`.
    Tenants,
    /// `/subscriptions/{s}`.
    Subscription { subscription: String },
    /// `/subscriptions/{s}/resourcegroups`.
    Groups { subscription: String },
    /// `{scope}/resources`: everything in a group or subscription.
    Everything { scope: String },
    /// A resource group or a resource.
    Resource(Id),
    /// A collection of resources, or an action on what is before the last segment.
    Collection(Collection),
    /// An operation's status: its id, and which of the two kinds of poll URL it is.
    Operation { id: String, results: bool },
    /// `/subscriptions/{s}/providers/{namespace}[/register]`.
    Provider { namespace: String, register: bool },
    /// Anything else.
    Unknown,
}

/// A resource's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    /// As it was written, with a leading slash.
    pub(crate) text: String,
    /// The type as it was written; `Microsoft.Resources/resourceGroups` for a group.
    pub(crate) kind: String,
    /// What the last `/providers/` hangs on: a group, a subscription or a resource.
    pub(crate) scope: String,
    /// The names in it, outermost first.
    pub(crate) names: Vec<String>,
}

/// An id with a further segment: a type, or an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collection {
    /// Everything before the last segment.
    pub(crate) base: String,
    /// What the last `/providers/` hangs on.
    pub(crate) scope: String,
    /// The types up to and including the last segment.
    pub(crate) kind: String,
    /// The last segment.
    pub(crate) last: String,
    /// The names in it, outermost first.
    pub(crate) names: Vec<String>,
}

/// The type of resource groups.
pub(crate) const GROUP: &str = "Microsoft.Resources/resourceGroups";

impl Id {
    /// The key under which the resource is kept: ids do not care about case.
    pub(crate) fn key(&self) -> String {
        self.text.to_lowercase()
    }

    pub(crate) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The id of the resource group that the id lies in.
    pub(crate) fn group(&self) -> Option<String> {
        group_of(&self.text)
    }

    /// The id of the resource that this one is part of: `sites/x` of `sites/x/config/y`.
    pub(crate) fn parent(&self) -> Option<String> {
        (self.names.len() > 1).then(|| strip(&self.text, 2))
    }
}

/// The id of the resource group that an id lies in.
pub(crate) fn group_of(id: &str) -> Option<String> {
    let parts: Vec<&str> = id.split('/').collect();
    (parts.len() > 4 && parts[3].eq_ignore_ascii_case("resourcegroups")).then(|| parts[..5].join("/"))
}

/// The id without its last segments.
pub(crate) fn strip(id: &str, segments: usize) -> String {
    let mut rest = id;
    for _ in 0..segments {
        rest = rest.rsplit_once('/').map_or("", |(rest, _)| rest);
    }
    rest.to_owned()
}

const STATUS: [&str; 3] = ["operationsstatuses", "operationstatuses", "operationsstatus"];

/// Takes a path apart; `asyncinfo` says that the query asks for the status form (IoT Hub).
pub(crate) fn parse(path: &str, asyncinfo: bool) -> Path {
    let parts = query::segments(path);
    if let [.., kind, id] = parts.as_slice() {
        let kind = kind.to_lowercase();
        if STATUS.contains(&kind.as_str()) || kind == "operationresults" {
            return Path::Operation { id: id.clone(), results: kind == "operationresults" && !asyncinfo };
        }
    }
    match parts.iter().rposition(|part| part.eq_ignore_ascii_case("providers")) {
        None => plain(&parts),
        Some(at) => provided(&parts[..at], &parts[at + 1..]),
    }
}

fn plain(parts: &[String]) -> Path {
    let lower: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower.as_slice() {
        ["tenants"] => Path::Tenants,
        ["subscriptions"] => Path::Subscriptions,
        ["subscriptions", subscription] => Path::Subscription { subscription: (*subscription).to_owned() },
        ["subscriptions", subscription, "resourcegroups"] => Path::Groups { subscription: (*subscription).to_owned() },
        ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"] => {
            Path::Everything { scope: join(&parts[..parts.len() - 1]) }
        }
        ["subscriptions", subscription, "resourcegroups", _] => Path::Resource(Id {
            text: format!("/subscriptions/{subscription}/resourceGroups/{}", parts[3]),
            kind: GROUP.to_owned(),
            scope: format!("/subscriptions/{subscription}"),
            names: vec![parts[3].clone()],
        }),
        _ => Path::Unknown,
    }
}

fn provided(scope: &[String], rest: &[String]) -> Path {
    let scope_text = normal(scope);
    let Some((namespace, rest)) = rest.split_first() else { return Path::Unknown };
    if rest.is_empty() || (rest.len() == 1 && rest[0].eq_ignore_ascii_case("register")) {
        return Path::Provider { namespace: namespace.clone(), register: !rest.is_empty() };
    }
    let types: Vec<&str> = rest.iter().step_by(2).map(String::as_str).collect();
    let names: Vec<String> = rest.iter().skip(1).step_by(2).cloned().collect();
    let kind = format!("{namespace}/{}", types.join("/"));
    let text = format!("{scope_text}/providers/{namespace}/{}", rest.join("/"));
    if rest.len() % 2 == 0 {
        return Path::Resource(Id { text, kind, scope: scope_text, names });
    }
    let last = rest[rest.len() - 1].clone();
    Path::Collection(Collection { base: strip(&text, 1), scope: scope_text, kind, last, names })
}

/// Writes `resourcegroups` as `resourceGroups`, as the real service does in its answers.
fn normal(parts: &[String]) -> String {
    let mut parts = parts.to_vec();
    if parts.get(2).is_some_and(|part| part.eq_ignore_ascii_case("resourcegroups")) {
        parts[2] = "resourceGroups".to_owned();
    }
    join(&parts)
}

fn join(parts: &[String]) -> String {
    parts.iter().map(|part| format!("/{part}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> Id {
        match parse(path, false) {
            Path::Resource(id) => id,
            other => panic!("not a resource: {other:?}"),
        }
    }

    #[test]
    fn a_nested_resource_knows_its_parent_and_group() {
        let id = resource("/subscriptions/s/resourcegroups/g/providers/Microsoft.Web/sites/a/config/appsettings");
        assert_eq!(id.kind, "Microsoft.Web/sites/config");
        assert_eq!(id.names, ["a", "appsettings"]);
        assert_eq!(id.parent().as_deref(), Some("/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/a"));
        assert_eq!(id.group().as_deref(), Some("/subscriptions/s/resourceGroups/g"));
    }

    #[test]
    fn an_extension_resource_hangs_on_its_scope() {
        let id = resource(
            "/subscriptions/s/resourceGroups/g/providers/A.B/c/d/providers/Microsoft.Authorization/roleAssignments/x",
        );
        assert_eq!(id.scope, "/subscriptions/s/resourceGroups/g/providers/A.B/c/d");
        assert_eq!(id.kind, "Microsoft.Authorization/roleAssignments");
        assert_eq!(id.parent(), None);
    }

    #[test]
    fn actions_and_polls_are_told_apart() {
        let Path::Collection(action) =
            parse("/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/h/listkeys", false)
        else {
            panic!("an action")
        };
        assert_eq!((action.last.as_str(), action.names), ("listkeys", vec!["h".to_owned()]));
        let poll = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/h/operationResults/1";
        assert_eq!(parse(poll, true), Path::Operation { id: "1".into(), results: false });
        assert_eq!(parse(poll, false), Path::Operation { id: "1".into(), results: true });
    }
}
