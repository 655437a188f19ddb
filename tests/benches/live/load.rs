//! A lean load generator: kept-alive HTTP/1.1 connections in a closed loop, one thread, next to no parsing.

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::LocalSet,
};
use tokio_rustls::TlsConnector;

/// No answer takes this long; a connection that waits longer fails the run.
const DEADLINE: Duration = Duration::from_secs(30);

/// What is sent, and what becomes of the answers.
pub(crate) trait Traffic {
    /// Appends the `number`th request, whole, to the buffer.
    fn request(&mut self, number: u64, buffer: &mut Vec<u8>);

    /// Takes the answer's head.
    fn answered(&mut self, _number: u64, _head: &[u8]) {}
}

/// Where to, over how many connections, how long.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// The connector and host name of TLS; plain HTTP without.
    pub(crate) tls: Option<(Arc<rustls::ClientConfig>, String)>,
    pub(crate) connections: usize,
    pub(crate) until: Until,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After so many requests.
    Requests(u64),
    /// After a warm-up that does not count, and this time.
    Elapsed(Duration, Duration),
}

/// What a run measured.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    /// Answers per second.
    pub(crate) rate: f64,
    /// Answers in all, the warm-up's too.
    pub(crate) answers: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) worst: Duration,
    /// Answers that were not 2xx.
    pub(crate) refused: u64,
    /// The first of those: status line and headers.
    pub(crate) first_refusal: Option<String>,
}

struct Run<T> {
    traffic: T,
    next: u64,
    start: Instant,
    until: Until,
    /// Microseconds of each answer that counts.
    took: Vec<u32>,
    refused: u64,
    first_refusal: Option<String>,
}

/// Runs the traffic to its end on this thread.
pub(crate) fn run<T: Traffic + 'static>(load: &Load, traffic: T) -> io::Result<(Figures, T)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    let run = Run {
        traffic,
        next: 0,
        start: Instant::now(),
        until: load.until,
        took: Vec::with_capacity(1 << 20),
        refused: 0,
        first_refusal: None,
    };
    let run = Rc::new(RefCell::new(run));
    tasks.block_on(&runtime, async {
        let connections: Vec<_> = (0..load.connections)
            .map(|_| tokio::task::spawn_local(connection(load.clone(), Rc::clone(&run))))
            .collect();
        for connection in connections {
            connection.await.map_err(io::Error::other)??;
        }
        io::Result::Ok(())
    })?;
    let run = Rc::into_inner(run).expect("all connections have ended").into_inner();
    Ok(run.finish())
}

async fn connection<T: Traffic>(load: Load, run: Rc<RefCell<Run<T>>>) -> io::Result<()> {
    let stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    match load.tls {
        None => exchange(stream, run).await,
        Some((config, name)) => {
            let name = ServerName::try_from(name).map_err(io::Error::other)?;
            exchange(TlsConnector::from(config).connect(name, stream).await?, run).await
        }
    }
}

async fn exchange<T: Traffic>(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    run: Rc<RefCell<Run<T>>>,
) -> io::Result<()> {
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    loop {
        request.clear();
        let Some(number) = run.borrow_mut().begin(&mut request) else { return Ok(()) };
        let sent = Instant::now();
        stream.write_all(&request).await?;
        let head = tokio::time::timeout(DEADLINE, read(&mut stream, &mut answer)).await.map_err(io::Error::other)??;
        run.borrow_mut().end(number, sent, &answer[..head]);
    }
}

/// Reads one answer and says how long its head is.
async fn read(stream: &mut (impl AsyncRead + Unpin), answer: &mut Vec<u8>) -> io::Result<usize> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = head + 4;
        if answer.len() >= head + body_length(&answer[..head]) {
            return Ok(head);
        }
    }
}

/// The `Content-Length` of a head; 0 without one, as 204 has it.
fn body_length(head: &[u8]) -> usize {
    header(head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// A header of a head, by its lower-case name.
pub(crate) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

impl<T: Traffic> Run<T> {
    fn begin(&mut self, buffer: &mut Vec<u8>) -> Option<u64> {
        let over = match self.until {
            Until::Requests(count) => self.next >= count,
            Until::Elapsed(warm_up, time) => self.start.elapsed() >= warm_up + time,
        };
        if over {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.traffic.request(number, buffer);
        Some(number)
    }

    fn end(&mut self, number: u64, sent: Instant, head: &[u8]) {
        let now = Instant::now();
        self.traffic.answered(number, head);
        if head.get(9) != Some(&b'2') {
            self.refused += 1;
            self.first_refusal.get_or_insert_with(|| String::from_utf8_lossy(head).into_owned());
        }
        if now >= self.start + self.warm_up() {
            self.took.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
        }
    }

    fn warm_up(&self) -> Duration {
        if let Until::Elapsed(warm_up, _) = self.until { warm_up } else { Duration::ZERO }
    }

    fn finish(mut self) -> (Figures, T) {
        let measured = self.start.elapsed().saturating_sub(self.warm_up());
        self.took.sort_unstable();
        let at = |share: usize| {
            let place = (self.took.len() * share / 1000).min(self.took.len().saturating_sub(1));
            Duration::from_micros(self.took.get(place).copied().unwrap_or_default().into())
        };
        let figures = Figures {
            answers: self.next,
            rate: self.took.len() as f64 / measured.as_secs_f64(),
            p50: at(500),
            p99: at(990),
            worst: at(1000),
            refused: self.refused,
            first_refusal: self.first_refusal,
        };
        (figures, self.traffic)
    }
}
