//! What stands for records that were pruned: the state and the tree that they added up to.
//!
//! It is stored beside the records that are left, and a record among these ([`crate::Event::Pruned`]) states its root
//! and the digest of its state, so that it is covered by the hash chain: it cannot be exchanged.

use serde::{Deserialize, Serialize};

use crate::event::Digest;
use crate::merkle::Tree;
use crate::record::sha256;
use crate::state::{PrunedState, StreamState};

/// What the first `size` records of a stream added up to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Base {
    tree: Tree,
    /// The state as JSON, byte for byte what its digest is made of.
    state: String,
}

impl Base {
    /// What stands for the records that add up to this. Of the runs only the last is kept: it may be rolled back.
    pub(crate) fn new(tree: Tree, mut state: StreamState) -> Self {
        if let Some(last) = state.last_run().map(|run| run.id) {
            state.forget_before(last);
        }
        let state = serde_json::to_string(&state).expect("a state has string keys only");
        Self { tree, state }
    }

    /// How many records it stands for.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The tree over them.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The digest of the state, as the record of the prune states it.
    pub(crate) fn digest(&self) -> Digest {
        sha256("twinctl.journal.base.v1\n", self.state.as_bytes())
    }

    /// The state that they add up to.
    pub(crate) fn state(&self) -> Result<StreamState, String> {
        let state: StreamState =
            serde_json::from_str(&self.state).map_err(|error| format!("its state cannot be read: {error}"))?;
        match &state.head {
            Some(head) if head.seq + 1 == self.size() => Ok(state),
            _ => Err("its state and its tree are of different sizes".to_owned()),
        }
    }

    /// Whether the record of a prune of this size speaks of it; if so, it must say the same.
    pub(crate) fn confirmed(&self, said: &PrunedState) -> Result<bool, String> {
        if said.size != self.size() {
            return Ok(false);
        }
        if said.root != self.tree.root() || said.state != self.digest() {
            return Err("it is not what the record of the prune says".to_owned());
        }
        Ok(true)
    }
}
