//! Deployments across clouds: AWS played by an emulator of others, Azure by the local cloud, data all the way through.

use std::{
    env,
    io::Write as _,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tests::{
    by_hand::ByHand,
    python::{Python, ministack},
    twinctl::{Ran, Sandbox, signal, wait},
};

/// Layers 1 to 4 as in the list, and the archive where cold storage is.
#[derive(Clone, Copy)]
struct Clouds {
    l1: &'static str,
    l2: &'static str,
    hot: &'static str,
    cold: &'static str,
    l4: &'static str,
}

/// A sandbox of the example whose devices are on AWS; `None`, said on standard error, where no emulator can be had.
fn sandbox() -> Option<Sandbox> {
    let program = ministack()?;
    Some(Sandbox::of_example("factory-aws").with_aws(&program))
}

fn sandbox_on(clouds: Clouds) -> Option<Sandbox> {
    let sandbox = sandbox()?;
    let providers = json!({
        "layer_1_provider": clouds.l1, "layer_2_provider": clouds.l2, "layer_3_hot_provider": clouds.hot,
        "layer_3_cold_provider": clouds.cold, "layer_3_archive_provider": clouds.cold, "layer_4_provider": clouds.l4
    });
    sandbox.write("config_providers.json", &providers);
    Some(sandbox)
}

fn said(what: &str) {
    let _ = writeln!(std::io::stderr(), "across clouds: {what}");
}

/// Every twin follows its device.
fn verify(sandbox: &Sandbox) -> Value {
    let report = sandbox.run(&["verify", "--timeout", "120", "--json"]).code(0).json();
    assert_eq!(report["live"], true, "{report:#}");
    let devices = report["devices"].as_array().expect("devices are a list");
    assert!(!devices.is_empty() && devices.iter().all(|device| device["outcome"] == "visible"), "{report:#}");
    report
}

fn deploy_and_verify(clouds: Clouds) {
    let Some(sandbox) = sandbox_on(clouds) else { return };
    sandbox.deploy();
    verify(&sandbox);
    let again = sandbox.run(&["run", "--json"]).code(0).json();
    assert_eq!(again["result"], "finished", "{again:#}");
    let status = sandbox.run(&["status", "--json"]).code(0).json();
    assert_eq!(status["deployed"], true, "{status:#}");
    let _: Ran = sandbox.run(&["journal", "verify"]).code(0);
    let _: Ran = sandbox.run(&["destroy"]).code(0);
    assert_nothing_stands(&sandbox);
}

/// What the emulator holds of a deployment: nothing.
fn assert_nothing_stands(sandbox: &Sandbox) {
    let Some(python) = Python::with_boto3() else { return };
    let left = python.run("aws_left.py", &json!({ "endpoint": sandbox.aws() })).code(0).json();
    assert_eq!(left, json!({}), "{left:#}");
}

#[test]
fn the_factory_with_its_devices_on_aws_is_live_and_goes_without_a_trace() {
    deploy_and_verify(Clouds { l1: "aws", l2: "aws", hot: "aws", cold: "aws", l4: "azure" });
}

#[test]
fn with_compute_on_azure_a_dispatcher_hands_over() {
    deploy_and_verify(Clouds { l1: "aws", l2: "azure", hot: "azure", cold: "azure", l4: "azure" });
}

#[test]
fn with_compute_and_storage_on_aws_the_hubs_data_crosses_twice() {
    deploy_and_verify(Clouds { l1: "azure", l2: "aws", hot: "aws", cold: "aws", l4: "azure" });
}

#[test]
fn with_hot_storage_on_azure_a_writer_stands_there() {
    deploy_and_verify(Clouds { l1: "aws", l2: "aws", hot: "azure", cold: "azure", l4: "azure" });
}

/// L2 = L3-cold != L3-hot: the data leaves the cloud and comes back.
#[test]
fn with_hot_storage_alone_on_the_other_cloud_both_sides_have_receivers() {
    deploy_and_verify(Clouds { l1: "aws", l2: "aws", hot: "azure", cold: "aws", l4: "azure" });
}

/// Everything on AWS: nobody pushes, TwinMaker asks its connector, which reads hot storage.
#[test]
fn with_everything_on_aws_twin_maker_asks_for_the_values() {
    let clouds = Clouds { l1: "aws", l2: "aws", hot: "aws", cold: "aws", l4: "aws" };
    let Some(sandbox) = sandbox_on(clouds) else { return };
    let property = |name: &str, kind: &str| json!({ "name": name, "dataType": kind });
    let device =
        |id: &str| json!({ "id": id, "properties": [property("temperature", "DOUBLE"), property("strokes", "LONG")] });
    sandbox.write("config_iot_devices.json", &json!([device("press-1-controller"), device("press-2-controller")]));
    let component = |device: &str| json!({ "type": "component", "name": "controller", "iotDeviceId": device });
    let press = |id: &str, device: &str| json!({ "type": "entity", "id": id, "children": [component(device)] });
    let presses = [press("press-1", "press-1-controller"), press("press-2", "press-2-controller")];
    let hall = json!([{ "type": "entity", "id": "press-hall", "name": "The press hall", "children": presses }]);
    sandbox.write("twin_hierarchy/aws_hierarchy.json", &hall);
    sandbox.deploy();
    let report = verify(&sandbox);
    assert_eq!(report["devices"][0]["twin"], "press-1/controller", "{report:#}");
    let tree = sandbox.run(&["twins"]).code(0);
    assert!(tree.stdout.contains("temperature"), "{tree:#?}");
    let _: Ran = sandbox.run(&["run"]).code(0);
    let _: Ran = sandbox.run(&["destroy"]).code(0);
    assert_nothing_stands(&sandbox);
}

/// A device that boto3 plays, and a reader that Microsoft wrote.
#[test]
fn what_boto3_publishes_microsofts_twins_sdk_reads() {
    let (Some(microsofts), Some(amazons)) = (Python::with_clients(), Python::with_boto3()) else { return };
    let Some(sandbox) = sandbox() else { return };
    sandbox.deploy();
    let published = json!({
        "endpoint": sandbox.aws(),
        "topic": "factory-aws/devices/climate-press-hall/telemetry",
        "body": { "temperature": 31.25 },
    });
    let _ = amazons.run("aws_publish.py", &published).code(0);
    let cloud = ByHand::at(&sandbox);
    let wanted = json!({
        "twins": cloud.endpoints().adt,
        "login": cloud.endpoints().login,
        "tenant": cloud.endpoints().tenant,
        "ca": cloud.endpoints().ca_pem,
        "twin": "climate-press-hall",
        "property": "temperature",
        "value": 31.25,
        "seconds": 90,
    });
    let twin = microsofts.run("read.py", &wanted).code(0).json();
    assert!(twin["$metadata"]["temperature"]["sourceTime"].is_string(), "the value has its time: {twin}");
}

/// How often a deployment is killed.
const KILLS: u32 = 10;

/// How often that is tried: a run that ends before it is killed does not count.
const ATTEMPTS: u32 = 40;

/// The exit code of a killed process.
const KILLED: i32 = 128 + 9;

/// Killed ten times at random moments, and resumed each time; the seed is said, and can be given.
#[test]
fn killed_ten_times_at_random_the_deployment_ends_as_an_undisturbed_one() {
    let Some(sandbox) = sandbox() else { return };
    let seed = seed();
    said(&format!("kills are drawn from TWINCTL_SEED={seed}"));
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let (mut killed, mut random) = (0, seed);
    let mut command = "run";
    for _ in 0..ATTEMPTS {
        if killed == KILLS {
            break;
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let child = sandbox.start(&[command]);
        thread::sleep(Duration::from_millis(100 + (random >> 33) % 600));
        signal(&child, "KILL");
        match wait(child).code {
            KILLED => killed += 1,
            // It was faster than the kill: from the beginning.
            _ => drop(sandbox.run(&["destroy"])),
        }
        // Killed before its first record, and destroyed, there is nothing to resume.
        let state = sandbox.run(&["resume", "--plan"]);
        command = if state.code == 0 && !state.stderr.contains("nothing to resume") { "resume" } else { "run" };
    }
    assert_eq!(killed, KILLS, "within {ATTEMPTS} attempts");
    let _ = sandbox.run(&[command]);
    let _ = sandbox.run(&["run"]).code(0);
    said(&format!("killed {killed} times"));
    verify(&sandbox);
    let _: Ran = sandbox.run(&["journal", "verify"]).code(0);
    let _: Ran = sandbox.run(&["destroy"]).code(0);
    assert_nothing_stands(&sandbox);
}

fn seed() -> u64 {
    let given = env::var("TWINCTL_SEED").ok().and_then(|text| text.parse().ok());
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::from(since.subsec_nanos()));
    given.unwrap_or_else(clock)
}
