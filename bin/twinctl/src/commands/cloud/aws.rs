//! AWS in the local cloud: the emulator that others make, found, started and looked at.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use local::{
    emulator::{self, Aws, Crash, Error, Status, install},
    process::Launch,
};
use serde_json::{Value, json};
use workflows::project::PROVIDERS;

use super::{bare, silent};
use crate::{
    cli::Emulated,
    environment,
    exit::Exit,
    failure::{self, Failure},
    output::Output,
    place::Place,
};

/// How long the emulator may take until it answers; about a second unless the machine is overloaded.
const START: Duration = Duration::from_secs(60);

/// Starts AWS in the local cloud, which is up, unless it runs; what there is to know about that is said.
pub(crate) async fn ensure(place: &Place, output: Output) -> Result<Aws, Failure> {
    match status(&place.cloud).await? {
        Status::Running(aws) => return Ok(aws),
        Status::Crashed(crash) => output.say(&format!("warning: {}", told(&crash))),
        Status::Stopped | Status::Unresponsive(_) => {}
    }
    let program = program(place)?;
    output.say(&format!("starting AWS: {}", program.display()));
    let aws = emulator::ensure(&place.cloud, &launch(place, program)?).await.map_err(|error| unstarted(&error))?;
    if !aws.is_expected() {
        output.say(&format!("warning: {}; {}", unexpected(&aws), installs(place)));
    }
    Ok(aws)
}

/// Where AWS is served in a local cloud, if it is; starts nothing.
pub(crate) async fn found(cloud: &Path) -> Result<Option<Aws>, Failure> {
    emulator::running(cloud).await.map_err(|error| Failure::of(Exit::Error, "look for the AWS emulator", &error))
}

/// The same for who needs it: a failure when it is not.
pub(super) async fn running(cloud: &Path) -> Result<Aws, Failure> {
    let why = match status(cloud).await? {
        Status::Running(aws) => return Ok(aws),
        Status::Stopped => format!("no AWS emulator is up in {}", cloud.display()),
        Status::Crashed(crash) => told(&crash),
        Status::Unresponsive(process) => silent(process),
    };
    let failure = Failure::new(Exit::Error, "reach AWS in the local cloud").because(why);
    Err(failure.hint("`twinctl cloud up --aws` starts it").code("cloud-not-up"))
}

pub(super) async fn status(cloud: &Path) -> Result<Status, Failure> {
    emulator::status(cloud).await.map_err(|error| Failure::of(Exit::Error, "look for the AWS emulator", &error))
}

/// Starts it if it was asked for, or the project needs it; the local cloud is up.
pub(super) async fn up(place: &Place, wish: Emulated, output: Output) -> Result<Option<Aws>, Failure> {
    match wanted(place, wish) {
        true => ensure(place, output).await.map(Some),
        false => found(&place.cloud).await,
    }
}

/// A failure when it would have to be started and cannot be found.
pub(super) async fn demand(place: &Place, wish: Emulated) -> Result<(), Failure> {
    if wanted(place, wish) && found(&place.cloud).await?.is_none() {
        program(place)?;
    }
    Ok(())
}

/// Stops it; false when it was not up.
pub(super) async fn down(cloud: &Path) -> Result<bool, Failure> {
    emulator::down(cloud).await.map_err(|error| Failure::of(Exit::Error, "stop the AWS emulator", &error))
}

/// Stops it and takes its state away.
pub(super) async fn reset(cloud: &Path) -> Result<(), Failure> {
    emulator::reset(cloud).await.map_err(|error| Failure::of(Exit::Error, "reset the AWS emulator", &error))
}

/// Becomes it: the body of its process.
pub(super) fn serve(cloud: &Path, program: &Path) -> failure::Result {
    Err(Failure::of(Exit::Error, "serve AWS", &emulator::serve(cloud, program.to_owned())))
}

/// The emulator that serves, if one does.
pub(super) fn of(status: &Status) -> Option<&Aws> {
    match status {
        Status::Running(aws) => Some(aws),
        Status::Stopped | Status::Crashed(_) | Status::Unresponsive(_) => None,
    }
}

/// For programs.
pub(super) fn data(status: &Status) -> Value {
    match status {
        Status::Running(aws) => {
            json!({ "up": true, "process": aws.pid, "url": bare(&aws.endpoint), "region": aws.region, "version": aws.version })
        }
        Status::Stopped => json!({ "up": false }),
        Status::Crashed(crash) => json!({ "up": false, "crashed": true, "log": crash.log }),
        Status::Unresponsive(process) => json!({ "up": false, "unresponsive": true, "process": process }),
    }
}

