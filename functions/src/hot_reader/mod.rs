//! `hot-reader`: TwinMaker's queries, answered from hot storage.
//!
//! A query is the request of TwinMaker's data connectors (`DataReaderByEntity`), and so is the answer. TwinMaker calls the
//! function as a Lambda and shows no token; the reader on another cloud is called over HTTP with one, and is given the
//! query as it came.

mod query;
mod reply;

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use crate::{
    answer::{Answer, Code},
    call::{Call, Handler, What},
    history::History,
    inbound::Malformed,
    persister::{admitted_body, malformed},
    remote::Receiver,
    settings::Secret,
};
use query::Query;
use reply::{Reply, Room};

/// The most items that are looked at for one answer: where nearly none holds what was asked for, the answer says where to
/// go on instead.
const LOOKED_AT: usize = 5_000;

/// Where the values are.
pub enum Source {
    /// In hot storage of the function's own cloud.
    Own(Arc<dyn History>),
    /// Behind the hot-reader of another cloud.
    Remote(Receiver),
}

/// Answers queries.
pub struct HotReader {
    token: Option<Secret>,
    source: Source,
}

impl HotReader {
    /// A reader; without a `token` nobody is served over HTTP.
    #[must_use]
    pub fn new(token: Option<Secret>, source: Source) -> Self {
        Self { token, source }
    }

    async fn answer(&self, request: Value, deadline: Instant) -> Answer {
        let query = match query::parse(&request) {
            Ok(query) => query,
            Err(problem) => return malformed(problem),
        };
        let found = match &self.source {
            Source::Own(history) => read(history.as_ref(), &query, deadline).await,
            Source::Remote(reader) => reader.ask(&Bytes::from(request.to_string()), deadline).await,
        };
        found.map_or_else(|refusal| refusal, Answer::found).about(query.device)
    }

    fn request(&self, what: What) -> Result<Value, Answer> {
        let (what, token) = match (what, &self.token) {
            (What::Query(query), _) => return Ok(query),
            (what, Some(token)) => (what, token),
            (_, None) => return Err(Answer::new(Code::Unauthorized, "nobody is served over HTTP")),
        };
        let body = admitted_body(token, what)?;
        serde_json::from_slice(&body).map_err(|error| malformed(Malformed::syntax(&error)))
    }
}

#[async_trait]
impl Handler for HotReader {
    async fn call(&self, call: Call) -> Answer {
        match self.request(call.what) {
            Ok(request) => self.answer(request, call.deadline).await,
            Err(answer) => answer,
        }
    }
}

/// Reads until the answer is full, or there is no more.
async fn read(history: &dyn History, query: &Query, deadline: Instant) -> Result<Value, Answer> {
    let (mut reply, mut range, mut looked_at) = (Reply::new(query), query.range(), 0);
    loop {
        let page = history.page(&range, deadline).await?;
        if page.is_empty() {
            return Ok(reply.finish(None));
        }
        looked_at += page.len();
        for item in page {
            if reply.take(&item) == Room::None {
                return Ok(reply.finish(range.after));
            }
            range.after = Some(item.id);
        }
        if looked_at >= LOOKED_AT {
            return Ok(reply.finish(range.after));
        }
    }
}

#[cfg(test)]
mod tests;
