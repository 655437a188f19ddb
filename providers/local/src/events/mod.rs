//! Event Grid: what is published to a topic is kept until every subscription has it, or has given it up.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::lines;

/// An event as its source publishes it; topic, id and versions are added here.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// `Microsoft.Devices.DeviceTelemetry`.
    pub(crate) event_type: String,
    /// `devices/{id}`.
    pub(crate) subject: String,
    /// When it happened at the source, RFC 3339.
    pub(crate) time: String,
    /// The type's own data.
    pub(crate) data: Value,
}

/// The events under way.
#[derive(Debug)]
pub(crate) struct Grid;

impl Grid {
    /// Opens what lies in the folder.
    pub(crate) fn open(dir: &Path, clock: Clock) -> Result<Self, lines::Error> {
        let _ = (dir, clock);
        Ok(Self)
    }
}

/// Takes an event of a resource (its ARM id). When this returns, it survives the death of this process.
pub(crate) fn publish(cloud: &Arc<Cloud>, source: &str, event: Event) -> io::Result<()> {
    let _ = (cloud, source, event);
    Ok(())
}

/// Delivers until the cloud stops.
pub(crate) async fn run(cloud: Arc<Cloud>) {
    cloud.stop.cancelled().await;
}