/// For people; nothing where there is none.
pub(super) fn shown(status: &Status) -> String {
    match status {
        Status::Running(aws) if aws.is_expected() => format!("\nAWS: ministack {}, process {}\n", aws.version, aws.pid),
        Status::Running(aws) => format!("\nAWS: {}, process {}\n", unexpected(aws), aws.pid),
        Status::Stopped => String::new(),
        Status::Crashed(crash) => format!("\nAWS: {}\n", told(crash)),
        Status::Unresponsive(process) => format!("\nAWS: {}\n", silent(*process)),
    }
}

/// Whether it is to be started: as was asked for, else whether the project has a layer on AWS. A project that cannot be
/// read needs nothing.
fn wanted(place: &Place, wish: Emulated) -> bool {
    let layers = || {
        let text = fs::read_to_string(place.project.join(PROVIDERS)).unwrap_or_default();
        let providers: Value = serde_json::from_str(&text).unwrap_or_default();
        providers.as_object().is_some_and(|layers| layers.values().any(|cloud| cloud == "aws"))
    };
    wish.aws || (!wish.no_aws && layers())
}

/// The emulator's executable, or how it is installed.
fn program(place: &Place) -> Result<PathBuf, Failure> {
    if let Some(named) = environment::text(environment::MINISTACK) {
        let paths = [PathBuf::from(&named)];
        let failure = || Failure::new(Exit::Error, format!("use {named} as the AWS emulator"));
        return match install::find(&paths) {
            Some(program) => absolute(program),
            None => Err(failure().because("it is no program").code("no-aws-emulator")),
        };
    }
    match install::find(&candidates(place)) {
        Some(program) => absolute(program),
        None => Err(Failure::new(Exit::Error, "find the AWS emulator")
            .because("ministack is not installed")
            .hint(installs(place))
            .code("no-aws-emulator")),
    }
}

/// Where it is looked for, in this order: the cloud's folder, the project's state, the user's own data, the usual places.
fn candidates(place: &Place) -> Vec<PathBuf> {
    let venvs = [Some(place.cloud.join("ministack")), Some(place.state.join("ministack")), own_venv()];
    let usual = environment::search_path().into_iter().map(|folder| folder.join("ministack"));
    venvs.into_iter().flatten().map(|venv| install::executable(&venv)).chain(usual).collect()
}

/// The virtual environment of the user, for all projects.
fn own_venv() -> Option<PathBuf> {
    environment::data_home().map(|data| data.join("twinctl/ministack"))
}

/// The one command that installs the version that twinctl is made for.
fn installs(place: &Place) -> String {
    let venv = own_venv().unwrap_or_else(|| place.state.join("ministack"));
    format!("this installs it: {}", install::command(&venv))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::of(Exit::Error, format!("find {}", path.display()), &error))
}

fn launch(place: &Place, emulator: PathBuf) -> Result<Launch, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::of(Exit::Error, "find this program", &error))?;
    let words = ["cloud".into(), "serve-aws".into(), "--cloud-dir".into(), place.cloud.clone().into()];
    let args: Vec<OsString> = words.into_iter().chain(["--program".into(), emulator.into()]).collect();
    Ok(Launch { program, args, deadline: START })
}

fn unstarted(error: &Error) -> Failure {
    Failure::of(Exit::Error, "start AWS in the local cloud", error).code("aws-emulator-failed")
}

fn unexpected(aws: &Aws) -> String {
    format!("ministack {} serves AWS, and twinctl is made for {}", aws.version, emulator::VERSION)
}

/// An emulator that ended by itself, in words.
fn told(crash: &Crash) -> String {
    let Crash { pid, log, tail } = crash;
    format!(
        "the AWS emulator, process {pid}, has ended without `twinctl cloud down`: what it held is as it was last stopped; \
         the end of {}: {tail}",
        log.display()
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn place(folder: &Path) -> Place {
        let cli = Cli::try_parse_from(["twinctl", "man"]).unwrap();
        Place::new(&cli.global, folder).unwrap()
    }

    #[test]
    fn it_is_started_when_a_layer_is_on_aws_or_somebody_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let (unsaid, aws, no_aws) =
            (Emulated::default(), Emulated { aws: true, no_aws: false }, Emulated { aws: false, no_aws: true });
        let asked = || [unsaid, aws, no_aws].map(|wish| wanted(&place, wish));
        assert_eq!(asked(), [false, true, false], "no project");
        let providers = folder.path().join("config_providers.json");
        fs::write(&providers, r#"{"layer_1_provider": "aws", "layer_4_provider": "azure"}"#).unwrap();
        assert_eq!(asked(), [true, true, false]);
        fs::write(&providers, r#"{"layer_1_provider": "azure"}"#).unwrap();
        assert_eq!(asked(), [false, true, false]);
        fs::write(&providers, r#"{"layer_1_provider":"#).unwrap();
        assert_eq!(asked(), [false, true, false]);
    }

    #[test]
    fn the_clouds_own_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let paths = candidates(&place);
        assert_eq!(paths[0], place.cloud.join("ministack/bin/ministack"));
        assert_eq!(paths[1], place.state.join("ministack/bin/ministack"));
    }
}
