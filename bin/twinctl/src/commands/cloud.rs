//! `twinctl cloud`: the local cloud's process, and what can be asked of it.

pub(crate) mod aws;
mod status;

use std::{ffi::OsString, path::Path, time::Duration};

use local::{
    emulator::Aws,
    endpoints::{Endpoints, NAMES},
    process::{self, Launch, Status},
    server,
};
use reqwest::Url;
use serde_json::{Value, json};
use workflows::definition::Target;

use crate::{
    cli::{Cloud, CloudCommand, Emulated, FaultCommand, Global, Project, Serving},
    connect::LocalParts,
    control::Control,
    derived, environment,
    exit::Exit,
    failure::{self, Failure},
    output::Output,
    place::Place,
    render::table::table,
};

/// How long a local cloud may take until it serves; it takes far less unless the machine is overloaded.
const START: Duration = Duration::from_secs(60);

/// The name of AWS among the services, whose URL is not the local cloud's own.
const AWS: &str = "aws";

/// Does one of the `cloud` commands.
pub(crate) async fn cloud(global: &Global, options: &Cloud, output: Output) -> failure::Result {
    let dir = |project: &Project| Place::of_cloud(global, &project.project).map(|place| place.cloud);
    match &options.command {
        CloudCommand::Up { project, serving, emulated } => {
            up(&Place::of_cloud(global, &project.project)?, *serving, *emulated, output).await
        }
        CloudCommand::Down(project) => down(&dir(project)?, output).await,
        CloudCommand::Status(project) => status::status(&dir(project)?, output).await,
        CloudCommand::Reset(project) => reset(&dir(project)?, output).await,
        CloudCommand::Url { name, project } => url(&dir(project)?, name, output).await,
        CloudCommand::Effects(project) => effects(&dir(project)?, output).await,
        CloudCommand::Dump(project) => dump(&dir(project)?, output).await,
        CloudCommand::Fault { project, command } => {
            faults(&Place::of_cloud(global, project)?.cloud, command, output).await
        }
        CloudCommand::Record { file, project, .. } => {
            record(&Place::of_cloud(global, project)?.cloud, file.as_deref(), output).await
        }
        CloudCommand::Serve { project, serving } => serve(&dir(project)?, *serving).await,
        CloudCommand::ServeAws { project, program } => aws::serve(&dir(project)?, program),
    }
}

/// Starts the local cloud of a folder unless it is up.
pub(crate) async fn start(dir: &Path, serving: Serving) -> Result<Endpoints, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::of(Exit::Error, "find this program", &error))?;
    let mut args: Vec<OsString> = ["cloud", "serve", "--cloud-dir"].map(OsString::from).to_vec();
    args.push(dir.into());
    args.extend(serving.realistic.map(|scale| format!("--realistic={scale}").into()));
    args.extend(serving.rates.map(|rates| format!("--rates={rates}").into()));
    args.extend(serving.rbac.map(|rbac| format!("--rbac={rbac}").into()));
    args.extend(serving.mqtt_port.map(|port| format!("--mqtt-port={port}").into()));
    let launch = Launch { program, args, deadline: START };
    process::up(dir, &launch).await.map_err(|error| unstarted(&error))
}

/// Starts what a target needs of the local cloud, unless it is up.
pub(crate) async fn start_parts(place: &Place, target: &Target, output: Output) -> Result<LocalParts, Failure> {
    let needs_aws = target.aws.is_some();
    aws::demand(place, Emulated { aws: needs_aws, no_aws: !needs_aws }).await?;
    let endpoints = start(&place.cloud, Serving::default()).await?;
    let aws = match needs_aws {
        true => Some(aws::ensure(place, output).await?.endpoint),
        false => None,
    };
    if let Some(aws) = &aws {
        // TwinMaker is served here, and asks connectors there.
        Control::of(&endpoints)?.put("aws", &json!({ "endpoint": aws })).await?;
    }
    Ok(LocalParts { endpoints, aws })
}

/// What a target needs of the local cloud, if all of it is up; starts nothing.
pub(crate) async fn found_parts(place: &Place, target: &Target) -> Result<Option<LocalParts>, Failure> {
    let Some(endpoints) = found(&place.cloud).await? else { return Ok(None) };
    match (&target.aws, aws::found(&place.cloud).await?) {
        (Some(_), None) => Ok(None),
        (_, aws) => Ok(Some(LocalParts { endpoints, aws: aws.map(|aws| aws.endpoint) })),
    }
}

/// The same for who needs it: a failure when some of it is not up.
pub(crate) async fn running_parts(place: &Place, target: &Target) -> Result<LocalParts, Failure> {
    let endpoints = running(&place.cloud).await?;
    let aws = match target.aws {
        Some(_) => Some(aws::running(&place.cloud).await?.endpoint),
        None => None,
    };
    Ok(LocalParts { endpoints, aws })
}

