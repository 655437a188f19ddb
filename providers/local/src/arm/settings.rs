//! App settings: a resource of their own beside the app, which a PUT of the app may bring along.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::kind::Kind;
use crate::cloud::Cloud;
use crate::state::{Resource, State};

/// Takes the settings out of an app's body; `None` when it brings none.
pub(crate) fn take(kind: &Kind, body: &mut Value) -> Option<Map<String, Value>> {
    if kind.name != "Microsoft.Web/sites" {
        return None;
    }
    let list = body.pointer_mut("/properties/siteConfig")?.as_object_mut()?.remove("appSettings")?;
    let pair = |entry: &Value| Some((entry["name"].as_str()?.to_owned(), entry["value"].clone()));
    Some(list.as_array()?.iter().filter_map(pair).collect())
}

/// Whether these settings are the app's already; bringing none changes none.
pub(crate) fn same(state: &State, site: &str, settings: Option<&Map<String, Value>>) -> bool {
    settings.is_none_or(|settings| current(state, site) == *settings)
}

/// Replaces the app's settings, all of them, by these.
pub(crate) fn put(cloud: &Cloud, state: &mut State, site: &str, settings: Option<Map<String, Value>>) {
    let Some(settings) = settings else { return };
    let id = format!("{site}/config/appsettings");
    let now = cloud.clock.timestamp();
    let resource = Resource {
        kind: "Microsoft.Web/sites/config".to_owned(),
        body: json!({ "properties": settings }),
        minted: Map::new(),
        state: "Succeeded".to_owned(),
        operation: None,
        created: now.clone(),
        changed: now,
        etag: Uuid::new_v4().to_string(),
        id,
    };
    state.set(&resource.id.to_lowercase(), resource);
}

/// The app's settings, in clear.
pub(crate) fn current(state: &State, site: &str) -> Map<String, Value> {
    let key = format!("{site}/config/appsettings").to_lowercase();
    let found = state.get::<Resource>(&key).and_then(|settings| settings.body["properties"].as_object().cloned());
    found.unwrap_or_default()
}
