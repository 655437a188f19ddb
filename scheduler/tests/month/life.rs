//! The lives of a daemon: it comes up, works, dies at any point, and another one follows after a while.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use journal::{Event, Head, SCHEDULES, ScheduleSpec, Trigger};
use scheduler::{Appended, Board, Book, Daemon, Error, Found, JournalBook, Page};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    sim::{Killer, Random, SimClock},
    world::{FakeRunner, World, actor},
};

/// The real journal, with a point to die at before and after everything, and between any two records.
struct SimBook {
    journal: JournalBook,
    killer: Killer,
    moved: Arc<Notify>,
    clock: Arc<SimClock>,
}

#[async_trait]
impl Book for SimBook {
    async fn read(&self) -> Result<Page, Error> {
        self.killer.point().await;
        self.journal.read().await
    }

    async fn append(&self, mut after: Option<Head>, events: Vec<Event>) -> Result<Appended, Error> {
        for event in events {
            self.killer.point().await;
            match self.journal.append(after, vec![event]).await? {
                Appended::Done => after = self.journal.read().await?.head,
                other => return Ok(other),
            }
        }
        self.killer.point().await;
        Ok(Appended::Done)
    }

    async fn run_of(&self, trigger: &Trigger) -> Result<Option<Found>, Error> {
        self.killer.point().await;
        self.journal.run_of(trigger).await
    }

    async fn holder(&self) -> Option<String> {
        self.journal.holder().await
    }

    async fn released(&self) {
        while self.holder().await.is_some() {
            self.clock.pass(Duration::seconds(20)).await;
        }
    }

    async fn changed(&self, head: Option<Head>) {
        loop {
            let moved = self.moved.notified();
            if self.journal.read().await.is_ok_and(|page| page.head != head) {
                return;
            }
            moved.await;
        }
    }
}

/// A month and what is left of it.
pub(crate) struct Month {
    pub(crate) seed: u64,
    pub(crate) world: Arc<World>,
    pub(crate) schedules: Vec<(String, ScheduleSpec)>,
    /// When a daemon came up.
    pub(crate) ups: Vec<DateTime<Utc>>,
    pub(crate) kills: usize,
    moved: Arc<Notify>,
    folder: tempfile::TempDir,
}

