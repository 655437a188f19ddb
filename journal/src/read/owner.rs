//! Talking to the owner of the journal.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::protocol::{Greeting, PROTOCOL, Request, StreamHead, connect};

/// How long an owner may take to greet (it may be opening its store) or to go on.
const PATIENCE: Duration = Duration::from_secs(20);

/// A conversation with a living owner, before anything was asked.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) greeting: Greeting,
    answer: Answer,
}

/// What the owner answers.
#[derive(Debug)]
pub(crate) struct Answer {
    socket: BufReader<UnixStream>,
    line: Vec<u8>,
}

/// One piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A record as it is stored.
    Record(String),
    /// A stream and its head, as JSON.
    Stream(String),
    /// The greeting, as JSON.
    Greeting(String),
    /// What was asked for, as JSON.
    Value(String),
    /// The owner lives and has nothing new.
    Alive,
    /// The answer is complete.
    End,
    /// Nothing came in time.
    Silence,
    /// The owner is gone before the answer was complete.
    Gone,
}

impl Conversation {
    /// Connects to the owner of a state folder; none when nobody owns it, or its owner ends right now.
    pub(crate) fn open(state: &Path) -> Result<Option<Self>, Error> {
        let Ok(socket) = connect(state) else { return Ok(None) };
        let failed = |error: std::io::Error| Error::Owner(error.to_string());
        socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        let mut answer = Answer { socket: BufReader::new(socket), line: Vec::new() };
        let text = match answer.next()? {
            Piece::Greeting(text) => text,
            Piece::Gone => return Ok(None),
            other => return Err(Error::Owner(format!("it greets with {other:?}"))),
        };
        let greeting: Greeting = serde_json::from_str(&text).map_err(|error| Error::Owner(error.to_string()))?;
        if greeting.protocol != PROTOCOL {
            return Err(Error::Owner(format!("it is of another version (protocol {})", greeting.protocol)));
        }
        Ok(Some(Self { greeting, answer }))
    }

    /// Asks; what comes of it is in the answer, also when the owner is gone by now.
    pub(crate) fn ask(self, request: &Request) -> Result<Answer, Error> {
        let text = serde_json::to_string(request).expect("a request is plain data");
        // An owner that is gone shows in the answer.
        let _ = writeln!(&mut self.answer.socket.get_ref(), "{text}");
        Ok(self.answer)
    }
}

impl Answer {
    /// Waits so long for each piece from now on.
    pub(crate) fn set_patience(&self, patience: Duration) -> Result<(), Error> {
        let patience = patience.max(Duration::from_millis(1));
        self.socket.get_ref().set_read_timeout(Some(patience)).map_err(|error| Error::Owner(error.to_string()))
    }

    /// The next piece.
    pub(crate) fn next(&mut self) -> Result<Piece, Error> {
        match self.socket.read_until(b'\n', &mut self.line) {
            Ok(_) if self.line.last() == Some(&b'\n') => {}
            Ok(_) => return Ok(Piece::Gone),
            // What has come of the line so far is kept for the next call.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(Piece::Silence);
            }
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                return Ok(Piece::Gone);
            }
            Err(error) => return Err(Error::Owner(error.to_string())),
        }
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line[1..line.len() - 1]).into_owned();
        match line[0] {
            b'r' => Ok(Piece::Record(text)),
            b's' => Ok(Piece::Stream(text)),
            b'h' => Ok(Piece::Greeting(text)),
            b'v' => Ok(Piece::Value(text)),
            b'~' => Ok(Piece::Alive),
            b'.' => Ok(Piece::End),
            b'!' => Err(Error::Owner(text)),
            other => Err(Error::Owner(format!("it says {:?}", char::from(other)))),
        }
    }

    /// The one value that the answer holds, if it holds one; none at all when the owner ended meanwhile.
    pub(crate) fn value<T: serde::de::DeserializeOwned>(mut self) -> Result<Option<Option<T>>, Error> {
        match self.next()? {
            Piece::Value(text) => {
                let value = serde_json::from_str(&text).map_err(|error| Error::Owner(error.to_string()))?;
                Ok(Some(Some(value)))
            }
            Piece::End => Ok(Some(None)),
            Piece::Gone => Ok(None),
            other => Err(Error::Owner(format!("it broke off with {other:?}"))),
        }
    }

    /// The streams that the answer holds; none at all when the owner ended meanwhile.
    pub(crate) fn streams(mut self) -> Result<Option<Vec<StreamHead>>, Error> {
        let mut heads = Vec::new();
        loop {
            match self.next()? {
                Piece::Stream(text) => {
                    heads.push(serde_json::from_str(&text).map_err(|error| Error::Owner(error.to_string()))?);
                }
                Piece::End => return Ok(Some(heads)),
                Piece::Gone => return Ok(None),
                other => return Err(Error::Owner(format!("it broke off with {other:?}"))),
            }
        }
    }
}
