//! The writer: one thread that checks, writes and syncs, so that concurrent appends share one sync.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::error::Error;
use crate::event::{Event, RunId};
use crate::heads::Heads;
use crate::published::Published;
use crate::record::{Actor, Draft, Head, Record};
use crate::sled_store::{Database, Disk, panic_text};
use crate::state::StreamState;
use crate::stream::{Shared, Stream};

/// The most appends that share a sync: bounds the memory and the wait of the first of them.
const BATCH: usize = 512;

/// The largest record, in bytes. Bulk work belongs into documents, its checkpoints into the journal.
pub(crate) const MAX_RECORD: usize = 1024 * 1024;

/// What the writer is asked for.
pub(crate) enum Command {
    /// Append an event.
    Append { stream: Arc<Shared>, run: Option<RunId>, event: Box<Event>, reply: oneshot::Sender<Result<Record, Error>> },
    /// Finish what was asked before, and end.
    Close,
}

/// The handle of the writer's thread; dropping it waits for its end.
pub(crate) struct Writer {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        database: Database,
        disk: Disk,
        heads: Heads,
        published: Arc<Published>,
        (actor, clock): (Actor, Arc<dyn Clock>),
    ) -> Result<Self, Error> {
        let (commands, inbox) = channel();
        let work = Work { database, disk, heads, published, actor, clock, pending: BTreeMap::new(), broken: None };
        let thread = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || work.run(&inbox))
            .map_err(Error::io("start a thread for", "the journal"))?;
        Ok(Self { commands, thread: Some(thread) })
    }

    pub(crate) fn stream(&self, shared: Arc<Shared>) -> Stream {
        Stream::new(shared, self.commands.clone())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Both fail only when the thread is gone already, which is what is wanted.
        let _ = self.commands.send(Command::Close);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An append that is written and waits for the sync.
struct Written {
    stream: Arc<Shared>,
    record: Record,
    reply: oneshot::Sender<Result<Record, Error>>,
}

struct Work {
    database: Database,
    disk: Disk,
    heads: Heads,
    published: Arc<Published>,
    actor: Actor,
    clock: Arc<dyn Clock>,
    /// The states with the records that wait for the sync.
    pending: BTreeMap<String, StreamState>,
    /// Why nothing may be written any more: what is on disk is not certain.
    broken: Option<String>,
}

impl Work {
    fn run(mut self, inbox: &Receiver<Command>) {
        while let Ok(first) = inbox.recv() {
            let mut written = Vec::new();
            let mut close = false;
            for command in std::iter::once(first).chain(inbox.try_iter().take(BATCH - 1)) {
                match command {
                    Command::Close => close = true,
                    Command::Append { stream, run, event, reply } if !close => {
                        match self.write(&stream, run, *event) {
                            Ok(record) => written.push(Written { stream, record, reply }),
                            // Who asked may be gone; nothing was written, so there is nobody to tell.
                            Err(error) => drop(reply.send(Err(error))),
                        }
                    }
                    Command::Append { .. } => {}
                }
            }
            self.commit(written);
            if close {
                return;
            }
        }
    }

    /// Checks an event against what is written so far and hands its record to the database.
    fn write(&mut self, stream: &Shared, run: Option<RunId>, event: Event) -> Result<Record, Error> {
        if let Some(broken) = &self.broken {
            return Err(Error::Broken(broken.clone()));
        }
        let pending = self.pending.entry(stream.name.clone()).or_insert_with(|| (*stream.state()).clone());
        let (head, time) = (pending.head.as_ref(), self.clock.now());
        let draft = Draft { stream: &stream.name, head, time, actor: &self.actor, run, event };
        let (record, line) = draft.seal();
        if line.len() > MAX_RECORD {
            return Err(Error::TooLarge { bytes: line.len(), most: MAX_RECORD });
        }
        pending.apply(&record)?;
        let database = &self.database;
        let inserted = unbroken(|| database.insert(&stream.name, record.seq, line.as_bytes()));
        inserted.inspect_err(|error| self.broken = Some(error.to_string()))?;
        Ok(record)
    }

    /// Puts what is written on disk, and only then tells anybody.
    fn commit(&mut self, written: Vec<Written>) {
        if written.is_empty() {
            return;
        }
        if self.broken.is_none() {
            let outcome = unbroken(|| self.disk.sync(&self.database)).and_then(|()| self.note(&written));
            self.broken = outcome.err().map(|error| error.to_string());
        }
        for Written { stream, record, reply } in written {
            // An append whose future was dropped is on disk all the same; nobody waits for the answer.
            let _ = match &self.broken {
                Some(broken) => reply.send(Err(Error::Broken(broken.clone()))),
                None => {
                    stream.settle(&record);
                    reply.send(Ok(record))
                }
            };
        }
    }

    /// Notes the new heads, now that they are on disk.
    fn note(&mut self, written: &[Written]) -> Result<(), Error> {
        let newest: BTreeMap<String, Head> =
            written.iter().map(|written| (written.stream.name.clone(), written.record.head())).collect();
        newest.iter().try_for_each(|(stream, head)| self.heads.put(stream, head))?;
        self.published.publish(newest);
        Ok(())
    }
}

/// Turns a panic of the database into an error: the writer must live to tell it.
fn unbroken<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::Broken(panic_text(panic.as_ref()))))
}
