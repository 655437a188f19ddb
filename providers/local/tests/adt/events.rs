//! What leaves an instance along its event routes, and what becomes of it when there is no getting through.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use local::adt::{Fate, Notification, Outlet};
use serde_json::{Value, json};

use crate::cloud::{Answer, Cloud, HALL, MACHINE, MOTOR, NAME, ROOM};

/// The world outside: it takes what it gets, unless told to fail first.
#[derive(Debug, Default)]
struct World {
    got: Mutex<Vec<(String, Notification)>>,
    failures: Mutex<VecDeque<io::ErrorKind>>,
}

impl Outlet for World {
    fn host(&self, instance: &str) -> String {
        format!("{instance}.adt.localhost:1")
    }

    fn send(&self, instance: &str, endpoint: &str, notification: &Notification) -> io::Result<Fate> {
        assert_eq!(instance, NAME);
        if endpoint == "nowhere" {
            return Ok(Fate::Lost("nothing is there".to_owned()));
        }
        if let Some(kind) = self.failures.lock().unwrap().pop_front() {
            return Err(kind.into());
        }
        self.got.lock().unwrap().push((endpoint.to_owned(), notification.clone()));
        Ok(Fate::Taken)
    }
}

impl World {
    fn of(cloud: &Cloud) -> Arc<Self> {
        let world = Arc::<Self>::default();
        cloud.service.connect(Arc::<Self>::clone(&world));
        world
    }

    fn fails(&self, times: usize) {
        self.failures.lock().unwrap().extend(vec![io::ErrorKind::StorageFull; times]);
    }

    /// What came since the last look, as CloudEvents.
    fn events(&self) -> Vec<Value> {
        let got = std::mem::take(&mut *self.got.lock().unwrap());
        got.iter().map(|(_, notification)| notification.cloud_event(&self.host(NAME))).collect()
    }

    fn only(&self) -> Value {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:#?}");
        events.remove(0)
    }
}

fn route(cloud: &Cloud, id: &str, endpoint: &str, filter: &str) {
    cloud.service.put_endpoint(NAME, endpoint).unwrap();
    let put = cloud.put(&format!("/eventroutes/{id}"), json!({"endpointName": endpoint, "filter": filter}));
    assert_eq!(put.status, 204, "{put:?}");
}

/// A factory whose every notification goes to the world.
fn told() -> (Cloud, Arc<World>) {
    let cloud = Cloud::factory();
    route(&cloud, "all", "hub", "true");
    let world = World::of(&cloud);
    (cloud, world)
}

fn machine(cloud: &Cloud) {
    cloud.twin("m", MACHINE, json!({"temperature": 20.5, "motor": {"$metadata": {}, "speed": 1.0}}));
}

/// Kind, subject and data; the rest of a change's notification is looked at on the way.
fn said(event: &Value) -> (&str, &str, &Value) {
    assert_eq!((&event["specversion"], &event["source"]), (&json!("1.0"), &json!("factory-adt.adt.localhost:1")));
    assert_eq!(
        (&event["datacontenttype"], &event["time"]),
        (&json!("application/json"), &json!("2023-11-14T22:13:20.0000000Z"))
    );
    assert!(event["id"].as_str().is_some_and(|id| id.len() == 36) && event.get("dataschema").is_none(), "{event}");
    let trace: Vec<usize> = event["traceparent"].as_str().unwrap().split('-').map(str::len).collect();
    assert_eq!(trace, [2, 32, 16, 2]);
    let kind = event["type"].as_str().unwrap().strip_prefix("Microsoft.DigitalTwins.").unwrap();
    (kind, event["subject"].as_str().unwrap(), &event["data"])
}

#[test]
fn the_life_of_a_twin_is_told() {
    let (cloud, world) = told();
    machine(&cloud);
    let created = cloud.get("/digitaltwins/m?api-version=2020-10-31").body;
    assert_eq!(said(&world.only()), ("Twin.Create", "m", &created));
    let patch = json!([
        {"op": "replace", "path": "/temperature", "value": 21},
        {"op": "add", "path": "/labels", "value": {"a/b": "c"}},
        {"op": "replace", "path": "/labels/a~1b", "value": "d"},
        {"op": "remove", "path": "/labels"},
    ]);
    assert_eq!(cloud.patch("/digitaltwins/m", patch.clone()).status, 204);
    assert_eq!(said(&world.only()), ("Twin.Update", "m", &json!({"modelId": MACHINE, "patch": patch})));
    let part = json!([{"op": "replace", "path": "/speed", "value": 2}]);
    assert_eq!(cloud.patch("/digitaltwins/m/components/motor", part).status, 204);
    let whole = json!({"modelId": MACHINE, "patch": [{"op": "replace", "path": "/motor/speed", "value": 2}]});
    assert_eq!(said(&world.only()), ("Twin.Update", "m", &whole));
    let last = cloud.get("/digitaltwins/m?api-version=2020-10-31").body;
    assert_eq!(cloud.delete("/digitaltwins/m").status, 204);
    assert_eq!(said(&world.only()), ("Twin.Delete", "m", &last));
}

