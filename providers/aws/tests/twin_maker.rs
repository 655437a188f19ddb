//! IoT TwinMaker, which no emulator has: what is sent, and what is made of answers written by the service's model.

mod script;

use aws::{ErrorKind, Kind, PastValue, State, Tags};
use script::{Script, Sent};
use serde_json::{Value, json};
use uuid::Uuid;

const ARN: &str = "arn:aws:iottwinmaker:eu-central-1:123456789012:workspace/w";
const OURS: &str = r#"{"tags":{"twinctl-step":"l4/x"}}"#;
const CONFLICT: (u16, &str) = (409, r#"{"__type":"ConflictException","message":"it exists"}"#);

fn script(answers: &[(u16, &str)]) -> (aws::Aws, Script) {
    Script::in_region("eu-central-1", answers)
}

fn body(sent: &Sent) -> Value {
    serde_json::from_str(&sent.body).expect("requests are JSON")
}

fn tags() -> Tags {
    [("twinctl-step".to_owned(), "l4/x".to_owned())].into()
}

fn workspace(description: &str) -> String {
    json!({
        "workspaceId": "w", "arn": ARN, "description": description, "s3Location": "arn:aws:s3:::scenes",
        "role": "arn:aws:iam::123456789012:role/twin", "creationDateTime": 1.0, "updateDateTime": 2.0,
    })
    .to_string()
}

fn wanted_workspace(description: &str) -> Value {
    json!({ "Role": "arn:aws:iam::123456789012:role/twin", "S3Location": "arn:aws:s3:::scenes",
        "Description": description })
}

#[tokio::test]
async fn a_workspace_is_made_with_its_tags_before_the_host_of_the_endpoint() {
    let (aws, script) = script(&[(200, r#"{"arn":"a","creationDateTime":1.0}"#)]);
    let made = aws.create(Kind::Workspace, "w", &wanted_workspace("the factory"), &tags(), Uuid::new_v4()).await;
    assert_eq!(made, Ok(()));
    let sent = script.sent();
    assert_eq!(sent[0].line, "POST http://api.localhost:2/workspaces/w");
    assert_eq!(
        body(&sent[0]),
        json!({ "description": "the factory", "role": "arn:aws:iam::123456789012:role/twin",
            "s3Location": "arn:aws:s3:::scenes", "tags": { "twinctl-step": "l4/x" } })
    );
}

#[tokio::test]
async fn what_is_there_already_is_brought_in_line_when_it_is_ours() {
    let found = workspace("old");
    let (aws, script) = script(&[CONFLICT, (200, &found), (200, OURS), (200, r#"{"updateDateTime":3.0}"#)]);
    let made = aws.create(Kind::Workspace, "w", &wanted_workspace("new"), &tags(), Uuid::new_v4()).await;
    assert_eq!(made, Ok(()));
    let sent = script.sent();
    assert_eq!(sent[3].line, "PUT http://api.localhost:2/workspaces/w");
    assert_eq!(body(&sent[3])["description"], "new");
    assert_eq!(body(&sent[3]).get("s3Location"), None, "a location that stays is not sent: it cannot change");
}

#[tokio::test]
async fn what_is_there_already_is_left_alone_when_it_is_not_ours() {
    let found = workspace("old");
    let (aws, script) = script(&[CONFLICT, (200, &found), (200, r#"{"tags":{"twinctl-step":"other"}}"#)]);
    let made = aws.create(Kind::Workspace, "w", &wanted_workspace("new"), &tags(), Uuid::new_v4()).await;
    assert_eq!(made.expect_err("it is a stranger's").kind(), ErrorKind::Conflict);
    assert_eq!(script.sent().len(), 3);
}

fn component_type(state: &str) -> String {
    json!({
        "workspaceId": "w", "componentTypeId": "com.factory.press", "arn": ARN, "isSingleton": false,
        "description": "a press", "extendsFrom": ["com.amazon.iottwinmaker.base"],
        "propertyDefinitions": {
            "temperature": {
                "dataType": { "type": "DOUBLE", "unitOfMeasure": "degC" }, "isTimeSeries": true,
                "isRequiredInEntity": false, "isExternalId": false, "isStoredExternally": true, "isImported": false,
                "isFinal": false, "isInherited": false,
            },
            "alarm": {
                "dataType": { "type": "STRING" }, "isTimeSeries": false, "isRequiredInEntity": false,
                "isExternalId": false, "isStoredExternally": false, "isImported": false, "isFinal": false,
                "isInherited": true,
            },
        },
        "functions": {
            "dataReader": { "scope": "ENTITY", "isInherited": false,
                "implementedBy": { "lambda": { "arn": "arn:f" }, "isNative": false } },
            "inherited": { "isInherited": true },
        },
        "creationDateTime": 1.0, "updateDateTime": 2.0,
        "status": { "state": state, "error": { "code": "VALIDATION_ERROR", "message": "no such function" } },
    })
    .to_string()
}

fn wanted_component_type() -> Value {
    json!({
        "Description": "a press",
        "ExtendsFrom": ["com.amazon.iottwinmaker.base"],
        "PropertyDefinitions": { "temperature": {
            "DataType": { "Type": "DOUBLE", "UnitOfMeasure": "degC" }, "IsTimeSeries": true, "IsStoredExternally": true } },
        "Functions": { "dataReader": { "ImplementedBy": { "Lambda": { "Arn": "arn:f" } }, "Scope": "ENTITY" } },
    })
}

#[tokio::test]
async fn a_component_type_is_found_without_what_it_inherits() {
    let id = "w/com.factory.press";
    for (state, expected) in [
        ("ACTIVE", State::Ready),
        ("CREATING", State::Busy("CREATING".into())),
        ("ERROR", State::Failed("no such function".into())),
    ] {
        let (aws, script) = script(&[(200, &component_type(state)), (200, OURS)]);
        let found = aws.get(Kind::ComponentType, id).await.unwrap().unwrap();
        assert_eq!(found.state, expected);
        assert_eq!(Kind::ComponentType.differences(&wanted_component_type(), &found.properties), Ok(vec![]));
        assert_eq!((found.attribute("Arn"), &found.tags), (Some(ARN), &tags()));
        assert_eq!(script.sent()[0].line, "GET http://api.localhost:2/workspaces/w/component-types/com.factory.press");
    }
}

#[tokio::test]
async fn a_component_type_is_sent_as_it_is_wanted() {
    let (aws, script) = script(&[(200, r#"{"arn":"a","creationDateTime":1.0,"state":"CREATING"}"#)]);
    let id = "w/com.factory.press";
    let made = aws.create(Kind::ComponentType, id, &wanted_component_type(), &tags(), Uuid::new_v4()).await;
    assert_eq!(made, Ok(()));
    let sent = body(&script.sent()[0]);
    assert_eq!(
        sent["functions"],
        json!({ "dataReader": { "scope": "ENTITY", "implementedBy": { "lambda": { "arn": "arn:f" } } } })
    );
    let temperature = &sent["propertyDefinitions"]["temperature"];
    assert_eq!(temperature["dataType"], json!({ "type": "DOUBLE", "unitOfMeasure": "degC" }));
    assert_eq!((&temperature["isTimeSeries"], &temperature["isStoredExternally"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn an_entity_is_changed_component_by_component() {
    let found = json!({
        "entityId": "press-1", "entityName": "Press 1", "arn": ARN, "workspaceId": "w", "parentEntityId": "hall",
        "status": { "state": "ACTIVE" }, "hasChildEntities": false, "creationDateTime": 1.0, "updateDateTime": 1.0,
        "components": {
            "press": { "componentName": "press", "componentTypeId": "com.factory.press", "properties": {
                "limit": { "value": { "doubleValue": 80.0 } }, "temperature": {} } },
            "old": { "componentName": "old", "componentTypeId": "t" },
        },
    });
    let wanted = json!({
        "EntityName": "Press 1",
        "Components": { "press": { "ComponentTypeId": "com.factory.press",
            "Properties": { "limit": { "Value": { "DoubleValue": 90 } } } } },
    });
    let updated = r#"{"updateDateTime":3.0,"state":"UPDATING"}"#;
    let (aws, script) = script(&[(200, &found.to_string()), (200, OURS), (200, updated)]);
    let found = aws.get(Kind::Entity, "w/press-1").await.unwrap().unwrap();
    let differences = Kind::Entity.differences(&wanted, &found.properties).unwrap();
    assert_eq!(
        differences,
        ["Components.press.Properties.limit.Value.DoubleValue", "Components.old", "ParentEntityId"]
    );
    assert_eq!(aws.update(Kind::Entity, "w/press-1", &wanted, &tags(), &found).await, Ok(()));
    let sent = &script.sent()[2];
    assert_eq!(sent.line, "PUT http://api.localhost:2/workspaces/w/entities/press-1");
    let body = body(sent);
    assert_eq!(body["parentEntityUpdate"], json!({ "updateType": "DELETE" }));
    assert_eq!(body["componentUpdates"]["old"], json!({ "updateType": "DELETE" }));
    let limit = json!({ "updateType": "UPDATE", "value": { "doubleValue": 90.0 } });
    assert_eq!(body["componentUpdates"]["press"]["propertyUpdates"], json!({ "limit": limit }));
}

#[tokio::test]
async fn what_is_not_there_is_none_and_removing_it_is_fine() {
    let missing = (404, r#"{"__type":"ResourceNotFoundException","message":"no"}"#);
    for (kind, id) in [(Kind::Workspace, "w"), (Kind::ComponentType, "w/t"), (Kind::Entity, "w/e")] {
        let (aws, script) = script(&[missing, missing]);
        assert_eq!(aws.get(kind, id).await, Ok(None));
        assert_eq!(aws.delete(kind, id).await, Ok(()));
        assert_eq!(script.sent().len(), 2);
    }
    let (aws, _) = script(&[]);
    assert_eq!(aws.get(Kind::Entity, "no-workspace").await.unwrap_err().kind(), ErrorKind::Permanent);
}

#[tokio::test]
async fn the_past_of_a_property_has_pages() {
    let page = |time: &str, value: f64, next: Option<&str>| {
        json!({ "nextToken": next, "propertyValues": [{
            "entityPropertyReference": { "propertyName": "temperature" },
            "values": [{ "time": time, "value": { "doubleValue": value } }] }] })
        .to_string()
    };
    let (first, second) = (page("2026-01-01T00:00:00Z", 20.5, Some("n")), page("2026-01-01T00:01:00Z", 21.0, None));
    let (aws, script) = script(&[(200, &first), (200, &second)]);
    let past = aws
        .property_value_history("w", "press-1", "press", "temperature", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
        .await;
    let value = |time: &str, value: f64| PastValue { time: time.into(), value: json!({ "DoubleValue": value }) };
    assert_eq!(past, Ok(vec![value("2026-01-01T00:00:00Z", 20.5), value("2026-01-01T00:01:00Z", 21.0)]));
    let sent = script.sent();
    assert_eq!(sent[0].line, "POST http://data.localhost:2/workspaces/w/entity-properties/history");
    assert_eq!(body(&sent[0])["selectedProperties"], json!(["temperature"]));
    assert_eq!(
        (&body(&sent[0])["startTime"], &body(&sent[1])["nextToken"]),
        (&json!("2026-01-01T00:00:00Z"), &json!("n"))
    );
}
