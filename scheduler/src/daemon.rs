//! The daemon: decides what is due, has it done, and records how it ended; one thing at a time.
//!
//! It keeps nothing to itself but the moment at which it came up: every round begins with what the journal says. So a
//! daemon that died is simply followed by another one.

use chrono::Duration;
use journal::{Event, RunId, ScheduleKind, ScheduleOutcome, ScheduleSpec, Trigger};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    outcome::{self, Meaning},
    policy::{self, Moment},
    seams::{Appended, Book, Clock, Exit, Found, Job, Page, Runner},
    status::{Board, Working},
};

/// How long it waits before it looks again whether the lease is free, or the journal readable.
const AGAIN: Duration = Duration::seconds(1);

/// Keeps the schedules of one state folder.
pub struct Daemon<'a> {
    clock: &'a dyn Clock,
    book: &'a dyn Book,
    runner: &'a dyn Runner,
    board: Board,
    stop: CancellationToken,
}

/// Why a job was asked to end before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The daemon ends.
    Stop,
    /// Another occurrence takes its place.
    Replace,
}

impl<'a> Daemon<'a> {
    /// A daemon that is up from now on, and ends when `stop` is cancelled. What it does is written on the board.
    pub fn new(
        clock: &'a dyn Clock,
        book: &'a dyn Book,
        runner: &'a dyn Runner,
        board: Board,
        stop: CancellationToken,
    ) -> Self {
        Self { clock, book, runner, board, stop }
    }

