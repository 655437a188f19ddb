//! Sweeps: every place where a deployment can break, tried one after the other.
//!
//! | sweep | claims |
//! |---|---|
//! | [`repeat::actions`] | every action may be repeated: the cloud ends as if it had been done once |
//! | [`unwind::every_failure`] | a failure at any step, before or after its effect, undoes itself without a trace |
//! | [`unwind::every_compensation`] | each compensation may be repeated, and may fail once and be taken up again |
//! | [`crash::resumed`] | killed at any point (twice in a row, too), a resume ends as an undisturbed run, nothing done twice |
//! | [`crash::rolled_back`] | killed at any point, a rollback leaves the cloud as it was before |
//! | [`random::storm`] | seeded mixtures of crashes and faults end as an undisturbed run, or as before |
//!
//! They know nothing of a particular cloud: a [`Worlds`] makes as many fresh ones as a sweep needs. A sweep panics
//! with the scenario and the point at which its claim does not hold; otherwise it returns its [`Count`].

pub mod crash;
pub mod memory;
pub mod points;
mod process;
pub mod random;
pub mod repeat;
mod tamper;
pub mod unwind;

use async_trait::async_trait;
use journal::{Append, event::Digest, state::StreamState};
use serde_json::Value;

pub use self::points::CrashPoints;
pub use self::process::settle;
use crate::{Definitions, Options};

/// Makes fresh worlds: an empty cloud and an empty journal each.
#[async_trait]
pub trait Worlds: Send + Sync {
    /// The kind of world.
    type World: World;

    /// A fresh world whose cloud calls consult `points` before and after each of them.
    async fn fresh(&self, points: CrashPoints) -> Self::World;
}

/// A cloud and a journal that outlive the process that works on them.
#[async_trait]
pub trait World: Send + Sync {
    /// What steps act through.
    type Env: Send + Sync + 'static;

    /// What steps act through, made anew for each process.
    fn env(&self) -> &Self::Env;

    /// The definitions that scenarios name.
    fn definitions(&self) -> &dyn Definitions<Self::Env>;

    /// How executors work in this world.
    fn options(&self) -> Options;

    /// Opens the journal, as a process does that starts after the one before it is gone.
    async fn journal(&self) -> (Box<dyn Append>, StreamState);

    /// The whole cloud in a form that is equal for equal clouds.
    async fn dump(&self) -> Value;

    /// The effects so far that changed something, each as text that is equal for equal effects.
    async fn effects(&self) -> Vec<String>;
}

/// What a sweep runs again and again.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name, for messages.
    pub name: String,
    /// Definitions that are deployed first, undisturbed.
    pub before: Vec<Digest>,
    /// What is disturbed: the deploy of a definition, or the destroy of what stands.
    pub run: Disturbed,
}

/// The run that a sweep disturbs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disturbed {
    /// The deploy of a definition.
    Deploy(Digest),
    /// The destroy of what stands.
    Destroy,
}

/// How much a sweep has tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Steps of the disturbed run.
    pub steps: usize,
    /// Points (crash points, failing steps, seeds) at which it was disturbed.
    pub points: usize,
    /// Runs, resumes and rollbacks in all.
    pub runs: usize,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.points += other.points;
        self.runs += other.runs;
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} steps x {} points, {} runs", self.steps, self.points, self.runs)
    }
}
