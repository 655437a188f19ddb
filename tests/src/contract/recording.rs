//! What the local cloud itself wrote down (`twinctl cloud record`): requests of every program that speaks to it.

use std::{io, path::Path};

use bytes::Bytes;
use local::recording;
use url::Url;

use super::recorder::{Answer, Exchange};

/// The services of which Microsoft publishes OpenAPI documents that we hold traffic against.
const PUBLISHED: [&str; 3] = ["arm", "adt", "adt-http"];

/// The exchanges of a recording with services of which there are documents, and the names of the other services' ones.
///
/// # Errors
/// When the file cannot be read or is no recording.
pub fn read(path: &Path) -> io::Result<(Vec<Exchange>, Vec<String>)> {
    let text = std::fs::read_to_string(path)?;
    let (mut published, mut others) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let exchange: recording::Exchange = serde_json::from_str(line)?;
        if PUBLISHED.contains(&exchange.service.as_str()) {
            published.push(told(exchange)?);
        } else {
            others.push(exchange.service);
        }
    }
    Ok((published, others))
}

fn told(exchange: recording::Exchange) -> io::Result<Exchange> {
    let bytes = |body: Option<String>| body.map_or_else(Bytes::new, Bytes::from);
    Ok(Exchange {
        method: exchange.method,
        url: Url::parse(&exchange.url).map_err(io::Error::other)?,
        headers: exchange.headers,
        body: bytes(exchange.body),
        answer: exchange.answer.map(|answer| Answer {
            status: answer.status,
            headers: answer.headers,
            body: bytes(answer.body),
        }),
    })
}
