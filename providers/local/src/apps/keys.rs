//! The keys of an app, and what each of them opens.

use axum::http::Request;
use bytes::Bytes;

use super::function::Level;
use crate::query;
use crate::state::{Resource, State};

/// An app's keys.
#[derive(Debug)]
pub(super) struct Keys {
    master: String,
    /// The default key, and those that were set beside it.
    functions: Vec<String>,
    event_grid: String,
}

impl Keys {
    /// The keys of an app.
    pub(super) fn of(state: &State, site: &Resource) -> Self {
        let own = format!("{}/host/default/functionkeys/", site.id.to_lowercase());
        let set = state.all::<Resource>().range(own.clone()..).take_while(|(key, _)| key.starts_with(&own));
        let set = set.filter_map(|(_, key)| key.body["properties"]["value"].as_str().map(str::to_owned));
        Self {
            master: site.minted("masterKey").to_owned(),
            functions: [site.minted("defaultKey").to_owned()].into_iter().chain(set).collect(),
            event_grid: site.minted("eventGridKey").to_owned(),
        }
    }

    /// Whether the request may call a function of that level.
    pub(super) fn admit(&self, level: Level, request: &Request<Bytes>) -> bool {
        match level {
            Level::Anonymous => true,
            Level::Function => self.carries(request, &self.functions),
            Level::Admin => self.carries(request, []),
        }
    }

    /// Whether the request may deliver events.
    pub(super) fn admit_events(&self, request: &Request<Bytes>) -> bool {
        self.carries(request, [&self.event_grid])
    }

    /// Whether the request carries one of the keys, or the master key, which opens everything.
    fn carries<'a>(&self, request: &Request<Bytes>, keys: impl IntoIterator<Item = &'a String>) -> bool {
        let shown = query::header(request, "x-functions-key").map(str::to_owned);
        let Some(shown) = shown.or_else(|| query::value(request, "code")).filter(|key| !key.is_empty()) else {
            return false;
        };
        shown == self.master || keys.into_iter().any(|key| *key == shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_opens_its_own_doors() {
        let keys = Keys { master: "m".into(), functions: vec!["d".into(), "x".into()], event_grid: "e".into() };
        let asks = |uri: &str| Request::builder().uri(uri).body(Bytes::new()).unwrap();
        let admits = |level, key: &str| keys.admit(level, &asks(&format!("https://a/api/f?code={key}")));
        assert!(keys.admit(Level::Anonymous, &asks("https://a/api/f")));
        assert!(!keys.admit(Level::Function, &asks("https://a/api/f")));
        let opened = |level| ["m", "d", "x", "e", ""].map(|key| admits(level, key));
        assert_eq!(opened(Level::Function), [true, true, true, false, false]);
        assert_eq!(opened(Level::Admin), [true, false, false, false, false]);
        let events = ["m", "e", "d"].map(|key| keys.admit_events(&asks(&format!("https://a/x?code={key}"))));
        assert_eq!(events, [true, true, false]);
        let header = Request::builder().uri("https://a/x").header("x-functions-key", "d").body(Bytes::new()).unwrap();
        assert!(keys.admit(Level::Function, &header));
    }
}
