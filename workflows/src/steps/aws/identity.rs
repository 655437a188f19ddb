//! Who deploys to AWS: that the account is the definition's is asked before anything is made in it.

use async_trait::async_trait;
use engine::step::{Change, Context, Error, FailureKind, Fit, Observation, Ownership, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::failed;
use crate::clouds::Clouds;

/// The account must be the definition's.
pub(crate) struct Account {
    account: String,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The account's number.
    account: String,
    /// The user or the role.
    arn: String,
}

impl Account {
    /// The account with this number.
    pub(crate) fn new(account: String) -> Self {
        Self { account }
    }

    async fn ask(&self, cx: &Context<'_, Clouds>) -> Result<Identity, Error> {
        let found = cx.env.aws()?.identity().await.map_err(failed)?;
        if found.account != self.account {
            let message = format!("deploy to account {}: the login is of account {}", self.account, found.account);
            return Err(Error::failed(FailureKind::Permanent, message).with_code("wrong-account"));
        }
        Ok(Identity { account: found.account, arn: found.arn })
    }
}

#[async_trait]
impl Step<Clouds> for Account {
    type Output = Identity;

    fn document(&self) -> Value {
        json!({ "account": self.account })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<Identity>, Error> {
        let output = Some(self.ask(cx).await?);
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit: Fit::Exact, output })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, _change: Change<'_>) -> Result<Identity, Error> {
        self.ask(cx).await
    }

    async fn compensate(&self, _cx: &Context<'_, Clouds>) -> Result<(), Error> {
        Ok(())
    }
}
