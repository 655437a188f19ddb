//! Connections: accepting them, and ending without cutting a call off.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};

use super::{Options, respond::Host};
use crate::app::App;

/// The pause after a connection could not be accepted: there are too many open files, and there will be fewer.
const PAUSE: Duration = Duration::from_millis(50);

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that still had a call in flight when the time to drain was over.
    pub cut_off: usize,
}

/// Serves calls until `stop`; then accepts nothing new, and ends when the calls in flight have.
pub async fn serve(listener: TcpListener, app: Arc<App>, options: Options, stop: impl Future<Output = ()>) -> Ended {
    let host = Arc::new(Host::new(app, options));
    let (stopping, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&host), stopped.clone()));
                }
                Err(error) => refused(&error).await,
            },
            Some(ended) = connections.join_next() => look_at(ended),
        }
    }
    drop(listener);
    // Nobody listens any more when there is no connection: nothing to tell then.
    let _ = stopping.send(());
    let drained = timeout(options.drain, async {
        while let Some(ended) = connections.join_next().await {
            look_at(ended);
        }
    });
    let cut_off = if drained.await.is_ok() { 0 } else { connections.len() };
    connections.shutdown().await;
    Ended { cut_off }
}

async fn connection(stream: TcpStream, host: Arc<Host>, mut stopped: watch::Receiver<()>) {
    // Answers are small and whole: waiting for more to send would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay not set");
    }
    let service = service_fn(move |request| {
        let host = Arc::clone(&host);
        async move { Ok::<_, Infallible>(host.respond(request).await) }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The caller went away: its own affair.
        tracing::debug!(%error, "connection lost");
    }
}

async fn refused(error: &io::Error) {
    tracing::warn!(%error, "connection not accepted");
    sleep(PAUSE).await;
}

/// A function that panicked took its connection with it, and nothing else.
fn look_at(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "connection broken off");
    }
}
