//! What an import does with its input.

use serde_json::json;

use super::storage::{INPUT, OUTPUT};
use super::{cloud, ended, info, input, log, models, next_to, put, refused, room, until_twins};
use crate::cloud::{Cloud, HALL, MACHINE, MOTOR, ROOM};

#[test]
fn a_graph_is_imported_and_the_log_is_the_documented_one() {
    let (cloud, storage) = cloud();
    let machine =
        json!({"$dtId": "m1", "$metadata": {"$model": MACHINE}, "temperature": 21.5, "motor": {"$metadata": {}}});
    let contains = json!({"$dtId": "r1", "$relationshipId": "c", "$targetId": "m1", "$relationshipName": "contains", "fixed": true});
    let sections = [("Models", models()), ("Twins", vec![room("r1"), machine]), ("Relationships", vec![contains])];
    storage.write(INPUT, &input(&sections));
    assert_eq!(put(&cloud, "j").status, 201);
    let job = ended(&cloud, "imports/j");
    assert_eq!(job["status"], "succeeded", "{job}");
    let mut expected = vec![info(None, "Started")];
    for section in ["Models", "Twins", "Relationships"] {
        expected.extend([info(Some(section), "Started"), info(Some(section), "Succeeded")]);
    }
    expected.push(info(None, "Succeeded"));
    assert_eq!(log(&storage, "j"), expected);
    let first = storage.text(OUTPUT).lines().next().unwrap().to_owned();
    assert!(
        first.starts_with(r#"{"timestamp":"2023-11-14T22:13:20.0000000Z","jobId":"j","jobType":"Import","#),
        "{first}"
    );
    assert_eq!(cloud.get("/digitaltwins/m1").body["temperature"], 21.5);
    assert_eq!(cloud.get("/digitaltwins/m1/incomingrelationships").body["value"][0]["$sourceId"], "r1");
    assert_eq!(cloud.get("/digitaltwins/r1/relationships/c").body["fixed"], true);
    assert_eq!(cloud.get("/models").body["value"].as_array().unwrap().len(), 4);
    assert_eq!(cloud.effects(), ["PutImportJob jobs/imports/j"], "one effect, however much was imported");
    let before = cloud.service.dump();
    assert_eq!(cloud.reopened().service.dump(), before);
}

#[test]
fn the_same_result_as_by_ordinary_requests() {
    let (imported, storage) = cloud();
    storage.write(
        INPUT,
        &input(&[
            ("Models", models()),
            ("Twins", vec![room("r1"), room("r2")]),
            ("Relationships", vec![next_to("r1", "r2")]),
        ]),
    );
    put(&imported, "j");
    assert_eq!(ended(&imported, "imports/j")["status"], "succeeded");
    let asked = Cloud::factory();
    asked.twin("r1", ROOM, json!({"area": 1}));
    asked.twin("r2", ROOM, json!({"area": 1}));
    let link = json!({"$relationshipName": "nextTo", "$targetId": "r2"});
    assert_eq!(asked.put("/digitaltwins/r1/relationships/to-r2", link).status, 200);
    let bare = |cloud: &Cloud| {
        let mut dump = cloud.service.dump();
        let instance = &mut dump[crate::cloud::NAME];
        for kind in ["twins", "relationships", "models"] {
            for entity in instance[kind].as_array_mut().unwrap() {
                entity["$etag"] = json!(null);
                entity["uploadTime"] = json!(null);
            }
        }
        dump
    };
    assert_eq!(bare(&imported), bare(&asked));
}

#[test]
fn models_come_in_any_order_and_a_wrong_one_takes_only_its_dependents_with_it() {
    let (cloud, storage) = cloud();
    let context = "dtmi:dtdl:context;2";
    let mut reversed = models();
    reversed.reverse();
    reversed.push(json!({"@id": "dtmi:x:Bad;1", "@type": "Interface", "@context": context, "contents": [{"@type": "Nonsense", "name": "a"}]}));
    reversed
        .push(json!({"@id": "dtmi:x:Child;1", "@type": "Interface", "@context": context, "extends": "dtmi:x:Bad;1"}));
    reversed.push(json!({"@id": MOTOR, "@type": "Interface", "@context": context}));
    reversed.push(json!({"@id": "dtmi:x:Old;1", "@type": "Interface", "@context": "dtmi:dtdl:context;1"}));
    storage.write(INPUT, &input(&[("Models", reversed)]));
    put(&cloud, "j");
    let job = ended(&cloud, "imports/j");
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("ImportJobFailed")));
    let mut failed = info(Some("Models"), "Failed");
    failed["errorCount"] = json!(4);
    let findings = [
        (8, "DTDLParserError"),
        (9, "DTDLParserError"),
        (10, "ModelIdAlreadyExists"),
        (11, "ModelVersionNotSupported"),
    ];
    let findings = findings.map(|(line, code)| refused("Models", line, code));
    let expected =
        [&[info(None, "Started"), info(Some("Models"), "Started")], &findings[..], &[failed, info(None, "Failed")]]
            .concat();
    assert_eq!(log(&storage, "j"), expected);
    let ids: Vec<_> = cloud.service.dump()[crate::cloud::NAME]["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].clone())
        .collect();
    assert_eq!(ids, [HALL, MACHINE, MOTOR, ROOM]);
}

