//! Hot storage on AWS: a table of DynamoDB.
//!
//! An item has the members that it has in Cosmos DB: [`PARTITION_KEY`], [`SORT_KEY`], `time`, `telemetry`, and beside them
//! [`EXPIRES`]. The sort key is the item's id, which begins with its moment: a range of time is a range of keys, and
//! equal telemetry is one item. An item is written once and stays as it is, so that a repetition does not prolong its life.

mod failure;
mod value;

use std::time::Instant;

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{Credentials, Region, StalledStreamProtectionConfig, retry::RetryConfig},
    operation::put_item::PutItemError,
    types::AttributeValue,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use chrono::{TimeDelta, Utc};

use crate::{
    answer::Answer,
    history::{History, Range, Stored},
    item::Item,
    retry,
    settings::{AwsHost, DynamoTable},
    storage::Store,
};

/// The partition key (a string): the device.
pub const PARTITION_KEY: &str = "iotDeviceId";
/// The sort key (a string): the item's id, which sorts by time.
pub const SORT_KEY: &str = "id";
/// The attribute that DynamoDB's time to live is to look at: when an item expires, in seconds since 1970.
pub const EXPIRES: &str = "expires";

/// One table; its connections are kept alive between calls.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
    life: TimeDelta,
}

impl Table {
    /// The table that the settings name. Nothing is asked yet.
    #[must_use]
    pub fn new(at: DynamoTable, host: &AwsHost) -> Self {
        Self { client: Client::from_conf(config(host)), name: at.table, life: TimeDelta::days(at.days.into()) }
    }

    async fn put(&self, document: &value::Attributes) -> Result<(), retry::Setback> {
        let request = self.client.put_item().table_name(&self.name).set_item(Some(document.clone()));
        let request =
            request.condition_expression("attribute_not_exists(#id)").expression_attribute_names("#id", SORT_KEY);
        match request.send().await {
            Ok(_) => Ok(()),
            // It is there already.
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(())
            }
            Err(error) => Err(failure::setback(&error)),
        }
    }

    async fn read(&self, range: &Range) -> Result<Vec<Stored>, retry::Setback> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let after = range
            .after
            .as_ref()
            .map(|id| [(PARTITION_KEY.to_owned(), text(&range.device)), (SORT_KEY.to_owned(), text(id))].into());
        let request = self.client.query().table_name(&self.name);
        let request = request
            .key_condition_expression("#device = :device AND #id BETWEEN :from AND :until")
            .expression_attribute_names("#device", PARTITION_KEY)
            .expression_attribute_names("#id", SORT_KEY)
            .expression_attribute_values(":device", text(&range.device))
            .expression_attribute_values(":from", text(&range.from))
            .expression_attribute_values(":until", text(&range.until));
        let request = request
            .scan_index_forward(!range.descending)
            .limit(i32::try_from(range.limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after);
        let page = request.send().await.map_err(|error| failure::setback(&error))?;
        Ok(page.items.unwrap_or_default().into_iter().filter_map(value::stored).collect())
    }
}

#[async_trait]
impl Store for Table {
    async fn store(&self, item: &Item, deadline: Instant) -> Result<(), Answer> {
        let mut document = value::attributes(item.document())?;
        let expires = (Utc::now() + self.life).timestamp();
        document.insert(EXPIRES.to_owned(), AttributeValue::N(expires.to_string()));
        retry::until(deadline, || self.put(&document)).await
    }
}

#[async_trait]
impl History for Table {
    async fn page(&self, range: &Range, deadline: Instant) -> Result<Vec<Stored>, Answer> {
        retry::until(deadline, || self.read(range)).await
    }
}

/// One request per call of ours, which has its own repetitions and its own time.
fn config(host: &AwsHost) -> Config {
    let token = host.session_token.as_ref().map(|token| token.reveal().to_owned());
    let secret = host.secret_access_key.reveal();
    let credentials = Credentials::new(&host.access_key_id, secret, token, None, "lambda");
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut config = Config::builder()
        .region(Region::new(host.region.clone()))
        .credentials_provider(credentials)
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(host.endpoint.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()));
    config.build()
}
