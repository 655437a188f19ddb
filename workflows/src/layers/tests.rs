use std::collections::BTreeSet;

use engine::graph::Node;
use serde_json::json;

use super::*;
use crate::{
    definition::AwsAccount,
    inter_cloud::Key,
    topology::{Feed, Providers, Topology},
};

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
    assert_eq!(refused, "deploy layer 3 (hot) on google: this version deploys to azure and aws only");
}

#[test]
fn a_definition_that_is_not_whole_is_refused() {
    let mut aws = definition();
    aws.providers.l2 = Cloud::Aws;
    let refused = |definition: &Definition| graph(definition).err().expect("it cannot be deployed").to_string();
    assert!(refused(&aws).ends_with("the definition holds no token for it"), "{}", refused(&aws));
    let aws = aws.with_tokens(&key());
    assert_eq!(refused(&aws), "deploy to aws: the definition names no account");
}

fn key() -> Key {
    Key::ephemeral().expect("the system gives random bytes")
}

/// The plant with its layers on these clouds.
fn on(providers: Providers) -> Definition {
    let mut definition = definition();
    definition.providers = providers;
    definition.target.aws = Some(AwsAccount { account: "111122223333".into(), region: "eu-central-1".into() });
    definition.with_tokens(&key())
}

/// Every combination of AWS and Azure for the six layers: 64, the sixteen of (L1, L2, L3 hot, L4) among them.
fn every() -> impl Iterator<Item = Providers> {
    (0..64_u32).map(|number| {
        let layer = |place: u32| if number >> place & 1 == 0 { Cloud::Azure } else { Cloud::Aws };
        Providers {
            l1: layer(0),
            l2: layer(1),
            l3_hot: layer(2),
            l4: layer(3),
            l3_cold: layer(4),
            l3_archive: layer(5),
        }
    })
}

fn has(graph: &Graph<Clouds>, id: &str) -> bool {
    graph.index(&journal::StepId::new(id)).is_some()
}

/// Everything that a step waits for, directly or not.
fn comes_after(graph: &Graph<Clouds>, id: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<String> = waits_for(graph, id).into_iter().collect();
    while let Some(next) = open.pop() {
        if seen.insert(next.clone()) {
            open.extend(waits_for(graph, &next));
        }
    }
    seen
}

#[test]
fn every_combination_of_clouds_is_planned_with_each_part_on_its_cloud() {
    for providers in every() {
        let graph = graph(&on(providers)).unwrap();
        let here = |azure: &str, aws: &str, cloud: Cloud| {
            assert_eq!(
                (has(&graph, azure), has(&graph, aws)),
                (cloud == Cloud::Azure, cloud == Cloud::Aws),
                "{providers:?}"
            );
        };
        here("l1/hub", "l1/aws-device-policy", providers.l1);
        here("l1/devices", "l1/aws-devices", providers.l1);
        here("l3/cosmos", "l3/aws-hot", providers.l3_hot);
        here("l3/cold", "l3/aws-cold", providers.l3_cold);
        here("l3/archive", "l3/aws-archive", providers.l3_archive);
        here("l4/twin-graph", "l4/aws-entities", providers.l4);
        assert_eq!(has(&graph, "setup/resource-group"), providers.uses(Cloud::Azure), "{providers:?}");
        assert_eq!(has(&graph, "setup/aws-account"), providers.uses(Cloud::Aws), "{providers:?}");
        for app in &Topology::of(providers).apps {
            for function in &app.functions {
                let step = match app.cloud {
                    Cloud::Aws => format!("{}/aws-{}-settings", app.layer.name(), function.name()),
                    _ => format!("{}/settings", app.layer.name()),
                };
                assert!(has(&graph, &step), "{step}: {providers:?}");
            }
        }
    }
}

#[test]
fn receivers_are_ready_before_who_sends_to_them() {
    for providers in every() {
        let graph = graph(&on(providers)).unwrap();
        let (from_azure, from_aws) = ("l2/telemetry", "l2/aws-telemetry");
        let sends = if has(&graph, from_azure) { from_azure } else { from_aws };
        let before = comes_after(&graph, sends);
        for (index, node) in graph.nodes().iter().enumerate() {
            let is_link = node.id().as_str() == "l0/adt-instance";
            if node.layer() == "L0" && !is_link {
                assert!(before.contains(graph.nodes()[index].id().as_str()), "{}: {providers:?}", node.id());
            }
        }
    }
}

#[test]
fn the_chain_goes_back_link_by_link() {
    let mut pushers = 0;
    for providers in every().filter(|providers| Topology::of(*providers).feed == Feed::Pusher) {
        pushers += 1;
        let graph = graph(&on(providers)).unwrap();
        assert!(waits_for(&graph, "l0/adt-instance").contains("l4/adt"), "{providers:?}");
        assert!(comes_after(&graph, "l0/adt-instance").contains("l0/package"), "{providers:?}");
        let told = if providers.l2 == Cloud::Aws { "l2/aws-persister-pusher" } else { "l2/persister-pusher" };
        assert!(waits_for(&graph, told).contains("l0/adt-instance"), "{providers:?}");
        let settings = if providers.l2 == Cloud::Aws { "l2/aws-persister-settings" } else { "l2/settings" };
        assert!(comes_after(&graph, told).contains(settings), "{providers:?}");
    }
    assert_eq!(pushers, 24, "three of four, where the twin is on Azure");
}

/// The steps whose documents hold policies, with the wildcards that are meant, and why.
const WILDCARDS: [(&str, &str); 4] = [
    ("log-group:/aws/lambda/", "streams of the function's own log group are named by the service"),
    ("-cold-storage-", "objects are named by device and time; the bucket is the deployment's own"),
    ("-archive-storage-", "as in cold storage"),
    ("-twin-maker-", "objects that TwinMaker keeps in the workspace's own bucket"),
];

#[test]
fn policies_hold_no_wildcard_but_those_that_are_reasoned() {
    let names = crate::naming::AwsNames::new("plant", "111122223333", "eu-central-1");
    let functions = functions::function::Function::ALL.into_iter();
    let mut policies: Vec<serde_json::Value> = functions
        .flat_map(|function| [true, false].map(|own_hot| aws::policy::of(function, &names, own_hot)))
        .collect();
    policies.push(aws::l1_iot::device_policy("plant", &names));
    policies.push(aws::l4_twin::workspace_policy(&names));
    let wildcards: Vec<String> = policies.iter().flat_map(::aws::policy::wildcards).collect();
    for wildcard in &wildcards {
        assert!(!wildcard.contains(": Action"), "no action has a wildcard: {wildcard}");
        assert!(WILDCARDS.iter().any(|(meant, _)| wildcard.contains(meant)), "{wildcard}");
    }
    for (meant, why) in WILDCARDS {
        assert!(wildcards.iter().any(|wildcard| wildcard.contains(meant)), "{meant} is no longer needed: {why}");
    }
}

#[test]
fn twins_on_aws_are_asked_through_the_reader_beside_hot_storage() {
    let far = Providers { l3_hot: Cloud::Azure, ..Providers::all(Cloud::Aws) };
    let graph = graph(&on(far)).unwrap();
    assert!(comes_after(&graph, "l4/aws-hot-reader-settings").contains("l0/app"));
    assert!(has(&graph, "l0/settings") && !has(&graph, "l0/aws-hot-reader"));
    assert!(waits_for(&graph, "l4/aws-entities").contains("l4/aws-hot-reader"));
}