#[test]
fn what_does_not_fit_is_logged_with_its_line_and_the_rest_is_imported() {
    let (cloud, storage) = cloud();
    let no_model = json!({"$dtId": "x1", "$metadata": {"$model": "dtmi:no;1"}});
    let wrong = json!({"$dtId": "x2", "$metadata": {"$model": ROOM}, "area": "big"});
    let bad_id = json!({"$dtId": "x 3", "$metadata": {"$model": ROOM}});
    let large = json!({"$dtId": "x4", "$metadata": {"$model": ROOM}, "area": 1, "more": "x".repeat(40_000)});
    let links = vec![
        next_to("r1", "r2"),
        next_to("r1", "nobody"),
        next_to("nobody", "r1"),
        next_to("r1", "r1"),
        json!({"$dtId": "r1", "$relationshipId": "z", "$targetId": "r2", "$relationshipName": "loves"}),
    ];
    storage.write(
        INPUT,
        &input(&[
            ("Models", models()),
            ("Twins", vec![room("r1"), no_model, wrong, bad_id, large, room("r2")]),
            ("Relationships", links),
        ]),
    );
    put(&cloud, "j");
    let job = ended(&cloud, "imports/j");
    assert_eq!(job["status"], "failed");
    assert!(
        job["error"]["message"].as_str().unwrap().starts_with("8 of 15 entities could not be imported, 7 were."),
        "{job}"
    );
    let errors: Vec<_> = log(&storage, "j").into_iter().filter(|line| line["exceptionType"].is_string()).collect();
    let expected = [
        refused("Twins", 10, "ValidationFailed"),
        refused("Twins", 11, "ValidationFailed"),
        refused("Twins", 12, "InvalidArgument"),
        refused("Twins", 13, "RequestEntityTooLarge"),
        refused("Relationships", 17, "TargetDigitalTwinNotFound"),
        refused("Relationships", 18, "DigitalTwinNotFound"),
        refused("Relationships", 19, "OperationNotAllowed"),
        refused("Relationships", 20, "InvalidRelationship"),
    ];
    assert_eq!(errors, expected);
    let text = storage.text(OUTPUT);
    assert!(text.contains("Invalid twin specified: dtmi:no;1 or one of its dependencies does not exist."), "{text}");
    assert_eq!(cloud.get("/digitaltwins/r1/relationships").body["value"].as_array().unwrap().len(), 1);
}

