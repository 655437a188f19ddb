//! Lines that are drawn over: one per layer, refreshed so that elapsed times move.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use engine::progress::{Progress, Sink};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::board::{Board, Totals};

/// How often elapsed times move.
const REFRESH: Duration = Duration::from_millis(250);

/// A board that is drawn until it is stopped.
pub(super) struct Drawing {
    screen: Arc<Screen>,
    refresh: JoinHandle<()>,
}

struct Screen {
    bars: MultiProgress,
    state: Mutex<State>,
}

struct State {
    board: Board,
    lines: Vec<ProgressBar>,
}

impl Drawing {
    /// Must be called inside a tokio runtime.
    pub(super) fn start(totals: Totals) -> Self {
        let screen = Arc::new(Screen {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            state: Mutex::new(State { board: Board::new(totals), lines: Vec::new() }),
        });
        let drawn = Arc::clone(&screen);
        let refresh = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(REFRESH);
            loop {
                ticks.tick().await;
                drawn.draw();
            }
        });
        Self { screen, refresh }
    }

    pub(super) fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.screen) as Arc<dyn Sink>
    }

    /// Draws a last time and leaves the lines standing.
    pub(super) fn stop(&self) {
        self.refresh.abort();
        self.screen.draw();
        let state = self.screen.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lines.iter().for_each(ProgressBar::abandon);
    }
}

impl Screen {
    fn draw(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = state.board.lines(Instant::now());
        while state.lines.len() < texts.len() {
            let style = ProgressStyle::with_template("{msg}").expect("the template has no unknown key");
            state.lines.push(self.bars.add(ProgressBar::new_spinner().with_style(style)));
        }
        for (line, text) in state.lines.iter().zip(texts) {
            line.set_message(text);
        }
    }

    /// Says what must stay readable above the lines that move.
    fn note(&self, progress: &Progress) {
        let text = match progress {
            Progress::Failed { step, message, .. } => format!("failed {step}: {message}"),
            Progress::UndoFailed { step, message } => format!("not undone {step}: {message}"),
            _ => return,
        };
        // A terminal that is gone must not stop the run.
        let _ = self.bars.println(text);
    }
}

impl Sink for Screen {
    fn progress(&self, progress: Progress) {
        self.note(&progress);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).board.take(&progress, Instant::now());
    }
}
