//! What the emulators cannot do, and what is therefore not asked of them. A test below shows that each
//! gap is still there, so that none outlives its reason.
//!
//! | emulator | call | what is wrong | what is left out |
//! |---|---|---|---|
//! | both | all of IoT TwinMaker | not implemented | its kinds: they hold on another service (`TWINCTL_TWIN_MAKER`), and `twin_maker.rs` has answers by hand |
//! | ministack 1.5.33 | IAM, empty parameters | dropped | emptying a role's description |
//! | moto 5.2.1 | IoT ListTagsForResource, TagResource | not implemented | tags of policies and topic rules; they read as none |
//! | moto 5.2.1 | IoT CreateThing | replaces a thing with other attributes | the refusal of a stranger's thing |
//! | moto 5.2.1 | Lambda AddPermission | takes a statement's id twice, and keeps both | making a permission again |
//! | moto 5.2.1 | S3 CreateBucket | ignores the tags | nothing: they come with the first update |
//! | moto 5.2.1 | S3 GetBucketVersioning | answers under a wrong root element | nothing: the element is renamed on its way |

use aws::{
    Kind,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
};
use aws_smithy_runtime_api::client::{
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

use crate::emulators::Which;

/// How many updates a kind needs after it was created.
pub(crate) fn updates_after_create(which: Which, kind: Kind) -> usize {
    match (which, kind) {
        // No gap: expiry and backups are set once the table is ready.
        (_, Kind::Table) => 1,
        (Which::Moto, Kind::Bucket) => 1,
        _ => 0,
    }
}

/// Whether tags can be read back.
pub(crate) fn keeps_tags(which: Which, kind: Kind) -> bool {
    !matches!((which, kind), (Which::Moto, Kind::IotPolicy | Kind::TopicRule))
}

/// Whether what was made can be made again.
pub(crate) fn takes_repetition(which: Which, kind: Kind) -> bool {
    (which, kind) != (Which::Moto, Kind::Permission) && keeps_tags(which, kind)
}

/// Whether creating what is somebody else's is refused.
pub(crate) fn refuses_strangers(which: Which, kind: Kind) -> bool {
    (which, kind) != (Which::Moto, Kind::Thing)
}

/// The client that makes good what would keep a kind from being tested at all.
pub(crate) fn mended(which: Which) -> Option<SharedHttpClient> {
    (which == Which::Moto).then(|| SharedHttpClient::new(Mended(aws::http_client())))
}

#[derive(Debug)]
struct Mended(SharedHttpClient);

#[derive(Debug)]
struct Connector(SharedHttpConnector);

impl HttpClient for Mended {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = request.uri().to_owned();
        if request.method() == "GET" && uri.contains("/tags?resourceArn=arn%3Aaws%3Aiot") {
            let none = HttpResponse::new(200.try_into().expect("a status"), SdkBody::from(r#"{"tags":[]}"#));
            return HttpConnectorFuture::ready(Ok(none));
        }
        let answer = self.0.call(request);
        if uri.ends_with("?versioning") { HttpConnectorFuture::new(renamed(answer)) } else { answer }
    }
}

async fn renamed(answer: HttpConnectorFuture) -> Result<HttpResponse, ConnectorError> {
    let mut answer = answer.await?;
    let body = ByteStream::new(std::mem::replace(answer.body_mut(), SdkBody::taken()));
    let body = body.collect().await.map_err(|error| ConnectorError::io(error.into()))?;
    let body =
        String::from_utf8_lossy(&body.into_bytes()).replace("GetBucketVersioningResponse", "VersioningConfiguration");
    answer.headers_mut().remove("content-length");
    *answer.body_mut() = SdkBody::from(body);
    Ok(answer)
}

mod still_there {
    use aws::{Aws, Options, Tags};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::contract::{World, cases, mark};

    /// The world as it is, with nothing mended.
    fn bare(world: &World) -> Aws {
        Aws::new(Options { http_client: None, ..world.options.clone() })
    }

    #[tokio::test]
    async fn neither_emulator_has_twin_maker() {
        for which in [Which::Ministack, Which::Moto] {
            let Some(world) = World::on(which) else { continue };
            let wanted = json!({ "Role": "arn:aws:iam::123456789012:role/r", "S3Location": "arn:aws:s3:::b" });
            let made = world.aws.create(Kind::Workspace, "w", &wanted, &Tags::new(), Uuid::new_v4()).await;
            assert!(made.is_err(), "{which:?} has TwinMaker: run its kinds on it");
        }
    }

    #[tokio::test]
    async fn ministack_loses_empty_parameters() {
        let Some(world) = World::on(Which::Ministack) else { return };
        let case = cases::role(&world).await;
        let found = world.create(&case).await;
        let mut wanted = case.wanted.clone();
        wanted["Description"] = json!("");
        assert_eq!(world.aws.update(case.kind, &case.id, &wanted, &mark("first"), &found).await, Ok(()));
        let found = world.aws.get(case.kind, &case.id).await.unwrap().unwrap();
        assert_eq!(found.properties["Description"], case.wanted["Description"]);
    }

    #[tokio::test]
    async fn moto_has_no_tags_of_policies_and_rules() {
        let Some(world) = World::on(Which::Moto) else { return };
        for case in [cases::iot_policy(&world).await, cases::topic_rule(&world).await] {
            world.create(&case).await;
            let looked = bare(&world).get(case.kind, &case.id).await;
            assert_eq!(looked.unwrap_err().status(), Some(500), "{}", case.kind);
        }
    }

    #[tokio::test]
    async fn moto_replaces_things_and_keeps_statements_twice() {
        let Some(world) = World::on(Which::Moto) else { return };
        for case in [cases::thing(&world).await, cases::permission(&world).await] {
            world.create(&case).await;
            let again = world.aws.create(case.kind, &case.id, &case.changed, &mark("other"), Uuid::new_v4()).await;
            assert_eq!(again, Ok(()), "{}", case.kind);
        }
    }

    #[tokio::test]
    async fn moto_ignores_a_bucket_s_tags_and_misnames_its_versioning() {
        let Some(world) = World::on(Which::Moto) else { return };
        let name = world.name("tagged");
        world.aws.create(Kind::Bucket, &name, &json!({}), &mark("first"), Uuid::new_v4()).await.unwrap();
        let found = world.aws.get(Kind::Bucket, &name).await.unwrap().unwrap();
        assert_eq!(found.tags, Tags::new());
        let looked = bare(&world).get(Kind::Bucket, &name).await.unwrap_err();
        assert_eq!(looked.status(), Some(200), "{looked}");
    }
}
