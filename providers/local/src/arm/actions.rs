//! POSTs: keys, settings in clear, trigger synchronisation, names that are still free.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::id::{Collection, strip};
use super::kind::Kind;
use super::types::iot_hub::POLICIES;
use super::{lifecycle, refusal, settings, types};
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::effects::Effect;
use crate::state::{Package, Resource, State};

/// Serves an action; `None` when there is none of that name.
pub(crate) fn post(
    cloud: &Cloud,
    state: &mut State,
    effects: &mut Vec<Effect>,
    action: &Collection,
    body: &Value,
) -> Option<Result<Answer, Failure>> {
    let base = action.base.as_str();
    Some(match action.kind.to_lowercase().as_str() {
        "microsoft.devices/iothubs/listkeys" => found(cloud, state, base).map(|hub| hub_keys(&hub)),
        "microsoft.devices/iothubs/iothubkeys/listkeys" => hub_key(cloud, state, base),
        "microsoft.storage/storageaccounts/listkeys" => found(cloud, state, base).map(|account| account_keys(&account)),
        "microsoft.documentdb/databaseaccounts/listkeys" => {
            found(cloud, state, base).map(|account| cosmos_keys(&account))
        }
        "microsoft.eventgrid/topics/listkeys" => found(cloud, state, base)
            .map(|topic| Answer::json(200, json!({ "key1": topic.minted("key1"), "key2": topic.minted("key2") }))),
        kind if kind.starts_with("microsoft.eventgrid/") && kind.ends_with("eventsubscriptions/getfullurl") => {
            found(cloud, state, base).map(|subscription| {
                let url = &subscription.body["properties"]["destination"]["properties"]["endpointUrl"];
                Answer::json(200, json!({ "endpointUrl": url }))
            })
        }
        "microsoft.web/sites/config/list" if is(action, "appsettings") => app_settings(cloud, state, &strip(base, 2)),
        "microsoft.web/sites/host/listkeys" if is(action, "default") => host_keys(cloud, state, &strip(base, 2)),
        "microsoft.web/sites/functions/listkeys" => function_keys(cloud, state, base),
        "microsoft.web/sites/host/sync" if is(action, "default") => sync(cloud, state, effects, &strip(base, 2)),
        "microsoft.web/sites/syncfunctiontriggers" => sync(cloud, state, effects, base),
        "microsoft.web/sites/restart" => found(cloud, state, base).map(|site| {
            cloud.apps.restart(site.name());
            Answer::empty(200)
        }),
        kind if kind.ends_with("/checknameavailability") => name_availability(state, body),
        _ => return None,
    })
}

fn is(action: &Collection, name: &str) -> bool {
    action.names.last().is_some_and(|last| last.eq_ignore_ascii_case(name))
}

fn found(cloud: &Cloud, state: &mut State, id: &str) -> Result<Resource, Failure> {
    lifecycle::observe(cloud, state, &id.to_lowercase());
    let missing = || Failure::not_found("ResourceNotFound", format!("The Resource '{id}' was not found."));
    let here = state.get::<Resource>(&id.to_lowercase()).ok_or_else(missing)?;
    if here.operation.is_some() && here.kind == "Microsoft.Devices/IotHubs" {
        let message = format!("Iot Hub {} is not currently in Active state.", here.name());
        return Err(Failure::conflict("409002", message));
    }
    Ok(here.clone())
}

fn policy(hub: &Resource, name: &str, rights: &str) -> Value {
    json!({
        "keyName": name,
        "primaryKey": hub.minted(&format!("{name}/primary")),
        "secondaryKey": hub.minted(&format!("{name}/secondary")),
        "rights": rights,
    })
}

fn hub_keys(hub: &Resource) -> Answer {
    let value: Vec<Value> = POLICIES.iter().map(|(name, rights)| policy(hub, name, rights)).collect();
    Answer::json(200, json!({ "value": value }))
}

fn hub_key(cloud: &Cloud, state: &mut State, base: &str) -> Result<Answer, Failure> {
    let hub = found(cloud, state, &strip(base, 2))?;
    let name = base.rsplit('/').next().unwrap_or_default();
    match POLICIES.iter().find(|(policy, _)| policy.eq_ignore_ascii_case(name)) {
        Some((name, rights)) => Ok(Answer::json(200, policy(&hub, name, rights))),
        None => Err(Failure::not_found("404004", format!("The policy {name} was not found."))),
    }
}

