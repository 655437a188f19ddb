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

/// From news to lines.
struct Log {
    start: Instant,
    begun: HashMap<String, Instant>,
    waits_for: HashMap<String, String>,
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
                let told = self.waits_for.insert(step.to_string(), waiting.what.clone());
                if told.as_ref() == Some(&waiting.what) {
                    return None;
                }
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
    fn compensations_read_as_deeds() {
        let mut log = Log::new(Instant::now());
        let undone = Progress::Undone { step: hub(), undo: Undo::Restore };
        assert!(log.line(&undone, log.start).unwrap().ends_with("restored   l1/hub"));
    }
}
