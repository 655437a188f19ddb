//! A function as its `function.json` describes it.

use serde_json::Value;

use super::route::Template;

/// What a call of an HTTP function must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Anonymous,
    /// A key of the function or of the host.
    Function,
    /// The host's master key.
    Admin,
}

/// What calls a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    Http {
        route: Template,
        /// In upper case; empty means all.
        methods: Vec<String>,
        level: Level,
    },
    EventGrid {
        /// Whether one call takes a list of events.
        many: bool,
    },
    /// Known to nobody here.
    Other,
}

/// A function of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) trigger: Trigger,
    /// The name under which the trigger's value is handed over.
    pub(super) input: String,
    /// The name of the HTTP output, `$return` for the return value; `None` when it has none.
    pub(super) output: Option<String>,
    pub(super) disabled: bool,
    /// The document, for those who list functions.
    pub(super) document: Value,
}

impl Function {
    /// Reads a document; what it leaves out is as the real host assumes.
    pub(super) fn read(name: &str, document: &Value) -> Self {
        let bindings = || document["bindings"].as_array().into_iter().flatten();
        let is = |binding: &Value, kind: &str| {
            binding["type"].as_str().is_some_and(|text| text.to_lowercase().ends_with(&kind.to_lowercase()))
        };
        let trigger = bindings().find(|binding| is(binding, "Trigger"));
        let http = bindings().find(|binding| is(binding, "http"));
        Self {
            name: name.to_owned(),
            trigger: trigger.map_or(Trigger::Other, |binding| read_trigger(name, binding)),
            input: trigger.and_then(|binding| binding["name"].as_str()).unwrap_or_default().to_owned(),
            output: http.and_then(|binding| binding["name"].as_str()).map(str::to_owned),
            disabled: document["disabled"].as_bool().unwrap_or(false),
            document: document.clone(),
        }
    }

    /// Whether nothing but a request goes in and nothing but an answer comes out: then requests may be forwarded.
    pub(super) fn is_plain_http(&self) -> bool {
        let others = |binding: &Value| !matches!(binding["type"].as_str(), Some("httpTrigger" | "http"));
        matches!(self.trigger, Trigger::Http { .. })
            && !self.document["bindings"].as_array().into_iter().flatten().any(others)
    }
}

fn read_trigger(name: &str, binding: &Value) -> Trigger {
    match binding["type"].as_str().unwrap_or_default().to_lowercase().as_str() {
        "httptrigger" => {
            let methods = binding["methods"].as_array().into_iter().flatten().filter_map(Value::as_str);
            Trigger::Http {
                route: Template::read(binding["route"].as_str().unwrap_or(name)),
                methods: methods.map(str::to_uppercase).collect(),
                level: match binding["authLevel"].as_str().unwrap_or_default().to_lowercase().as_str() {
                    "anonymous" => Level::Anonymous,
                    "admin" => Level::Admin,
                    _ => Level::Function,
                },
            }
        }
        "eventgridtrigger" => Trigger::EventGrid {
            many: binding["cardinality"].as_str().is_some_and(|text| text.eq_ignore_ascii_case("many")),
        },
        _ => Trigger::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_document_leaves_out_is_as_the_real_host_assumes() {
        let document = json!({ "bindings": [{ "type": "httpTrigger", "direction": "in", "name": "req" }] });
        let function = Function::read("hello", &document);
        let Trigger::Http { route, methods, level } = &function.trigger else { panic!("{function:?}") };
        assert_eq!((route, methods.len(), *level), (&Template::read("hello"), 0, Level::Function));
        assert_eq!((function.input.as_str(), &function.output, function.disabled), ("req", &None, false));
        assert!(function.is_plain_http());
    }

    #[test]
    fn events_come_one_by_one_unless_asked_otherwise() {
        let read = |binding: Value| Function::read("f", &json!({ "bindings": [binding] }));
        let one = read(json!({ "type": "eventGridTrigger", "direction": "in", "name": "event" }));
        assert_eq!((&one.trigger, one.is_plain_http()), (&Trigger::EventGrid { many: false }, false));
        let many = read(json!({ "type": "eventGridTrigger", "name": "events", "cardinality": "many" }));
        assert_eq!(many.trigger, Trigger::EventGrid { many: true });
        assert_eq!(read(json!({ "type": "timerTrigger", "name": "t" })).trigger, Trigger::Other);
    }
}
