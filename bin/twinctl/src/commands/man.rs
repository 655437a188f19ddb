//! `twinctl man`: the manual page, all commands included.

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::{
    cli::Cli,
    exit::Exit,
    failure::{self, Failure},
    output,
};

/// Prints the manual page as roff: `twinctl man | man -l -`.
pub(crate) fn man() -> failure::Result {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(|error| unwritten(&error))?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        section(sub, &mut page).map_err(|error| unwritten(&error))?;
    }
    output::raw(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}

/// One command and those below it, as sections of the same page.
fn section(command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_uppercase();
    page.extend_from_slice(format!(".SH \"{name}\"\n").as_bytes());
    let man = Man::new(command.clone());
    man.render_description_section(page)?;
    man.render_synopsis_section(page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set() && !argument.is_global_set()) {
        man.render_options_section(page)?;
    }
    command.get_subcommands().filter(|sub| !sub.is_hide_set()).try_for_each(|sub| section(sub, page))
}

fn unwritten(error: &std::io::Error) -> Failure {
    Failure::of(Exit::Error, "write the manual page", error)
}
