//! `twinctl schedule`: schedules are records of the journal; `twinctl serve` acts on them.

pub(crate) mod clock;

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, SubsecRound, Utc};
use journal::{
    Event, Reader, SCHEDULES, ScheduleClock, ScheduleKind, ScheduleOutcome, ScheduleSpec, ScheduleState, Store,
    StreamState,
};
use scheduler::{Instance, Pattern};
use serde_json::json;
use workflows::definition::TargetKind;

use crate::{
    cli::{AddSchedule, Global, NamedSchedule, Project, Schedule, ScheduleCommand, schedule as options},
    environment,
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    project, render,
};

/// How long a command waits for the lease: `serve` holds it for moments only, and who holds it longer is at work.
const PATIENCE: Duration = Duration::from_secs(3);

/// Does one of the `schedule` commands.
pub(crate) async fn schedule(global: &Global, options: &Schedule, output: Output) -> failure::Result {
    match &options.command {
        ScheduleCommand::Add(options) => add(global, options, output).await,
        ScheduleCommand::List(project) => list(global, project, output),
        ScheduleCommand::Pause(named) => set_paused(global, named, true, output).await,
        ScheduleCommand::Unpause(named) => set_paused(global, named, false, output).await,
        ScheduleCommand::Remove(named) => remove(global, named, output).await,
        ScheduleCommand::RunNow(named) => run_now(global, named, output),
    }
}

async fn add(global: &Global, options: &AddSchedule, output: Output) -> failure::Result {
    let tried = "add the schedule";
    let place = Place::new(global, &options.project)?;
    place.demand_project()?;
    let pattern = Pattern::parse(&options.cron, &options.timezone)
        .map_err(|error| Failure::of(Exit::Usage, tried, &error).code("bad-schedule"))?;
    let name = options.name.clone().unwrap_or_else(|| default_name(&place.project, options.kind));
    let spec = spec(global, &place, options);
    clock::demand_possible(&spec)?;
    if read(&place)?.schedules.contains_key(&name) {
        let failure = Failure::new(Exit::Usage, tried).because(format!("there is one named {name}"));
        return Err(failure.code("schedule-exists"));
    }
    let aws = clock::reach(&place, &spec).await?;
    change(&place, tried, |state| match state.schedules.contains_key(&name) {
        true => {
            Err(Failure::new(Exit::Usage, tried).because(format!("there is one named {name}")).code("schedule-exists"))
        }
        false => Ok(vec![Event::ScheduleAdded { schedule: name.clone(), spec: spec.clone() }]),
    })?;
    // After the record, as everything that changes a cloud; `unpause` makes up for it when this process ends before.
    clock::set(aws.as_ref(), journal_id(&place)?, &name, &spec, true).await?;
    let next = pattern.next(Utc::now());
    output
        .data(&json!({ "name": name, "next": next, "clock": spec.clock }), || render::schedule::added(&name, next))?;
    tell_daemon(&place, output);
    Ok(Exit::Done)
}

fn spec(global: &Global, place: &Place, options: &AddSchedule) -> ScheduleSpec {
    ScheduleSpec {
        project: place.project.display().to_string(),
        kind: match options.kind {
            options::Kind::Redeploy => ScheduleKind::Redeploy,
            options::Kind::DriftCheck => ScheduleKind::DriftCheck,
        },
        cron: options.cron.clone(),
        timezone: options.timezone.clone(),
        jitter: options.jitter,
        overlap: match options.overlap {
            options::Overlap::Skip => journal::Overlap::Skip,
            options::Overlap::Queue => journal::Overlap::Queue,
            options::Overlap::Replace => journal::Overlap::Replace,
        },
        missed: match options.missed {
            options::Missed::Once => journal::Missed::Once,
            options::Missed::Skip => journal::Missed::Skip,
        },
        target: match project::kind(global.target) {
            TargetKind::Local => "local",
            TargetKind::Cloud => "cloud",
        }
        .to_owned(),
        clock: match options.on {
            options::On::Clock => ScheduleClock::Own,
            options::On::Eventbridge => ScheduleClock::Eventbridge,
        },
    }
}

/// The project folder's name, as far as it can name a schedule.
fn default_name(project: &Path, kind: options::Kind) -> String {
    let folder = project.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = folder.replace(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter), "-");
    match kind {
        options::Kind::Redeploy => folder,
        options::Kind::DriftCheck => format!("{folder}-drift-check"),
    }
}

fn list(global: &Global, project: &Project, output: Output) -> failure::Result {
    let place = Place::new(global, &project.project)?;
    let state = read(&place)?;
    let now = Utc::now();
    output.data(&render::schedule::data(&state.schedules, now), || render::schedule::text(&state.schedules, now))?;
    if state.schedules.is_empty() {
        output.say("there is no schedule; `twinctl schedule add` adds one");
    }
    Ok(Exit::Done)
}

async fn set_paused(global: &Global, named: &NamedSchedule, paused: bool, output: Output) -> failure::Result {
    let (tried, word) = if paused { ("pause the schedule", "paused") } else { ("unpause the schedule", "active") };
    let place = Place::new(global, &named.project.project)?;
    let name = &named.name;
    let spec = find(&read(&place)?, name)?.spec.clone();
    let aws = clock::reach(&place, &spec).await?;
    clock::set(aws.as_ref(), journal_id(&place)?, name, &spec, !paused).await?;
    change(&place, tried, |state| {
        let schedule = find(state, name)?;
        let change = Event::ScheduleChanged { schedule: name.clone(), paused };
        Ok(if schedule.paused == paused { Vec::new() } else { vec![change] })
    })?;
    output.data(&json!({ "name": name, "paused": paused }), || format!("{name} is {word}"))?;
    Ok(Exit::Done)
}

