//! Cosmos DB: items as its REST interface has them, beside the resources of Resource Manager that hold them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use cloud::{Cloud, resource};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

const VERSION: &str = "2024-08-15";
const ACCOUNT: &str = "Microsoft.DocumentDB/databaseAccounts/factory-cosmos";
const ITEMS: &str = "dbs/factory/colls/hot/docs";

/// Status, sub-status, headers and body of an answer.
#[derive(Debug)]
struct Reply {
    status: u16,
    sub_status: String,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A cloud with an account that takes tokens alone, a database and a container, as a deployment makes them.
async fn deployed(container: Value) -> Cloud {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let account = json!({ "location": "westeurope", "properties": {
        "databaseAccountOfferType": "Standard", "disableLocalAuth": true,
        "locations": [{ "locationName": "westeurope", "failoverPriority": 0 }],
    } });
    cloud.create(&resource(ACCOUNT), VERSION, account).await;
    let database = format!("{ACCOUNT}/sqlDatabases/factory");
    cloud.create(&resource(&database), VERSION, json!({ "properties": { "resource": { "id": "factory" } } })).await;
    create_container(&cloud, container).await;
    cloud
}

async fn create_container(cloud: &Cloud, more: Value) {
    let mut definition = json!({ "id": "hot", "partitionKey": { "paths": ["/iotDeviceId"], "kind": "Hash" } });
    definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = resource(&format!("{ACCOUNT}/sqlDatabases/factory/containers/hot"));
    cloud.create(&id, VERSION, json!({ "properties": { "resource": definition } })).await;
}

fn url(cloud: &Cloud, host: &str, path: &str) -> Url {
    let port = cloud.at().data.port().unwrap();
    format!("https://{host}.documents.localhost:{port}/{path}").parse().unwrap()
}

/// Sends a request with a token of Entra ID, in the partition `m1` unless a header says otherwise.
async fn ask(cloud: &Cloud, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Reply {
    let method: Method = method.parse().unwrap();
    let token = format!("type%3Daad%26ver%3D1.0%26sig%3D{}", cloud.token);
    let request = cloud.client.request(method, url(cloud, "factory-cosmos", path)).header("authorization", token);
    let mut all = reqwest::header::HeaderMap::new();
    for (name, value) in
        [("x-ms-version", "2018-12-31"), ("x-ms-documentdb-partitionkey", "[\"m1\"]")].iter().chain(headers)
    {
        all.insert(reqwest::header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    if all["x-ms-documentdb-partitionkey"].is_empty() {
        all.remove("x-ms-documentdb-partitionkey");
    }
    let request = request.headers(all);
    let request = match body {
        Some(body) => request.body(body.to_string()),
        None => request,
    };
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let sub_status = headers.get("x-ms-substatus").map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null);
    Reply { status, sub_status, headers, body }
}

async fn upsert(cloud: &Cloud, item: Value) -> Reply {
    let partition = json!([item["iotDeviceId"]]).to_string();
    let headers = [("x-ms-documentdb-is-upsert", "True"), ("x-ms-documentdb-partitionkey", partition.as_str())];
    ask(cloud, "POST", ITEMS, &headers, Some(&item)).await
}

async fn query(cloud: &Cloud, sql: &str, headers: &[(&str, &str)]) -> Reply {
    let body = json!({ "query": sql, "parameters": [{ "name": "@t", "value": 2 }] });
    let mut all = vec![("x-ms-documentdb-isquery", "True"), ("content-type", "application/query+json")];
    all.extend(headers);
    ask(cloud, "POST", ITEMS, &all, Some(&body)).await
}

fn item(id: &str, device: &str, t: i64) -> Value {
    json!({ "id": id, "iotDeviceId": device, "t": t })
}

#[tokio::test]
async fn an_item_lives_from_create_to_delete() {
    let cloud = deployed(json!({})).await;
    let created = ask(&cloud, "POST", ITEMS, &[], Some(&item("a", "m1", 1))).await;
    assert_eq!(created.status, 201, "{created:?}");
    for name in ["_rid", "_self", "_etag", "_ts", "_attachments"] {
        assert!(!created.body[name].is_null(), "{name}");
    }
    assert_eq!(created.header("etag"), created.body["_etag"]);
    assert_eq!(created.header("x-ms-session-token"), "0:-1#1");
    assert_eq!(ask(&cloud, "POST", ITEMS, &[], Some(&item("a", "m1", 2))).await.status, 409);
    assert_eq!(upsert(&cloud, item("a", "m1", 3)).await.status, 200);
    let path = format!("{ITEMS}/a");
    let read = ask(&cloud, "GET", &path, &[], None).await;
    assert_eq!((read.status, &read.body["t"]), (200, &json!(3)));
    assert_eq!(read.body["_rid"], created.body["_rid"], "still the same item");
    let same = ask(&cloud, "GET", &path, &[("if-none-match", read.header("etag"))], None).await;
    assert_eq!(same.status, 304);
    let stale = [("if-match", created.header("etag"))];
    assert_eq!(ask(&cloud, "PUT", &path, &stale, Some(&item("a", "m1", 4))).await.status, 412);
    let current = [("if-match", read.header("etag"))];
    assert_eq!(ask(&cloud, "PUT", &path, &current, Some(&item("a", "m1", 4))).await.body["t"], 4);
    let patch =
        json!({ "operations": [{ "op": "incr", "path": "/t", "value": 2 }], "condition": "from c where c.t = 4" });
    assert_eq!(ask(&cloud, "PATCH", &path, &[], Some(&patch)).await.body["t"], 6);
    assert_eq!(ask(&cloud, "PATCH", &path, &[], Some(&patch)).await.status, 412);
    assert_eq!(ask(&cloud, "DELETE", &path, &[], None).await.status, 204);
    let gone = ask(&cloud, "GET", &path, &[], None).await;
    assert_eq!((gone.status, gone.sub_status.as_str()), (404, "0"));
    assert_eq!(gone.body["code"], "NotFound");
    let operations = ["CreateItem", "UpsertItem", "ReplaceItem", "PatchItem", "DeleteItem"];
    let effects = cloud.effects().await;
    let expected = operations.map(|operation| format!("{operation} factory-cosmos/{ITEMS}/a"));
    assert_eq!(effects[effects.len() - 5..], expected);
}

#[tokio::test]
async fn what_is_no_item_of_the_container_is_refused() {
    let cloud = deployed(json!({})).await;
    let other = [("x-ms-documentdb-partitionkey", "[\"m2\"]")];
    let mismatch = ask(&cloud, "POST", ITEMS, &other, Some(&item("a", "m1", 1))).await;
    assert_eq!((mismatch.status, mismatch.sub_status.as_str()), (400, "1001"));
    let none = [("x-ms-documentdb-partitionkey", "")];
    assert_eq!(ask(&cloud, "POST", ITEMS, &none, Some(&item("a", "m1", 1))).await.status, 400);
    for wrong in [json!({ "iotDeviceId": "m1" }), json!({ "id": "a/b", "iotDeviceId": "m1" }), json!([1])] {
        assert_eq!(ask(&cloud, "POST", ITEMS, &[], Some(&wrong)).await.status, 400, "{wrong}");
    }
    let large = json!({ "id": "a", "iotDeviceId": "m1", "x": "x".repeat(2 * 1024 * 1024) });
    assert_eq!(ask(&cloud, "POST", ITEMS, &[], Some(&large)).await.status, 413);
    let nowhere = ask(&cloud, "GET", "dbs/factory/colls/none/docs/a", &[], None).await;
    assert_eq!((nowhere.status, nowhere.sub_status.as_str()), (404, "1003"));
    let batch = ask(&cloud, "POST", ITEMS, &[("x-ms-cosmos-is-batch-request", "True")], Some(&json!([]))).await;
    assert_eq!(batch.status, 501);
    assert!(batch.body["message"].as_str().unwrap().contains("batches"));
    let list = ask(&cloud, "GET", ITEMS, &[], None).await;
    assert_eq!(list.body["_count"], 0, "nothing was left behind");
}

#[tokio::test]
async fn items_are_listed_and_queried_page_by_page() {
    let cloud = deployed(json!({})).await;
    for n in 0..6 {
        upsert(&cloud, item(&n.to_string(), ["m1", "m2"][n % 2], n as i64)).await;
    }
    let sql = "SELECT VALUE c.id FROM c WHERE c.t >= @t";
    let first = query(&cloud, sql, &[("x-ms-max-item-count", "1")]).await;
    assert_eq!(first.body["Documents"], json!(["2"]));
    let next = [("x-ms-max-item-count", "1"), ("x-ms-continuation", first.header("x-ms-continuation"))];
    let second = query(&cloud, sql, &next).await;
    assert_eq!((&second.body["Documents"], second.header("x-ms-continuation")), (&json!(["4"]), ""));
    let none = ("x-ms-documentdb-partitionkey", "");
    assert_eq!(query(&cloud, sql, &[none]).await.status, 400, "not allowed to cross partitions");
    let crossing = [none, ("x-ms-documentdb-query-enablecrosspartition", "True")];
    assert_eq!(query(&cloud, sql, &crossing).await.body["_count"], 4);
    let pinned = query(&cloud, "SELECT * FROM c WHERE c.iotDeviceId = 'm2' ORDER BY c.t DESC", &[none]).await;
    assert_eq!((pinned.status, &pinned.body["Documents"][0]["id"]), (200, &json!("5")));
    let sorted = "SELECT VALUE c.t FROM c ORDER BY c.t DESC";
    let merged = query(&cloud, sorted, &crossing).await;
    assert_eq!((merged.status, merged.sub_status.as_str()), (400, "1004"), "clients merge partitions themselves");
    let mut plan = crossing.to_vec();
    plan.push(("x-ms-cosmos-is-query-plan-request", "True"));
    assert_eq!(query(&cloud, sorted, &plan).await.body["queryInfo"]["orderBy"], json!(["Descending"]));
    let mut range = crossing.to_vec();
    range.extend([("x-ms-documentdb-partitionkeyrangeid", "0"), ("x-ms-max-item-count", "4")]);
    let page = query(&cloud, sorted, &range).await;
    assert_eq!(page.body["Documents"], json!([5, 4, 3, 2]));
    range.push(("x-ms-continuation", page.header("x-ms-continuation")));
    assert_eq!(query(&cloud, sorted, &range).await.body["Documents"], json!([1, 0]));
    assert_eq!(query(&cloud, "SELECT nonsense", &[]).await.status, 501);
    assert_eq!(query(&cloud, "SELECT * FROM c WHERE", &[]).await.status, 400);
}

#[tokio::test]
async fn the_account_tells_where_it_is_and_what_it_holds() {
    let cloud = deployed(json!({})).await;
    let account = ask(&cloud, "GET", "", &[], None).await;
    let region = account.body["writableLocations"][0]["databaseAccountEndpoint"].as_str().unwrap().to_owned();
    assert_eq!(region, url(&cloud, "factory-cosmos-westeurope", "").as_str());
    assert_eq!(account.body["userConsistencyPolicy"]["defaultConsistencyLevel"], "Session");
    let container = ask(&cloud, "GET", "dbs/factory/colls/hot", &[], None).await.body;
    let path = format!("{ACCOUNT}/sqlDatabases/factory/containers/hot");
    let managed = cloud.get(&resource(&path), VERSION).await.body;
    assert_eq!(container["_rid"], managed["properties"]["resource"]["_rid"]);
    let by_rid = container["_self"].as_str().unwrap().trim_end_matches('/').to_owned();
    assert_eq!(ask(&cloud, "GET", &by_rid, &[], None).await.body["id"], "hot");
    let ranges = ask(&cloud, "GET", "dbs/factory/colls/hot/pkranges", &[("a-im", "Incremental feed")], None).await;
    assert_eq!(ranges.body["PartitionKeyRanges"][0]["maxExclusive"], "FF");
    let known = [("a-im", "Incremental feed"), ("if-none-match", ranges.header("etag"))];
    assert_eq!(ask(&cloud, "GET", "dbs/factory/colls/hot/pkranges", &known, None).await.status, 304);
    let refused = ask(&cloud, "POST", "dbs", &[], Some(&json!({ "id": "mine" }))).await;
    assert_eq!((refused.status, refused.sub_status.as_str()), (403, "5300"), "no token may make databases");
    let keyed =
        cloud.client.get(url(&cloud, "factory-cosmos", "")).header("authorization", "type=master&ver=1.0&sig=x");
    assert_eq!(keyed.send().await.unwrap().status().as_u16(), 401, "the account takes no keys");
    let anonymous = cloud.client.get(url(&cloud, "factory-cosmos", "")).send().await.unwrap();
    assert_eq!(anonymous.status().as_u16(), 401);
}

#[tokio::test]
async fn items_outlive_the_process_but_not_their_container() {
    let cloud = deployed(json!({ "defaultTtl": 3600 })).await;
    upsert(&cloud, item("a", "m1", 1)).await;
    upsert(&cloud, item("a", "m1", 2)).await;
    let before = cloud.dump().await;
    let cloud = cloud.reopen().await;
    assert_eq!(ask(&cloud, "GET", &format!("{ITEMS}/a"), &[], None).await.body["t"], 2);
    assert_eq!(cloud.dump().await, before, "items are no part of the dump");
    let id = resource(&format!("{ACCOUNT}/sqlDatabases/factory/containers/hot"));
    let begun = cloud.delete(&id, VERSION).await;
    cloud.finish(&begun).await;
    assert_eq!(ask(&cloud, "GET", &format!("{ITEMS}/a"), &[], None).await.sub_status, "1003");
    create_container(&cloud, json!({})).await;
    let gone = ask(&cloud, "GET", &format!("{ITEMS}/a"), &[], None).await;
    assert_eq!((gone.status, gone.sub_status.as_str()), (404, "0"), "the new container is empty");
}

#[tokio::test]
async fn faults_have_the_services_own_shape() {
    let cloud = deployed(json!({})).await;
    cloud.fault(json!({ "kind": "throttle", "retry_after": 2, "service": "data" })).await;
    let throttled = ask(&cloud, "GET", ITEMS, &[], None).await;
    assert_eq!((throttled.status, throttled.sub_status.as_str()), (429, "3200"));
    assert_eq!(throttled.header("x-ms-retry-after-ms"), "2000");
    cloud.fault(json!({ "kind": "propagation", "requests": 1, "service": "data" })).await;
    let list = async || ask(&cloud, "GET", ITEMS, &[], None).await;
    assert_eq!((list().await.status, list().await.status), (403, 403), "there is no role");
    let claims = cloud.token.split('.').nth(1).unwrap();
    use base64::Engine as _;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let role = json!({ "properties": {
        "roleDefinitionId": resource(&format!("{ACCOUNT}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002")),
        "principalId": claims["oid"], "scope": resource(ACCOUNT),
    } });
    let id = resource(&format!("{ACCOUNT}/sqlRoleAssignments/11fb06fb-712d-5ddd-98c7-e71bbd588830"));
    cloud.create(&id, VERSION, role).await;
    assert_eq!((list().await.status, list().await.status), (403, 200), "it has propagated");
}
