//! A cloud of its own for each test: the emulator on a free port, in a folder that goes with it.

use std::{
    env,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use functions::{
    dynamo::{EXPIRES, PARTITION_KEY, SORT_KEY},
    function::Function,
    inbound::iot,
    package::{Compression, Handler, Package},
    settings::{AppSettings, Secret, SecretRef, merge, resolve},
};
use reqwest::{Client, Method, Response, Url};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const REGION: &str = "eu-central-1";
const ACCOUNT: &str = "123456789012";

pub(crate) struct Cloud {
    emulator: Child,
    pub(crate) port: u16,
    pub(crate) http: Client,
    folder: TempDir,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // It is ours, and there is nothing to keep. What it started ends with it, or with the test's folder.
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

/// A token by the name of its connection.
pub(crate) fn token(connection: &str) -> SecretRef {
    SecretRef { connection: connection.into(), generation: 1, fingerprint: "0011223344556677".into() }
}

pub(crate) fn revealed(connection: &str) -> String {
    format!("token-of-{connection}")
}

impl Cloud {
    /// Starts one; `None` where there is no emulator.
    pub(crate) async fn start() -> Option<Self> {
        let Some(program) = env::var_os("TWINCTL_MINISTACK") else {
            eprintln!("skipped: TWINCTL_MINISTACK does not say where ministack is");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let emulator = emulator(program.as_ref(), folder.path(), port);
        let http = azure_client();
        let cloud = Self { emulator, port, http, folder };
        let late = Instant::now() + PATIENCE;
        let health = format!("http://127.0.0.1:{port}/_ministack/health");
        while !cloud.http.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(Instant::now() < late, "{}", cloud.log());
            sleep(Duration::from_millis(50)).await;
        }
        Some(cloud)
    }

    /// What the emulator has written, the functions' own lines among it.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A request as AWS's own clients send it; the emulator does not look at the signature.
    pub(crate) async fn send(
        &self,
        service: &str,
        method: Method,
        path: &str,
        host: Option<&str>,
        body: Vec<u8>,
    ) -> Response {
        let scope = format!("{ACCOUNT}/20260101/{REGION}/{service}/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let request = self.http.request(method, format!("http://127.0.0.1:{}{path}", self.port));
        let request = request.header("authorization", authorization).header("content-type", "application/json");
        let request = match host {
            Some(host) => request.header("host", format!("{host}:{}", self.port)),
            None => request,
        };
        request.body(body).send().await.unwrap()
    }

    /// A call of a service that speaks REST and JSON.
    pub(crate) async fn rest(&self, service: &str, method: Method, path: &str, body: &Value) -> Value {
        document(self.send(service, method, path, None, body.to_string().into_bytes()).await).await
    }

    /// A call of DynamoDB.
    pub(crate) async fn dynamo(&self, operation: &str, body: &Value) -> Value {
        let scope = format!("{ACCOUNT}/20260101/{REGION}/dynamodb/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let request = self.http.post(format!("http://127.0.0.1:{}/", self.port)).header("authorization", authorization);
        let request = request.header("content-type", "application/x-amz-json-1.0");
        let request = request.header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        document(request.body(body.to_string()).send().await.unwrap()).await
    }

    /// The table of hot storage, as a deployment makes it.
    pub(crate) async fn table(&self, name: &str) {
        let keys = [(PARTITION_KEY, "HASH"), (SORT_KEY, "RANGE")];
        let schema = keys.map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}));
        let types = keys.map(|(name, _)| json!({"AttributeName": name, "AttributeType": "S"}));
        let table = json!({
            "TableName": name, "KeySchema": schema, "AttributeDefinitions": types, "BillingMode": "PAY_PER_REQUEST"
        });
        self.dynamo("CreateTable", &table).await;
        let life = json!({"TableName": name, "TimeToLiveSpecification": {"Enabled": true, "AttributeName": EXPIRES}});
        self.dynamo("UpdateTimeToLive", &life).await;
    }

    /// The items of a device, once there are as many as are waited for.
    pub(crate) async fn items(&self, table: &str, device: &str, count: usize) -> Vec<Value> {
        let query = json!({
            "TableName": table, "KeyConditionExpression": format!("{PARTITION_KEY} = :d"),
            "ExpressionAttributeValues": {":d": {"S": device}}
        });
        let late = Instant::now() + PATIENCE;
        loop {
            let items = self.dynamo("Query", &query).await["Items"].as_array().unwrap().clone();
            if items.len() >= count {
                return items;
            }
            assert!(Instant::now() < late, "{items:?}\n{}", self.log());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// A bucket, if it is not there yet.
    pub(crate) async fn bucket(&self, name: &str) {
        let place = format!("<LocationConstraint>{REGION}</LocationConstraint>");
        let body = format!("<CreateBucketConfiguration>{place}</CreateBucketConfiguration>").into_bytes();
        let made = self.send("s3", Method::PUT, &format!("/{name}"), None, body).await;
        assert!(made.status().is_success() || made.status() == 409, "{made:?}");
    }

    /// A function of this very program under its own name, and its URL.
    pub(crate) async fn function(&self, function: Function, settings: AppSettings) -> Url {
        self.named(function.name(), function, settings).await
    }

    /// The same under a name.
    pub(crate) async fn named(&self, name: &str, function: Function, settings: AppSettings) -> Url {
        let program = Handler::file(env!("CARGO_BIN_EXE_twin-functions"));
        let zip = Package::lambda(program).zip(Compression::Stored).unwrap();
        self.bucket("packages").await;
        let sent = self.send("s3", Method::PUT, "/packages/functions.zip", None, zip).await;
        assert!(sent.status().is_success(), "{sent:?}");
        let resolved = resolve(&merge([settings]).unwrap(), |reference| {
            Ok::<_, std::convert::Infallible>(Secret::new(revealed(&reference.connection)))
        });
        let Ok(resolved) = resolved;
        let variables: serde_json::Map<String, Value> =
            resolved.into_iter().map(|(name, value)| (name, value.reveal().into())).collect();
        let created = json!({
            "FunctionName": name, "Runtime": "provided.al2023", "Handler": function.name(),
            "Role": format!("arn:aws:iam::{ACCOUNT}:role/functions"), "Timeout": 30, "MemorySize": 256,
            "Code": {"S3Bucket": "packages", "S3Key": "functions.zip"}, "Environment": {"Variables": variables}
        });
        self.rest("lambda", Method::POST, "/2015-03-31/functions", &created).await;
        let path = format!("/2021-10-31/functions/{name}/url");
        let url = self.rest("lambda", Method::POST, &path, &json!({"AuthType": "NONE"})).await;
        self.permit(name, "url", "*", "lambda:InvokeFunctionUrl").await;
        let url: Url = url["FunctionUrl"].as_str().unwrap().parse().unwrap();
        let id = url.host_str().unwrap().split('.').next().unwrap();
        format!("http://{id}.lambda-url.{REGION}.localhost:{}/", self.port).parse().unwrap()
    }

    async fn permit(&self, name: &str, id: &str, principal: &str, action: &str) {
        let mut statement = json!({"StatementId": id, "Action": action, "Principal": principal});
        if principal == "*" {
            statement["FunctionUrlAuthType"] = "NONE".into();
        }
        self.rest("lambda", Method::POST, &format!("/2015-03-31/functions/{name}/policy"), &statement).await;
    }

    /// Calls a function as a service of the cloud does that waits for the answer.
    pub(crate) async fn invoke(&self, name: &str, event: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        self.rest("lambda", Method::POST, &path, event).await
    }

    /// The rule of a twin's devices.
    pub(crate) async fn rule(&self, twin: &str, function: Function) {
        self.permit(function.name(), "rule", "iot.amazonaws.com", "lambda:InvokeFunction").await;
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}");
        let rule = json!({
            "sql": iot::rule_sql(twin), "awsIotSqlVersion": iot::SQL_VERSION, "actions": [{"lambda": {"functionArn": arn}}]
        });
        self.rest("iot", Method::POST, &format!("/rules/{twin}"), &rule).await;
    }

    /// What a device sends.
    pub(crate) async fn publish(&self, twin: &str, device: &str, message: &str) {
        let path = format!("/topics/{}?qos=1", iot::topic(twin, device));
        let host = format!("data-ats.iot.{REGION}.localhost");
        let sent = self.send("iotdata", Method::POST, &path, Some(&host), message.as_bytes().to_vec()).await;
        assert!(sent.status().is_success(), "{sent:?}");
    }

    /// A call over HTTP, as another cloud makes it: its status and its JSON.
    pub(crate) async fn post(&self, url: &Url, token: Option<&str>, body: &Value) -> (u16, Value) {
        let request = self.http.post(url.clone()).header("content-type", "application/json").body(body.to_string());
        let request = match token {
            Some(token) => request.header("x-inter-cloud-token", token),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{}", self.log())))
    }
}

fn emulator(program: &Path, folder: &Path, port: u16) -> Child {
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(program);
    command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).current_dir(folder);
    command.env("HOME", folder).env("TMPDIR", folder).env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "localhost");
    command.env("GATEWAY_PORT", port.to_string()).env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
    command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"));
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// The client of the functions themselves: it finds names below `.localhost` on this machine.
fn azure_client() -> Client {
    azure::transport::client(&[]).unwrap()
}

async fn document(answer: Response) -> Value {
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
