use std::collections::BTreeSet;

use engine::graph::Node;
use serde_json::json;

use super::*;

fn definition() -> Definition {
    let definition = json!({
        "v": 1, "twin_name": "plant", "mode": "production", "hot_days": 7, "cold_days": 30,
        "providers": {
            "l1": "azure", "l2": "azure", "l3_hot": "azure", "l3_cold": "azure", "l3_archive": "azure", "l4": "azure"
        },
        "devices": [{ "id": "sensor", "properties": [{ "name": "temperature", "data_type": "DOUBLE" }] }],
        "models": [{
            "@id": "dtmi:plant:Sensor;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3",
            "contents": [{ "@type": "Property", "name": "temperature", "schema": "double" }]
        }],
        "twins": [{
            "id": "sensor", "model": "dtmi:plant:Sensor;1",
            "body": { "$metadata": { "$model": "dtmi:plant:Sensor;1" } }
        }],
        "relationships": [],
        "feeds": { "sensor": {
            "twin": "sensor", "model": "dtmi:plant:Sensor;1",
            "properties": { "temperature": { "property": "temperature", "schema": "double" } }
        } },
        "target": { "kind": "local", "azure": {
            "tenant": "t", "subscription": "s",
            "regions": { "default": "westeurope", "iot_hub": "northeurope", "digital_twin": "westeurope" }
        } }
    });
    serde_json::from_value(definition).expect("it is a definition")
}

fn node<'g>(graph: &'g Graph<Clouds>, id: &str) -> &'g Node<Clouds> {
    let index = graph.index(&journal::StepId::new(id)).unwrap_or_else(|| panic!("there is no step {id}"));
    &graph.nodes()[index]
}

/// The ids of the steps that a step must wait for, directly.
fn waits_for(graph: &Graph<Clouds>, id: &str) -> BTreeSet<String> {
    node(graph, id).takes().iter().map(|index| graph.nodes()[*index].id().to_string()).collect()
}

#[test]
fn the_instance_is_where_others_look_for_it() {
    let graph = graph(&definition()).unwrap();
    assert!(
        node(&graph, ADT_INSTANCE).title().starts_with("Azure Digital Twins"),
        "{}",
        node(&graph, ADT_INSTANCE).title()
    );
}

#[test]
fn the_same_definition_makes_the_same_graph() {
    let shape = |graph: Graph<Clouds>| -> Vec<String> {
        let line = |node: &Node<Clouds>| format!("{} {} {:?} {:?}", node.id(), node.title(), node.takes(), node.asks());
        graph.nodes().iter().map(line).collect()
    };
    assert_eq!(shape(graph(&definition()).unwrap()), shape(graph(&definition()).unwrap()));
}

#[test]
fn slow_resources_wait_for_nothing_but_the_group() {
    let graph = graph(&definition()).unwrap();
    for slow in ["l1/hub", "l3/cosmos", "l4/adt", "setup/storage"] {
        assert_eq!(waits_for(&graph, slow), BTreeSet::from(["setup/resource-group".to_owned()]), "{slow}");
    }
}

#[test]
fn a_gate_asks_for_every_step_of_the_layers_below() {
    let graph = graph(&definition()).unwrap();
    for (layer, below) in [
        ("l1", &["Setup"][..]),
        ("l2", &["Setup", "L1"]),
        ("l3", &["Setup", "L1"]),
        ("l4", &["Setup", "L1", "L2", "L3"]),
    ] {
        let gate = node(&graph, &format!("{layer}/preflight"));
        let asked: BTreeSet<usize> = gate.asks().expect("it is a gate").iter().copied().collect();
        let all =
            graph.nodes().iter().enumerate().filter(|(_, node)| below.contains(&node.layer()) && node.asks().is_none());
        let all: BTreeSet<usize> = all.map(|(index, _)| index).collect();
        assert_eq!(asked, all, "{layer}");
    }
}

#[test]
fn the_wiring_of_a_layer_waits_for_its_gate() {
    let graph = graph(&definition()).unwrap();
    let wiring =
        ["l1/devices", "l2/settings", "l3/lifecycle", "l3/identity-cosmos-role", "l4/settings", "l4/twin-graph"];
    for step in wiring {
        let gate = format!("{}/preflight", step.split('/').next().unwrap());
        assert!(waits_for(&graph, step).contains(&gate), "{step}");
    }
}

#[test]
fn the_updaters_setting_takes_the_url_that_the_instance_produced() {
    let graph = graph(&definition()).unwrap();
    assert!(waits_for(&graph, "l4/settings").contains("l4/adt"));
    assert!(waits_for(&graph, "l4/telemetry").contains("l4/package"), "code first, subscription second");
}

#[test]
fn layers_elsewhere_are_refused_by_name() {
    let mut elsewhere = definition();
    elsewhere.providers.l1 = Cloud::Aws;
    elsewhere.providers.l3_hot = Cloud::Google;
    let refused = graph(&elsewhere).err().expect("it cannot be deployed").to_string();
    assert_eq!(refused, "deploy layer 1 on aws, layer 3 (hot) on google: this version deploys to azure only");
}
