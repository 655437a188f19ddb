//! How a write ended.

use std::time::Duration;

use crate::answer::{Answer, Code};

/// How many names a report lists.
const LISTED: usize = 16;
/// How much of a name a report shows, in characters.
const SHOWN: usize = 64;

/// Names of properties, of which the first few are listed: a device can send any number of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    listed: Vec<String>,
    more: usize,
}

impl Names {
    pub(super) fn add(&mut self, name: &str) {
        if self.listed.len() < LISTED {
            self.listed.push(name.chars().take(SHOWN).collect());
        } else {
            self.more += 1;
        }
    }

    /// The first few names.
    #[must_use]
    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    /// How many there are in all.
    #[must_use]
    pub fn count(&self) -> usize {
        self.listed.len() + self.more
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

/// What of a message was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Names, as the device gives them, that the twin has no property for.
    pub foreign: Names,
    /// Names, as the device gives them, of values that are not of their property's type.
    pub mistyped: Names,
    /// Paths of properties whose values the instance refused although they are of the type that the deployment knows.
    pub refused: Names,
}

/// A write that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Whether the twin was written; otherwise it has the same or newer values, or there was nothing to send.
    pub updated: bool,
    /// What was left out.
    pub report: Report,
}

/// A write that is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The instance has no such twin.
    #[error("write the twin: it does not exist")]
    NoTwin,
    /// The instance refuses every value that there was to write. Trying again does not help.
    #[error("write the twin: the instance refuses the values")]
    Refused(Report),
    /// The instance is at its limit, and the deadline comes before it takes more.
    #[error("write the twin: the instance is at its limit")]
    Throttled {
        /// When to come again.
        retry_after: Duration,
    },
    /// The deadline came first.
    #[error("write the twin: the time was up")]
    TimedOut,
    /// The instance failed, or did not admit us, until the deadline.
    #[error("write the twin: the instance failed")]
    Upstream,
}

impl Written {
    /// The function's answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let answer = if self.updated {
            Answer::new(Code::Updated, "the twin has the values")
        } else {
            Answer::new(Code::NothingToDo, "the twin has these values or newer ones, or none of them is the twin's")
        };
        self.report.put_on(answer)
    }
}

impl Report {
    fn put_on(&self, answer: Answer) -> Answer {
        let lists = [("ignored", &self.foreign), ("mistyped", &self.mistyped), ("refused", &self.refused)];
        lists.into_iter().filter(|(_, names)| !names.is_empty()).fold(answer, |answer, (kind, names)| {
            let answer = answer.detail(kind, names.listed.clone());
            if names.more == 0 { answer } else { answer.detail(&format!("{kind}Count"), names.count()) }
        })
    }
}

impl Failure {
    /// The function's answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::NoTwin => Answer::new(Code::UnknownDevice, "the device's twin does not exist"),
            Self::Refused(report) => {
                report.put_on(Answer::new(Code::Malformed, "Azure Digital Twins refuses the values"))
            }
            Self::Throttled { retry_after } => {
                Answer::new(Code::Throttled, "Azure Digital Twins is at its limit").retry_after(Some(*retry_after))
            }
            Self::TimedOut => Answer::new(Code::TimedOut, "Azure Digital Twins did not answer in time"),
            Self::Upstream => Answer::new(Code::Upstream, "Azure Digital Twins failed"),
        }
    }
}
