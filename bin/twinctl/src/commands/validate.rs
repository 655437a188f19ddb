//! `twinctl validate`: every problem of a project, each at its place; writes nothing.

use serde_json::json;

use crate::{
    cli::{Global, Project},
    exit::Exit,
    failure,
    output::Output,
    place::Place,
    project, render,
};

/// Checks.
pub(crate) fn validate(global: &Global, options: &Project, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project)?;
    place.demand_project()?;
    let report = project::read(&place, project::kind(global.target));
    let count = render::problems::count(&report.problems);
    let valid = report.project.is_some();
    output.data(&json!({ "valid": valid, "problems": report.problems }), || {
        let verdict = if valid { "valid" } else { "invalid" };
        format!("{}{verdict}: {count}\n", render::problems::text(&report.problems, &report.files, output.color))
    })?;
    if !valid && !output.json {
        output.say("hint: `docs/errors/CODE.md` explains each code");
    }
    Ok(if valid { Exit::Done } else { Exit::InvalidProject })
}
