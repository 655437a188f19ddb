//! Which twin and which of its properties a device feeds: the value of `DIGITAL_TWIN_INFO`.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};

/// The map's file at the root of a package; the setting `DIGITAL_TWIN_INFO` then holds `@` and this name. A setting is too
/// small for thousands of devices.
pub const FILE: &str = "digital-twin-info.json";

/// The map from devices to twins, built and checked at deployment.
///
/// The functions take it as it is: a device that it does not name has no twin, a property that it does not name is
/// reported and not sent (one foreign key makes Azure Digital Twins reject a whole patch).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwinInfo {
    /// The name of the digital twin.
    pub digital_twin_name: String,
    /// The devices by id.
    #[serde(deserialize_with = "devices")]
    pub devices: BTreeMap<String, DeviceInfo>,
}

impl TwinInfo {
    /// The map as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("it is plain structs with string keys")
    }
}

/// The twin that a device feeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// The twin's `$dtId`; whoever remembers something of the twin shares the text.
    pub twin: Arc<str>,
    /// The twin's model, a DTMI; shared with other devices of the model.
    pub model: Arc<str>,
    /// The device's properties, by the name under which the device sends them; shared with other devices of its kind.
    pub properties: Arc<Properties>,
}

/// Where properties land, by the device's names for them.
pub type Properties = BTreeMap<String, PropertyInfo>;

/// Reads the devices so that those of one kind share model and properties from the start: a map of its own for each of
/// thousands would be the largest thing in a function's memory, if only for a moment.
fn devices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, DeviceInfo>, D::Error> {
    struct Devices;

    impl<'de> Visitor<'de> for Devices {
        type Value = BTreeMap<String, DeviceInfo>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of devices")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let (mut devices, mut kinds) = (BTreeMap::new(), Kinds::default());
            while let Some((id, mut device)) = entries.next_entry::<String, DeviceInfo>()? {
                kinds.share(&mut device);
                devices.insert(id, device);
            }
            Ok(devices)
        }
    }

    deserializer.deserialize_map(Devices)
}

/// The kinds of device met so far, by model.
#[derive(Default)]
struct Kinds(HashMap<Arc<str>, Vec<Arc<Properties>>>);

impl Kinds {
    /// How many kinds of device of one model are told apart; those beyond keep their own.
    const OF_ONE_MODEL: usize = 64;

    fn share(&mut self, device: &mut DeviceInfo) {
        if let Some((model, _)) = self.0.get_key_value(&device.model) {
            device.model = Arc::clone(model);
        }
        let kinds = self.0.entry(Arc::clone(&device.model)).or_default();
        match kinds.iter().find(|known| **known == device.properties) {
            Some(known) => device.properties = Arc::clone(known),
            None if kinds.len() < Self::OF_ONE_MODEL => kinds.push(Arc::clone(&device.properties)),
            None => {}
        }
    }
}

/// Where a device's property lands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyInfo {
    /// The component that has the property; absent for a property of the twin itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The property's name in the model.
    pub property: String,
    /// The field's place inside an Object property, outermost name first; empty where the value is the property's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field: Vec<String>,
    /// What the model takes: of the field where there is one, else of the property.
    pub schema: ValueSchema,
}

impl PropertyInfo {
    /// Whether both land in one property of the model: they are one, or fields of one object.
    #[must_use]
    pub fn shares_property(&self, other: &Self) -> bool {
        (&self.component, &self.property) == (&other.component, &other.property)
    }

    /// The JSON Patch path of the property, for a field that of its whole object: `/temperature` or `/motor/speed`.
    ///
    /// DTDL names are letters, digits and underscores, so nothing needs escaping.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.component {
            Some(component) => format!("/{component}/{}", self.property),
            None => format!("/{}", self.property),
        }
    }

    /// The JSON Patch path of the value's source time.
    #[must_use]
    pub fn source_time_path(&self) -> String {
        match &self.component {
            Some(component) => format!("/{component}/$metadata/{}/sourceTime", self.property),
            None => format!("/$metadata/{}/sourceTime", self.property),
        }
    }
}

/// The kinds of value that live data can carry into a twin; DTDL's primitive schemas and enumerations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ValueSchema {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A number of 32 bits.
    Float,
    /// A number of 64 bits.
    Double,
    /// Text of up to 4 KB.
    String,
    /// `2026-11-23`
    Date,
    /// `2026-11-23T10:15:30Z`
    DateTime,
    /// `10:15:30`
    Time,
    /// `PT5M`
    Duration,
    /// One of these strings.
    Enum(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_into_components() {
        let info = PropertyInfo {
            component: Some("motor".into()),
            property: "speed".into(),
            field: Vec::new(),
            schema: ValueSchema::Enum(vec!["slow".into(), "fast".into()]),
        };
        assert_eq!(info.path(), "/motor/speed");
        assert_eq!(info.source_time_path(), "/motor/$metadata/speed/sourceTime");
        assert_eq!(
            serde_json::to_value(&info).unwrap(),
            serde_json::json!({"component": "motor", "property": "speed", "schema": {"enum": ["slow", "fast"]}})
        );
    }

    #[test]
    fn a_property_of_the_twin_itself_has_no_component() {
        let info: PropertyInfo =
            serde_json::from_value(serde_json::json!({"property": "temperature", "schema": "double"})).unwrap();
        assert_eq!(info.path(), "/temperature");
        assert_eq!(info.source_time_path(), "/$metadata/temperature/sourceTime");
    }

    #[test]
    fn a_field_is_written_with_its_object() {
        let json = serde_json::json!({"property": "position", "field": ["cell", "row"], "schema": "integer"});
        let info: PropertyInfo = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(
            (info.path(), info.source_time_path()),
            ("/position".into(), "/$metadata/position/sourceTime".into())
        );
        assert_eq!(serde_json::to_value(&info).unwrap(), json);
        let other = PropertyInfo { field: vec!["x".into()], ..info.clone() };
        assert!(info.shares_property(&other));
        assert!(!info.shares_property(&PropertyInfo { component: Some("motor".into()), ..other }));
    }

    #[test]
    fn devices_of_one_kind_share_their_properties_and_others_do_not() {
        let device = |property: &str| {
            serde_json::json!({
                "twin": "t", "model": "dtmi:m;1", "properties": { "a": { "property": property, "schema": "double" } }
            })
        };
        let devices = serde_json::json!({ "x": device("p"), "y": device("p"), "z": device("q") });
        let json = serde_json::json!({ "digital_twin_name": "factory", "devices": devices });
        let info: TwinInfo = serde_json::from_value(json.clone()).unwrap();
        let properties = |id: &str| &info.devices[id].properties;
        assert!(Arc::ptr_eq(properties("x"), properties("y")));
        assert!(Arc::ptr_eq(&info.devices["x"].model, &info.devices["z"].model));
        assert_ne!(properties("x"), properties("z"));
        assert_eq!(serde_json::to_value(&info).unwrap(), json);
    }
}
