//! The check: each exchange against its operation.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::Validator;
use serde_json::Value;

use super::{
    complaints::complaints,
    documents::{Documents, version_files},
    handed_out::{HandedOut, check_poll, hand_out, status_document},
    operation::{self, Location, Operation, Parameter, Response},
    recorder::{Answer, Exchange},
    report::{Report, Violation},
    schema::{Converter, Side, Subtypes, build},
    wire::{decode, query, target, typed},
};

/// The services of which no specification is published for the version that we use.
const UNPUBLISHED: [(&str, &str); 4] = [
    ("*", "/devices/{id}"),
    ("POST", "/api/publish"),
    ("GET", "/api/deployments/{id}"),
    ("POST", "/{tenant}/oauth2/v2.0/token"),
];

/// The specifications of the api-versions that we use.
pub struct Contracts {
    documents: Documents,
    subtypes: Subtypes,
    operations: Vec<Operation>,
    /// Compiled on first use: few of a thousand operations are ever used.
    validators: Mutex<HashMap<(usize, Part), Arc<Validator>>>,
    status_document: Validator,
}

/// Which schema of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Parameter(usize),
    Response(String),
}

impl Contracts {
    /// Loads every document of the given api-versions below `root` (the folder that holds `specification`).
    ///
    /// # Errors
    /// When a file cannot be read or is not JSON.
    pub fn load(root: &Path, versions: &[&str]) -> io::Result<Self> {
        let mut documents = Documents::default();
        let mut files = Vec::new();
        for path in version_files(&root.join("specification"), versions)? {
            files.push(documents.load(&path)?);
        }
        let subtypes = Subtypes::read(&documents);
        let wanted: BTreeSet<usize> = files.into_iter().collect();
        let operations = documents
            .files()
            .filter(|(file, _)| wanted.contains(file))
            .flat_map(|(file, document)| operation::read(&documents, file, document))
            .collect();
        Ok(Self { documents, subtypes, operations, validators: Mutex::default(), status_document: status_document() })
    }

    /// The specifications of all versions in [`azure::api`], when they lie beside the repository.
    ///
    /// # Panics
    /// When they are there and cannot be read.
    #[must_use]
    pub fn ours() -> Option<Self> {
        use azure::api;
        let root = super::shared("specs/azure")?;
        let versions = [
            api::RESOURCES,
            api::DIGITAL_TWINS,
            api::EVENT_GRID,
            api::DEVICES,
            api::WEB,
            api::MANAGED_IDENTITY,
            api::AUTHORIZATION,
            api::DOCUMENT_DB,
            api::STORAGE,
            api::DIGITAL_TWINS_DATA,
        ];
        Some(Self::load(&root, &versions).expect("the specifications are readable"))
    }

