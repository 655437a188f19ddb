//! App Service plans, function apps and their settings.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::id::Id;
use super::super::kind::{Begin, End, Kind, Reply, View};
use super::super::names::{Ends, Letters, Rule};
use super::{PLAIN, identity, key, mint_identity, overlay};
use crate::listen::Service;
use crate::state::Resource;

const VERSIONS: &[&str] = &["2022-03-01", "2022-09-01", "2023-01-01", "2023-12-01", "2024-04-01"];

pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "Microsoft.Web/serverfarms",
        versions: VERSIONS,
        names: Rule::new(1, 60, Letters::Any, "-", Ends::Free),
        needs: &["/location"],
        create: Begin::Done(200),
        mint: mint_identity,
        show: plan,
        ..PLAIN
    },
    Kind {
        name: "Microsoft.Web/sites",
        versions: VERSIONS,
        names: Rule::new(1, 60, Letters::Any, "-", Ends::Alphanumeric),
        global: true,
        needs: &["/location"],
        create: Begin::Done(200),
        mint: mint_site,
        check: check_site,
        show: site,
        ..PLAIN
    },
    Kind {
        name: "Microsoft.Web/sites/config",
        versions: VERSIONS,
        create: Begin::Done(200),
        delete: End::Never,
        parent: 2,
        check: check_config,
        ..PLAIN
    },
    Kind {
        name: "Microsoft.Web/sites/host/functionkeys",
        versions: VERSIONS,
        patch: None,
        delete: End::Done { status: 204, body: Reply::Nothing, absent: 404 },
        parent: 4,
        ..PLAIN
    },
];

fn plan(view: View<'_>, plan: &Resource) -> Value {
    let key = plan.id.to_lowercase();
    let sites = view
        .state
        .all::<Resource>()
        .values()
        .filter(|site| site.kind == "Microsoft.Web/sites")
        .filter(|site| site.body["properties"]["serverFarmId"].as_str().is_some_and(|id| id.to_lowercase() == key))
        .count();
    let sku = plan.body["sku"]["name"].as_str().unwrap_or("F1");
    let (tier, family) = match sku {
        "FC1" => ("FlexConsumption", "FC"),
        "Y1" => ("Dynamic", "Y"),
        _ => (plan.body["sku"]["tier"].as_str().unwrap_or("Free"), sku.get(..1).unwrap_or("F")),
    };
    json!({
        "kind": plan.body["kind"].as_str().unwrap_or("functionapp"),
        "sku": { "name": sku, "tier": tier, "size": sku, "family": family },
        "properties": {
            "provisioningState": plan.state,
            "status": "Ready",
            "geoRegion": plan.location(),
            "numberOfSites": sites,
            "reserved": plan.body["properties"]["reserved"].as_bool().unwrap_or(false),
        },
    })
}

fn mint_site() -> Map<String, Value> {
    let mut minted = mint_identity();
    for name in ["masterKey", "defaultKey", "eventGridKey"] {
        minted.insert(name.to_owned(), key(39).into());
    }
    minted.insert("customDomainVerificationId".to_owned(), Uuid::new_v4().simple().to_string().to_uppercase().into());
    minted
}

/// The plan must be there, and a Flex plan carries one app.
fn check_site(view: View<'_>, id: &Id, body: &Value) -> Result<(), Failure> {
    let Some(farm) = body["properties"]["serverFarmId"].as_str() else {
        return Err(Failure::bad_request("BadRequest", "The parameter serverFarmId is missing."));
    };
    let Some(plan) = view.state.get::<Resource>(&farm.to_lowercase()) else {
        let name = farm.rsplit('/').next().unwrap_or_default();
        return Err(Failure::not_found("NotFound", format!("Cannot find serverFarm with name {name}.")));
    };
    if plan.body["sku"]["name"] != "FC1" {
        return Ok(());
    }
    let taken = view.state.all::<Resource>().iter().any(|(key, site)| {
        site.kind == "Microsoft.Web/sites"
            && *key != id.key()
            && site.body["properties"]["serverFarmId"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(farm))
    });
    if taken {
        let message = "A Flex Consumption plan can host one function app only.";
        return Err(Failure::conflict("Conflict", message));
    }
    check_flex(body)
}

fn check_flex(body: &Value) -> Result<(), Failure> {
    for needed in ["/properties/functionAppConfig/deployment/storage", "/properties/functionAppConfig/runtime/name"] {
        if body.pointer(needed).is_none() {
            let message = format!("A function app on a Flex Consumption plan needs {}.", needed[1..].replace('/', "."));
            return Err(Failure::bad_request("BadRequest", message));
        }
    }
    let settings = body.pointer("/properties/siteConfig/appSettings").and_then(Value::as_array);
    if settings.into_iter().flatten().any(|setting| setting["name"] == "FUNCTIONS_WORKER_RUNTIME") {
        return Err(worker_runtime());
    }
    Ok(())
}

fn worker_runtime() -> Failure {
    let message = "The app setting FUNCTIONS_WORKER_RUNTIME is not allowed on a Flex Consumption plan.";
    Failure::bad_request("BadRequest", message)
}

fn check_config(view: View<'_>, id: &Id, body: &Value) -> Result<(), Failure> {
    match id.name().to_lowercase().as_str() {
        "web" => Ok(()),
        "appsettings" => {
            let Some(settings) = body["properties"].as_object() else {
                return Err(Failure::bad_request("BadRequest", "The app settings are missing."));
            };
            let flex = id.parent().and_then(|site| view.state.get::<Resource>(&site.to_lowercase()));
            let flex = flex.is_some_and(|site| site.body["properties"]["functionAppConfig"].is_object());
            if flex && settings.contains_key("FUNCTIONS_WORKER_RUNTIME") {
                return Err(worker_runtime());
            }
            match settings.iter().find(|(_, value)| !value.is_string()) {
                Some((name, _)) => {
                    Err(Failure::bad_request("BadRequest", format!("The app setting {name} is no text.")))
                }
                None => Ok(()),
            }
        }
        other => {
            Err(Failure::new(501, "NotImplemented", format!("The local cloud does not implement config/{other}.")))
        }
    }
}

fn site(view: View<'_>, site: &Resource) -> Value {
    let name = site.name();
    let host = view.cloud.hosts.of(Service::Web, "web", name);
    let scm = view.cloud.hosts.of(Service::Scm, "scm", name);
    let state = |name: &str, kind: &str| json!({ "name": name, "sslState": "Disabled", "hostType": kind });
    let mut shown = identity(view, site);
    overlay(
        &mut shown,
        json!({
            "kind": site.body["kind"].as_str().unwrap_or("functionapp,linux"),
            "properties": {
                "state": "Running",
                "enabled": true,
                "availabilityState": "Normal",
                "usageState": "Normal",
                "hostNames": [host],
                "defaultHostName": host,
                "enabledHostNames": [host, scm],
                "hostNameSslStates": [state(&host, "Standard"), state(&scm, "Repository")],
                "repositorySiteName": name,
                "lastModifiedTimeUtc": site.changed,
                "resourceGroup": site.id.split('/').nth(4).unwrap_or_default(),
                "customDomainVerificationId": site.minted("customDomainVerificationId"),
            },
        }),
    );
    shown
}
