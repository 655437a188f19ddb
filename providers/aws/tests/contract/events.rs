//! Events, their rules and their queues against emulators by others.

use std::time::{Duration, SystemTime};

use aws::{
    Credentials, ErrorKind, Tags,
    events::{Entry, schedule_expression},
    policy,
};
use serde_json::{Value, json};

use super::{REGION, World, mark};
use crate::emulators::Which;

/// One test per emulator.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod ministack {
            $(#[tokio::test]
            async fn $name() {
                let Some(world) = super::World::on(super::Which::Ministack) else { return };
                super::$name(&world).await;
            })*
        }

        mod moto {
            $(#[tokio::test]
            async fn $name() {
                let Some(world) = super::World::on(super::Which::Moto) else { return };
                super::$name(&world).await;
            })*
        }
    };
}

on_both! {
    a_rule_lives_its_life
    a_queue_lives_its_life
    what_is_a_strangers_stays
    events_are_put_and_refused_one_by_one
    messages_stay_until_they_are_deleted
    what_is_translated_is_taken
}

const NIGHTLY: &str = "cron(0 3 * * ? *)";

async fn a_rule_lives_its_life(world: &World) {
    let (aws, name) = (&world.aws, world.name("clock"));
    assert_eq!(aws.schedule_rule(&name).await, Ok(None));
    assert_eq!(aws.delete_schedule_rule(&name, &mark("first")).await, Ok(()));
    for _ in 0..2 {
        let arn = aws.put_schedule_rule(&name, NIGHTLY, true, &mark("first")).await.unwrap();
        assert!(arn.ends_with(&format!(":rule/{name}")), "{arn}");
        let found = aws.schedule_rule(&name).await.unwrap().unwrap();
        assert_eq!((found.arn, found.expression.as_deref(), found.enabled), (arn, Some(NIGHTLY), true));
        assert_eq!(found.tags, mark("first"));
    }
    aws.put_schedule_rule(&name, "cron(0 4 * * ? *)", false, &mark("first")).await.unwrap();
    let found = aws.schedule_rule(&name).await.unwrap().unwrap();
    assert_eq!((found.expression.as_deref(), found.enabled), (Some("cron(0 4 * * ? *)"), false));
    assert_eq!(found.tags, mark("first"), "a change keeps the tags");

    let queue = aws.put_queue(&name, &found.arn, &mark("first")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(aws.put_queue_target(&name, &queue.arn).await, Ok(()));
    }
    for _ in 0..2 {
        assert_eq!(aws.delete_schedule_rule(&name, &mark("first")).await, Ok(()), "with its target");
    }
    assert_eq!(aws.schedule_rule(&name).await, Ok(None));
    let nowhere = aws.put_queue_target(&name, &queue.arn).await.unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::NotFound, "{nowhere}");
}

async fn a_queue_lives_its_life(world: &World) {
    let (aws, name) = (&world.aws, world.name("asks"));
    assert_eq!(aws.queue(&name).await, Ok(None));
    assert_eq!(aws.delete_queue(&name, &mark("first")).await, Ok(()));
    let rule = |name: &str| format!("arn:aws:events:eu-central-1:123456789012:rule/{name}");
    for which in ["one", "one", "other"] {
        let put = aws.put_queue(&name, &rule(which), &mark("first")).await.unwrap();
        let found = aws.queue(&name).await.unwrap().unwrap();
        assert!(policy::same(&put.policy, &found.policy), "{put:?} {found:?}");
        assert_eq!((&put.url, &put.arn, &put.tags), (&found.url, &found.arn, &found.tags));
        assert_eq!(found.tags, mark("first"));
        assert!(policy::wildcards(&found.policy).is_empty(), "{}", found.policy);
        let condition = &found.policy["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"];
        assert_eq!(condition, &Value::from(rule(which)), "only this rule may send");
    }
    for _ in 0..2 {
        assert_eq!(aws.delete_queue(&name, &mark("first")).await, Ok(()));
    }
    assert_eq!(aws.queue(&name).await, Ok(None));
    let url = "http://localhost:1/123456789012/twinctl-no-such-queue";
    let nowhere = aws.receive(url, Duration::ZERO).await.unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::NotFound, "{nowhere}");
}

