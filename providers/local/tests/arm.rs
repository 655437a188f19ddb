//! Resource Manager as a deployer meets it: recorded answers, refusals, names, parents.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use cloud::{Cloud, DATA_OWNER, GROUP, resource, zip};
use reqwest::Method;
use serde_json::{Value, json};

const ADT: &str = "2023-01-31";
const STORAGE: &str = "2023-05-01";
const WEB: &str = "2024-04-01";
const EVENTS: &str = "2022-06-15";
const COSMOS: &str = "2024-08-15";
const HUBS: &str = "2023-06-30";
const ROLES: &str = "2022-04-01";
const IDENTITY: &str = "2023-01-31";

#[tokio::test]
async fn a_digital_twins_instance_has_no_host_before_it_is_there() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let id = resource("Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt");
    let begun = cloud.put(&id, ADT, json!({ "location": "westeurope" })).await;
    assert_eq!(begun.status, 201);
    assert_eq!(begun.body["properties"]["provisioningState"], "Provisioning");
    assert_eq!(begun.body["properties"]["hostName"], Value::Null);
    assert!(begun.operation.as_ref().unwrap().contains("/locations/westeurope/operationsStatuses/"));
    assert!(begun.location.is_some());
    assert_eq!(begun.retry_after.as_deref(), Some("0"));
    let url = begun.operation.clone().unwrap().parse().unwrap();
    assert_eq!(cloud.send(Method::GET, url, None).await.body["status"], "Running");
    assert_eq!(cloud.finish(&begun).await.body["status"], "Succeeded");
    let ready = cloud.get(&id, ADT).await.body;
    let host = format!("factory-adt.adt.localhost:{}", cloud.at().adt.port().unwrap());
    assert_eq!(ready["properties"]["hostName"], host);
    let models = format!("https://{host}/models?api-version=2023-10-31").parse().unwrap();
    assert_eq!(cloud.send(Method::GET, models, None).await.status, 200);

    let gone = cloud.delete(&id, ADT).await;
    assert_eq!((gone.status, &gone.body["properties"]["provisioningState"]), (202, &json!("Deleting")));
    cloud.finish(&gone).await;
    assert_eq!(cloud.get(&id, ADT).await.code(), "ResourceNotFound");
    assert_eq!(cloud.delete(&id, ADT).await.status, 204);
}

#[tokio::test]
async fn every_type_begins_and_ends_as_recorded() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let account = resource("Microsoft.Storage/storageAccounts/factorysa");
    let body = json!({ "location": "westeurope", "kind": "StorageV2", "sku": { "name": "Standard_LRS" } });
    let begun = cloud.put(&account, STORAGE, body.clone()).await;
    assert_eq!((begun.status, begun.body.clone(), begun.operation.is_none()), (202, Value::Null, true));
    let ended = cloud.finish(&begun).await;
    assert_eq!((ended.status, &ended.body["name"]), (200, &json!("factorysa")));
    let again = cloud.put(&account, STORAGE, body).await;
    assert_eq!((again.status, again.location), (200, None));

    let hub = resource("Microsoft.Devices/IotHubs/factory-hub");
    let body = json!({ "location": "westeurope", "sku": { "name": "S1", "capacity": 1 }, "properties": {} });
    let begun = cloud.put(&hub, HUBS, body).await;
    assert_eq!((begun.status, &begun.body["properties"]["provisioningState"]), (201, &json!("Accepted")));
    assert!(begun.operation.as_ref().unwrap().ends_with("&asyncinfo"));
    let early = cloud.post(&format!("{hub}/listkeys"), HUBS, json!({})).await;
    assert_eq!((early.status, early.code()), (409, "409002"));
    cloud.finish(&begun).await;
    assert_eq!(cloud.get(&hub, HUBS).await.body["properties"]["state"], "Active");

    let cosmos = resource("Microsoft.DocumentDB/databaseAccounts/factory-cosmos");
    let locations = json!([{ "locationName": "westeurope", "failoverPriority": 0 }]);
    let properties = json!({ "locations": locations, "databaseAccountOfferType": "Standard" });
    let begun = cloud.put(&cosmos, COSMOS, json!({ "location": "westeurope", "properties": properties })).await;
    assert_eq!((begun.status, &begun.body["properties"]["provisioningState"]), (200, &json!("Creating")));
    cloud.finish(&begun).await;
    let database = format!("{cosmos}/sqlDatabases/twin");
    let begun = cloud.put(&database, COSMOS, json!({ "properties": { "resource": { "id": "twin" } } })).await;
    assert_eq!((begun.status, begun.body.clone()), (202, json!({ "status": "Enqueued" })));
    assert_eq!(cloud.finish(&begun).await.body["status"], "Succeeded");
    let gone = cloud.delete(&cosmos, COSMOS).await;
    assert_eq!(gone.status, 202);
    cloud.finish(&gone).await;
    assert_eq!(cloud.get(&database, COSMOS).await.status, 404, "what is inside goes too");
}

