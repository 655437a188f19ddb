//! From device to twin, through every real part: the factory deployed, one message per device, again and again.

use serde_json::Value;
use tests::twinctl::Sandbox;

/// The hops that `verify` reports, in milliseconds, and what they are called here.
const HOPS: [(&str, &str); 4] = [
    ("device_to_hub", "device to hub, acknowledged"),
    ("hub_to_twin", "hub to twin: Event Grid, function, write"),
    ("twin_to_visible", "twin to reader"),
    ("total", "device to reader"),
];

/// Deploys, verifies `rounds` times and prints each hop; says so when the parts cannot be deployed.
pub(crate) fn print(rounds: usize) {
    let sandbox = Sandbox::of_example("factory");
    let deployed = sandbox.run(&["run"]);
    if deployed.code != 0 {
        println!("\ndevice to twin: not measured, the factory is not deployed: {}", deployed.stderr.trim());
        return;
    }
    // The first message finds no function process running.
    let cold = samples(&sandbox, 1);
    let warm = samples(&sandbox, rounds);
    println!("\ndevice to twin, {} messages, in ms {:>24} {:>8} {:>8}", warm.len(), "p50", "p99", "first");
    for (hop, name) in HOPS {
        let first = cold.iter().filter_map(|hops| hops[hop].as_f64()).fold(0.0, f64::max);
        let mut took: Vec<f64> = warm.iter().filter_map(|hops| hops[hop].as_f64()).collect();
        took.sort_by(f64::total_cmp);
        let at = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1))).copied();
        let shown = |took: Option<f64>| took.map_or("-".to_owned(), |took| format!("{took:.1}"));
        println!("  {name:45} {:>8} {:>8} {:>8}", shown(at(50)), shown(at(99)), shown(Some(first)));
    }
}

/// The hops of every message that arrived.
fn samples(sandbox: &Sandbox, rounds: usize) -> Vec<Value> {
    let mut all = Vec::new();
    for _ in 0..rounds {
        let report = sandbox.run(&["verify", "--json"]);
        let Ok(report) = serde_json::from_str::<Value>(&report.stdout) else {
            println!("\nverify: {}", report.stderr.trim());
            continue;
        };
        let devices = report["devices"].as_array().cloned().unwrap_or_default();
        all.extend(devices.into_iter().map(|device| device["hops"].clone()));
    }
    all
}
