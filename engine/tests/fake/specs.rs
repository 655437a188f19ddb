//! Definitions in a few words, and the graphs that they make.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine::{
    DefinitionError, Definitions,
    graph::{After, Builder, Graph, Handle, Label},
    step::Policy,
};
use journal::event::Digest;
use serde_json::json;

use crate::fake::{
    cloud::Cloud,
    steps::{Bulk, Made, Resource, quick},
};

/// What a part of a definition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A resource that is there at once.
    Plain,
    /// A resource with a long operation.
    Slow(u32),
    /// A resource that cannot carry a mark.
    Bare,
    /// Several small things.
    Bulk(Vec<String>),
    /// A gate.
    Gate,
}

/// One part of a definition.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// Earlier parts that it takes from.
    pub(crate) needs: Vec<usize>,
    pub(crate) version: u32,
    pub(crate) policy: Policy,
    pub(crate) expected: u64,
}

pub(crate) fn part(id: &str, kind: Kind, needs: &[usize]) -> Part {
    Part { id: id.into(), kind, needs: needs.to_vec(), version: 1, policy: quick(), expected: 1 }
}

pub(crate) fn plain(id: &str, needs: &[usize]) -> Part {
    part(id, Kind::Plain, needs)
}

impl Part {
    pub(crate) fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn expected(self, expected: u64) -> Self {
        Self { expected, ..self }
    }

    pub(crate) fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }
}

/// The graph of a definition.
pub(crate) fn graph(parts: &[Part]) -> Graph<Cloud> {
    let mut builder = Builder::default();
    let mut handles: Vec<(Option<Handle<Made>>, After)> = Vec::new();
    for part in parts {
        let inputs: Vec<Handle<Made>> = part.needs.iter().filter_map(|need| handles[*need].0).collect();
        let gates: Vec<After> =
            part.needs.iter().filter(|need| handles[**need].0.is_none()).map(|need| handles[*need].1).collect();
        let label = Label {
            id: part.id.clone(),
            layer: "layer",
            title: format!("the {}", part.id),
            expected: Duration::from_secs(part.expected),
        };
        let handle = match part.kind.clone() {
            Kind::Gate => {
                let asks: Vec<After> = part.needs.iter().map(|need| handles[*need].1).collect();
                handles.push((None, builder.gate(label, &asks).into()));
                continue;
            }
            Kind::Bulk(items) => {
                let name = part.id.clone();
                builder.step(label, inputs, &gates, move |_| Bulk { name: name.clone(), items: items.clone() })
            }
            kind @ (Kind::Plain | Kind::Slow(_) | Kind::Bare) => {
                let part = part.clone();
                builder.step(label, inputs, &gates, move |inputs| resource(&part, &kind, &inputs))
            }
        };
        handles.push((Some(handle), handle.into()));
    }
    builder.finish()
}

fn resource(part: &Part, kind: &Kind, inputs: &[Made]) -> Resource {
    Resource {
        name: part.id.clone(),
        document: json!({ "version": part.version, "inputs": inputs }),
        polls: if let Kind::Slow(polls) = kind { *polls } else { 0 },
        markable: *kind != Kind::Bare,
        policy: part.policy,
    }
}

/// Definitions by digest.
#[derive(Default)]
pub(crate) struct Library {
    graphs: BTreeMap<Digest, Arc<Graph<Cloud>>>,
}

impl Library {
    pub(crate) fn new(definitions: &[Vec<Part>]) -> Self {
        let numbered = definitions.iter().enumerate();
        Self { graphs: numbered.map(|(number, parts)| (digest(number), Arc::new(graph(parts)))).collect() }
    }
}

/// The digest of a definition by its number.
pub(crate) fn digest(number: usize) -> Digest {
    Digest(format!("{number:064x}"))
}

impl Definitions<Cloud> for Library {
    fn graph(&self, definition: &Digest) -> Result<Arc<Graph<Cloud>>, DefinitionError> {
        let missing = || DefinitionError { definition: definition.clone(), reason: "it is not stored".into() };
        self.graphs.get(definition).cloned().ok_or_else(missing)
    }
}
