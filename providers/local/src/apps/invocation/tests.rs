use super::*;

fn function(output: &str) -> Function {
    Function::read(
        "f",
        &json!({ "bindings": [
            { "type": "httpTrigger", "direction": "in", "name": "req" },
            { "type": "http", "direction": "out", "name": output },
        ]}),
    )
}

async fn answer(output: &str, outcome: Value) -> (u16, Option<String>, String) {
    let outcome: Outcome = serde_json::from_value(outcome).unwrap();
    let response = outcome.into_response(&function(output));
    let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, kind, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn a_request_is_handed_over_as_the_real_host_does() {
    let request = Request::post("/api/f/7?a=1&b=x%20y")
        .header("host", "app.web.localhost:9")
        .header("content-type", "application/json")
        .header("x-two", "1")
        .header("x-two", "2")
        .body(Bytes::from_static(b"{\"k\":1}"))
        .unwrap();
    let parameters = json!({ "id": "7" }).as_object().unwrap().clone();
    let value = request_value(&request, parameters);
    let expected = json!({
        "Url": "https://app.web.localhost:9/api/f/7?a=1&b=x%20y",
        "Method": "POST",
        "Query": "{\"a\":\"1\",\"b\":\"x y\"}",
        "Headers": { "Host": ["app.web.localhost:9"], "Content-Type": ["application/json"], "X-Two": ["1", "2"] },
        "Params": { "id": "7" },
        "Identities": "[]",
        "Body": "{\"k\":1}",
    });
    assert_eq!(value, expected);
}

#[test]
fn bytes_are_handed_over_in_base64() {
    let body = |kind: &str, bytes: &'static [u8]| {
        let request = Request::post("/").header("content-type", kind).body(Bytes::from_static(bytes)).unwrap();
        request_value(&request, Map::new())["Body"].clone()
    };
    assert_eq!(body("application/octet-stream", b"abc"), "YWJj");
    assert_eq!(body("text/plain", &[0xff, 0xfe]), "//4=");
    assert_eq!(body("text/plain", b""), Value::Null);
}

#[tokio::test]
async fn outputs_become_answers() {
    let res = |res: Value| json!({ "Outputs": { "res": res }, "Logs": ["x"], "ReturnValue": null });
    let (json_kind, text_kind) = ("application/json; charset=utf-8", "text/plain; charset=utf-8");
    let cases = [
        (
            json!({ "statusCode": 429, "headers": { "Content-Type": "text/css" }, "body": "slow" }),
            429,
            Some("text/css"),
            "slow",
        ),
        (json!({ "statusCode": "404", "body": { "code": "x" } }), 404, Some(json_kind), "{\"code\":\"x\"}"),
        (json!({ "status": 201 }), 201, None, ""),
        (json!({ "body": "hi", "headers": { "content-length": "999" } }), 200, Some(text_kind), "hi"),
        (json!("plain"), 200, Some(text_kind), "plain"),
        (json!({ "other": 1 }), 200, Some(json_kind), "{\"other\":1}"),
        (json!({ "statusCode": 99_999 }), 200, None, ""),
        (json!({ "statusCode": 7 }), 500, None, ""),
    ];
    for (output, status, kind, body) in cases {
        let expected = (status, kind.map(str::to_owned), body.to_owned());
        assert_eq!(answer("res", res(output.clone())).await, expected, "{output}");
    }
    assert_eq!(answer("res", json!({})).await.0, 204);
    let returned = json!({ "Outputs": null, "Logs": null, "ReturnValue": { "statusCode": 202 } });
    assert_eq!(answer("$return", returned).await.0, 202);
}
