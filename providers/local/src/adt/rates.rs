//! Rate limits, on request: how many requests of a kind an instance takes per second [D].
//!
//! Each limit is a bucket that holds what one second allows, and fills at that rate. A request that finds one of its
//! buckets empty is refused and takes nothing out of the others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::answer::Refusal;
use super::call::Call;
use super::query;
use crate::clock::Clock;

/// Twins that are remembered before those that have their whole second again are forgotten.
const MANY_TWINS: usize = 4096;

/// Creations, updates and deletions on one twin, its components and its outgoing relationships.
const PER_TWIN: f64 = 10.0;
/// Requests on one twin, its components and relationships that are being answered at the same time.
const OUTSTANDING: usize = 500;
/// Query units.
const QUERY_UNITS: f64 = 4000.0;

/// What requests are counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Area {
    /// Twins, components and relationships that are read.
    Reads,
    Patches,
    /// Twins and relationships that are created, replaced or deleted.
    Writes,
    Models,
    Queries,
    Routes,
    Jobs,
}

impl Area {
    /// Telemetry, and what is not there, is not counted.
    fn of(method: &str, path: &[String]) -> Option<Self> {
        match (path.first()?.as_str(), method) {
            ("models", _) => Some(Self::Models),
            ("query", _) => Some(Self::Queries),
            ("eventroutes", _) => Some(Self::Routes),
            ("jobs", _) => Some(Self::Jobs),
            ("digitaltwins", "GET") => Some(Self::Reads),
            ("digitaltwins", "PATCH") => Some(Self::Patches),
            ("digitaltwins", "PUT" | "DELETE") => Some(Self::Writes),
            _ => None,
        }
    }

    fn per_second(self) -> f64 {
        match self {
            Self::Reads | Self::Patches => 1000.0,
            Self::Writes | Self::Queries => 500.0,
            Self::Models | Self::Routes => 100.0,
            Self::Jobs => 1.0,
        }
    }
}

/// What a request is, as far as limits go.
#[derive(Debug)]
struct Asked {
    area: Option<Area>,
    /// The twin that it is about, or whose component or relationship.
    twin: Option<String>,
}

impl Asked {
    fn of(call: &Call<'_>) -> Self {
        let twin = call.path.get(1).filter(|_| call.path[0] == "digitaltwins");
        Self { area: Area::of(call.method.as_str(), &call.path), twin: twin.cloned() }
    }

    fn changes(&self) -> bool {
        matches!(self.area, Some(Area::Patches | Area::Writes))
    }
}

/// The limits of all instances.
#[derive(Debug)]
pub(super) struct Limiter {
    clock: Clock,
    instances: Mutex<HashMap<String, Buckets>>,
}

/// What one instance has left of its present second.
#[derive(Debug, Default)]
struct Buckets {
    areas: HashMap<Area, Bucket>,
    units: Bucket,
    twins: HashMap<String, OfTwin>,
}

#[derive(Debug, Default)]
struct OfTwin {
    bucket: Bucket,
    outstanding: usize,
}

/// A request that was let in and is being answered.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    limiter: &'a Limiter,
    instance: &'a str,
    twin: Option<String>,
}

