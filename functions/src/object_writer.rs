//! `cold-writer` and `archive-writer`: from a remote storage into objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
    time::Instant,
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::Utc;
use futures::future::join_all;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    answer::{Answer, Code},
    call::{Call, Handler},
    events::together,
    inbound::{Malformed, body, post},
    item::Item,
    objects::Objects,
    persister::{admitted_body, malformed},
    settings::Secret,
};

/// Bytes of the hash that a name carries.
const HASH: usize = 16;

/// Writes what a call brings, one item or a list, as one object per device: a line of JSON per item, in order of time.
///
/// An object's name follows from its items alone, so that a batch that comes twice is stored once:
/// `{device}/{year}/{month}/{day}/{first moment}-{hash over the items' ids}.ndjson`.
pub struct ObjectWriter {
    token: Secret,
    objects: Arc<dyn Objects>,
}

/// Items of one device, by their ids.
type Batch = BTreeMap<String, Item>;

impl ObjectWriter {
    /// A writer whose callers show `token`.
    #[must_use]
    pub fn new(token: Secret, objects: Arc<dyn Objects>) -> Self {
        Self { token, objects }
    }

    async fn write(&self, items: Vec<Item>, deadline: Instant) -> Answer {
        let (mut batches, all) = (BTreeMap::<String, Batch>::new(), items.len());
        for item in items {
            batches.entry(item.telemetry.device.clone()).or_default().insert(item.id.clone(), item);
        }
        let stored = join_all(batches.iter().map(|(device, batch)| self.store(device, batch, deadline))).await;
        together(stored).detail("items", all).detail("objects", batches.len())
    }

    async fn store(&self, device: &str, batch: &Batch, deadline: Instant) -> Answer {
        let stored = self.objects.put(&name(device, batch), &content(batch), deadline).await;
        let answer = stored.map(|()| Answer::new(Code::Stored, "the items are in storage"));
        answer.unwrap_or_else(|refusal| refusal).about(device)
    }
}

#[async_trait]
impl Handler for ObjectWriter {
    async fn call(&self, call: Call) -> Answer {
        match admitted_body(&self.token, call.what).and_then(|body| items(&body).map_err(malformed)) {
            Ok(items) if items.is_empty() => Answer::new(Code::NothingToDo, "there was no item"),
            Ok(items) => self.write(items, call.deadline).await,
            Err(answer) => answer,
        }
    }
}

/// The items of a body. One that is malformed refuses all: nothing of the batch is written then.
fn items(body: &[u8]) -> Result<Vec<Item>, Malformed> {
    let now = Utc::now();
    let read = |root| post::read(document(root), now).map(Item::of);
    match serde_json::from_slice(body).map_err(|error| Malformed::syntax(&error))? {
        Value::Array(roots) => {
            let place = |(index, root)| read(root).map_err(|problem: Malformed| problem.inside(&format!("/{index}")));
            roots.into_iter().enumerate().map(place).collect()
        }
        root => read(root).map(|item| vec![item]),
    }
}

/// An item as a storage holds it has members of its own beside those of a message, which are no values.
fn document(mut root: Value) -> Value {
    if let Value::Object(members) = &mut root
        && members.get("id").is_some_and(Value::is_string)
        && members.get("telemetry").is_some_and(Value::is_object)
    {
        members.retain(|name, _| body::RESERVED.contains(&name.as_str()));
    }
    root
}

fn name(device: &str, batch: &Batch) -> String {
    let mut hasher = Sha256::new();
    for id in batch.keys().collect::<BTreeSet<_>>() {
        hasher.update(format!("{id}\n"));
    }
    let hash = hasher.finalize()[..HASH].iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes every write");
        text
    });
    let first = batch.values().next().expect("a batch has an item").telemetry.at;
    format!("{}/{}-{hash}.ndjson", segment(device), first.format("%Y/%m/%d/%Y%m%dT%H%M%S%.6fZ"))
}

/// A device's id as one segment of a name: what is not a letter, a digit or one of `-_.` is escaped as in URLs.
fn segment(device: &str) -> String {
    device.bytes().fold(String::with_capacity(device.len()), |mut text, byte| {
        // A segment of dots alone would lead elsewhere.
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && !text.is_empty()) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a text takes every write");
        }
        text
    })
}

