//! Blob storage: block and append blobs in containers that Resource Manager knows.
//!
//! Event Grid writes its dead letters here; people and programs write, read and list with the usual clients. Whoever
//! shows a token, a signature or a key's presence is admitted, as everywhere in this cloud.

mod answer;
mod append;
mod jobs;
mod list;
mod request;
mod store;

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response};
use bytes::Bytes;

use self::answer::{Refusal, Reply, escaped, http_date};
use self::list::Ask;
use self::store::{Blob, Draft, Place};
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::listen::Service;
use crate::query;
use crate::state::{Resource, State};

pub(crate) use jobs::JobBlobs;
pub(crate) use store::Store;

const ACCOUNTS: &str = "Microsoft.Storage/storageAccounts";
const CONTAINERS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers";

/// Serves a request to `https://{account}.blob.localhost/`.
pub(crate) fn handle(cloud: &Arc<Cloud>, account: &str, request: &Request<Bytes>) -> Response<Body> {
    let is_head = request.method() == Method::HEAD;
    let reply = match serve(cloud, account, request) {
        Ok(Some(reply)) => reply,
        Ok(None) => return Answer::not_implemented("this request to blob storage", request).into_response(),
        Err(refusal) => Reply::refused(&refusal, is_head),
    };
    reply.finish(query::header(request, "x-ms-version"), query::header(request, "x-ms-client-request-id"))
}

/// Writes a blob on behalf of a service of this cloud; false when there is no such container.
pub(crate) fn write(cloud: &Cloud, account: &str, container: &str, name: &str, bytes: &[u8]) -> io::Result<bool> {
    let Some(place) = place(&cloud.state(), account, container) else { return Ok(false) };
    let draft = Draft { content_type: Some("application/json".to_owned()), ..Draft::default() };
    let written = cloud.blobs.put(&place, name, bytes, draft, cloud.clock.now(), |_| Ok::<_, ()>(()))?;
    Ok(written.is_ok())
}

/// Deletes what lies in containers that are gone.
pub(crate) fn sweep(cloud: &Cloud) {
    let places = places(&cloud.state());
    if let Err(error) = cloud.blobs.sweep(&places) {
        tracing::warn!(%error, "the blobs of containers that are gone could not be deleted");
    }
}

/// All containers of all accounts.
fn places(state: &State) -> Vec<Place> {
    let containers = state.all::<Resource>().values().filter(|found| found.kind == CONTAINERS);
    containers.filter_map(of).collect()
}

fn of(container: &Resource) -> Option<Place> {
    let account = container.id.rsplit('/').nth(4)?.to_lowercase();
    Some(Place { account, container: container.name().to_owned(), created: container.created.clone() })
}

fn place(state: &State, account: &str, container: &str) -> Option<Place> {
    places(state).into_iter().find(|place| place.account.eq_ignore_ascii_case(account) && place.container == container)
}

/// The answer; `None` when this is not implemented.
fn serve(cloud: &Cloud, account: &str, request: &Request<Bytes>) -> Result<Option<Reply>, Refusal> {
    request::admit(request)?;
    let (places, is_there) = {
        let state = cloud.state();
        let mut accounts = state.all::<Resource>().values().filter(|found| found.kind == ACCOUNTS);
        (places(&state), accounts.any(|found| found.name().eq_ignore_ascii_case(account)))
    };
    if !is_there {
        return Err(Refusal::new(404, "ResourceNotFound", format!("There is no storage account '{account}'.")));
    }
    let (container, name) = request::target(request.uri().path());
    let comp = query::value(request, "comp");
    let comp = comp.as_deref().unwrap_or_default();
    if container.is_empty() {
        let own = places.iter().filter(|place| place.account.eq_ignore_ascii_case(account));
        let is_list = request.method() == Method::GET && comp == "list";
        return Ok(is_list.then(|| containers(&endpoint(cloud, account), own)));
    }
    let mut all = places.into_iter();
    let place = all.find(|place| place.account.eq_ignore_ascii_case(account) && place.container == container);
    let missing = || Refusal::new(404, "ContainerNotFound", "The specified container does not exist.");
    let is_container = query::value(request, "restype").is_some_and(|kind| kind == "container");
    // Containers are made through Resource Manager only.
    if is_container && *request.method() == Method::PUT {
        return Ok(None);
    }
    let place = place.ok_or_else(missing)?;
    let on = On { cloud, request, place: &place, name: &name };
    match (request.method(), is_container, comp) {
        (&Method::GET | &Method::HEAD, true, "") => Ok(Some(container_properties(&place))),
        (&Method::GET, true, "list") => on.list(&endpoint(cloud, account)).map(Some),
        (_, true, _) => Ok(None),
        (_, false, _) if name.is_empty() => Ok(None),
        (&Method::PUT, _, "") => on.put(),
        (&Method::PUT, _, "appendblock") => on.append().map(Some),
        (&Method::GET, _, "") => on.get().map(Some),
        (&Method::HEAD, _, "") => on.head().map(Some),
        (&Method::DELETE, _, "") => on.delete().map(Some),
        _ => Ok(None),
    }
}

fn endpoint(cloud: &Cloud, account: &str) -> String {
    format!("https://{}/", cloud.hosts.of(Service::Data, "blob", account))
}

