//! Objects, settings, certificates and devices against emulators by others, and what a kind's life does not show.

use std::{collections::BTreeMap, sync::Arc};

use aws::{Aws, ErrorKind, Kind, Secret, Tags, certificate_id, policy};
use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::{Case, World, cases, mark};
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
    a_bucket_that_is_not_empty_stays
    a_bucket_of_the_oldest_region
    a_policy_outlives_its_versions
    an_identity
    certificates
    clones_work_side_by_side
    objects
    settings
    what_is_attached_is_detached
}

async fn bucket(world: &World) -> String {
    let case = Case { kind: Kind::Bucket, id: world.name("objects"), wanted: json!({}), changed: json!({}) };
    world.create(&case).await;
    case.id
}

async fn objects(world: &World) {
    let (aws, bucket) = (&world.aws, bucket(world).await);
    assert_eq!(aws.object(&bucket, "a/b").await, Ok(None));
    assert_eq!(aws.object("twinctl-no-such-bucket", "a/b").await, Ok(None));
    let metadata = BTreeMap::from([("sha256".to_owned(), "ba78".to_owned())]);
    assert_eq!(aws.put_object(&bucket, "a/b", Bytes::from("abc"), &metadata).await, Ok(()));
    let head = aws.object(&bucket, "a/b").await.unwrap().unwrap();
    assert_eq!((head.size, &head.metadata), (3, &metadata));
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(head.sha256.as_deref(), Some(digest));
    assert_eq!(aws.put_object(&bucket, "a/b", Bytes::from("abcd"), &BTreeMap::new()).await, Ok(()));
    assert_eq!(aws.object(&bucket, "a/b").await.unwrap().map(|head| head.size), Some(4));
    aws.put_object(&bucket, "z", Bytes::new(), &BTreeMap::new()).await.unwrap();
    assert_eq!(aws.objects(&bucket, "a/").await, Ok(vec!["a/b".to_owned()]));
    assert_eq!(aws.objects(&bucket, "").await.map(|keys| keys.len()), Ok(2));
    assert_eq!(aws.objects("twinctl-no-such-bucket", "").await, Ok(vec![]));
    let nowhere = aws.put_object("twinctl-no-such-bucket", "k", Bytes::new(), &BTreeMap::new()).await;
    assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::NotFound);
    for _ in 0..2 {
        assert_eq!(aws.delete_object(&bucket, "a/b").await, Ok(()));
    }
    assert_eq!(aws.object(&bucket, "a/b").await, Ok(None));
}

async fn a_bucket_that_is_not_empty_stays(world: &World) {
    let (aws, bucket) = (&world.aws, bucket(world).await);
    aws.put_object(&bucket, "left/over", Bytes::from("x"), &BTreeMap::new()).await.unwrap();
    let error = aws.delete(Kind::Bucket, &bucket).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some("bucket-not-empty")));
    assert!(error.to_string().contains("left/over"), "{error}");
    aws.delete_object(&bucket, "left/over").await.unwrap();
    assert_eq!(aws.delete(Kind::Bucket, &bucket).await, Ok(()));
}

/// There, S3 answers the creation of what is there already with success.
async fn a_bucket_of_the_oldest_region(world: &World) {
    let world = World::in_region(world.emulator.which, "us-east-1").expect("it runs");
    let bucket = bucket(&world).await;
    let theirs = world.aws.create(Kind::Bucket, &bucket, &json!({}), &mark("stranger"), Uuid::new_v4()).await;
    assert_eq!(theirs.unwrap_err().kind(), ErrorKind::Conflict);
    let ours = world.aws.create(Kind::Bucket, &bucket, &json!({}), &mark("first"), Uuid::new_v4()).await;
    assert_eq!(ours, Ok(()));
}

async fn settings(world: &World) {
    let function = cases::function(world).await;
    let (aws, id) = (&world.aws, &function.id);
    assert_eq!(aws.environment(id).await, Ok(None));
    let nowhere = aws.merge_environment(id, &[("A".to_owned(), Secret::from("1"))].into(), &[]).await;
    assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::NotFound);
    world.create(&function).await;
    assert_eq!(aws.environment(id).await, Ok(Some(BTreeMap::new())));
    let theirs = settings_of(&[("THEIRS", "1"), ("OLD", "2")]);
    assert_eq!(aws.merge_environment(id, &theirs, &[]).await, Ok(()));
    let ours = settings_of(&[("TWINCTL_TOKEN", "s3cret, with \"quotes\" and =")]);
    assert_eq!(aws.merge_environment(id, &ours, &["OLD".into()]).await, Ok(()));
    let mut all = settings_of(&[("THEIRS", "1")]);
    all.extend(ours.clone());
    assert_eq!(aws.environment(id).await, Ok(Some(all)));
    let revision = revision(aws, id).await;
    assert_eq!(aws.merge_environment(id, &ours, &["OLD".into()]).await, Ok(()));
    assert_eq!(self::revision(aws, id).await, revision, "what changes nothing is not written");
    let found = aws.get(Kind::Function, id).await.unwrap().unwrap();
    assert!(!format!("{found:?}").contains("s3cret"), "settings are no part of what is found");
}

fn settings_of(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::from(*value))).collect()
}

