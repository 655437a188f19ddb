//! The commands of auditors: `journal ...`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use clap::{Args, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};

use super::Project;

/// The newest run, for those who do not know its id.
const LAST: &str = "last";

/// `twinctl journal`.
#[derive(Debug, Args)]
pub(crate) struct Journal {
    /// Which deployment's stream to read [default: the only one]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) stream: Option<String>,
    #[command(subcommand)]
    pub(crate) command: JournalCommand,
}

/// `twinctl journal ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// List the runs: when, who, what, how they ended
    List(List),
    /// Show one run: its steps with attempts, waits and outcomes
    Show(Show),
    /// Show records, all or those that fit
    Records(Records),
    /// Show the newest records, and those that come
    Tail(Tail),
    /// Show what two runs did differently
    Diff(Diff),
    /// Show what was deployed at a time
    At {
        /// The time: 2026-03-01, 2026-03-01T12:00 (UTC) or RFC 3339
        #[arg(value_name = "TIME", value_parser = time)]
        time: DateTime<Utc>,
        #[command(flatten)]
        project: Project,
    },
    /// Check that the record is whole, and name the first record that does not hold
    Verify(Verification),
    /// Sign what the record holds now: kept elsewhere, it shows later whether anything was taken away
    Checkpoint(Checkpoint),
    /// Print the key by which checkpoints are checked
    Key(Project),
    /// Prove that a record is in a checkpoint, or that a checkpoint grew out of an earlier one
    Prove(Prove),
    /// Write one run as a page to read and to print
    Report(Report),
    /// Write the records for other tools
    Export(Export),
    /// Take old records out, after exporting them; the rest stays verifiable
    Prune(Prune),
}

/// A part of the time.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Between {
    /// Not before this time: 2026-03-01, 2026-03-01T12:00 (UTC) or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<DateTime<Utc>>,
}

/// `twinctl journal list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) between: Between,
    /// Only runs of this user, USER or USER@HOST
    #[arg(long, value_name = "USER")]
    pub(crate) actor: Option<String>,
    /// Only runs that ended so: finished, failed, rolled-back and so on
    #[arg(long, value_name = "STATUS")]
    pub(crate) outcome: Option<String>,
    /// Write a line of JSON per run
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// `twinctl journal show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run: its identifier or the beginning of it, or `last`; a folder is taken for the project
    #[arg(value_name = "RUN", default_value = LAST)]
    run: String,
    #[command(flatten)]
    pub(crate) project: Project,
    /// Only this step, with every record of it
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
}

/// What records must be like to be shown.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filter {
    #[command(flatten)]
    pub(crate) between: Between,
    /// Only records of this run: its identifier or the beginning of it, or `last`
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Only records of this step
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
    /// Only records of this user, USER or USER@HOST
    #[arg(long, value_name = "USER")]
    pub(crate) actor: Option<String>,
    /// Only records that name this resource: a part of its identifier
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) resource: Option<String>,
    /// Only records with this outcome or type: created, updated, step-failed and so on
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<String>,
}

/// `twinctl journal records`.
#[derive(Debug, Args)]
pub(crate) struct Records {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Write the records as they are stored, a line each
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// `twinctl journal tail`.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) project: Project,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(crate) lines: usize,
    /// Go on showing records as they come
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// `twinctl journal diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The earlier run
    #[arg(value_name = "RUN")]
    pub(crate) from: String,
    /// The later run
    #[arg(value_name = "RUN")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) project: Project,
}

/// `twinctl journal verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  twinctl journal verify
  twinctl journal verify --checkpoint kept/factory.checkpoint --key \"$(cat kept/factory.key)\"
  twinctl journal verify --file 2025.jsonl --file 2026.jsonl")]
