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

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

fn on(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::of(Exit::Error, "listen for signals", &error))
}
