//! `twinctl plan`: what `run` would do; writes nothing and starts nothing.

use serde_json::json;
use workflows::{
    clouds::Clouds,
    definition::{Definition, TargetKind},
    deploy::{self, View},
    inter_cloud::Key,
    project::Project as Files,
};

use crate::{
    cli::{Global, Project},
    commands::{cloud, run},
    connect::{self, Given},
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    project, render,
};

const TRIED: &str = "plan the deployment";

/// Plans.
pub(crate) async fn plan(global: &Global, options: &Project, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project)?;
    place.demand_project()?;
    let kind = project::kind(global.target);
    let project = project::load(&place, kind, output)?;
    // Nothing is written, so before the first run there is no key: any other makes the same plan.
    let kept = connect::existing_key(&place.state)?;
    let key = kept.map_or_else(connect::ephemeral_key, Ok)?;
    let definition = run::define(&project, kind).await?.with_tokens(&key);
    let changes = changes(&place, &definition, output)?;
    let clouds = clouds(&place, &project, &definition, key).await?;
    let look = clouds.is_some();
    let nowhere = if look { None } else { Some(connect::nowhere()?) };
    let at = clouds.as_ref().or(nowhere.as_ref()).expect("one of the two was made");
    let plan = deploy::plan(&place.state, at, &definition, look).await.map_err(failed)?;
    if !look {
        output.say("the local cloud is not up: planned from the journal alone");
    }
    let mut data = render::plan::plan_data(&plan);
    data["project_changes"] = json!(changes);
    data["looked"] = json!(look);
    output.data(&data, || {
        let words: Vec<String> = changes.iter().map(|change| format!("{change}\n")).collect();
        let gap = if words.is_empty() { "" } else { "\n" };
        format!("{}{gap}{}", words.concat(), render::plan::plan(&plan))
    })?;
    Ok(Exit::Done)
}

/// What changed in the project since what stands was deployed, in words; and that a run is unfinished.
fn changes(place: &Place, definition: &Definition, output: Output) -> Result<Vec<String>, Failure> {
    let Some(view) = View::of(&place.state, definition).map_err(failed)? else { return Ok(Vec::new()) };
    if let Some(run) = view.last_run().filter(|run| !run.status.at_rest()) {
        output.say(&format!("run {} is unfinished ({}): `resume` or `rollback` comes first", run.id, run.status));
    }
    let Some(standing) = view.state().definition() else { return Ok(Vec::new()) };
    let standing = view.definition(standing).map_err(failed)?;
    Ok(definition.diff(&standing).iter().map(ToString::to_string).collect())
}

/// The clouds to look at; none when the local ones are not up.
async fn clouds(place: &Place, project: &Files, definition: &Definition, key: Key) -> Result<Option<Clouds>, Failure> {
    let target = &definition.target;
    let clouds = match target.kind {
        TargetKind::Local => match cloud::found_parts(place, target).await? {
            Some(parts) => connect::local(&parts, target, Some(key))?,
            None => return Ok(None),
        },
        TargetKind::Cloud => {
            let given = Given::of(project);
            connect::public(&connect::used(target), &given, Some(target), Some(key)).await?.clouds
        }
    };
    Ok(Some(clouds.with_device_keys(connect::device_keys(&place.state, &deploy::deployment_id(definition)))))
}

fn failed(error: deploy::Error) -> Failure {
    explain::deploy(TRIED, &error)
}
