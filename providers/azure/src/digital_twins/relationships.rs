//! Relationships between twins.

use serde_json::Value;
use url::Url;

use super::{Client, Condition, Entity, Pages, Rate, entity, twins::put_condition};
use crate::{Error, http::Call};

impl Client {
    /// Reads a relationship; `None` when it or its source is not there.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn relationship(&self, source: &str, id: &str) -> Result<Option<Entity>, Error> {
        self.find(Rate::Reads, Some(source), Call::get(self.relationship_url(source, id))).await
    }

    /// Creates or replaces a relationship (`$targetId`, `$relationshipName` and properties; the ids come from the
    /// call).
    ///
    /// # Errors
    /// Whatever the service refuses with; not-found when the source or the target is missing.
    pub async fn put_relationship(
        &self,
        source: &str,
        id: &str,
        document: &Value,
        condition: Condition<'_>,
    ) -> Result<Entity, Error> {
        let call = put_condition(Call::put(self.relationship_url(source, id)).json(document), condition)?;
        let name = call.name();
        entity(&name, &self.send(Rate::Creates, Some(source), call).await?)
    }

    /// Deletes a relationship; succeeds when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn delete_relationship(&self, source: &str, id: &str, condition: Condition<'_>) -> Result<(), Error> {
        let call = condition.put_on(Call::delete(self.relationship_url(source, id)));
        self.remove(Rate::Creates, Some(source), call).await
    }

    /// Lists what goes out of a twin.
    #[must_use]
    pub fn relationships(&self, source: &str) -> Pages {
        let url = self.url(&["digitaltwins", source, "relationships"], &[]);
        Pages::list(self, Rate::Reads, Some(source), url)
    }

    /// Lists what comes into a twin.
    #[must_use]
    pub fn incoming_relationships(&self, target: &str) -> Pages {
        let url = self.url(&["digitaltwins", target, "incomingrelationships"], &[]);
        Pages::list(self, Rate::Reads, Some(target), url)
    }

    fn relationship_url(&self, source: &str, id: &str) -> Url {
        self.url(&["digitaltwins", source, "relationships", id], &[])
    }
}