#[tokio::test]
async fn deleting_a_group_deletes_what_is_in_it() {
    let cloud = Cloud::start().await;
    let before = cloud.dump().await;
    cloud.group().await;
    let adt = resource("Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt");
    cloud.create(&adt, ADT, json!({ "location": "westeurope" })).await;
    let gone = cloud.delete(GROUP, "2024-07-01").await;
    assert_eq!((gone.status, gone.operation.is_none()), (202, true));
    let late = cloud.put(&resource("Microsoft.EventGrid/topics/top"), EVENTS, json!({ "location": "x" })).await;
    assert_eq!((late.status, late.code()), (409, "ResourceGroupBeingDeleted"));
    let ended = cloud.finish(&gone).await;
    assert_eq!((ended.status, ended.body), (200, Value::Null));
    assert_eq!(cloud.get(GROUP, "2024-07-01").await.code(), "ResourceGroupNotFound");
    assert_eq!(cloud.dump().await, before);
}

#[tokio::test]
async fn what_azure_refuses_is_refused() {
    let cloud = Cloud::start().await;
    let topic = resource("Microsoft.EventGrid/topics/top-1");
    let located = json!({ "location": "westeurope" });
    let expect = async |id: &str, version: &str, body: Value, status: u16, code: &str| {
        let reply = cloud.put(id, version, body).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{id}: {reply:?}");
    };
    expect(&topic, EVENTS, located.clone(), 404, "ResourceGroupNotFound").await;
    cloud.group().await;
    expect(&topic, "2001-01-01", located.clone(), 400, "NoRegisteredProviderFound").await;
    expect(&topic, EVENTS, json!({}), 400, "LocationRequired").await;
    let bad = resource("Microsoft.DigitalTwins/digitalTwinsInstances/-bad-");
    expect(&bad, ADT, located.clone(), 400, "InvalidResourceName").await;
    let container = resource("Microsoft.Storage/storageAccounts/none/blobServices/default/containers/abc");
    expect(&container, STORAGE, json!({}), 404, "ParentResourceNotFound").await;
    let other = topic.replace("10ca1000", "20ca1000");
    expect(&other, EVENTS, located.clone(), 404, "SubscriptionNotFound").await;

    cloud.create(&topic, EVENTS, located).await;
    expect(&topic, EVENTS, json!({ "location": "eastus" }), 409, "InvalidResourceLocation").await;
    let nameless = cloud.send(Method::GET, cloud.at().arm.join(&topic).unwrap(), None).await;
    assert_eq!((nameless.status, nameless.code()), (400, "MissingApiVersionParameter"));
    let anonymous = cloud.client.get(cloud.arm(&topic, EVENTS)).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let unknown = cloud.get(&resource("Microsoft.Compute/virtualMachines/vm"), "2024-01-01").await;
    assert_eq!((unknown.status, &unknown.body["apiVersion"]), (501, &json!("2024-01-01")));
    assert_eq!(unknown.body["method"], "GET");
}

#[tokio::test]
async fn global_names_are_taken_once() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let second = GROUP.replace("factory-rg", "other-rg");
    cloud.create(&second, "2024-07-01", json!({ "location": "westeurope" })).await;
    let path = "Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt";
    cloud.create(&resource(path), ADT, json!({ "location": "westeurope" })).await;
    let taken = cloud.put(&format!("{second}/providers/{path}"), ADT, json!({ "location": "westeurope" })).await;
    assert_eq!((taken.status, taken.code()), (409, "NameUnavailable"));
    let check = format!(
        "/subscriptions/{}/providers/Microsoft.DigitalTwins/locations/westeurope/checkNameAvailability",
        cloud.at().subscription
    );
    let body = |name: &str| json!({ "name": name, "type": "Microsoft.DigitalTwins/digitalTwinsInstances" });
    assert_eq!(cloud.post(&check, ADT, body("factory-adt")).await.body["reason"], "AlreadyExists");
    assert_eq!(cloud.post(&check, ADT, body("free-adt")).await.body["nameAvailable"], true);
}

