//! What is written where: data on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::{
    cli::{Color, Global},
    environment,
    failure::Failure,
};

/// Where and how a command writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Data is JSON.
    pub(crate) json: bool,
    /// Standard output takes colour.
    pub(crate) color: bool,
    /// Standard error takes colour.
    pub(crate) error_color: bool,
    /// Standard error is a terminal: lines may be drawn over.
    pub(crate) terminal: bool,
    /// Standard output is a terminal: what is shown again may be drawn over what was shown before.
    pub(crate) draws: bool,
}

impl Output {
    /// Decides from the options, the environment and what the two streams are.
    pub(crate) fn new(global: &Global) -> Self {
        let plain = environment::text("NO_COLOR").is_some() || environment::text("TERM").as_deref() == Some("dumb");
        let color = |terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !plain,
        };
        let terminal = io::stderr().is_terminal();
        let dumb = environment::text("TERM").as_deref() == Some("dumb");
        Self {
            json: global.json,
            color: color(io::stdout().is_terminal()),
            error_color: color(terminal),
            terminal: terminal && !dumb,
            draws: io::stdout().is_terminal() && !dumb,
        }
    }

    /// Writes data: `human` as it is, or `data` as JSON.
    pub(crate) fn data(self, data: &impl Serialize, human: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { json(data) } else { write(&mut io::stdout().lock(), &human()) }
    }

    /// Says something to the person at the terminal.
    ///
    /// Nothing can be done when standard error is gone, and the work does not depend on it.
    pub(crate) fn say(self, text: &str) {
        let _ = write(&mut io::stderr().lock(), text);
    }

    /// Shows a failure: to people always, and as JSON where data was asked for as JSON.
    pub(crate) fn failure(self, failure: &Failure) {
        self.say(&crate::render::failure::text(failure, self.error_color));
        if self.json {
            // The exit code tells all the same when standard output is gone.
            let _ = json(&serde_json::json!({ "error": failure }));
        }
    }
}

/// Whether somebody still reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// More may be written.
    Yes,
    /// Whoever read us has seen enough (`twinctl journal records | head`): there is no point in going on.
    Gone,
}

/// Writes a part of something long to standard output.
pub(crate) fn part(text: &str) -> Result<Heard, Failure> {
    heard(&mut io::stdout().lock(), text)
}

/// Writes raw text to standard output.
pub(crate) fn raw(text: &str) -> Result<(), Failure> {
    write(&mut io::stdout().lock(), text)
}

fn json(data: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(data).map_err(|error| unwritten(&error))?;
    raw(&text)
}

/// Writes what there is to say; that nobody hears it changes nothing about what was done.
fn write(to: &mut impl Write, text: &str) -> Result<(), Failure> {
    heard(to, text).map(drop)
}

fn heard(to: &mut impl Write, text: &str) -> Result<Heard, Failure> {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    match write!(to, "{text}{end}").and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Heard::Gone),
        Err(error) => Err(unwritten(&error)),
        Ok(()) => Ok(Heard::Yes),
    }
}

fn unwritten(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(crate::exit::Exit::Error, "write the output", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe whose reader went away.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure_and_is_noticed() {
        assert_eq!(heard(&mut Gone, "a record").unwrap(), Heard::Gone);
        assert!(write(&mut Gone, "a summary").is_ok());
        let mut paper = Vec::new();
        assert_eq!(heard(&mut paper, "a record").unwrap(), Heard::Yes);
        assert_eq!(paper, b"a record\n");
    }
}
