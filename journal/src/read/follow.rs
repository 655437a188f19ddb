//! Following a stream: records as they come, while owners come and go.

use std::time::{Duration, Instant};

use super::lines::Lines;
use super::owner::{Answer, Piece};
use super::{Reader, Source};
use crate::error::Error;
use crate::protocol::Request;
use crate::record::Record;
use crate::verify::{Damage, parse};

/// How often a follower looks for an owner, or for what one has left, while there is none.
const LOOK: Duration = Duration::from_millis(50);

/// The records of a stream and those still to come.
#[derive(Debug)]
pub struct Follow {
    reader: Reader,
    stream: String,
    next: u64,
    source: Followed,
}

#[derive(Debug)]
enum Followed {
    /// An owner that tells what is new.
    Owner(Answer),
    /// What an owner has left.
    Copy(Lines),
    /// Everything that is there was read; look again at this time.
    Idle(Instant),
}

impl Follow {
    pub(super) fn new(reader: Reader, stream: &str, from: u64) -> Self {
        Self { reader, stream: stream.to_owned(), next: from, source: Followed::Idle(Instant::now()) }
    }

    /// The next record; none when `patience` has passed without one.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it cannot be read; what else a read can fail with.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Record>, Error> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(line) = self.step(deadline)? {
                let seq = self.next;
                self.next += 1;
                let damaged = |kind| crate::load::damaged(&self.stream, Damage { seq, kind });
                return parse(&line).map(Some).map_err(damaged);
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
        }
    }

    /// The next line if it is there by the deadline; otherwise moves on to where it may come from.
    fn step(&mut self, deadline: Instant) -> Result<Option<String>, Error> {
        match &mut self.source {
            Followed::Owner(answer) => {
                answer.set_patience(deadline.saturating_duration_since(Instant::now()))?;
                match answer.next()? {
                    Piece::Record(line) => return Ok(Some(line)),
                    Piece::Alive | Piece::Silence => {}
                    _ => self.source = Followed::Idle(Instant::now()),
                }
            }
            Followed::Copy(lines) => match lines.next().transpose()? {
                Some(line) => return Ok(Some(line)),
                None => self.source = Followed::Idle(Instant::now() + LOOK),
            },
            Followed::Idle(again) => {
                let until = (*again).min(deadline);
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
                if until == *again {
                    self.source = self.look()?;
                }
            }
        }
        Ok(None)
    }

    fn look(&mut self) -> Result<Followed, Error> {
        self.next = self.next.max(self.reader.base(&self.stream)?.map_or(0, |base| base.size()));
        Ok(match self.reader.source()? {
            Source::Owner(conversation) => {
                let request = Request::Records { stream: self.stream.clone(), from: self.next, follow: true };
                Followed::Owner(conversation.ask(&request)?)
            }
            Source::Copy(_) => Followed::Copy(self.reader.lines(&self.stream, self.next)?),
        })
    }
}
