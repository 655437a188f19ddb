//! Append blobs: created empty, then written at their end, block by block.

use std::io::Write;

use axum::body::Body;

use super::answer::{Refusal, Reply};
use super::store::{Blob, Draft, md5};
use super::{On, broken, missing, request};
use crate::query;

/// Bytes of one block at most.
const BLOCK: usize = 100 * 1024 * 1024;

impl On<'_> {
    /// `PUT` of a whole append blob: it is empty at first, and takes the place of what is there.
    pub(super) fn create_append(&self) -> Result<Reply, Refusal> {
        if !self.request.body().is_empty() {
            let message =
                "The value for one of the HTTP headers is not in the correct format: an append blob begins empty.";
            return Err(Refusal::new(400, "InvalidHeaderValue", message));
        }
        let draft = Draft { is_append: true, ..request::draft(self.request) };
        let may = |here: Option<&Blob>| request::may_change(self.request, here);
        let written = self.cloud.blobs.put(self.place, self.name, b"", draft, self.cloud.clock.now(), may);
        written.map_err(|error| broken(&error))??;
        let blob = self.cloud.blobs.properties(self.place, self.name).map_err(|error| broken(&error))?;
        let blob = blob.ok_or_else(missing)?;
        Ok(Reply::new(201, Body::empty()).stamps(&blob).header("x-ms-request-server-encrypted", "true"))
    }

    /// `PUT ?comp=appendblock`
    pub(super) fn append(&self) -> Result<Reply, Refusal> {
        let body = self.request.body();
        if body.len() > BLOCK {
            let message = "The request body is too large and exceeds the maximum permissible limit.";
            return Err(Refusal::new(413, "RequestBodyTooLarge", message));
        }
        if query::header(self.request, "content-md5").is_some_and(|claimed| claimed != md5(body)) {
            let message =
                "The MD5 value specified in the request did not match with the MD5 value calculated by the server.";
            return Err(Refusal::new(400, "Md5Mismatch", message));
        }
        let here = self.cloud.blobs.properties(self.place, self.name).map_err(|error| broken(&error))?;
        request::may_change(self.request, here.as_ref())?;
        let opened = self.cloud.blobs.append(self.place, self.name, None).map_err(|error| broken(&error))?;
        let mut opened = opened.ok_or_else(missing)?.map_err(|_| wrong_type())?;
        let wanted = query::header(self.request, "x-ms-blob-condition-appendpos");
        if wanted.is_some_and(|wanted| wanted.parse() != Ok(opened.size)) {
            let message = "The append position condition specified was not met.";
            return Err(Refusal::new(412, "AppendPositionConditionNotMet", message));
        }
        opened.file.write_all(body).map_err(|error| broken(&error))?;
        let blob = self.cloud.blobs.properties(self.place, self.name).map_err(|error| broken(&error))?;
        let blob = blob.ok_or_else(missing)?;
        Ok(Reply::new(201, Body::empty()).stamps(&blob).header("x-ms-blob-append-offset", &opened.size.to_string()))
    }
}

fn wrong_type() -> Refusal {
    Refusal::new(409, "InvalidBlobType", "The blob type is invalid for this operation.")
}
