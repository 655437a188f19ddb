use serde_json::json;

use std::collections::BTreeMap;

use super::*;
use crate::topology::Cloud;

fn definition() -> Definition {
    Definition {
        v: VERSION,
        twin_name: "factory".into(),
        mode: "debug".into(),
        hot_days: 7,
        cold_days: 30,
        providers: Providers::all(Cloud::Azure),
        devices: vec![Device {
            id: "room-1".into(),
            properties: vec![DeviceProperty {
                name: "temperature".into(),
                data_type: DataType::Double,
                init_value: Some(json!(20)),
            }],
            const_properties: Vec::new(),
        }],
        models: vec![json!({"@id": "dtmi:example:Room;1", "@type": "Interface"})],
        twins: vec![Twin {
            id: "room-1".into(),
            model: "dtmi:example:Room;1".into(),
            body: json!({"$metadata": {"$model": "dtmi:example:Room;1"}, "temperature": 20}),
        }],
        relationships: Vec::new(),
        feeds: [(
            "room-1".to_owned(),
            DeviceInfo {
                twin: "room-1".into(),
                model: "dtmi:example:Room;1".into(),
                properties: std::sync::Arc::new(
                    [(
                        "temperature".to_owned(),
                        functions::twin_info::PropertyInfo {
                            component: None,
                            property: "temperature".into(),
                            field: Vec::new(),
                            schema: functions::twin_info::ValueSchema::Double,
                        },
                    )]
                    .into(),
                ),
            },
        )]
        .into(),
        aws_hierarchy: None,
        tokens: BTreeMap::new(),
        target: Target {
            kind: TargetKind::Local,
            azure: Some(AzureAccount { tenant: "t".into(), subscription: "s".into(), regions: Regions::default() }),
            aws: None,
        },
    }
}

#[test]
fn a_snapshot_is_read_back_and_keeps_its_digest() {
    let text = definition().to_json();
    let back = Definition::from_json(&text).unwrap();
    assert_eq!(back, definition());
    assert_eq!(back.digest(), definition().digest());
    assert_eq!(back.digest().0.len(), 64);
    // The text itself is a format that later versions must read.
    insta::assert_snapshot!(text, @r#"{"cold_days":30,"devices":[{"id":"room-1","properties":[{"data_type":"DOUBLE","init_value":20,"name":"temperature"}]}],"feeds":{"room-1":{"model":"dtmi:example:Room;1","properties":{"temperature":{"property":"temperature","schema":"double"}},"twin":"room-1"}},"hot_days":7,"mode":"debug","models":[{"@id":"dtmi:example:Room;1","@type":"Interface"}],"providers":{"l1":"azure","l2":"azure","l3_archive":"azure","l3_cold":"azure","l3_hot":"azure","l4":"azure"},"relationships":[],"target":{"azure":{"regions":{"default":"westeurope","digital_twin":"westeurope","iot_hub":"westeurope"},"subscription":"s","tenant":"t"},"kind":"local"},"twin_name":"factory","twins":[{"body":{"$metadata":{"$model":"dtmi:example:Room;1"},"temperature":20},"id":"room-1","model":"dtmi:example:Room;1"}],"v":1}"#);
}

#[test]
fn a_newer_or_broken_snapshot_is_refused() {
    let newer = definition().to_json().replace("\"v\":1", "\"v\":2");
    assert!(matches!(Definition::from_json(&newer), Err(Error::Newer { found: 2 })));
    assert!(matches!(Definition::from_json("{}"), Err(Error::Malformed(_))));
    let strange = definition().to_json().replace("\"mode\"", "\"mood\":1,\"mode\"");
    assert!(matches!(Definition::from_json(&strange), Err(Error::Malformed(_))));
}

#[test]
fn live_paths_are_those_that_devices_feed() {
    assert_eq!(definition().live_paths("room-1"), ["/temperature".to_owned()].into());
    assert_eq!(definition().live_paths("room-2"), [].into());
}

#[test]
fn equal_definitions_do_not_differ() {
    assert_eq!(definition().diff(&definition()), []);
}

#[test]
fn a_diff_says_what_changed() {
    let old = definition();
    let mut new = definition();
    new.hot_days = 14;
    new.devices[0].id = "room-2".into();
    new.twins[0].body["temperature"] = json!(25);
    new.twins[0].body["a/b"] = json!(1);
    new.models.clear();
    let lines: Vec<String> = new.diff(&old).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
hot_storage_size_in_days was 7, is 14
device room-2 is new
device room-1 is gone
model dtmi:example:Room;1 is gone
twin room-1 changed: /body/a~1b, /body/temperature
");
}

#[test]
fn a_diff_names_entities_and_their_components() {
    let entity = |id: &str, parent: Option<&str>, components: &[(&str, &str)]| AwsEntity {
        id: id.into(),
        name: id.into(),
        parent: parent.map(Into::into),
        components: components
            .iter()
            .map(|(name, device)| AwsComponent { name: (*name).into(), device: (*device).into() })
            .collect(),
    };
    let with = |entities: Vec<AwsEntity>| Definition { aws_hierarchy: Some(AwsHierarchy { entities }), ..definition() };
    let old = with(vec![entity("hall", None, &[]), entity("room-1", Some("hall"), &[("a", "d-1"), ("b", "d-2")])]);
    let new = with(vec![entity("room-1", None, &[("a", "d-3"), ("c", "d-2")])]);
    let lines: Vec<String> = new.diff(&old).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
entity room-1 changed: /parent
entity hall is gone
component room-1/a changed: /device
component room-1/c is new
component room-1/b is gone
");
    assert_eq!(Definition::from_json(&old.to_json()).unwrap(), old);
}
