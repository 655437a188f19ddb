//! The graph: nodes that become steps once the outputs that they take are known.
//!
//! A node is added together with the [`Handle`]s of the steps whose outputs it takes. Only adding a node yields a
//! handle, so a cycle or a missing input cannot be built. A graph is pure: the same definition makes the same graph.

use std::{collections::BTreeMap, marker::PhantomData};

use async_trait::async_trait;
use journal::event::StepId;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::step::{Change, Context, Error, Observation, Policy, Step};

/// The typed promise of a step's output.
#[derive(Debug)]
pub struct Handle<T> {
    node: usize,
    output: PhantomData<fn() -> T>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

/// A handle without its type: a dependency in order only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct After(usize);

impl<T> From<Handle<T>> for After {
    fn from(handle: Handle<T>) -> Self {
        Self(handle.node)
    }
}

/// The step of a node, and its output if it is known.
pub type Outputs<'a> = dyn Fn(usize) -> (StepId, Option<Value>) + 'a;

/// Handles whose outputs a node takes: `()`, one handle, or a tuple of up to six.
pub trait Inputs: Send + Sync + 'static {
    /// The outputs themselves.
    type Values;
    /// The nodes, in order.
    fn nodes(&self) -> Vec<usize>;
    /// The outputs, read back from what was journaled.
    ///
    /// # Errors
    /// [`InputError`] when an output is missing or of another shape than the step's type says.
    fn read(&self, outputs: &Outputs<'_>) -> Result<Self::Values, InputError>;
}

/// An output that a node takes is not there, or is not what its type says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The step that makes it has not completed.
    #[error("read what {0} gives: it is not known yet")]
    Missing(StepId),
    /// It was written by another version of this program.
    #[error("read what {step} gave: {reason}")]
    Shape {
        /// The step that made it.
        step: StepId,
        /// What the parser said.
        reason: String,
    },
}

impl<T: DeserializeOwned + 'static> Inputs for Handle<T> {
    type Values = T;

    fn nodes(&self) -> Vec<usize> {
        vec![self.node]
    }

    fn read(&self, outputs: &Outputs<'_>) -> Result<T, InputError> {
        let (step, value) = outputs(self.node);
        let Some(value) = value else { return Err(InputError::Missing(step)) };
        serde_json::from_value(value).map_err(|error| InputError::Shape { step, reason: error.to_string() })
    }
}

impl<T: DeserializeOwned + 'static> Inputs for Vec<Handle<T>> {
    type Values = Vec<T>;

    fn nodes(&self) -> Vec<usize> {
        self.iter().map(|handle| handle.node).collect()
    }

    fn read(&self, outputs: &Outputs<'_>) -> Result<Vec<T>, InputError> {
        self.iter().map(|handle| handle.read(outputs)).collect()
    }
}

macro_rules! tuple_inputs {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Inputs),*> Inputs for ($($name,)*) {
            type Values = ($($name::Values,)*);

            fn nodes(&self) -> Vec<usize> {
                let nodes: Vec<Vec<usize>> = vec![$(self.$index.nodes()),*];
                nodes.concat()
            }

            fn read(&self, _outputs: &Outputs<'_>) -> Result<Self::Values, InputError> {
                Ok(($(self.$index.read(_outputs)?,)*))
            }
        }
    };
}

tuple_inputs!();
tuple_inputs!(A 0);
tuple_inputs!(A 0, B 1);
tuple_inputs!(A 0, B 1, C 2);
tuple_inputs!(A 0, B 1, C 2, D 3);
tuple_inputs!(A 0, B 1, C 2, D 3, F 4);
tuple_inputs!(A 0, B 1, C 2, D 3, F 4, G 5);

