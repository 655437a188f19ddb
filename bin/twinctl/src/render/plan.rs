//! What a run or a resume would do, and what stands.

use engine::report::{Next, Plan, Planned, ResumePlan};
use serde_json::{Value, json};

use super::{journal::word, problems::plural, table::table};

/// The steps that would change something, and how many would not.
pub(crate) fn plan(plan: &Plan) -> String {
    let idle = |change| matches!(change, Planned::Unchanged | Planned::Leave | Planned::Gate);
    let rows: Vec<[String; 4]> = plan
        .steps
        .iter()
        .filter(|step| !idle(step.change))
        .map(|step| [planned(step.change).into(), step.step.to_string(), step.title.clone(), step.details.join(", ")])
        .collect();
    if rows.is_empty() {
        return "nothing to do: everything is as wanted\n".into();
    }
    let unchanged = plan.steps.iter().filter(|step| step.change == Planned::Unchanged).count();
    format!(
        "{}\n{} to do, {unchanged} unchanged\n",
        table(["change", "step", "what", ""], &rows),
        plural(rows.len(), "step")
    )
}

/// The same as data.
pub(crate) fn plan_data(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            json!({
                "step": step.step,
                "layer": step.layer,
                "title": step.title,
                "change": planned(step.change),
                "details": step.details,
            })
        })
        .collect();
    json!({ "definition": plan.definition, "changes": !plan.is_empty(), "steps": steps })
}

/// What is left to do of a run.
pub(crate) fn resume_plan(plan: &ResumePlan) -> String {
    let rows: Vec<[String; 3]> =
        plan.steps.iter().map(|step| [next(step.next), step.step.to_string(), step.title.clone()]).collect();
    let what = if plan.rolling_back { "the rollback of run" } else { "run" };
    format!("{}\n`resume` goes on with {what} {}\n", table(["next", "step", "what"], &rows), plan.run)
}

/// The same as data.
pub(crate) fn resume_plan_data(plan: &ResumePlan) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| json!({ "step": step.step, "layer": step.layer, "title": step.title, "next": next(step.next) }))
        .collect();
    json!({
        "run": plan.run,
        "kind": plan.kind,
        "definition": plan.definition,
        "rolling_back": plan.rolling_back,
        "steps": steps,
    })
}

fn planned(change: Planned) -> &'static str {
    match change {
        Planned::Create => "create",
        Planned::Update => "update",
        Planned::Unchanged => "unchanged",
        Planned::Adopt => "adopt",
        Planned::Delete => "delete",
        Planned::Leave => "leave",
        Planned::Refuse => "refuse",
        Planned::Gate => "gate",
        Planned::Unknown => "known later",
    }
}

fn next(next: Next) -> String {
    match next {
        Next::Done(outcome) => format!("done: {}", word(&outcome)),
        Next::Settle(action) => format!("settle: {}", word(&action)),
        Next::Run => "run".into(),
        Next::Remove => "remove".into(),
        Next::Undo(undo) => format!("undo: {}", word(&undo)),
    }
}

#[cfg(test)]
mod tests {
    use engine::report::{PlannedStep, ResumeStep};
    use journal::{Action, Digest, RunId, RunKind, StepId};

    use super::*;

    fn step(id: &str, change: Planned) -> PlannedStep {
        PlannedStep {
            step: StepId::new(id),
            layer: "L1".into(),
            title: "IoT hub factory-hub".into(),
            change,
            details: vec![],
        }
    }

    #[test]
    fn only_what_would_change_is_listed() {
        let steps = vec![
            step("l1/hub", Planned::Create),
            step("l1/devices", Planned::Unchanged),
            step("l1/preflight", Planned::Gate),
        ];
        let shown = plan(&Plan { definition: Digest("0".into()), steps });
        assert_eq!(shown, "CHANGE  STEP    WHAT\ncreate  l1/hub  IoT hub factory-hub\n\n1 step to do, 1 unchanged\n");
        let idle = Plan { definition: Digest("0".into()), steps: vec![step("l1/hub", Planned::Unchanged)] };
        assert_eq!(plan(&idle), "nothing to do: everything is as wanted\n");
        assert_eq!(plan_data(&idle)["changes"], false);
    }

    #[test]
    fn a_step_in_doubt_is_settled_first() {
        let step = ResumeStep {
            step: StepId::new("l1/hub"),
            layer: "L1".into(),
            title: "hub".into(),
            next: Next::Settle(Action::Create),
        };
        let plan = ResumePlan {
            run: RunId(uuid::Uuid::nil()),
            kind: RunKind::Deploy,
            definition: Digest("0".into()),
            rolling_back: false,
            steps: vec![step],
        };
        assert!(resume_plan(&plan).contains("settle: create  l1/hub  hub"), "{}", resume_plan(&plan));
    }
}
