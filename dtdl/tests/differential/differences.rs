//! Where both parsers differ on purpose.

use dtdl::{Models, Rules};
use serde_json::Value;

use crate::official::Verdict;

/// A set of models that one parser accepts and the other does not.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    /// The rules that we say are broken; none where we accept.
    pub(crate) rules: Vec<&'static str>,
    /// The ids of the validations that the official parser says have failed; none where it accepts.
    pub(crate) ids: Vec<String>,
    pub(crate) text: String,
}

impl Difference {
    /// What differs between two verdicts on a text, if something does.
    pub(crate) fn between(theirs: &Verdict, ours: &Result<(), Vec<&'static str>>, text: String) -> Option<Self> {
        match (theirs, ours) {
            (Verdict::Valid, Err(rules)) => Some(Self { rules: rules.clone(), ids: vec![], text }),
            (Verdict::Invalid(ids), Ok(())) => Some(Self { rules: vec![], ids: ids.clone(), text }),
            _ => None,
        }
    }

    /// The reason for it, if it is there on purpose; the first one where several rules each have one.
    pub(crate) fn explained(&self) -> Option<&'static str> {
        let models = serde_json::from_str(&self.text).expect("cases are JSON");
        let reason = |rule: Option<&str>| {
            REASONS.iter().find(|reason| reason.rule == rule && (reason.explains)(&models)).map(|reason| reason.why)
        };
        if self.rules.is_empty() {
            return reason(None);
        }
        let reasons: Option<Vec<_>> = self.rules.iter().map(|rule| reason(Some(rule))).collect();
        reasons?.first().copied()
    }

    /// What kind of difference it is, for counting.
    pub(crate) fn kind(&self) -> String {
        if self.rules.is_empty() {
            format!("we accept what they refuse: {}", self.ids.join(", "))
        } else {
            format!("we refuse what they accept: {}", self.rules.join(", "))
        }
    }
}

/// One reason, and what it explains.
struct Reason {
    why: &'static str,
    /// The rule that we say is broken where they accept; none where they refuse and we accept.
    rule: Option<&'static str>,
    explains: fn(&Value) -> bool,
}

const REASONS: [Reason; 7] = [
    Reason {
        why: "a name that ends in a line break is a slip of the official parser, whose regular expressions let $ match before one",
        rule: Some("string-invalid"),
        explains: |models| has(models, &is_name_with_line_break),
    },
    Reason {
        why: "the target of a relationship may be any term of the language to the official parser, though no twin can be of it",
        rule: Some("invalid-id"),
        explains: |models| has(models, &is_term_as_target),
    },
    Reason {
        why: "a member that the language does not know may be given twice to the official parser; JSON leaves open what that means",
        rule: Some("duplicate-property-name"),
        explains: |_| true,
    },
    Reason {
        why: "a unit of the extension quantitativeTypes may stand for a value of any enum to the official parser",
        rule: Some("bad-dtmi-or-term"),
        explains: |models| has(models, &is_enum_of_terms),
    },
    Reason {
        why: "the official parser's default lets models of version 2 use unknown extensions, ours is one rule for both versions",
        rule: Some("unresolvable-context-specifier"),
        explains: |models| is_mixed(models) && !breaks(models, "unresolvable-context-specifier"),
    },
    Reason {
        why: "that default again: others refer to a model of version 2 that uses an unknown extension",
        rule: Some("undefined-reference"),
        explains: |models| is_mixed(models) && !breaks(models, "undefined-reference"),
    },
    Reason {
        why: "the official parser does not read on behind a keyword whose value is not a string, and misses what follows",
        rule: None,
        explains: |models| has(models, &is_element_with_odd_keyword),
    },
];

/// Whether models are of both versions.
fn is_mixed(models: &Value) -> bool {
    let text = models.to_string();
    text.contains("dtmi:dtdl:context;2") && text.contains("dtmi:dtdl:context;3")
}

/// Whether models break a rule when unknown extensions are allowed.
fn breaks(models: &Value, rule: &str) -> bool {
    let outcome = Models::parse(Rules::LanguageWithUnknownExtensions, &[models.into()]);
    outcome.is_err_and(|problems| problems.iter().any(|problem| problem.rule == rule))
}

fn is_name_with_line_break(value: &Value) -> bool {
    value["name"].as_str().is_some_and(|name| name.ends_with('\n'))
}

fn is_term_as_target(value: &Value) -> bool {
    value["target"].as_str().is_some_and(|target| !target.contains(':'))
}

fn is_enum_of_terms(value: &Value) -> bool {
    let is_term = |value: &Value| value.as_str().is_some_and(|text| !text.contains(':'));
    match &value["enumValues"] {
        Value::Array(values) => values.iter().any(is_term),
        other => is_term(other),
    }
}

fn is_element_with_odd_keyword(value: &Value) -> bool {
    let odd = |key: &str| value.get(key).is_some_and(|value| value.is_array() || value.is_object());
    odd("@value") || odd("@list") || odd("@nothing")
}

/// Whether some object of the models is of this kind.
fn has(value: &Value, kind: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Object(members) => kind(value) || members.values().any(|value| has(value, kind)),
        Value::Array(values) => values.iter().any(|value| has(value, kind)),
        _ => false,
    }
}
