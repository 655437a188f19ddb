//! The writer: checks, writes and syncs, one batch at a time.
//!
//! An append that is alone is written and synced by its caller: handing it to another thread and back would cost a
//! good part of what the disk does. As soon as there are several, they go to a thread that lets them share a sync.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::base::Base;
use crate::error::Error;
use crate::event::{Event, RunId};
use crate::record::Record;
use crate::stream::{Shared, Stream};
use crate::work::{Work, Written};

/// The most appends that share a sync: bounds the wait of the first of them.
const BATCH: usize = 512;

/// The most bytes that share a sync, give or take a record: bounds the memory.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What the writer's thread is asked for.
enum Command {
    Append(Request),
    /// Look whether a checkpoint is due.
    Tidy,
    /// Finish what was asked before, and end.
    Close,
}

/// An append that waits for the writer's thread.
struct Request {
    stream: Arc<Shared>,
    run: Option<RunId>,
    event: Event,
    reply: oneshot::Sender<Result<Record, Error>>,
    present: Present,
}

/// Where appends are handed in; shared by the store and its streams.
pub(crate) struct Desk {
    /// Absent once the store is closed.
    work: Mutex<Option<Work>>,
    commands: Sender<Command>,
    /// How many appends are under way.
    present: Arc<AtomicUsize>,
}

/// One append that is under way, from its first poll to its answer.
struct Present(Arc<AtomicUsize>);

impl Present {
    fn enter(present: &Arc<AtomicUsize>) -> Self {
        present.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(present))
    }

    fn is_alone(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 1
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Desk {
    pub(crate) async fn append(&self, stream: &Arc<Shared>, run: Option<RunId>, event: Event) -> Result<Record, Error> {
        let present = Present::enter(&self.present);
        // Whoever is ready to append, too, comes in meanwhile: those shall share a sync.
        tokio::task::yield_now().await;
        if present.is_alone()
            && let Some(work) = self.try_work()
        {
            return self.append_alone(work, stream, run, event);
        }
        let (reply, answer) = oneshot::channel();
        let request = Request { stream: Arc::clone(stream), run, event, reply, present };
        self.commands.send(Command::Append(request)).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    fn append_alone(
        &self,
        mut work: MutexGuard<'_, Option<Work>>,
        stream: &Arc<Shared>,
        run: Option<RunId>,
        event: Event,
    ) -> Result<Record, Error> {
        let work = work.as_mut().ok_or(Error::Closed)?;
        let written = work.write(stream, run, event)?;
        work.commit(std::slice::from_ref(&written));
        work.sound()?;
        if work.is_checkpoint_due() {
            // A thread that is gone has left this to the closing of the store.
            let _ = self.commands.send(Command::Tidy);
        }
        Ok(written.record)
    }

    fn try_work(&self) -> Option<MutexGuard<'_, Option<Work>>> {
        match self.work.try_lock() {
            Ok(work) => Some(work),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer's thread.
    fn serve(&self, inbox: &Receiver<Command>) {
        while let Ok(first) = inbox.recv() {
            let mut work = self.work();
            let Some(work) = work.as_mut() else { return };
            let mut batch = Batch::default();
            for command in std::iter::once(first).chain(inbox.try_iter().take(BATCH - 1)) {
                match command {
                    Command::Append(request) => batch.add(work, request),
                    Command::Tidy => {}
                    Command::Close => return batch.commit(work),
                }
            }
            batch.commit(work);
            work.tidy();
        }
    }
}

/// Appends that are written and wait for the sync that they share.
#[derive(Default)]
struct Batch {
    written: Vec<Written>,
    waiting: Vec<(oneshot::Sender<Result<Record, Error>>, Present)>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, work: &mut Work, request: Request) {
        let Request { stream, run, event, reply, present } = request;
        match work.write(&stream, run, event) {
            Ok(written) => {
                self.bytes += written.line.len();
                self.written.push(written);
                self.waiting.push((reply, present));
            }
            // Who asked may be gone; nothing was written, so there is nobody to tell.
            Err(error) => drop(reply.send(Err(error))),
        }
        if self.bytes >= BATCH_BYTES {
            std::mem::take(self).commit(work);
        }
    }

    /// Puts the batch on disk, and only then tells anybody.
    fn commit(self, work: &mut Work) {
        work.commit(&self.written);
        for (written, (reply, present)) in self.written.into_iter().zip(self.waiting) {
            // Whoever goes on now may be alone.
            drop(present);
            // An append whose future was dropped is on disk all the same; nobody waits for the answer.
            let _ = reply.send(work.sound().map(|()| written.record));
        }
    }
}

/// The handle of the writer's thread; dropping it waits for its end and closes the files.
pub(crate) struct Writer {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(work: Work) -> Result<Self, Error> {
        let (commands, inbox) = channel();
        let desk = Arc::new(Desk { work: Mutex::new(Some(work)), commands, present: Arc::default() });
        let shared = Arc::clone(&desk);
        let thread = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || shared.serve(&inbox))
            .map_err(Error::io("start a thread for", "the journal"))?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// Puts what stands for records in their place, on disk, while nothing else is written.
    pub(crate) fn prune(&self, stream: &str, from: u64, base: &Base) -> Result<(), Error> {
        self.desk.work().as_mut().ok_or(Error::Closed)?.prune(stream, from, base)
    }

    pub(crate) fn stream(&self, shared: Arc<Shared>) -> Stream {
        Stream::new(shared, Arc::clone(&self.desk))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Both fail only when the thread is gone already, which is what is wanted.
        let _ = self.desk.commands.send(Command::Close);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Some(work) = self.desk.work().take() {
            work.close();
        }
    }
}