#[test]
fn a_twin_that_is_written_whole_over_another_is_told_with_what_differs() {
    let (cloud, world) = told();
    machine(&cloud);
    drop(world.events());
    machine(&cloud);
    assert_eq!(world.events(), [] as [Value; 0], "nothing differs");
    let motor = json!({"$metadata": {"speed": {"sourceTime": "2026-01-01T00:00:00Z"}}, "speed": 1.0, "hours": 7});
    cloud.twin("m", MACHINE, json!({"serial": "s", "motor": motor}));
    let patch = json!([
        {"op": "remove", "path": "/temperature"},
        {"op": "add", "path": "/serial", "value": "s"},
        {"op": "add", "path": "/motor/hours", "value": 7},
        {"op": "replace", "path": "/motor/$metadata/speed/sourceTime", "value": "2026-01-01T00:00:00Z"},
    ]);
    assert_eq!(said(&world.only()), ("Twin.Update", "m", &json!({"modelId": MACHINE, "patch": patch})));
    cloud.twin("r", ROOM, json!({}));
    drop(world.events());
    cloud.twin("r", HALL, json!({}));
    let patch = json!([{"op": "replace", "path": "/$metadata/$model", "value": HALL}]);
    assert_eq!(said(&world.only()), ("Twin.Update", "r", &json!({"modelId": HALL, "patch": patch})));
}

#[test]
fn the_life_of_a_relationship_is_told() {
    let (cloud, world) = told();
    machine(&cloud);
    cloud.twin("r", ROOM, json!({}));
    drop(world.events());
    let at = "/digitaltwins/r/relationships/r-m";
    let put = |fixed: bool| {
        cloud.put(at, json!({"$relationshipName": "contains", "$targetId": "m", "since": "2026-01-01", "fixed": fixed}))
    };
    let created = put(true);
    assert_eq!(said(&world.only()), ("Relationship.Create", "r/relationships/r-m", &created.body));
    assert_eq!((put(true).status, world.events().len()), (200, 0), "nothing differs");
    assert_eq!(put(false).status, 200);
    let patch = json!([{"op": "replace", "path": "/fixed", "value": false}]);
    assert_eq!(
        said(&world.only()),
        ("Relationship.Update", "r/relationships/r-m", &json!({"modelId": ROOM, "patch": patch}))
    );
    let patch = json!([{"op": "remove", "path": "/fixed"}]);
    assert_eq!(cloud.patch(at, patch.clone()).status, 204);
    assert_eq!(
        said(&world.only()),
        ("Relationship.Update", "r/relationships/r-m", &json!({"modelId": ROOM, "patch": patch}))
    );
    let last = cloud.get(at).body;
    assert_eq!(cloud.delete(at).status, 204);
    assert_eq!(said(&world.only()), ("Relationship.Delete", "r/relationships/r-m", &last));
}

#[test]
fn what_changes_nothing_is_told_only_where_something_was_said() {
    let (cloud, world) = told();
    machine(&cloud);
    drop(world.events());
    let same = json!([{"op": "replace", "path": "/temperature", "value": 20.5}]);
    assert_eq!(cloud.patch("/digitaltwins/m", same.clone()).status, 204);
    assert_eq!(said(&world.only()).2["patch"], same, "the value has a new time");
    assert_eq!(cloud.patch("/digitaltwins/m", json!([])).status, 204);
    assert_eq!(cloud.patch("/digitaltwins/m", json!([{"op": "add", "path": "/nope", "value": 1}])).status, 400);
    assert_eq!(cloud.delete("/digitaltwins/none").status, 404);
    assert_eq!(cloud.post("/models", json!([])).status, 400);
    assert_eq!(world.events(), [] as [Value; 0]);
}

fn telemetry(cloud: &Cloud, path: &str, headers: &[(&str, &str)]) -> Answer {
    cloud.send("POST", path, headers, Some(&json!({"noise": 3, "anything": [1]})))
}

#[test]
fn telemetry_is_told_as_it_was_sent() {
    let (cloud, world) = told();
    machine(&cloud);
    drop(world.events());
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("message-id", "n-1"), ("telemetry-source-time", "2026-01-02T03:04:05Z"), ("traceparent", &parent)];
    assert_eq!(telemetry(&cloud, "/digitaltwins/m/telemetry", &headers).status, 204);
    let mut event = world.only();
    let context = event["traceparent"].take();
    assert!(context.as_str().unwrap().contains(trace) && context != *parent, "a span of its own: {context}");
    let expected = json!({
        "specversion": "1.0", "id": "n-1", "type": "microsoft.iot.telemetry", "time": "2026-01-02T03:04:05Z",
        "source": "factory-adt.adt.localhost:1/digitaltwins/m", "dataschema": MACHINE, "traceparent": null,
        "datacontenttype": "application/json", "data": {"noise": 3, "anything": [1]},
    });
    assert_eq!(event, expected);
    let headers = [
        ("message-id", "n-2"),
        ("content-type", "application/json-patch+json"),
        ("telemetry-source-time", "2020-11-25 10:05:03.760065"),
    ];
    assert_eq!(telemetry(&cloud, "/digitaltwins/m/components/motor/telemetry", &headers).status, 204);
    let (_, notification) = world.got.lock().unwrap().remove(0);
    let event = notification.cloud_event("h");
    assert_eq!((&event["subject"], &event["dataschema"]), (&json!("motor"), &json!(MOTOR)));
    assert_eq!((event.get("time"), &event["datacontenttype"]), (None, &json!("application/json-patch+json")));
    let event = notification.grid_event("/T");
    assert_eq!(
        (&event["subject"], &event["eventTime"]),
        (&json!("m/components/motor"), &json!("0001-01-01T00:00:00Z"))
    );
    assert_eq!((&event["id"], &event["data"]["dataschema"]), (&json!("n-2"), &json!(MOTOR)));
}

