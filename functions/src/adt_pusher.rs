//! `adt-pusher`: takes telemetry over HTTP from a persister on another cloud, or anybody who has the token, and writes it
//! into Azure Digital Twins.

use async_trait::async_trait;
use chrono::Utc;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    answer::{Answer, Code},
    call::{self, Call, Handler, What},
    inbound::post,
    settings::Secret,
    twin::{Feeds, Writer},
    twin_info::TwinInfo,
};

/// The function.
#[derive(Debug)]
pub struct AdtPusher {
    /// The token's SHA-256: texts of one length, so that comparing takes the same time for all.
    token: [u8; 32],
    twins: Option<(Feeds, Writer)>,
}

impl AdtPusher {
    /// The function with the token that callers must show; without `twins` it answers that the instance is not known yet.
    #[must_use]
    pub fn new(token: Secret, twins: Option<(TwinInfo, Writer)>) -> Self {
        Self { token: digest(&token), twins: twins.map(|(info, writer)| (info.into(), writer)) }
    }

    fn admits(&self, token: Option<&Secret>) -> bool {
        token.is_some_and(|token| digest(token).ct_eq(&self.token).into())
    }

    async fn push(&self, body: &[u8], deadline: std::time::Instant) -> Answer {
        let Some((feeds, writer)) = &self.twins else {
            return Answer::new(Code::NotReady, "there is no Azure Digital Twins instance yet");
        };
        if body.len() > call::BODY_LIMIT {
            return Answer::new(Code::TooLarge, format!("the body is larger than {} bytes", call::BODY_LIMIT));
        }
        let telemetry = match post::parse(body, Utc::now()) {
            Ok(telemetry) => telemetry,
            Err(problem) => {
                return Answer::new(Code::Malformed, problem.to_string()).detail("at", problem.at);
            }
        };
        let Some(feed) = feeds.of(&telemetry.device) else {
            return Answer::new(Code::UnknownDevice, "no twin is fed by this device").about(telemetry.device);
        };
        let device = telemetry.device.clone();
        let answer = match writer.write(feed, telemetry, deadline).await {
            Ok(written) => written.answer(),
            Err(failure) => failure.answer(),
        };
        answer.about(device)
    }
}

fn digest(token: &Secret) -> [u8; 32] {
    Sha256::digest(token.reveal()).into()
}

#[async_trait]
impl Handler for AdtPusher {
    async fn call(&self, call: Call) -> Answer {
        let What::Post { token, body } = call.what else {
            return Answer::new(Code::MethodNotAllowed, "adt-pusher takes a POST");
        };
        if !self.admits(token.as_ref()) {
            return Answer::new(Code::Unauthorized, "the request is not authorised");
        }
        self.push(&body, call.deadline).await
    }
}

#[cfg(test)]
mod tests;
