//! What a status, a code and a message mean: the table of facts about the services' refusals.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::ErrorKind;

/// Codes that ask for patience with the rate; the services never agreed on one, and not all come with a 429.
const THROTTLED: [&str; 12] = [
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes that say that nothing is there, with whatever status.
const NOT_FOUND: [&str; 15] = [
    // SQS, in its two spellings.
    "AWS.SimpleQueueService.NonExistentQueue",
    "CertificateNotFound",
    "NoSuchBucket",
    "NoSuchEntity",
    "NoSuchKey",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "OwnershipControlsNotFoundError",
    "QueueDoesNotExist",
    // A receipt that is no longer good: its message is gone, or in the queue again.
    "ReceiptHandleIsInvalid",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "ServerSideEncryptionConfigurationNotFoundError",
    "TableNotFoundException",
];

/// Codes that mean "wait": what they ask for comes by itself.
const NOT_YET: [&str; 7] = [
    // SQS, in its two spellings: a queue of that name was deleted within the last minute.
    "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueDeletedRecently",
    // IAM is still writing the entity.
    "EntityTemporarilyUnmodifiable",
    // CloudWatch Logs and S3: another operation on the same resource.
    "OperationAborted",
    "OperationAbortedException",
    // A function's state before it can be invoked or changed.
    "ResourceNotReadyException",
    // DynamoDB: a table is being made from a backup, or its continuous backups are not ready.
    "ContinuousBackupsUnavailableException",
];

/// Words that mean "wait" where the code says too little, in lower case.
const NOT_YET_WORDS: [&str; 16] = [
    // A role that has not propagated: Lambda, IoT rules, TwinMaker.
    "cannot be assumed",
    "unable to assume",
    "could not assume",
    "cannot assume",
    "failed to assume",
    "not authorized to perform: sts:assumerole",
    "unable to perform: sts:assumerole",
    // A policy that names a role which is not known everywhere yet.
    "invalid principal in policy",
    // A function that is still being created or updated.
    "is currently in the following state: pending",
    "an update is in progress",
    "cannot be performed at this time",
    "update in progress",
    // A table in between.
    "table is being",
    "attempt to change a resource which is still in use",
    // More tables are being made at once than an account may.
    "can be created, updated, or deleted simultaneously",
    // A table whose expiry was switched a moment ago.
    "time to live has been modified multiple times within a fixed interval",
];

/// Codes of a resource that is there already.
const ALREADY_THERE: [&str; 10] = [
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "CertificateConflictException",
    "EntityAlreadyExists",
    "EntityAlreadyExistsException",
    "QueueAlreadyExists",
    "QueueNameExists",
    "ResourceAlreadyExistsException",
    "ResourceInUseException",
    "ResourceConflictException",
];

/// Codes whose resource is not as the request assumed.
const CONFLICT: [&str; 8] = [
    "BucketNotEmpty",
    "ConflictException",
    "ConflictingResourceUpdateException",
    "DeleteConflict",
    "DeleteConflictException",
    "PreconditionFailedException",
    "VersionConflictException",
    "VersionsLimitExceededException",
];

/// Codes of a limit that does not move by itself, with whatever status (IAM sends 409, IoT 410).
const EXHAUSTED: [&str; 5] = [
    "CodeStorageExceededException",
    "LimitExceeded",
    "LimitExceededException",
    "ServiceQuotaExceededException",
    "TooManyBuckets",
];

/// Codes that pass although they come as a 4xx.
const PASSING: [&str; 8] = [
    // The next attempt is signed with new credentials.
    "ExpiredToken",
    "ExpiredTokenException",
    // Two changes met.
    "ConcurrentModification",
    "ConcurrentModificationException",
    "IDPCommunicationError",
    "InternalException",
    "InternalFailure",
    "RequestTimeout",
];

/// What an error answer means. The code decides; the status does where there is none (S3's HEAD has no body).
pub(super) fn answer(status: u16, code: Option<&str>, message: &str) -> ErrorKind {
    let code = code.unwrap_or_default();
    if status == 501 {
        return ErrorKind::Permanent;
    }
    if status == 429 || THROTTLED.contains(&code) {
        return ErrorKind::Throttled;
    }
    if status < 500 && asks_to_wait(code, message) {
        return ErrorKind::NotYet;
    }
    if NOT_FOUND.contains(&code) {
        return ErrorKind::NotFound;
    }
    if already_there(code, message) || CONFLICT.contains(&code) {
        return ErrorKind::Conflict;
    }
    if PASSING.contains(&code) {
        return ErrorKind::Transient;
    }
    if EXHAUSTED.contains(&code) {
        return ErrorKind::Permanent;
    }
    bare(status)
}

fn bare(status: u16) -> ErrorKind {
    match status {
        404 | 410 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        408 | 425 | 500.. => ErrorKind::Transient,
        _ => ErrorKind::Permanent,
    }
}

/// Whether a refusal is that the resource is there. Lambda and DynamoDB say with the same codes that it is busy.
fn already_there(code: &str, message: &str) -> bool {
    ALREADY_THERE.contains(&code) && !asks_to_wait(code, message)
}

/// What a failure without an answer means: connections pass; credentials do not, unless a connection failed them.
pub(super) fn unanswered(error: &(dyn std::error::Error + 'static)) -> ErrorKind {
    let mut next = Some(error);
    let mut kind = ErrorKind::Permanent;
    while let Some(link) = next {
        if let Some(failure) = link.downcast_ref::<CredentialsError>() {
            kind = credentials(failure);
        } else if let Some(failure) = link.downcast_ref::<ConnectorError>() {
            kind = if failure.is_user() { ErrorKind::Permanent } else { ErrorKind::Transient };
        }
        next = link.source();
    }
    kind
}

/// Whether a request was not sent since there are no credentials.
pub(super) fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |link| link.source()).any(|link| link.is::<CredentialsError>())
}

