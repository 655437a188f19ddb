//! Amazon resource names, for policies that must name things before they exist.

/// The partition that a region lies in: `aws`, `aws-us-gov` or `aws-cn`.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}

/// The name of a regional resource, `arn:aws:lambda:eu-central-1:123456789012:function:f` for `lambda` and `function:f`.
#[must_use]
pub fn regional(region: &str, account: &str, service: &str, resource: &str) -> String {
    format!("arn:{}:{service}:{region}:{account}:{resource}", partition(region))
}

/// The name of a role.
#[must_use]
pub fn role(region: &str, account: &str, name: &str) -> String {
    format!("arn:{}:iam::{account}:role/{name}", partition(region))
}

/// The name of a bucket, or of objects in it when `key` is not empty.
#[must_use]
pub fn bucket(region: &str, bucket: &str, key: &str) -> String {
    let separator = if key.is_empty() { "" } else { "/" };
    format!("arn:{}:s3:::{bucket}{separator}{key}", partition(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_decides_the_partition() {
        assert_eq!(
            regional("eu-central-1", "123456789012", "iot", "rule/r"),
            "arn:aws:iot:eu-central-1:123456789012:rule/r"
        );
        assert_eq!(role("us-gov-west-1", "1", "r"), "arn:aws-us-gov:iam::1:role/r");
        assert_eq!(bucket("cn-north-1", "b", "packages/f.zip"), "arn:aws-cn:s3:::b/packages/f.zip");
        assert_eq!(bucket("eu-central-1", "b", ""), "arn:aws:s3:::b");
    }
}
