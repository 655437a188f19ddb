//! Serving, from the environment to the exit code.

use std::{collections::BTreeMap, io, net::Ipv4Addr, process::ExitCode, sync::Arc, thread};

use functions::{
    app::App,
    host::azure::{self, Options},
};
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::logging;

/// The variables that name the port, new and old.
const PORTS: [&str; 2] = ["FUNCTIONS_CUSTOMHANDLER_PORT", "FUNCTIONS_HTTPWORKER_PORT"];
/// The level of the log.
const LOG: &str = "TWINCTL_LOG";
/// `1` when the end of standard input is the end of the host.
const PARENT_STDIN: &str = "TWINCTL_PARENT_STDIN";

/// Why nothing could be served.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("read the port: neither FUNCTIONS_CUSTOMHANDLER_PORT nor FUNCTIONS_HTTPWORKER_PORT is set")]
    NoPort,
    #[error("read the port: {0} is no number of a port")]
    WrongPort(&'static str),
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
    #[error("listen on 127.0.0.1:{0}")]
    Listen(u16, #[source] io::Error),
    #[error("listen for signals")]
    Signals(#[source] io::Error),
    #[error("watch standard input")]
    Stdin(#[source] io::Error),
}

/// Serves the functions whose settings these are until a signal says stop.
pub(crate) fn serve(settings: BTreeMap<String, String>) -> ExitCode {
    logging::start(settings.get(LOG).map(String::as_str));
    match run(settings) {
        Ok(ended) if ended.cut_off == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, why, "failed to serve");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: BTreeMap<String, String>) -> Result<azure::Ended, Error> {
    let port = port(&settings)?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build();
    let runtime = runtime.map_err(Error::Runtime)?;
    runtime.block_on(async {
        let orphaned = orphaned(settings.get(PARENT_STDIN).map(String::as_str)).map_err(Error::Stdin)?;
        let stop = stop(orphaned).map_err(Error::Signals)?;
        let listen = |error| Error::Listen(port, error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen)?;
        let port = listener.local_addr().map_err(listen)?.port();
        tracing::info!(port, version = env!("CARGO_PKG_VERSION"), "listening");
        // The host starts us in the folder of the package.
        let app = Arc::new(App::new(settings, "."));
        let ended = azure::serve(listener, Arc::clone(&app), Options::default(), stop).await;
        tracing::info!(cut_off = ended.cut_off, counts = %app.counters().to_json(), "stopped");
        Ok(ended)
    })
}

/// How many threads work: one processor is left to the host, which has at least as much to do for a call as we have.
/// With a thread for each processor both wait for their turns, and calls wander between threads.
fn workers() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get().saturating_sub(1).max(1))
}

fn port(settings: &BTreeMap<String, String>) -> Result<u16, Error> {
    let name = PORTS.into_iter().find(|name| settings.get(*name).is_some_and(|text| !text.is_empty()));
    let name = name.ok_or(Error::NoPort)?;
    settings[name].trim().parse().map_err(|_| Error::WrongPort(name))
}

/// Ends with the first signal that says stop, or with the host; both are listened for from now on.
fn stop(orphaned: oneshot::Receiver<()>) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let reason = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            Ok(()) = orphaned => "stdin-closed",
        };
        tracing::info!(reason, "stopping");
    })
}

/// Says when standard input has ended, if that is to mean something: a host that is killed cannot send a signal any more,
/// but its end of the pipe is closed for it.
fn orphaned(wanted: Option<&str>) -> io::Result<oneshot::Receiver<()>> {
    let (ended, orphaned) = oneshot::channel();
    if wanted == Some("1") {
        // A thread of its own: the runtime would wait for a read that is not over when it is dropped.
        thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            // One that cannot be read says as little about the host as one that has ended.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            // Nobody listens any more when a signal came first.
            let _ = ended.send(());
        })?;
    }
    Ok(orphaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port_of(settings: &[(&str, &str)]) -> Result<u16, String> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        port(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn the_port_has_two_names_and_must_be_one() {
        let [new, old] = PORTS;
        assert_eq!(port_of(&[(new, "7071"), (old, "1")]), Ok(7071));
        assert_eq!(port_of(&[(new, ""), (old, "7072")]), Ok(7072));
        assert_eq!(port_of(&[(new, "70710")]), Err(format!("read the port: {new} is no number of a port")));
        assert!(port_of(&[]).is_err());
    }
}