async fn revision(aws: &Aws, function: &str) -> Option<String> {
    let found = aws.get(Kind::Function, function).await.unwrap().unwrap();
    found.attribute("RevisionId").map(str::to_owned)
}

async fn an_identity(world: &World) {
    let identity = world.aws.identity().await.unwrap();
    assert_eq!(identity.account.len(), 12, "{identity:?}");
    assert!(identity.arn.starts_with("arn:aws:"), "{identity:?}");
}

/// A device's certificate, as it is made on this machine.
fn new_certificate(name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap()
}

async fn certificates(world: &World) {
    let aws = &world.aws;
    let pem = new_certificate("press").cert.pem();
    let id = certificate_id(&pem).unwrap();
    assert_eq!(aws.certificate(&id).await, Ok(None));
    for _ in 0..2 {
        assert_eq!(aws.register_certificate(&pem).await, Ok(id.clone()), "the id is known beforehand");
    }
    let found = aws.certificate(&id).await.unwrap().unwrap();
    assert!(found.active, "{found:?}");
    assert!(found.arn.ends_with(&format!(":cert/{id}")), "{found:?}");
    for _ in 0..2 {
        assert_eq!(aws.deactivate_and_delete_certificate(&id).await, Ok(()));
    }
    assert_eq!(aws.certificate(&id).await, Ok(None));
}

async fn what_is_attached_is_detached(world: &World) {
    let aws = &world.aws;
    let (thing, iot_policy) = (cases::thing(world).await, cases::iot_policy(world).await);
    let id = aws.register_certificate(&new_certificate("press").cert.pem()).await.unwrap();
    let arn = aws.certificate(&id).await.unwrap().unwrap().arn;
    let nowhere = aws.attach(&thing.id, &arn, &iot_policy.id).await;
    assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::NotFound);
    world.create(&thing).await;
    world.create(&iot_policy).await;
    for _ in 0..2 {
        assert_eq!(aws.attach(&thing.id, &arn, &iot_policy.id).await, Ok(()));
        assert_eq!(aws.principals_of_thing(&thing.id).await, Ok(vec![arn.clone()]));
        assert_eq!(aws.policies_of_certificate(&arn).await, Ok(vec![iot_policy.id.clone()]));
    }
    for _ in 0..2 {
        assert_eq!(aws.detach(&thing.id, &arn, &iot_policy.id).await, Ok(()));
        assert_eq!(aws.principals_of_thing(&thing.id).await, Ok(vec![]));
        assert_eq!(aws.policies_of_certificate(&arn).await, Ok(vec![]));
    }
    aws.attach(&thing.id, &arn, &iot_policy.id).await.unwrap();
    assert_eq!(aws.deactivate_and_delete_certificate(&id).await, Ok(()), "it is detached on its way");
    assert_eq!(aws.delete(Kind::IotPolicy, &iot_policy.id).await, Ok(()));
    assert_eq!(aws.delete(Kind::Thing, &thing.id).await, Ok(()));
}

/// IoT keeps five versions of a policy.
async fn a_policy_outlives_its_versions(world: &World) {
    let case = cases::iot_policy(world).await;
    let tags = if world.has_tags(case.kind) { mark("first") } else { Tags::new() };
    world.create(&case).await;
    for version in 0..7 {
        let resource = format!("arn:aws:iot:eu-central-1:123456789012:client/press-{version}");
        let wanted = json!({ "PolicyDocument": policy::document([policy::allow("Connect", ["iot:Connect".to_owned()], [resource])]) });
        let found = world.aws.get(case.kind, &case.id).await.unwrap().unwrap();
        assert_eq!(world.aws.update(case.kind, &case.id, &wanted, &tags, &found).await, Ok(()), "{version}");
        let found = world.aws.get(case.kind, &case.id).await.unwrap().unwrap();
        assert_eq!(case.kind.differences(&wanted, &found.properties), Ok(vec![]));
    }
    assert_eq!(world.aws.delete(case.kind, &case.id).await, Ok(()));
    assert_eq!(world.aws.get(case.kind, &case.id).await, Ok(None));
}

/// Clones share a handle; looking from several tasks at once disturbs nobody.
async fn clones_work_side_by_side(world: &World) {
    let case = Arc::new(cases::log_group(world).await);
    world.create(&case).await;
    let looks = (0..16).map(|_| {
        let (aws, case) = (world.aws.clone(), Arc::clone(&case));
        tokio::spawn(async move { aws.get(case.kind, &case.id).await })
    });
    for look in looks.collect::<Vec<_>>() {
        assert!(look.await.unwrap().unwrap().is_some());
    }
}

/// The one emulator with a data plane takes a device's message.
#[tokio::test]
async fn a_device_sends() {
    let Some(world) = World::on(Which::Ministack) else { return };
    let endpoint = world.aws.iot_endpoint().await.unwrap();
    assert!(endpoint.contains(".iot.eu-central-1."), "{endpoint}");
    let pair = new_certificate("press");
    let device = world.aws.device(&endpoint, &pair.cert.pem(), &pair.signing_key.serialize_pem().into()).unwrap();
    assert_eq!(device.send("dt/factory/press", Bytes::from(r#"{"temperature":21.5}"#)).await, Ok(()));
    let refused = device.send("dt/+/press", Bytes::new()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.status()), (ErrorKind::Permanent, Some(400)), "{refused}");
}