async fn remove(global: &Global, named: &NamedSchedule, output: Output) -> failure::Result {
    let place = Place::new(global, &named.project.project)?;
    let name = &named.name;
    let spec = find(&read(&place)?, name)?.spec.clone();
    let aws = clock::reach(&place, &spec).await?;
    clock::remove(aws.as_ref(), journal_id(&place)?, name).await?;
    change(&place, "remove the schedule", |state| {
        let schedule = find(state, name)?;
        let outcome = ScheduleOutcome::Cancelled;
        let cancelled = |at: &DateTime<Utc>| Event::ScheduleEnded {
            schedule: name.clone(),
            at: *at,
            outcome,
            run: None,
            exit: None,
        };
        let cancelled = schedule.open.keys().map(cancelled);
        Ok(cancelled.chain([Event::ScheduleRemoved { schedule: name.clone() }]).collect())
    })?;
    output.data(&json!({ "name": name, "removed": true }), || format!("{name} is removed"))?;
    Ok(Exit::Done)
}

fn run_now(global: &Global, named: &NamedSchedule, output: Output) -> failure::Result {
    let tried = "ask for a run";
    let place = Place::new(global, &named.project.project)?;
    let name = &named.name;
    find(&read(&place)?, name)?;
    let mut asked = None;
    change(&place, tried, |state| {
        let schedule = find(state, name)?;
        if schedule.paused {
            return Err(Failure::new(Exit::Usage, tried)
                .because(format!("{name} is paused"))
                .hint("`twinctl schedule unpause` makes it active again"));
        }
        let at = by_hand(schedule, Utc::now());
        asked = Some(at);
        Ok(vec![Event::ScheduleDue { schedule: name.clone(), at, manual: true }])
    })?;
    output.data(&json!({ "name": name, "at": asked }), || format!("a run of {name} is asked for"))?;
    tell_daemon(&place, output);
    Ok(Exit::Done)
}

/// The time of an occurrence by hand: after those before it, and never a whole second, which only patterns name.
fn by_hand(schedule: &ScheduleState, now: DateTime<Utc>) -> DateTime<Utc> {
    let micro = chrono::Duration::microseconds(1);
    let at = schedule.manual.map_or(now, |last| now.max(last + micro)).trunc_subsecs(6);
    if at.timestamp_subsec_micros() == 0 { at + micro } else { at }
}

fn journal_id(place: &Place) -> Result<uuid::Uuid, Failure> {
    let unread = |error| explain::journal("read the journal", &error);
    let id = Reader::open(&place.state).and_then(|reader| reader.id()).map_err(unread)?;
    id.ok_or_else(|| Failure::new(Exit::Error, "read the journal").because("it holds no record yet").code("no-journal"))
}

/// What the journal says; nothing when there is none.
fn read(place: &Place) -> Result<StreamState, Failure> {
    place.demand_readable_state()?;
    let unread = |error| explain::journal("read the schedules", &error);
    match Reader::open(&place.state) {
        Err(journal::Error::NoJournal { .. }) => Ok(StreamState::default()),
        reader => reader.and_then(|reader| reader.state(SCHEDULES)).map_err(unread),
    }
}

fn find<'a>(state: &'a StreamState, name: &str) -> Result<&'a ScheduleState, Failure> {
    state.schedules.get(name).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("find the schedule `{name}`"))
            .because("there is none")
            .code("unknown-schedule")
    })
}

/// Records what becomes of the schedules, given what they are while nobody else can change them.
fn change(
    place: &Place,
    tried: &str,
    events: impl FnOnce(&StreamState) -> Result<Vec<Event>, Failure>,
) -> Result<(), Failure> {
    let failed = |error: journal::Error| match error {
        journal::Error::Illegal(_) => Failure::of(Exit::Usage, tried, &error).code("bad-schedule"),
        error => explain::journal(tried, &error),
    };
    let store = open(place).map_err(failed)?;
    let stream = store.stream(SCHEDULES).map_err(failed)?;
    let runtime = tokio::runtime::Handle::current();
    for event in events(&stream.state())? {
        tokio::task::block_in_place(|| runtime.block_on(stream.append(None, event))).map_err(failed)?;
    }
    Ok(())
}

/// The journal, open for writing, as soon as whoever holds it for a moment is done.
fn open(place: &Place) -> Result<Store, journal::Error> {
    let begun = Instant::now();
    loop {
        match Store::open(&place.state, environment::actor(), "twinctl schedule") {
            Err(journal::Error::Locked { .. }) if begun.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(50))
            }
            opened => return opened,
        }
    }
}

/// Says so when nobody is there to keep the schedules.
fn tell_daemon(place: &Place, output: Output) {
    if !Instance::is_taken(&place.state) {
        output.say("nobody keeps the schedules of this state folder right now; `twinctl serve` does");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_its_schedule() {
        assert_eq!(default_name(Path::new("/p/my factory"), options::Kind::Redeploy), "my-factory");
        assert_eq!(default_name(Path::new("/p/factory"), options::Kind::DriftCheck), "factory-drift-check");
    }
}
