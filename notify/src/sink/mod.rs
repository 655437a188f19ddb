//! Where events go.

pub mod eventbridge;
pub mod webhook;

mod secret;
mod signature;

use std::time::Duration;

use async_trait::async_trait;

pub use secret::{BadSecret, Secret};

use crate::Event;

/// Takes events, each of which it may be given more than once.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Names the sink among those of a state folder, the same after every start; safe as a file's name, and no secret.
    fn id(&self) -> String;

    /// Hands over events of one stream, ten at most, in order; returns once all of them are taken.
    ///
    /// # Errors
    /// [`Error::Partly`] when some were taken; [`Error::Refused`] when none was, or nobody knows. The same events are then
    /// handed over again, but for those that were taken.
    async fn send(&self, batch: &[Event]) -> Result<(), Error>;
}

/// Why a sink did not take events. Displays fit after "failed to send to the sink: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// None was taken, as far as is known.
    #[error("{reason}")]
    Refused {
        /// Why; no secret, no answer's body.
        reason: String,
        /// What the sink asked us to wait.
        retry_after: Option<Duration>,
    },
    /// Some were taken.
    #[error("{} of the events were not taken: {reason}", left.len())]
    Partly {
        /// The places in the batch of those that were not, from 0, in order.
        left: Vec<usize>,
        /// Why the first of them was not.
        reason: String,
        /// What the sink asked us to wait.
        retry_after: Option<Duration>,
    },
}

impl Error {
    /// What the sink asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Partly { retry_after, .. } => *retry_after,
        }
    }

    fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into(), retry_after: None }
    }
}
