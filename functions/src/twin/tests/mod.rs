//! How writers behave: the rules one by one, and what follows from them under any interleaving.

mod interleavings;
mod rules;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::DateTime;
use serde_json::Value;

use super::{
    Failure, Feed, Options, Writer, Written,
    testing::{Twins, device},
};
use crate::telemetry::Telemetry;

fn writer(twins: &Twins) -> Writer {
    Writer::new(Arc::new(twins.clone()), Options::default())
}

/// The time `millis` after noon.
fn at(millis: i64) -> chrono::DateTime<chrono::Utc> {
    let noon: DateTime<chrono::Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
    noon + chrono::TimeDelta::milliseconds(millis)
}

fn telemetry(device: &str, millis: i64, values: Value) -> Telemetry {
    let Value::Object(values) = values else { panic!("values are an object") };
    Telemetry::new(device, at(millis), values)
}

fn within(seconds: u64) -> Instant {
    (tokio::time::Instant::now() + Duration::from_secs(seconds)).into_std()
}

/// Writes values of one moment into the device's twin, within half a minute.
async fn write(writer: &Writer, id: &str, millis: i64, values: Value) -> Result<Written, Failure> {
    write_within(writer, id, millis, values, 30).await
}

async fn write_within(writer: &Writer, id: &str, millis: i64, values: Value, seconds: u64) -> Result<Written, Failure> {
    writer.write(&Feed::from(device(id)), telemetry(id, millis, values), within(seconds)).await
}
