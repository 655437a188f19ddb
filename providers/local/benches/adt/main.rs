//! A large graph in the local Azure Digital Twins: how fast an import job loads it, what memory it takes, how long a PATCH
//! and a restart take with it loaded. References are measured in the same run: plain appending of the same bytes, and a
//! PATCH that is refused for want of a token, an HTTP exchange with the same process that does nothing.
//!
//! `cargo bench -p twinctl-local --bench adt -- --twins 1000000 --relationships 3000000 --patches 20000`

mod cloud;
mod graph;
mod memory;
mod reference;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use local::server::Options;

use cloud::{Cloud, Failure};
use graph::Graph;

/// The allocator of the program that serves the local cloud.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is to be measured.
struct Plan {
    graph: Graph,
    patches: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, dir] = &args[..]
        && flag == "--serve"
    {
        return serve(PathBuf::from(dir)).await;
    }
    match measure(&plan(&args)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// This program is also the process that is measured.
async fn serve(dir: PathBuf) -> ExitCode {
    match local::process::serve(Options { dir, ..Options::default() }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn plan(args: &[String]) -> Plan {
    let number = |flag: &str, default: u64| {
        let value = args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1));
        value.and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let graph = Graph { twins: number("--twins", 1_000_000), relationships: number("--relationships", 3_000_000) };
    Plan { graph, patches: number("--patches", 20_000) }
}

async fn measure(plan: &Plan) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let mut cloud = Cloud::start(dir.path()).await?;
    cloud.deploy().await?;
    let bytes = cloud.upload(&plan.graph).await?;
    say(&format!(
        "input: {} twins, {} relationships, {} MB",
        plan.graph.twins,
        plan.graph.relationships,
        bytes / 1_000_000
    ))?;
    let before = memory::resident(cloud.pid());
    let started = Instant::now();
    let sections = cloud.import().await?;
    let whole = started.elapsed();
    rate("import of twins", plan.graph.twins, sections.twins)?;
    rate("import of relationships", plan.graph.relationships, sections.relationships)?;
    rate("whole job, looking through included", plan.graph.twins + plan.graph.relationships, whole)?;
    let (now, peak) = (memory::resident(cloud.pid()), memory::peak(cloud.pid()));
    say(&format!("memory: {} MB resident ({} MB before, {} MB at most)", now / MB, before / MB, peak / MB))?;
    let file = state_file(dir.path())?;
    let appended = reference::append(dir.path(), file)?;
    let by_time = file as f64 / 1e6 / appended.as_secs_f64();
    say(&format!(
        "state file: {} MB; plain appending of as many bytes: {appended:.2?} ({by_time:.0} MB/s)",
        file / MB
    ))?;
    latency("HTTP exchange that does nothing", cloud.exchange(&plan.graph, plan.patches).await?)?;
    latency("PATCH of a twin", cloud.patch(&plan.graph, plan.patches).await?)?;
    cloud.kill(dir.path()).await?;
    let started = Instant::now();
    cloud = Cloud::start(dir.path()).await?;
    cloud.twin(&plan.graph, plan.graph.twins - 1).await?;
    say(&format!(
        "restart after a kill: {:.2?}, {} MB resident",
        started.elapsed(),
        memory::resident(cloud.pid()) / MB
    ))?;
    cloud.kill(dir.path()).await
}

const MB: u64 = 1_000_000;

fn state_file(dir: &Path) -> io::Result<u64> {
    Ok(std::fs::metadata(dir.join("adt").join(format!("{}.jsonl", cloud::INSTANCE)))?.len())
}

fn rate(what: &str, count: u64, took: Duration) -> io::Result<()> {
    say(&format!("{what}: {:.0}/s ({took:.2?})", count as f64 / took.as_secs_f64()))
}

fn latency(what: &str, mut times: Vec<Duration>) -> io::Result<()> {
    times.sort();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    say(&format!("{what}: p50 {:.0?}, p99 {:.0?}, p99.9 {:.0?}", at(0.5), at(0.99), at(0.999)))
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