impl Limiter {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, instances: Mutex::default() }
    }

    /// Lets a request in, or refuses it with the time after which it would be let in.
    pub(super) fn admit<'a>(&'a self, instance: &'a str, call: &Call<'_>) -> Result<Turn<'a>, Refusal> {
        let asked = Asked::of(call);
        let mut instances = self.instances();
        let buckets = instances.entry(instance.to_owned()).or_default();
        let wait = buckets.wait(&asked, self.clock.now());
        if wait > 0.0 {
            let refusal = if asked.area == Some(Area::Queries) { Refusal::quota_reached } else { Refusal::throttled };
            return Err(refusal(whole(wait)));
        }
        buckets.take(&asked);
        Ok(Turn { limiter: self, instance, twin: asked.twin })
    }

    fn instances(&self) -> MutexGuard<'_, HashMap<String, Buckets>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buckets {
    /// Seconds until all that the request needs is there.
    fn wait(&mut self, asked: &Asked, now: DateTime<Utc>) -> f64 {
        let mut wait: f64 = 0.0;
        if let Some(area) = asked.area {
            wait = wait.max(self.areas.entry(area).or_default().wait(area.per_second(), now));
        }
        if asked.area == Some(Area::Queries) {
            wait = wait.max(self.units.wait(QUERY_UNITS, now));
        }
        if let Some(twin) = &asked.twin {
            let of_twin = self.twin(twin, now);
            if asked.changes() {
                wait = wait.max(of_twin.bucket.wait(PER_TWIN, now));
            }
            if of_twin.outstanding >= OUTSTANDING {
                // Nobody knows when one of them ends.
                wait = wait.max(1.0);
            }
        }
        wait
    }

    /// Takes what the request needs.
    fn take(&mut self, asked: &Asked) {
        if let Some(bucket) = asked.area.and_then(|area| self.areas.get_mut(&area)) {
            bucket.spent += 1.0;
        }
        if let Some(of_twin) = asked.twin.as_ref().and_then(|twin| self.twins.get_mut(twin)) {
            of_twin.outstanding += 1;
            of_twin.bucket.spent += f64::from(u8::from(asked.changes()));
        }
    }

    fn twin(&mut self, twin: &str, now: DateTime<Utc>) -> &mut OfTwin {
        if self.twins.len() >= MANY_TWINS {
            self.twins.retain(|_, of_twin| of_twin.outstanding > 0 || !of_twin.bucket.is_full(PER_TWIN, now));
        }
        self.twins.entry(twin.to_owned()).or_default()
    }
}

impl Turn<'_> {
    /// Takes what an answer says that its query has cost; it may be more than was left.
    pub(super) fn charge(&self, response: &Response<Bytes>) {
        let charge = response.headers().get(query::CHARGE).and_then(|charge| charge.to_str().ok()?.parse::<f64>().ok());
        if let (Some(charge), Some(buckets)) = (charge, self.limiter.instances().get_mut(self.instance)) {
            buckets.units.spent += charge;
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(twin) = &self.twin else { return };
        let mut instances = self.limiter.instances();
        let of_twin = instances.get_mut(self.instance).and_then(|buckets| buckets.twins.get_mut(twin));
        if let Some(of_twin) = of_twin {
            of_twin.outstanding = of_twin.outstanding.saturating_sub(1);
        }
    }
}

/// What was taken out of a bucket and has not flowed back yet; a new one is full.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    spent: f64,
    /// When `spent` was right; `None` before anything was taken.
    at: Option<DateTime<Utc>>,
}

impl Bucket {
    /// Seconds until one more can be taken: 0 when it can be now. A clock that was set back fills nothing.
    fn wait(&mut self, per_second: f64, now: DateTime<Utc>) -> f64 {
        let passed = self.at.map_or(0.0, |at| (now - at).as_seconds_f64().max(0.0));
        self.at = Some(now);
        self.spent = (self.spent - passed * per_second).max(0.0);
        let missing = self.spent + 1.0 - per_second;
        // Less than what arithmetic loses is nothing.
        if missing < 1e-6 { 0.0 } else { missing / per_second }
    }

    fn is_full(&mut self, per_second: f64, now: DateTime<Utc>) -> bool {
        self.wait(per_second, now);
        self.spent <= 0.0
    }
}

