//! What is known of a run under way, one line per layer; pure, so that it can be tested without a terminal.

use std::{collections::BTreeMap, time::Instant};

use engine::progress::Progress;

use crate::render::time::whole;

/// How many steps each layer has, in the order in which layers are shown.
pub(crate) type Totals = Vec<(String, usize)>;

/// The running steps that are named on a layer's line; the rest is counted.
const NAMED: usize = 3;

/// The state of every layer.
#[derive(Debug, Default)]
pub(crate) struct Board {
    layers: Vec<Layer>,
    layer_of: BTreeMap<String, usize>,
    /// The run, or its rollback: undone steps are counted anew.
    undoing: bool,
}

#[derive(Debug, Default)]
struct Layer {
    name: String,
    total: Option<usize>,
    done: usize,
    failed: usize,
    undone: usize,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    step: String,
    since: Instant,
    waits_for: Option<String>,
}

impl Board {
    /// A board with the layers that are known beforehand.
    pub(crate) fn new(totals: Totals) -> Self {
        let layers = totals.into_iter().map(|(name, total)| Layer { name, total: Some(total), ..Layer::default() });
        Self { layers: layers.collect(), ..Self::default() }
    }

    /// Takes one piece of news.
    pub(crate) fn take(&mut self, progress: &Progress, now: Instant) {
        match progress {
            Progress::Started { step, layer } => self.begin(step.as_str(), layer, now),
            Progress::Waiting { step, waiting } => self.waits(step.as_str(), waiting.what.clone()),
            Progress::Retrying { step, attempt, message, .. } => {
                self.waits(step.as_str(), format!("attempt {} after: {}", attempt + 1, first_line(message)));
            }
            Progress::Completed { step, .. } => self.end(step.as_str(), |layer| layer.done += 1),
            Progress::Failed { step, .. } | Progress::UndoFailed { step, .. } => {
                self.end(step.as_str(), |layer| layer.failed += 1);
            }
            Progress::Undoing { step, .. } => {
                self.undoing = true;
                self.begin(step.as_str(), layer_of(step.as_str()), now);
            }
            Progress::Undone { step, .. } => self.end(step.as_str(), |layer| layer.undone += 1),
            Progress::Stopping => {}
        }
    }

    /// One line per layer, as of `now`.
    pub(crate) fn lines(&self, now: Instant) -> Vec<String> {
        let width = self.layers.iter().map(|layer| layer.name.chars().count()).max().unwrap_or_default();
        self.layers.iter().map(|layer| layer.line(width, self.undoing, now)).collect()
    }

    fn begin(&mut self, step: &str, layer: &str, now: Instant) {
        let place = self.place(step, layer);
        let running = &mut self.layers[place].running;
        running.retain(|other| other.step != step);
        running.push(Running { step: step.to_owned(), since: now, waits_for: None });
    }

    fn waits(&mut self, step: &str, what: String) {
        let place = self.place(step, layer_of(step));
        if let Some(running) = self.layers[place].running.iter_mut().find(|running| running.step == step) {
            running.waits_for = Some(what);
        }
    }

    fn end(&mut self, step: &str, count: impl FnOnce(&mut Layer)) {
        let place = self.place(step, layer_of(step));
        let layer = &mut self.layers[place];
        layer.running.retain(|running| running.step != step);
        count(layer);
    }

    /// The place of a step's layer; a layer that nobody announced comes last.
    fn place(&mut self, step: &str, layer: &str) -> usize {
        if let Some(place) = self.layer_of.get(step) {
            return *place;
        }
        let place = self.layers.iter().position(|known| known.name.eq_ignore_ascii_case(layer)).unwrap_or_else(|| {
            self.layers.push(Layer { name: layer.to_owned(), ..Layer::default() });
            self.layers.len() - 1
        });
        self.layer_of.insert(step.to_owned(), place);
        place
    }
}