pub(crate) struct Verification {
    #[command(flatten)]
    pub(crate) project: Project,
    /// A head that is known from elsewhere, so that a cut-off end is noticed
    #[arg(long, value_name = "SEQ:HASH")]
    pub(crate) head: Option<String>,
    /// A signed checkpoint that was kept elsewhere (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// The key that signed it, as `journal key` printed it [default: the one in the state folder]
    #[arg(long, value_name = "KEY", requires = "checkpoint")]
    pub(crate) key: Option<String>,
    /// Verify exports instead of the journal: in order, from the first record on (repeatable)
    #[arg(long, value_name = "FILE", conflicts_with = "head")]
    pub(crate) file: Vec<PathBuf>,
}

/// `twinctl journal checkpoint`.
#[derive(Debug, Args)]
pub(crate) struct Checkpoint {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Write it to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Sign with this key (Ed25519, PKCS#8 in PEM) [default: checkpoint.key in the state folder, made on first use]
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
}

/// `twinctl journal prove`.
#[derive(Debug, Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    pub(crate) project: Project,
    /// The record to prove: its sequence number
    #[arg(long, value_name = "SEQ", required_unless_present = "since")]
    pub(crate) record: Option<u64>,
    /// The checkpoint to prove it in [default: all records as they are now]
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// An earlier checkpoint: prove that nothing before it was changed
    #[arg(long, value_name = "FILE", conflicts_with = "record")]
    pub(crate) since: Option<PathBuf>,
}

/// `twinctl journal report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The run: its identifier or the beginning of it, or `last`
    #[arg(value_name = "RUN", default_value = LAST)]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) project: Project,
    /// Write to a file instead of standard output; one that is there is replaced
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Do not sign a checkpoint into it; otherwise the state folder's key does, made on first use
    #[arg(long)]
    pub(crate) unsigned: bool,
}

/// `twinctl journal export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) project: Project,
    /// The form
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) format: ExportFormat,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

/// What an export looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The records themselves, a line each
    Jsonl,
    /// CloudEvents 1.0 with OCSF API Activity as data, a line each
    Cloudevents,
}

/// `twinctl journal prune`.
#[derive(Debug, Args)]
pub(crate) struct Prune {
    #[command(flatten)]
    pub(crate) project: Project,
    /// Take out records from before this time: 2026-03-01, 2026-03-01T12:00 (UTC) or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) before: DateTime<Utc>,
    /// The file that gets them first; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) export: PathBuf,
}

impl Show {
    /// The run that is meant. Every other command takes the project first, so that a folder is no run.
    pub(crate) fn run(&self) -> &str {
        if self.names_a_folder() { LAST } else { &self.run }
    }

    fn project(&self) -> &Path {
        if self.names_a_folder() { Path::new(&self.run) } else { &self.project.project }
    }

    fn names_a_folder(&self) -> bool {
        self.run != LAST && Path::new(&self.run).is_dir()
    }
}

impl JournalCommand {
    /// The project whose journal is read.
    pub(crate) fn project(&self) -> &Path {
        let project = match self {
            Self::Show(options) => return options.project(),
            Self::List(options) => &options.project,
            Self::Records(options) => &options.project,
            Self::Tail(options) => &options.project,
            Self::Diff(options) => &options.project,
            Self::At { project, .. } | Self::Key(project) => project,
            Self::Verify(options) => &options.project,
            Self::Checkpoint(options) => &options.project,
            Self::Prove(options) => &options.project,
            Self::Report(options) => &options.project,
            Self::Export(options) => &options.project,
            Self::Prune(options) => &options.project,
        };
        &project.project
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let exact = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let minute = || {
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"];
        forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|time| time.and_utc())
    };
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    exact().or_else(minute).or_else(day).ok_or_else(|| {
        "a time is 2026-03-01, 2026-03-01T12:00 or 2026-03-01T12:00:00+01:00; UTC where no zone is given".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_as_people_write_them() {
        let times = ["2026-03-01", "2026-03-01T00:00", "2026-03-01 00:00:00", "2026-03-01T01:00:00+01:00"];
        let expected = time("2026-03-01T00:00:00Z").unwrap();
        assert!(times.iter().all(|text| time(text) == Ok(expected)));
        for bad in ["", "yesterday", "2026-13-01", "2026-03-01T25:00"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
