//! The functions of an app, read from its package: they are there once its deployment has ended.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::failure::Failure;
use super::lifecycle;
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::listen::Service;
use crate::state::{Package, Resource, State};

/// Answers a GET of one function.
pub(crate) fn get(cloud: &Cloud, state: &mut State, site: &str, function: &str) -> Result<Answer, Failure> {
    let site = find(cloud, state, site)?;
    let found = live(state, &site).into_iter().find(|(name, _)| name.eq_ignore_ascii_case(function));
    match found {
        Some((name, document)) => Ok(Answer::json(200, show(cloud, &site, &name, &document))),
        None => Err(Failure::not_found("NotFound", format!("Function with name '{function}' could not be found."))),
    }
}

/// Answers a GET of all functions of an app.
pub(crate) fn list(cloud: &Cloud, state: &mut State, site: &str) -> Result<Answer, Failure> {
    let site = find(cloud, state, site)?;
    let functions = live(state, &site);
    let value: Vec<Value> = functions.iter().map(|(name, document)| show(cloud, &site, name, document)).collect();
    Ok(Answer::json(200, json!({ "value": value })))
}

/// The app, its package's deployment looked at.
fn find(cloud: &Cloud, state: &mut State, site: &str) -> Result<Resource, Failure> {
    let missing = || {
        let name = site.rsplit('/').next().unwrap_or_default();
        Failure::not_found("ResourceNotFound", format!("The Resource 'Microsoft.Web/sites/{name}' was not found."))
    };
    let site = state.get::<Resource>(&site.to_lowercase()).cloned().ok_or_else(missing)?;
    let deployment = state.get::<Package>(&site.name().to_lowercase()).map(|package| package.deployment.clone());
    if let Some(deployment) = deployment {
        lifecycle::look(cloud, state, &deployment);
    }
    Ok(site)
}

/// The functions that the app runs now: until a deployment has ended, those of the package before.
fn live(state: &State, site: &Resource) -> BTreeMap<String, Value> {
    let served = state.get::<Package>(&site.name().to_lowercase()).and_then(Package::served);
    served.map(|served| served.functions).unwrap_or_default()
}

fn show(cloud: &Cloud, site: &Resource, name: &str, document: &Value) -> Value {
    let app = site.name();
    let host = cloud.hosts.of(Service::Web, "web", app);
    let mut properties = json!({
        "name": name,
        "function_app_id": site.id,
        "href": format!("https://{host}/admin/functions/{name}"),
        "config": document,
        "language": "custom",
        "isDisabled": document["disabled"].as_bool().unwrap_or(false),
    });
    let http = document["bindings"].as_array().into_iter().flatten().find(|binding| binding["type"] == "httpTrigger");
    if let Some(http) = http {
        let route = http["route"].as_str().unwrap_or(name);
        properties["invoke_url_template"] = format!("https://{host}/api/{route}").into();
    }
    json!({
        "id": format!("{}/functions/{name}", site.id),
        "name": format!("{app}/{name}"),
        "type": "Microsoft.Web/sites/functions",
        "location": site.location(),
        "properties": properties,
    })
}
