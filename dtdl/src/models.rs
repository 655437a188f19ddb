//! A closed, validated set of models.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::graph::Graph;
use crate::{Component, Content, Document, Dtmi, Interface, Problem, Property, Relationship, Telemetry};
use crate::{adt, annotation, build, reader};

/// Whose rules a model must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rules {
    /// Azure Digital Twins: the language's rules and its own, stricter ones.
    #[default]
    Adt,
    /// The language's rules as the official parser has them when it allows no unknown extension.
    Language,
    /// The same, but contexts of extensions that are not known here are tolerated, and what they may define.
    LanguageWithUnknownExtensions,
}

/// A closed, validated set of models; cheap to clone and to extend, since models are shared.
#[derive(Debug, Clone, Default)]
pub struct Models {
    rules: Rules,
    interfaces: Arc<BTreeMap<Dtmi, Arc<Interface>>>,
}

/// A model cannot be taken out: others of the set extend it or have it as a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} model(s) refer to {id}, first {}", by.len(), by[0])]
pub struct Referenced {
    /// The model that was to be taken out.
    pub id: Dtmi,
    /// Who refers to it, sorted, never empty.
    pub by: Vec<Dtmi>,
}

impl Models {
    /// The set without models.
    pub fn empty(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Validates documents, each one model or an array of models, as a set of its own; all problems at once.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the documents and their text.
    ///
    /// ```
    /// use dtdl::{Document, Models, Rules};
    ///
    /// let oven = r#"{ "@context": "dtmi:dtdl:context;3", "@id": "dtmi:example:Oven;1", "@type": "Interface",
    ///                 "contents": [{ "@type": "Command", "name": "heat" }] }"#;
    /// let oven = [Document::from_text(oven)?];
    /// assert!(Models::parse(Rules::Language, &oven).is_ok());
    /// let problems = Models::parse(Rules::Adt, &oven).expect_err("Azure Digital Twins has no commands");
    /// assert_eq!(problems[0].rule, "adt-no-commands");
    /// # Ok::<(), Vec<dtdl::Problem>>(())
    /// ```
    pub fn parse(rules: Rules, documents: &[Document]) -> Result<Self, Vec<Problem>> {
        Self::empty(rules).extend(documents)
    }

    /// Validates documents against this set and returns the set with them; all problems at once.
    ///
    /// A model whose `@id` is in the set already is a problem (`duplicate-definition`).
    ///
    /// # Errors
    /// As with [`parse`](Self::parse); this set stays as it is.
    ///
    /// ```
    /// # use dtdl::{Document, Models, Rules};
    /// # let model = |id: &str, more: serde_json::Value| {
    /// #     let mut model = serde_json::json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface"});
    /// #     model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    /// #     Document::from_value(&model)
    /// # };
    /// let room = model("dtmi:example:Room;1", serde_json::json!({}));
    /// let kitchen = model("dtmi:example:Kitchen;1", serde_json::json!({ "extends": "dtmi:example:Room;1" }));
    /// let rooms = Models::empty(Rules::Adt).extend(&[room.clone()])?;
    /// let both = rooms.extend(&[kitchen])?;
    /// assert!(both.is_a("dtmi:example:Kitchen;1", "dtmi:example:Room;1"));
    /// assert_eq!(both.extend(&[room]).expect_err("it is there already")[0].rule, "duplicate-definition");
    /// # Ok::<(), Vec<dtdl::Problem>>(())
    /// ```
    pub fn extend(&self, documents: &[Document]) -> Result<Self, Vec<Problem>> {
        let (arena, report) = reader::read(documents, self.rules);
        let (flats, found) = Graph::new(&arena, self).check();
        let mut problems = report.problems;
        problems.extend(found);
        problems.extend(annotation::check(&arena, &flats));
        if self.rules == Rules::Adt {
            problems.extend(adt::check(&arena));
        }
        if !problems.is_empty() {
            problems.sort_by_key(|problem| (problem.document, problem.span.as_ref().map(|span| span.start)));
            return Err(problems);
        }
        let mut interfaces = BTreeMap::clone(&self.interfaces);
        let new = build::build(&arena, &flats).into_iter();
        interfaces.extend(new.map(|interface| (interface.id.clone(), Arc::new(interface))));
        Ok(Self { rules: self.rules, interfaces: Arc::new(interfaces) })
    }

    /// The set without one model.
    ///
    /// # Errors
    /// When other models of the set extend it or have it as a component. An unknown model is no error.
    ///
    /// ```
    /// # use dtdl::{Document, Models, Rules};
    /// # let model = |id: &str, more: serde_json::Value| {
    /// #     let mut model = serde_json::json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface"});
    /// #     model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    /// #     Document::from_value(&model)
    /// # };
    /// let room = model("dtmi:example:Room;1", serde_json::json!({}));
    /// let kitchen = model("dtmi:example:Kitchen;1", serde_json::json!({ "extends": "dtmi:example:Room;1" }));
    /// let models = Models::parse(Rules::Adt, &[room, kitchen])?;
    /// let held = models.without("dtmi:example:Room;1").expect_err("the kitchen extends it");
    /// assert_eq!(held.by, models.referrers("dtmi:example:Room;1"));
    /// assert_eq!(models.without("dtmi:example:Kitchen;1").expect("nothing needs it").len(), 1);
    /// # Ok::<(), Vec<dtdl::Problem>>(())
    /// ```
    pub fn without(&self, id: &str) -> Result<Self, Referenced> {
        let by = self.referrers(id);
        match self.interfaces.get_key_value(id) {
            Some((id, _)) if !by.is_empty() => Err(Referenced { id: id.clone(), by }),
            Some((id, _)) => {
                let mut interfaces = BTreeMap::clone(&self.interfaces);
                interfaces.remove(id);
                Ok(Self { rules: self.rules, interfaces: Arc::new(interfaces) })
            }
            None => Ok(self.clone()),
        }
    }

    /// Whose rules the set keeps.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// The number of models.
    pub fn len(&self) -> usize {
        self.interfaces.len()
    }

    /// Whether there is no model.
    pub fn is_empty(&self) -> bool {
        self.interfaces.is_empty()
    }

    /// The model with this identifier (a [`Dtmi`] or its text).
    pub fn get(&self, id: &str) -> Option<&Arc<Interface>> {
        self.interfaces.get(id)
    }

    /// All models, sorted by identifier.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Interface>> {
        self.interfaces.values()
    }

