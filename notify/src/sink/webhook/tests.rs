use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode as Status},
    response::IntoResponse,
    routing::post,
};

use super::*;
use crate::testing::{History, run_started};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What came, and what is answered.
#[derive(Clone)]
struct Receiver {
    came: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answer: (u16, &'static [(&'static str, &'static str)]),
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    receiver.came.lock().unwrap().push((headers, body));
    let (status, headers) = receiver.answer;
    let mut answer = (Status::from_u16(status).unwrap(), "an answer that nobody repeats").into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(*name, value.parse().unwrap());
    }
    answer
}

async fn receiver(answer: (u16, &'static [(&'static str, &'static str)])) -> (SocketAddr, Receiver) {
    let receiver = Receiver { came: Arc::default(), answer };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/hook", post(receive)).with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, receiver)
}

fn webhook(address: SocketAddr) -> Webhook {
    let url = format!("http://{address}/hook?key=t0ken").parse().unwrap();
    Webhook::new(url, Secret::parse(SECRET).unwrap()).unwrap()
}

fn events(count: usize) -> Vec<Event> {
    let mut history = History::of("factory");
    (0..count).for_each(|_| {
        history.push(run_started());
    });
    let mut lifecycle = crate::lifecycle::Lifecycle::new(crate::testing::JOURNAL, Default::default());
    history.records.iter().filter_map(|record| lifecycle.event(record)).collect()
}

#[tokio::test]
async fn one_event_goes_alone_and_several_as_a_batch_each_time_with_the_same_id() {
    let (address, receiver) = receiver((204, &[])).await;
    let webhook = webhook(address);
    for count in [1, 3, 3] {
        webhook.send(&events(count)).await.unwrap();
    }
    let came = receiver.came.lock().unwrap();
    let header = |place: usize, name: &str| came[place].0[name].to_str().unwrap().to_owned();
    assert_eq!(header(0, "content-type"), "application/cloudevents+json");
    assert_eq!(header(1, "content-type"), "application/cloudevents-batch+json");
    assert_eq!(came[0].1, serde_json::to_vec(&events(1)[0]).unwrap());
    assert_eq!(came[1].1, serde_json::to_vec(&events(3)).unwrap());
    assert_eq!(header(1, "webhook-id"), header(2, "webhook-id"));
    assert_ne!(header(0, "webhook-id"), header(1, "webhook-id"));
    for (place, (_, body)) in came.iter().enumerate() {
        let (id, timestamp) = (header(place, "webhook-id"), header(place, "webhook-timestamp").parse::<i64>().unwrap());
        assert!(!id.contains('.') && (Utc::now().timestamp() - timestamp).abs() < 60);
        let signed = signature::sign(&Secret::parse(SECRET).unwrap(), &id, timestamp, body);
        assert_eq!(header(place, "webhook-signature"), signed);
    }
}

#[tokio::test]
async fn a_refusal_tells_the_status_and_the_wait_and_nothing_of_the_url_or_the_body() {
    let (address, _) = receiver((503, &[("retry-after", "7")])).await;
    let webhook = webhook(address);
    let refused = webhook.send(&events(1)).await.unwrap_err();
    let expected = Error::Refused { reason: "it answered 503".into(), retry_after: Some(Duration::from_secs(7)) };
    assert_eq!(refused, expected);
    let printed = format!("{webhook:?} {refused:?} {}", webhook.id());
    assert!(!printed.contains("t0ken") && !printed.contains("repeats"), "{printed}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, other) = receiver((204, &[])).await;
    let location: &'static str = Box::leak(format!("http://{elsewhere}/hook").into_boxed_str());
    let headers: &'static [_] = Box::leak(Box::new([("location", location)]));
    let (address, _) = receiver((307, headers)).await;
    assert_eq!(webhook(address).send(&events(1)).await, Err(Error::refused("it answered 307")));
    assert!(other.came.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_there_is_a_refusal_without_the_url() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = webhook(address).send(&events(1)).await.unwrap_err().to_string();
    assert!(!refused.contains("t0ken") && !refused.contains("/hook"), "{refused}");
}

#[test]
fn a_url_is_encrypted_or_of_this_machine_and_holds_no_password() {
    let made = |url: &str| Webhook::new(url.parse().unwrap(), Secret::parse(SECRET).unwrap()).map(drop);
    for fine in ["https://example.com/a", "http://localhost:1/a", "http://127.0.0.1:1/a", "http://[::1]:1/a"] {
        assert_eq!(made(fine), Ok(()), "{fine}");
    }
    for plain in ["http://example.com/a", "http://localhost.example.com/", "http://10.0.0.1/", "ftp://localhost/"] {
        assert_eq!(made(plain), Err(BadUrl::Scheme), "{plain}");
    }
    assert_eq!(made("https://ann:secret@example.com/"), Err(BadUrl::Credentials));
}
