//! The map of devices as the functions keep it: small, since it is the largest thing in their memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::twin_info::{DeviceInfo, PropertyInfo, TwinInfo};

type Properties = BTreeMap<String, PropertyInfo>;

/// A device's twin, and where its properties land. Devices of one kind share the latter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    pub(super) twin: Box<str>,
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
        Self { twin: device.twin.into(), properties: Arc::new(device.properties) }
    }
}

impl From<TwinInfo> for Feeds {
    fn from(info: TwinInfo) -> Self {
        let mut kinds: HashMap<String, Vec<Arc<Properties>>> = HashMap::new();
        let mut feeds = HashMap::with_capacity(info.devices.len());
        for (id, DeviceInfo { twin, model, properties }) in info.devices {
            let properties = share(kinds.entry(model).or_default(), properties);
            feeds.insert(id.into(), Feed { twin: twin.into(), properties });
        }
        Self(feeds)
    }
}

/// How many kinds of device of one model are told apart; those beyond keep their own.
const KINDS: usize = 64;

fn share(kinds: &mut Vec<Arc<Properties>>, properties: Properties) -> Arc<Properties> {
    if let Some(known) = kinds.iter().find(|known| ***known == properties) {
        return Arc::clone(known);
    }
    let kind = Arc::new(properties);
    if kinds.len() < KINDS {
        kinds.push(Arc::clone(&kind));
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::testing::{device, info};

    #[test]
    fn devices_of_one_kind_share_their_properties_and_others_do_not() {
        let mut info = info(&["a", "b", "c"]);
        info.devices.get_mut("c").unwrap().properties.remove("mode");
        let feeds = Feeds::from(info);
        let of = |id: &str| feeds.of(id).unwrap();
        assert!(Arc::ptr_eq(&of("a").properties, &of("b").properties));
        assert_eq!(of("a"), &Feed::from(device("a")));
        assert_eq!((of("c").properties.len(), of("a").properties.len()), (6, 7));
        assert!(feeds.of("d").is_none());
    }
}
