//! The rules of Azure Digital Twins that are stricter than the language.

use crate::Problem;
use crate::element::{Arena, Target};
use crate::metamodel::{Class, Slot};

/// Finds what the language allows and Azure Digital Twins does not.
pub(crate) fn check(arena: &Arena) -> Vec<Problem> {
    let mut problems = Vec::new();
    for element in &arena.elements {
        if element.class == Class::Command {
            let message = format!("{} cannot be used: Azure Digital Twins has no commands", element.title());
            let remedy = "remove it, or model what it sets as a Property";
            problems.push(element.place.problem("adt-no-commands", message, remedy));
        }
        for link in &element.links {
            if link.slot == Slot::Interface && matches!(link.target, Target::Element(_)) {
                let message = "an interface is defined inside another".to_owned();
                let remedy = "define it as a model of its own and refer to it by its @id";
                problems.push(link.place.problem("adt-no-inline-interface", message, remedy));
            }
        }
    }
    problems
}
