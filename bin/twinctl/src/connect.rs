//! Connections to the clouds of a target; a cloud that is not used is never asked for a token.

use std::{fs, path::Path};

use aws::{Aws, Credentials};
use azure::credentials::{ClientSecret, Login, Principal, Secret};
use local::endpoints::Endpoints;
use reqwest::Url;
use workflows::{
    clouds::{Clouds, LocalAccess},
    definition::{AwsAccount, AzureAccount, Target, TargetKind},
    device_keys::DeviceKeys,
    inter_cloud::Key,
    project::{AwsCredentials, AzureCredentials, Project},
    topology::Cloud,
};

use crate::{commands::cloud, environment, exit::Exit, failure::Failure, place::Place, program, project};

/// The parts of the local cloud that are up.
pub(crate) struct LocalParts {
    /// Azure, and the stubs of what no emulator has.
    pub(crate) endpoints: Endpoints,
    /// The AWS emulator, where the deployment needs it.
    pub(crate) aws: Option<Url>,
}

/// What a project's credentials say of the clouds that it uses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    azure: Option<AzureCredentials>,
    aws: Option<AwsCredentials>,
}

impl Given {
    /// What a project says.
    pub(crate) fn of(project: &Project) -> Self {
        Self { azure: project.azure.clone(), aws: project.aws.clone() }
    }
}

/// The real clouds, and who we are there.
pub(crate) struct Real {
    /// The connections.
    pub(crate) clouds: Clouds,
    /// Who we are on Azure, where it is used.
    pub(crate) azure: Option<Principal>,
    /// Who we are on AWS, where it is used.
    pub(crate) aws: Option<AwsLogin>,
}

/// Who we are on AWS, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsLogin {
    /// The account's number.
    pub(crate) account: String,
    /// The user or the role.
    pub(crate) arn: String,
    /// The region.
    pub(crate) region: String,
}

/// The local cloud that serves at `parts`, for a target on it.
pub(crate) fn local(parts: &LocalParts, target: &Target, key: Option<Key>) -> Result<Clouds, Failure> {
    let endpoints = &parts.endpoints;
    let ca_pem =
        fs::read(&endpoints.ca_pem).map_err(|error| unconnected("read the local cloud's certificate", &error))?;
    let access = LocalAccess {
        arm: endpoints.arm.clone(),
        login: endpoints.login.clone(),
        tenant: endpoints.tenant.clone(),
        ca_pem,
        rates: endpoints.strictness.rates,
        policies: Vec::new(),
    };
    let clouds = Clouds::local(access, key).map_err(|error| unconnected("connect to the local cloud", &error))?;
    let clouds = clouds.with_handler(program::for_local());
    Ok(match (&target.aws, &parts.aws) {
        (Some(account), Some(endpoint)) => clouds.with_aws(emulated(account, endpoint, endpoints)),
        _ => clouds,
    })
}

/// The emulator takes the number of an account for its access key, and any secret.
fn emulated(account: &AwsAccount, endpoint: &Url, endpoints: &Endpoints) -> Aws {
    let secret_key = aws::Secret::new("local".to_owned());
    Aws::new(aws::Options {
        region: account.region.clone(),
        endpoint: Some(endpoint.clone()),
        twin_maker_endpoint: Some(endpoints.twinmaker.clone()),
        credentials: Credentials::Static { access_key: account.account.clone(), secret_key },
        http_client: None,
        observer: Some(aws::Observer::new(engine::requests::note)),
    })
}

/// AWS alone, for what is no deployment's: the local cloud's emulator, which must be up, or the account that is logged in.
pub(crate) async fn aws_alone(place: &Place, kind: TargetKind) -> Result<Aws, Failure> {
    match kind {
        TargetKind::Local => {
            let parts = cloud::running_aws(place).await?;
            let account = AwsAccount {
                account: project::LOCAL_AWS_ACCOUNT.to_owned(),
                region: project::LOCAL_AWS_REGION.to_owned(),
            };
            Ok(emulated(&account, &parts.1, &parts.0))
        }
        TargetKind::Cloud => {
            let given = if place.has_project() { project::credentials(place) } else { Given::default() };
            Ok(aws_login(given.aws.as_ref(), None).await?.0)
        }
    }
}

/// No cloud at all, for what is answered from the journal alone: nothing listens there, and nothing is sent.
pub(crate) fn nowhere() -> Result<Clouds, Failure> {
    let nothing = Url::parse("https://localhost:1/").expect("it is a URL");
    let access = LocalAccess {
        arm: nothing.clone(),
        login: nothing,
        tenant: local::endpoints::TENANT.to_owned(),
        ca_pem: Vec::new(),
        rates: false,
        policies: Vec::new(),
    };
    Clouds::local(access, None).map_err(|error| unconnected("set up the clients", &error))
}

/// The clouds that a target is on.
pub(crate) fn used(target: &Target) -> Vec<Cloud> {
    let azure = target.azure.is_some().then_some(Cloud::Azure);
    azure.into_iter().chain(target.aws.is_some().then_some(Cloud::Aws)).collect()
}

