//! `/healthz` and `/metrics` of the daemon, on loopback.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use notify::Outbox;
use scheduler::{Board, metrics};

use super::told;
use crate::{exit::Exit, failure::Failure};

/// What is shown.
type Shown = (Board, Vec<Arc<Outbox>>);

/// Serves until the program ends; tells where, since port 0 is any that is free.
pub(crate) async fn start(
    address: SocketAddr,
    board: Board,
    outboxes: Vec<Arc<Outbox>>,
) -> Result<SocketAddr, Failure> {
    let unserved = |error| Failure::of(Exit::Error, format!("listen on {address}"), &error);
    let listener = tokio::net::TcpListener::bind(address).await.map_err(unserved)?;
    let bound = listener.local_addr().map_err(unserved)?;
    let router =
        Router::new().route("/healthz", get(health)).route("/metrics", get(text)).with_state((board, outboxes));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!(%error, "health and metrics are not served any more");
        }
    });
    Ok(bound)
}

async fn health(State((board, _)): State<Shown>) -> impl IntoResponse {
    match board.status().trouble {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")),
    }
}

async fn text(State((board, outboxes)): State<Shown>) -> impl IntoResponse {
    let page = metrics::text(&board.status()) + &told::metrics(&outboxes);
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page)
}
