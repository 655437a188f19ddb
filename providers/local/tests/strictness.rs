//! What the data plane of digital twins enforces on request: roles, and rates.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloud::{Cloud, DATA_OWNER, GROUP, Reply, resource};
use local::server::Options;
use local::strictness::Strictness;
use reqwest::Method;
use serde_json::{Value, json};

const DATA_READER: &str = "d57506d4-4c8d-48b1-8587-93c323f6a5a3";
const TWINS: &str = "https%3A%2F%2Fdigitaltwins.azure.net%2F.default";
const MODEL: &str = "dtmi:factory:Room;1";

fn instance() -> String {
    resource("Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt")
}

/// A cloud that enforces what is asked for, with an instance.
async fn strict(rates: bool, rbac: bool) -> Cloud {
    let options = Options { rates: Some(rates), rbac: Some(rbac), ..Options::default() };
    let cloud = Cloud::serve(tempfile::tempdir().unwrap(), options).await;
    cloud.group().await;
    cloud.create(&instance(), "2023-01-31", json!({ "location": "westeurope" })).await;
    cloud
}

/// A request to the instance with a token.
async fn ask(cloud: &Cloud, token: &str, method: Method, path: &str, body: &Value) -> Reply {
    let port = cloud.at().adt.port().unwrap();
    let url = format!("https://factory-adt.adt.localhost:{port}/{path}?api-version=2023-10-31");
    let request = cloud.client.request(method, url).bearer_auth(token).json(body);
    Reply::of(request.send().await.unwrap()).await
}

async fn status(cloud: &Cloud, token: &str) -> u16 {
    ask(cloud, token, Method::GET, "models", &Value::Null).await.status
}

/// Assigns a role to whoever a token was issued to.
async fn assign(cloud: &Cloud, scope: &str, role: &str, token: &str) {
    let id = uuid::Uuid::new_v4();
    let role = format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    let properties = json!({ "roleDefinitionId": role, "principalId": claims(token)["oid"] });
    let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{id}");
    let put = cloud.put(&id, "2022-04-01", json!({ "properties": properties })).await;
    assert_eq!(put.status, 201, "{put:?}");
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// The same token with other claims, under the signature that it had.
fn forged(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (mut claims, parts) = (claims(token), token.split('.').collect::<Vec<_>>());
    change(&mut claims);
    format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
}

#[tokio::test]
async fn roles_decide_who_may_do_what() {
    let cloud = strict(false, true).await;
    let (owner, reader) = (cloud.login_for("owner", TWINS).await, cloud.login_for("reader", TWINS).await);
    let refused = ask(&cloud, &owner, Method::GET, "models", &Value::Null).await;
    assert_eq!((refused.status, &refused.body), (403, &Value::Null), "it has no body");
    assign(&cloud, GROUP, DATA_OWNER, &owner).await;
    assign(&cloud, &instance(), DATA_READER, &reader).await;
    let models = json!([{ "@id": MODEL, "@type": "Interface", "@context": "dtmi:dtdl:context;2" }]);
    let twin = json!({ "$metadata": { "$model": MODEL } });
    let query = json!({ "query": "SELECT * FROM digitaltwins" });
    for (method, path, body, good) in [
        (Method::POST, "models", &models, 201),
        (Method::PUT, "digitaltwins/r", &twin, 200),
        (Method::PATCH, "digitaltwins/r", &json!([]), 204),
        (Method::DELETE, "digitaltwins/r", &Value::Null, 204),
    ] {
        assert_eq!(ask(&cloud, &reader, method.clone(), path, body).await.status, 403, "{method} {path}");
        assert_eq!(ask(&cloud, &owner, method, path, body).await.status, good, "{path}");
    }
    for token in [&owner, &reader] {
        assert_eq!(status(&cloud, token).await, 200);
        assert_eq!(ask(&cloud, token, Method::POST, "query", &query).await.status, 200);
    }
    assert_eq!(status(&cloud, &cloud.login_for("somebody", TWINS).await).await, 403);
}

#[tokio::test]
async fn only_tokens_that_were_issued_here_for_this_and_are_valid_count() {
    let cloud = strict(false, true).await;
    let token = cloud.login_for("owner", TWINS).await;
    assign(&cloud, &instance(), DATA_OWNER, &token).await;
    assert_eq!(status(&cloud, &token).await, 200);
    let by_id = cloud.login_for("owner", "0b07f429-9f4b-4714-9392-cc5e8e80c8b0%2F.default").await;
    assert_eq!(status(&cloud, &by_id).await, 200, "the application's id is the same audience");
    let unsigned = token.rsplit_once('.').unwrap().0;
    for (token, why) in [
        (cloud.token.clone(), "for Resource Manager"),
        (forged(&token, |claims| claims["exp"] = json!(u32::MAX)), "forged"),
        (forged(&token, |_| ()).replace('.', " "), "no token"),
        (format!("{unsigned}."), "not signed"),
        ("any".to_owned(), "no token at all"),
    ] {
        let refused = ask(&cloud, &token, Method::GET, "models", &Value::Null).await;
        assert_eq!(
            (refused.status, &refused.body),
            (401, &json!({ "statusCode": 401, "message": "Unauthorized" })),
            "{why}"
        );
    }
    let other = strict(false, true).await;
    let foreign = other.login_for("owner", TWINS).await;
    assert_eq!(claims(&foreign)["oid"], claims(&token)["oid"]);
    assert_eq!(status(&cloud, &foreign).await, 401, "another cloud's");
    let cloud = cloud.reopen().await;
    assert_eq!(cloud.at().strictness, Strictness { rates: false, rbac: true }, "the folder remembers it");
    assert_eq!(status(&cloud, &token).await, 200, "tokens outlive the process");
}

#[tokio::test]
async fn what_is_assigned_for_the_subscription_counts_for_the_stand_alone_instance() {
    let cloud = Cloud::serve(tempfile::tempdir().unwrap(), Options { rbac: Some(true), ..Options::default() }).await;
    let token = cloud.login_for("owner", TWINS).await;
    let models = cloud.at().adt.join("models?api-version=2023-10-31").unwrap();
    let status = async || cloud.client.get(models.clone()).bearer_auth(&token).send().await.unwrap().status().as_u16();
    assert_eq!(status().await, 403);
    assign(&cloud, &GROUP[..GROUP.find("/resourceGroups").unwrap()], DATA_OWNER, &token).await;
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn by_default_any_token_will_do_and_nothing_is_limited() {
    let cloud = strict(false, false).await;
    for _ in 0..120 {
        assert_eq!(status(&cloud, "any").await, 200);
    }
    assert_eq!(ask(&cloud, "any", Method::GET, "jobs/imports", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let cloud = strict(true, false).await;
    let job = async || ask(&cloud, "any", Method::GET, "jobs/imports", &Value::Null).await;
    let mut seen = vec![job().await];
    while seen.last().unwrap().status != 429 {
        assert!(seen.len() < 50, "a request a second goes, fifty in a row do not");
        seen.push(job().await);
    }
    let refused = seen.pop().unwrap();
    let expected = json!({ "statusCode": 429, "message": "Maximum request rate limit reached. Please retry later." });
    assert_eq!((&refused.body["error"], refused.retry_after.as_deref()), (&expected, Some("1")));
    assert_eq!(status(&cloud, "any").await, 200, "models are counted on their own");
}
