//! Schedule rules of EventBridge, each with one queue as its target.

use aws_sdk_eventbridge::types::{PutTargetsResultEntry, RuleState, Tag, Target};
use aws_smithy_runtime_api::http::Headers;

use super::demand_ours;
use crate::{
    Aws, Error, Tags,
    error::{UnlessMissing, failed},
    kinds::built,
};

/// The id of a rule's only target: it need be unique within the rule alone.
const TARGET: &str = "queue";

/// A rule as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// When it fires: `cron(0 3 * * ? *)`, in UTC; absent for a rule without a clock.
    pub expression: Option<String>,
    /// Whether it fires at all.
    pub enabled: bool,
    /// Its tags, ours and foreign ones.
    pub tags: Tags,
}

impl Aws {
    /// Looks at a rule of the default bus; `None` when there is none.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn schedule_rule(&self, name: &str) -> Result<Option<Rule>, Error> {
        let request = self.events().describe_rule().name(name);
        let found = request.send().await.map_err(failed("events:DescribeRule", name)).unless_missing()?;
        let Some(found) = found else { return Ok(None) };
        let arn = found.arn.unwrap_or_default();
        let request = self.events().list_tags_for_resource().resource_arn(&arn);
        let tags = request.send().await.map_err(failed("events:ListTagsForResource", name)).unless_missing()?;
        // Removed between the two.
        let Some(tags) = tags else { return Ok(None) };
        let tags = tags.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
        let enabled = found.state == Some(RuleState::Enabled);
        Ok(Some(Rule { arn, expression: found.schedule_expression, enabled, tags }))
    }

    /// Makes a rule of the default bus that fires by the clock, or brings ours in line; gives its ARN.
    ///
    /// `expression` is what [`super::schedule_expression`] gives.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] (`not-ours`) when a rule of that name lacks one of the tags.
    pub async fn put_schedule_rule(
        &self,
        name: &str,
        expression: &str,
        enabled: bool,
        tags: &Tags,
    ) -> Result<String, Error> {
        let found = self.schedule_rule(name).await?;
        found.as_ref().map_or(Ok(()), |found| demand_ours(&format!("rule {name}"), &found.tags, tags))?;
        let state = if enabled { RuleState::Enabled } else { RuleState::Disabled };
        let request = self.events().put_rule().name(name).schedule_expression(expression).state(state);
        // Tags that come with a change of a rule are ignored.
        let tags = if found.is_some() { None } else { Some(sdk_tags(tags)?) };
        let answer = request.set_tags(tags).send().await.map_err(failed("events:PutRule", name))?;
        Ok(answer.rule_arn.unwrap_or_default())
    }

    /// Makes a queue the target of a rule of ours, in place of an earlier one.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached; [`crate::ErrorKind::NotFound`] when there is no such rule.
    pub async fn put_queue_target(&self, rule: &str, queue_arn: &str) -> Result<(), Error> {
        let target = built(Target::builder().id(TARGET).arn(queue_arn).build())?;
        let request = self.events().put_targets().rule(rule).targets(target);
        let answer = request.send().await.map_err(failed("events:PutTargets", rule))?;
        let refused = answer.failed_entries.unwrap_or_default().into_iter().next();
        refused.map_or(Ok(()), |refused| Err(target_refused(rule, &refused)))
    }

    /// Removes a rule and its target; nothing there is fine.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] when a rule of that name lacks one of the tags (`not-ours`), or has targets that others
    /// have given it.
    pub async fn delete_schedule_rule(&self, name: &str, tags: &Tags) -> Result<(), Error> {
        let Some(found) = self.schedule_rule(name).await? else { return Ok(()) };
        demand_ours(&format!("rule {name}"), &found.tags, tags)?;
        let request = self.events().remove_targets().rule(name).ids(TARGET);
        request.send().await.map_err(failed("events:RemoveTargets", name)).unless_missing()?;
        let request = self.events().delete_rule().name(name);
        request.send().await.map_err(failed("events:DeleteRule", name)).unless_missing().map(drop)
    }
}

fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>, Error> {
    tags.iter().map(|(key, value)| built(Tag::builder().key(key).value(value).build())).collect()
}

fn target_refused(rule: &str, refused: &PutTargetsResultEntry) -> Error {
    let (code, message) = (refused.error_code(), refused.error_message());
    Error::of_answer(format!("events:PutTargets {rule}"), 200, &Headers::new(), code, message)
}
