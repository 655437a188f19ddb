//! What the daemon tells the world, and what a clock in AWS tells the daemon.
//!
//! Neither is in the way of a run: outboxes read the journal, and what is heard becomes a record like any other.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use journal::{Reader, ScheduleClock, ScheduleSpec};
use notify::{
    EventBridge, Outbox, Sink, Start, Webhook,
    asks::{Ask, Ear},
    clock::Clock,
    sink::Secret,
};
use scheduler::{Appended, Book as _, JournalBook, policy};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Global, Serve},
    commands::schedule::clock,
    connect,
    exit::Exit,
    failure::Failure,
    place::Place,
    project,
};

/// How long one look into a queue waits.
const LOOK: Duration = Duration::from_secs(10);
/// How long is waited before what did not work is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// How often is looked whether there are schedules with another clock.
const NEW: Duration = Duration::from_secs(2);

/// The outboxes that the options ask for; nothing is sent yet.
pub(super) async fn outboxes(global: &Global, options: &Serve, place: &Place) -> Result<Vec<Arc<Outbox>>, Failure> {
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    if let Some(bus) = &options.eventbridge {
        let aws = connect::aws_alone(place, project::kind(global.target)).await?;
        sinks.push(Arc::new(EventBridge::new(aws, bus)));
    }
    if let (Some(url), Some(file)) = (&options.webhook, &options.webhook_secret) {
        let unusable =
            |error: &(dyn std::error::Error + 'static)| Failure::of(Exit::Usage, "set up the webhook", error);
        let secret = Secret::of_file(file).map_err(|error| unusable(&error))?;
        sinks.push(Arc::new(Webhook::new(url.clone(), secret).map_err(|error| unusable(&error))?));
    }
    let start = if options.from_beginning { Start::Beginning } else { Start::Now };
    Ok(sinks.into_iter().map(|sink| Arc::new(Outbox::new(&place.state, sink, start))).collect())
}

/// Brings events to their sinks until it is told to stop. One that a person must look at ends alone, and says so.
pub(super) fn send(outboxes: &[Arc<Outbox>], stop: &CancellationToken) -> JoinSet<()> {
    let mut all = JoinSet::new();
    for outbox in outboxes {
        let (outbox, stop) = (Arc::clone(outbox), stop.clone());
        all.spawn(async move {
            if let Err(error) = outbox.run(stop).await {
                tracing::error!(sink = %outbox.sink(), %error, "events are not sent any more");
            }
        });
    }
    all
}

/// A metric of an outbox: its name, what it tells, and how it is read.
type Gauge = (&'static str, &'static str, fn(&notify::Lag) -> u64);

/// The outboxes' lags, for the metrics.
pub(super) fn metrics(outboxes: &[Arc<Outbox>]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    if outboxes.is_empty() {
        return text;
    }
    let gauges: [Gauge; 3] = [
        ("twinctl_outbox_records_behind", "Records of the journal that are still to be read or sent.", |lag| {
            lag.records
        }),
        ("twinctl_outbox_failures", "Failures since the last success.", |lag| lag.failures.into()),
        ("twinctl_outbox_sent", "Events that were taken since the daemon came up.", |lag| lag.sent),
    ];
    for (name, help, value) in gauges {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for outbox in outboxes {
            let _ = writeln!(text, "{name}{{sink=\"{}\"}} {}", outbox.sink(), value(&outbox.lag()));
        }
    }
    text
}

/// Hears the schedules whose clock is in AWS, those that are added later too, until it is dropped.
pub(super) async fn hear(place: &Place, book: JournalBook, up_since: DateTime<Utc>) {
    let mut ears: std::collections::BTreeMap<String, (ScheduleSpec, tokio::task::AbortHandle)> = Default::default();
    let mut tasks = JoinSet::new();
    loop {
        if let Ok(page) = book.read().await {
            let wanted = |name: &String, spec: &ScheduleSpec| {
                page.schedules.get(name).is_some_and(|schedule| schedule.spec == *spec)
            };
            ears.retain(|name, (spec, task)| {
                let stays = wanted(name, spec);
                if !stays {
                    task.abort();
                }
                stays
            });
            let clocked = page.schedules.iter().filter(|(_, it)| it.spec.clock == ScheduleClock::Eventbridge);
            for (name, schedule) in clocked.filter(|(name, _)| !ears.contains_key(*name)).collect::<Vec<_>>() {
                let listening = listen(place.clone(), book.clone(), name.clone(), schedule.spec.clone(), up_since);
                ears.insert(name.clone(), (schedule.spec.clone(), tasks.spawn(listening)));
            }
        }
        tokio::time::sleep(NEW).await;
    }
}

/// Hears one of them for ever; what passes by itself is waited for.
async fn listen(place: Place, book: JournalBook, name: String, spec: ScheduleSpec, up_since: DateTime<Utc>) {
    loop {
        if let Err(error) = listen_until_failure(&place, &book, &name, &spec, up_since).await {
            tracing::warn!(schedule = %name, %error, "the schedule's clock cannot be heard right now");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn listen_until_failure(
    place: &Place,
    book: &JournalBook,
    name: &str,
    spec: &ScheduleSpec,
    up_since: DateTime<Utc>,
) -> Result<(), String> {
    let failure = |failure: Failure| failure.causes.join(": ");
    let aws = connect::aws_alone(place, clock::kind(spec)).await.map_err(failure)?;
    let id = Reader::open(&place.state).and_then(|reader| reader.id()).map_err(|error| error.to_string())?;
    let rule = Clock::new(id.ok_or("the journal has no id yet")?, name);
    let mut ear = Ear::open(aws, &place.state, rule).await.map_err(|error| error.to_string())?;
    loop {
        let asks = heard(&mut ear).await.map_err(|error| error.to_string())?;
        if asks.is_empty() {
            continue;
        }
        decide(book, name, &asks, up_since).await.map_err(|error| error.to_string())?;
        for ask in &asks {
            ear.acknowledge(ask).await.map_err(|error| error.to_string())?;
        }
    }
}

/// The asks that are there: the first is waited for, the others must follow at once. Those from downtime come together, so
/// that all but one of them can be left out.
async fn heard(ear: &mut Ear) -> Result<Vec<Ask>, notify::Error> {
    let mut asks: Vec<Ask> = ear.next(LOOK).await?.into_iter().collect();
    while !asks.is_empty()
        && let Some(ask) = ear.next(Duration::from_secs(1)).await?
    {
        asks.push(ask);
    }
    Ok(asks)
}

/// Puts on record what becomes of them: as soon as nobody holds the lease.
async fn decide(book: &JournalBook, name: &str, asks: &[Ask], up_since: DateTime<Utc>) -> Result<(), scheduler::Error> {
    let asked = |page: &scheduler::Page| {
        policy::asked(&page.schedules, name, asks.iter().map(|ask| ask.at).collect(), up_since)
    };
    // What was in progress when they came counts, not what is when the lease is free.
    let events = asked(&book.read().await?);
    while !events.is_empty() {
        let page = book.read().await?;
        // Somebody else has decided, or the schedule is gone.
        if asked(&page).is_empty() {
            break;
        }
        match book.append(page.head.clone(), events.clone()).await? {
            Appended::Done => break,
            Appended::Held => book.released().await,
            Appended::Moved => {}
        }
    }
    Ok(())
}