impl Month {
    pub(crate) async fn new(seed: u64, start: DateTime<Utc>, schedules: &[(&str, ScheduleSpec)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Arc::new(World {
            state: folder.path().join("state"),
            clock: SimClock::new(start),
            random: Mutex::new(Random::new(seed)),
            log: Mutex::default(),
            children: Mutex::default(),
        });
        let schedules: Vec<_> = schedules.iter().map(|(name, spec)| ((*name).to_owned(), spec.clone())).collect();
        let month = Self { seed, world, schedules, ups: Vec::new(), kills: 0, moved: Arc::default(), folder };
        for (schedule, spec) in month.schedules.clone() {
            month.tell(Event::ScheduleAdded { schedule, spec }).await;
        }
        month
    }

    pub(crate) fn journal(&self) -> JournalBook {
        JournalBook::new(&self.world.state, actor(), Arc::clone(&self.world.clock) as Arc<dyn journal::Clock>)
    }

    /// What an operator has recorded, as soon as the lease is free.
    async fn tell(&self, event: Event) {
        let journal = self.journal();
        loop {
            let head = journal.read().await.unwrap().head;
            if journal.append(head, vec![event.clone()]).await.unwrap() == Appended::Done {
                self.moved.notify_waiters();
                return;
            }
            self.world.clock.pass(Duration::seconds(30)).await;
        }
    }

    /// Lives that end by a kill, one after the other.
    pub(crate) async fn live(&mut self, end: DateTime<Utc>) {
        while self.world.clock.time() < end {
            let points = 1 + self.world.below(40) as i64;
            if self.life(Killer::after(points), end).await {
                self.kills += 1;
                self.between_lives().await;
            }
        }
    }

    pub(crate) async fn undisturbed(&mut self, end: DateTime<Utc>) {
        assert!(!self.life(Killer::after(-1), end).await);
    }

    /// One life; whether it ended by the kill.
    async fn life(&mut self, killer: Killer, end: DateTime<Utc>) -> bool {
        let clock = Arc::clone(&self.world.clock);
        self.ups.push(clock.time());
        let book = SimBook {
            journal: self.journal(),
            killer: killer.clone(),
            moved: Arc::clone(&self.moved),
            clock: Arc::clone(&clock),
        };
        let runner = FakeRunner { world: Arc::clone(&self.world), killer: killer.clone() };
        let stop = CancellationToken::new();
        let daemon = Daemon::new(&*clock, &book, &runner, Board::new(clock.time()), stop.clone());
        let serving = daemon.serve();
        tokio::pin!(serving);
        let over = tokio::select! {
            ended = &mut serving => { ended.unwrap(); return false }
            () = killer.dead() => true,
            () = clock.reach(end) => false,
            () = self.meddle() => unreachable!("operators never end"),
        };
        if !over {
            stop.cancel();
            tokio::select! {
                ended = serving => ended.unwrap(),
                () = killer.dead() => return true,
            }
        }
        over
    }

    /// Whatever was started dies too, or goes on alone; then nobody is there, for moments or for days.
    async fn between_lives(&self) {
        if self.world.below(2) == 0 {
            self.world.kill_children().await;
        }
        let seconds = match self.world.below(10) {
            0 => self.world.below(40 * 3600),
            1..3 => self.world.below(3 * 3600),
            _ => self.world.below(20),
        };
        self.world.clock.pass(Duration::seconds(seconds as i64)).await;
    }

    /// Operators: they ask for runs by hand, and work on deployments themselves, in the daemon's way.
    async fn meddle(&self) {
        loop {
            let hours = 1 + self.world.below(20) as i64;
            self.world.clock.pass(Duration::hours(hours)).await;
            match self.world.below(3) {
                0 => self.run_now("often").await,
                1 => self.hold_the_lease().await,
                _ => {}
            }
        }
    }

    async fn run_now(&self, schedule: &str) {
        let at = self.world.clock.time() + Duration::microseconds(7);
        let open = self.journal().read().await.unwrap().schedules[schedule].manual;
        if open.is_none_or(|last| last < at) {
            self.tell(Event::ScheduleDue { schedule: schedule.to_owned(), at, manual: true }).await;
        }
    }

    async fn hold_the_lease(&self) {
        let Ok(store) = self.world.open() else { return };
        let minutes = self.world.below(500) as i64;
        self.world.clock.pass(Duration::minutes(minutes)).await;
        drop(store);
    }

    /// Everything is paused, and what is open is brought to its end.
    pub(crate) async fn settle(&mut self) {
        for (schedule, _) in self.schedules.clone() {
            self.tell(Event::ScheduleChanged { schedule, paused: true }).await;
        }
        let end = self.world.clock.time() + Duration::days(20);
        assert!(!self.life_without_operators(end).await);
        assert!(self.folder.path().exists());
    }

    async fn life_without_operators(&mut self, end: DateTime<Utc>) -> bool {
        let clock = Arc::clone(&self.world.clock);
        self.ups.push(clock.time());
        let (killer, journal) = (Killer::after(-1), self.journal());
        let runner = FakeRunner { world: Arc::clone(&self.world), killer: killer.clone() };
        let stop = CancellationToken::new();
        let book =
            SimBook { journal: self.journal(), killer, moved: Arc::clone(&self.moved), clock: Arc::clone(&clock) };
        let daemon = Daemon::new(&*clock, &book, &runner, Board::new(clock.time()), stop.clone());
        let over = async {
            while journal.read().await.unwrap().schedules.values().any(|schedule| !schedule.open.is_empty()) {
                assert!(clock.time() < end, "seed {}: something stays open", self.seed);
                clock.pass(Duration::minutes(10)).await;
            }
            stop.cancel();
        };
        let (served, ()) = tokio::join!(daemon.serve(), over);
        served.unwrap();
        false
    }

    /// The records of the schedules.
    pub(crate) fn records(&self) -> Vec<journal::Record> {
        let reader = journal::Reader::open(&self.world.state).unwrap();
        reader.verify(SCHEDULES, &journal::verify::Known::default()).unwrap();
        reader.records(SCHEDULES, 0).unwrap().map(Result::unwrap).collect()
    }
}
