//! `twinctl status`: per layer, is everything correctly deployed; writes nothing and starts nothing.

use journal::RunState;
use serde_json::{Value, json};
use workflows::{
    clouds::Clouds,
    definition::{Definition, TargetKind},
    deploy::{LayerStatus, Status, View, deployment_id},
    layers::LAYERS,
};

use crate::{
    cli::{Global, Project},
    commands::cloud,
    connect,
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    project, render, runs,
};

const TRIED: &str = "look at the deployment";

/// Looks.
pub(crate) async fn status(global: &Global, options: &Project, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project)?;
    let Some(view) = runs::latest(&place, global, TRIED)? else {
        output.data(&data(&nothing(), None), || render::status::text(&nothing()))?;
        output.say("nothing was ever deployed from here; next: `twinctl run`");
        return Ok(Exit::Done);
    };
    let definition = view.last_definition().map_err(|error| explain::deploy(TRIED, &error))?;
    let clouds = clouds(&place, &definition).await?;
    let status = view.status(&clouds).await.map_err(|error| explain::deploy(TRIED, &error))?;
    output.data(&data(&status, Some(&view)), || render::status::text(&status))?;
    if let Some(run) = view.last_run() {
        output.say(&told(run, &view));
    }
    Ok(if is_drift(&status, &view) { Exit::Drift } else { Exit::Done })
}

/// The clouds, if they can be asked without starting anything.
pub(crate) async fn clouds(place: &Place, definition: &Definition) -> Result<Clouds, Failure> {
    let key = connect::existing_key(&place.state)?;
    let target = &definition.target;
    let clouds = match target.kind {
        TargetKind::Local => connect::local(&cloud::running_parts(place, target).await?, target, key)?,
        TargetKind::Cloud => {
            let given = project::credentials(place);
            connect::public(&connect::used(target), &given, Some(target), key).await?.clouds
        }
    };
    Ok(clouds.with_device_keys(connect::device_keys(&place.state, &deployment_id(definition))))
}

/// Before the first run nothing is deployed.
fn nothing() -> Status {
    let layer = |name: &&str| LayerStatus { layer: (*name).to_owned(), deployed: false, steps: Vec::new() };
    Status { deployed: false, layers: LAYERS.iter().map(layer).collect() }
}

fn data(status: &Status, view: Option<&View>) -> Value {
    let run = view.and_then(View::last_run).map(|run| {
        json!({ "id": run.id, "kind": run.kind, "status": run.status, "started": run.started, "ended": run.ended })
    });
    json!({
        "deployed": status.deployed,
        "layers": status.layers,
        "deployment": view.map(View::deployment),
        "run": run,
        "owner": view.and_then(View::owner),
    })
}

/// What the last run means for what was seen.
fn told(run: &RunState, view: &View) -> String {
    let line = format!("last run {}: {}", run.id, run.status);
    match view.owner() {
        Some(owner) => format!("{line}, at work right now: {owner}"),
        None if run.status.at_rest() => line,
        None => format!("{line}; next: `twinctl resume` or `twinctl rollback`"),
    }
}

/// Whether what a finished run left is not there any more as it left it. While a run is unfinished nothing can be said.
fn is_drift(status: &Status, view: &View) -> bool {
    let stands = view.state().definition().is_some();
    let rests = view.last_run().is_some_and(|run| run.status.at_rest());
    stands && rests && render::status::differs(status)
}
