//! Connections to the clouds of a target; a cloud that is not used is never asked for a token.

use std::{fs, path::Path};

use azure::credentials::{ClientSecret, Login, Principal, Secret};
use local::endpoints::Endpoints;
use workflows::{
    clouds::{Clouds, LocalAccess},
    definition::{AzureAccount, Target},
    inter_cloud::Key,
    project::AzureCredentials,
};

use crate::{environment, exit::Exit, failure::Failure, program};

/// The local cloud that serves at `endpoints`.
pub(crate) fn local(endpoints: &Endpoints, key: Option<Key>) -> Result<Clouds, Failure> {
    let ca_pem =
        fs::read(&endpoints.ca_pem).map_err(|error| unconnected("read the local cloud's certificate", &error))?;
    let access = LocalAccess {
        arm: endpoints.arm.clone(),
        login: endpoints.login.clone(),
        tenant: endpoints.tenant.clone(),
        ca_pem,
        policies: Vec::new(),
    };
    let clouds = Clouds::local(access, key).map_err(|error| unconnected("connect to the local cloud", &error))?;
    Ok(clouds.with_handler(program::for_local()))
}

/// No cloud at all, for what is answered from the journal alone: nothing listens there, and nothing is sent.
pub(crate) fn nowhere() -> Result<Clouds, Failure> {
    let nothing = reqwest::Url::parse("https://localhost:1/").expect("it is a URL");
    let access = LocalAccess {
        arm: nothing.clone(),
        login: nothing,
        tenant: local::endpoints::TENANT.to_owned(),
        ca_pem: Vec::new(),
        policies: Vec::new(),
    };
    Clouds::local(access, None).map_err(|error| unconnected("set up the clients", &error))
}

/// The real clouds, and who we are there. `tenant` is the one to log in to where no credential says so.
pub(crate) async fn public(
    given: Option<&AzureCredentials>,
    tenant: Option<&str>,
    key: Option<Key>,
) -> Result<(Clouds, Principal), Failure> {
    let login = login(given, tenant);
    let clouds = Clouds::public(&login, key).map_err(|error| no_login(&error))?.with_handler(program::for_azure());
    let principal = clouds.azure.principal().await.map_err(|error| no_login(&error))?;
    Ok((clouds, principal))
}

/// The key that tokens between clouds are derived from, made on first use.
pub(crate) fn key(state: &Path) -> Result<Key, Failure> {
    Key::load_or_make(state).map_err(|error| no_key(&error))
}

/// The same for commands that write nothing.
pub(crate) fn existing_key(state: &Path) -> Result<Option<Key>, Failure> {
    Key::load(state).map_err(|error| no_key(&error))
}

/// The target in words: tenant, subscription, regions, and the account that is logged in.
pub(crate) fn describe(target: &Target, principal: &Principal) -> String {
    let who = principal.name.as_deref().unwrap_or("no name");
    let account = format!("  account       {who} ({})\n", principal.object_id);
    let azure = target.azure.as_ref().map(azure_account).unwrap_or_default();
    format!("the real clouds:\n{azure}{account}")
}

fn azure_account(account: &AzureAccount) -> String {
    let regions = &account.regions;
    format!(
        "  tenant        {}\n  subscription  {}\n  regions       {} (IoT Hub: {}, Digital Twins: {})\n",
        account.tenant, account.subscription, regions.default, regions.iot_hub, regions.digital_twin
    )
}

/// The project's credentials first, then the environment's, then the clouds' own login.
fn login(given: Option<&AzureCredentials>, tenant: Option<&str>) -> Login {
    let client_secret = given.and_then(from_project).or_else(|| ClientSecret::from_environment(environment::text));
    let tenant = given.and_then(|given| given.tenant.as_deref()).or(tenant).map(str::to_owned);
    Login { client_secret, tenant }
}

fn from_project(given: &AzureCredentials) -> Option<ClientSecret> {
    Some(ClientSecret {
        tenant: given.tenant.clone()?,
        client_id: given.client_id.clone()?,
        secret: Secret::new(given.client_secret.as_ref()?.reveal().to_owned()),
    })
}

fn unconnected(tried: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(Exit::Error, tried, error)
}

fn no_login(error: &azure::Error) -> Failure {
    Failure::of(Exit::Error, "log in to the real clouds", error).code("no-login")
}

fn no_key(error: &workflows::inter_cloud::Error) -> Failure {
    let failure = Failure::of(Exit::Error, "use the key of the state folder", error);
    match error {
        workflows::inter_cloud::Error::Exposed { path, .. } => failure.hint(format!("chmod 600 {}", path.display())),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use azure::credentials::PrincipalKind;
    use workflows::{definition::TargetKind, regions::Regions};

    use super::*;

    #[test]
    fn the_target_names_who_pays_and_who_acts() {
        let account =
            AzureAccount { tenant: "t-1".into(), subscription: "s-1".into(), regions: Regions::one("westeurope") };
        let target = Target { kind: TargetKind::Cloud, azure: Some(account) };
        let principal = Principal {
            object_id: "o-1".into(),
            tenant: "t-1".into(),
            kind: PrincipalKind::User,
            name: Some("ann@example.org".into()),
        };
        assert_eq!(
            describe(&target, &principal),
            "the real clouds:\n  tenant        t-1\n  subscription  s-1\n  \
             regions       westeurope (IoT Hub: westeurope, Digital Twins: westeurope)\n  account       ann@example.org (o-1)\n"
        );
    }

    #[test]
    fn nowhere_needs_nothing_to_listen() {
        assert!(nowhere().is_ok());
    }
}
