//! What each resource type takes as a name.

use std::fmt;

use functions::function::Function;

use super::{BlobContainer, Bucket, Names};
use crate::topology::Layer;

/// The most letters and digits of a twin name: the storage account's 24 less the suffix.
pub(super) const TWIN_NAME_MAX: usize = 24 - super::SUFFIX_LENGTH;

/// The rule of a resource type.
struct Rule {
    resource: &'static str,
    length: std::ops::RangeInclusive<usize>,
    /// The characters, in words.
    characters: &'static str,
    allows: fn(&str) -> bool,
}

/// A name that its resource type cannot carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The resource type, in words.
    pub resource: &'static str,
    /// The name.
    pub name: String,
    /// What names of that type are, in words.
    pub rule: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be called \"{}\": {}", self.resource, self.name, self.rule)
    }
}

impl Rule {
    fn check(&self, name: String) -> Option<Misfit> {
        let fits = self.length.contains(&name.chars().count()) && (self.allows)(&name);
        (!fits).then(|| Misfit {
            resource: self.resource,
            name,
            rule: format!("{} to {} characters, {}", self.length.start(), self.length.end(), self.characters),
        })
    }
}

fn lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn inner_hyphens(name: &str) -> bool {
    !name.starts_with('-') && !name.ends_with('-')
}

/// Letters, digits and hyphens, none at either end.
fn host_label(name: &str) -> bool {
    inner_hyphens(name) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// The same in lower case, without two hyphens in a row.
fn lower_label(name: &str) -> bool {
    inner_hyphens(name) && !name.contains("--") && name.chars().all(|c| lower_or_digit(c) || c == '-')
}

/// The twin name itself: the part that all names share must do for the strictest of them, and begin with a letter, as
/// names on the other clouds must.
const TWIN_NAME: Rule = Rule {
    resource: "the digital twin",
    length: 1..=TWIN_NAME_MAX * 2 - 1,
    characters: "lower-case letters, digits and single hyphens between them, a letter first",
    allows: |name| lower_label(name) && name.starts_with(|c: char| c.is_ascii_lowercase()),
};
const RESOURCE_GROUP: Rule = Rule {
    resource: "the resource group",
    length: 1..=90,
    characters: "letters, digits, and - _ ( ) and dots, no dot at the end",
    allows: |name| {
        !name.ends_with('.') && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')'))
    },
};
const IDENTITY: Rule = Rule {
    resource: "the managed identity",
    length: 3..=128,
    characters: "letters, digits, - and _, a letter or digit first",
    allows: |name| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    },
};
const STORAGE: Rule = Rule {
    resource: "the storage account",
    length: 3..=24,
    characters: "lower-case letters and digits (the twin's hyphens are left out)",
    allows: |name| name.chars().all(lower_or_digit),
};
const BLOB_CONTAINER: Rule = Rule {
    resource: "the blob container",
    length: 3..=63,
    characters: "lower-case letters, digits and single hyphens between them",
    allows: lower_label,
};
const IOT_HUB: Rule = Rule {
    resource: "the IoT Hub",
    length: 3..=50,
    characters: "letters, digits and hyphens between them",
    allows: host_label,
};
const SYSTEM_TOPIC: Rule = Rule {
    resource: "the Event Grid system topic",
    length: 3..=128,
    characters: "letters, digits and hyphens",
    allows: host_label,
};
const EVENT_SUBSCRIPTION: Rule = Rule {
    resource: "the Event Grid subscription",
    length: 3..=64,
    characters: "letters, digits and hyphens",
    allows: host_label,
};
const COSMOS_ACCOUNT: Rule = Rule {
    resource: "the Cosmos DB account",
    length: 3..=50,
    characters: "lower-case letters, digits and single hyphens between them",
    allows: lower_label,
};
const COSMOS_PART: Rule = Rule {
    resource: "the Cosmos DB database or container",
    length: 1..=255,
    characters: "no / \\ # ? and no blank at the end",
    allows: |name| !name.ends_with(' ') && !name.contains(['/', '\\', '#', '?']),
};
const ADT_INSTANCE: Rule = Rule {
    resource: "the Azure Digital Twins instance",
    length: 3..=63,
    characters: "letters, digits and hyphens between them",
    allows: host_label,
};
const FUNCTION_APP: Rule = Rule {
    resource: "the function app",
    length: 2..=60,
    characters: "letters, digits and hyphens between them",
    allows: host_label,
};
const PLAN: Rule = Rule {
    resource: "the app service plan",
    length: 1..=60,
    characters: "letters, digits and hyphens",
    allows: host_label,
};

const BUCKET: Rule = Rule {
    resource: "the S3 bucket",
    length: 3..=63,
    characters: "lower-case letters, digits and single hyphens between them",
    allows: lower_label,
};
const LAMBDA: Rule = Rule {
    resource: "the Lambda function or its role",
    length: 1..=64,
    characters: "letters, digits, - and _",
    allows: |name| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')),
};
const TABLE: Rule = Rule {
    resource: "the DynamoDB table",
    length: 3..=255,
    characters: "letters, digits and - _ .",
    allows: |name| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')),
};
const TOPIC_RULE: Rule = Rule {
    resource: "the IoT topic rule",
    length: 1..=128,
    characters: "letters, digits and _",
    allows: |name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
};
const WORKSPACE: Rule = Rule {
    resource: "the TwinMaker workspace",
    length: 2..=128,
    characters: "letters, digits, _ and hyphens between them",
    allows: |name| inner_hyphens(name) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')),
};

