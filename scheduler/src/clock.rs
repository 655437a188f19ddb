//! The system's clock.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::seams::Clock;

/// How long a wait goes on before the clock is looked at again: it may have been set, or the machine been asleep.
const SLICE: Duration = Duration::from_secs(5);

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        while let Ok(left) = (at - Utc::now()).to_std()
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(SLICE)).await;
        }
    }
}
