//! From a project folder to a definition, with every problem shown.

use azure::credentials::Principal;
use workflows::{
    definition::{AzureAccount, Definition, Target, TargetKind},
    problem::Problem,
    project::{self, Access, AzureCredentials, Project, Report},
    regions::Regions,
};

use crate::{cli, environment, exit::Exit, failure::Failure, output::Output, place::Place, render};

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
    let now = project.define(definition.target.clone());
    Some(now.diff(definition).iter().map(ToString::to_string).collect())
}

/// The local cloud's only account.
pub(crate) fn local_target() -> Target {
    let azure = AzureAccount {
        tenant: local::endpoints::TENANT.to_owned(),
        subscription: local::endpoints::SUBSCRIPTION.to_owned(),
        regions: Regions::default(),
    };
    Target { kind: TargetKind::Local, azure: Some(azure) }
}

/// The real account: what the project says, then the environment, and of the tenant what the login says.
pub(crate) fn cloud_target(given: Option<&AzureCredentials>, principal: &Principal) -> Result<Target, Failure> {
    let missing = |what: &str| Failure::new(Exit::Usage, "choose the account").because(what).code("no-account");
    let subscription = given
        .and_then(|given| given.subscription.clone())
        .or_else(|| environment::text(environment::AZURE_SUBSCRIPTION))
        .ok_or_else(|| missing("no subscription is named"))?;
    let regions = given.and_then(|given| given.regions.clone()).ok_or_else(|| missing("no region is named"))?;
    let tenant = given.and_then(|given| given.tenant.clone()).unwrap_or_else(|| principal.tenant.clone());
    Ok(Target { kind: TargetKind::Cloud, azure: Some(AzureAccount { tenant, subscription, regions }) })
}

/// What the project's credentials say of Azure, for a command that needs no other part of the project.
pub(crate) fn credentials(place: &Place) -> Option<AzureCredentials> {
    read(place, TargetKind::Cloud).project.and_then(|project| project.azure)
}