    /// Keeps the schedules until it is asked to stop. What is in progress then is asked to end at a safe point; its
    /// occurrence stays open, and the next daemon goes on with it.
    ///
    /// # Errors
    /// [`Error`] when the journal is not whole; what passes by itself is waited for.
    pub async fn serve(&self) -> Result<(), Error> {
        while !self.stop.is_cancelled() {
            match self.round().await {
                Err(error) if error.is_final() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "the schedules cannot be kept right now");
                    self.board.trouble(error.to_string());
                    self.pause().await;
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// One round: record what is to be recorded, else do what is open, else wait.
    async fn round(&self) -> Result<(), Error> {
        let page = self.book.read().await?;
        self.board.schedules(&page.schedules);
        let mut events = self.settle(&page).await?;
        if events.is_empty() {
            events = policy::decide(&page.schedules, self.moment());
        }
        if !events.is_empty() {
            self.append(&page, events).await?;
            return Ok(());
        }
        match job(&page) {
            Some(job) => self.take_turn(&page, &job).await,
            None => {
                self.idle(&page).await;
                Ok(())
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), up_since: self.board.up_since() }
    }

    /// The ends of what is open and whose run is at rest: somebody died before that was recorded.
    async fn settle(&self, page: &Page) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for (name, schedule) in &page.schedules {
            if schedule.spec.kind != ScheduleKind::Redeploy {
                continue;
            }
            for at in schedule.open.keys() {
                let trigger = Trigger { schedule: name.clone(), at: *at };
                let found = self.book.run_of(&trigger).await?;
                let outcome = found.and_then(|found| outcome::at_rest(found.status));
                events.extend(outcome.map(|outcome| ended(&trigger, outcome, found, None)));
            }
        }
        Ok(events)
    }

    /// Appends, or waits a moment for whoever holds the lease; then everything is looked at anew.
    async fn append(&self, page: &Page, events: Vec<Event>) -> Result<Appended, Error> {
        for event in &events {
            tracing::info!(schedule = event.schedule(), event = event.name(), "recording");
        }
        let appended = self.book.append(page.head.clone(), events).await?;
        if appended == Appended::Held {
            self.wait_for_lease().await;
        }
        Ok(appended)
    }

    /// Waits for whoever holds the lease. Who held it for a moment, such as a command that is ending, may be gone already.
    async fn wait_for_lease(&self) {
        let Some(holder) = self.book.holder().await else { return self.pause().await };
        self.board.waiting_for(Some(holder));
        tokio::select! {
            () = self.book.released() => {}
            () = self.stop.cancelled() => {}
        }
        self.board.waiting_for(None);
    }

    async fn pause(&self) {
        let again = self.clock.now() + AGAIN;
        tokio::select! {
            () = self.clock.sleep_until(again) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Waits until something is due, the schedules change, or the daemon is to stop.
    async fn idle(&self, page: &Page) {
        tokio::select! {
            () = self.sleep_until(policy::next_due(&page.schedules)) => {}
            () = self.book.changed(page.head.clone()) => {}
            () = self.stop.cancelled() => {}
        }
    }

    async fn sleep_until(&self, at: Option<chrono::DateTime<chrono::Utc>>) {
        match at {
            Some(at) => self.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Does what is open, unless somebody else is at work: they are waited for.
    async fn take_turn(&self, page: &Page, job: &Job) -> Result<(), Error> {
        if self.book.holder().await.is_some() {
            self.wait_for_lease().await;
            return Ok(());
        }
        let (schedule, at) = (&job.trigger.schedule, job.trigger.at);
        tracing::info!(%schedule, %at, project = %job.spec.project, "starting");
        self.board.working(Some(Working { trigger: job.trigger.clone(), since: self.clock.now() }));
        let ended = self.work(page, job).await;
        self.board.working(None);
        let (exit, asked) = ended;
        tracing::info!(%schedule, %at, ?exit, "ended");
        match (outcome::meaning(job.spec.kind, exit), asked) {
            (Meaning::Held, _) => {
                self.wait_for_lease().await;
                Ok(())
            }
            // It stays open: the next daemon goes on with it, or the next round has it replaced.
            (Meaning::Stopped, Some(Asked::Stop | Asked::Replace)) => Ok(()),
            (Meaning::Stopped, None) => self.record(job, ScheduleOutcome::Interrupted, exit).await,
            (Meaning::Ended(outcome), _) => self.record(job, outcome, exit).await,
        }
    }

    /// Has it done; ends it early when the daemon is to stop, or when another occurrence is due that replaces it.
    async fn work(&self, page: &Page, job: &Job) -> (Exit, Option<Asked>) {
        let stop = CancellationToken::new();
        let running = self.runner.run(job, &stop);
        tokio::pin!(running);
        let replacing = policy::next_replacing(&page.schedules, &job.spec.project);
        let asked = tokio::select! {
            ended = &mut running => return (exit(ended, job), None),
            () = self.stop.cancelled() => Asked::Stop,
            () = self.sleep_until(replacing) => Asked::Replace,
        };
        stop.cancel();
        (exit(running.await, job), Some(asked))
    }

    /// Records how an occurrence ended, as soon as the lease is free; even when the daemon is to stop, if it is free now.
    async fn record(&self, job: &Job, outcome: ScheduleOutcome, exit: Exit) -> Result<(), Error> {
        let found = self.book.run_of(&job.trigger).await?;
        loop {
            let page = self.book.read().await?;
            let open = page.schedules.get(&job.trigger.schedule).map(|schedule| &schedule.open);
            if open.is_none_or(|open| !open.contains_key(&job.trigger.at)) {
                tracing::warn!(schedule = %job.trigger.schedule, "somebody else has recorded the end already");
                return Ok(());
            }
            let events = vec![ended(&job.trigger, outcome, found, Some(exit))];
            if self.append(&page, events).await? == Appended::Done || self.stop.is_cancelled() {
                return Ok(());
            }
        }
    }
}

/// What is to be done now: what was taken up first.
fn job(page: &Page) -> Option<Job> {
    let (name, at) = policy::first_open(&page.schedules)?;
    let spec: &ScheduleSpec = &page.schedules.get(name)?.spec;
    Some(Job { trigger: Trigger { schedule: name.to_owned(), at }, spec: spec.clone() })
}

/// A process that could not be started or watched has failed like one that said so.
fn exit(ended: std::io::Result<Exit>, job: &Job) -> Exit {
    ended.unwrap_or_else(|error| {
        tracing::warn!(schedule = %job.trigger.schedule, %error, "the process cannot be started or watched");
        Exit::Code(1)
    })
}

fn ended(trigger: &Trigger, outcome: ScheduleOutcome, found: Option<Found>, exit: Option<Exit>) -> Event {
    let run: Option<RunId> = found.map(|found| found.run);
    let exit = match exit {
        Some(Exit::Code(code)) => Some(code),
        Some(Exit::Killed) | None => None,
    };
    Event::ScheduleEnded { schedule: trigger.schedule.clone(), at: trigger.at, outcome, run, exit }
}