#[tokio::test]
async fn a_role_is_assigned_once_and_only_to_somebody() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let identity = resource("Microsoft.ManagedIdentity/userAssignedIdentities/factory-id");
    let identity = cloud.create(&identity, IDENTITY, json!({ "location": "westeurope" })).await;
    let principal = identity["properties"]["principalId"].as_str().unwrap();
    let assignment = |n: u32| {
        format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments/11fb06fb-712d-5ddd-98c7-00000000000{n}")
    };
    let role = |role: &str, principal: &str| {
        let role = format!("{GROUP}/providers/Microsoft.Authorization/roleDefinitions/{role}");
        json!({ "properties": { "roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal" } })
    };
    let owner = role(DATA_OWNER, principal);
    assert_eq!(cloud.put(&assignment(1), ROLES, owner.clone()).await.status, 201);
    assert_eq!(cloud.put(&assignment(1), ROLES, owner.clone()).await.status, 200);
    let double = cloud.put(&assignment(2), ROLES, owner).await;
    assert_eq!((double.status, double.code()), (409, "RoleAssignmentExists"));
    let other = role("b24988ac-6180-42a0-ab88-20f7382dd24c", principal);
    let changed = cloud.put(&assignment(1), ROLES, other).await;
    assert_eq!((changed.status, changed.code()), (400, "RoleAssignmentUpdateNotPermitted"));
    let nobody = cloud.put(&assignment(3), ROLES, role(DATA_OWNER, "7c9e6679-7425-40de-944b-e07fc1f90ae7")).await;
    assert_eq!((nobody.status, nobody.code()), (400, "PrincipalNotFound"));
    let list = cloud.get(&format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments"), ROLES).await;
    assert_eq!(list.body["value"].as_array().unwrap().len(), 1);
    assert_eq!(cloud.delete(&assignment(1), ROLES).await.body["properties"]["principalId"], principal);
    assert_eq!(cloud.delete(&assignment(1), ROLES).await.status, 204);
    let recreated = cloud.delete(identity["id"].as_str().unwrap(), IDENTITY).await;
    assert_eq!(recreated.status, 200);
    let again = cloud.create(identity["id"].as_str().unwrap(), IDENTITY, json!({ "location": "westeurope" })).await;
    assert_ne!(again["properties"]["principalId"], principal, "a new identity is somebody else");
}

async fn app(cloud: &Cloud) -> String {
    let plan = resource("Microsoft.Web/serverfarms/factory-plan");
    let sku = json!({ "name": "FC1", "tier": "FlexConsumption" });
    cloud.create(&plan, WEB, json!({ "location": "westeurope", "sku": sku })).await;
    let site = resource("Microsoft.Web/sites/factory-app");
    let storage = json!({ "type": "blobContainer", "value": "https://x/y" });
    let config = json!({ "deployment": { "storage": storage }, "runtime": { "name": "custom", "version": "1.0" } });
    let settings = json!({ "appSettings": [{ "name": "A", "value": "1" }] });
    let properties = json!({ "serverFarmId": plan, "functionAppConfig": config, "siteConfig": settings });
    cloud
        .create(&site, WEB, json!({ "location": "westeurope", "kind": "functionapp,linux", "properties": properties }))
        .await;
    site
}

async fn publish(cloud: &Cloud, functions: &[(&str, Value)]) {
    let url = format!("https://factory-app.scm.localhost:{}", cloud.at().scm.port().unwrap());
    let request = cloud.client.post(format!("{url}/api/publish?RemoteBuild=false")).bearer_auth(&cloud.token);
    let answer = request.header("content-type", "application/zip").body(zip(functions)).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let id: String = answer.json().await.unwrap();
    let poll = format!("{url}/api/deployments/{id}");
    let mut seen = Vec::new();
    while seen.last() != Some(&json!(4)) {
        assert!(seen.len() < 5, "the deployment does not end: {seen:?}");
        let status = cloud.send(Method::GET, poll.parse().unwrap(), None).await;
        seen.push(status.body["status"].clone());
    }
}

#[tokio::test]
async fn settings_are_replaced_whole_and_listed_in_clear() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let site = app(&cloud).await;
    let list = format!("{site}/config/appsettings/list");
    assert_eq!(cloud.post(&list, WEB, json!({})).await.body["properties"], json!({ "A": "1" }));
    let config = format!("{site}/config/appsettings");
    let put = cloud.put(&config, WEB, json!({ "properties": { "B": "2" } })).await;
    assert_eq!((put.status, &put.body["type"]), (200, &json!("Microsoft.Web/sites/config")));
    assert_eq!(cloud.post(&list, WEB, json!({})).await.body["properties"], json!({ "B": "2" }));
    let refused = cloud.put(&config, WEB, json!({ "properties": { "FUNCTIONS_WORKER_RUNTIME": "custom" } })).await;
    assert_eq!(refused.status, 400);
    let keys = cloud.post(&format!("{site}/host/default/listkeys"), WEB, json!({})).await.body;
    assert!(keys["functionKeys"]["default"].is_string() && keys["systemKeys"]["eventgrid_extension"].is_string());
    let plan = cloud.delete(&resource("Microsoft.Web/serverfarms/factory-plan"), WEB).await;
    assert_eq!((plan.status, plan.code()), (409, "Conflict"));
}

