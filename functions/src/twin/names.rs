//! Paths of properties, held once for all twins that have them.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// The paths in use: as many as the models have properties.
#[derive(Debug, Default)]
pub(super) struct SharedNames(Mutex<HashSet<Arc<str>>>);

impl SharedNames {
    pub(super) fn share(&self, name: &str) -> Arc<str> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = name.into();
        names.insert(Arc::clone(&shared));
        shared
    }
}
