//! What can be typed: the clap definitions, and nothing else.
#![allow(rustdoc::invalid_html_tags, reason = "the doc comments are help texts, read as they stand")]

mod journal;
mod live;
pub(crate) mod schedule;

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use clap_complete::Shell;

use crate::{aim, environment};

pub(crate) use journal::{
    Between, Checkpoint, Diff, Export, ExportFormat, Filter, Journal, JournalCommand, List, Prove, Prune, Records,
    Report, Show, Tail, Verification,
};
pub(crate) use live::{Send, Simulate, Twins, Verify};
pub(crate) use schedule::{AddSchedule, NamedSchedule, Schedule, ScheduleCommand, Scheduled, Serve};

/// Deploys a digital twin across clouds, live data included, and never loses its place.
///
/// A deployment is a journal of idempotent steps: killed at any point, `resume` goes on exactly where it was, and
/// `rollback` undoes what a run did. The local cloud is the default target, so a laptop is enough.
#[derive(Debug, Parser)]
#[command(name = "twinctl", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 error, 2 usage, 3 invalid project, 10 failed, 11 interrupted, \
                        12 rolled back, 13 partially rolled back, 14 locked, 15 journal damaged, 16 drift, \
                        17 not visible")]
#[command(after_long_help = environment::HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where journal, locks and keys are kept [default: <PROJECT>/.twinctl]
    #[arg(long, global = true, value_name = "DIR", env = environment::STATE_DIR, hide_env = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Where the local cloud keeps its state [default: <STATE_DIR>/cloud]
    #[arg(long, global = true, value_name = "DIR", env = environment::CLOUD_DIR, hide_env = true)]
    pub(crate) cloud_dir: Option<PathBuf>,
    /// Where to deploy to [default: local; after a run: where that run went]
    #[arg(long, global = true, value_name = "TARGET")]
    pub(crate) target: Option<TargetKind>,
    /// Write data as JSON to standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour (`NO_COLOR` is honoured)
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Log requests and more to standard error; repeat for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetKind {
    /// The local cloud on this machine
    Local,
    /// The real clouds
    Cloud,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Also when piped
    Always,
    /// Never
    Never,
}

/// The commands, in the order in which help shows them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Deploy a project, or bring its deployment up to date
    Run(Run),
    /// Go on with a run that was interrupted or failed
    Resume(Resume),
    /// Undo what the last run did
    Rollback(Rollback),
    /// Remove everything that the deployment created
    Destroy(Destroy),
    /// Show what `run` would do; changes nothing
    Plan(Project),
    /// Check a project and report every problem; changes nothing
    Validate(Project),
    /// Tell per layer whether everything is correctly deployed; changes nothing
    Status(Project),
    /// Look whether the cloud is still as the last run left it; put it back or accept it
    Drift(Drift),
    /// Send one message, the way a device would
    Send(Send),
    /// Send realistic series from many devices, and tell whether the twins follow
    Simulate(Simulate),
    /// Prove that live data arrives: one marked message per device
    Verify(Verify),
    /// Show the twins as a tree with live values; changes nothing
    Twins(Twins),
    /// Read, prove and export the record of every run
    Journal(Journal),
    /// Deploy again at fixed times, or look for drift
    Schedule(Schedule),
    /// Keep the schedules, until it is stopped
    Serve(Serve),
    /// Manage the local cloud
    Cloud(Cloud),
    /// Print shell completions
    Completions {
        /// The shell to complete for
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// The project that a command works on.
#[derive(Debug, Clone, Args)]
pub(crate) struct Project {
    /// The project folder
    #[arg(value_name = "PROJECT", default_value = ".")]
    pub(crate) project: PathBuf,
}

/// How steps are executed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Execution {
    /// How many steps may run at the same time
    #[arg(long, value_name = "N", default_value = "8", value_parser = parallelism)]
    pub(crate) parallelism: NonZeroUsize,
}

/// `twinctl run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) execution: Execution,
    /// Take over resources that somebody else made; they are never destroyed
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Undo the run at once if it fails
    #[arg(long)]
    pub(crate) rollback_on_failure: bool,
    /// Do not ask before real clouds are changed
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) scheduled: Scheduled,
}

/// `twinctl resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) execution: Execution,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// Take over resources that somebody else made; they are never destroyed
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Do not ask before real clouds are changed
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `twinctl rollback`.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Leave a step as it is; recorded with who and why (repeatable, each with its own --reason)
    #[arg(long, value_name = "STEP", requires = "reason", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) skip: Vec<String>,
    /// Why the step is skipped
    #[arg(long, value_name = "TEXT", requires = "skip", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) reason: Vec<String>,
    /// Do not ask before real clouds are changed
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `twinctl destroy`.
#[derive(Debug, Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) execution: Execution,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `twinctl drift`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 everything is as it was left (or is again), 16 something is not, 1 something could not be
looked at. What was found, and what was done about it, is recorded."
)]
pub(crate) struct Drift {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) execution: Execution,
    /// Put back what differs, in a new run
    #[arg(long)]
    pub(crate) revert: bool,
    /// Take what the cloud holds as wanted from now on
    #[arg(long, conflicts_with = "revert")]
    pub(crate) accept: bool,
    /// Accept only this step (repeatable)
    #[arg(long, value_name = "STEP", requires = "accept", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) step: Vec<String>,
    /// Why it is accepted, for the record
    #[arg(long, value_name = "TEXT", requires = "accept", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) scheduled: Scheduled,
    /// Do not ask before real clouds are changed
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `twinctl cloud`.
#[derive(Debug, Args)]
pub(crate) struct Cloud {
    #[command(subcommand)]
    pub(crate) command: CloudCommand,
}

