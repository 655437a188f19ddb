//! Serves a local cloud in a folder until it is stopped: `serve DIR [FAULT...]`.

use std::process::ExitCode;

use local::process;
use local::server::Options;

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let Some(dir) = args.next() else { return ExitCode::from(2) };
    let faults = args.map(|fault| fault.to_string_lossy().parse()).collect::<Result<Vec<_>, _>>();
    let Ok(faults) = faults else { return ExitCode::from(2) };
    match process::serve(Options { dir: dir.into(), faults, ..Options::default() }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
