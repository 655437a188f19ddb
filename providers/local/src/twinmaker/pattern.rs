//! What texts may be: lengths and patterns of the service model.

use super::refusal::Refusal;

/// The rule of a text.
pub(super) struct Pattern {
    length: std::ops::RangeInclusive<usize>,
    /// The regular expression that the whole text must match.
    expression: &'static str,
    matches: fn(&str) -> bool,
}

impl Pattern {
    /// Refuses a text that breaks the rule, in AWS's words.
    pub(super) fn check(&self, name: &str, text: &str) -> Result<(), Refusal> {
        let length = text.chars().count();
        let constraint = if length < *self.length.start() {
            format!("Member must have length greater than or equal to {}", self.length.start())
        } else if length > *self.length.end() {
            format!("Member must have length less than or equal to {}", self.length.end())
        } else if (self.matches)(text) {
            return Ok(());
        } else {
            format!("Member must satisfy regular expression pattern: {}", self.expression)
        };
        Err(broken(name, text, &constraint))
    }
}

/// A refusal as AWS phrases those of its service model.
pub(super) fn broken(name: &str, value: &str, constraint: &str) -> Refusal {
    let message = format!("1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: ");
    Refusal::invalid(message + constraint)
}

fn alphanumeric_or(text: &str, others: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn one_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

fn printable(text: &str) -> bool {
    !text.chars().any(|c| c.is_ascii_control())
}

/// At least two characters: the last one is told apart from the first.
fn ends(text: &str, first: impl Fn(char) -> bool) -> bool {
    text.chars().count() > 1 && text.starts_with(first) && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn id(text: &str) -> bool {
    alphanumeric_or(text, "-_") && ends(text, |c| c.is_ascii_alphanumeric() || c == '_')
}

fn entity_id(text: &str) -> bool {
    alphanumeric_or(text, "-_.:") && ends(text, |c| c.is_ascii_alphanumeric())
}

/// The rest of an ARN after `arn:{partition}:{service}:{region}:{account}:`; the region may be left out where `is_global`.
fn arn<'t>(text: &'t str, service: &str, is_global: bool) -> Option<&'t str> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", "aws" | "aws-cn" | "aws-us-gov", is, region, account, rest] = parts.as_slice() else { return None };
    let region_fits = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let fits = *is == service
        && region_fits
        && region.is_empty() == is_global
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(*rest)
}

pub(super) const ID: Pattern =
    Pattern { length: 1..=128, expression: r"[a-zA-Z_0-9][a-zA-Z_\-0-9]*[a-zA-Z0-9]+", matches: id };
pub(super) const ENTITY_ID: Pattern = Pattern {
    length: 1..=128,
    expression: r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|^[a-zA-Z0-9][a-zA-Z_\-0-9.:]*[a-zA-Z0-9]+",
    matches: entity_id,
};
pub(super) const PARENT_ENTITY_ID: Pattern = Pattern {
    length: 1..=128,
    expression: r"\$ROOT|^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|^[a-zA-Z0-9][a-zA-Z_\-0-9.:]*[a-zA-Z0-9]+",
    matches: |text| text == super::tree::ROOT || entity_id(text),
};
pub(super) const ENTITY_NAME: Pattern =
    Pattern { length: 1..=256, expression: r"[^\u0000-\u001F\u007F]+", matches: printable };
pub(super) const COMPONENT_TYPE_ID: Pattern =
    Pattern { length: 1..=256, expression: r"[a-zA-Z_\.\-0-9:]+", matches: |text| alphanumeric_or(text, "_.-:") };
pub(super) const NAME: Pattern =
    Pattern { length: 1..=256, expression: r"[a-zA-Z_\-0-9]+", matches: |text| alphanumeric_or(text, "-_") };
pub(super) const DISPLAY_NAME: Pattern =
    Pattern { length: 0..=256, expression: r".*[^\u0000-\u001F\u007F]*.*", matches: one_line };
