//! `twinctl completions`: what a shell needs in order to complete our commands.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{cli::Cli, exit::Exit, failure, output};

/// Prints the completions of a shell.
pub(crate) fn completions(shell: Shell) -> failure::Result {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "twinctl", &mut script);
    output::raw(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