/// Whole seconds, at least one: what `Retry-After` can say.
fn whole(seconds: f64) -> u64 {
    // A wait is a few seconds; it is positive and finite.
    seconds.ceil().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::Request;

    use super::*;

    fn limiter() -> (Limiter, Clock) {
        let clock = Clock::manual(DateTime::UNIX_EPOCH, None);
        (Limiter::new(clock.clone()), clock)
    }

    fn ask(limiter: &Limiter, instance: &str, method: &str, path: &str) -> Result<(), Refusal> {
        let uri = format!("http://h/{path}?api-version=2023-10-31");
        let request = Request::builder().method(method).uri(uri).body(Bytes::new()).unwrap();
        limiter.admit(instance, &Call::of(&request).unwrap()).map(drop)
    }

    /// How many in a row are let in.
    fn run(limiter: &Limiter, method: &str, path: impl Fn(usize) -> String) -> usize {
        (0..2000).take_while(|at| ask(limiter, "i", method, &path(*at)).is_ok()).count()
    }

    #[test]
    fn every_area_has_its_limit_and_none_takes_from_another() {
        let (limiter, _) = limiter();
        let twin = |at: usize| format!("digitaltwins/t{at}");
        let fixed = |path: &'static str| move |_| path.to_owned();
        assert_eq!(run(&limiter, "PUT", twin), 500);
        assert_eq!(run(&limiter, "DELETE", |at| format!("digitaltwins/u{at}/relationships/r")), 0, "both are writes");
        assert_eq!(run(&limiter, "PATCH", |at| format!("digitaltwins/v{at}")), 1000);
        assert_eq!(run(&limiter, "GET", fixed("digitaltwins/t/incomingrelationships")), 1000);
        assert_eq!(run(&limiter, "GET", fixed("models")), 100);
        assert_eq!(run(&limiter, "PUT", fixed("eventroutes/r")), 100);
        assert_eq!(run(&limiter, "POST", fixed("query")), 500);
        assert_eq!(run(&limiter, "GET", fixed("jobs/imports")), 1);
        assert_eq!(run(&limiter, "POST", fixed("digitaltwins/t/telemetry")), 2000, "telemetry has none");
        assert!(ask(&limiter, "other", "GET", "models").is_ok(), "every instance has its own");
    }

    #[test]
    fn a_twin_takes_ten_changes_a_second_and_what_is_refused_costs_nothing() {
        let (limiter, clock) = limiter();
        let parts = ["", "/relationships/r", "/components/c"];
        let part = |at: usize| format!("digitaltwins/t{}", parts[at % 3]);
        assert_eq!(run(&limiter, "PATCH", part), 10);
        assert!(ask(&limiter, "i", "PATCH", "digitaltwins/u").is_ok(), "another twin");
        assert!(ask(&limiter, "i", "GET", "digitaltwins/t").is_ok(), "a read is no change");
        clock.advance(Duration::from_millis(99));
        assert_eq!(run(&limiter, "PATCH", part), 0);
        clock.advance(Duration::from_millis(1));
        assert_eq!(run(&limiter, "PATCH", part), 1, "a tenth of a second is worth one");
        clock.advance(Duration::from_secs(60));
        assert_eq!(run(&limiter, "PATCH", part), 10, "what was not used is not saved up");
        assert_eq!(run(&limiter, "PATCH", |at| format!("digitaltwins/v{at}")), 990);
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let (limiter, clock) = limiter();
        assert!(ask(&limiter, "i", "GET", "jobs/imports").is_ok());
        assert_eq!(ask(&limiter, "i", "GET", "jobs/imports"), Err(Refusal::throttled(1)));
        clock.advance(Duration::from_secs(1));
        assert!(ask(&limiter, "i", "GET", "jobs/imports").is_ok());
    }

    #[test]
    fn queries_that_cost_more_than_is_left_are_paid_for_later() {
        let (limiter, clock) = limiter();
        let request = Request::post("http://h/query?api-version=2023-10-31").body(Bytes::new()).unwrap();
        let turn = limiter.admit("i", &Call::of(&request).unwrap()).unwrap();
        let mut response = Response::new(Bytes::new());
        response.headers_mut().insert(query::CHARGE, "10000.5".parse().unwrap());
        turn.charge(&response);
        assert_eq!(ask(&limiter, "i", "POST", "query"), Err(Refusal::quota_reached(2)));
        clock.advance(Duration::from_secs(2));
        assert!(ask(&limiter, "i", "POST", "query").is_ok());
    }

    #[test]
    fn a_twin_answers_five_hundred_at_a_time() {
        let (limiter, _) = limiter();
        let request = Request::get("http://h/digitaltwins/t?api-version=2023-10-31").body(Bytes::new()).unwrap();
        let call = Call::of(&request).unwrap();
        let mut turns: Vec<_> = (0..500).map(|_| limiter.admit("i", &call).unwrap()).collect();
        assert_eq!(limiter.admit("i", &call).unwrap_err(), Refusal::throttled(1));
        assert!(ask(&limiter, "i", "GET", "digitaltwins/u").is_ok());
        turns.pop();
        assert!(limiter.admit("i", &call).is_ok());
    }

    #[test]
    fn twins_that_are_left_alone_are_forgotten() {
        let (limiter, clock) = limiter();
        for at in 0..MANY_TWINS {
            assert!(ask(&limiter, "i", "PATCH", &format!("digitaltwins/t{at}")).is_ok());
            clock.advance(Duration::from_millis(1));
        }
        clock.advance(Duration::from_secs(1));
        assert!(ask(&limiter, "i", "PATCH", "digitaltwins/new").is_ok());
        assert_eq!(limiter.instances()["i"].twins.len(), 1);
    }
}
