//! Ctrl-C and SIGTERM: the first asks the run to stop, the second stops the program at once.

use engine::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{exit::Exit, failure::Failure, output::Output};

/// Listens from now on; the first signal is the wish to stop.
pub(crate) fn listen(output: Output) -> Result<Stop, Failure> {
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut terminate = on(SignalKind::terminate())?;
    let stop = Stop::new();
    let wish = stop.clone();
    tokio::spawn(async move {
        let name = next(&mut interrupt, &mut terminate).await;
        output.say(&format!("stopping: {name} received; steps in flight end first (once more stops at once)"));
        wish.request(name);
        next(&mut interrupt, &mut terminate).await;
        output.say("stopped at once; `twinctl resume` goes on from the journal");
        // As a crash would: nothing is recorded any more, and the journal is made for that.
        std::process::exit(i32::from(Exit::Stopped.code()));
    });
    Ok(stop)
}

/// Listens from now on; resolves with the first signal, after saying so, and the second stops the program at once. For
/// work that leaves nothing in the journal.
pub(crate) fn first(output: Output, said: &'static str) -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut terminate = on(SignalKind::terminate())?;
    let (wish, wished) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        if !said.is_empty() {
            output.say(said);
        }
        // Nobody waits any more when the work has ended by itself.
        let _ = wish.send(());
        next(&mut interrupt, &mut terminate).await;
        std::process::exit(i32::from(Exit::Stopped.code()));
    });
    Ok(async move {
        if wished.await.is_err() {
            // The listener is gone only when the program ends.
            std::future::pending::<()>().await;
        }
    })
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

fn on(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::of(Exit::Error, "listen for signals", &error))
}
