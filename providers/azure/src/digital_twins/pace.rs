//! The client's own rate limits: never more requests in any second than the service takes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// How many twins are remembered before those that were left alone for a second are forgotten.
const MANY_TWINS: usize = 4_096;

/// The limit of a service that has none.
const UNLIMITED: u32 = u32::MAX;

/// What an instance takes per second (the service's published limits by default).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// On one twin with its components and relationships.
    pub per_twin: u32,
    /// Twins and relationships created, replaced or deleted.
    pub creates: u32,
    /// Twins, components and relationships patched.
    pub patches: u32,
    /// Twins, components and relationships read.
    pub reads: u32,
    /// Requests on models.
    pub models: u32,
    /// Queries, each page one.
    pub queries: u32,
    /// Requests on event routes.
    pub routes: u32,
    /// Requests on jobs.
    pub jobs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_twin: 10,
            creates: 500,
            patches: 1_000,
            reads: 1_000,
            models: 100,
            queries: 500,
            routes: 100,
            jobs: 1,
        }
    }
}

impl Limits {
    /// No limits: for a service that has none, as the local cloud while its time is instant.
    #[must_use]
    pub const fn none() -> Self {
        let none = UNLIMITED;
        Self {
            per_twin: none,
            creates: none,
            patches: none,
            reads: none,
            models: none,
            queries: none,
            routes: none,
            jobs: none,
        }
    }
}

/// Which limit a request counts against, besides its twin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    Creates,
    Patches,
    Reads,
    Models,
    Queries,
    Routes,
    Jobs,
}

/// The pace of one instance.
#[derive(Debug)]
pub(crate) struct Pace {
    per_twin: u32,
    rates: [Mutex<Window>; 7],
    twins: Mutex<HashMap<String, Window>>,
}

impl Pace {
    pub(crate) fn new(limits: Limits) -> Self {
        let Limits { per_twin, creates, patches, reads, models, queries, routes, jobs } = limits;
        // In the order of `Rate`.
        let rates =
            [creates, patches, reads, models, queries, routes, jobs].map(|limit| Mutex::new(Window::new(limit)));
        Self { per_twin, rates, twins: Mutex::default() }
    }

    /// Waits for the request's turn.
    pub(super) async fn admit(&self, rate: Rate, twin: Option<&str>) {
        let now = Instant::now();
        let by_rate = self.rates[rate as usize].lock().unwrap_or_else(PoisonError::into_inner).reserve(now);
        let by_twin = twin.map_or(now, |twin| self.reserve_twin(twin, now));
        let turn = by_rate.max(by_twin);
        if turn > now {
            tokio::time::sleep_until(turn).await;
        }
    }

    fn reserve_twin(&self, twin: &str, now: Instant) -> Instant {
        if self.per_twin == UNLIMITED {
            // Nothing to remember where nothing is limited, and no lock that all requests would have to pass.
            return now;
        }
        let mut twins = self.twins.lock().unwrap_or_else(PoisonError::into_inner);
        if twins.len() >= MANY_TWINS {
            twins.retain(|_, window| window.newest().is_some_and(|newest| newest + SECOND > now));
        }
        twins.entry(twin.to_owned()).or_insert_with(|| Window::new(self.per_twin)).reserve(now)
    }
}

/// The turns given out last: one more fits a second after the one that is `limit` turns back.
#[derive(Debug)]
struct Window {
    limit: usize,
    turns: VecDeque<Instant>,
}

impl Window {
    fn new(limit: u32) -> Self {
        Self { limit: limit.max(1) as usize, turns: VecDeque::new() }
    }

    fn reserve(&mut self, now: Instant) -> Instant {
        let mut turn = now;
        if self.limit == UNLIMITED as usize {
            return turn;
        }
        if self.turns.len() >= self.limit
            && let Some(back) = self.turns.pop_front()
        {
            turn = turn.max(back + SECOND);
        }
        self.turns.push_back(turn);
        turn
    }

    fn newest(&self) -> Option<Instant> {
        self.turns.back().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_than_the_limit() {
        let start = Instant::now();
        let mut window = Window::new(10);
        // Bursts at odd moments, more than fit.
        let asked = (0..95u64).map(|n| start + Duration::from_millis((n / 20) * 130));
        let turns: Vec<Instant> = asked.map(|now| window.reserve(now)).collect();
        for (index, turn) in turns.iter().enumerate() {
            let within = turns[index..].iter().filter(|later| **later < *turn + SECOND).count();
            assert!(within <= 10, "{within} turns within the second from turn {index}");
        }
        assert_eq!(turns[9], start, "the first ten need not wait");
        assert_eq!(turns[10], start + SECOND);
    }

    #[test]
    fn twins_do_not_wait_for_each_other_and_are_forgotten() {
        let pace = Pace::new(Limits { per_twin: 1, ..Limits::default() });
        let now = Instant::now();
        for twin in 0..MANY_TWINS {
            assert_eq!(pace.reserve_twin(&twin.to_string(), now), now);
        }
        assert_eq!(pace.reserve_twin("0", now), now + SECOND);
        let later = now + SECOND * 3;
        assert_eq!(pace.reserve_twin("new", later), later);
        assert_eq!(pace.twins.lock().expect("not poisoned").len(), 1);
    }

    #[test]
    fn without_limits_nothing_waits_and_nothing_is_kept() {
        let start = Instant::now();
        let mut window = Window::new(Limits::none().per_twin);
        assert!((0..1_000).all(|_| window.reserve(start) == start));
        assert!(window.turns.is_empty());
        let pace = Pace::new(Limits::none());
        assert_eq!(pace.reserve_twin("t", start), start);
        assert!(pace.twins.lock().expect("not poisoned").is_empty());
    }

    #[tokio::test]
    async fn a_request_waits_for_its_turn() {
        let pace = Pace::new(Limits { jobs: 1, ..Limits::default() });
        let start = Instant::now();
        pace.admit(Rate::Jobs, None).await;
        pace.admit(Rate::Models, None).await;
        assert!(start.elapsed() < SECOND / 2, "other rates do not count");
        pace.admit(Rate::Jobs, None).await;
        assert!(start.elapsed() >= SECOND);
    }
}
