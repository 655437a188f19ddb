//! One file per command.

pub(crate) mod cloud;
mod completions;
mod destroy;
mod drift;
mod journal;
mod man;
mod plan;
mod resume;
mod rollback;
mod run;
pub(crate) mod schedule;
mod send;
mod serve;
mod simulate;
pub(crate) mod status;
mod twins;
mod validate;
mod verify;

use crate::{
    cli::{Cli, Command},
    failure,
    output::Output,
};

/// Does what was asked for.
pub(crate) async fn dispatch(cli: Cli, output: Output) -> failure::Result {
    let global = &cli.global;
    match cli.command {
        Command::Run(options) => run::run(global, &options, output).await,
        Command::Resume(options) => resume::resume(global, &options, output).await,
        Command::Rollback(options) => rollback::rollback(global, &options, output).await,
        Command::Destroy(options) => destroy::destroy(global, &options, output).await,
        Command::Plan(project) => plan::plan(global, &project, output).await,
        Command::Validate(project) => validate::validate(global, &project, output),
        Command::Status(project) => status::status(global, &project, output).await,
        Command::Drift(options) => drift::drift(global, &options, output).await,
        Command::Send(options) => send::send(global, &options, output).await,
        Command::Simulate(options) => simulate::simulate(global, &options, output).await,
        Command::Verify(options) => verify::verify(global, &options, output).await,
        Command::Twins(options) => twins::twins(global, &options, output).await,
        Command::Journal(options) => journal::journal(global, &options, output).await,
        Command::Schedule(options) => schedule::schedule(global, &options, output).await,
        Command::Serve(options) => serve::serve(global, &options, output).await,
        Command::Cloud(options) => cloud::cloud(global, &options, output).await,
        Command::Completions { shell } => completions::completions(shell),
        Command::Man => man::man(),
    }
}