#[test]
fn an_input_of_another_form_is_refused_as_a_whole() {
    let cases = [
        ("", 0),
        ("{\"Section\":\"Twins\"}\n", 1),
        ("{\"Section\":\"Header\"}\n{\"author\":\"a\"}\n", 2),
        ("{\"Section\":\"Header\"}\n{\"fileVersion\":\"2.0.0\"}\n", 2),
        ("{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"$dtId\":\"a\"}\n", 3),
        (
            "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n{\"Section\":\"Models\"}\n",
            4,
        ),
        (
            "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n{\"Section\":\"Twins\"}\n",
            4,
        ),
        ("{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Things\"}\n", 3),
        ("{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n\n[1]\n", 5),
        ("{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n{\"$dtId\":7}\n", 4),
        ("{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n{\"$dtId\":\"a\"\n", 4),
        (
            "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Relationships\"}\n{\"$sourceId\":\"a\"}\n",
            4,
        ),
    ];
    for (at, (text, line)) in cases.into_iter().enumerate() {
        let (cloud, storage) = cloud();
        storage.write(INPUT, text);
        put(&cloud, "j");
        let job = ended(&cloud, "imports/j");
        assert_eq!(
            (&job["status"], &job["error"]["code"]),
            (&json!("failed"), &json!("UnsupportedFileFormat")),
            "case {at}"
        );
        let expected = [
            info(None, "Started"),
            refused("Models", line, "UnsupportedFileFormat"),
            info(Some("Models"), "Failed"),
            info(None, "Failed"),
        ];
        assert_eq!(log(&storage, "j"), expected, "case {at}");
    }
    let (cloud, storage) = cloud();
    let good = input(&[("Models", models()), ("Twins", vec![room("r1")])]);
    storage.write(INPUT, &format!("{good}{}\n{{\"$dtId\":5}}\n", "x".repeat(2 * 1024 * 1024)));
    put(&cloud, "j");
    assert_eq!(ended(&cloud, "imports/j")["status"], "failed");
    assert_eq!(log(&storage, "j").len(), 5, "every line that is wrong");
    assert_eq!(cloud.get("/models").body["value"], json!([]), "nothing was imported");
}

#[test]
fn a_blob_that_cannot_be_used_fails_the_job() {
    let (cloud, storage) = cloud();
    put(&cloud, "j");
    let job = ended(&cloud, "imports/j");
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("InputBlobNotAccessible")));
    assert_eq!(log(&storage, "j").last(), Some(&info(None, "Failed")));
    storage.write(INPUT, &input(&[]));
    let body = json!({"inputBlobUri": INPUT, "outputBlobUri": "https://acc.blob.localhost/c/block"});
    assert_eq!(cloud.put("/jobs/imports/k", body).status, 201);
    assert_eq!(ended(&cloud, "imports/k")["error"]["code"], "OutputBlobNotAccessible");
}

#[test]
fn cancelling_stops_in_the_middle_and_leaves_what_was_imported() {
    let (cloud, storage) = cloud();
    let rooms: Vec<_> = (0..1000).map(|number| room(&format!("r{number:04}"))).collect();
    let text = input(&[("Models", models()), ("Twins", rooms)]);
    storage.write(INPUT, &text);
    storage.open_gate(text.find("r0600").unwrap() as u64);
    put(&cloud, "j");
    until_twins(&cloud, 512);
    let job = cloud.post("/jobs/imports/j/cancel", json!(null));
    assert_eq!((job.status, &job.body["status"]), (200, &json!("cancelling")));
    assert_eq!(cloud.delete("/jobs/imports/j").verdict(), (400, "ValidationFailed"));
    storage.open_gate(u64::MAX);
    assert_eq!(ended(&cloud, "imports/j")["status"], "cancelled");
    assert_eq!(log(&storage, "j").last(), Some(&info(None, "Cancelled")));
    until_twins(&cloud, 512);
    assert_eq!(cloud.get("/digitaltwins/r0512").status, 404, "nothing after it");
    assert_eq!(
        cloud.post("/jobs/imports/j/cancel", json!(null)).body["status"],
        "cancelled",
        "which ends nothing twice"
    );
    assert_eq!(cloud.delete("/jobs/imports/j").status, 204);
}
