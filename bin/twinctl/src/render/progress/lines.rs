//! Plain lines, one per thing that happened: for logs and pipes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use engine::progress::{Progress, Sink};

use super::board::first_line;
use crate::{
    output::Output,
    render::{journal::word, summary::past, time::duration},
};

/// Writes to standard error.
pub(super) struct Lines {
    output: Output,
    log: Mutex<Log>,
}

impl Lines {
    pub(super) fn new(output: Output) -> Self {
        Self { output, log: Mutex::new(Log::new(Instant::now())) }
    }
}

impl Sink for Lines {
    fn progress(&self, progress: Progress) {
        // The lock is held while writing, so that lines come in the order of what happened.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = log.line(&progress, Instant::now()) {
            self.output.say(&line);
        }
    }
}

/// How long a count that only grows is left alone once it was told: a log is no meter.
const BETWEEN_COUNTS: Duration = Duration::from_secs(1);

/// From news to lines.
struct Log {
    start: Instant,
    begun: HashMap<String, Instant>,
    /// By step: what it waits for, as it was told last, and when that was.
    waits_for: HashMap<String, (String, Instant)>,
}

impl Log {
    fn new(start: Instant) -> Self {
        Self { start, begun: HashMap::new(), waits_for: HashMap::new() }
    }

    /// The line for one piece of news; none for what is not worth one (a step that begins, a wait already told).
    fn line(&mut self, progress: &Progress, now: Instant) -> Option<String> {
        let (verb, step, detail) = match progress {
            Progress::Started { step, .. } | Progress::Undoing { step, .. } => {
                self.begun.insert(step.to_string(), now);
                return None;
            }
            Progress::Waiting { step, waiting } => {
                if self.waits_for.get(step.as_str()).is_some_and(|told| is_told(told, &waiting.what, now)) {
                    return None;
                }
                self.waits_for.insert(step.to_string(), (waiting.what.clone(), now));
                let at_most = duration(waiting.for_at_most);
                ("waits".to_owned(), step.as_str(), format!(" for {} (at most {at_most})", waiting.what))
            }
            Progress::Retrying { step, attempt, message, delay, .. } => {
                let message = first_line(message);
                (
                    "retries".to_owned(),
                    step.as_str(),
                    format!(" in {} (attempt {attempt}: {message})", duration(*delay)),
                )
            }
            Progress::Completed { step, outcome, .. } => (word(outcome), step.as_str(), self.took(step.as_str(), now)),
            Progress::Failed { step, message, .. } => ("failed".to_owned(), step.as_str(), format!(": {message}")),
            Progress::Undone { step, undo } => {
                (past(&word(undo)).to_owned(), step.as_str(), self.took(step.as_str(), now))
            }
            Progress::UndoFailed { step, message } => ("not undone".to_owned(), step.as_str(), format!(": {message}")),
            Progress::Stopping => ("stopping".to_owned(), "", "no new step starts".to_owned()),
        };
        let elapsed = duration(now.saturating_duration_since(self.start));
        Some(format!("{elapsed:>8}  {verb:<10} {step}{detail}"))
    }

    /// How long a step took, where that is long enough to matter.
    fn took(&mut self, step: &str, now: Instant) -> String {
        let Some(begun) = self.begun.remove(step) else { return String::new() };
        let took = now.saturating_duration_since(begun);
        if took < Duration::from_secs(1) { String::new() } else { format!(" (took {})", duration(took)) }
    }
}

/// Whether a wait says nothing new: the same words, or just now the same but for a count.
fn is_told((told, at): &(String, Instant), what: &str, now: Instant) -> bool {
    let words = |text: &str| text.replace(|char: char| char.is_ascii_digit(), "");
    told == what || (now.saturating_duration_since(*at) < BETWEEN_COUNTS && words(told) == words(what))
}

#[cfg(test)]
mod tests {
    use engine::progress::Waiting;
    use journal::event::{Outcome, StepId, Undo};

    use super::*;

    fn hub() -> StepId {
        StepId::new("l1/hub")
    }

    #[test]
    fn one_line_per_thing_that_happened() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut log = Log::new(start);
        let wait = |what: &str| Progress::Waiting {
            step: hub(),
            waiting: Waiting { what: what.into(), for_at_most: Duration::from_secs(1800) },
        };
        assert_eq!(log.line(&Progress::Started { step: hub(), layer: "l1".into() }, at(1)), None);
        let first = log.line(&wait("Azure to provision it"), at(2)).unwrap();
        assert_eq!(first, "    2.0s  waits      l1/hub for Azure to provision it (at most 30m 00s)");
        assert_eq!(log.line(&wait("Azure to provision it"), at(3)), None, "told already");
        let done = Progress::Completed { step: hub(), layer: "l1".into(), outcome: Outcome::Created };
        assert_eq!(log.line(&done, at(70)).unwrap(), "  1m 10s  created    l1/hub (took 1m 09s)");
    }

    #[test]
    fn a_count_is_told_once_a_second() {
        let start = Instant::now();
        let mut log = Log::new(start);
        let mut told = |what: &str, millis| {
            let waiting = Waiting { what: what.into(), for_at_most: Duration::from_secs(60) };
            log.line(&Progress::Waiting { step: hub(), waiting }, start + Duration::from_millis(millis)).is_some()
        };
        let lines = [told("twins, 0 of 900", 0), told("twins, 250 of 900", 300), told("twins, 500 of 900", 1_100)];
        assert_eq!(lines, [true, false, true]);
        assert!(told("a role to take effect", 1_200), "another wait is told at once");
    }

    #[test]
    fn compensations_read_as_deeds() {
        let mut log = Log::new(Instant::now());
        let undone = Progress::Undone { step: hub(), undo: Undo::Restore };
        assert!(log.line(&undone, log.start).unwrap().ends_with("restored   l1/hub"));
    }
}
