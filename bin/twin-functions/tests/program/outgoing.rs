//! What the program sends: over TLS that its environment vouches for, with tokens that its environment gives.

use std::fs;

use crate::{
    server::{Authority, Server},
    support::{CANARY, PATIENCE, Program, post},
};

const BODY: &str = r#"{"iotDeviceId": "d-1", "time": "2026-11-23T10:00:00Z", "temperature": 20.5}"#;

async fn request(server: &mut Server) -> String {
    tokio::time::timeout(PATIENCE, server.requests.recv()).await.unwrap().unwrap()
}

/// A call of the program by a thread of its own: the servers must go on meanwhile.
async fn call(port: u16, path: &'static str) -> String {
    tokio::task::spawn_blocking(move || post(port, path, BODY)).await.unwrap()
}

#[tokio::test]
async fn the_environment_says_which_authority_counts() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let file = folder.path().join("ca.pem");
    fs::write(&file, authority.pem()).unwrap();
    let mut persister = Server::new(Some((&authority, "l2.web.localhost")), "200 OK", r#"{"code":"stored"}"#).await;
    let url = format!("https://l2.web.localhost:{}/api/persister", persister.port);
    let program = Program::start(&[
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "0"),
        ("SSL_CERT_FILE", file.to_str().unwrap()),
        ("INGESTION_INTER_CLOUD_TOKEN", CANARY),
        ("PERSISTER_URL", &url),
        ("PERSISTER_TOKEN", "another-token"),
    ]);
    let port = program.port();
    let said = call(port, "/api/ingestion").await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.contains("forwarded"), "{said}");
    let sent = request(&mut persister).await;
    assert!(sent.starts_with("POST /api/persister HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("x-inter-cloud-token: another-token\r\n") && !sent.contains(CANARY), "{sent}");
    let line = program.call_line();
    assert!(line.contains("function=ingestion code=forwarded") && line.contains("device=d-1"), "{line}");
    assert!(!line.contains("another-token"), "{line}");
}

#[tokio::test]
async fn a_token_of_the_identity_is_fetched_once() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let file = folder.path().join("ca.pem");
    fs::write(&file, authority.pem()).unwrap();
    // Far beyond the life of this test, in seconds since 1970.
    let token =
        r#"{"access_token": "canary-token", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"}"#;
    let mut identity = Server::new(None, "200 OK", token).await;
    let mut cosmos = Server::new(Some((&authority, "db.cosmos.localhost")), "201 Created", "").await;
    let endpoint = format!("https://db.cosmos.localhost:{}/", cosmos.port);
    let msi = format!("http://127.0.0.1:{}/msi/token", identity.port);
    let program = Program::start(&[
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "0"),
        ("SSL_CERT_FILE", file.to_str().unwrap()),
        ("HOT_WRITER_INTER_CLOUD_TOKEN", CANARY),
        ("AZURE_CLIENT_ID", "client-1"),
        ("COSMOS_DB_ENDPOINT", &endpoint),
        ("COSMOS_DB_DATABASE", "data"),
        ("COSMOS_DB_CONTAINER", "hot"),
        ("IDENTITY_ENDPOINT", &msi),
        ("IDENTITY_HEADER", "header-1"),
    ]);
    let port = program.port();
    for _ in 0..2 {
        let said = call(port, "/api/hot-writer").await;
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.contains("stored"), "{said}");
        let sent = request(&mut cosmos).await;
        assert!(sent.starts_with("POST /dbs/data/colls/hot/docs HTTP/1.1\r\n"), "{sent}");
        assert!(sent.contains("canary-token") && sent.contains(r#""iotDeviceId":"d-1""#), "{sent}");
        let line = program.call_line();
        assert!(line.contains("function=hot-writer code=stored"), "{line}");
    }
    let asked = request(&mut identity).await;
    assert!(
        asked.contains("client_id=client-1") && asked.to_ascii_lowercase().contains("x-identity-header: header-1"),
        "{asked}"
    );
    assert!(identity.requests.try_recv().is_err());
}
