//! A line that moves on a terminal, and lines that stay elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// Shows how far something is until it is dropped.
pub(crate) struct Meter {
    output: Output,
    bar: Option<ProgressBar>,
}

impl Meter {
    /// Starts with nothing to show.
    pub(crate) fn start(output: Output) -> Self {
        let style = ProgressStyle::with_template("{msg}").expect("the template has no unknown key");
        let bar = || ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
        Self { output, bar: output.terminal.then(bar) }
    }

    /// Says something that stays.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.say(text),
        }
    }

    /// Draws the line anew; elsewhere than on a terminal it would be one of many, and is left out.
    pub(crate) fn show(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
            bar.tick();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
