//! What a status, a code and a message mean: the table of facts about the services' refusals.

use azure_core::error::ErrorKind;

use super::Kind;

/// Which service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Plane {
    /// Azure Resource Manager.
    Arm,
    /// A Digital Twins instance.
    DigitalTwins,
    /// A Cosmos DB account's items.
    Cosmos,
    /// A storage account's blobs.
    Blob,
    /// A hub's device registry.
    IotHub,
    /// A hub as its devices see it: they come with keys, there is no role to wait for.
    Device,
    /// An app's deployment site.
    Scm,
}

/// Codes that mean "wait": what they ask for comes by itself.
const NOT_YET_CODES: [&str; 11] = [
    // A just-created identity is not known everywhere.
    "PrincipalNotFound",
    // The function behind an Event Grid destination is not visible yet, or its webhook does not answer yet.
    "Endpoint validation",
    "Url validation",
    // Another operation holds the resource.
    "AnotherOperationInProgress",
    "OperationInProgress",
    "ServiceRequestInProgress",
    "AccountIsBeingCreated",
    "ResourceGroupBeingDeleted",
    "ParentResourceNotReady",
    "LinkedResourceNotReady",
    // A hub that is created but not yet usable.
    "409002",
];

/// Words that mean "wait" where the code says too little.
const NOT_YET_WORDS: [&str; 8] = [
    "not currently in active state",
    "not in an active state",
    "resource should pre-exist",
    "destination endpoint not found",
    "operation in progress",
    "operation is in progress",
    "deployment currently in progress",
    "requires exclusive lock on this service",
];

/// Codes of failed operations that a repeated request has been seen to cure.
const PASSING_CODES: [&str; 5] =
    ["ServiceUnavailable", "InternalServerError", "InternalError", "GatewayTimeout", "ServerTimeout"];

/// What an answer's status means.
pub(super) fn status(plane: Plane, status: u16, code: Option<&str>, message: &str) -> Kind {
    match status {
        429 => Kind::Throttled,
        // The local cloud's (and anybody's) "not implemented" does not pass.
        501 => Kind::Permanent,
        // A deployment site takes minutes to come up behind its gateway.
        401 | 403 | 404 | 502 | 503 if plane == Plane::Scm => Kind::NotYet,
        401 | 403 if !matches!(plane, Plane::Arm | Plane::Device) => Kind::NotYet,
        // The next attempt brings a new token.
        401 if code == Some("ExpiredAuthenticationToken") => Kind::Transient,
        _ if (400..500).contains(&status) && asks_to_wait(code, message) => Kind::NotYet,
        408 | 425 => Kind::Transient,
        404 | 410 => Kind::NotFound,
        // A resource cannot move: no repeat will make it.
        409 if matches!(code, Some("InvalidResourceLocation" | "InvalidResourceGroupLocation")) => Kind::Permanent,
        409 | 412 => Kind::Conflict,
        // The same name with other content: somebody else's assignment.
        400 if code == Some("RoleAssignmentUpdateNotPermitted") => Kind::Conflict,
        500.. => Kind::Transient,
        _ => Kind::Permanent,
    }
}

/// What the code of a failed operation means.
pub(super) fn operation(code: Option<&str>, message: &str) -> Kind {
    if asks_to_wait(code, message) {
        Kind::NotYet
    } else if code.is_some_and(|code| PASSING_CODES.iter().any(|passing| passing.eq_ignore_ascii_case(code))) {
        Kind::Transient
    } else {
        Kind::Permanent
    }
}

/// What a failure without an answer means: the connection's pass, the credential's do unless a connection caused them.
pub(super) fn pipeline(error: &azure_core::Error) -> Kind {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(link) = next {
        match link.downcast_ref::<azure_core::Error>().map(azure_core::Error::kind) {
            Some(ErrorKind::Connection | ErrorKind::Io) => return Kind::Transient,
            Some(ErrorKind::HttpResponse { status, .. }) => return token_service(u16::from(*status)),
            _ => next = link.source(),
        }
    }
    Kind::Permanent
}

fn token_service(status: u16) -> Kind {
    match status {
        429 => Kind::Throttled,
        408 | 500.. => Kind::Transient,
        _ => Kind::Permanent,
    }
}

fn asks_to_wait(code: Option<&str>, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    code.is_some_and(|code| NOT_YET_CODES.iter().any(|known| known.eq_ignore_ascii_case(code)))
        || NOT_YET_WORDS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_means_what_the_services_mean_by_it() {
        let cases = [
            (Plane::Arm, 403, Some("AuthorizationFailed"), "", Kind::Permanent),
            (Plane::Arm, 401, Some("ExpiredAuthenticationToken"), "", Kind::Transient),
            (Plane::Arm, 401, Some("InvalidAuthenticationTokenTenant"), "", Kind::Permanent),
            (Plane::DigitalTwins, 403, None, "", Kind::NotYet),
            (Plane::DigitalTwins, 401, None, "Unauthorized", Kind::NotYet),
            (Plane::IotHub, 401, None, "", Kind::NotYet),
            (Plane::Device, 401, Some("IotHubUnauthorizedAccess"), "Unauthorized", Kind::Permanent),
            (Plane::Device, 409, Some("IotHubNotActive"), "not currently in Active state", Kind::NotYet),
            (Plane::Scm, 503, None, "", Kind::NotYet),
            (Plane::Arm, 503, None, "", Kind::Transient),
            (Plane::Arm, 501, None, "", Kind::Permanent),
            (Plane::Arm, 400, Some("PrincipalNotFound"), "", Kind::NotYet),
            (Plane::Arm, 400, Some("Endpoint validation"), "Destination endpoint not found.", Kind::NotYet),
            (Plane::Arm, 400, Some("RoleAssignmentUpdateNotPermitted"), "", Kind::Conflict),
            (Plane::Arm, 409, Some("409002"), "", Kind::NotYet),
            (Plane::Arm, 409, Some("InvalidResourceLocation"), "", Kind::Permanent),
            (Plane::Arm, 409, Some("RoleAssignmentExists"), "", Kind::Conflict),
            (Plane::DigitalTwins, 412, Some("PreconditionFailed"), "", Kind::Conflict),
            (Plane::DigitalTwins, 404, Some("DigitalTwinNotFound"), "", Kind::NotFound),
            (Plane::Arm, 400, Some("InvalidRequest"), "no", Kind::Permanent),
            (Plane::Arm, 429, Some("PrincipalNotFound"), "", Kind::Throttled),
            (Plane::Arm, 500, None, "", Kind::Transient),
        ];
        for (plane, number, code, message, kind) in cases {
            assert_eq!(status(plane, number, code, message), kind, "{plane:?} {number} {code:?}");
        }
    }

    #[test]
    fn a_failed_operation_passes_only_when_its_code_is_known_to() {
        assert_eq!(operation(Some("ServiceUnavailable"), ""), Kind::Transient);
        assert_eq!(operation(Some("SkuNotAvailable"), ""), Kind::Permanent);
        assert_eq!(operation(None, "hub is not currently in Active state"), Kind::NotYet);
    }

    #[test]
    fn a_credential_that_could_not_reach_its_service_passes() {
        let lost = azure_core::Error::with_message(ErrorKind::Connection, "connection refused");
        let wrapped = azure_core::Error::with_error(ErrorKind::Credential, lost, "authentication failed");
        assert_eq!(pipeline(&wrapped), Kind::Transient);
        let refused = azure_core::Error::with_message(ErrorKind::Credential, "no such client");
        assert_eq!(pipeline(&refused), Kind::Permanent);
    }
}