async fn what_is_a_strangers_stays(world: &World) {
    let (aws, name) = (&world.aws, world.name("theirs"));
    let arn = aws.put_schedule_rule(&name, NIGHTLY, true, &mark("stranger")).await.unwrap();
    let queue = aws.put_queue(&name, &arn, &mark("stranger")).await.unwrap();
    let refused = |result: Result<(), aws::Error>| {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some("not-ours")), "{error}");
    };
    for tags in [mark("first"), Tags::new()] {
        refused(aws.put_schedule_rule(&name, "rate(1 day)", false, &tags).await.map(drop));
        refused(aws.delete_schedule_rule(&name, &tags).await);
        refused(aws.put_queue(&name, "arn:aws:events:eu-central-1:1:rule/ours", &tags).await.map(drop));
        refused(aws.delete_queue(&name, &tags).await);
    }
    let rule = aws.schedule_rule(&name).await.unwrap().unwrap();
    assert_eq!((rule.expression.as_deref(), rule.enabled), (Some(NIGHTLY), true));
    assert!(policy::same(&aws.queue(&name).await.unwrap().unwrap().policy, &queue.policy));
}

fn entry(source: &str) -> Entry {
    Entry {
        source: source.into(),
        detail_type: "twinctl.run.started".into(),
        detail: r#"{"id":"j/factory/0"}"#.into(),
        time: Some(SystemTime::now()),
    }
}

async fn events_are_put_and_refused_one_by_one(world: &World) {
    let aws = &world.aws;
    assert_eq!(aws.put_events("default", &[]).await, Ok(vec![]));
    assert_eq!(aws.put_events("default", &vec![entry("twinctl"); 10]).await, Ok(vec![]));
    let eleven = aws.put_events("default", &vec![entry("twinctl"); 11]).await.unwrap_err();
    assert_eq!(eleven.kind(), ErrorKind::Permanent);
    if world.emulator.which == Which::Ministack {
        // Nobody but AWS has sources that begin so; moto takes them.
        let refused = aws.put_events("default", &[entry("twinctl"), entry("aws.s3"), entry("twinctl")]).await.unwrap();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!((refused[0].index, refused[0].error.kind()), (1, ErrorKind::Permanent));
        assert_eq!(refused[0].error.code(), Some("NotAuthorizedForSourceException"));
    }
}

/// A message comes by the rule's own way in the system tests; here the account sends it.
async fn messages_stay_until_they_are_deleted(world: &World) {
    let (aws, name) = (&world.aws, world.name("messages"));
    let queue = aws.put_queue(&name, "arn:aws:events:eu-central-1:1:rule/r", &mark("first")).await.unwrap();
    assert_eq!(aws.receive(&queue.url, Duration::ZERO).await, Ok(vec![]));
    send(world, &queue.url, "one").await;
    let received = aws.receive(&queue.url, Duration::from_secs(60)).await.unwrap();
    assert_eq!(received.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["one"]);
    assert_eq!(aws.receive(&queue.url, Duration::ZERO).await, Ok(vec![]), "it is hidden from the next look");
    for _ in 0..2 {
        assert_eq!(aws.delete_message(&queue.url, &received[0].receipt).await, Ok(()));
    }
}

/// Both read the expressions that are made of cron's.
async fn what_is_translated_is_taken(world: &World) {
    for (index, cron) in ["*/15 8-18 * * 1-5", "5 4 1,15 */3 *", "0 3 * * 0,6", "* * * * *"].iter().enumerate() {
        let name = world.name(&format!("cron-{index}"));
        let expression = schedule_expression(cron, "UTC").unwrap();
        let put = world.aws.put_schedule_rule(&name, &expression, false, &mark("first")).await;
        assert!(put.is_ok(), "{cron}: {put:?}");
        world.aws.delete_schedule_rule(&name, &mark("first")).await.unwrap();
    }
}

/// Sends to a queue as the account: neither emulator checks signatures, both read the key's id.
async fn send(world: &World, queue_url: &str, body: &str) {
    let Credentials::Static { access_key, .. } = &world.options.credentials else { panic!("keys are given") };
    let scope = format!("{access_key}/20260101/{REGION}/sqs/aws4_request");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::Client::new()
        .post(world.emulator.url.clone())
        .header("x-amz-target", "AmazonSQS.SendMessage")
        .header("content-type", "application/x-amz-json-1.0")
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .body(json!({ "QueueUrl": queue_url, "MessageBody": body }).to_string())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}