    /// How many operations there are to match.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.operations.len()
    }

    /// Holds each exchange against its operation, in order: a URL that an answer hands out may be followed afterwards.
    #[must_use]
    pub fn check(&self, exchanges: &[Exchange]) -> Report {
        let mut report = Report { requests: exchanges.len(), ..Report::default() };
        let mut handed_out: BTreeMap<String, HandedOut> = BTreeMap::new();
        for exchange in exchanges {
            let known = handed_out.get(&target(&exchange.url)).filter(|_| exchange.method == "GET").copied();
            let (operation, found) = match (known, self.find(exchange)) {
                (None | Some(HandedOut::Page | HandedOut::Location), Some((index, _))) => {
                    self.cover(&mut report, index, exchange);
                    (Some(index), self.check_operation(index, exchange, known.is_some()))
                }
                (Some(kind), _) => {
                    report.handed_out += 1;
                    (None, check_poll(&self.status_document, kind, exchange))
                }
                (None, None) => match unpublished(exchange) {
                    Some(name) => {
                        *report.unpublished.entry(name).or_default() += 1;
                        (None, Vec::new())
                    }
                    None => (None, vec![self.unmatched(exchange)]),
                },
            };
            let operation = operation.map(|index| self.operations[index].id.clone());
            let name = name(exchange);
            report.violations.extend(found.into_iter().map(|what| Violation {
                exchange: name.clone(),
                operation: operation.clone(),
                what,
            }));
            hand_out(exchange, &mut handed_out);
        }
        report
    }

    /// The operations on paths that a report covers, or of the documents named, which it does not reach: by document and id,
    /// with method and template.
    #[must_use]
    pub fn unreached(&self, report: &Report, documents: &[&str]) -> BTreeMap<(String, String), String> {
        let key = |operation: &Operation| (self.documents.name(operation.file), operation.id.clone());
        let covered = |operation: &&Operation| report.covered.contains_key(&key(operation));
        let paths: BTreeSet<(usize, &str)> = self
            .operations
            .iter()
            .filter(covered)
            .map(|operation| (operation.file, operation.template.as_str()))
            .collect();
        let in_use = |operation: &&Operation| {
            paths.contains(&(operation.file, operation.template.as_str()))
                || documents.contains(&self.documents.name(operation.file).as_str())
        };
        let unreached = self.operations.iter().filter(in_use).filter(|operation| !covered(operation));
        unreached.map(|operation| (key(operation), format!("{} {}", operation.method, operation.template))).collect()
    }

    /// The most particular operation of the request's method, path and version.
    fn find(&self, exchange: &Exchange) -> Option<(usize, BTreeMap<String, String>)> {
        let version = query(&exchange.url).into_iter().find(|(name, _)| name == "api-version")?.1;
        let path: Vec<&str> = exchange.url.path().trim_matches('/').split('/').collect();
        let candidates = self.operations.iter().enumerate();
        let candidates =
            candidates.filter(|(_, operation)| operation.version == version && operation.method == exchange.method);
        let matching = candidates.filter_map(|(index, operation)| Some((index, operation.captures(&path)?)));
        matching.max_by_key(|(index, _)| self.operations[*index].words())
    }

    fn unmatched(&self, exchange: &Exchange) -> String {
        let path: Vec<&str> = exchange.url.path().trim_matches('/').split('/').collect();
        let near = self.operations.iter().find(|operation| operation.captures(&path).is_some());
        match near {
            Some(near) => format!("no operation; the nearest is {} {} of {}", near.method, near.template, near.version),
            None => "no operation of any version has this path".to_owned(),
        }
    }

    fn cover(&self, report: &mut Report, index: usize, exchange: &Exchange) {
        let operation = &self.operations[index];
        let coverage = report.covered.entry((self.documents.name(operation.file), operation.id.clone())).or_default();
        coverage.requests += 1;
        coverage.statuses.extend(exchange.answer.as_ref().map(|answer| answer.status));
    }

    fn check_operation(&self, index: usize, exchange: &Exchange, followed: bool) -> Vec<String> {
        let mut found = Vec::new();
        // The parameters of a URL that was handed out are the service's own.
        if !followed {
            self.check_parameters(index, exchange, &mut found);
        }
        if let Some(answer) = &exchange.answer {
            self.check_answer(index, answer, &mut found);
        }
        found
    }

    fn check_parameters(&self, index: usize, exchange: &Exchange, found: &mut Vec<String>) {
        let operation = &self.operations[index];
        let path: Vec<&str> = exchange.url.path().trim_matches('/').split('/').collect();
        let captures = operation.captures(&path).unwrap_or_default();
        let query = query(&exchange.url);
        for (number, parameter) in operation.parameters.iter().enumerate() {
            let part = Part::Parameter(number);
            let values: Vec<String> = match parameter.location {
                Location::Path => captures.get(&parameter.name).map(|value| decode(value)).into_iter().collect(),
                Location::Query => {
                    query.iter().filter(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone()).collect()
                }
                Location::Header => {
                    exchange.headers.get(&parameter.name.to_ascii_lowercase()).cloned().into_iter().collect()
                }
                Location::Body => {
                    self.check_body(index, &part, parameter, exchange, found);
                    continue;
                }
            };
            if values.is_empty() && parameter.required {
                found.push(format!("{:?} parameter {} is missing", parameter.location, parameter.name));
            }
            for value in values {
                let value = typed(parameter, &value);
                self.validate(index, &part, &value, &format!("parameter {}", parameter.name), found);
            }
        }
        let declared = |name: &str| {
            operation.parameters.iter().any(|known| known.location == Location::Query && known.name == name)
        };
        found.extend(
            query
                .iter()
                .filter(|(name, _)| !declared(name))
                .map(|(name, _)| format!("query parameter {name} is unknown")),
        );
        let has_body = operation.parameters.iter().any(|parameter| parameter.location == Location::Body);
        if !exchange.body.is_empty() && !has_body {
            found.push("the operation takes no body".to_owned());
        }
    }

    fn check_body(
        &self,
        index: usize,
        part: &Part,
        parameter: &Parameter,
        exchange: &Exchange,
        found: &mut Vec<String>,
    ) {
        if exchange.body.is_empty() {
            if parameter.required {
                found.push("the body is missing".to_owned());
            }
            return;
        }
        let content_type =
            exchange.headers.get("content-type").map_or("", |text| text.split(';').next().unwrap_or("").trim());
        let consumes = &self.operations[index].consumes;
        if !consumes.is_empty() && !consumes.iter().any(|kind| kind.eq_ignore_ascii_case(content_type)) {
            found.push(format!("the body is {content_type:?}, the operation takes {}", consumes.join(", ")));
        }
        match serde_json::from_slice(&exchange.body) {
            Ok(body) => self.validate(index, part, &body, "body", found),
            Err(error) => found.push(format!("the body is not JSON: {error}")),
        }
    }

    fn check_answer(&self, index: usize, answer: &Answer, found: &mut Vec<String>) {
        let responses = &self.operations[index].responses;
        let exact = answer.status.to_string();
        let (key, response): (String, &Response) = match (responses.get(&exact), responses.get("default")) {
            (Some(response), _) => (exact, response),
            // In these specifications the default is the error.
            (None, Some(response)) if answer.status >= 400 => ("default".to_owned(), response),
            // Without a default no error is described at all.
            (None, None) if answer.status >= 400 => return,
            _ => {
                found.push(format!(
                    "status {exact} is not among {}",
                    responses.keys().cloned().collect::<Vec<_>>().join(", ")
                ));
                return;
            }
        };
        let has_schema = response.schema.is_some();
        // What is accepted may come without its resource, and an error without its words.
        let may_be_empty = !has_schema || answer.status == 202 || answer.status >= 400;
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(body) if has_schema => self.validate(index, &Part::Response(key), &body, "answer", found),
            Err(error) if !(may_be_empty && answer.body.is_empty()) && has_schema => {
                found.push(format!("the answer is not JSON: {error}"));
            }
            _ => {}
        }
    }

    fn validate(&self, index: usize, part: &Part, value: &Value, what: &str, found: &mut Vec<String>) {
        found.extend(complaints(&self.validator(index, part), value, what));
    }

    fn validator(&self, index: usize, part: &Part) -> Arc<Validator> {
        let key = (index, part.clone());
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = validators.entry(key).or_insert_with(|| Arc::new(self.compile(index, part)));
        Arc::clone(compiled)
    }

    fn compile(&self, index: usize, part: &Part) -> Validator {
        let operation = &self.operations[index];
        let side = if operation.method == "PATCH" { Side::Patch } else { Side::Request };
        let (side, file, schema) = match part {
            Part::Parameter(number) => {
                let parameter = &operation.parameters[*number];
                (side, parameter.file, &parameter.schema)
            }
            Part::Response(status) => {
                let response = &operation.responses[status];
                (Side::Response, response.file, response.schema.as_ref().unwrap_or(&Value::Null))
            }
        };
        let schema = Converter::convert(&self.documents, &self.subtypes, side, file, schema);
        build(&schema, &format!("{} {part:?}", operation.id))
    }
}

fn name(exchange: &Exchange) -> String {
    let status = exchange.answer.as_ref().map_or("no answer".to_owned(), |answer| answer.status.to_string());
    format!("{} {} -> {status}", exchange.method, exchange.url.path())
}

fn unpublished(exchange: &Exchange) -> Option<String> {
    let path: Vec<&str> = exchange.url.path().trim_matches('/').split('/').collect();
    UNPUBLISHED.iter().find_map(|(method, template)| {
        let segments: Vec<&str> = template.trim_matches('/').split('/').collect();
        let same = segments.len() == path.len()
            && segments
                .iter()
                .zip(&path)
                .all(|(word, segment)| word.starts_with('{') || word.eq_ignore_ascii_case(segment));
        (same && (*method == "*" || *method == exchange.method)).then(|| format!("{} {template}", exchange.method))
    })
}
