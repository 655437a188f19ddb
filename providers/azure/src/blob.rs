//! The data plane of a storage account: the blobs of one container.

use azure_core::time::{OffsetDateTime, to_rfc7231};
use bytes::Bytes;

use crate::{
    Error, api,
    http::{Call, Service},
};

/// The client of one container; cheap to clone.
#[derive(Debug, Clone)]
pub struct Container {
    service: Service,
    container: String,
}

impl Container {
    pub(crate) fn new(service: Service, container: &str) -> Self {
        Self { service, container: container.to_owned() }
    }

    /// Writes a block blob of an access tier (`Hot`, `Cool`, `Cold`, `Archive`), unless there is one of its name; says
    /// whether it did. A `/` in the name parts segments.
    ///
    /// # Errors
    /// Whatever the service refuses with; not-yet while our data role has not propagated.
    pub async fn create(&self, name: &str, content: Bytes, content_type: &str, tier: &str) -> Result<bool, Error> {
        let mut path = vec![self.container.as_str()];
        path.extend(name.split('/'));
        let call = Call::put(self.service.url(&path, &[]))
            .header("x-ms-version", api::BLOB_DATA)
            .header("x-ms-date", to_rfc7231(&OffsetDateTime::now_utc()))
            .header("x-ms-blob-type", "BlockBlob")
            .header("x-ms-access-tier", tier)
            .header("if-none-match", "*")
            .body(content_type, content);
        let request = call.name();
        let answer = self.service.exchange(call).await?;
        match (answer.status, answer.header("x-ms-error-code")) {
            // One in the archive cannot be written over at all.
            (409, Some("BlobAlreadyExists" | "BlobArchived")) | (412, _) => Ok(false),
            _ if answer.is_success() => Ok(true),
            _ => Err(self.service.refusal(request, &answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Kind,
        script::{Reply, Script},
    };

    async fn created(script: &Script) -> Result<bool, Error> {
        let container = script.azure().blobs(&script.base, "cold").expect("an endpoint");
        container.create("press 1/2026/a.ndjson", Bytes::from_static(b"{}\n"), "application/x-ndjson", "Cool").await
    }

    #[tokio::test]
    async fn a_blob_is_written_as_the_rest_interface_wants_it() {
        let script = Script::serve([Reply::new(201)]).await;
        assert_eq!(created(&script).await, Ok(true));
        let seen = &script.seen()[0];
        assert_eq!(seen.line(), "PUT /cold/press%201/2026/a.ndjson");
        for (name, value) in [
            ("authorization", "Bearer token-for-https://storage.azure.com/.default"),
            ("x-ms-version", "2023-11-03"),
            ("x-ms-blob-type", "BlockBlob"),
            ("x-ms-access-tier", "Cool"),
            ("if-none-match", "*"),
            ("content-type", "application/x-ndjson"),
        ] {
            assert_eq!(seen.header(name), Some(value), "{name}");
        }
    }

    #[tokio::test]
    async fn one_that_is_there_stays_as_it_is() {
        let exists = |code| Reply::new(409).header("x-ms-error-code", code);
        let script = Script::serve([exists("BlobAlreadyExists"), exists("BlobArchived"), Reply::new(412)]).await;
        for _ in 0..3 {
            assert_eq!(created(&script).await, Ok(false));
        }
    }

    #[tokio::test]
    async fn a_refusal_is_an_error() {
        let busy = Reply::new(409).header("x-ms-error-code", "ContainerBeingDeleted");
        let script = Script::serve([busy, Reply::new(403), Reply::new(503)]).await;
        let mut kinds = Vec::new();
        for _ in 0..3 {
            kinds.push(created(&script).await.expect_err("refused").kind());
        }
        assert_eq!(kinds, [Kind::Conflict, Kind::NotYet, Kind::Transient]);
    }
}
