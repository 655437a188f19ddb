//! What hot storage holds of a device over a range of time, read page by page.

use std::time::Instant;

use async_trait::async_trait;
use azure::cosmos::{Container, PartitionKey};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::{answer::Answer, item, retry, storage::setback};

/// A range of a device's items, by their ids: ids begin with their moment, so that they sort by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The device.
    pub device: String,
    /// The smallest id.
    pub from: String,
    /// The id that none reaches.
    pub until: String,
    /// The id after which, in the order of reading, the page begins.
    pub after: Option<String>,
    /// Whether the latest comes first.
    pub descending: bool,
    /// The most items of a page.
    pub limit: usize,
}

impl Range {
    /// The range from a moment, itself included, to another, itself not.
    #[must_use]
    pub fn new(device: impl Into<String>, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let (from, until) = (item::moment(from), item::moment(until));
        Self { device: device.into(), from, until, after: None, descending: false, limit: 100 }
    }
}

/// An item as storage holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// When its values were true, RFC 3339.
    pub time: String,
    /// Its values.
    pub values: Map<String, Value>,
}

/// Storage that can be read.
#[async_trait]
pub trait History: Send + Sync {
    /// Reads one page: in order, at most as many as the range says. Storage may give fewer, and there may be more all the
    /// same, as long as it gives any.
    ///
    /// # Errors
    /// The answer to give to whoever asked.
    async fn page(&self, range: &Range, deadline: Instant) -> Result<Vec<Stored>, Answer>;
}

#[async_trait]
impl History for Container {
    async fn page(&self, range: &Range, deadline: Instant) -> Result<Vec<Stored>, Answer> {
        let (sql, parameters) = sql(range);
        let device = PartitionKey::from(range.device.as_str());
        retry::until(deadline, || async {
            let mut pages = self.query(&sql, &parameters, Some(&device));
            let mut items = Vec::new();
            while let Some(page) = pages.next().await.map_err(|error| setback(&error))? {
                items.extend(page.into_iter().filter_map(stored));
            }
            Ok(items)
        })
        .await
    }
}

fn sql(range: &Range) -> (String, Vec<(&'static str, Value)>) {
    let (order, beyond) = if range.descending { ("DESC", "<") } else { ("ASC", ">") };
    let mut parameters = vec![("@from", json!(range.from)), ("@until", json!(range.until))];
    let mut filter = "c.id >= @from AND c.id < @until".to_owned();
    if let Some(after) = &range.after {
        parameters.push(("@after", json!(after)));
        filter.push_str(&format!(" AND c.id {beyond} @after"));
    }
    let limit = range.limit;
    let sql =
        format!("SELECT c.id, c.time, c.telemetry FROM c WHERE {filter} ORDER BY c.id {order} OFFSET 0 LIMIT {limit}");
    (sql, parameters)
}

fn stored(document: Value) -> Option<Stored> {
    let Value::Object(mut members) = document else { return None };
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let (id, time) = (text("id")?, text("time")?);
    match members.remove("telemetry") {
        Some(Value::Object(values)) => Some(Stored { id, time, values }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_time_is_a_range_of_ids() {
        let range = Range::new("d", "2026-11-23T10:00:00Z".parse().unwrap(), "2026-11-23T11:00:00.5Z".parse().unwrap());
        assert_eq!((range.from.as_str(), range.until.as_str()), ("20261123T100000.000000Z", "20261123T110000.500000Z"));
        let id = "20261123T100000.000000Z-00ff";
        assert!(id >= range.from.as_str(), "the first moment is within");
        assert!("20261123T110000.500000Z-00ff" >= range.until.as_str(), "the last is not");
    }

    #[test]
    fn a_page_goes_on_where_the_last_one_ended() {
        let mut range = Range::new("d", DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        assert!(sql(&range).0.ends_with("WHERE c.id >= @from AND c.id < @until ORDER BY c.id ASC OFFSET 0 LIMIT 100"));
        range.after = Some("x".into());
        assert!(sql(&range).0.contains("AND c.id > @after ORDER BY c.id ASC"));
        range.descending = true;
        assert!(sql(&range).0.contains("AND c.id < @after ORDER BY c.id DESC"));
        assert_eq!(sql(&range).1.len(), 3);
    }
}
