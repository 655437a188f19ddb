//! The `twinctl` command line: thin, all logic lives in the libraries.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | command | what a user types; one file each in `commands/` |
//! | place | the project, state and cloud folders that a command works on |
//! | failure | why a command could not do its work: exit code, stable code, causes, hint |
//! | exit | how the program ended, a published number |
//!
//! # Invariants
//!
//! 1. Data goes to standard output, everything else to standard error.
//! 2. Only this crate reads the environment, the terminal and the working directory.
//! 3. `plan`, `validate`, `status` and the reading commands of `journal` open nothing for writing and start no process.

mod aim;
mod cli;
mod codes;
mod commands;
mod connect;
mod control;
mod derived;
mod environment;
mod exit;
mod explain;
mod failure;
mod live;
mod logging;
mod output;
mod place;
mod program;
mod project;
mod render;
mod runs;
mod signals;
mod traces;

use std::process::ExitCode;

use clap::Parser;

use crate::{cli::Cli, exit::Exit, failure::Failure, output::Output};

/// The one of `twin-functions`: under a handler's name this is the same program, and the local cloud gains as much.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Apps of the local cloud run this very program, under the name of a handler.
    if std::env::args_os().next().is_some_and(|name| twin_functions::is_meant(&name)) {
        return twin_functions::main();
    }
    let cli = Cli::parse();
    let output = Output::new(&cli.global);
    logging::start(cli.global.verbose, matches!(cli.command, cli::Command::Serve(_)), output);
    let exit = work(cli, output).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    exit.into()
}

fn work(cli: Cli, output: Output) -> failure::Result {
    // Before any TLS: the libraries are built without a provider, so that there is exactly one.
    let installed = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(installed.is_ok(), "nothing else installs a provider");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::of(Exit::Error, "start the runtime", &error))?;
    runtime.block_on(commands::dispatch(cli, output))
}
