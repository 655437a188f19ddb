//! Terms of the language, short or written as full identifiers.

use crate::{Primitive, Version};

/// The term of a member, whether it is written as one or as a full identifier.
pub(super) fn term(key: &str, version: Version) -> &str {
    let suffix = if version == Version::V2 { ";2" } else { ";3" };
    key.strip_prefix("dtmi:dtdl:property:").and_then(|rest| rest.strip_suffix(suffix)).unwrap_or(key)
}

/// The term of one of the language's own instances; version 3 may use those of version 2.
pub(super) fn instance<'a>(text: &'a str, class: &str, version: Version) -> &'a str {
    let rest = text.strip_prefix("dtmi:dtdl:instance:").and_then(|rest| rest.strip_prefix(class));
    rest.and_then(|rest| rest.strip_prefix(':')).and_then(|rest| unversioned(rest, version)).unwrap_or(text)
}

fn unversioned(text: &str, version: Version) -> Option<&str> {
    text.strip_suffix(";2").or_else(|| text.strip_suffix(";3").filter(|_| version == Version::V3))
}

/// The schema of the language's own that a text stands for.
pub(super) fn primitive(text: &str, version: Version) -> Option<Primitive> {
    let geospatial = text.strip_prefix("dtmi:standard:schema:geospatial:").and_then(|rest| unversioned(rest, version));
    Primitive::named(geospatial.unwrap_or_else(|| instance(text, "Schema", version)))
}
