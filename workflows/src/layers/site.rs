//! A graph in the making, with what every layer needs to know.

use std::time::Duration;

use engine::{
    graph::{After, Builder, Graph, Handle, Inputs, Label},
    step::Step,
};
use functions::{function::Function, settings::SecretRef};

use super::Unsupported;
use crate::{
    clouds::Clouds,
    definition::Definition,
    topology::{Cloud, Topology},
};

/// A graph in the making.
pub(super) struct Site<'d> {
    pub(super) definition: &'d Definition,
    pub(super) topology: Topology,
    builder: Builder<Clouds>,
    /// Every step so far with its layer: what a gate asks for.
    added: Vec<(&'static str, After)>,
}

impl<'d> Site<'d> {
    /// A graph without steps.
    ///
    /// # Errors
    /// [`Unsupported::NoToken`] when the definition holds no token for one of its calls.
    pub(super) fn new(definition: &'d Definition) -> Result<Self, Unsupported> {
        let topology = definition.topology();
        let missing = topology.calls().find(|call| !definition.tokens.contains_key(&call.connection));
        match missing {
            Some(call) => Err(Unsupported::NoToken { connection: call.connection.clone() }),
            None => Ok(Self { definition, topology, builder: Builder::default(), added: Vec::new() }),
        }
    }

    /// Whether anything of the deployment is on a cloud.
    pub(super) fn uses(&self, cloud: Cloud) -> bool {
        self.definition.providers.uses(cloud)
    }

    /// The token that a receiver asks for.
    pub(super) fn token(&self, receiver: Function) -> SecretRef {
        let call = self.topology.call(receiver).expect("a function that asks for a token is called by another");
        self.definition.tokens[&call.connection].clone()
    }

    /// Adds a step to a layer.
    pub(super) fn step<I, S>(
        &mut self,
        at: At,
        inputs: I,
        after: &[After],
        build: impl Fn(I::Values) -> S + Send + Sync + 'static,
    ) -> Handle<S::Output>
    where
        I: Inputs,
        S: Step<Clouds> + 'static,
    {
        let handle = self.builder.step(at.label(), inputs, after, build);
        self.added.push((at.layer, handle.into()));
        handle
    }

    /// Adds the gate of a layer: every step of the layers below.
    pub(super) fn gate(&mut self, layer: &'static str, below: &[&str]) -> After {
        let asks: Vec<After> =
            self.added.iter().filter(|(layer, _)| below.contains(layer)).map(|(_, after)| *after).collect();
        let at = At::new(layer, "preflight", format!("everything below {layer} is deployed"), 2);
        self.builder.gate(at.label(), &asks).into()
    }

    /// The finished graph.
    pub(super) fn finish(self) -> Graph<Clouds> {
        self.builder.finish()
    }
}

/// Where a step stands and what it is called.
pub(super) struct At {
    layer: &'static str,
    what: String,
    title: String,
    seconds: u64,
}

impl At {
    pub(super) fn new(layer: &'static str, what: impl Into<String>, title: impl Into<String>, seconds: u64) -> Self {
        Self { layer, what: what.into(), title: title.into(), seconds }
    }

    fn label(&self) -> Label {
        Label {
            id: format!("{}/{}", self.layer.to_ascii_lowercase(), self.what),
            layer: self.layer,
            title: self.title.clone(),
            expected: Duration::from_secs(self.seconds),
        }
    }
}