impl Layer {
    fn line(&self, width: usize, undoing: bool, now: Instant) -> String {
        let count = match (undoing, self.total) {
            (true, _) => format!("{} undone", self.undone),
            (false, Some(total)) => format!("{}/{total}", self.done),
            (false, None) => format!("{} done", self.done),
        };
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let mut running: Vec<String> = self.running.iter().take(NAMED).map(|step| step.text(&self.name, now)).collect();
        if self.running.len() > NAMED {
            running.push(format!("{} more", self.running.len() - NAMED));
        }
        format!("{:<width$}  {:<7}  {}", self.name, count + &failed, running.join(", ")).trim_end().to_owned()
    }
}

impl Running {
    fn text<'a>(&'a self, layer: &str, now: Instant) -> String {
        let named = |(start, rest): (&str, &'a str)| start.eq_ignore_ascii_case(layer).then_some(rest);
        let name = self.step.split_once('/').and_then(named).unwrap_or(&self.step);
        let elapsed = whole(now.saturating_duration_since(self.since));
        match &self.waits_for {
            Some(what) => format!("{name} ({elapsed}, waits for {what})"),
            None => format!("{name} ({elapsed})"),
        }
    }
}

/// The layer that a step's id names: what stands before the first slash.
fn layer_of(step: &str) -> &str {
    step.split_once('/').map_or(step, |(layer, _)| layer)
}

/// The first line of a message: a board has one line per layer.
pub(super) fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::progress::Waiting;
    use journal::event::{FailureKind, Outcome, StepId, Undo};

    use super::*;

    fn started(step: &str) -> Progress {
        Progress::Started { step: StepId::new(step), layer: layer_of(step).into() }
    }

    fn completed(step: &str) -> Progress {
        Progress::Completed { step: StepId::new(step), layer: layer_of(step).into(), outcome: Outcome::Created }
    }

    #[test]
    fn a_line_tells_counts_running_steps_and_what_they_wait_for() {
        let start = Instant::now();
        let mut board = Board::new(vec![("setup".into(), 1), ("l1".into(), 3)]);
        for progress in [started("setup/group"), completed("setup/group"), started("l1/hub"), started("l1/topic")] {
            board.take(&progress, start);
        }
        let waiting = Waiting { what: "Azure to provision it".into(), for_at_most: Duration::from_secs(60) };
        board.take(&Progress::Waiting { step: StepId::new("l1/hub"), waiting }, start);
        let lines = board.lines(start + Duration::from_secs(75));
        assert_eq!(
            lines,
            ["setup  1/1", "l1     0/3      hub (1m 15s, waits for Azure to provision it), topic (1m 15s)"]
        );
    }

    #[test]
    fn a_retry_shows_its_cause_and_a_failure_is_counted() {
        let start = Instant::now();
        let mut board = Board::new(vec![("l1".into(), 1)]);
        board.take(&started("l1/hub"), start);
        let retrying = Progress::Retrying {
            step: StepId::new("l1/hub"),
            attempt: 1,
            kind: FailureKind::Transient,
            message: "503 busy\nmore".into(),
            delay: Duration::from_secs(1),
        };
        board.take(&retrying, start);
        assert_eq!(board.lines(start), ["l1  0/1      hub (0s, waits for attempt 2 after: 503 busy)"]);
        let failed = Progress::Failed { step: StepId::new("l1/hub"), layer: "l1".into(), message: "no".into() };
        board.take(&failed, start);
        assert_eq!(board.lines(start), ["l1  0/1, 1 failed"]);
    }

    #[test]
    fn undone_steps_are_counted_anew_and_many_running_steps_are_summed_up() {
        let start = Instant::now();
        let mut board = Board::default();
        for step in ["l4/a", "l4/b", "l4/c", "l4/d", "l4/e"] {
            board.take(&Progress::Undoing { step: StepId::new(step), undo: Undo::Delete }, start);
        }
        board.take(&Progress::Undone { step: StepId::new("l4/a"), undo: Undo::Delete }, start);
        assert_eq!(board.lines(start), ["l4  1 undone  b (0s), c (0s), d (0s), 1 more"]);
    }
}