    /// All contents of a model by name, inherited ones included; nothing for an unknown model.
    ///
    /// ```
    /// # use dtdl::{Document, Models, Rules};
    /// # let model = |id: &str, more: serde_json::Value| {
    /// #     let mut model = serde_json::json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface"});
    /// #     model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    /// #     Document::from_value(&model)
    /// # };
    /// let contents = serde_json::json!([
    ///     { "@type": "Telemetry", "name": "heat", "schema": "double" },
    ///     { "@type": "Property", "name": "area", "schema": "integer" },
    /// ]);
    /// let room = model("dtmi:example:Room;1", serde_json::json!({ "contents": contents }));
    /// let kitchen = model("dtmi:example:Kitchen;1", serde_json::json!({ "extends": "dtmi:example:Room;1" }));
    /// let models = Models::parse(Rules::Adt, &[room, kitchen])?;
    /// let contents: Vec<_> = models.contents("dtmi:example:Kitchen;1").map(|content| (content.kind(), content.name())).collect();
    /// assert_eq!(contents, [("Property", "area"), ("Telemetry", "heat")]);
    /// assert_eq!(models.content("dtmi:example:Kitchen;1", "heat").map(dtdl::Content::kind), Some("Telemetry"));
    /// # Ok::<(), Vec<dtdl::Problem>>(())
    /// ```
    pub fn contents(&self, id: &str) -> impl Iterator<Item = &Content> {
        self.get(id).into_iter().flat_map(|interface| interface.flattened.values()).map(|content| &**content)
    }

