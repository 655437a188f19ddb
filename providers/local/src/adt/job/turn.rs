//! What the entities of a turn change, under the checks that ordinary requests are under.

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::adt::answer::Refusal;
use crate::adt::call::Version;
use crate::adt::change::Change;
use crate::adt::draft::Draft;
use crate::adt::limits;
use crate::adt::name::Name;
use crate::adt::relationship;
use crate::adt::state::State;
use crate::adt::ticks::Ticks;
use crate::adt::twin;

use super::finding::Finding;
use super::section::Section;

/// An entity of the input.
#[derive(Debug)]
pub(super) struct Item {
    /// The number of its line.
    pub(super) line: u64,
    /// The bytes of the input up to the end of its line.
    pub(super) end: u64,
    /// The bytes of the line.
    pub(super) size: usize,
    /// Its members, or why they cannot be read.
    pub(super) entity: Result<Map<String, Value>, Finding>,
}

/// What a turn has put together so far.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) changes: Vec<Change>,
    /// How many of them add rather than replace.
    pub(super) added: usize,
    /// Relationships added, by their source.
    out: HashMap<Name, usize>,
    /// Relationships added, by their target.
    into: HashMap<Name, usize>,
}

impl Turn {
    /// Adds what the entity of a line changes.
    pub(super) fn add(&mut self, state: &State, section: Section, item: Item, now: Ticks) -> Result<(), Finding> {
        if item.size > limits::BODY_BYTES {
            let message = format!("The line has more than {} bytes.", limits::BODY_BYTES);
            return Err(Finding::new("RequestEntityTooLarge", message));
        }
        let entity = item.entity?;
        match section {
            // They are added all together: see `models`.
            Section::Models => Ok(()),
            Section::Twins => self.add_twin(state, entity, now),
            Section::Relationships => self.add_relationship(state, entity),
        }
    }

    /// The twin is put in the place of one of the same id.
    fn add_twin(&mut self, state: &State, mut entity: Map<String, Value>, now: Ticks) -> Result<(), Finding> {
        let id = take(&mut entity, "$dtId")?;
        twin::check_id(&id)?;
        let draft = Draft::of_body(entity, &state.models, Version::V2023_10_31)?;
        draft.check(&state.models)?;
        let before = state.twins.get(&*id);
        if before.is_none_or(|before| *before.model != *draft.model()) {
            twin::refuse_decommissioned(state, draft.model())?;
        }
        if before.is_none() {
            if state.twins.len() + self.added >= limits::TWINS {
                let message = "The maximum number of digital twins has been reached.";
                return Err(Finding::new("TwinLimitReached", message));
            }
            self.added += 1;
        }
        let twin = draft.into_twin(None, now, Uuid::new_v4());
        self.changes.push(Change::PutTwin(Name::from(&*id), twin));
        Ok(())
    }

    /// The relationship is put in the place of one of the same source and id.
    fn add_relationship(&mut self, state: &State, mut entity: Map<String, Value>) -> Result<(), Finding> {
        let (source, id) = (take(&mut entity, "$dtId")?, take(&mut entity, "$relationshipId")?);
        twin::check_id(&id)?;
        let new = relationship::of_body(entity)?;
        if !state.twins.contains_key(&*source) {
            return Err(Refusal::no_twin(&source).into());
        }
        relationship::check(state, &source, &new)?;
        let key = (Name::from(&*source), Name::from(&*id));
        if !state.relationships.contains_key(&key) {
            let (out, into) =
                (self.out.entry(key.0.clone()).or_default(), self.into.entry(new.target.clone()).or_default());
            relationship::check_room(state, &source, &new.target, (*out, *into))?;
            *out += 1;
            *into += 1;
            self.added += 1;
        }
        self.changes.push(Change::PutRelationship(key.0, key.1, new));
        Ok(())
    }
}

fn take(entity: &mut Map<String, Value>, name: &str) -> Result<String, Finding> {
    match entity.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Finding::format(format!("{name} must be a text."))),
    }
}
