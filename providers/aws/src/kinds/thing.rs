//! IoT things.
//!
//! Things have no tags. Ours are one attribute, since a thing without a type may have three: the tags as
//! `name:value,name:value`, bytes that an attribute may not hold as `#` and two hexadecimal digits.

use std::collections::BTreeMap;

use aws_sdk_iot::types::AttributePayload;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::Resource;
use crate::{
    Aws, Error, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
};

/// The attribute that holds the tags.
const TAGS: &str = "twinctl-tags";
/// The longest value of an attribute, in characters.
const LONGEST: usize = 800;

/// `AWS::IoT::Thing`.
pub(crate) struct Thing;

/// The document.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    #[serde(default)]
    attribute_payload: Payload,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Payload {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

impl Resource for Thing {
    const KIND: Kind = Kind::Thing;
    type Properties = Properties;

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let request = aws.iot().describe_thing().thing_name(id);
        let answer = request.send().await.map_err(failed("iot:DescribeThing", id)).unless_missing()?;
        let Some(thing) = answer else { return Ok(None) };
        let mut attributes: BTreeMap<_, _> = thing.attributes.unwrap_or_default().into_iter().collect();
        let tags = attributes.remove(TAGS).map(|text| decode(&text)).unwrap_or_default();
        Ok(Some(Found {
            properties: super::document(&Properties { attribute_payload: Payload { attributes } }),
            attributes: json!({ "Arn": thing.thing_arn, "Id": thing.thing_id }),
            tags,
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let request = aws.iot().create_thing().thing_name(id).attribute_payload(payload(wanted, tags)?);
        request.send().await.map_err(failed("iot:CreateThing", id)).map(drop)
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, _: &Properties, found: &Found) -> Result<(), Error> {
        replace(aws, id, payload(wanted, &found.tags)?).await
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        let mut all = found.tags.clone();
        all.extend(tags.clone());
        let payload = AttributePayload::builder().attributes(TAGS, encode(&all)?).merge(true).build();
        replace(aws, id, payload).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.iot().delete_thing().thing_name(id);
        request.send().await.map_err(failed("iot:DeleteThing", id)).unless_missing().map(drop)
    }
}

async fn replace(aws: &Aws, id: &str, payload: AttributePayload) -> Result<(), Error> {
    let request = aws.iot().update_thing().thing_name(id).attribute_payload(payload);
    request.send().await.map_err(failed("iot:UpdateThing", id)).map(drop)
}

/// All attributes, which then are the thing's only ones.
fn payload(wanted: &Properties, tags: &Tags) -> Result<AttributePayload, Error> {
    let mut attributes = wanted.attribute_payload.attributes.clone();
    if !tags.is_empty() {
        attributes.insert(TAGS.into(), encode(tags)?);
    }
    let attributes = attributes.into_iter().collect();
    Ok(AttributePayload::builder().set_attributes(Some(attributes)).merge(false).build())
}

fn encode(tags: &Tags) -> Result<String, Error> {
    let pairs: Vec<String> = tags.iter().map(|(name, value)| format!("{}:{}", escape(name), escape(value))).collect();
    let text = pairs.join(",");
    if text.len() <= LONGEST {
        return Ok(text);
    }
    Err(Error::permanent(format!("keep the tags of a thing in {LONGEST} characters: they take {}", text.len())))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.@/-".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("#{byte:02X}"));
        }
    }
    escaped
}

/// What somebody damaged still counts as tags, though not as ones that we would write.
fn decode(text: &str) -> Tags {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once(':').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (unescape(name), unescape(value))).collect()
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('#');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => bytes.extend_from_slice(part.as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_survive_an_attribute_whatever_they_hold() {
        let tags: Tags = [
            ("twinctl-deployment", "aws/factory"),
            ("twinctl-step", "l1/thing: press, #3"),
            ("größe", "a=b&c \u{1F3ED}"),
            ("empty", ""),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let text = encode(&tags).expect("short enough");
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.,@/:#-".contains(&byte)), "{text}");
        assert_eq!(decode(&text), tags);
    }

    #[test]
    fn damaged_tags_are_not_none() {
        assert_eq!(decode("x#Z,,y"), [("xZ".to_owned(), String::new()), ("y".into(), String::new())].into());
        assert!(decode("").is_empty());
    }

    #[test]
    fn tags_that_do_not_fit_are_refused() {
        assert!(encode(&[("t".to_owned(), "x".repeat(LONGEST))].into()).is_err());
    }
}