#[tokio::test]
async fn events_go_to_functions_that_are_there() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let site = app(&cloud).await;
    let topic = resource("Microsoft.EventGrid/topics/top-1");
    cloud.create(&topic, EVENTS, json!({ "location": "westeurope" })).await;
    let subscription = format!("{topic}/providers/Microsoft.EventGrid/eventSubscriptions/to-updater");
    let to = |function: &str| {
        let target = json!({ "resourceId": format!("{site}/functions/{function}"), "maxEventsPerBatch": 1 });
        json!({ "properties": { "destination": { "endpointType": "AzureFunction", "properties": target } } })
    };
    let early = cloud.put(&subscription, EVENTS, to("adt-updater")).await;
    assert_eq!((early.status, early.code()), (400, "Endpoint validation"));
    let events = json!({ "bindings": [{ "type": "eventGridTrigger", "direction": "in", "name": "event" }] });
    let http = json!({ "bindings": [{ "type": "httpTrigger", "direction": "in", "name": "request" }] });
    publish(&cloud, &[("adt-updater", events), ("pusher", http)]).await;
    let function = cloud.get(&format!("{site}/functions/adt-updater"), WEB).await;
    assert_eq!((function.status, &function.body["name"]), (200, &json!("factory-app/adt-updater")));
    let listed = cloud.get(&format!("{site}/functions"), WEB).await.body;
    assert_eq!(listed["value"].as_array().unwrap().len(), 2);
    let wrong = cloud.put(&subscription, EVENTS, to("pusher")).await;
    assert_eq!(wrong.code(), "Unsupported Azure Function Trigger");
    let made = cloud.create(&subscription, EVENTS, to("adt-updater")).await;
    assert_eq!(made["properties"]["topic"], topic);
    assert_eq!(made["properties"]["retryPolicy"]["maxDeliveryAttempts"], 30);
    let gone = cloud.delete(&subscription, EVENTS).await;
    assert_eq!((gone.status, gone.operation.is_none(), gone.location.is_some()), (202, true, true));
    assert_eq!(cloud.finish(&gone).await.status, 200);
    assert_eq!(cloud.post(&format!("{site}/syncfunctiontriggers"), WEB, json!({})).await.status, 204);
}

#[tokio::test]
async fn a_source_has_one_system_topic() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let account = resource("Microsoft.Storage/storageAccounts/factorysa");
    let body = json!({ "location": "westeurope", "kind": "StorageV2", "sku": { "name": "Standard_LRS" } });
    cloud.create(&account, STORAGE, body).await;
    let topic = |source: &str| {
        let properties = json!({ "source": source, "topicType": "Microsoft.Storage.StorageAccounts" });
        json!({ "location": "westeurope", "properties": properties })
    };
    cloud.create(&resource("Microsoft.EventGrid/systemTopics/one"), EVENTS, topic(&account)).await;
    let second = cloud.put(&resource("Microsoft.EventGrid/systemTopics/two"), EVENTS, topic(&account)).await;
    assert_eq!((second.status, second.code()), (400, "InvalidRequest"));
}

#[tokio::test]
async fn repetitions_are_effects_that_change_nothing() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    cloud.group().await;
    let topic = resource("Microsoft.EventGrid/topics/top-1");
    let first = cloud.put(&topic, EVENTS, json!({ "location": "westeurope" })).await;
    let second = cloud.put(&topic, EVENTS, json!({ "location": "westeurope" })).await;
    assert_eq!(first.operation, second.operation, "the same operation is handed out again");
    cloud.finish(&first).await;
    let gone = cloud.delete(&topic, EVENTS).await;
    cloud.finish(&gone).await;
    cloud.delete(&topic, EVENTS).await;
    assert_eq!(
        cloud.effects().await,
        [
            "PutResource ",
            "= PutResource ",
            "PutResource /providers/Microsoft.EventGrid/topics/top-1",
            "= PutResource /providers/Microsoft.EventGrid/topics/top-1",
            "DeleteResource /providers/Microsoft.EventGrid/topics/top-1",
        ]
    );
}
