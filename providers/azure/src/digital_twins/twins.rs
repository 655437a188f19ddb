//! Twins and their components.

use bytes::Bytes;
use serde_json::Value;

use super::{Client, Condition, Entity, Rate, entity};
use crate::{Error, http::Call};

const PATCH: &str = "application/json-patch+json";

impl Client {
    /// Reads a twin; `None` when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn twin(&self, id: &str) -> Result<Option<Entity>, Error> {
        self.find(Rate::Reads, Some(id), Call::get(self.url(&["digitaltwins", id], &[]))).await
    }

    /// Creates or replaces a twin. With [`Condition::IfMatch`] nothing is sent: the service knows no such PUT.
    ///
    /// # Errors
    /// Whatever the service refuses with; permanent when the document does not fit its model.
    pub async fn put_twin(&self, id: &str, document: &Value, condition: Condition<'_>) -> Result<Entity, Error> {
        let call = Call::put(self.url(&["digitaltwins", id], &[])).json(document);
        let call = put_condition(call, condition)?;
        let name = call.name();
        entity(&name, &self.send(Rate::Creates, Some(id), call).await?)
    }

    /// Changes a twin by a JSON Patch and gives its new ETag. `add` sets what was never set, `replace` is refused for
    /// it.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn patch_twin(&self, id: &str, patch: &Value, condition: Condition<'_>) -> Result<Option<String>, Error> {
        self.patch_twin_text(id, patch.to_string().into(), condition).await
    }

    /// The same with a JSON Patch that is text already.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn patch_twin_text(
        &self,
        id: &str,
        patch: Bytes,
        condition: Condition<'_>,
    ) -> Result<Option<String>, Error> {
        let call = Call::patch(self.url(&["digitaltwins", id], &[])).body(PATCH, patch);
        Ok(self.send(Rate::Patches, Some(id), condition.put_on(call)).await?.etag())
    }

    /// Deletes a twin; succeeds when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with; permanent while it has relationships.
    pub async fn delete_twin(&self, id: &str, condition: Condition<'_>) -> Result<(), Error> {
        let call = condition.put_on(Call::delete(self.url(&["digitaltwins", id], &[])));
        self.remove(Rate::Creates, Some(id), call).await
    }

    /// Reads a component; `None` when the twin or the component is not there.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn component(&self, twin: &str, component: &str) -> Result<Option<Entity>, Error> {
        let url = self.url(&["digitaltwins", twin, "components", component], &[]);
        self.find(Rate::Reads, Some(twin), Call::get(url)).await
    }

    /// Changes a component by a JSON Patch and gives the twin's new ETag.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn patch_component(
        &self,
        twin: &str,
        component: &str,
        patch: &Value,
        condition: Condition<'_>,
    ) -> Result<Option<String>, Error> {
        let url = self.url(&["digitaltwins", twin, "components", component], &[]);
        let call = condition.put_on(Call::patch(url).body(PATCH, patch.to_string().into()));
        Ok(self.send(Rate::Patches, Some(twin), call).await?.etag())
    }
}

/// A PUT may ask for absence only.
pub(super) fn put_condition(call: Call, condition: Condition<'_>) -> Result<Call, Error> {
    match condition {
        Condition::IfMatch(_) => {
            let name = call.name();
            Err(Error::permanent(format!("{name}: a PUT cannot be guarded by an ETag, a PATCH can")))
        }
        condition => Ok(condition.put_on(call)),
    }
}
