//! What people see while a run is under way: lines that are drawn over on a terminal, plain lines elsewhere.

mod board;
mod lines;
mod terminal;

use std::sync::Arc;

use engine::progress::Sink;

pub(crate) use board::Totals;

use crate::output::Output;

/// Shows progress until it is dropped.
pub(crate) struct Shown {
    sink: Arc<dyn Sink>,
    terminal: Option<terminal::Drawing>,
}

impl Shown {
    /// Starts to show; `totals` says how many steps each layer has, as far as that is known.
    pub(crate) fn start(output: Output, totals: Totals) -> Self {
        if output.terminal {
            let drawing = terminal::Drawing::start(totals);
            return Self { sink: drawing.sink(), terminal: Some(drawing) };
        }
        Self { sink: Arc::new(lines::Lines::new(output)), terminal: None }
    }

    /// Where the engine tells what happens.
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.sink)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(drawing) = &self.terminal {
            drawing.stop();
        }
    }
}
