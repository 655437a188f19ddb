//! `twinctl serve`: keeps the schedules of a state folder, until it is stopped.

mod child;
mod http;
mod told;

use std::sync::Arc;

use journal::SystemClock;
use scheduler::{Board, Daemon, Error, Instance, JournalBook};
use tokio_util::sync::CancellationToken;

use self::child::Children;
use crate::{
    cli::{Global, Serve},
    environment,
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    signals,
};

const TRIED: &str = "keep the schedules";

/// Serves.
pub(crate) async fn serve(global: &Global, options: &Serve, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project.project)?;
    place.demand_readable_state()?;
    let actor = environment::actor();
    let who = format!("{}@{}, process {}", actor.user, actor.host, actor.process);
    let _instance = Instance::take(&place.state, &who).map_err(|error| unkept(&error))?;
    let signal = signals::first(output, "stopping; what is in progress stops at a safe point first")?;
    let stop = CancellationToken::new();
    let clock = scheduler::SystemClock;
    let up_since = scheduler::Clock::now(&clock);
    let board = Board::new(up_since);
    let outboxes = told::outboxes(global, options, &place).await?;
    let address = match options.listen {
        Some(address) => Some(http::start(address, board.clone(), outboxes.clone()).await?),
        None => None,
    };
    tell(&place, address, output);
    let book = JournalBook::new(&place.state, actor, Arc::new(SystemClock));
    let children = Children::new(global, &place, options.grace, output)?;
    let daemon = Daemon::new(&clock, &book, &children, board, stop.clone());
    let stopping = async {
        signal.await;
        stop.cancel();
        std::future::pending::<()>().await;
    };
    // Until the daemon has ended: the events of a run that it stopped are told too.
    let (told, hearing) = (CancellationToken::new(), told::hear(&place, book.clone(), up_since));
    let mut sending = told::send(&outboxes, &told);
    let served = tokio::select! {
        served = daemon.serve() => served.map_err(|error| unkept(&error)),
        () = stopping => Ok(()),
        () = hearing => Ok(()),
    };
    told.cancel();
    while sending.join_next().await.is_some() {}
    served.map(|()| Exit::Done)
}

fn tell(place: &Place, address: Option<std::net::SocketAddr>, output: Output) {
    let told = address.map(|address| format!("; health and metrics at http://{address}")).unwrap_or_default();
    output.say(&format!("keeping the schedules of {}{told}", place.state.display()));
}

fn unkept(error: &Error) -> Failure {
    match error {
        Error::Journal(error) => explain::journal(TRIED, error),
        Error::Served { .. } => Failure::of(Exit::Locked, TRIED, error).code("served"),
        Error::Io { .. } | Error::GoingDown => Failure::of(Exit::Error, TRIED, error),
    }
}
