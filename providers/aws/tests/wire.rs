//! What is sent where no emulator can tell, and how often.

mod script;

use aws::{Aws, Credentials, ErrorKind, Kind, Options, Tags};
use script::Script;
use serde_json::json;
use uuid::Uuid;

const NO_BUCKET: (u16, &str) = (404, "");

#[tokio::test]
async fn nothing_is_sent_twice() {
    for (status, kind) in [(503, ErrorKind::Transient), (500, ErrorKind::Transient), (429, ErrorKind::Throttled)] {
        let (aws, script) = Script::in_region("eu-central-1", &[(status, "{}")]);
        assert_eq!(aws.get(Kind::Thing, "t").await.unwrap_err().kind(), kind);
        assert_eq!(script.sent().len(), 1, "{status}");
    }
    let (aws, script) = Script::in_region("eu-central-1", &[]);
    let lost = aws.get(Kind::Thing, "t").await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Transient, "{lost}");
    assert!(lost.to_string().starts_with("iot:DescribeThing t: "), "{lost}");
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn a_bucket_has_a_location_but_in_the_oldest_region() {
    let tags: Tags = [("twinctl-step".to_owned(), "l3/cold".to_owned())].into();
    for (region, location) in [("us-east-1", false), ("eu-central-1", true)] {
        let (aws, script) = Script::in_region(region, &[NO_BUCKET, (200, "")]);
        assert_eq!(aws.create(Kind::Bucket, "b", &json!({}), &tags, Uuid::new_v4()).await, Ok(()));
        let sent = script.sent();
        assert_eq!(sent[1].line, "PUT http://127.0.0.1:1/b/");
        assert_eq!(sent[1].body.contains("<LocationConstraint>eu-central-1</LocationConstraint>"), location);
        assert!(sent[1].body.contains("<Key>twinctl-step</Key><Value>l3/cold</Value>"), "made with its tags: {sent:?}");
    }
}

#[tokio::test]
async fn a_bucket_of_somebody_else_is_not_made() {
    let (aws, script) = Script::in_region("us-east-1", &[(403, "")]);
    let error = aws.create(Kind::Bucket, "b", &json!({}), &Tags::new(), Uuid::new_v4()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permanent, Some("bucket-not-ours")));
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn a_topic_rule_that_may_not_be_read_is_told_from_one_that_is_not_there() {
    let denied = (401, r#"{"__type":"UnauthorizedException","message":"Access to topic rule 'r' was denied"}"#);
    let (aws, _) = Script::in_region("eu-central-1", &[denied, (200, r#"{"rules":[{"ruleName":"other"}]}"#)]);
    assert_eq!(aws.get(Kind::TopicRule, "r").await, Ok(None));
    let (aws, _) = Script::in_region("eu-central-1", &[denied, (200, r#"{"rules":[{"ruleName":"r"}]}"#)]);
    assert_eq!(aws.get(Kind::TopicRule, "r").await.unwrap_err().kind(), ErrorKind::Permanent);
    let (aws, script) = Script::in_region("eu-central-1", &[denied, (200, r#"{"rules":[]}"#)]);
    assert_eq!(aws.delete(Kind::TopicRule, "r").await, Ok(()));
    assert_eq!(script.sent().len(), 2);
}

#[tokio::test]
async fn a_role_that_has_not_propagated_is_not_yet() {
    let refusal = json!({ "__type": "InvalidParameterValueException",
        "message": "The role defined for the function cannot be assumed by Lambda." });
    let (aws, _) = Script::in_region("eu-central-1", &[(400, &refusal.to_string())]);
    let wanted = json!({ "Role": "arn:r", "Runtime": "provided.al2023", "Handler": "bootstrap",
        "Code": { "S3Bucket": "b", "S3Key": "k", "Sha256": "ab" } });
    let error = aws.create(Kind::Function, "f", &wanted, &Tags::new(), Uuid::new_v4()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotYet, "{error}");
}

#[tokio::test]
async fn a_document_with_an_unknown_property_sends_nothing() {
    let (aws, script) = Script::in_region("eu-central-1", &[]);
    let wanted = json!({ "RetentionInDays": 7, "KmsKeyId": "k" });
    let error = aws.create(Kind::LogGroup, "g", &wanted, &Tags::new(), Uuid::new_v4()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permanent);
    assert!(error.to_string().contains("KmsKeyId"), "{error}");
    assert!(script.sent().is_empty());
}

#[tokio::test]
async fn settings_that_cannot_be_decrypted_are_not_overwritten() {
    let answer = r#"{"RevisionId":"r","Environment":{"Error":{"ErrorCode":"AccessDeniedException","Message":"kms"}}}"#;
    let (aws, script) = Script::in_region("eu-central-1", &[(200, answer)]);
    let set = [("A".to_owned(), "b".into())].into();
    let error = aws.merge_environment("f", &set, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permanent, "{error}");
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_no_reason_to_wait() {
    let (_, script) = Script::in_region("eu-central-1", &[]);
    let aws = Aws::new(Options {
        region: "eu-central-1".into(),
        endpoint: None,
        twin_maker_endpoint: None,
        credentials: Credentials::Chain { profile: Some("twinctl-has-no-such-profile".into()) },
        http_client: Some(aws::http::SharedHttpClient::new(script.clone())),
        observer: None,
    });
    assert_eq!(aws.region(), "eu-central-1");
    let error = aws.identity().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permanent, Some("no-credentials")), "{error}");
    assert!(error.to_string().contains("twinctl-has-no-such-profile"), "{error}");
    assert!(script.sent().is_empty(), "nothing is asked: no metadata service stands in for a profile that was named");
}

#[tokio::test]
async fn a_table_that_does_not_tell_its_tags_yet_is_neither_ours_nor_absent() {
    let missing = (400, r#"{"__type":"ResourceNotFoundException","message":"Requested resource not found"}"#);
    for (status, expected) in [("CREATING", Err(ErrorKind::NotYet)), ("ACTIVE", Ok(None))] {
        let table = json!({ "Table": { "TableStatus": status, "TableArn": "arn:t" } }).to_string();
        let answers = [(200, table.as_str()), (200, "{}"), (200, "{}"), missing];
        let (aws, script) = Script::in_region("eu-central-1", &answers);
        assert_eq!(aws.get(Kind::Table, "t").await.map_err(|error| error.kind()), expected, "{status}");
        assert_eq!(script.sent().len(), 4);
    }
}

#[tokio::test]
async fn what_is_refused_as_there_and_cannot_be_seen_is_not_yet() {
    let there = (409, r#"{"__type":"ResourceAlreadyExistsException","message":"it is there"}"#);
    let gone = (404, r#"{"__type":"ResourceNotFoundException","message":"it is not"}"#);
    let (aws, _) = Script::in_region("eu-central-1", &[there, gone]);
    let error = aws.create(Kind::Thing, "t", &json!({}), &Tags::new(), Uuid::new_v4()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotYet, Some(409)), "{error}");
}