/// The real clouds, and who we are there; one that is not used is never asked. `target` says what to log in to where no
/// credential does.
pub(crate) async fn public(
    used: &[Cloud],
    given: &Given,
    target: Option<&Target>,
    key: Option<Key>,
) -> Result<Real, Failure> {
    let tenant = target.and_then(|target| target.azure.as_ref()).map(|account| account.tenant.as_str());
    let (clouds, azure) = match used.contains(&Cloud::Azure) {
        true => {
            let login = login(given.azure.as_ref(), tenant);
            let clouds = Clouds::public(&login, key).map_err(|error| no_login(&error))?;
            let principal = clouds.azure.principal().await.map_err(|error| no_login(&error))?;
            (clouds, Some(principal))
        }
        false => (nowhere()?.with_key(key), None),
    };
    let clouds = clouds.with_handler(program::for_clouds());
    if !used.contains(&Cloud::Aws) {
        return Ok(Real { clouds, azure, aws: None });
    }
    let region = target.and_then(|target| target.aws.as_ref()).map(|account| account.region.clone());
    let (client, login) = aws_login(given.aws.as_ref(), region).await?;
    Ok(Real { clouds: clouds.with_aws(client), azure, aws: Some(login) })
}

/// The project's credentials first, then the SDK's usual places.
async fn aws_login(given: Option<&AwsCredentials>, region: Option<String>) -> Result<(Aws, AwsLogin), Failure> {
    let missing = || {
        Failure::new(Exit::Usage, "choose the region on AWS")
            .because("none is named")
            .code("no-account")
            .hint("write \"aws_region\" in the credentials, or set AWS_REGION")
    };
    let from_project = || given.and_then(|given| given.region.clone());
    let region = region.or_else(from_project).or_else(environment::aws_region).ok_or_else(missing)?;
    let credentials = given.and_then(aws_from_project).unwrap_or(Credentials::Chain { profile: None });
    let client = Aws::new(aws::Options {
        region: region.clone(),
        endpoint: cloud::aws_endpoint()?,
        twin_maker_endpoint: None,
        credentials,
        http_client: None,
        observer: Some(aws::Observer::new(engine::requests::note)),
    });
    let found = client.identity().await;
    let found = found.map_err(|error| Failure::of(Exit::Error, "log in to AWS", &error).code("no-login"))?;
    Ok((client, AwsLogin { account: found.account, arn: found.arn, region }))
}

fn aws_from_project(given: &AwsCredentials) -> Option<Credentials> {
    let secret_key = aws::Secret::new(given.secret_key.as_ref()?.reveal().to_owned());
    Some(Credentials::Static { access_key: given.access_key.clone()?, secret_key })
}

/// The keys of a deployment's devices, in the state folder.
pub(crate) fn device_keys(state: &Path, deployment: &str) -> DeviceKeys {
    DeviceKeys::of(state, deployment)
}

/// The key that tokens between clouds are derived from, made on first use.
pub(crate) fn key(state: &Path) -> Result<Key, Failure> {
    Key::load_or_make(state).map_err(|error| no_key(&error))
}

/// A key for a plan of what was never deployed.
pub(crate) fn ephemeral_key() -> Result<Key, Failure> {
    Key::ephemeral().map_err(|error| no_key(&error))
}

/// The same for commands that write nothing.
pub(crate) fn existing_key(state: &Path) -> Result<Option<Key>, Failure> {
    Key::load(state).map_err(|error| no_key(&error))
}

/// The target in words: accounts, regions, and who is logged in.
pub(crate) fn describe(target: &Target, real: &Real) -> String {
    let mut words = String::from("the real clouds:\n");
    if let Some((account, principal)) = target.azure.as_ref().zip(real.azure.as_ref()) {
        let who = principal.name.as_deref().unwrap_or("no name");
        words += &azure_account(account);
        words += &format!("  account       {who} ({})\n", principal.object_id);
    }
    if let Some((account, login)) = target.aws.as_ref().zip(real.aws.as_ref()) {
        words += &format!(
            "  AWS account   {}\n  region        {}\n  login         {}\n",
            account.account, account.region, login.arn
        );
    }
    words
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
    use workflows::regions::Regions;

    use super::*;

    #[test]
    fn the_target_names_who_pays_and_who_acts() {
        let azure =
            AzureAccount { tenant: "t-1".into(), subscription: "s-1".into(), regions: Regions::one("westeurope") };
        let aws = AwsAccount { account: "111122223333".into(), region: "eu-central-1".into() };
        let target = Target { kind: TargetKind::Cloud, azure: Some(azure), aws: Some(aws) };
        let principal = Principal {
            object_id: "o-1".into(),
            tenant: "t-1".into(),
            kind: PrincipalKind::User,
            name: Some("ann@example.org".into()),
        };
        let login = AwsLogin {
            account: "111122223333".into(),
            arn: "arn:aws:iam::111122223333:user/ann".into(),
            region: "eu-central-1".into(),
        };
        let real = Real { clouds: nowhere().unwrap(), azure: Some(principal), aws: Some(login) };
        assert_eq!(
            describe(&target, &real),
            "the real clouds:\n  tenant        t-1\n  subscription  s-1\n  \
             regions       westeurope (IoT Hub: westeurope, Digital Twins: westeurope)\n  account       ann@example.org (o-1)\n  \
             AWS account   111122223333\n  region        eu-central-1\n  login         arn:aws:iam::111122223333:user/ann\n"
        );
    }

    #[test]
    fn nowhere_needs_nothing_to_listen() {
        assert!(nowhere().is_ok());
    }
}
