//! Event routes: which of the instance's events go to which endpoint.

use serde_json::{Value, json};

use super::{Client, Pages, Rate};
use crate::{Error, http::Call};

/// An event route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRoute {
    /// The endpoint's name.
    pub endpoint: String,
    /// The filter expression; `true` lets everything pass.
    pub filter: String,
}

impl Client {
    /// Reads a route; `None` when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn event_route(&self, id: &str) -> Result<Option<EventRoute>, Error> {
        let call = Call::get(self.url(&["eventroutes", id], &[]));
        let Some(entity) = self.find(Rate::Routes, None, call).await? else { return Ok(None) };
        let text = |name: &str| entity.document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Some(EventRoute { endpoint: text("endpointName"), filter: text("filter") }))
    }

    /// Creates or replaces a route.
    ///
    /// # Errors
    /// Whatever the service refuses with; permanent (EventRouteEndpointInvalid) while the endpoint is not active.
    pub async fn put_event_route(&self, id: &str, route: &EventRoute) -> Result<(), Error> {
        let body = json!({"endpointName": route.endpoint, "filter": route.filter});
        let call = Call::put(self.url(&["eventroutes", id], &[])).json(&body);
        self.send(Rate::Routes, None, call).await.map(|_| ())
    }

    /// Deletes a route; succeeds when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn delete_event_route(&self, id: &str) -> Result<(), Error> {
        self.remove(Rate::Routes, None, Call::delete(self.url(&["eventroutes", id], &[]))).await
    }

    /// Lists the routes.
    #[must_use]
    pub fn event_routes(&self) -> Pages {
        Pages::list(self, Rate::Routes, None, self.url(&["eventroutes"], &[]))
    }
}
