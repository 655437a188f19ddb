//! The result of a query, page by page.

use serde_json::{Value, json};

use super::{Container, PartitionKey, common};
use crate::{Error, http::Call};

/// The pages of a query's result, fetched one at a time.
#[derive(Debug)]
pub struct Pages {
    container: Container,
    body: Value,
    partition: Option<String>,
    per_page: Option<u32>,
    /// The token of the next page; `None` after the last.
    next: Option<String>,
}

impl Pages {
    pub(super) fn new(
        container: &Container,
        sql: &str,
        parameters: &[(&str, Value)],
        partition: Option<&PartitionKey>,
    ) -> Self {
        let parameters: Vec<Value> =
            parameters.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        Self {
            container: container.clone(),
            body: json!({ "query": sql, "parameters": parameters }),
            partition: partition.map(PartitionKey::header),
            per_page: None,
            next: Some(String::new()),
        }
    }

    /// Asks for at most this many items per page; the service may send fewer.
    #[must_use]
    pub fn per_page(mut self, items: u32) -> Self {
        self.per_page = Some(items);
        self
    }

    /// The next page; `None` after the last. A page may be empty before the last. After an error the same page is asked
    /// for again.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn next(&mut self) -> Result<Option<Vec<Value>>, Error> {
        let Some(token) = &self.next else { return Ok(None) };
        let call = self.call(token);
        let name = call.name();
        let answer = self.container.exchange(call).await?;
        let answer = self.container.checked(name.clone(), answer)?;
        let mut page = answer.document(&name)?;
        let next = answer.header("x-ms-continuation").filter(|token| !token.is_empty()).map(str::to_owned);
        match page.get_mut("Documents").map(Value::take) {
            Some(Value::Array(items)) => {
                self.next = next;
                Ok(Some(items))
            }
            _ => Err(Error::permanent(format!("{name}: the page has no list of documents"))),
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

    fn call(&self, token: &str) -> Call {
        let url = self.container.service.url(&self.container.path(&[]), &[]);
        let call = self.container.session.put_on(common(Call::post(url)));
        // The content type is exactly this: with a charset the service does not take it for a query.
        let call = call
            .header("x-ms-documentdb-isquery", "True")
            .body("application/query+json", self.body.to_string().into())
            .header_if("x-ms-max-item-count", self.per_page.map(|items| items.to_string()))
            .header_if("x-ms-continuation", (!token.is_empty()).then_some(token));
        match &self.partition {
            Some(partition) => call.header("x-ms-documentdb-partitionkey", partition),
            None => call.header("x-ms-documentdb-query-enablecrosspartition", "True"),
        }
    }
}
