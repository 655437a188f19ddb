//! From the hub's event to storage and twin, over every border.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use functions::{
    answer::{Answer, Code},
    call::{Call, Handler, What},
    counters::Counters,
    dispatcher::{Dispatcher, Next},
    function::Function,
    hot_writer::HotWriter,
    ingestion::Ingestion,
    persister::Persister,
    settings::Secret,
};
use serde_json::json;

use crate::support::{Served, Shelf, Stuck, Told, app, event, in_time, secret, telemetry};

fn persister(shelf: &Arc<Shelf>, pusher: &Served, counters: &Arc<Counters>) -> Persister {
    let pusher = pusher.receiver("the adt-pusher", Function::AdtPusher);
    Persister::new(Some(secret()), shelf.clone(), Some(pusher), counters.clone())
}

async fn pusher(told: Arc<dyn Handler>) -> Served {
    Served::new(app().with(Function::AdtPusher, told)).await
}

#[tokio::test]
async fn telemetry_crosses_every_border() {
    let (shelf, told) = (Arc::new(Shelf::default()), Told::code(Code::Updated));
    let l3 = Served::new(app().with(Function::HotWriter, Arc::new(HotWriter::new(secret(), shelf.clone())))).await;
    let l4 = pusher(told.clone()).await;
    let to_writer = Arc::new(l3.receiver("the hot-writer", Function::HotWriter));
    let to_pusher = Some(l4.receiver("the adt-pusher", Function::AdtPusher));
    let persister = Persister::new(Some(secret()), to_writer, to_pusher, Arc::default());
    let l2 = Served::new(app().with(Function::Persister, Arc::new(persister))).await;
    let to_persister = l2.receiver("the persister", Function::Persister);
    let l0 = Served::new(app().with(Function::Ingestion, Arc::new(Ingestion::new(secret(), to_persister)))).await;
    let dispatcher = Dispatcher::new(Next::Ingestion(l0.receiver("the ingestion", Function::Ingestion)));

    // Twice: Event Grid delivers at least once.
    for _ in 0..2 {
        let answer = dispatcher.call(Call { what: What::Events(vec![event("d-1")]), deadline: in_time() }).await;
        assert_eq!((answer.code, answer.device.as_deref()), (Code::Forwarded, Some("d-1")), "{answer:?}");
    }
    let items = shelf.items.lock().unwrap();
    assert_eq!((items.len(), &items[0].id), (2, &items[1].id));
    let wanted = json!({
        "id": items[0].id, "iotDeviceId": "d-1", "time": "2026-11-23T10:00:00Z", "telemetry": {"temperature": 20.5}
    });
    assert_eq!(items[0].document(), wanted);
    let pushed = told.body();
    assert_eq!((&pushed["target_layer"], &pushed["payload"]["telemetry"]), (&json!("L4"), &wanted["telemetry"]));
}

#[tokio::test]
async fn what_is_not_stored_is_not_pushed() {
    let shelf = Arc::new(Shelf { refusal: Some(Code::Throttled), ..Shelf::default() });
    let told = Told::code(Code::Updated);
    let l4 = pusher(told.clone()).await;
    let answer = persister(&shelf, &l4, &Arc::default()).persist(telemetry("d"), in_time()).await;
    assert_eq!((answer.code, told.count()), (Code::Throttled, 0));
}

#[tokio::test]
async fn storage_comes_first() {
    let shelf = Arc::new(Shelf::default());
    let seen = Arc::new(Looks(shelf.clone()));
    let l4 = pusher(seen).await;
    let answer = persister(&shelf, &l4, &Arc::default()).persist(telemetry("d"), in_time()).await;
    assert_eq!((answer.code, answer.details["twin"].as_str()), (Code::Stored, Some("updated")), "{answer:?}");
}

/// A pusher that has telemetry only when storage has it.
struct Looks(Arc<Shelf>);

#[async_trait::async_trait]
impl Handler for Looks {
    async fn call(&self, _: Call) -> Answer {
        let stored = self.0.items.lock().unwrap().len();
        Answer::new(if stored == 1 { Code::Updated } else { Code::Malformed }, "looked")
    }
}

