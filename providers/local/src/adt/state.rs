//! The state of an instance: the fold of its changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use dtdl::{Document, Models, Problem, Rules};

use super::change::{Change, Model, Relationship, Route};
use super::egress::Outgoing;
use super::job::{Family, Job};
use super::name::{Name, Names};
use super::part::Twin;

/// A graph with its models.
#[derive(Debug)]
pub(super) struct State {
    /// The models' meaning.
    pub(super) models: Models,
    /// The models as uploaded, in that order; places never move while the instance is open.
    pub(super) uploads: BTreeMap<u64, Model>,
    places: HashMap<Name, u64>,
    next_place: u64,
    pub(super) twins: BTreeMap<Name, Twin>,
    /// By source and id.
    pub(super) relationships: BTreeMap<(Name, Name), Relationship>,
    /// Target, source and id of every relationship.
    incoming: BTreeSet<(Name, Name, Name)>,
    pub(super) routes: BTreeMap<String, Route>,
    pub(super) endpoints: BTreeSet<String>,
    /// What the last change is told with, as long as it may not be on its way.
    pub(super) outbox: Option<Outgoing>,
    /// By family and id.
    pub(super) jobs: BTreeMap<(Family, String), Job>,
    names: Names,
}

impl State {
    /// A new instance's state.
    pub(super) fn new() -> Self {
        Self {
            models: Models::empty(Rules::Adt),
            uploads: BTreeMap::new(),
            places: HashMap::new(),
            next_place: 0,
            twins: BTreeMap::new(),
            relationships: BTreeMap::new(),
            incoming: BTreeSet::new(),
            routes: BTreeMap::new(),
            endpoints: BTreeSet::new(),
            outbox: None,
            jobs: BTreeMap::new(),
            names: Names::default(),
        }
    }

    /// Applies one change; refused only when models do not fit the ones that are there.
    pub(super) fn apply(&mut self, change: Change) -> Result<(), String> {
        match change {
            Change::AddModels(models) => self.add_models(models)?,
            Change::SetDecommissioned(id, decommissioned) => self.set_decommissioned(&id, decommissioned),
            Change::DeleteModel(id) => self.delete_model(&id)?,
            Change::DeleteModels => self.delete_models(),
            Change::PutTwin(id, twin) => self.put_twin(id, twin),
            Change::DeleteTwin(id) => drop(self.twins.remove(&id)),
            Change::PutRelationship(source, id, relationship) => self.put_relationship(source, id, relationship),
            Change::DeleteRelationship(source, id) => self.delete_relationship(source, id),
            Change::PutRoute(id, route) => drop(self.routes.insert(id, route)),
            Change::DeleteRoute(id) => drop(self.routes.remove(&id)),
            Change::PutEndpoint(name) => drop(self.endpoints.insert(name)),
            Change::DeleteEndpoint(name) => drop(self.endpoints.remove(&name)),
            Change::Tell(change, outgoing) => {
                change.map_or(Ok(()), |change| self.apply(*change))?;
                self.outbox = outgoing;
            }
            Change::PutJob(family, id, job) => drop(self.jobs.insert((family, id), *job)),
            Change::DeleteJob(family, id) => drop(self.jobs.remove(&(family, id))),
            Change::Turn(changes) => changes.into_iter().try_for_each(|change| self.apply(change))?,
        }
        Ok(())
    }

    /// How many changes [`State::snapshot`] has.
    pub(super) fn size(&self) -> usize {
        let models = usize::from(!self.uploads.is_empty());
        let graph = self.twins.len() + self.relationships.len();
        let others = self.endpoints.len() + self.routes.len() + self.jobs.len();
        models + graph + others + usize::from(self.outbox.is_some())
    }

    /// The fewest changes that make this state out of nothing.
    pub(super) fn snapshot(&self) -> impl Iterator<Item = Change> {
        let twins = self.twins.iter().map(|(id, twin)| Change::PutTwin(id.clone(), twin.clone()));
        let relationships = self
            .relationships
            .iter()
            .map(|((source, id), one)| Change::PutRelationship(source.clone(), id.clone(), one.clone()));
        self.foundation().chain(twins).chain(relationships)
    }

