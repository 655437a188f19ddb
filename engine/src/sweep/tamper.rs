//! Steps that are made to repeat or to fail.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use journal::event::{Digest, FailureKind, StepId};
use serde_json::Value;

use crate::{
    DefinitionError, Definitions,
    graph::{AnyStep, Graph, Wrap},
    step::{Change, Context, Error, Observation, Policy},
};

/// How steps are tampered with.
pub(super) enum Tamper {
    /// Every apply and every compensation is done twice.
    Repeat,
    /// The next change (apply or compensation) of one step fails for good, before or after its effect; `left` times.
    Fail { step: StepId, after: bool, left: AtomicUsize },
    /// One change in `one_in` fails for now, before or after its effect, as the seed has it.
    Flaky { seed: AtomicU64, one_in: u64 },
}

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strike {
    Nowhere,
    Before(FailureKind),
    After(FailureKind),
}

impl Tamper {
    fn strike(&self, step: &StepId) -> Strike {
        match self {
            Self::Repeat => Strike::Nowhere,
            Self::Fail { step: wanted, after, left } => {
                let spend = |left: usize| left.checked_sub(1);
                let hit = step == wanted && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_ok();
                match (hit, after) {
                    (false, _) => Strike::Nowhere,
                    (true, false) => Strike::Before(FailureKind::Permanent),
                    (true, true) => Strike::After(FailureKind::Permanent),
                }
            }
            Self::Flaky { seed, one_in } => {
                let number = next(seed);
                match (number % one_in, number / one_in % 2) {
                    (0, 0) => Strike::Before(FailureKind::Transient),
                    (0, _) => Strike::After(FailureKind::Transient),
                    _ => Strike::Nowhere,
                }
            }
        }
    }
}

/// The next number of a seeded sequence (splitmix64).
pub(super) fn next(seed: &AtomicU64) -> u64 {
    let mut z = seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Definitions whose steps are tampered with.
pub(super) struct Tampered<'a, E> {
    pub(super) inner: &'a dyn Definitions<E>,
    pub(super) tamper: Arc<Tamper>,
}

impl<E: Send + Sync + 'static> Definitions<E> for Tampered<'_, E> {
    fn graph(&self, definition: &Digest) -> Result<Arc<Graph<E>>, DefinitionError> {
        let tamper = Arc::clone(&self.tamper);
        let wrap: Wrap<E> = Arc::new(move |id, inner| {
            let (id, tamper) = (id.clone(), Arc::clone(&tamper));
            Box::new(Step { id, inner, tamper }) as Box<dyn AnyStep<E>>
        });
        Ok(Arc::new(self.inner.graph(definition)?.wrapped(wrap)))
    }
}

struct Step<E> {
    id: StepId,
    inner: Box<dyn AnyStep<E>>,
    tamper: Arc<Tamper>,
}

impl<E> Step<E> {
    fn failed(&self, kind: FailureKind) -> Error {
        Error::failed(kind, format!("{} fails on purpose", self.id)).with_code("on-purpose")
    }

    fn repeats(&self) -> bool {
        matches!(*self.tamper, Tamper::Repeat)
    }
}

#[async_trait]
impl<E: Send + Sync + 'static> AnyStep<E> for Step<E> {
    fn document(&self) -> Value {
        self.inner.document()
    }

    async fn observe(&self, cx: &Context<'_, E>) -> Result<Observation<Value>, Error> {
        self.inner.observe(cx).await
    }

    async fn apply(&self, cx: &Context<'_, E>, change: Change<'_>) -> Result<Value, Error> {
        let strike = self.tamper.strike(&self.id);
        if let Strike::Before(kind) = strike {
            return Err(self.failed(kind));
        }
        let output = self.inner.apply(cx, change).await?;
        if self.repeats() {
            return self.inner.apply(cx, Change { in_doubt: true, ..change }).await;
        }
        if let Strike::After(kind) = strike { Err(self.failed(kind)) } else { Ok(output) }
    }

    async fn compensate(&self, cx: &Context<'_, E>) -> Result<(), Error> {
        let strike = self.tamper.strike(&self.id);
        if let Strike::Before(kind) = strike {
            return Err(self.failed(kind));
        }
        self.inner.compensate(cx).await?;
        if self.repeats() {
            return self.inner.compensate(cx).await;
        }
        if let Strike::After(kind) = strike { Err(self.failed(kind)) } else { Ok(()) }
    }

    fn policy(&self) -> Policy {
        self.inner.policy()
    }
}
