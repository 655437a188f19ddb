//! The handle to one account in one region, and how it is reached.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig, identity::IdentityCache};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use url::Url;

use crate::{
    Error,
    credentials::{self, Credentials},
    error::failed,
    observed::{Observer, observed},
    transport,
};

/// The time that one request may take, its answer included. Uploads get ten times as much.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);
/// How long logging in may take: single sign-on and metadata services are asked over the network.
const LOGIN: Duration = Duration::from_secs(30);

/// How to reach a cloud.
#[derive(Debug, Clone)]
pub struct Options {
    /// The region, `eu-central-1`.
    pub region: String,
    /// Where all services answer, when not at AWS: an emulator on this machine.
    pub endpoint: Option<Url>,
    /// Where IoT TwinMaker answers, when elsewhere than the other services: no emulator has it.
    pub twin_maker_endpoint: Option<Url>,
    /// Who we are.
    pub credentials: Credentials,
    /// The client under the SDK, [`crate::http_client`] when none is given. A wrapper around it sees and may cut every
    /// exchange but those of devices with their real endpoint.
    pub http_client: Option<SharedHttpClient>,
    /// Is told the id of each answered request that may have changed something.
    pub observer: Option<Observer>,
}

/// Who the credentials belong to, as the security token service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account's number, twelve digits.
    pub account: String,
    /// The caller's ARN: a user, or a role's session.
    pub arn: String,
    /// The caller's unique id.
    pub user_id: String,
}

/// The handle to one account in one region; cheap to clone, its clones share connections and credentials.
#[derive(Clone)]
pub struct Aws(Arc<Shared>);

struct Shared {
    region: String,
    endpoint: Option<Url>,
    http_client: SharedHttpClient,
    sdk: SdkConfig,
    twin_maker: SdkConfig,
    clients: Clients,
}

/// Made at first use: nothing is set up for a service that a project does not need.
#[derive(Default)]
struct Clients {
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    iot: OnceLock<aws_sdk_iot::Client>,
    lambda: OnceLock<aws_sdk_lambda::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    twin_maker: OnceLock<aws_sdk_iottwinmaker::Client>,
}

impl Aws {
    /// A handle; sends nothing and reads nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let http_client =
            observed(options.http_client.clone().unwrap_or_else(transport::http_client), options.observer.clone());
        let sdk = sdk_config(&options, &http_client);
        let elsewhere = options.twin_maker_endpoint.as_ref().or(options.endpoint.as_ref());
        let mut twin_maker = sdk.to_builder();
        twin_maker.set_endpoint_url(elsewhere.map(|url| base(&transport::named(url))));
        Self(Arc::new(Shared {
            region: options.region,
            endpoint: options.endpoint,
            http_client,
            sdk,
            twin_maker: twin_maker.build(),
            clients: Clients::default(),
        }))
    }

    /// The region that the handle is for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// Asks who we are (STS GetCallerIdentity).
    ///
    /// # Errors
    /// When there are no credentials, or they are refused.
    pub async fn identity(&self) -> Result<Identity, Error> {
        let answer =
            self.sts().get_caller_identity().send().await.map_err(failed("sts:GetCallerIdentity", &self.0.region))?;
        Ok(Identity {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
            user_id: answer.user_id.unwrap_or_default(),
        })
    }

    /// Where all services answer instead of AWS, if so.
    pub(crate) fn endpoint(&self) -> Option<&Url> {
        self.0.endpoint.as_ref()
    }

    pub(crate) fn http_client(&self) -> &SharedHttpClient {
        &self.0.http_client
    }

    pub(crate) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.0.clients.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.0.sdk))
    }

    pub(crate) fn events(&self) -> &aws_sdk_eventbridge::Client {
        self.0.clients.events.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.0.sdk))
    }

    pub(crate) fn iam(&self) -> &aws_sdk_iam::Client {
        self.0.clients.iam.get_or_init(|| aws_sdk_iam::Client::new(&self.0.sdk))
    }

    pub(crate) fn iot(&self) -> &aws_sdk_iot::Client {
        self.0.clients.iot.get_or_init(|| aws_sdk_iot::Client::new(&self.0.sdk))
    }

    pub(crate) fn lambda(&self) -> &aws_sdk_lambda::Client {
        self.0.clients.lambda.get_or_init(|| aws_sdk_lambda::Client::new(&self.0.sdk))
    }

    pub(crate) fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        self.0.clients.logs.get_or_init(|| aws_sdk_cloudwatchlogs::Client::new(&self.0.sdk))
    }

    pub(crate) fn s3(&self) -> &aws_sdk_s3::Client {
        self.0.clients.s3.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.0.sdk);
            // An emulator is one host; AWS has a host per bucket.
            aws_sdk_s3::Client::from_conf(config.force_path_style(self.0.endpoint.is_some()).build())
        })
    }

    pub(crate) fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.0.clients.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.0.sdk))
    }

    fn sts(&self) -> &aws_sdk_sts::Client {
        self.0.clients.sts.get_or_init(|| aws_sdk_sts::Client::new(&self.0.sdk))
    }

    pub(crate) fn twin_maker(&self) -> &aws_sdk_iottwinmaker::Client {
        self.0.clients.twin_maker.get_or_init(|| aws_sdk_iottwinmaker::Client::new(&self.0.twin_maker))
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.0.region).field("endpoint", &self.0.endpoint).finish()
    }
}

/// What all services share. Retries are off: the engine retries, so that every attempt is journaled.
fn sdk_config(options: &Options, http_client: &SharedHttpClient) -> SdkConfig {
    let region = Region::new(options.region.clone());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials::provider(&options.credentials, &region, http_client))
        .region(region)
        .http_client(http_client.clone())
        .identity_cache(IdentityCache::lazy().load_timeout(LOGIN).build())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).operation_timeout(TIMEOUT).build());
    config.set_app_name(AppName::new("twinctl").ok());
    config.set_endpoint_url(options.endpoint.as_ref().map(base));
    config.build()
}

/// An endpoint as the SDK wants it: without the slash that a URL ends in.
fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
