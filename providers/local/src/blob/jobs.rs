//! Blobs as bulk jobs of the digital twins see them.

use std::io;
use std::sync::{Arc, Weak};

use url::Url;

use super::store::{Draft, Place};
use super::{place, query};
use crate::adt::{BlobError, Blobs, Input, Output};
use crate::cloud::Cloud;

/// What stands between a storage account's name and the port in the host names that are taken for this cloud's.
const ZONES: [&str; 2] = [".blob.localhost", ".blob.core.windows.net"];

/// The blobs of a cloud, for as long as there is the cloud.
#[derive(Clone)]
pub(crate) struct JobBlobs(Weak<Cloud>);

impl std::fmt::Debug for JobBlobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JobBlobs")
    }
}

impl JobBlobs {
    pub(crate) fn of(cloud: &Arc<Cloud>) -> Self {
        Self(Arc::downgrade(cloud))
    }

    /// The cloud, the container and the name of a blob.
    fn find(&self, uri: &str) -> Result<(Arc<Cloud>, Place, String), BlobError> {
        let missing = || BlobError::Missing(uri.to_owned());
        let cloud = self.0.upgrade().ok_or_else(missing)?;
        let (account, container, name) = taken_apart(uri).ok_or_else(missing)?;
        let place = place(&cloud.state(), &account, &container).ok_or_else(missing)?;
        Ok((cloud, place, name))
    }
}

impl Blobs for JobBlobs {
    fn names_blob(&self, uri: &str) -> bool {
        taken_apart(uri).is_some()
    }

    fn read(&self, uri: &str, from: u64) -> Result<Input, BlobError> {
        let (cloud, place, name) = self.find(uri)?;
        let found = cloud.blobs.reader(&place, &name, from).map_err(failed(uri))?;
        let (blob, file) = found.ok_or_else(|| BlobError::Missing(uri.to_owned()))?;
        Ok(Input { bytes: Box::new(file), etag: blob.etag })
    }

    fn append(&self, uri: &str, length: Option<u64>) -> Result<Output, BlobError> {
        let (cloud, place, name) = self.find(uri)?;
        let draft =
            Draft { content_type: Some("application/x-ndjson".to_owned()), is_append: true, ..Draft::default() };
        // One that is there stays.
        let may = |here: Option<&_>| if here.is_some() { Err(()) } else { Ok(()) };
        let _ = cloud.blobs.put(&place, &name, b"", draft, cloud.clock.now(), may).map_err(failed(uri))?;
        let opened = cloud.blobs.append(&place, &name, length).map_err(failed(uri))?;
        let opened = opened.ok_or_else(|| BlobError::Missing(uri.to_owned()))?;
        let opened = opened.map_err(|_| BlobError::Type(uri.to_owned()))?;
        Ok(Output { bytes: Box::new(opened.file), length: opened.size })
    }
}

fn failed(uri: &str) -> impl FnOnce(io::Error) -> BlobError {
    move |source| BlobError::Io { uri: uri.to_owned(), source }
}

/// Account, container and blob of `https://{account}.blob.{zone}/{container}/{blob}`; a signature behind it does not count.
fn taken_apart(uri: &str) -> Option<(String, String, String)> {
    let url = Url::parse(uri).ok().filter(|url| url.scheme() == "https")?;
    let host = url.host_str()?;
    let account = ZONES.iter().find_map(|zone| host.strip_suffix(zone)).filter(|account| !account.is_empty())?;
    let (container, name) = url.path().strip_prefix('/')?.split_once('/')?;
    let whole = !container.is_empty() && !name.is_empty();
    whole.then(|| (account.to_owned(), query::decode(container), query::decode(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_account_container_and_blob() {
        let parts = |uri| taken_apart(uri).map(|(account, container, name)| [account, container, name].join("|"));
        assert_eq!(parts("https://acc.blob.localhost:4711/c/a/b.ndjson?sig=x").as_deref(), Some("acc|c|a/b.ndjson"));
        assert_eq!(parts("https://acc.blob.core.windows.net/c/a%20b").as_deref(), Some("acc|c|a b"));
        for wrong in [
            "invalidUri",
            "http://acc.blob.localhost/c/b",
            "https://acc.example/c/b",
            "https://acc.blob.localhost/c",
            "https://.blob.localhost/c/b",
            "https://acc.blob.localhost/c/",
        ] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
