//! Importing models: in the order of their dependencies, whatever their order in the input.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::adt::change::{Change, Model};
use crate::adt::limits;
use crate::adt::model;
use crate::adt::name::Name;
use crate::adt::state::{self, State};
use crate::adt::ticks::Ticks;

use super::finding::Finding;
use super::turn::Item;

/// A finding with the number of its line.
pub(super) type Located = (u64, Finding);

/// The models of an input so that each comes after all that it extends or has as a component; where they go round in a
/// circle, as they came.
pub(super) fn ordered(items: Vec<Item>) -> Vec<Item> {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, item) in items.iter().enumerate() {
        places.entry(id(item).to_owned()).or_default().push(place);
    }
    let mut needed_by = vec![Vec::new(); items.len()];
    let mut missing = vec![0_usize; items.len()];
    for (place, item) in items.iter().enumerate() {
        let Ok(definition) = &item.entity else { continue };
        let needs: BTreeSet<usize> =
            model::references(definition).filter_map(|id| places.get(id)?.first().copied()).collect();
        for need in needs.into_iter().filter(|need| *need != place) {
            needed_by[need].push(place);
            missing[place] += 1;
        }
    }
    let mut ready: BTreeSet<usize> = (0..items.len()).filter(|place| missing[*place] == 0).collect();
    let mut order = Vec::with_capacity(items.len());
    while let Some(place) = ready.pop_first() {
        order.push(place);
        for after in &needed_by[place] {
            missing[*after] -= 1;
            if missing[*after] == 0 {
                ready.insert(*after);
            }
        }
    }
    order.extend((0..items.len()).filter(|place| missing[*place] > 0));
    let mut items: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    order.into_iter().filter_map(|place| items[place].take()).collect()
}

/// The change that adds all models that can be added, and what is wrong with the others.
pub(super) fn change(state: &State, items: Vec<Item>, now: Ticks) -> (Option<Change>, Vec<Located>) {
    let mut findings = Vec::new();
    let mut lines = Vec::new();
    let mut models: Vec<Model> = Vec::new();
    for item in items {
        match check(state, &models, item.entity) {
            Err(finding) => findings.push((item.line, finding)),
            Ok(definition) => {
                lines.push(item.line);
                models.push(Model {
                    id: Name::from(named(&definition)),
                    uploaded: now.later(models.len()),
                    decommissioned: false,
                    definition: Value::Object(definition),
                });
            }
        }
    }
    while let Err(problems) = state::extended(&state.models, &models) {
        let mut wrong: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for problem in problems {
            wrong.entry(problem.document.min(models.len() - 1)).or_default().push(problem.to_string());
        }
        for (place, words) in wrong.into_iter().rev() {
            models.remove(place);
            findings.push((lines.remove(place), Finding::new("DTDLParserError", words.join(" "))));
        }
    }
    findings.sort_by_key(|(line, _)| *line);
    ((!models.is_empty()).then_some(Change::AddModels(models)), findings)
}

/// What can be said of a model without the language.
fn check(
    state: &State,
    before: &[Model],
    definition: Result<Map<String, Value>, Finding>,
) -> Result<Map<String, Value>, Finding> {
    let definition = definition?;
    let id = named(&definition);
    if state.upload(id).is_some() || before.iter().any(|model| *model.id == *id) {
        return Err(Finding::new("ModelIdAlreadyExists", format!("The model {id} exists already.")));
    }
    if state.uploads.len() + before.len() >= limits::MODELS {
        return Err(Finding::new("LimitExceeded", "The maximum number of models has been reached."));
    }
    model::check_context(definition.get("@context"))?;
    Ok(definition)
}

fn id(item: &Item) -> &str {
    item.entity.as_ref().map_or("", named)
}

fn named(definition: &Map<String, Value>) -> &str {
    definition.get("@id").and_then(Value::as_str).unwrap_or_default()
}
