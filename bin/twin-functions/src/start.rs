//! Serving, from the environment to the exit code.

use std::{collections::BTreeMap, io, net::Ipv4Addr, process::ExitCode, sync::Arc, thread};

use functions::{
    app::App,
    host::{azure, lambda},
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
/// Where Lambda's runtime is, and which function it means.
const RUNTIME: &str = "AWS_LAMBDA_RUNTIME_API";
const HANDLER: &str = "_HANDLER";
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
    #[error(transparent)]
    Lambda(#[from] lambda::Error),
}

/// The host that the environment is of.
#[derive(Debug, PartialEq)]
enum Host {
    /// Azure Functions, with the port to listen on.
    Azure(u16),
    /// Lambda, with its runtime's address and the handler's name.
    Lambda { runtime: String, handler: String },
}

/// Serves the functions whose settings these are until a signal says stop.
pub(crate) fn serve(settings: BTreeMap<String, String>) -> ExitCode {
    logging::start(settings.get(LOG).map(String::as_str));
    match run(settings) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, why, "failed to serve");
            ExitCode::FAILURE
        }
    }
}

/// Serves; says whether every call came to its end.
fn run(settings: BTreeMap<String, String>) -> Result<bool, Error> {
    let host = host(&settings)?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build();
    let runtime = runtime.map_err(Error::Runtime)?;
    runtime.block_on(async {
        let orphaned = orphaned(settings.get(PARENT_STDIN).map(String::as_str)).map_err(Error::Stdin)?;
        let stop = stop(orphaned).map_err(Error::Signals)?;
        // The host starts us in the folder of the package.
        let app = Arc::new(App::new(settings, "."));
        let ended = match host {
            Host::Azure(port) => on_azure(port, Arc::clone(&app), stop).await,
            Host::Lambda { runtime, handler } => on_lambda(runtime, &handler, Arc::clone(&app), stop).await,
        }?;
        tracing::info!(counts = %app.counters().to_json(), "stopped");
        Ok(ended)
    })
}

async fn on_azure(port: u16, app: Arc<App>, stop: impl Future<Output = ()>) -> Result<bool, Error> {
    let listen = |error| Error::Listen(port, error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen)?;
    let port = listener.local_addr().map_err(listen)?.port();
    tracing::info!(port, version = env!("CARGO_PKG_VERSION"), "listening");
    let ended = azure::serve(listener, app, azure::Options::default(), stop).await;
    if ended.cut_off > 0 {
        tracing::warn!(calls = ended.cut_off, "cut off");
    }
    Ok(ended.cut_off == 0)
}

async fn on_lambda(
    runtime: String,
    handler: &str,
    app: Arc<App>,
    stop: impl Future<Output = ()>,
) -> Result<bool, Error> {
    tracing::info!(handler, version = env!("CARGO_PKG_VERSION"), "serving");
    let ended = lambda::serve(runtime, handler, app, lambda::Options::default(), stop).await?;
    Ok(ended == lambda::Ended::Stopped)
}

/// Which host it is: only Lambda has a runtime, so that it is looked for first.
fn host(settings: &BTreeMap<String, String>) -> Result<Host, Error> {
    match settings.get(RUNTIME).filter(|address| !address.is_empty()) {
        Some(runtime) => {
            let handler = settings.get(HANDLER).cloned().unwrap_or_default();
            Ok(Host::Lambda { runtime: runtime.clone(), handler })
        }
        None => port(settings).map(Host::Azure),
    }
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

    #[test]
    fn the_environment_says_which_host_it_is() {
        let of = |settings: &[(&str, &str)]| {
            let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            host(&settings).map_err(|error| error.to_string())
        };
        let lambda = Host::Lambda { runtime: "127.0.0.1:9001".into(), handler: "persister".into() };
        assert_eq!(of(&[(RUNTIME, "127.0.0.1:9001"), (HANDLER, "persister"), (PORTS[0], "1")]), Ok(lambda));
        assert_eq!(of(&[(RUNTIME, ""), (PORTS[0], "7071")]), Ok(Host::Azure(7071)));
        assert!(of(&[]).is_err());
    }

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
