//! The settings of a function app: read, merged, written back whole, since a PUT replaces them all.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value, json};

use super::{Client, Submitted, Write};
use crate::{Error, api, credentials::Secret};

/// An app's settings by name. Any of them may be a secret, so all are treated as such.
pub type Settings = BTreeMap<String, Secret>;

/// What a merge did, by names only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsChange {
    /// Settings that were added or changed.
    pub set: Vec<String>,
    /// Settings that were removed.
    pub removed: Vec<String>,
}

impl SettingsChange {
    /// Whether nothing was written: the app was not restarted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

/// One lock per app: reading, merging and writing must not interleave, and the service offers no ETag for them.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Locks {
    fn of(&self, site: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(site.to_ascii_lowercase()).or_default())
    }
}

impl Client {
    /// Reads an app's settings; `None` when there is no such app.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn settings(&self, site: &str) -> Result<Option<Settings>, Error> {
        match self.post(site, "config/appsettings/list", api::WEB, None, Write::default()).await {
            Ok(Submitted::Done(body)) => Ok(Some(read(body.as_ref()))),
            Ok(Submitted::Running(_)) => Err(Error::permanent(format!("{site}: the settings were not listed at once"))),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets `wanted` and removes the names in `unwanted`, leaving every other setting as it is. Writes nothing, and so
    /// restarts nothing, when all is as wanted.
    ///
    /// # Errors
    /// Whatever the service refuses with; not-found when there is no such app.
    pub async fn merge_settings(
        &self,
        site: &str,
        wanted: &Settings,
        unwanted: &[String],
        write: Write<'_>,
    ) -> Result<SettingsChange, Error> {
        let lock = self.settings.of(site);
        let _held = lock.lock().await;
        let list = self.post(site, "config/appsettings/list", api::WEB, None, Write::default()).await?;
        let Submitted::Done(listed) = list else {
            return Err(Error::permanent(format!("{site}: the settings were not listed at once")));
        };
        let mut settings = read(listed.as_ref());
        let change = merge(&mut settings, wanted, unwanted);
        if !change.is_empty() {
            let properties: Map<String, Value> =
                settings.into_iter().map(|(name, value)| (name, json!(value.expose()))).collect();
            let id = format!("{}/config/appsettings", site.trim_end_matches('/'));
            self.put(&id, api::WEB, &json!({ "properties": properties }), write).await?;
        }
        Ok(change)
    }
}

fn read(body: Option<&Value>) -> Settings {
    let properties = body.and_then(|body| body.get("properties")).and_then(Value::as_object);
    let settings = properties.into_iter().flatten();
    settings.map(|(name, value)| (name.clone(), Secret::new(value.as_str().unwrap_or_default().to_owned()))).collect()
}

fn merge(settings: &mut Settings, wanted: &Settings, unwanted: &[String]) -> SettingsChange {
    let mut change = SettingsChange::default();
    for (name, value) in wanted {
        if settings.get(name) != Some(value) {
            settings.insert(name.clone(), value.clone());
            change.set.push(name.clone());
        }
    }
    for name in unwanted.iter().filter(|name| !wanted.contains_key(*name)) {
        if settings.remove(name).is_some() {
            change.removed.push(name.clone());
        }
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::from(*value))).collect()
    }

    #[test]
    fn a_merge_touches_only_what_it_is_told_to() {
        let mut found = settings(&[("THEIRS", "1"), ("SAME", "2"), ("OLD", "3"), ("GONE", "4")]);
        let wanted = settings(&[("SAME", "2"), ("OLD", "new"), ("NEW", "5")]);
        let change = merge(&mut found, &wanted, &["GONE".into(), "NEVER".into(), "NEW".into()]);
        assert_eq!(change.set, ["NEW", "OLD"]);
        assert_eq!(change.removed, ["GONE"]);
        assert_eq!(found, settings(&[("THEIRS", "1"), ("SAME", "2"), ("OLD", "new"), ("NEW", "5")]));
    }
}