fn credentials(error: &CredentialsError) -> ErrorKind {
    match error {
        CredentialsError::ProviderTimedOut(_) => ErrorKind::Transient,
        _ => ErrorKind::Permanent,
    }
}

fn asks_to_wait(code: &str, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    NOT_YET.contains(&code) || NOT_YET_WORDS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_refusals_mean_what_the_table_says() {
        let role = "The role defined for the function cannot be assumed by Lambda.";
        let pending =
            "The operation cannot be performed at this time. The function is currently in the following state: Pending";
        let cases = [
            (400, "InvalidParameterValueException", role, ErrorKind::NotYet),
            (409, "ResourceConflictException", pending, ErrorKind::NotYet),
            (409, "ResourceConflictException", "An update is in progress for resource: f", ErrorKind::NotYet),
            (409, "ResourceConflictException", "Function already exist: f", ErrorKind::Conflict),
            (400, "ResourceInUseException", "Table already exists: t", ErrorKind::Conflict),
            (
                400,
                "ResourceInUseException",
                "Attempt to change a resource which is still in use: Table is being created: t",
                ErrorKind::NotYet,
            ),
            (400, "InvalidParameterValueException", "Unzipped size must be smaller", ErrorKind::Permanent),
            (409, "EntityAlreadyExists", "Role with name r already exists.", ErrorKind::Conflict),
            (404, "NoSuchEntity", "", ErrorKind::NotFound),
            (400, "ResourceNotFoundException", "Requested resource not found", ErrorKind::NotFound),
            (404, "NoSuchLifecycleConfiguration", "", ErrorKind::NotFound),
            (503, "SlowDown", "Please reduce your request rate.", ErrorKind::Throttled),
            (400, "ThrottlingException", "Rate exceeded", ErrorKind::Throttled),
            (409, "OperationAborted", "A conflicting conditional operation", ErrorKind::NotYet),
            (412, "PreconditionFailedException", "The RevisionId provided does not match", ErrorKind::Conflict),
            (403, "AccessDenied", "User: u is not authorized to perform: iam:GetRole", ErrorKind::Permanent),
            (403, "ExpiredToken", "The security token included in the request is expired", ErrorKind::Transient),
            (400, "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"arn\"", ErrorKind::NotYet),
            (400, "MalformedPolicyDocument", "Syntax errors in policy.", ErrorKind::Permanent),
            (409, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", ErrorKind::Permanent),
            (500, "InternalFailure", "", ErrorKind::Transient),
            (501, "NotImplemented", "", ErrorKind::Permanent),
        ];
        for (status, code, message, kind) in cases {
            assert_eq!(answer(status, Some(code), message), kind, "{code}: {message}");
        }
    }

    #[test]
    fn a_status_without_a_code_is_enough() {
        let cases = [(404, ErrorKind::NotFound), (403, ErrorKind::Permanent), (429, ErrorKind::Throttled)];
        for (status, kind) in cases.into_iter().chain([(503, ErrorKind::Transient), (412, ErrorKind::Conflict)]) {
            assert_eq!(answer(status, None, ""), kind, "{status}");
        }
    }

    #[test]
    fn connections_pass_and_missing_credentials_do_not() {
        let lost = ConnectorError::io("connection reset".into());
        assert_eq!(unanswered(&lost), ErrorKind::Transient);
        assert_eq!(unanswered(&CredentialsError::not_loaded("no profile")), ErrorKind::Permanent);
        assert_eq!(unanswered(&CredentialsError::provider_error(lost)), ErrorKind::Transient);
    }
}
