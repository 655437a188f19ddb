//! The fuzz targets' corpus, replayed: nothing panics, and every input has its answer. To take over a new one, run
//! `cargo insta review`, or read the difference.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(unreachable_pub, reason = "it is the library of the fuzz targets")]
#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

type Target = fn(&[u8]) -> String;

const TARGETS: [(&str, Target); 5] = [
    ("envelope", targets::envelope),
    ("event_grid", targets::event_grid),
    ("invocation", targets::invocation),
    ("lambda", targets::lambda),
    ("settings", targets::settings),
];

/// The files of a target's corpus, by name.
fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The outcome of every file of a target's corpus.
fn replay(target: &str, run: Target) -> String {
    let mut outcomes = String::new();
    for file in corpus(target) {
        let name = file.file_name().unwrap().to_str().unwrap();
        writeln!(outcomes, "{name}: {}", run(&fs::read(&file).unwrap())).unwrap();
    }
    outcomes
}

#[test]
fn envelopes() {
    insta::assert_snapshot!(replay("envelope", targets::envelope), @r#"
    bare-device-alias.json: stored
    bare-nested.json: stored
    bare.json: stored
    big-number.json: stored
    byte-order-mark.json: malformed at "line 1, column 1"
    cut-off.json: malformed at "line 1, column 120"
    deep-enough.json: stored
    deep.json: malformed at "line 1, column 182"
    device-is-number.json: malformed at "/iotDeviceId"
    duplicate-keys.json: stored
    empty-device.json: malformed at "/iotDeviceId"
    empty.json: malformed at "line 1, column 0"
    huge-exponent.json: malformed at "line 1, column 60"
    list.json: malformed at ""
    lone-surrogate.json: malformed at "line 1, column 23"
    no-device.json: malformed at "/iotDeviceId"
    no-time.json: malformed at "/time"
    no-values.json: stored
    not-utf8.json: malformed at "line 1, column 17"
    null.json: malformed at ""
    number.json: malformed at "line 1, column 5"
    strange-device.json: stored
    telemetry-is-list.json: malformed at "/telemetry"
    time-beyond-year-9999.json: malformed at "/time"
    time-far-ahead.json: malformed at "/time"
    time-is-number.json: malformed at "/time"
    time-leap-second.json: stored
    time-nanoseconds.json: stored
    time-not-rfc3339.json: malformed at "/time"
    trailing.json: malformed at "line 1, column 102"
    wrapped-bad-timestamp.json: malformed at "/timestamp"
    wrapped-other-message.json: malformed at "/message_type"
    wrapped-payload-is-text.json: malformed at "/payload"
    wrapped-payload-missing.json: malformed at "/iotDeviceId"
    wrapped-time-of-envelope.json: stored
    wrapped.json: stored
    "#);
}

#[test]
fn events() {
    insta::assert_snapshot!(replay("event_grid", targets::event_grid), @r#"
    bad-time.json: malformed at "/data/body/time"
    base64-broken.json: malformed at "/data/body, line 1, column 1"
    base64-not-json.json: malformed at "/data/body, line 1, column 1"
    base64.json: stored
    batch.json: stored
    body-empty.json: stored
    body-list.json: malformed at "/data/body"
    body-missing.json: malformed at "/data/body"
    body-null.json: malformed at "/data/body"
    clock-ahead.json: stored
    cloud-event.json: stored
    connected.json: nothing-to-do
    cut-off.json: no JSON
    data-is-text.json: malformed at "/data"
    data-missing.json: malformed at "/data"
    deep-batch.json: malformed at ""
    device-from-subject.json: stored
    empty-batch.json: nothing-to-do
    mixed-batch.json: malformed at ""
    no-device.json: malformed at "/subject"
    no-system-properties.json: malformed at "/data/systemProperties"
    no-time.json: malformed at "/data/systemProperties/iothub-enqueuedtime"
    number.json: malformed at ""
    telemetry.json: stored
    text-of-json.json: stored
    text.json: malformed at ""
    type-is-number.json: malformed at "/eventType"
    type-missing.json: malformed at "/eventType"
    validation-without-code.json: malformed at "/data/validationCode"
    validation.json: validated
    "#);
}

#[test]
fn invocations() {
    insta::assert_snapshot!(replay("invocation", targets::invocation), @r#"
    bare-event.json: line 23, column 1: this is no invocation | line 23, column 1: this is no invocation
    cut-off.json: line 1, column 90: this is no invocation | line 1, column 90: this is no invocation
    data-empty.json: /Data: the trigger has no value | /Data: the trigger has no value
    data-list.json: line 3, column 3: this is no invocation | line 2, column 9: this is no invocation
    data-missing.json: line 9, column 1: this is no invocation | line 9, column 1: this is no invocation
    data-null.json: line 2, column 13: this is no invocation | line 2, column 13: this is no invocation
    empty.json: line 1, column 0: this is no invocation | line 1, column 0: this is no invocation
    event-batch-encoded.json: /Data: the trigger has no value | stored
    event-batch.json: /Data: the trigger has no value | stored
    event-deep.json: /Data: the trigger has no value | line 1, column 143: this is no invocation
    event-empty-list.json: /Data: the trigger has no value | nothing-to-do
    event-encoded-often.json: /Data: the trigger has no value | malformed at "/eventType"
    event-encoded-once.json: /Data: the trigger has no value | stored
    event-encoded-twice.json: /Data: the trigger has no value | stored
    event-nested-lists.json: /Data: the trigger has no value | /Data: the trigger is no event
    event-null.json: /Data: the trigger has no value | /Data: the trigger is no event
    event-number.json: /Data: the trigger has no value | /Data: the trigger is no event
    event-object.json: /Data: the trigger has no value | stored
    event-other-name.json: /Data: the trigger has no value | stored
    event-text.json: /Data: the trigger has no value | /Data: the trigger is no event
    event-two-names.json: /Data: the trigger has no value | /Data: the trigger has no value
    not-utf8.json: /Data: the trigger has no value | line 1, column 19: this is no invocation
    request-body-object.json: POST with a token and 92 bytes | malformed at "/eventType"
    request-get.json: GET with a token and 0 bytes | malformed at "/eventType"
    request-headers-null.json: line 7, column 18: this is no invocation | malformed at "/eventType"
    request-is-text.json: line 3, column 15: this is no invocation | /Data: the trigger is no event
    request-no-body.json: POST with a token and 0 bytes | malformed at "/eventType"
    request-token-as-text.json: POST with a token and 100 bytes | malformed at "/eventType"
    request-two-tokens.json: POST with no token and 100 bytes | malformed at "/eventType"
    request.json: POST with a token and 100 bytes | malformed at "/eventType"
    "#);
}

#[test]
fn lambda_events() {
    insta::assert_snapshot!(replay("lambda", targets::lambda), @r#"
    batch-empty.json: nothing-to-do | malformed at ""
    batch-mixed.json: malformed | malformed at ""
    cut-off.json: malformed | malformed
    deep.json: malformed | malformed
    empty.json: malformed | malformed
    number.json: malformed | malformed at ""
    other-event.json: malformed | malformed at "/entityId"
    query-descending.json: malformed | found
    query-far-seconds.json: malformed | malformed at "/startDateTime"
    query-far-time.json: malformed | found
    query-filters.json: malformed | malformed at "/propertyFilters"
    query-many-results.json: malformed | found
    query-no-entity.json: malformed | malformed at "/entityId"
    query-over-http.json: a request: not-found | a request: found
    query-token-of-another.json: malformed | malformed at "/nextToken"
    query-token.json: malformed | found
    query.json: malformed | found
    request-azure-path.json: a request: stored | a request: not-found
    request-base64-broken.json: a request: malformed | a request: malformed
    request-base64.json: a request: stored | a request: malformed at "/entityId"
    request-body-null.json: a request: malformed at "line 1, column 0" | a request: malformed at "line 1, column 0"
    request-body-object.json: a request: malformed | a request: malformed
    request-context-number.json: a request: malformed | a request: malformed
    request-get.json: a request: method-not-allowed | a request: method-not-allowed
    request-headers-list.json: a request: malformed | a request: malformed
    request-no-token.json: a request: unauthorized | a request: unauthorized
    request-other-path.json: a request: not-found | a request: not-found
    request-two-tokens.json: a request: unauthorized | a request: unauthorized
    request.json: a request: stored | a request: malformed at "/entityId"
    rule-batch.json: stored | malformed at ""
    rule-clock-ahead.json: stored | malformed at "/entityId"
    rule-device-number.json: malformed at "/device" | malformed at "/entityId"
    rule-empty.json: malformed at "/payload, line 1, column 0" | malformed at "/entityId"
    rule-list-empty.json: nothing-to-do | malformed at "/entityId"
    rule-list-mixed.json: malformed at "/payload/1" | malformed at "/entityId"
    rule-list.json: stored | malformed at "/entityId"
    rule-no-device.json: malformed at "/device" | malformed at "/entityId"
    rule-no-time.json: stored | malformed at "/entityId"
    rule-not-base64.json: malformed at "/payload" | malformed at "/entityId"
    rule-not-json.json: malformed at "/payload, line 1, column 2" | malformed at "/entityId"
    rule-not-utf8.json: malformed at "/payload, line 1, column 7" | malformed at "/entityId"
    rule-payload-object.json: malformed at "/payload" | malformed at "/entityId"
    rule-received-far.json: malformed at "/received" | malformed at "/entityId"
    rule-received-text.json: malformed at "/received" | malformed at "/entityId"
    rule.json: stored | malformed at "/entityId"
    "#);
}

#[test]
fn environments() {
    insta::assert_snapshot!(replay("settings", targets::settings), @r#"
    adt-not-a-url.env: adt-pusher cannot read ADT_INSTANCE_URL, adt-updater cannot read ADT_INSTANCE_URL
    adt-not-known-yet.env: adt-updater misses ADT_INSTANCE_URL
    all.env: all read
    aws-days-not-a-number.env: adt-pusher misses AZURE_CLIENT_ID, adt-updater misses ADT_INSTANCE_URL, archive-writer misses ARCHIVE_WRITER_INTER_CLOUD_TOKEN, cold-writer misses COLD_WRITER_INTER_CLOUD_TOKEN, hot-reader cannot read HOT_STORAGE_DAYS, hot-writer misses HOT_WRITER_INTER_CLOUD_TOKEN, ingestion misses INGESTION_INTER_CLOUD_TOKEN, persister cannot read HOT_STORAGE_DAYS
    aws.env: adt-pusher misses AZURE_CLIENT_ID, adt-updater misses ADT_INSTANCE_URL
    empty.env: adt-pusher misses AZURE_CLIENT_ID, adt-updater misses ADT_INSTANCE_URL, archive-writer misses ARCHIVE_WRITER_INTER_CLOUD_TOKEN, cold-writer misses COLD_WRITER_INTER_CLOUD_TOKEN, hot-reader misses COSMOS_DB_ENDPOINT, hot-writer misses HOT_WRITER_INTER_CLOUD_TOKEN, ingestion misses INGESTION_INTER_CLOUD_TOKEN, persister misses COSMOS_DB_ENDPOINT
    ingestion-is-relative.env: dispatcher cannot read REMOTE_INGESTION_URL
    map-in-a-file-without-name.env: adt-pusher has no file for DIGITAL_TWIN_INFO, adt-updater has no file for DIGITAL_TWIN_INFO
    map-in-a-missing-file.env: adt-pusher has no file for DIGITAL_TWIN_INFO, adt-updater has no file for DIGITAL_TWIN_INFO
    map-not-json.env: adt-pusher cannot read DIGITAL_TWIN_INFO, adt-updater cannot read DIGITAL_TWIN_INFO
    map-of-another-shape.env: adt-pusher cannot read DIGITAL_TWIN_INFO, adt-updater cannot read DIGITAL_TWIN_INFO
    map-unknown-schema.env: adt-pusher cannot read DIGITAL_TWIN_INFO, adt-updater cannot read DIGITAL_TWIN_INFO
    no-equals-signs.env: adt-pusher misses AZURE_CLIENT_ID, adt-updater misses ADT_INSTANCE_URL, archive-writer misses ARCHIVE_WRITER_INTER_CLOUD_TOKEN, cold-writer misses COLD_WRITER_INTER_CLOUD_TOKEN, hot-reader misses COSMOS_DB_ENDPOINT, hot-writer misses HOT_WRITER_INTER_CLOUD_TOKEN, ingestion misses INGESTION_INTER_CLOUD_TOKEN, persister misses COSMOS_DB_ENDPOINT
    not-utf8.env: adt-pusher misses INTER_CLOUD_TOKEN, adt-updater misses ADT_INSTANCE_URL, archive-writer misses ARCHIVE_WRITER_INTER_CLOUD_TOKEN, cold-writer misses COLD_WRITER_INTER_CLOUD_TOKEN, hot-reader misses COSMOS_DB_ENDPOINT, hot-writer misses HOT_WRITER_INTER_CLOUD_TOKEN, ingestion misses INGESTION_INTER_CLOUD_TOKEN, persister misses COSMOS_DB_ENDPOINT
    persister-without-host.env: ingestion cannot read PERSISTER_URL
    pusher-in-clear-on-this-machine.env: all read
    pusher-in-clear.env: persister cannot read REMOTE_ADT_PUSHER_URL
    pusher.env: all read
    remote-writer-without-token.env: persister misses REMOTE_WRITER_TOKEN
    remote-writer.env: hot-reader misses COSMOS_DB_ENDPOINT, hot-writer misses COSMOS_DB_ENDPOINT
    "#);
}

#[test]
fn no_cut_and_no_changed_byte_is_too_much() {
    // A prime, so that the places differ from line to line.
    const STEP: usize = 29;
    for (target, run) in TARGETS {
        for file in corpus(target) {
            let whole = fs::read(file).unwrap();
            for place in (0..whole.len()).step_by(STEP) {
                run(&whole[..place]);
                for byte in [b'"', b'{', b'9', 0xff] {
                    let mut changed = whole.clone();
                    changed[place] = byte;
                    run(&changed);
                }
            }
        }
    }
}
