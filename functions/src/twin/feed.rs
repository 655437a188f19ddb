//! The map of devices as the functions keep it: small, since it is the largest thing in their memory.

use std::{collections::HashMap, sync::Arc};

use crate::twin_info::{DeviceInfo, Properties, TwinInfo};

/// A device's twin, and where its properties land. Devices of one kind share the latter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    pub(super) twin: Arc<str>,
    pub(super) properties: Arc<Properties>,
}

/// All devices' feeds, by device.
#[derive(Debug, Clone, Default)]
pub struct Feeds(HashMap<Box<str>, Feed>);

impl Feeds {
    /// The feed of a device; `None` when it feeds no twin.
    #[must_use]
    pub fn of(&self, device: &str) -> Option<&Feed> {
        self.0.get(device)
    }
}

impl From<DeviceInfo> for Feed {
    fn from(device: DeviceInfo) -> Self {
        Self { twin: device.twin, properties: device.properties }
    }
}

impl From<TwinInfo> for Feeds {
    fn from(info: TwinInfo) -> Self {
        Self(info.devices.into_iter().map(|(id, device)| (id.into(), device.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::testing::{device, info};

    #[test]
    fn a_device_has_its_own_feed_and_others_have_none() {
        let feeds = Feeds::from(info(&["a", "b"]));
        assert_eq!(feeds.of("a"), Some(&Feed::from(device("a"))));
        assert!(feeds.of("d").is_none());
    }
}
