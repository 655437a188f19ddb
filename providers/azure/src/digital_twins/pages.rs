//! Lists and query results, page by page.

use serde_json::{Value, json};
use url::Url;

use super::{Client, Rate};
use crate::{Error, http::Call};

/// What to ask for next.
#[derive(Debug, Clone)]
enum Next {
    /// A page of a list, by its absolute URL.
    Page(Url),
    /// The first page of a query.
    Query(String),
    /// A further page of a query, by its opaque token alone.
    Continue(String),
    /// Nothing.
    End,
}

/// The pages of a list or of a query's result, fetched one at a time.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    rate: Rate,
    twin: Option<String>,
    per_page: Option<u32>,
    next: Next,
}

impl Pages {
    pub(super) fn list(client: &Client, rate: Rate, twin: Option<&str>, url: Url) -> Self {
        let (client, twin) = (client.clone(), twin.map(str::to_owned));
        Self { client, rate, twin, per_page: None, next: Next::Page(url) }
    }

    /// Asks for at most this many items per page; the service may send fewer.
    #[must_use]
    pub fn per_page(mut self, items: u32) -> Self {
        self.per_page = Some(items);
        self
    }

    /// The next page; `None` after the last. A page may be empty before the last. After an error the same page is
    /// asked for again.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn next(&mut self) -> Result<Option<Vec<Value>>, Error> {
        let call = match &self.next {
            Next::Page(url) => Call::get(url.clone()),
            Next::Query(query) => Call::post(self.client.url(&["query"], &[])).json(&json!({ "query": query })),
            Next::Continue(token) => {
                Call::post(self.client.url(&["query"], &[])).json(&json!({ "continuationToken": token }))
            }
            Next::End => return Ok(None),
        };
        // The size is not part of the link or the token: it is sent each time.
        let call = call.header_if("max-items-per-page", self.per_page.map(|items| items.to_string()));
        let name = call.name();
        let mut page = self.client.send(self.rate, self.twin.as_deref(), call).await?.document(&name)?;
        let next = match (page.get("nextLink"), page.get("continuationToken")) {
            (Some(Value::String(link)), _) if !link.is_empty() => Next::Page(
                Url::parse(link).map_err(|error| Error::permanent(format!("{name}: the next page's link: {error}")))?,
            ),
            (_, Some(Value::String(token))) if !token.is_empty() => Next::Continue(token.clone()),
            _ => Next::End,
        };
        self.next = next;
        match page.get_mut("value").map(Value::take) {
            Some(Value::Array(items)) => Ok(Some(items)),
            _ => Err(Error::permanent(format!("{name}: the page has no list of values"))),
        }
    }

    /// All items, to the end.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn collect(mut self) -> Result<Vec<Value>, Error> {
        let mut all = Vec::new();
        while let Some(items) = self.next().await? {
            all.extend(items);
        }
        Ok(all)
    }
}

impl Client {
    /// Runs a query. Its result lags behind writes by up to ten seconds or so.
    #[must_use]
    pub fn query(&self, query: &str) -> Pages {
        let next = Next::Query(query.to_owned());
        Pages { client: self.clone(), rate: Rate::Queries, twin: None, per_page: None, next }
    }
}
