//! The processes that do the work: this program again, one command each.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use chrono::SecondsFormat;
use journal::{Overlap, ScheduleKind};
use rustix::process::{Pid, Signal, kill_process};
use scheduler::{Exit, Job, Runner};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::{cli::Global, failure::Failure, output::Output, place::Place};

/// Starts them, and sees them to their end.
pub(crate) struct Children {
    program: PathBuf,
    state: PathBuf,
    cloud: Option<PathBuf>,
    verbose: u8,
    grace: Duration,
    output: Output,
}

impl Children {
    /// Children that work on the place's state folder, and are killed when they take longer than `grace` to stop.
    pub(crate) fn new(global: &Global, place: &Place, grace: Duration, output: Output) -> Result<Self, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::of(crate::exit::Exit::Error, "find this program", &error))?;
        let cloud = global.cloud_dir.as_ref().map(|_| place.cloud.clone());
        Ok(Self { program, state: place.state.clone(), cloud, verbose: global.verbose, grace, output })
    }

    /// The command for a job.
    fn arguments(&self, job: &Job) -> Vec<OsString> {
        let mut words: Vec<OsString> = match job.spec.kind {
            ScheduleKind::Redeploy => vec!["run".into()],
            ScheduleKind::DriftCheck => vec!["drift".into()],
        };
        words.push(Path::new(&job.spec.project).into());
        words.extend([
            "--target".into(),
            OsString::from(&job.spec.target),
            "--state-dir".into(),
            self.state.clone().into(),
        ]);
        words.extend(self.cloud.iter().flat_map(|cloud| ["--cloud-dir".into(), cloud.clone().into()]));
        words.extend((0..self.verbose).map(|_| "-v".into()));
        let at = job.trigger.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        words.extend(["--scheduled", &job.trigger.schedule, "--at", &at].map(OsString::from));
        if job.spec.kind == ScheduleKind::Redeploy {
            words.push("--yes".into());
            words.extend((job.spec.overlap == Overlap::Replace).then(|| "--replace".into()));
        }
        words
    }

    /// In a group of its own: Ctrl-C at a terminal is for the daemon, which passes the wish on once.
    fn start(&self, job: &Job) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(self.arguments(job)).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        command.spawn()
    }

    fn say(&self, job: &Job, what: &str) {
        let at = job.trigger.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        self.output.say(&format!("{} {at}: {what}", job.trigger.schedule));
    }
}

#[async_trait]
impl Runner for Children {
    async fn run(&self, job: &Job, stop: &CancellationToken) -> io::Result<Exit> {
        let mut child = self.start(job)?;
        self.say(job, "started");
        let status = tokio::select! {
            status = child.wait() => status?,
            () = stop.cancelled() => self.end(&mut child).await?,
        };
        let exit = exit(status);
        self.say(
            job,
            &match exit {
                Exit::Code(code) => format!("ended with {code}"),
                Exit::Killed => "ended by a signal".to_owned(),
            },
        );
        Ok(exit)
    }
}

impl Children {
    /// Asks it to end at a safe point, and kills it when it does not in time: a crash is what the journal is made for.
    async fn end(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let process = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(process) = process {
            // It may have ended by itself meanwhile.
            let _ = kill_process(process, Signal::TERM);
        }
        match tokio::time::timeout(self.grace, child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                child.start_kill()?;
                child.wait().await
            }
        }
    }
}

fn exit(status: ExitStatus) -> Exit {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(Exit::Killed, Exit::Code)
}