fn account_keys(account: &Resource) -> Answer {
    let key = |name: &str| {
        let value = account.minted(name);
        json!({ "keyName": name, "value": value, "permissions": "Full", "creationTime": account.created })
    };
    Answer::json(200, json!({ "keys": [key("key1"), key("key2")] }))
}

fn cosmos_keys(account: &Resource) -> Answer {
    let names = ["primaryMasterKey", "secondaryMasterKey", "primaryReadonlyMasterKey", "secondaryReadonlyMasterKey"];
    let keys: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), account.minted(name).into())).collect();
    Answer::json(200, keys.into())
}

fn app_settings(cloud: &Cloud, state: &mut State, site: &str) -> Result<Answer, Failure> {
    let site = found(cloud, state, site)?;
    Ok(Answer::json(
        200,
        json!({
            "id": format!("{}/config/appsettings", site.id),
            "name": "appsettings",
            "type": "Microsoft.Web/sites/config",
            "location": site.location(),
            "properties": settings::current(state, &site.id),
        }),
    ))
}

/// The app's master, default and system keys, and function keys that were set beside them.
fn host_keys(cloud: &Cloud, state: &mut State, site: &str) -> Result<Answer, Failure> {
    let site = found(cloud, state, site)?;
    let mut function_keys = Map::new();
    function_keys.insert("default".to_owned(), site.minted("defaultKey").into());
    let own = format!("{}/host/default/functionkeys/", site.id.to_lowercase());
    for (key, set) in state.all::<Resource>() {
        if key.starts_with(&own) {
            function_keys.insert(set.name().to_owned(), set.body["properties"]["value"].clone());
        }
    }
    Ok(Answer::json(
        200,
        json!({
            "masterKey": site.minted("masterKey"),
            "functionKeys": function_keys,
            "systemKeys": { "eventgrid_extension": site.minted("eventGridKey") },
        }),
    ))
}

fn function_keys(cloud: &Cloud, state: &mut State, base: &str) -> Result<Answer, Failure> {
    let site = found(cloud, state, &strip(base, 2))?;
    let function = base.rsplit('/').next().unwrap_or_default();
    super::functions::get(cloud, state, &site.id, function)?;
    let properties = json!({ "default": site.minted("defaultKey") });
    Ok(Answer::json(200, json!({ "properties": properties })))
}

fn sync(cloud: &Cloud, state: &mut State, effects: &mut Vec<Effect>, site: &str) -> Result<Answer, Failure> {
    let site = found(cloud, state, site)?;
    if let Some(deployment) =
        state.get::<Package>(&site.name().to_lowercase()).map(|package| package.deployment.clone())
    {
        lifecycle::look(cloud, state, &deployment);
    }
    // Triggers follow the package here; asking again never changes anything.
    effects.push(Effect::new("arm", "SyncFunctionTriggers", site.id).unchanged(true));
    Ok(Answer::empty(204))
}

fn name_availability(state: &State, body: &Value) -> Result<Answer, Failure> {
    let asked = body["name"].as_str().or_else(|| body["Name"].as_str());
    let Some(name) = asked else {
        return Err(Failure::bad_request("InvalidRequestContent", "The name to check is missing."));
    };
    let kind = body["type"].as_str().map_or("Microsoft.Devices/IotHubs", |kind| match kind {
        "Site" => "Microsoft.Web/sites",
        other => other,
    });
    let Some(kind) = types::find(kind) else {
        return Err(Failure::bad_request("InvalidType", format!("The type '{kind}' has no names to check.")));
    };
    Ok(Answer::json(200, availability(state, kind, name)))
}

fn availability(state: &State, kind: &Kind, name: &str) -> Value {
    if !kind.names.allows(name) {
        let reason = if kind.name == "Microsoft.Storage/storageAccounts" { "AccountNameInvalid" } else { "Invalid" };
        let message = format!("'{name}' is not a valid name: {}.", kind.names.describe());
        return json!({ "nameAvailable": false, "reason": reason, "message": message });
    }
    if refusal::taken(state, kind, name) {
        return json!({ "nameAvailable": false, "reason": "AlreadyExists", "message": format!("'{name}' is already taken.") });
    }
    json!({ "nameAvailable": true })
}