pub(super) const DESCRIPTION: Pattern = Pattern { length: 0..=2048, expression: ".*", matches: one_line };
pub(super) const STRING: Pattern = Pattern { length: 1..=256, expression: ".*", matches: one_line };
pub(super) const CONFIGURATION: Pattern = Pattern { length: 0..=usize::MAX, expression: ".*", matches: one_line };
pub(super) const ROLE_ARN: Pattern = Pattern {
    length: 20..=2048,
    expression: "arn:((aws)|(aws-cn)|(aws-us-gov)):iam::[0-9]{12}:role/.*",
    matches: |text| arn(text, "iam", true).is_some_and(|rest| rest.starts_with("role/")),
};
pub(super) const S3_LOCATION: Pattern = Pattern {
    length: 0..=1024,
    expression: ".*(^arn:((aws)|(aws-cn)|(aws-us-gov)):s3:::)([a-zA-Z0-9_-]+$).*",
    matches: |text| {
        let bucket = text.strip_prefix("arn:").and_then(|rest| rest.split_once(":s3:::"));
        bucket.is_some_and(|(partition, bucket)| {
            matches!(partition, "aws" | "aws-cn" | "aws-us-gov") && !bucket.is_empty() && alphanumeric_or(bucket, "-_")
        })
    },
};
pub(super) const LAMBDA_ARN: Pattern = Pattern {
    length: 20..=2048,
    expression: r"arn:((aws)|(aws-cn)|(aws-us-gov)):lambda:[a-z0-9-]+:[0-9]{12}:function:[\/a-zA-Z0-9_-]+",
    matches: |text| {
        let function = arn(text, "lambda", false).and_then(|rest| rest.strip_prefix("function:"));
        function.is_some_and(|name| !name.is_empty() && alphanumeric_or(name, "/_-"))
    },
};
pub(super) const ARN: Pattern = Pattern {
    length: 20..=2048,
    expression: r"arn:((aws)|(aws-cn)|(aws-us-gov)):iottwinmaker:[a-z0-9-]+:[0-9]{12}:[\/a-zA-Z0-9_\-\.:]+",
    matches: |text| {
        arn(text, "iottwinmaker", false).is_some_and(|rest| !rest.is_empty() && alphanumeric_or(rest, "/_-.:"))
    },
};
pub(super) const TAG_KEY: Pattern = Pattern {
    length: 1..=128,
    expression: r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)",
    matches: |text| text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)),
};
pub(super) const TAG_VALUE: Pattern = Pattern { length: 1..=256, expression: ".*", matches: one_line };
pub(super) const TIME: Pattern = Pattern { length: 20..=35, expression: ".*", matches: one_line };
pub(super) const TOKEN: Pattern = Pattern { length: 0..=17_880, expression: ".*", matches: one_line };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_service_model_says() {
        let cases: [(&Pattern, &[&str], &[&str]); 8] = [
            (&ID, &["w1", "_1", "a-b_c9"], &["", "w", "-w1", "w-", "a.b"]),
            (&ENTITY_ID, &["room-1", "a.b:c", "00000000-0000-0000-0000-000000000000"], &["r", "-r1", "r1_", "a b"]),
            (&PARENT_ENTITY_ID, &["$ROOT", "room-1"], &["$root", "ROOT$"]),
            (&NAME, &["a", "-", "sensor_1"], &["", "a.b", "a b"]),
            (&ENTITY_NAME, &["Halle 1 ä"], &["", "a\tb"]),
            (
                &ROLE_ARN,
                &["arn:aws:iam::123456789012:role/a"],
                &["arn:aws:iam::12345678901:role/a", "arn:aws:iam:x:123456789012:role/a"],
            ),
            (&S3_LOCATION, &["arn:aws:s3:::a-b"], &["arn:aws:s3:::", "arn:aws:s3:::a/b", "s3://a"]),
            (
                &LAMBDA_ARN,
                &["arn:aws:lambda:eu-central-1:123456789012:function:f-1"],
                &["arn:aws:lambda:eu-central-1:123456789012:function:f:1"],
            ),
        ];
        for (pattern, good, bad) in cases {
            good.iter().for_each(|text| pattern.check("x", text).unwrap_or_else(|_| panic!("{text} is one")));
            bad.iter().for_each(|text| drop(pattern.check("x", text).expect_err(text)));
        }
        let long = "a".repeat(129);
        assert!(ID.check("workspaceId", &long).is_err() && ID.check("workspaceId", &long[1..]).is_ok());
    }
}