    /// The part of [`State::snapshot`] that is no twin and no relationship.
    pub(super) fn foundation(&self) -> impl Iterator<Item = Change> {
        let models = (!self.uploads.is_empty()).then(|| Change::AddModels(self.uploads.values().cloned().collect()));
        let endpoints = self.endpoints.iter().map(|name| Change::PutEndpoint(name.clone()));
        let routes = self.routes.iter().map(|(id, route)| Change::PutRoute(id.clone(), route.clone()));
        let job =
            |((family, id), job): (&(Family, String), &Job)| Change::PutJob(*family, id.clone(), Box::new(job.clone()));
        let outbox = self.outbox.clone().map(|outgoing| Change::Tell(None, Some(outgoing)));
        models.into_iter().chain(endpoints).chain(routes).chain(self.jobs.iter().map(job)).chain(outbox)
    }

    /// One model as uploaded.
    pub(super) fn upload(&self, id: &str) -> Option<&Model> {
        self.uploads.get(self.places.get(id)?)
    }

    /// The relationships out of a twin, by id, from behind `after` on.
    pub(super) fn outgoing<'a>(
        &'a self,
        source: &str,
        after: &str,
    ) -> impl Iterator<Item = (&'a Name, &'a Relationship)> + use<'a> {
        let source = Name::from(source);
        let from = Bound::Excluded((source.clone(), Name::from(after)));
        let all = self.relationships.range((from, Bound::Unbounded));
        all.take_while(move |((of, _), _)| *of == source).map(|((_, id), relationship)| (id, relationship))
    }

    /// Source and id of the relationships into a twin, in that order, from behind `after` on.
    pub(super) fn incoming<'a>(
        &'a self,
        target: &str,
        after: (&str, &str),
    ) -> impl Iterator<Item = (&'a Name, &'a Name)> + use<'a> {
        let target = Name::from(target);
        let from = Bound::Excluded((target.clone(), Name::from(after.0), Name::from(after.1)));
        let all = self.incoming.range((from, Bound::Unbounded));
        all.take_while(move |(to, _, _)| *to == target).map(|(_, source, id)| (source, id))
    }

    fn add_models(&mut self, models: Vec<Model>) -> Result<(), String> {
        self.models = extended(&self.models, &models).map_err(|problems| words(&problems))?;
        for model in models {
            self.places.insert(model.id.clone(), self.next_place);
            self.uploads.insert(self.next_place, model);
            self.next_place += 1;
        }
        Ok(())
    }

    fn set_decommissioned(&mut self, id: &str, decommissioned: bool) {
        if let Some(model) = self.places.get(id).and_then(|place| self.uploads.get_mut(place)) {
            model.decommissioned = decommissioned;
        }
    }

    fn delete_model(&mut self, id: &str) -> Result<(), String> {
        self.models = self.models.without(id).map_err(|referenced| referenced.to_string())?;
        if let Some(place) = self.places.remove(id) {
            self.uploads.remove(&place);
        }
        Ok(())
    }

    fn delete_models(&mut self) {
        self.models = Models::empty(Rules::Adt);
        self.uploads.clear();
        self.places.clear();
    }

    fn put_twin(&mut self, id: Name, mut twin: Twin) {
        twin.share(&mut self.names);
        self.twins.insert(id, twin);
    }

    fn put_relationship(&mut self, source: Name, id: Name, mut relationship: Relationship) {
        let source = self.twin_name(source);
        relationship.target = self.twin_name(relationship.target);
        self.names.share(&mut relationship.name);
        let target = relationship.target.clone();
        if let Some(before) = self.relationships.insert((source.clone(), id.clone()), relationship) {
            self.incoming.remove(&(before.target, source.clone(), id.clone()));
        }
        self.incoming.insert((target, source, id));
    }

    fn delete_relationship(&mut self, source: Name, id: Name) {
        let key = (source, id);
        if let Some(before) = self.relationships.remove(&key) {
            self.incoming.remove(&(before.target, key.0, key.1));
        }
    }

    /// The twin's own text for its id, so that it is kept once.
    fn twin_name(&self, id: Name) -> Name {
        self.twins.get_key_value(&id).map_or(id, |(kept, _)| kept.clone())
    }
}

/// The models with more of them, or everything that is wrong with those.
pub(super) fn extended(models: &Models, more: &[Model]) -> Result<Models, Vec<Problem>> {
    let documents: Vec<_> = more.iter().map(|model| Document::from_value(&model.definition)).collect();
    models.extend(&documents)
}

/// All problems in one line.
pub(super) fn words(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
