//! The made-up world: deployments whose runs take their time, in the real journal, under the real lease.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::Duration;
use journal::{
    Actor, Digest, Event, FailureKind, Overlap, RunId, RunKind, ScheduleKind, StepId, Store, Stream, Trigger,
};
use scheduler::{Exit, Job, Runner};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::sim::{Killer, Random, SimClock};

pub(crate) fn actor() -> Actor {
    Actor { user: "ada".into(), host: "lab".into(), process: 1, version: "0".into(), ci: None }
}

/// What outlives every daemon.
pub(crate) struct World {
    pub(crate) state: PathBuf,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) random: Mutex<Random>,
    /// What was done, in order: a word and for which occurrence.
    pub(crate) log: Mutex<Vec<(&'static str, Trigger)>>,
    /// Processes that are at work right now.
    pub(crate) children: Mutex<Vec<JoinHandle<Exit>>>,
}

impl World {
    pub(crate) fn below(&self, n: u64) -> u64 {
        self.random.lock().unwrap().below(n)
    }

    fn note(&self, word: &'static str, trigger: &Trigger) {
        self.log.lock().unwrap().push((word, trigger.clone()));
    }

    pub(crate) fn open(&self) -> Result<Store, journal::Error> {
        Store::open_with(&self.state, actor(), "twinctl run", Arc::clone(&self.clock) as Arc<dyn journal::Clock>)
    }

    /// Kills every process, as the end of a service's control group does.
    pub(crate) async fn kill_children(&self) {
        let children = std::mem::take(&mut *self.children.lock().unwrap());
        for child in children {
            child.abort();
            let _ = child.await;
        }
    }
}

/// Starts processes, as the real runner does. They die with the daemon only when somebody kills them, too.
pub(crate) struct FakeRunner {
    pub(crate) world: Arc<World>,
    pub(crate) killer: Killer,
}

#[async_trait]
impl Runner for FakeRunner {
    async fn run(&self, job: &Job, stop: &CancellationToken) -> std::io::Result<Exit> {
        self.killer.point().await;
        let (wish, ended) = (CancellationToken::new(), CancellationToken::new());
        let child = Child { world: Arc::clone(&self.world), stop: wish.clone() };
        let (job, done) = (job.clone(), ended.clone());
        let exit = Arc::new(Mutex::new(Exit::Killed));
        let slot = Arc::clone(&exit);
        let handle = tokio::spawn(async move {
            let exit = child.work(&job).await;
            *slot.lock().unwrap() = exit;
            done.cancel();
            exit
        });
        self.world.children.lock().unwrap().push(handle);
        self.killer.point().await;
        tokio::select! {
            () = ended.cancelled() => {}
            () = stop.cancelled() => {
                self.killer.point().await;
                wish.cancel();
                ended.cancelled().await;
            }
        }
        self.killer.point().await;
        let exit = *exit.lock().unwrap();
        Ok(exit)
    }
}

/// One process: `twinctl run --scheduled`, or `twinctl drift`.
struct Child {
    world: Arc<World>,
    stop: CancellationToken,
}

impl Child {
    async fn work(&self, job: &Job) -> Exit {
        // A process needs time to start; it can be stopped, and the lease be taken, meanwhile.
        self.world.clock.pass(Duration::milliseconds(80)).await;
        match job.spec.kind {
            ScheduleKind::DriftCheck => self.look().await,
            ScheduleKind::Redeploy => match self.world.open() {
                Err(journal::Error::Locked { .. }) => Exit::Code(14),
                Err(error) => panic!("{error}"),
                Ok(store) => {
                    let stream = store.stream(&format!("local{}", job.spec.project.replace('/', "-"))).unwrap();
                    self.deploy(&stream, job).await
                }
            },
        }
    }

    async fn look(&self) -> Exit {
        let minutes = Duration::minutes(self.world.below(9) as i64);
        tokio::select! {
            () = self.world.clock.pass(minutes) => Exit::Code(if self.world.below(5) == 0 { 16 } else { 0 }),
            () = self.stop.cancelled() => Exit::Killed,
        }
    }

    async fn deploy(&self, stream: &Stream, job: &Job) -> Exit {
        let state = stream.state();
        if let Some(run) = state.run_of(&job.trigger).filter(|run| run.status.at_rest()) {
            return Exit::Code(if run.status == journal::RunStatus::Finished { 0 } else { 12 });
        }
        if let Some(last) = state.last_run().filter(|run| !run.status.at_rest()) {
            let own = last.triggers.contains(&job.trigger);
            if own || job.spec.overlap == Overlap::Replace {
                let trigger = Some(job.trigger.clone());
                self.append(stream, last.id, Event::RunResumed { adopt: false, trigger }).await;
                self.world.note(if own { "resumed" } else { "begun" }, &job.trigger);
                return self.go(stream, last.id, &job.trigger, true).await;
            }
            self.append(stream, last.id, Event::RunResumed { adopt: false, trigger: None }).await;
            let exit = self.go(stream, last.id, &job.trigger, false).await;
            if exit != Exit::Code(0) {
                return exit;
            }
        }
        let run = RunId(uuid::Uuid::from_u128(u128::from(self.world.random.lock().unwrap().next())));
        let previous = stream.state().definition().cloned();
        let event = Event::RunStarted {
            kind: RunKind::Deploy,
            definition: Digest("d".into()),
            previous,
            target: "local".into(),
            adopt: false,
            trigger: Some(job.trigger.clone()),
        };
        self.append(stream, run, event).await;
        self.world.note("begun", &job.trigger);
        self.go(stream, run, &job.trigger, true).await
    }

    /// Takes its time, then finishes, fails, or is stopped.
    async fn go(&self, stream: &Stream, run: RunId, trigger: &Trigger, ours: bool) -> Exit {
        let minutes = Duration::seconds(60 + self.world.below(100 * 60) as i64);
        tokio::select! {
            () = self.world.clock.pass(minutes) => {}
            () = self.stop.cancelled() => {
                self.append(stream, run, Event::RunInterrupted { reason: "SIGTERM".into() }).await;
                return Exit::Code(11);
            }
        }
        if self.world.below(12) == 0 {
            self.fail(stream, run).await;
            return Exit::Code(10);
        }
        self.finish(stream, run).await;
        if ours {
            self.world.note("finished", trigger);
        }
        Exit::Code(0)
    }

    async fn finish(&self, stream: &Stream, run: RunId) {
        if stream.state().run(run).unwrap().steps.keys().next().is_some() {
            self.begin(stream, run).await;
            let (step, outcome) = (StepId::new("step"), journal::Outcome::Unchanged);
            self.append(
                stream,
                run,
                Event::StepCompleted { step, outcome, output: serde_json::Value::Null, requests: Vec::new() },
            )
            .await;
        }
        self.append(stream, run, Event::RunFinished).await;
    }

    async fn begin(&self, stream: &Stream, run: RunId) {
        let (step, document) = (StepId::new("step"), Digest("d".into()));
        self.append(stream, run, Event::StepStarted { step, document }).await;
    }

    async fn fail(&self, stream: &Stream, run: RunId) {
        self.begin(stream, run).await;
        let step = || StepId::new("step");
        let (kind, message) = (FailureKind::Permanent, "chance".to_owned());
        self.append(stream, run, Event::StepFailed { step: step(), kind, code: None, message }).await;
        self.append(stream, run, Event::RunFailed { steps: vec![step()] }).await;
    }

    async fn append(&self, stream: &Stream, run: RunId, event: Event) {
        stream.append(Some(run), event).await.unwrap();
    }
}
