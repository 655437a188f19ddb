//! Queues of SQS that one rule may send to.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde_json::{Value, json};

use super::demand_ours;
use crate::{
    Aws, Error, Tags,
    error::{UnlessMissing, failed},
    policy,
};

/// How long a message waits for whoever receives, in seconds: the most that SQS offers, 14 days.
const RETENTION: u32 = 14 * 24 * 60 * 60;
/// How long a received message is hidden from other receivers, in seconds.
const HIDDEN: u32 = 60;
/// The longest that one look may wait (ReceiveMessage, `WaitTimeSeconds`).
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// The most messages that one look gives.
const MOST_MESSAGES: i32 = 10;

/// A queue as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Where it is; what receiving and deleting name it by.
    pub url: String,
    /// Its ARN; what a rule names it by.
    pub arn: String,
    /// Its tags, ours and foreign ones.
    pub tags: Tags,
    /// Who may do what with it; null when only the account may.
    pub policy: Value,
}

/// A message that was received and not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What deletes it: good for the time that the message is hidden.
    pub receipt: String,
    /// What was sent.
    pub body: String,
}

impl Aws {
    /// Looks at a queue; `None` when there is none.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn queue(&self, name: &str) -> Result<Option<Queue>, Error> {
        let request = self.sqs().get_queue_url().queue_name(name);
        let found = request.send().await.map_err(failed("sqs:GetQueueUrl", name)).unless_missing()?;
        let Some(url) = found.and_then(|found| found.queue_url) else { return Ok(None) };
        let wanted = [Attribute::QueueArn, Attribute::Policy];
        let request = self.sqs().get_queue_attributes().queue_url(&url).set_attribute_names(Some(wanted.into()));
        let answer = request.send().await.map_err(failed("sqs:GetQueueAttributes", name)).unless_missing()?;
        let request = self.sqs().list_queue_tags().queue_url(&url);
        let tags = request.send().await.map_err(failed("sqs:ListQueueTags", name)).unless_missing()?;
        // Removed in between.
        let (Some(answer), Some(tags)) = (answer, tags) else { return Ok(None) };
        let attributes = answer.attributes.unwrap_or_default();
        let arn = attributes.get(&Attribute::QueueArn).cloned().unwrap_or_default();
        let policy = attributes.get(&Attribute::Policy).map_or(Value::Null, |text| policy::parsed(&json!(text)));
        Ok(Some(Queue { url, arn, tags: tags.tags.unwrap_or_default().into_iter().collect(), policy }))
    }

    /// Makes a queue that only this rule may send to, or brings ours in line. Messages are encrypted, and kept for 14 days.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] (`not-ours`) when a queue of that name lacks one of the tags;
    /// [`crate::ErrorKind::NotYet`] within a minute after one of that name was deleted.
    pub async fn put_queue(&self, name: &str, rule_arn: &str, tags: &Tags) -> Result<Queue, Error> {
        let found = match self.queue(name).await? {
            Some(found) => found,
            None => self.create_queue(name, tags).await?,
        };
        demand_ours(&format!("queue {name}"), &found.tags, tags)?;
        let wanted = policy_for(&found.arn, rule_arn);
        if policy::same(&wanted, &found.policy) {
            return Ok(found);
        }
        let request = self.sqs().set_queue_attributes().queue_url(&found.url);
        let request = request.attributes(Attribute::Policy, wanted.to_string());
        request.send().await.map_err(failed("sqs:SetQueueAttributes", name))?;
        Ok(Queue { policy: wanted, ..found })
    }

    /// Until it has its policy nobody but the account can send to it.
    async fn create_queue(&self, name: &str, tags: &Tags) -> Result<Queue, Error> {
        let request = self
            .sqs()
            .create_queue()
            .queue_name(name)
            .attributes(Attribute::MessageRetentionPeriod, RETENTION.to_string())
            .attributes(Attribute::VisibilityTimeout, HIDDEN.to_string())
            .attributes(Attribute::SqsManagedSseEnabled, "true")
            .set_tags(Some(tags.clone().into_iter().collect()));
        request.send().await.map_err(failed("sqs:CreateQueue", name))?;
        let unseen = || Error::permanent(format!("sqs:CreateQueue {name}: what was made is not to be seen"));
        self.queue(name).await?.ok_or_else(|| unseen().with_kind(crate::ErrorKind::NotYet))
    }

    /// Receives up to ten messages, and waits so long for the first, 20 s at most; none when none came.
    ///
    /// A message stays in the queue, hidden for a minute, until it is [deleted](Aws::delete_message).
    ///
    /// # Errors
    /// When the service refuses or cannot be reached; [`crate::ErrorKind::NotFound`] when there is no such queue.
    pub async fn receive(&self, queue_url: &str, wait: Duration) -> Result<Vec<Message>, Error> {
        let seconds = i32::try_from(wait.min(LONGEST_WAIT).as_secs()).expect("20 is the most");
        let request = self.sqs().receive_message().queue_url(queue_url);
        let request = request.wait_time_seconds(seconds).max_number_of_messages(MOST_MESSAGES);
        let answer = request.send().await.map_err(failed("sqs:ReceiveMessage", queue_url))?;
        let received = answer.messages.unwrap_or_default().into_iter();
        let message = |found: aws_sdk_sqs::types::Message| {
            Some(Message { receipt: found.receipt_handle?, body: found.body.unwrap_or_default() })
        };
        Ok(received.filter_map(message).collect())
    }

    /// Deletes a message that was received; one that is gone is fine.
    ///
    /// A receipt that is too old deletes nothing, which is no error either: the message comes again, with a new one.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached.
    pub async fn delete_message(&self, queue_url: &str, receipt: &str) -> Result<(), Error> {
        let request = self.sqs().delete_message().queue_url(queue_url).receipt_handle(receipt);
        request.send().await.map_err(failed("sqs:DeleteMessage", queue_url)).unless_missing().map(drop)
    }

    /// Removes a queue with what it holds; nothing there is fine. It may answer for a minute longer.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] (`not-ours`) when a queue of that name lacks one of the tags.
    pub async fn delete_queue(&self, name: &str, tags: &Tags) -> Result<(), Error> {
        let Some(found) = self.queue(name).await? else { return Ok(()) };
        demand_ours(&format!("queue {name}"), &found.tags, tags)?;
        let request = self.sqs().delete_queue().queue_url(found.url);
        request.send().await.map_err(failed("sqs:DeleteQueue", name)).unless_missing().map(drop)
    }
}

/// EventBridge may send to the queue, and only on behalf of this rule.
fn policy_for(queue_arn: &str, rule_arn: &str) -> Value {
    let mut statement = policy::allow("OneRule", ["sqs:SendMessage"], [queue_arn]);
    statement["Principal"] = json!({ "Service": "events.amazonaws.com" });
    statement["Condition"] = json!({ "ArnEquals": { "aws:SourceArn": rule_arn } });
    policy::document([statement])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_one_rule_do_one_thing_with_one_queue() {
        let policy = policy_for("arn:aws:sqs:r:1:q", "arn:aws:events:r:1:rule/n");
        assert!(policy::wildcards(&policy).is_empty());
        assert_eq!(
            policy["Statement"],
            json!([{ "Sid": "OneRule", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:r:1:q",
                "Principal": { "Service": "events.amazonaws.com" },
                "Condition": { "ArnEquals": { "aws:SourceArn": "arn:aws:events:r:1:rule/n" } } }])
        );
    }
}
