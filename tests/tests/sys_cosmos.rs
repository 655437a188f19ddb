//! Cosmos DB: our own client and Microsoft's find in the local cloud what they find in the real one.

use azure::{
    Azure, Kind, Options,
    cosmos::{Container, PartitionKey},
    credentials::{ClientSecret, Secret, client_secret},
    transport,
};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{by_hand::ByHand, python::Python, twinctl::Sandbox};
use url::Url;

const GROUP: &str = "/subscriptions/10ca1000-5ab5-5c21-9a70-10ca10000001/resourceGroups/by-hand";
const ACCOUNTS: &str = "2024-08-15";

fn account_id(name: &str) -> String {
    format!("{GROUP}/providers/Microsoft.DocumentDB/databaseAccounts/{name}")
}

/// Puts a resource and looks at it until it is there.
fn put(cloud: &ByHand, id: &str, version: &str, body: Value) -> Value {
    let (status, answer) = cloud.arm(Method::PUT, id, version, Some(body));
    assert!(status < 300, "{id}: {answer}");
    // Each look at an operation brings it on.
    let mut looks = (0..100).map(|_| cloud.arm(Method::GET, id, version, None).1);
    let done =
        |shown: &Value| shown["properties"]["provisioningState"].as_str().is_none_or(|state| state == "Succeeded");
    looks.find(done).expect("a few looks end an operation")
}

/// An account; returns its endpoint.
fn account(cloud: &ByHand, name: &str, takes_keys: bool) -> Url {
    let body = json!({ "location": "westeurope", "properties": {
        "databaseAccountOfferType": "Standard",
        "locations": [{ "locationName": "westeurope", "failoverPriority": 0 }],
        "disableLocalAuth": !takes_keys,
    } });
    let shown = put(cloud, &account_id(name), ACCOUNTS, body);
    let endpoint = shown["properties"]["documentEndpoint"].as_str().expect("an account has an endpoint");
    endpoint.parse().expect("an endpoint is a URL")
}

/// A group with an account as a deployment makes it, and a container in that; returns the account's endpoint.
fn deployed(cloud: &ByHand) -> Url {
    put(cloud, GROUP, "2024-07-01", json!({ "location": "westeurope" }));
    let endpoint = account(cloud, "closed", false);
    let database = format!("{}/sqlDatabases/factory", account_id("closed"));
    put(cloud, &database, ACCOUNTS, json!({ "properties": { "resource": { "id": "factory" } } }));
    let hot = json!({ "id": "hot", "partitionKey": { "paths": ["/iotDeviceId"], "kind": "Hash" }, "defaultTtl": 3600 });
    let body = json!({ "properties": { "resource": hot } });
    put(cloud, &format!("{database}/containers/hot"), ACCOUNTS, body);
    endpoint
}

fn client(cloud: &ByHand, endpoint: &Url, container: &str) -> Container {
    let at = cloud.endpoints();
    let ca = std::fs::read(&at.ca_pem).expect("the cloud wrote its certificate");
    let transport = transport::client(&[ca]).expect("the certificate is one");
    let who = ClientSecret {
        tenant: at.tenant.clone(),
        client_id: "a-function".to_owned(),
        secret: Secret::new("any".to_owned()),
    };
    let credential = client_secret(&who, Some(&at.login), &transport).expect("a secret is one");
    let azure = Azure::new(Options::new(at.arm.clone(), credential, transport));
    azure.cosmos(endpoint, "factory", container).expect("an endpoint")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(future)
}

#[test]
fn our_client_writes_reads_and_queries() {
    let sandbox = Sandbox::empty();
    let cloud = ByHand::at(&sandbox);
    let endpoint = deployed(&cloud);
    let hot = client(&cloud, &endpoint, "hot");
    let nowhere = client(&cloud, &endpoint, "none");
    block_on(async {
        let partition = PartitionKey::from("Zürich 1");
        let item = |id: &str, t: i64| json!({ "id": id, "iotDeviceId": "Zürich 1", "t": t });
        assert!(hot.upsert(&item("a b", 1), &partition).await.expect("written").created);
        let again = hot.upsert(&item("a b", 2), &partition).await.expect("written");
        assert!(!again.created);
        let read = hot.read("a b", &partition).await.expect("read").expect("there");
        assert_eq!((&read["t"], read["_etag"].as_str()), (&json!(2), again.etag.as_deref()));
        assert_eq!(hot.read("other", &partition).await.expect("read"), None);
        assert_eq!(hot.create(&item("a b", 3), &partition).await.expect_err("there").kind(), Kind::Conflict);
        let misplaced = hot.upsert(&item("c", 1), &"elsewhere".into()).await.expect_err("not there");
        assert_eq!((misplaced.kind(), misplaced.status()), (Kind::Permanent, Some(400)));
        assert_eq!(nowhere.read("a b", &partition).await.expect_err("no container").kind(), Kind::NotFound);
        for n in 0..5 {
            hot.upsert(&item(&n.to_string(), 10 + n), &partition).await.expect("written");
        }
        let sql = "SELECT VALUE c.t FROM c WHERE c.t > @t ORDER BY c.t DESC";
        let pages = hot.query(sql, &[("@t", json!(10))], Some(&partition)).per_page(3);
        assert_eq!(pages.collect().await.expect("all pages"), [14, 13, 12, 11]);
        let everywhere = hot.query("SELECT * FROM c WHERE c.t < 12", &[], None).per_page(2);
        assert_eq!(everywhere.collect().await.expect("all pages").len(), 3);
    });
}

#[test]
fn microsofts_client_makes_writes_queries_and_deletes() {
    let Some(python) = Python::with_clients() else { return };
    let sandbox = Sandbox::empty();
    let cloud = ByHand::at(&sandbox);
    let closed = deployed(&cloud);
    let keyed = account(&cloud, "keyed", true);
    let (status, keys) =
        cloud.arm(Method::POST, &format!("{}/listKeys", account_id("keyed")), ACCOUNTS, Some(json!({})));
    assert_eq!(status, 200, "{keys}");
    let at = cloud.endpoints();
    let given = json!({
        "ca": at.ca_pem, "login": at.login, "tenant": at.tenant,
        "keyed": keyed, "key": keys["primaryMasterKey"],
        "closed": closed, "database": "factory", "container": "hot",
    });
    let theirs = python.run("cosmos.py", &given).code(0).json();
    let ours = block_on(client(&cloud, &closed, "hot").read("left", &"Zürich 1".into())).expect("read");
    assert_eq!(ours, Some(theirs), "what one client wrote the other reads");
}