#[test]
fn telemetry_that_cannot_be_sent_is_refused() {
    let (cloud, world) = told();
    machine(&cloud);
    drop(world.events());
    let path = "/digitaltwins/m/telemetry";
    assert_eq!(telemetry(&cloud, path, &[]).verdict(), (400, "InvalidArgument"));
    let id = [("message-id", "1")];
    assert_eq!(telemetry(&cloud, "/digitaltwins/none/telemetry", &id).verdict(), (404, "DigitalTwinNotFound"));
    assert_eq!(telemetry(&cloud, "/digitaltwins/m/components/x/telemetry", &id).verdict(), (404, "ComponentNotFound"));
    world.fails(1);
    assert_eq!(telemetry(&cloud, path, &id).status, 500, "it is kept nowhere");
    assert_eq!(telemetry(&cloud, path, &id).status, 204);
    assert_eq!(world.only()["id"], "1");
}

#[test]
fn routes_take_what_their_filters_let_through_and_what_leads_nowhere_is_counted() {
    let cloud = Cloud::factory();
    route(&cloud, "updates", "hub", "type = 'Microsoft.DigitalTwins.Twin.Update'");
    route(&cloud, "rooms", "rooms", &format!("$body.$metadata.$model = '{ROOM}'"));
    route(&cloud, "off", "hub", "false");
    route(&cloud, "lost", "nowhere", "subject = 'm'");
    let world = World::of(&cloud);
    machine(&cloud);
    cloud.twin("r", ROOM, json!({}));
    cloud.patch("/digitaltwins/m", json!([{"op": "replace", "path": "/temperature", "value": 1}]));
    let got: Vec<_> = world.got.lock().unwrap().iter().map(|(endpoint, _)| endpoint.clone()).collect();
    assert_eq!(got, ["rooms", "hub"]);
    let routed = cloud.service.routed();
    let tally = |route: &str| {
        let found = routed.as_array().unwrap().iter().find(|tally| tally["route"] == route);
        found.map(|tally| (tally["sent"].as_u64().unwrap(), tally["lost"].as_u64().unwrap(), tally["reason"].clone()))
    };
    assert_eq!(tally("rooms"), Some((1, 0, Value::Null)));
    assert_eq!(tally("lost"), Some((0, 2, json!("nothing is there"))));
    assert_eq!(tally("off"), None);
}

#[test]
fn a_change_that_was_answered_is_told_even_if_the_process_dies_before_it_can_be() {
    let (cloud, world) = told();
    world.fails(1);
    machine(&cloud);
    assert_eq!(world.events(), [] as [Value; 0], "nothing gets through");
    let cloud = cloud.reopened().reopened();
    let world = World::of(&cloud);
    assert_eq!(said(&world.only()).0, "Twin.Create", "it outlives that the file is written anew");
    let cloud = cloud.reopened();
    assert_eq!(World::of(&cloud).events(), [] as [Value; 0], "once it is on its way it is not told again");
}

#[test]
fn a_notification_that_was_held_up_goes_before_the_next_one_or_there_is_no_next_one() {
    let (cloud, world) = told();
    world.fails(2);
    machine(&cloud);
    let patch =
        |value: i32| cloud.patch("/digitaltwins/m", json!([{"op": "replace", "path": "/temperature", "value": value}]));
    let effects = cloud.effects();
    assert_eq!(patch(1).status, 500, "the first is still held up");
    assert_eq!((cloud.effects(), cloud.get("/digitaltwins/m").body["temperature"].clone()), (effects, json!(20.5)));
    assert_eq!(patch(2).status, 204);
    let kinds: Vec<_> = world.events().iter().map(|event| said(event).0.to_owned()).collect();
    assert_eq!(kinds, ["Twin.Create", "Twin.Update"]);
}

#[test]
fn the_last_notification_before_a_kill_comes_once_more_under_the_same_id() {
    let (cloud, world) = told();
    machine(&cloud);
    cloud.twin("r", ROOM, json!({}));
    let last = world.events().pop().unwrap();
    let cloud = cloud.reopened();
    assert_eq!(World::of(&cloud).only()["id"], last["id"], "nobody knows whether it was on its way");
}
