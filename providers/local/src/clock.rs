//! Time as the local cloud sees it: the wall clock, and how long recorded durations last here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// The cloud's clock; cheap to clone, every clone shows the same time.
///
/// A clock is either the machine's or a manual one for tests. It also knows the scale at which the durations
/// recorded from the real clouds are played back: none (instant, the default) or a factor.
#[derive(Clone, Debug)]
pub struct Clock {
    hands: Hands,
    realistic: Option<f64>,
}

#[derive(Clone, Debug)]
enum Hands {
    System,
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// Follows the machine's clock; `realistic` is the scale for recorded durations, `None` means instant.
    pub fn system(realistic: Option<f64>) -> Self {
        Self { hands: Hands::System, realistic }
    }

    /// Stands still at `start` until [`Clock::advance`] is called.
    pub fn manual(start: DateTime<Utc>, realistic: Option<f64>) -> Self {
        Self { hands: Hands::Manual(Arc::new(Mutex::new(start))), realistic }
    }

    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.hands {
            Hands::System => Utc::now(),
            Hands::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The present moment as Azure writes it: RFC 3339, seven digits of a second, `Z`.
    pub fn timestamp(&self) -> String {
        timestamp(self.now())
    }

    /// Moves a manual clock forward; the machine's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Hands::Manual(now) = &self.hands {
            *now.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }

    /// Whether recorded durations are played back at all.
    pub fn is_realistic(&self) -> bool {
        self.realistic.is_some()
    }

    /// How long something lasts here that took `recorded` on the real cloud; zero when time is instant.
    pub fn lasts(&self, recorded: Duration) -> Duration {
        self.realistic.map_or(Duration::ZERO, |scale| recorded.mul_f64(scale.max(0.0)))
    }

    /// How long a step of a schedule lasts here that must not collapse to nothing: the pause before a retry, a restart.
    ///
    /// Scaled like everything when time is realistic, a hundredth when it is instant; at least 50 ms.
    pub fn paced(&self, recorded: Duration) -> Duration {
        let scaled = if self.is_realistic() { self.lasts(recorded) } else { recorded / 100 };
        scaled.max(Duration::from_millis(50))
    }
}

/// Formats a moment as Azure writes it: RFC 3339, seven digits of a second, `Z`.
pub fn timestamp(at: DateTime<Utc>) -> String {
    let micros = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    micros.replace('Z', "0Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH, Some(0.5));
        let twin = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(twin.timestamp(), "1970-01-01T00:00:01.5000000Z");
        assert_eq!(clock.lasts(Duration::from_secs(28)), Duration::from_secs(14));
    }

    #[test]
    fn instant_time_has_no_durations_but_keeps_a_pace() {
        let clock = Clock::system(None);
        assert_eq!(clock.lasts(Duration::from_secs(1228)), Duration::ZERO);
        assert_eq!(clock.paced(Duration::from_secs(60)), Duration::from_millis(600));
        assert_eq!(clock.paced(Duration::ZERO), Duration::from_millis(50));
        assert_eq!(Clock::system(Some(0.5)).paced(Duration::from_secs(60)), Duration::from_secs(30));
    }
}