    /// One content of a model, its own or inherited.
    pub fn content(&self, id: &str, name: &str) -> Option<&Content> {
        self.get(id)?.flattened.get(name).map(|content| &**content)
    }

    /// The properties of a model, inherited ones included.
    pub fn properties(&self, id: &str) -> impl Iterator<Item = &Property> {
        self.contents(id).filter_map(|content| match content {
            Content::Property(property) => Some(property),
            _ => None,
        })
    }

    /// The components of a model, inherited ones included.
    pub fn components(&self, id: &str) -> impl Iterator<Item = &Component> {
        self.contents(id).filter_map(|content| match content {
            Content::Component(component) => Some(component),
            _ => None,
        })
    }

    /// The relationships of a model, inherited ones included.
    pub fn relationships(&self, id: &str) -> impl Iterator<Item = &Relationship> {
        self.contents(id).filter_map(|content| match content {
            Content::Relationship(relationship) => Some(relationship),
            _ => None,
        })
    }

    /// The telemetry of a model, inherited ones included.
    pub fn telemetries(&self, id: &str) -> impl Iterator<Item = &Telemetry> {
        self.contents(id).filter_map(|content| match content {
            Content::Telemetry(telemetry) => Some(telemetry),
            _ => None,
        })
    }

    /// Whether a model is another, or extends it, near or far.
    pub fn is_a(&self, id: &str, ancestor: &str) -> bool {
        self.get(id).is_some_and(|interface| {
            interface.id.as_str() == ancestor
                || interface.ancestors.binary_search_by(|candidate| candidate.as_str().cmp(ancestor)).is_ok()
        })
    }

    /// The models that extend this one directly or have it as a component, sorted. Relationship targets do not count.
    pub fn referrers(&self, id: &str) -> Vec<Dtmi> {
        let refers = |interface: &&Arc<Interface>| interface.dependencies().any(|dependency| dependency.as_str() == id);
        self.iter().filter(refers).map(|interface| interface.id.clone()).collect()
    }

    /// All models, each after those that it extends or has as components; ties sorted by identifier.
    ///
    /// This is the order in which they can be uploaded in parts.
    ///
    /// ```
    /// # use dtdl::{Document, Models, Rules};
    /// # let model = |id: &str, more: serde_json::Value| {
    /// #     let mut model = serde_json::json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface"});
    /// #     model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    /// #     Document::from_value(&model)
    /// # };
    /// let door = model("dtmi:example:Door;1", serde_json::json!({ "extends": "dtmi:example:Opening;1" }));
    /// let opening = model("dtmi:example:Opening;1", serde_json::json!({}));
    /// let models = Models::parse(Rules::Adt, &[door, opening])?;
    /// let order: Vec<_> = models.dependency_order().into_iter().map(|interface| interface.id.as_str()).collect();
    /// assert_eq!(order, ["dtmi:example:Opening;1", "dtmi:example:Door;1"]);
    /// # Ok::<(), Vec<dtdl::Problem>>(())
    /// ```
    pub fn dependency_order(&self) -> Vec<&Arc<Interface>> {
        let mut order = Vec::with_capacity(self.len());
        let mut seen = BTreeSet::new();
        for interface in self.iter() {
            self.visit(interface, &mut seen, &mut order);
        }
        order
    }

    fn visit<'a>(
        &'a self,
        interface: &'a Arc<Interface>,
        seen: &mut BTreeSet<&'a Dtmi>,
        order: &mut Vec<&'a Arc<Interface>>,
    ) {
        if !seen.insert(&interface.id) {
            return;
        }
        for dependency in interface.dependencies().filter_map(|id| self.get(id.as_str())) {
            self.visit(dependency, seen, order);
        }
        order.push(interface);
    }
}