/// Where the local cloud and its AWS serve; starts nothing.
pub(crate) async fn running_aws(place: &Place) -> Result<(Endpoints, Url), Failure> {
    Ok((running(&place.cloud).await?, aws::running(&place.cloud).await?.endpoint))
}

/// What keeps a cloud from starting, with what to do about a port that is taken: deployed host names hold its ports.
fn unstarted(error: &(dyn std::error::Error + 'static)) -> Failure {
    let failure = unmanaged("start the local cloud", error);
    match failure.causes.iter().any(|cause| cause.contains("Address already in use")) {
        true => failure.hint(
            "stop what listens there (the cloud of a project that this one is a copy of?), or begin anew on other \
             ports: `twinctl cloud reset`, or without the copied `.twinctl`",
        ),
        false => failure,
    }
}

/// Where the local cloud of a folder serves, if it is up; starts nothing.
pub(crate) async fn found(dir: &Path) -> Result<Option<Endpoints>, Failure> {
    match process::status(dir).await.map_err(|error| unmanaged("look for the local cloud", &error))? {
        Status::Running(endpoints, _) => Ok(Some(*endpoints)),
        Status::Stopped | Status::Unresponsive(_) => Ok(None),
    }
}

async fn up(place: &Place, serving: Serving, emulated: Emulated, output: Output) -> failure::Result {
    aws::demand(place, emulated).await?;
    let endpoints = start(&place.cloud, serving).await?;
    if serving.mqtt_port.is_some_and(|port| endpoints.mqtt.port() != Some(port)) {
        let failure = Failure::new(Exit::Error, "serve MQTT on that port");
        let why = format!("the local cloud is up already, with MQTT on {}", bare(&endpoints.mqtt));
        return Err(failure.because(why).hint("`twinctl cloud down` first; its state stays"));
    }
    if !endpoints.strictness.fits(serving.rates, serving.rbac) {
        let failure = Failure::new(Exit::Error, "enforce what was asked for");
        let why = format!("the local cloud is up already, {}", status::enforced(endpoints.strictness));
        return Err(failure.because(why).hint("`twinctl cloud down` first; its state stays"));
    }
    if place.state.exists() {
        derived::ignore(place, output);
    }
    let aws = aws::up(place, emulated, output).await?;
    output.data(&urls(&endpoints, aws.as_ref()), || listing(&endpoints, aws.as_ref()))?;
    Ok(Exit::Done)
}

async fn down(dir: &Path, output: Output) -> failure::Result {
    // First what sends to the other.
    let aws = aws::down(dir).await?;
    let stopped = aws | process::down(dir).await.map_err(|error| unmanaged("stop the local cloud", &error))?;
    output.data(&json!({ "stopped": stopped }), String::new)?;
    if !output.json {
        output.say(if stopped { "the local cloud is down; its state stays" } else { "the local cloud was not up" });
    }
    Ok(Exit::Done)
}

async fn reset(dir: &Path, output: Output) -> failure::Result {
    aws::reset(dir).await?;
    process::reset(dir).await.map_err(|error| unmanaged("reset the local cloud", &error))?;
    output.data(&json!({ "reset": true }), String::new)?;
    if !output.json {
        output.say("the local cloud is down and its state is gone");
    }
    Ok(Exit::Done)
}

async fn url(dir: &Path, name: &str, output: Output) -> failure::Result {
    let url = match name {
        AWS => bare(&aws::running(dir).await?.endpoint),
        name if NAMES.contains(&name) => running(dir).await?.url(name).map(bare).unwrap_or_default(),
        name => {
            let hint = format!("one of: {}, {AWS}", NAMES.join(", "));
            return Err(Failure::new(Exit::Usage, format!("find the service `{name}`")).hint(hint));
        }
    };
    output.data(&json!({ "name": name, "url": url }), || url.clone())?;
    Ok(Exit::Done)
}

async fn effects(dir: &Path, output: Output) -> failure::Result {
    let effects = Control::of(&running(dir).await?)?.get("effects").await?;
    output.data(&effects, || {
        let rows: Vec<[String; 5]> = effects.as_array().into_iter().flatten().map(effect_row).collect();
        table(["#", "service", "operation", "", "resource"], &rows)
    })?;
    Ok(Exit::Done)
}

fn effect_row(effect: &Value) -> [String; 5] {
    let text = |key: &str| effect[key].as_str().unwrap_or_default().to_owned();
    let unchanged = if effect["unchanged"] == true { "unchanged" } else { "" };
    [effect["sequence"].to_string(), text("service"), text("operation"), unchanged.into(), text("resource")]
}

async fn dump(dir: &Path, output: Output) -> failure::Result {
    let dump = Control::of(&running(dir).await?)?.get("dump").await?;
    output.data(&dump, || format!("{dump:#}"))?;
    Ok(Exit::Done)
}

async fn faults(dir: &Path, command: &FaultCommand, output: Output) -> failure::Result {
    let control = Control::of(&running(dir).await?)?;
    match command {
        FaultCommand::Set { faults } => control.put("faults", &json!(faults)).await?,
        FaultCommand::Clear => control.delete("faults").await?,
        FaultCommand::List => {}
    }
    let faults = control.get("faults").await?;
    output.data(&faults, || {
        let faults = faults.as_array().into_iter().flatten().map(Value::to_string);
        faults.map(|fault| fault + "\n").collect()
    })?;
    Ok(Exit::Done)
}

/// Has every exchange written to a file, or to none.
async fn record(dir: &Path, file: Option<&Path>, output: Output) -> failure::Result {
    let control = Control::of(&running(dir).await?)?;
    match file {
        None => control.delete("recording").await?,
        Some(file) => {
            let file = std::path::absolute(file).map_err(|error| Failure::of(Exit::Usage, "find the file", &error))?;
            control.put("recording", &json!({ "file": file })).await?;
        }
    }
    let recording = control.get("recording").await?;
    output.data(&recording, || match recording["file"].as_str() {
        Some(file) => format!("every request is written to {file}; it holds secrets, keep it to yourself\n"),
        None => "nothing is written any more\n".to_owned(),
    })?;
    Ok(Exit::Done)
}

async fn serve(dir: &Path, serving: Serving) -> failure::Result {
    let Serving { realistic, rates, rbac, mqtt_port } = serving;
    let aws_endpoint = aws_endpoint()?;
    let dir = dir.into();
    let options =
        server::Options { dir, realistic, rates, rbac, mqtt_port, aws_endpoint, ..server::Options::default() };
    process::serve(options).await.map_err(|error| unmanaged("serve the local cloud", &error))?;
    Ok(Exit::Done)
}

/// Where AWS answers as the environment says, when elsewhere than usual.
pub(crate) fn aws_endpoint() -> Result<Option<Url>, Failure> {
    let Some(text) = environment::text(environment::AWS_ENDPOINT) else { return Ok(None) };
    let unread = |error| Failure::of(Exit::Usage, format!("read {} as a URL", environment::AWS_ENDPOINT), &error);
    text.parse().map(Some).map_err(unread)
}

/// Where the local cloud of a folder serves; a failure when it is not up, or does not answer.
pub(crate) async fn running(dir: &Path) -> Result<Endpoints, Failure> {
    let not_up = |why: String| Failure::new(Exit::Error, "reach the local cloud").because(why).code("cloud-not-up");
    match process::status(dir).await.map_err(|error| unmanaged("look for the local cloud", &error))? {
        Status::Running(endpoints, _) => Ok(*endpoints),
        Status::Stopped => Err(not_up(format!("none is up in {}", dir.display()))),
        Status::Unresponsive(owner) => Err(not_up(silent(owner.map(|owner| owner.pid)))
            .hint("`twinctl cloud down` stops it, `twinctl cloud up` starts it again")),
    }
}

/// What a cloud that holds its folder and does not answer is, in words.
fn silent(process: Option<u32>) -> String {
    let who = process.map_or_else(|| "a process".to_owned(), |process| format!("process {process}"));
    format!("{who} holds the folder and does not answer")
}

fn unmanaged(tried: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(Exit::Error, tried, error)
}

/// A base URL without the slash at its end, so that `"$(twinctl cloud url arm)/subscriptions"` reads well.
fn bare(url: &impl ToString) -> String {
    url.to_string().trim_end_matches('/').to_owned()
}

fn urls(endpoints: &Endpoints, aws: Option<&Aws>) -> Value {
    named(endpoints, aws).map(|(name, url)| (name.to_owned(), json!(url))).collect()
}

fn listing(endpoints: &Endpoints, aws: Option<&Aws>) -> String {
    let rows: Vec<[String; 2]> = named(endpoints, aws).map(|(name, url)| [name.to_owned(), url]).collect();
    table(["service", "url"], &rows)
}

/// Every service with its base URL.
fn named(endpoints: &Endpoints, aws: Option<&Aws>) -> impl Iterator<Item = (&'static str, String)> {
    let own = NAMES.iter().map(|name| (*name, endpoints.url(name).map(bare).unwrap_or_default()));
    own.chain(aws.map(|aws| (AWS, bare(&aws.endpoint))))
}
