//! Routes, keys, forms: what reaches a handler and what comes back.

use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{App, NAME, package};

async fn status(app: &App, method: Method, path: &str, key: Option<&str>) -> u16 {
    let request = app.cloud.client.request(method, app.url(path));
    let request = key.iter().fold(request, |request, key| request.header("x-functions-key", *key));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_call_takes_the_form_of_the_real_host_and_so_does_its_answer() {
    let app = App::deploy(&[]).await;
    assert_eq!(app.state().await["state"], "not-started", "nothing runs before the first call");
    let url = app.url("/api/Hello/7?a=b%20c");
    let answer = app.cloud.client.post(url).header("content-type", "application/json").body("{\"x\":1}");
    let answer = answer.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-from"]), (200, &"handler".parse().unwrap()));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["path"], "/hello");
    let req = &body["call"]["Data"]["req"];
    assert_eq!((&req["Method"], &req["Params"]), (&json!("POST"), &json!({ "id": "7" })));
    assert_eq!((&req["Query"], &req["Body"]), (&json!("{\"a\":\"b c\"}"), &json!("{\"x\":1}")));
    assert_eq!(req["Headers"]["Content-Type"], json!(["application/json"]));
    assert_eq!(body["call"]["Metadata"]["sys"]["MethodName"], "hello");
    let state = app.state().await;
    assert_eq!((&state["state"], &state["pid"], &state["restarts"]), (&json!("running"), &body["pid"], &json!(0)));
    assert_eq!(state["calls"], json!({ "hello": { "200": 1 } }));
    let log = std::fs::read_to_string(app.log()).unwrap();
    assert!(log.contains("a line of the function\n"), "{log}");
    assert_eq!(std::fs::metadata(app.log()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_the_handler_prints_is_in_its_log() {
    let app = App::deploy(&[]).await;
    app.pid().await;
    let start = std::time::Instant::now();
    while !std::fs::read_to_string(app.log()).unwrap().contains("the handler serves") {
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "what was printed never arrives");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn only_what_is_there_and_opened_is_called() {
    let app = App::deploy(&[("AzureWebJobs.guarded.Disabled", "true")]).await;
    let keys = app.keys().await;
    let (master, default) = (keys["masterKey"].as_str(), keys["functionKeys"]["default"].as_str());
    for (method, path, key, expected) in [
        (Method::GET, "/api/nothing", None, 404),
        (Method::GET, "/hello", None, 404),
        (Method::DELETE, "/api/hello", None, 404),
        (Method::GET, "/api/off", None, 404),
        (Method::GET, "/api/events", None, 404),
        (Method::GET, "/api/guarded", master, 404),
        (Method::GET, "/api/locked", None, 401),
        (Method::GET, "/api/locked", Some("wrong"), 401),
        (Method::GET, "/api/locked", default, 200),
        (Method::GET, "/api/locked", master, 200),
        (Method::GET, "/", None, 200),
    ] {
        assert_eq!(status(&app, method.clone(), path, key).await, expected, "{method} {path}");
    }
    app.set(&[]).await;
    assert_eq!(status(&app, Method::GET, "/api/guarded", default).await, 401);
    assert_eq!(status(&app, Method::GET, "/api/guarded", master).await, 200);
    let other = app.url("/api/hello").to_string().replace(NAME, "no-app");
    assert_eq!(app.cloud.client.get(other).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_host_tells_its_state_to_those_who_have_the_master_key() {
    let app = App::deploy(&[]).await;
    let keys = app.keys().await;
    let (master, default) = (keys["masterKey"].as_str(), keys["functionKeys"]["default"].as_str());
    for key in [None, default] {
        assert_eq!(status(&app, Method::GET, "/admin/host/status", key).await, 401);
    }
    let get = async |path: &str| {
        let request = app.cloud.client.get(app.url(path)).header("x-functions-key", master.unwrap());
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    assert_eq!(get("/admin/host/status").await["state"], "Running");
    let functions = get("/admin/functions").await;
    let names: Vec<&str> = functions.as_array().unwrap().iter().map(|found| found["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["events", "guarded", "hello", "locked", "off"]);
    assert_eq!(
        functions[2]["invoke_url_template"],
        app.url("/api/hello/%7Bid%3F%7D").to_string().replace("%7B", "{").replace("%3F", "?").replace("%7D", "}")
    );
    assert_eq!(get("/admin/functions/hello/status").await, json!({}));
    assert_eq!(status(&app, Method::GET, "/admin/functions/none/status", master).await, 404);
    assert_eq!(status(&app, Method::GET, "/admin/host/keys", master).await, 501);
}

#[tokio::test]
async fn what_a_handler_gets_wrong_is_an_error_of_the_server_that_says_nothing() {
    let app = App::deploy(&[]).await;
    for order in ["fail", "text"] {
        assert_eq!(app.call(json!({ "do": order })).await, (500, json!("")), "{order}");
    }
    let log = std::fs::read_to_string(app.log()).unwrap();
    assert!(log.contains("the call of hello failed: the handler answered 503"), "{log}");
    assert!(log.contains("its content type is `text/plain"), "{log}");
    assert_eq!(app.state().await["calls"], json!({ "hello": { "500": 2 } }));
}

#[tokio::test]
async fn requests_are_forwarded_as_they_came_where_the_package_says_so() {
    let app = App::deploy(&[]).await;
    app.publish(&package(true, "2")).await;
    let request = app.cloud.client.post(app.url("/api/hello/7?a=1")).header("x-shown", "me").body("12345");
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-back"]), (418, &"yes".parse().unwrap()));
    assert_eq!(answer.text().await.unwrap(), "POST /api/hello/7?a=1 me 5");
}

#[tokio::test]
async fn a_handler_has_its_settings_and_nothing_of_ours() {
    let app = App::deploy(&[("MY_TOKEN", "s3cret")]).await;
    let (_, body) = app.call(json!({ "do": "environment" })).await;
    let variables = body["variables"].as_object().unwrap();
    let ours = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"];
    // What a shell on the way sets by itself is not of the host's doing.
    let names: Vec<&str> = variables.keys().map(String::as_str).filter(|name| !ours.contains(name)).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name)).collect();
    let expected = [
        "AzureWebJobsScriptRoot",
        "FUNCTIONS_CUSTOMHANDLER_PORT",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_HTTPWORKER_PORT",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "MY_TOKEN",
        "PROGRAM",
        "SSL_CERT_FILE",
        "TWINCTL_PARENT_STDIN",
        "WEBSITE_INSTANCE_ID",
        "WEBSITE_SITE_NAME",
    ];
    assert_eq!(names, expected);
    assert_eq!((&variables["MY_TOKEN"], &variables["WEBSITE_SITE_NAME"]), (&json!("s3cret"), &json!(NAME)));
    assert_eq!(body["folder"], variables["AzureWebJobsScriptRoot"]);
    assert!(!body["arguments"].to_string().contains("s3cret"), "secrets never are arguments");
    let endpoint = variables["IDENTITY_ENDPOINT"].as_str().unwrap();
    let url = format!("{endpoint}?resource=https://x&api-version=2019-08-01");
    let token = app.cloud.client.get(url).header("x-identity-header", variables["IDENTITY_HEADER"].as_str().unwrap());
    assert_eq!(token.send().await.unwrap().status(), 200);
}