pub(super) fn misfits(names: &Names) -> Vec<Misfit> {
    let layers = [Layer::L0, Layer::L2, Layer::L4];
    let mut checks = vec![
        (TWIN_NAME, names.twin.clone()),
        (RESOURCE_GROUP, names.resource_group()),
        (IDENTITY, names.identity()),
        (STORAGE, names.storage_account()),
        (BLOB_CONTAINER, names.blob_container(BlobContainer::Cold)),
        (BLOB_CONTAINER, names.blob_container(BlobContainer::Archive)),
        (BLOB_CONTAINER, names.blob_container(BlobContainer::DeadLetters)),
        (IOT_HUB, names.iot_hub()),
        (SYSTEM_TOPIC, names.system_topic()),
        (COSMOS_ACCOUNT, names.cosmos_account()),
        (COSMOS_PART, names.cosmos_database()),
        (COSMOS_PART, names.cosmos_container()),
        (ADT_INSTANCE, names.adt_instance()),
    ];
    for layer in layers {
        checks.push((FUNCTION_APP, names.function_app(layer)));
        checks.push((PLAN, names.plan(layer)));
        checks.push((BLOB_CONTAINER, names.blob_container(BlobContainer::Packages(layer))));
    }
    for function in Function::ALL {
        checks.push((EVENT_SUBSCRIPTION, names.event_subscription(function)));
    }
    checks.extend(on_aws(names));
    checks.into_iter().filter_map(|(rule, name)| rule.check(name)).collect()
}

fn on_aws(names: &Names) -> Vec<(Rule, String)> {
    let names = names.on_aws();
    let mut checks = vec![
        (TABLE, names.table()),
        (TOPIC_RULE, names.topic_rule()),
        (WORKSPACE, names.workspace()),
        (LAMBDA, names.workspace_role()),
    ];
    checks.extend(Bucket::ALL.map(|bucket| (BUCKET, names.bucket(bucket))));
    for function in Function::ALL {
        checks.push((LAMBDA, names.function(function)));
        checks.push((LAMBDA, names.function_role(function)));
    }
    checks
}

/// Checks a device id against the rule of an IoT Hub (`azure`) or of an IoT Core thing (`aws`); Pub/Sub knows no devices.
#[must_use]
pub fn device_id(id: &str, cloud: crate::topology::Cloud) -> Option<Misfit> {
    let rule = match cloud {
        crate::topology::Cloud::Azure => Rule {
            resource: "a device of an IoT Hub",
            length: 1..=128,
            characters: "letters, digits and - . % _ * ? ! ( ) , : = @ $ '",
            allows: |id| id.chars().all(|c| c.is_ascii_alphanumeric() || "-.%_*?!(),:=@$'".contains(c)),
        },
        crate::topology::Cloud::Aws => Rule {
            resource: "a thing of IoT Core",
            length: 1..=128,
            characters: "letters, digits and : _ -",
            allows: |id| id.chars().all(|c| c.is_ascii_alphanumeric() || ":_-".contains(c)),
        },
        crate::topology::Cloud::Google => Rule {
            resource: "the device attribute of a Pub/Sub message",
            length: 1..=128,
            characters: "no control characters",
            allows: |id| !id.chars().any(char::is_control),
        },
    };
    rule.check(id.to_owned())
}

/// Checks a twin id or a relationship id: both are segments of a URL.
#[must_use]
pub fn twin_id(id: &str) -> Option<Misfit> {
    let rule = Rule {
        resource: "a digital twin or relationship",
        length: 1..=128,
        characters: "letters, digits and - . + % _ # * ? ! ( ) , : = @ $ '",
        allows: |id| id.chars().all(|c| c.is_ascii_alphanumeric() || "-.+%_#*?!(),:=@$'".contains(c)),
    };
    rule.check(id.to_owned())
}

/// What has a name in TwinMaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwinMakerName {
    /// An `entityId`.
    EntityId,
    /// An `entityName`.
    EntityName,
    /// The name of a component in its entity.
    Component,
    /// A `componentTypeId`.
    ComponentType,
    /// The name of a property in its component.
    Property,
}

/// Checks a name against TwinMaker's rule (the patterns of its API, version 2021-11-29).
#[must_use]
pub fn twin_maker(kind: TwinMakerName, name: &str) -> Option<Misfit> {
    let rule = match kind {
        TwinMakerName::EntityId => Rule {
            resource: "an entity",
            length: 2..=128,
            characters: "letters, digits and - _ . :, a letter or digit at either end",
            allows: |id| {
                id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
                    && id.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && id.ends_with(|c: char| c.is_ascii_alphanumeric())
            },
        },
        TwinMakerName::EntityName => Rule {
            resource: "an entity",
            length: 1..=256,
            characters: "no control characters",
            allows: |name| !name.chars().any(|c| c.is_ascii_control()),
        },
        TwinMakerName::Component => Rule {
            resource: "a component",
            length: 1..=256,
            characters: "letters, digits and - _",
            allows: |name| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
        },
        TwinMakerName::Property => Rule {
            resource: "a property of a component",
            length: 1..=256,
            characters: "letters, digits and - _",
            allows: |name| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
        },
        TwinMakerName::ComponentType => Rule {
            resource: "a component type",
            length: 1..=256,
            characters: "letters, digits and - _ . :",
            allows: |id| id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c)),
        },
    };
    rule.check(name.to_owned())
}