fn content(batch: &Batch) -> Bytes {
    let line = |item: &Item| format!("{}\n", item.document());
    batch.values().map(line).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use serde_json::json;

    use super::*;
    use crate::call::What;

    #[derive(Default)]
    struct Memory(Mutex<BTreeMap<String, Bytes>>);

    #[async_trait]
    impl Objects for Memory {
        async fn put(&self, name: &str, content: &Bytes, _: Instant) -> Result<(), Answer> {
            if name.starts_with("throttled") {
                return Err(Answer::new(Code::Throttled, "the storage is at its limit"));
            }
            let earlier = self.0.lock().unwrap().insert(name.to_owned(), content.clone());
            assert!(earlier.is_none_or(|earlier| earlier == content), "a name stands for its content");
            Ok(())
        }
    }

    async fn posted(memory: &Arc<Memory>, token: &str, body: &Value) -> Answer {
        let writer = ObjectWriter::new(Secret::new("t"), Arc::clone(memory) as _);
        let what = What::Post { token: Some(Secret::new(token)), body: body.to_string().into_bytes() };
        writer.call(Call { what, deadline: Instant::now() + Duration::from_secs(60) }).await
    }

    fn item(device: &str, minute: u32, value: i32) -> Value {
        json!({"iotDeviceId": device, "time": format!("2026-11-23T10:{minute:02}:00Z"), "telemetry": {"v": value}})
    }

    #[tokio::test]
    async fn a_batch_is_one_object_per_device_however_often_it_comes() {
        let memory = Arc::<Memory>::default();
        let mut batch = vec![item("a/1", 2, 2), item("b", 0, 0), item("a/1", 1, 1)];
        for _ in 0..2 {
            let answer = posted(&memory, "t", &json!(batch)).await;
            assert_eq!((answer.code, &answer.details["objects"]), (Code::Stored, &json!(2)));
            batch.reverse();
            batch.push(batch[0].clone());
        }
        let objects = memory.0.lock().unwrap();
        let names: Vec<_> = objects.keys().map(|name| name.split('-').next().unwrap()).collect();
        assert_eq!(names, ["a%2F1/2026/11/23/20261123T100100.000000Z", "b/2026/11/23/20261123T100000.000000Z"]);
        let lines = String::from_utf8(objects.values().next().unwrap().to_vec()).unwrap();
        let values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(values.iter().map(|line| &line["telemetry"]["v"]).collect::<Vec<_>>(), [1, 2]);
    }

    #[tokio::test]
    async fn one_item_a_stored_document_and_an_envelope_are_the_same() {
        let memory = Arc::<Memory>::default();
        let mut stored = Item::of(post::read(item("d", 0, 1), Utc::now()).unwrap()).document();
        stored["expires"] = json!(7);
        let envelope = json!({"source_cloud": "aws", "message_type": "telemetry", "payload": item("d", 0, 1)});
        for body in [item("d", 0, 1), stored, json!([envelope])] {
            assert_eq!(posted(&memory, "t", &body).await.code, Code::Stored, "{body}");
        }
        assert_eq!(memory.0.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_written_says_so() {
        let memory = Arc::<Memory>::default();
        assert_eq!(posted(&memory, "u", &item("d", 0, 1)).await.code, Code::Unauthorized);
        assert_eq!(posted(&memory, "t", &json!([])).await.code, Code::NothingToDo);
        let refused = posted(&memory, "t", &json!([item("d", 0, 1), {"iotDeviceId": "d"}])).await;
        assert_eq!((refused.code, &refused.details["at"]), (Code::Malformed, &json!("/1/time")));
        assert!(memory.0.lock().unwrap().is_empty(), "of a malformed batch nothing is written");
        let partly = posted(&memory, "t", &json!([item("d", 0, 1), item("throttled", 0, 1)])).await;
        assert_eq!((partly.code, memory.0.lock().unwrap().len()), (Code::Throttled, 1));
    }

    #[test]
    fn a_device_is_one_segment() {
        for (device, wanted) in [("press-1_a.b", "press-1_a.b"), ("a/b c", "a%2Fb%20c"), ("..", "%2E."), ("%", "%25")] {
            assert_eq!(segment(device), wanted);
        }
    }
}
