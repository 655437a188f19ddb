//! The webhook of Event Grid.

use serde_json::{Value, json};

use crate::app::App;

async fn post(app: &App, query: &str, kind: &str, events: Value) -> (u16, String) {
    let url = app.url(&format!("/runtime/webhooks/EventGrid?{query}"));
    let answer = app.cloud.client.post(url).header("aeg-event-type", kind).json(&events).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn key(app: &App) -> String {
    let keys = app.keys().await;
    let key = keys["systemKeys"]["eventgrid_extension"].as_str().unwrap();
    url::form_urlencoded::byte_serialize(key.as_bytes()).collect()
}

#[tokio::test]
async fn the_host_shakes_hands_by_itself() {
    let app = App::deploy(&[]).await;
    let query = format!("functionName=Events&code={}", key(&app).await);
    let events = json!([{ "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": { "validationCode": "c-1" } }]);
    let answer = post(&app, &query, "SubscriptionValidation", events.clone()).await;
    assert_eq!(answer, (200, "{\"validationResponse\":\"c-1\"}".to_owned()));
    assert_eq!(app.state().await["state"], "not-started", "no function is called for it");
    assert_eq!(post(&app, "functionName=events", "SubscriptionValidation", events.clone()).await.0, 401);
    assert_eq!(post(&app, "functionName=events&code=x", "SubscriptionValidation", events.clone()).await.0, 401);
    assert_eq!(post(&app, &query.replace("Events", "none"), "SubscriptionValidation", events.clone()).await.0, 404);
    assert_eq!(post(&app, &query, "SubscriptionValidation", json!([{}])).await.0, 400);
    assert_eq!(post(&app, &query, "Other", events).await.0, 400);
}

#[tokio::test]
async fn every_event_is_a_call_and_one_that_fails_fails_them_all() {
    let app = App::deploy(&[]).await;
    let query = format!("functionName=events&code={}", key(&app).await);
    let event = |order: &str| json!({ "id": "1", "subject": "devices/m", "data": { "do": order } });
    assert_eq!(post(&app, &query, "Notification", json!([event("echo")])).await.0, 202);
    assert_eq!(post(&app, &query, "Notification", json!([event("echo"), event("echo")])).await.0, 202);
    assert_eq!(post(&app, &query, "Notification", json!([event("echo"), event("fail")])).await.0, 500);
    assert_eq!(post(&app, &query, "Notification", json!([event("exit")])).await.0, 502);
    assert_eq!(app.state().await["calls"], json!({ "events": { "200": 2, "500": 1, "502": 1 } }));
    assert_eq!(post(&app, &query.replace("events", "hello"), "Notification", json!([event("echo")])).await.0, 400);
}
