//! Terms of the language, short or written as full identifiers.

use crate::{Primitive, Version};

/// The term of a member, whether it is written as one or as a full identifier.
pub(super) fn term(key: &str, version: Version) -> &str {
    let suffix = if version == Version::V2 { ";2" } else { ";3" };
    key.strip_prefix("dtmi:dtdl:property:").and_then(|rest| rest.strip_suffix(suffix)).unwrap_or(key)
}

/// The term of one of the language's own instances; each version may use those of the others, which are the same.
pub(super) fn instance<'a>(text: &'a str, class: &str) -> &'a str {
    let rest = text.strip_prefix("dtmi:dtdl:instance:").and_then(|rest| rest.strip_prefix(class));
    let versioned = rest.and_then(|rest| rest.strip_prefix(':')).and_then(|rest| rest.split_once(';'));
    versioned.filter(|(_, version)| matches!(*version, "2" | "3" | "4")).map_or(text, |(term, _)| term)
}

/// The schema of the language's own that a text stands for.
pub(super) fn primitive(text: &str, version: Version) -> Option<Primitive> {
    let rest = text.strip_prefix("dtmi:standard:schema:geospatial:");
    let geospatial = rest.and_then(|rest| match version {
        Version::V2 => rest.strip_suffix(";2"),
        Version::V3 => rest.strip_suffix(";2").or_else(|| rest.strip_suffix(";3")),
    });
    Primitive::named(geospatial.unwrap_or_else(|| instance(text, "Schema")))
}
