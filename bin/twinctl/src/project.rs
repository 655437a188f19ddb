//! From a project folder to a definition, with every problem shown.

use azure::credentials::Principal;
use workflows::{
    definition::{AwsAccount, AzureAccount, Definition, Target, TargetKind},
    problem::Problem,
    project::{self, Access, AzureCredentials, Project, Report},
    regions::Regions,
    topology::{Cloud, Providers},
};

use crate::{
    cli,
    connect::{Given, Real},
    environment,
    exit::Exit,
    failure::Failure,
    output::Output,
    place::Place,
    render,
};

/// The account of the AWS emulator, and the region that is asked for there.
pub(crate) const LOCAL_AWS_ACCOUNT: &str = "000000000000";
pub(crate) const LOCAL_AWS_REGION: &str = "eu-central-1";

/// The kind of target that was asked for; the local cloud unless something else was.
pub(crate) fn kind(asked: Option<cli::TargetKind>) -> TargetKind {
    match asked {
        None | Some(cli::TargetKind::Local) => TargetKind::Local,
        Some(cli::TargetKind::Cloud) => TargetKind::Cloud,
    }
}

/// Reads and checks the project; the credentials only when they are needed.
pub(crate) fn read(place: &Place, kind: TargetKind) -> Report {
    let access = match kind {
        TargetKind::Local => Access::Local,
        TargetKind::Cloud => Access::Cloud,
    };
    project::read(&place.project, access)
}

/// The project, if it can be deployed; its problems are shown either way.
pub(crate) fn load(place: &Place, kind: TargetKind, output: Output) -> Result<Project, Failure> {
    let report = read(place, kind);
    if !report.problems.is_empty() {
        output.say(&render::problems::text(&report.problems, &report.files, output.error_color));
    }
    report.project.ok_or_else(|| invalid(place, &report.problems))
}

/// The failure that a broken project is, once its problems were shown.
pub(crate) fn invalid(place: &Place, problems: &[Problem]) -> Failure {
    let count = render::problems::count(problems);
    Failure::new(Exit::InvalidProject, format!("use the project {}", place.project.display()))
        .because(format!("it has {count}"))
        .hint("`docs/errors/CODE.md` explains each code; `twinctl validate` checks again")
}

/// Whether the project has changed since `definition` was made from it: the changes in words; none when there is no
/// project any more, or a broken one.
pub(crate) fn changes(place: &Place, definition: &Definition) -> Option<Vec<String>> {
    if !place.has_project() {
        return None;
    }
    let project = read(place, definition.target.kind).project?;
    // The tokens depend on the key, which is the state's and not the project's.
    let now = Definition { tokens: definition.tokens.clone(), ..project.define(definition.target.clone()) };
    Some(now.diff(definition).iter().map(ToString::to_string).collect())
}

/// The local clouds' only accounts. Azure's is always there; that of AWS where a layer is on it.
pub(crate) fn local_target(providers: Providers) -> Target {
    let azure = AzureAccount {
        tenant: local::endpoints::TENANT.to_owned(),
        subscription: local::endpoints::SUBSCRIPTION.to_owned(),
        regions: Regions::default(),
    };
    let aws = AwsAccount { account: LOCAL_AWS_ACCOUNT.to_owned(), region: LOCAL_AWS_REGION.to_owned() };
    Target { kind: TargetKind::Local, azure: Some(azure), aws: providers.uses(Cloud::Aws).then_some(aws) }
}

/// The clouds that a project uses.
pub(crate) fn used(project: &Project) -> Vec<Cloud> {
    Cloud::ALL.into_iter().filter(|cloud| project.providers.uses(*cloud)).collect()
}

/// The real accounts: what the project says, then the environment, and what the logins say of themselves.
pub(crate) fn cloud_target(project: &Project, real: &Real) -> Result<Target, Failure> {
    let azure = real.azure.as_ref().map(|principal| azure_account(project.azure.as_ref(), principal)).transpose()?;
    let aws =
        real.aws.as_ref().map(|login| AwsAccount { account: login.account.clone(), region: login.region.clone() });
    Ok(Target { kind: TargetKind::Cloud, azure, aws })
}

fn azure_account(given: Option<&AzureCredentials>, principal: &Principal) -> Result<AzureAccount, Failure> {
    let missing = |what: &str| Failure::new(Exit::Usage, "choose the account").because(what).code("no-account");
    let subscription = given
        .and_then(|given| given.subscription.clone())
        .or_else(|| environment::text(environment::AZURE_SUBSCRIPTION))
        .ok_or_else(|| missing("no subscription is named"))?;
    let regions = given.and_then(|given| given.regions.clone()).ok_or_else(|| missing("no region is named"))?;
    let tenant = given.and_then(|given| given.tenant.clone()).unwrap_or_else(|| principal.tenant.clone());
    Ok(AzureAccount { tenant, subscription, regions })
}

/// What the project's credentials say, for a command that needs no other part of the project.
pub(crate) fn credentials(place: &Place) -> Given {
    read(place, TargetKind::Cloud).project.map(|project| Given::of(&project)).unwrap_or_default()
}
