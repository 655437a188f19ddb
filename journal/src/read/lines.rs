//! The records of a stream, one after another.

use std::sync::Arc;

use super::copy::Copy;
use super::owner::{Answer, Piece};
use super::{ATTEMPTS, Reader, Source};
use crate::error::Error;
use crate::protocol::Request;
use crate::record::Record;
use crate::verify::{Damage, parse};

/// The raw lines of a stream. An owner that ends meanwhile is replaced by what it left.
pub struct Lines {
    reader: Reader,
    stream: String,
    next: u64,
    left: usize,
    source: Open,
}

enum Open {
    Owner(Answer),
    /// The copy lives as long as what is read from it.
    Copy {
        lines: Box<dyn Iterator<Item = Result<String, Error>> + Send>,
        _copy: Arc<Copy>,
    },
    Ended,
}

impl Lines {
    pub(super) fn start(reader: Reader, stream: &str, from: u64) -> Result<Self, Error> {
        let from = from.max(reader.base(stream)?.map_or(0, |base| base.size()));
        let source = open(&reader, stream, from)?;
        Ok(Self { reader, stream: stream.to_owned(), next: from, left: ATTEMPTS, source })
    }

    fn reopen(&mut self) -> Result<(), Error> {
        if self.left == 0 {
            return Err(Error::Owner("it ended while it answered, again and again".to_owned()));
        }
        self.left -= 1;
        self.source = open(&self.reader, &self.stream, self.next)?;
        Ok(())
    }

    fn step(&mut self) -> Result<Option<String>, Error> {
        loop {
            let piece = match &mut self.source {
                Open::Ended => return Ok(None),
                Open::Copy { lines, .. } => {
                    return lines.next().transpose();
                }
                Open::Owner(answer) => answer.next()?,
            };
            match piece {
                Piece::Record(line) => {
                    // A place is counted, not believed: a damaged record may state any number.
                    self.next += 1;
                    return Ok(Some(line));
                }
                Piece::End => self.source = Open::Ended,
                Piece::Gone => self.reopen()?,
                other => return Err(Error::Owner(format!("it broke off with {other:?}"))),
            }
        }
    }
}

fn open(reader: &Reader, stream: &str, from: u64) -> Result<Open, Error> {
    Ok(match reader.source()? {
        Source::Owner(conversation) => {
            let request = Request::Records { stream: stream.to_owned(), from, follow: false };
            Open::Owner(conversation.ask(&request)?)
        }
        Source::Copy(copy) => {
            let lines = copy.lines(stream, from);
            Open::Copy { lines: Box::new(lines), _copy: copy }
        }
    })
}

impl Iterator for Lines {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.source = Open::Ended;
        }
        step.transpose()
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("stream", &self.stream).field("next", &self.next).finish_non_exhaustive()
    }
}

/// The records of a stream.
#[derive(Debug)]
pub struct Records {
    stream: String,
    next: u64,
    lines: Lines,
}

impl Records {
    pub(super) fn new(stream: &str, lines: Lines) -> Self {
        Self { stream: stream.to_owned(), next: lines.next, lines }
    }
}

impl Iterator for Records {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        let seq = self.next;
        self.next += 1;
        Some(
            line.and_then(|line| parse(&line).map_err(|kind| crate::load::damaged(&self.stream, Damage { seq, kind }))),
        )
    }
}