#[tokio::test]
async fn a_push_that_passes_is_repeated() {
    let failures = [Code::NotReady, Code::Upstream].map(|code| Answer::new(code, "not yet"));
    let told = Told::to_say(failures.into_iter().chain([Answer::new(Code::NothingToDo, "newer is there")]));
    let (shelf, counters) = (Arc::new(Shelf::default()), Arc::<Counters>::default());
    let l4 = pusher(told.clone()).await;
    let answer = persister(&shelf, &l4, &counters).persist(telemetry("d"), in_time()).await;
    assert_eq!((answer.code, answer.details["twin"].as_str()), (Code::Stored, Some("nothing-to-do")));
    assert_eq!((told.count(), counters.failed_pushes(), shelf.items.lock().unwrap().len()), (3, 0, 1));
}

#[tokio::test]
async fn a_failed_push_is_counted_and_fails_nothing() {
    for code in [Code::UnknownDevice, Code::Unauthorized, Code::Malformed] {
        let (shelf, counters, told) = (Arc::new(Shelf::default()), Arc::<Counters>::default(), Told::code(code));
        let l4 = pusher(told.clone()).await;
        let answer = persister(&shelf, &l4, &counters).persist(telemetry("d"), in_time()).await;
        assert_eq!((answer.code, told.count(), counters.failed_pushes()), (Code::Stored, 1, 1), "{answer:?}");
    }
}

#[tokio::test]
async fn a_push_gets_what_time_is_left_and_no_more() {
    let (shelf, counters) = (Arc::new(Shelf::default()), Arc::<Counters>::default());
    let l4 = pusher(Arc::new(Stuck)).await;
    let deadline = Instant::now() + Duration::from_millis(1_050);
    let answer = persister(&shelf, &l4, &counters).persist(telemetry("d"), deadline).await;
    assert_eq!((answer.code, answer.details["twin"].as_str()), (Code::Stored, Some("timed-out")));
    assert_eq!(counters.failed_pushes(), 1);
}

#[tokio::test]
async fn only_who_shows_the_token_is_served() {
    let (shelf, told) = (Arc::new(Shelf::default()), Told::code(Code::Updated));
    let l4 = pusher(told.clone()).await;
    let persister = persister(&shelf, &l4, &Arc::default());
    let closed = Persister::new(None, shelf.clone(), None, Arc::default());
    let writer = HotWriter::new(secret(), shelf.clone());
    for token in [None, Some(Secret::new("")), Some(Secret::new("another"))] {
        for function in [&persister as &dyn Handler, &closed, &writer] {
            let what = What::Post { token: token.clone(), body: b"not even JSON".to_vec() };
            let answer = function.call(Call { what, deadline: in_time() }).await;
            assert_eq!(answer.code, Code::Unauthorized);
        }
    }
    let what = What::Post { token: Some(secret()), body: b"{\"telemetry\": {}}".to_vec() };
    let answer = persister.call(Call { what, deadline: in_time() }).await;
    assert_eq!((answer.code, answer.details["at"].as_str()), (Code::Malformed, Some("/iotDeviceId")));
    assert!(shelf.items.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_fails_as_a_whole_and_keeps_what_it_has() {
    let shelf = Arc::new(Shelf::default());
    let persister = Arc::new(Persister::new(None, shelf.clone(), None, Arc::default()));
    let dispatcher = Dispatcher::new(Next::Persister(persister));
    let connected = json!({"eventType": "Microsoft.Devices.DeviceConnected", "subject": "devices/d", "data": {}});
    for (events, code, stored) in [
        (vec![], Code::NothingToDo, 0),
        (vec![connected.clone()], Code::NothingToDo, 0),
        (vec![event("d-1"), connected.clone()], Code::Stored, 1),
        (vec![json!({"eventType": 1}), event("d-2")], Code::Malformed, 2),
    ] {
        let answer = dispatcher.call(Call { what: What::Events(events), deadline: in_time() }).await;
        assert_eq!((answer.code, shelf.items.lock().unwrap().len()), (code, stored), "{answer:?}");
    }
    let validation =
        json!({"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "c"}});
    let answer = dispatcher.call(Call { what: What::Events(vec![validation]), deadline: in_time() }).await;
    assert_eq!((answer.code, answer.details["validationResponse"].as_str()), (Code::Validated, Some("c")));
}
