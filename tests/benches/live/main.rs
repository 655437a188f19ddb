//! Live data: pushes per second and their latency, cold start and memory of the functions' process, device to twin.
//!
//! `cargo bench -p twinctl-tests --bench live [-- --seconds N]` prints a table; nothing is asserted, since machines
//! differ. Everything runs on this machine, the load generator included: the functions' process and the local cloud are
//! processes of their own, the pusher writes over TLS with a managed identity's token, each push goes to another twin.

#![allow(missing_docs, reason = "a program, not a library")]

mod arrival;
mod cloud;
mod load;
mod pusher;
mod reference;
mod usage;

use std::{error::Error, time::Duration};

use cloud::{Cloud, Patches, TWINS};
use load::{Figures, Load, Until};
use pusher::{Form, Pusher, Pushes};
use reference::Reference;
use usage::{peak_memory, processor_time};

const CONNECTIONS: [usize; 3] = [1, 16, 128];
const COLD_STARTS: usize = 20;
/// How often each device of the factory sends.
const ROUNDS: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == reference::FLAG) {
        return Ok(reference::serve()?);
    }
    let at = arguments.iter().position(|argument| argument == "--seconds");
    let seconds = at.and_then(|at| arguments.get(at + 1)).map_or(Ok(5), |text| text.parse())?;
    let cloud = Cloud::filled()?;
    println!(
        "{TWINS} twins; {seconds} s for each row; latencies in ms, processor time of each process in µs per answer\n"
    );
    println!("{:44} {:>7} {:>7} {:>7} {:>7}  {:6} processors", "", "per s", "p50", "p99", "worst", "of ref");
    let until = Until::Elapsed(Duration::from_secs(1), Duration::from_secs(seconds));
    let reference = http_alone(until)?;
    twins_alone(&cloud, until)?;
    pushes(&cloud, until, &reference)?;
    println!("memory of the local cloud, at most: {}", megabytes(peak_memory(cloud.endpoints.pid)));
    drop(cloud);
    arrival::print(ROUNDS);
    Ok(())
}

/// The same requests answered by a server that does nothing; by connections.
fn http_alone(until: Until) -> Result<Vec<f64>, Box<dyn Error>> {
    let server = Reference::start()?;
    let mut rates = Vec::new();
    for connections in CONNECTIONS {
        let load = Load { address: server.address, tls: None, connections, until };
        let used = Used::since(&[("generator", std::process::id()), ("server", server.pid())]);
        let (figures, _) = load::run(&load, Pushes { form: Form::Forwarded, close: false })?;
        row(&format!("reference: HTTP alone, {connections} connections"), &figures, None, &used);
        rates.push(figures.rate);
    }
    Ok(rates)
}

/// Writes without the pusher.
fn twins_alone(cloud: &Cloud, until: Until) -> Result<(), Box<dyn Error>> {
    let mut patches = Patches::new();
    for (name, tls) in [("HTTP", false), ("TLS", true)] {
        for connections in CONNECTIONS {
            let used = Used::since(&[("generator", std::process::id()), ("cloud", cloud.endpoints.pid)]);
            let (figures, back) = cloud.run(tls, connections, until, patches)?;
            patches = back;
            row(&format!("local ADT: PATCH over {name}, {connections} connections"), &figures, None, &used);
        }
    }
    Ok(())
}

fn pushes(cloud: &Cloud, until: Until, reference: &[f64]) -> Result<(), Box<dyn Error>> {
    let programs = pusher::programs()?;
    let (_, program) = &programs[0];
    let pusher = Pusher::start(program, cloud)?;
    let push = |connections, until, form| {
        let load = Load { address: pusher.address, tls: None, connections, until };
        load::run(&load, Pushes { form, close: false }).map(|(figures, _)| figures)
    };
    // Every twin is read before it is written first; that is not what is measured.
    push(16, Until::Requests(TWINS), Form::Forwarded)?;
    let used = || {
        let processes =
            [("generator", std::process::id()), ("functions", pusher.pid()), ("cloud", cloud.endpoints.pid)];
        Used::since(&processes)
    };
    for (connections, reference) in CONNECTIONS.into_iter().zip(reference) {
        let used = used();
        let figures = push(connections, until, Form::Forwarded)?;
        row(&format!("adt-pusher, {connections} connections"), &figures, Some(figures.rate / reference), &used);
    }
    let used = used();
    let figures = push(128, until, Form::Invocation)?;
    row("adt-pusher as an invocation, 128 connections", &figures, None, &used);
    println!("\nmemory of the functions' process, at most: {}", megabytes(peak_memory(pusher.pid())));
    drop(pusher);
    for (name, program) in &programs {
        let mut starts = Vec::new();
        for _ in 0..COLD_STARTS {
            let pusher = Pusher::start(program, cloud)?;
            starts.push((pusher.cold_start, pusher.cold_start + pusher.push()?, peak_memory(pusher.pid())));
        }
        cold(name, &mut starts);
    }
    Ok(())
}

fn cold(name: &str, starts: &mut [(Duration, Duration, u64)]) {
    starts.sort_unstable();
    let (probe, _, memory) = starts[starts.len() / 2];
    starts.sort_unstable_by_key(|(_, push, _)| *push);
    let (_, push, _) = starts[starts.len() / 2];
    let (probe, push) = (milliseconds(probe), milliseconds(push));
    println!("cold start of {name}: first answer after {probe} ms, first push after {push} ms, {}", megabytes(memory));
}

/// The processor time that some processes had used at a moment.
struct Used(Vec<(&'static str, u32, Duration)>);

impl Used {
    fn since(processes: &[(&'static str, u32)]) -> Self {
        Self(processes.iter().map(|(name, pid)| (*name, *pid, processor_time(*pid))).collect())
    }

    /// What each has used since, per answer.
    fn per(&self, answers: u64) -> String {
        let each = |(name, pid, before): &(&str, u32, Duration)| {
            let since = processor_time(*pid).saturating_sub(*before);
            format!("{name} {:.0}", since.as_secs_f64() * 1e6 / answers.max(1) as f64)
        };
        self.0.iter().map(each).collect::<Vec<_>>().join(", ")
    }
}

fn row(name: &str, figures: &Figures, share: Option<f64>, used: &Used) {
    let Figures { rate, answers, p50, p99, worst, refused, first_refusal } = figures;
    let [p50, p99, worst] = [p50, p99, worst].map(|took| milliseconds(*took));
    let share = share.map_or(String::new(), |share| format!("{:.0} %", share * 100.0));
    let used = used.per(*answers);
    println!("{name:44} {rate:>7.0} {p50:>7} {p99:>7} {worst:>7}  {share:6} {used}");
    if let Some(refusal) = first_refusal {
        println!("    {refused} refused, the first: {}", refusal.lines().next().unwrap_or_default());
    }
}

fn milliseconds(took: Duration) -> String {
    format!("{:.2}", took.as_secs_f64() * 1000.0)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
