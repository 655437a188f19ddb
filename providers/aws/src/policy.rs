//! Policy documents: building least-privilege ones, comparing them as AWS means them, finding wildcards.

use serde_json::{Map, Value, json};

/// A document of statements.
#[must_use]
pub fn document(statements: impl IntoIterator<Item = Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements.into_iter().collect::<Vec<_>>() })
}

/// A statement that allows actions on resources.
#[must_use]
pub fn allow<S: Into<String>>(
    sid: &str,
    actions: impl IntoIterator<Item = S>,
    resources: impl IntoIterator<Item = S>,
) -> Value {
    let texts = |all: Vec<String>| if all.len() == 1 { json!(all[0]) } else { json!(all) };
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Action": texts(actions.into_iter().map(Into::into).collect()),
        "Resource": texts(resources.into_iter().map(Into::into).collect()),
    })
}

/// The document by which a role trusts a service of AWS, `lambda.amazonaws.com`.
#[must_use]
pub fn trust(service: &str) -> Value {
    document([json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" })])
}

/// Whether two documents say the same: given as JSON or as its text, a single value or an array of one, in any order.
#[must_use]
pub fn same(one: &Value, other: &Value) -> bool {
    canonical(one) == canonical(other)
}

/// Lists every action, resource and principal with a wildcard among what a document allows, as `sid: Action s3:*`.
#[must_use]
pub fn wildcards(document: &Value) -> Vec<String> {
    let document = parsed(document);
    let statements = many(document.get("Statement").cloned().unwrap_or_default());
    let allowing = statements.iter().enumerate().filter(|(_, statement)| statement["Effect"] != "Deny");
    allowing.flat_map(|(index, statement)| wildcards_of(index, statement)).collect()
}

fn wildcards_of(index: usize, statement: &Value) -> Vec<String> {
    let sid = statement["Sid"].as_str().map_or_else(|| format!("#{index}"), str::to_owned);
    let mut found = Vec::new();
    for element in ["Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal"] {
        let mut texts = Vec::new();
        collect_texts(&statement[element], &mut texts);
        let wild = texts.into_iter().filter(|text| text.contains(['*', '?']));
        found.extend(wild.map(|text| format!("{sid}: {element} {text}")));
    }
    found
}

fn collect_texts<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, into)),
        Value::Object(members) => members.values().for_each(|value| collect_texts(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A document that may come as its own text.
pub(crate) fn parsed(document: &Value) -> Value {
    match document.as_str().map(serde_json::from_str) {
        Some(Ok(parsed)) => parsed,
        _ => document.clone(),
    }
}

fn canonical(document: &Value) -> Value {
    let mut document = parsed(document);
    let Some(members) = document.as_object_mut() else { return document };
    if let Some(statements) = members.remove("Statement") {
        let statements = many(statements).into_iter().map(canonical_statement).collect();
        members.insert("Statement".into(), sorted(statements));
    }
    document
}

fn canonical_statement(statement: Value) -> Value {
    let Value::Object(members) = statement else { return statement };
    let canonical = members.into_iter().map(|(element, value)| {
        let value = match element.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => sorted(many(value)),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => condition(value),
            _ => value,
        };
        (element, value)
    });
    Value::Object(canonical.collect())
}

fn principal(value: Value) -> Value {
    let members = match value {
        Value::Object(members) => members,
        // Everybody, in its short form.
        other => Map::from_iter([("AWS".to_owned(), other)]),
    };
    let members = members.into_iter().map(|(kind, who)| (kind, sorted(many(who).into_iter().map(account).collect())));
    Value::Object(members.collect())
}

/// An account's number means its root; AWS answers with the long form.
fn account(who: Value) -> Value {
    let number = who.as_str().and_then(|arn| arn.strip_suffix(":root")).and_then(|arn| arn.rsplit(':').next());
    number.map_or_else(|| who.clone(), |number| json!(number))
}

fn condition(value: Value) -> Value {
    let Value::Object(operators) = value else { return value };
    let operators = operators.into_iter().map(|(operator, keys)| {
        let Value::Object(keys) = keys else { return (operator, keys) };
        // Condition keys are case-insensitive; booleans and numbers are texts.
        let keys = keys
            .into_iter()
            .map(|(key, values)| (key.to_ascii_lowercase(), sorted(many(values).into_iter().map(text).collect())));
        (operator, Value::Object(keys.collect()))
    });
    Value::Object(operators.collect())
}

fn text(value: Value) -> Value {
    if value.is_string() { value } else { json!(value.to_string()) }
}

fn many(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_cached_key(Value::to_string);
    Value::Array(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_compared_as_aws_means_them() {
        let given = document([
            allow("Write", ["dynamodb:PutItem", "dynamodb:UpdateItem"], ["arn:aws:dynamodb:r:1:table/t"]),
            allow("Read", ["s3:GetObject"], ["arn:aws:s3:::b/k"]),
        ]);
        let answered = json!({
            "Statement": [
                { "Resource": ["arn:aws:s3:::b/k"], "Effect": "Allow", "Sid": "Read", "Action": ["s3:GetObject"] },
                { "Sid": "Write", "Effect": "Allow", "Resource": "arn:aws:dynamodb:r:1:table/t",
                  "Action": ["dynamodb:UpdateItem", "dynamodb:PutItem"] },
            ],
            "Version": "2012-10-17",
        });
        assert!(same(&given, &answered));
        assert!(same(&given, &json!(answered.to_string())));
        let mut other = answered;
        other["Statement"][1]["Action"] = json!(["dynamodb:PutItem"]);
        assert!(!same(&given, &other));
        other["Statement"] = json!([]);
        assert!(!same(&given, &other));
    }

    #[test]
    fn principals_and_conditions_have_several_spellings() {
        let short = json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "a:B",
            "Condition": { "Bool": { "lambda:InvokedViaFunctionUrl": true } } } });
        let long = json!({ "Statement": [{ "Effect": "Allow", "Principal": { "AWS": ["*"] }, "Action": ["a:B"],
            "Condition": { "Bool": { "Lambda:InvokedViaFunctionUrl": ["true"] } } }] });
        assert!(same(&short, &long));
        let number = json!({ "Statement": { "Principal": { "AWS": "123456789012" } } });
        let root = json!({ "Statement": { "Principal": { "AWS": "arn:aws:iam::123456789012:root" } } });
        assert!(same(&number, &root));
        assert!(!same(&trust("lambda.amazonaws.com"), &trust("iot.amazonaws.com")));
    }

    #[test]
    fn wildcards_are_listed_with_their_statement() {
        let wild = document([
            allow("Wide", ["s3:Get*", "s3:PutObject"], ["arn:aws:s3:::b/*", "arn:aws:s3:::b/k"]),
            json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::b" }),
            json!({ "Sid": "No", "Effect": "Deny", "Action": "*", "Resource": "*" }),
            json!({ "Sid": "All", "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "a:B", "Resource": "r" }),
        ]);
        assert_eq!(
            wildcards(&wild),
            ["Wide: Action s3:Get*", "Wide: Resource arn:aws:s3:::b/*", "#1: NotAction iam:*", "All: Principal *"]
        );
        assert_eq!(wildcards(&json!(wild.to_string())).len(), 4);
        assert!(wildcards(&trust("lambda.amazonaws.com")).is_empty());
    }
}
