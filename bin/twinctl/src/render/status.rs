//! Layer by layer, is everything correctly deployed.

use workflows::deploy::{Status, StepStatus};

use super::{problems::plural, table::table};

/// The characters of a step's details that are shown.
const DETAILS: usize = 120;

/// A line per layer, and one below for each step that is not as it should be.
pub(crate) fn text(status: &Status) -> String {
    let rows: Vec<[String; 3]> = status
        .layers
        .iter()
        .map(|layer| [layer.layer.clone(), yes_or_no(layer.deployed).into(), plural(layer.steps.len(), "step")])
        .collect();
    let wrong: Vec<[String; 4]> =
        status.layers.iter().flat_map(|layer| &layer.steps).filter(|step| step.seen != "deployed").map(wrong).collect();
    let mut text = table(["layer", "deployed", ""], &rows);
    if !wrong.is_empty() {
        text += "\n";
        text += &table(["step", "seen", "what", ""], &wrong);
    }
    text + &format!("\neverything correctly deployed: {}\n", yes_or_no(status.deployed))
}

/// Whether a step was seen that is not as it should be; one that could not be looked at says nothing.
pub(crate) fn differs(status: &Status) -> bool {
    let steps = status.layers.iter().flat_map(|layer| &layer.steps);
    steps.into_iter().any(|step| matches!(step.seen, "differs" | "partial" | "absent" | "not-ours"))
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn wrong(step: &StepStatus) -> [String; 4] {
    let details = match step.seen {
        // It follows from another step of the list, which says more.
        "unknown" => String::new(),
        _ => shortened(&step.details.join(", ")),
    };
    [step.step.clone(), step.seen.to_owned(), step.title.clone(), details]
}

/// A cloud's whole answer would tear the table apart; `--json` has it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(DETAILS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use workflows::deploy::LayerStatus;

    use super::*;

    fn status(seen: &'static str) -> Status {
        let step = StepStatus { step: "l1/hub".into(), title: "IoT hub h".into(), seen, details: vec!["/sku".into()] };
        let deployed = seen == "deployed";
        Status { deployed, layers: vec![LayerStatus { layer: "L1".into(), deployed, steps: vec![step] }] }
    }

    #[test]
    fn what_differs_is_named() {
        assert_eq!(
            text(&status("differs")),
            "LAYER  DEPLOYED\nL1     no        1 step\n\nSTEP    SEEN     WHAT\nl1/hub  differs  IoT hub h  /sku\n\n\
             everything correctly deployed: no\n"
        );
        assert!(text(&status("deployed")).ends_with("everything correctly deployed: yes\n"));
    }

    #[test]
    fn a_long_answer_does_not_tear_the_table_apart() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"ä".repeat(200)).chars().count(), DETAILS + 3);
    }

    #[test]
    fn a_look_that_failed_is_no_drift() {
        assert!(differs(&status("absent")));
        assert!(!differs(&status("failed")) && !differs(&status("deployed")));
    }
}