/// A step with its output as JSON: what the executor works with.
#[async_trait]
pub trait AnyStep<E: ?Sized>: Send + Sync {
    /// See [`Step::document`].
    fn document(&self) -> Value;
    /// See [`Step::observe`].
    async fn observe(&self, cx: &Context<'_, E>) -> Result<Observation<Value>, Error>;
    /// See [`Step::apply`].
    async fn apply(&self, cx: &Context<'_, E>, change: Change<'_>) -> Result<Value, Error>;
    /// See [`Step::compensate`].
    async fn compensate(&self, cx: &Context<'_, E>) -> Result<(), Error>;
    /// See [`Step::policy`].
    fn policy(&self) -> Policy;
}

struct Erased<S>(S);

#[async_trait]
impl<E: Sync + ?Sized, S: Step<E>> AnyStep<E> for Erased<S> {
    fn document(&self) -> Value {
        self.0.document()
    }

    async fn observe(&self, cx: &Context<'_, E>) -> Result<Observation<Value>, Error> {
        Ok(match self.0.observe(cx).await? {
            Observation::Absent => Observation::Absent,
            Observation::Present { ownership, fit, output } => {
                Observation::Present { ownership, fit, output: output.as_ref().map(to_json) }
            }
        })
    }

    async fn apply(&self, cx: &Context<'_, E>, change: Change<'_>) -> Result<Value, Error> {
        self.0.apply(cx, change).await.map(|output| to_json(&output))
    }

    async fn compensate(&self, cx: &Context<'_, E>) -> Result<(), Error> {
        self.0.compensate(cx).await
    }

    fn policy(&self) -> Policy {
        self.0.policy()
    }
}

fn to_json(output: &impl serde::Serialize) -> Value {
    serde_json::to_value(output).expect("outputs are plain structs with string keys")
}

type Build<E> = Box<dyn Fn(&Outputs<'_>) -> Result<Box<dyn AnyStep<E>>, InputError> + Send + Sync>;

/// What a node does.
enum Work<E: ?Sized> {
    Step(Build<E>),
    Gate { asks: Vec<usize> },
}

/// A step that is not built yet, or a gate.
pub struct Node<E: ?Sized> {
    id: StepId,
    layer: String,
    title: String,
    takes: Vec<usize>,
    expected: std::time::Duration,
    work: Work<E>,
}

impl<E: ?Sized> Node<E> {
    /// The step's id.
    #[must_use]
    pub fn id(&self) -> &StepId {
        &self.id
    }

    /// The layer that it is shown under.
    #[must_use]
    pub fn layer(&self) -> &str {
        &self.layer
    }

    /// What it is, in words: "Azure Digital Twins instance factory-adt".
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The nodes that must be completed before, by index.
    #[must_use]
    pub fn takes(&self) -> &[usize] {
        &self.takes
    }

    /// The usual duration on the real cloud.
    #[must_use]
    pub fn expected(&self) -> std::time::Duration {
        self.expected
    }

    /// The nodes that a gate observes; `None` for a step.
    #[must_use]
    pub fn asks(&self) -> Option<&[usize]> {
        match &self.work {
            Work::Gate { asks } => Some(asks),
            Work::Step(_) => None,
        }
    }
}

/// Nodes in an order in which each comes after those that it takes from.
pub struct Graph<E: ?Sized> {
    nodes: Vec<Node<E>>,
    by_id: BTreeMap<StepId, usize>,
}

impl<E: ?Sized> Graph<E> {
    /// The nodes; a node's dependencies stand before it.
    #[must_use]
    pub fn nodes(&self) -> &[Node<E>] {
        &self.nodes
    }

    /// The index of a step.
    #[must_use]
    pub fn index(&self, id: &StepId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Builds the step of a node from the outputs known so far; `None` for a gate.
    ///
    /// # Errors
    /// [`InputError`] when an output that it takes is not known or not readable.
    pub fn build(
        &self,
        node: usize,
        outputs: &dyn Fn(&StepId) -> Option<Value>,
    ) -> Result<Option<Box<dyn AnyStep<E>>>, InputError> {
        match &self.nodes[node].work {
            Work::Gate { .. } => Ok(None),
            Work::Step(build) => {
                let output = |index: usize| (self.nodes[index].id.clone(), outputs(&self.nodes[index].id));
                build(&output).map(Some)
            }
        }
    }
}

#[cfg(feature = "sweep")]
impl<E: ?Sized + 'static> Graph<E> {
    /// The same graph with every step that it builds passed through `wrap`.
    #[must_use]
    pub fn wrapped(self: &std::sync::Arc<Self>, wrap: Wrap<E>) -> Self {
        let node = |(index, node): (usize, &Node<E>)| Node {
            id: node.id.clone(),
            layer: node.layer.clone(),
            title: node.title.clone(),
            takes: node.takes.clone(),
            expected: node.expected,
            work: match &node.work {
                Work::Gate { asks } => Work::Gate { asks: asks.clone() },
                Work::Step(_) => Work::Step(self.wrapped_build(index, &wrap)),
            },
        };
        Self { nodes: self.nodes.iter().enumerate().map(node).collect(), by_id: self.by_id.clone() }
    }

    fn wrapped_build(self: &std::sync::Arc<Self>, index: usize, wrap: &Wrap<E>) -> Build<E> {
        let (graph, wrap) = (std::sync::Arc::clone(self), std::sync::Arc::clone(wrap));
        Box::new(move |outputs| match &graph.nodes[index].work {
            Work::Step(build) => Ok(wrap(&graph.nodes[index].id, build(outputs)?)),
            Work::Gate { .. } => unreachable!("a gate is not built"),
        })
    }
}

/// What [`Graph::wrapped`] passes each built step through.
#[cfg(feature = "sweep")]
pub type Wrap<E> = std::sync::Arc<dyn Fn(&StepId, Box<dyn AnyStep<E>>) -> Box<dyn AnyStep<E>> + Send + Sync>;

/// Where a node stands and what it is called.
#[derive(Debug, Clone)]
pub struct Label {
    /// Unique and stable between definitions.
    pub id: String,
    /// The layer that it is shown under.
    pub layer: &'static str,
    /// What it is, in words.
    pub title: String,
    /// The usual duration on the real cloud: the weight of the node on the critical path.
    pub expected: std::time::Duration,
}

/// Builds a [`Graph`].
pub struct Builder<E: ?Sized> {
    graph: Graph<E>,
}

impl<E: ?Sized> Default for Builder<E> {
    fn default() -> Self {
        Self { graph: Graph { nodes: Vec::new(), by_id: BTreeMap::new() } }
    }
}

impl<E: Sync + ?Sized + 'static> Builder<E> {
    /// Adds a step that takes the outputs of `inputs`, and must also wait for `after`.
    ///
    /// # Panics
    /// When the id is taken: ids come from our own workflow code, which must not use one twice.
    pub fn step<I, S>(
        &mut self,
        label: Label,
        inputs: I,
        after: &[After],
        build: impl Fn(I::Values) -> S + Send + Sync + 'static,
    ) -> Handle<S::Output>
    where
        I: Inputs,
        S: Step<E> + 'static,
    {
        let mut takes = inputs.nodes();
        takes.extend(after.iter().map(|after| after.0));
        let work = Work::Step(Box::new(move |outputs| {
            Ok(Box::new(Erased(build(inputs.read(outputs)?))) as Box<dyn AnyStep<E>>)
        }));
        Handle { node: self.push(label, takes, work), output: PhantomData }
    }

    /// Adds a gate: it passes when every step in `asks` is observed as wanted and ours.
    ///
    /// # Panics
    /// When the id is taken.
    pub fn gate(&mut self, label: Label, asks: &[After]) -> Handle<()> {
        let asks: Vec<usize> = asks.iter().map(|after| after.0).collect();
        Handle { node: self.push(label, asks.clone(), Work::Gate { asks }), output: PhantomData }
    }

    fn push(&mut self, label: Label, mut takes: Vec<usize>, work: Work<E>) -> usize {
        takes.sort_unstable();
        takes.dedup();
        let node = self.graph.nodes.len();
        let id = StepId::new(label.id);
        let earlier = self.graph.by_id.insert(id.clone(), node);
        assert!(earlier.is_none(), "step ids are unique within a graph: {id} was added twice");
        self.graph.nodes.push(Node {
            id,
            layer: label.layer.into(),
            title: label.title,
            takes,
            expected: label.expected,
            work,
        });
        node
    }

    /// The finished graph.
    #[must_use]
    pub fn finish(self) -> Graph<E> {
        self.graph
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_is_not_there_is_named_by_its_step() {
        let handle = Handle::<u8> { node: 3, output: PhantomData };
        let missing = handle.read(&|_| (StepId::new("l1/hub"), None)).unwrap_err();
        assert_eq!(missing.to_string(), "read what l1/hub gives: it is not known yet");
        let shape = handle.read(&|_| (StepId::new("l1/hub"), Some(Value::from("x")))).unwrap_err();
        assert!(shape.to_string().starts_with("read what l1/hub gave: invalid type"), "{shape}");
    }
}