fn containers<'a>(endpoint: &str, places: impl Iterator<Item = &'a Place>) -> Reply {
    let listed: String =
        places.map(|place| format!("<Container><Name>{}</Name></Container>", escaped(&place.container))).collect();
    let endpoint = escaped(endpoint);
    Reply::xml(
        200,
        &format!(
            "<EnumerationResults ServiceEndpoint=\"{endpoint}\"><Containers>{listed}</Containers><NextMarker></NextMarker></EnumerationResults>"
        ),
    )
}

fn container_properties(place: &Place) -> Reply {
    let created = chrono::DateTime::parse_from_rfc3339(&place.created).map(|created| created.to_utc());
    let digits: String = place.created.chars().filter(char::is_ascii_digit).collect();
    Reply::new(200, Body::empty())
        .header("etag", &format!("\"0x{digits}\""))
        .header("last-modified", &http_date(created.unwrap_or_default()))
        .header("x-ms-lease-status", "unlocked")
        .header("x-ms-lease-state", "available")
        .header("x-ms-has-immutability-policy", "false")
        .header("x-ms-has-legal-hold", "false")
}

/// A request on a container that is there, or on a blob in it.
struct On<'a> {
    cloud: &'a Cloud,
    request: &'a Request<Bytes>,
    place: &'a Place,
    name: &'a str,
}

impl On<'_> {
    fn list(&self, endpoint: &str) -> Result<Reply, Refusal> {
        let value = |name: &str| query::value(self.request, name).filter(|value| !value.is_empty());
        let ask = Ask {
            prefix: value("prefix").unwrap_or_default(),
            delimiter: value("delimiter"),
            marker: value("marker"),
            page: Ask::page(value("maxresults").as_deref())?,
            with_metadata: value("include").is_some_and(|include| include.split(',').any(|part| part == "metadata")),
        };
        let blobs = self.cloud.blobs.list(self.place).map_err(|error| broken(&error))?;
        Ok(Reply::xml(200, &ask.xml(endpoint, &self.place.container, &blobs)))
    }

    fn put(&self) -> Result<Option<Reply>, Refusal> {
        match query::header(self.request, "x-ms-blob-type") {
            Some("AppendBlob") => return self.create_append().map(Some),
            Some("BlockBlob") => {}
            // Page blobs.
            Some(_) => return Ok(None),
            None => {
                let message = "An HTTP header that's mandatory for this request is not specified: x-ms-blob-type.";
                return Err(Refusal::new(400, "MissingRequiredHeader", message));
            }
        }
        if query::header(self.request, "x-ms-copy-source").is_some() {
            return Ok(None);
        }
        let body = self.request.body();
        if query::header(self.request, "content-md5").is_some_and(|claimed| claimed != store::md5(body)) {
            let message =
                "The MD5 value specified in the request did not match with the MD5 value calculated by the server.";
            return Err(Refusal::new(400, "Md5Mismatch", message));
        }
        let (draft, now) = (request::draft(self.request), self.cloud.clock.now());
        let may = |here: Option<&Blob>| request::may_change(self.request, here);
        let written = self.cloud.blobs.put(self.place, self.name, body, draft, now, may);
        let blob = written.map_err(|error| broken(&error))??;
        let reply = Reply::new(201, Body::empty()).stamps(&blob);
        Ok(Some(reply.header("content-md5", &blob.md5).header("x-ms-request-server-encrypted", "true")))
    }

    fn get(&self) -> Result<Reply, Refusal> {
        let found = self.cloud.blobs.get(self.place, self.name).map_err(|error| broken(&error))?;
        let (blob, bytes) = found.ok_or_else(missing)?;
        request::may_read(self.request, &blob)?;
        let size = bytes.len();
        match request::range(self.request, size)? {
            None => Ok(Reply::new(200, bytes).properties(&blob).header("content-md5", &blob.md5)),
            Some(range) => {
                let part = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                let reply = Reply::new(206, Bytes::from(bytes).slice(range)).properties(&blob);
                Ok(reply.header("content-range", &part).header("x-ms-blob-content-md5", &blob.md5))
            }
        }
    }

    fn head(&self) -> Result<Reply, Refusal> {
        let blob = self.cloud.blobs.properties(self.place, self.name).map_err(|error| broken(&error))?;
        let blob = blob.ok_or_else(missing)?;
        request::may_read(self.request, &blob)?;
        let reply = Reply::new(200, Body::empty()).properties(&blob).header("content-md5", &blob.md5);
        Ok(reply.header("content-length", &blob.size.to_string()))
    }

    fn delete(&self) -> Result<Reply, Refusal> {
        let may = |here: &Blob| request::may_change(self.request, Some(here));
        let deleted = self.cloud.blobs.delete(self.place, self.name, may).map_err(|error| broken(&error))?;
        if !deleted? {
            return Err(missing());
        }
        Ok(Reply::new(202, Body::empty()).header("x-ms-delete-type-permanent", "true"))
    }
}

fn missing() -> Refusal {
    Refusal::new(404, "BlobNotFound", "The specified blob does not exist.")
}

fn broken(error: &io::Error) -> Refusal {
    tracing::error!(%error, "a blob could not be read or written");
    Refusal::new(500, "InternalError", "The server encountered an internal error. Please retry the request.")
}