/// `twinctl cloud ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum CloudCommand {
    /// Start the local cloud, unless it is up
    Up {
        #[command(flatten)]
        project: Project,
        #[command(flatten)]
        serving: Serving,
        #[command(flatten)]
        emulated: Emulated,
    },
    /// Stop the local cloud; its state stays
    Down(Project),
    /// Tell whether the local cloud is up, and where
    Status(Project),
    /// Stop the local cloud and delete its state
    Reset(Project),
    /// Print the base URL of a service: arm, adt, adt-http, aws and so on
    Url {
        /// The name of the service
        name: String,
        #[command(flatten)]
        project: Project,
    },
    /// List every mutating effect in order
    Effects(Project),
    /// Print the whole state in canonical form
    Dump(Project),
    /// Make the local cloud fail on purpose
    Fault {
        /// The project folder
        #[arg(long, global = true, value_name = "PROJECT", default_value = ".")]
        project: PathBuf,
        #[command(subcommand)]
        command: FaultCommand,
    },
    /// Write every request and its answer to a file, from now on
    ///
    /// Credentials are left out of the headers; bodies are written as they are, so keep the file to yourself.
    Record {
        /// Where to append, one exchange a line as JSON
        #[arg(value_name = "FILE", required_unless_present = "stop")]
        file: Option<PathBuf>,
        /// Write no more
        #[arg(long, conflicts_with = "file")]
        stop: bool,
        /// The project folder
        #[arg(long, value_name = "PROJECT", default_value = ".")]
        project: PathBuf,
    },
    /// Run the local cloud in the foreground
    #[command(hide = true)]
    Serve {
        #[command(flatten)]
        project: Project,
        #[command(flatten)]
        serving: Serving,
    },
    /// Become the AWS emulator of the local cloud
    #[command(hide = true)]
    ServeAws {
        #[command(flatten)]
        project: Project,
        /// The emulator's executable
        #[arg(long, value_name = "FILE")]
        program: PathBuf,
    },
}

/// Whether the local cloud has AWS.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Emulated {
    /// Serve AWS too, by ministack [default: when a layer of the project is on AWS]
    #[arg(long, conflicts_with = "no_aws")]
    pub(crate) aws: bool,
    /// Do not start AWS
    #[arg(long)]
    pub(crate) no_aws: bool,
}

/// How the local cloud serves.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Serving {
    /// Take as long as the real clouds do, times SCALE
    #[arg(long, value_name = "SCALE", num_args = 0..=1, default_missing_value = "1", value_parser = scale)]
    pub(crate) realistic: Option<f64>,
    /// Limit the rates of digital twins as Azure does; remembered until `--rates=false`
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) rates: Option<bool>,
    /// Admit to digital twins whom a role admits; remembered until `--rbac=false`
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) rbac: Option<bool>,
    /// Serve MQTT on PORT; device SDKs insist on 8883
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) mqtt_port: Option<u16>,
}

/// `twinctl cloud fault ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Put faults in force, instead of all others
    Set {
        /// A fault, as `kind,key=value,...` or JSON: latency, throttle, error, reply-lost, propagation,
        /// operation-fails, soft-delete; aimed by service, method, path, nth, times
        #[arg(required = true, value_name = "FAULT", value_parser = aim::fault)]
        faults: Vec<local::faults::Fault>,
    },
    /// List the faults in force
    List,
    /// Remove every fault
    Clear,
}

fn parallelism(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(n) if n.get() <= 256 => Ok(n),
        _ => Err("a number from 1 to 256 is expected".into()),
    }
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if scale.is_finite() && scale > 0.0 => Ok(scale),
        _ => Err("a positive number is expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_skip_needs_its_reason() {
        let error = Cli::try_parse_from(["twinctl", "rollback", "--skip", "l4/adt"]).unwrap_err();
        assert!(error.to_string().contains("--reason"), "{error}");
        assert!(Cli::try_parse_from(["twinctl", "rollback", "--skip", "l4/adt", "--reason", ""]).is_err());
    }

    #[test]
    fn numbers_are_checked() {
        assert!(Cli::try_parse_from(["twinctl", "run", "--parallelism", "0"]).is_err());
        assert!(Cli::try_parse_from(["twinctl", "cloud", "up", "--realistic=-1"]).is_err());
        let cli = Cli::try_parse_from(["twinctl", "cloud", "up", "--realistic=0.01"]).unwrap();
        let Command::Cloud(Cloud { command: CloudCommand::Up { serving, .. } }) = cli.command else { panic!("not up") };
        assert_eq!(serving.realistic, Some(0.01));
        assert_eq!((serving.rates, serving.rbac), (None, None));
        assert!(Cli::try_parse_from(["twinctl", "cloud", "up", "--mqtt-port=0"]).is_err());
    }

    #[test]
    fn strictness_is_asked_for_taken_back_or_left_as_it_is() {
        let cli = Cli::try_parse_from(["twinctl", "cloud", "up", "--rates", "--rbac=false", "folder"]).unwrap();
        let Command::Cloud(Cloud { command: CloudCommand::Up { serving, .. } }) = cli.command else { panic!("not up") };
        assert_eq!((serving.rates, serving.rbac), (Some(true), Some(false)));
    }
}
