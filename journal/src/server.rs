//! The owner's server: lets others read while a run is in progress.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::Error;
use crate::lease::Owner;
use crate::protocol::{Greeting, PROTOCOL, Request, SOCKET, StreamHead, bind};
use crate::published::Published;
use crate::sled_store::Database;
use crate::store::Streams;

/// How long a reader may take to ask, or to take a line, before it is dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a follower hears that the owner lives, and the owner that the follower does.
const SIGN_OF_LIFE: Duration = Duration::from_millis(500);

/// The most readers at a time; more are turned away at once.
const READERS: usize = 64;

/// The server; dropping it ends every conversation and waits for its threads.
#[derive(Debug)]
pub(crate) struct Server {
    hub: Arc<Hub>,
    accepting: Option<JoinHandle<()>>,
    listener: UnixListener,
    socket: PathBuf,
}

/// What the threads of the server share.
#[derive(Debug)]
struct Hub {
    greeting: String,
    database: Database,
    published: Arc<Published>,
    streams: Arc<Streams>,
    stopping: AtomicBool,
    readers: Mutex<Vec<(UnixStream, JoinHandle<()>)>>,
}

impl Server {
    /// Opens the socket, so that readers know that there is an owner; they wait until it is started.
    pub(crate) fn bind(state: &Path) -> Result<UnixListener, Error> {
        let path = state.join(SOCKET);
        let listener = bind(state).map_err(Error::io("bind", &path))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(Error::io("protect", &path))?;
        Ok(listener)
    }

    pub(crate) fn start(
        listener: UnixListener,
        state: &Path,
        owner: &Owner,
        database: &Database,
        published: &Arc<Published>,
        streams: &Arc<Streams>,
    ) -> Result<Self, Error> {
        let socket = state.join(SOCKET);
        let greeting = Greeting { protocol: PROTOCOL, owner: owner.clone(), id: database.id()? };
        let hub = Arc::new(Hub {
            greeting: serde_json::to_string(&greeting).expect("a greeting is plain data"),
            database: database.clone(),
            published: Arc::clone(published),
            streams: Arc::clone(streams),
            stopping: AtomicBool::new(false),
            readers: Mutex::new(Vec::new()),
        });
        let accepter = listener.try_clone().map_err(Error::io("share", &socket))?;
        let shared = Arc::clone(&hub);
        let accepting = std::thread::Builder::new()
            .name("journal-server".to_owned())
            .spawn(move || accept(&shared, &accepter))
            .map_err(Error::io("start a thread for", &socket))?;
        Ok(Self { hub, accepting: Some(accepting), listener, socket })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.hub.stopping.store(true, Ordering::SeqCst);
        self.hub.published.wake();
        // Whatever fails below fails because the other side is gone already, which is what is wanted.
        let _ = std::fs::remove_file(&self.socket);
        if let Ok(listener) = self.listener.try_clone() {
            let _ = UnixStream::from(OwnedFd::from(listener)).shutdown(Shutdown::Both);
        }
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let readers = std::mem::take(&mut *self.hub.readers.lock().unwrap_or_else(PoisonError::into_inner));
        for (connection, thread) in readers {
            let _ = connection.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

fn accept(hub: &Arc<Hub>, listener: &UnixListener) {
    for connection in listener.incoming() {
        if hub.stopping.load(Ordering::SeqCst) {
            return;
        }
        let started = connection.and_then(|connection| start_reader(hub, connection));
        if let Err(error) = started {
            tracing::warn!(%error, "a reader of the journal could not be served");
            // The listener may be at its limit of open files: others must get their turn to close theirs.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn start_reader(hub: &Arc<Hub>, mut connection: UnixStream) -> std::io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut readers = hub.readers.lock().unwrap_or_else(PoisonError::into_inner);
    readers.retain(|(_, thread)| !thread.is_finished());
    if readers.len() >= READERS {
        return connection.write_all(b"!too many readers\n");
    }
    let (kept, shared) = (connection.try_clone()?, Arc::clone(hub));
    let thread = std::thread::Builder::new().name("journal-reader".to_owned()).spawn(move || {
        if let Err(error) = shared.converse(&connection) {
            tracing::debug!(%error, "a reader of the journal left");
        }
        // The kept handle must not hold the conversation open.
        let _ = connection.shutdown(Shutdown::Both);
    })?;
    readers.push((kept, thread));
    Ok(())
}

fn send_value(out: &mut impl Write, value: Option<impl serde::Serialize>) -> std::io::Result<()> {
    value.map_or(Ok(()), |value| writeln!(out, "v{}", serde_json::to_string(&value)?))
}

impl Hub {
    fn converse(&self, connection: &UnixStream) -> std::io::Result<()> {
        let mut out = BufWriter::new(connection);
        writeln!(out, "h{}", self.greeting)?;
        out.flush()?;
        let mut line = String::new();
        BufReader::new(connection).read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(Request::Streams) => self.send_streams(&mut out)?,
            Ok(Request::Base { stream }) => {
                send_value(&mut out, self.database.base(&stream).map_err(std::io::Error::other)?)?;
            }
            Ok(Request::Overview { stream }) => send_value(&mut out, self.streams.overview(&stream))?,
            Ok(Request::Records { stream, from, follow: false }) => {
                self.send_records(&mut out, &stream, from, self.published.records(&stream))?;
            }
            Ok(Request::Records { stream, from, follow: true }) => return self.follow(&mut out, &stream, from),
            Err(error) => return writeln!(out, "!the request is not understood: {error}").and_then(|()| out.flush()),
        }
        // An answer that the end of the owner cut short has no end: the reader goes on elsewhere.
        if self.stopping.load(Ordering::SeqCst) {
            return out.flush();
        }
        writeln!(out, ".")?;
        out.flush()
    }

    fn send_streams(&self, out: &mut impl Write) -> std::io::Result<()> {
        for (stream, head) in self.published.heads() {
            let text = serde_json::to_string(&StreamHead { stream, head })?;
            writeln!(out, "s{text}")?;
        }
        Ok(())
    }

    /// Sends the records `from..until`; tells where it stands.
    fn send_records(&self, out: &mut impl Write, stream: &str, from: u64, until: u64) -> std::io::Result<u64> {
        let mut next = from;
        for item in self.database.lines(stream, from) {
            let (seq, line) = item.map_err(std::io::Error::other)?;
            if seq >= until || self.stopping.load(Ordering::SeqCst) {
                break;
            }
            // The line goes out as it is stored; one that damage has broken in two must not break the protocol.
            writeln!(out, "r{}", line.replace('\n', " "))?;
            next = seq + 1;
        }
        Ok(next.max(from))
    }

    fn follow(&self, out: &mut impl Write, stream: &str, from: u64) -> std::io::Result<()> {
        let mut next = from;
        while !self.stopping.load(Ordering::SeqCst) {
            let until = self.published.wait(stream, next, SIGN_OF_LIFE);
            if until > next {
                next = self.send_records(out, stream, next, until)?.max(until);
            } else {
                writeln!(out, "~")?;
            }
            out.flush()?;
        }
        Ok(())
    }
}
