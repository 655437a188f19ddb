//! What goes over the wire, and what the instance's answers mean.

use std::time::Duration;

use azure::{
    Azure, Options,
    azure_core::{
        self,
        credentials::{AccessToken, TokenCredential, TokenRequestOptions},
        time::OffsetDateTime,
    },
    digital_twins::Limits,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;

#[derive(Debug)]
struct Anybody;

#[async_trait]
impl TokenCredential for Anybody {
    async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        Ok(AccessToken::new("token", OffsetDateTime::now_utc() + Duration::from_secs(3_600)))
    }
}

/// An instance that gives these answers, each on a connection of its own, and then tells what it was asked.
async fn instance(answers: &'static [&'static str]) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let mut seen = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            while !is_whole(&text) {
                assert_ne!(stream.read_buf(&mut text).await.unwrap(), 0, "the request ends early");
            }
            let head_end = answer.find("\r\n\r\n").map_or(answer.len(), |end| end + 4);
            let (head, body) = answer.split_at(head_end);
            let (status, headers) = head.split_once("\r\n").unwrap_or((head, "\r\n"));
            let length = body.len();
            let reply =
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}{body}");
            stream.write_all(reply.as_bytes()).await.unwrap();
            seen.push(String::from_utf8(text).unwrap());
        }
        seen
    });
    let transport = azure::transport::client(&[]).unwrap();
    let mut options = Options::new(base.parse().unwrap(), std::sync::Arc::new(Anybody), transport);
    options.limits = Limits::none();
    (Azure::new(options).digital_twins(&base).unwrap(), seen)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    body.len() >= length
}

#[tokio::test]
async fn a_write_is_guarded_by_the_version_that_was_read() {
    let answers = &[
        "200 OK\r\netag: W/\"1\"\r\ncontent-type: application/json\r\n\r\n{\"$dtId\": \"press 1\"}",
        "204 No Content\r\netag: W/\"2\"\r\n\r\n",
        "204 No Content\r\n\r\n",
    ];
    let (client, seen) = instance(answers).await;
    let read = client.get("press 1").await.unwrap();
    assert_eq!(read, Some(Snapshot { etag: "W/\"1\"".into(), document: json!({"$dtId": "press 1"}) }));
    assert_eq!(client.patch("press 1", "[1]".into(), "W/\"1\"").await, Ok(Some("W/\"2\"".into())));
    assert_eq!(client.patch("press 1", "[2]".into(), "W/\"2\"").await, Ok(None));
    let seen = seen.await.unwrap();
    let patch = seen[1].to_ascii_lowercase();
    assert!(patch.starts_with("patch /digitaltwins/press%201?api-version="), "{patch}");
    assert!(patch.contains("\r\nif-match: w/\"1\"\r\n") && patch.ends_with("\r\n\r\n[1]"), "{patch}");
    assert!(patch.contains("\r\ncontent-type: application/json-patch+json\r\n"), "{patch}");
}

#[tokio::test]
async fn every_answer_has_its_meaning() {
    let answers = &[
        "412 Precondition Failed\r\n\r\n",
        "404 Not Found\r\n\r\n",
        "429 Too Many Requests\r\nretry-after: 11\r\n\r\n",
        "429 Too Many Requests\r\n\r\n",
        "400 Bad Request\r\n\r\n",
        "401 Unauthorized\r\n\r\n",
        "403 Forbidden\r\n\r\n",
        "500 Internal Server Error\r\n\r\n",
        "404 Not Found\r\n\r\n",
        "200 OK\r\n\r\n{}",
    ];
    let (client, seen) = instance(answers).await;
    let mut meanings = Vec::new();
    for _ in 0..8 {
        meanings.push(client.patch("t", "[]".into(), "W/\"1\"").await.unwrap_err());
    }
    let failed = meanings.pop().unwrap();
    assert!(matches!(failed, StoreError::Failed(_)), "{failed:?}");
    let throttled = |after: Option<u64>| StoreError::Throttled { retry_after: after.map(Duration::from_secs) };
    let expected = [
        StoreError::Stale,
        StoreError::NotFound,
        throttled(Some(11)),
        throttled(None),
        StoreError::Rejected,
        StoreError::Denied,
        StoreError::Denied,
    ];
    assert_eq!(meanings, expected);
    assert_eq!(client.get("t").await, Ok(None));
    assert!(matches!(client.get("t").await, Err(StoreError::Failed(_))), "without a version nothing can be guarded");
    seen.await.unwrap();
    assert!(matches!(client.get("t").await, Err(StoreError::Failed(_))), "nobody listens any more");
}
