//! A project folder: files in, a project and every problem with it out.
//!
//! | term | means |
//! |---|---|
//! | files | the texts of the folder's files; reading them is all that touches the disk |
//! | report | the project, if it can be deployed, and everything that is wrong or strange, sorted by place |
//! | place | a part of a file that is parsed by itself: the whole file, or a line of NDJSON |
//! | feed | the twin and the properties of it that a device's messages land in |
//!
//! Checking is pure and total: it never stops at the first problem and never panics on what a file holds.

mod aws_hierarchy;
mod config;
mod credentials;
mod devices;
mod feeds;
mod fields;
mod files;
mod hierarchy;
mod models;
pub(crate) mod nearest;
mod relationships;
mod source;
mod twins;

use std::{collections::BTreeMap, path::Path};

use functions::twin_info::DeviceInfo;

pub use credentials::{AwsCredentials, AzureCredentials};
pub use files::{
    AWS_HIERARCHY, Access, CONFIG, CREDENTIALS, DEVICES, Files, HIERARCHY_JSON, HIERARCHY_NDJSON, PROVIDERS,
};

use crate::{
    definition::{
        AwsHierarchy, ConstProperty, Definition, Device, DeviceProperty, Relationship, Target, Twin, VERSION,
    },
    problem::{Code, Problem, Severity},
    topology::{Cloud, Providers},
};
use source::{Place, Source};

/// A project that can be deployed.
#[derive(Debug, Clone)]
pub struct Project {
    /// `digital_twin_name`
    pub twin_name: String,
    /// `mode`, in lower case.
    pub mode: String,
    /// `hot_storage_size_in_days`
    pub hot_days: u32,
    /// `cold_storage_size_in_days`
    pub cold_days: u32,
    /// The cloud of each layer.
    pub providers: Providers,
    /// The devices, by id.
    pub devices: Vec<Device>,
    /// The models as written, each after those that it builds on.
    pub models: Vec<serde_json::Value>,
    /// The twins, by id.
    pub twins: Vec<Twin>,
    /// The relationships, by source and id.
    pub relationships: Vec<Relationship>,
    /// The twin and properties that each device feeds.
    pub feeds: BTreeMap<String, DeviceInfo>,
    /// The entities of the TwinMaker workspace; there exactly when L4 is on AWS.
    pub aws_hierarchy: Option<AwsHierarchy>,
    /// What the credentials file says of Azure; never read for the local target.
    pub azure: Option<AzureCredentials>,
    /// What it says of AWS; never read for the local target either.
    pub aws: Option<AwsCredentials>,
}

impl Project {
    /// The snapshot of this project for a target, without the tokens of its calls ([`Definition::with_tokens`]).
    #[must_use]
    pub fn define(&self, target: Target) -> Definition {
        let definition = Definition {
            v: VERSION,
            twin_name: self.twin_name.clone(),
            mode: self.mode.clone(),
            hot_days: self.hot_days,
            cold_days: self.cold_days,
            providers: self.providers,
            devices: self.devices.clone(),
            models: self.models.clone(),
            twins: self.twins.clone(),
            relationships: self.relationships.clone(),
            feeds: self.feeds.clone(),
            tokens: BTreeMap::new(),
            aws_hierarchy: self.aws_hierarchy.clone(),
            target,
        };
        // Canonical JSON writes 20.0 as 20. A run that starts from the files and one that resumes from the snapshot must
        // see the same numbers, or a step would want another document.
        Definition::from_json(&definition.to_json()).expect("a snapshot that was just written can be read")
    }
}

/// What came of reading a project.
#[derive(Debug)]
pub struct Report {
    /// The project; there exactly when no problem is an error.
    pub project: Option<Project>,
    /// Everything that is wrong or strange, sorted by file and place.
    pub problems: Vec<Problem>,
    /// The files, for showing problems in their place.
    pub files: Files,
}

impl Report {
    /// The problems of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(move |problem| problem.severity == severity)
    }
}

/// Reads and checks a project folder. Writes nothing.
#[must_use]
pub fn read(folder: &Path, access: Access) -> Report {
    check(Files::load(folder, access))
}

/// Checks a project's files.
#[must_use]
pub fn check(files: Files) -> Report {
    let mut problems = Vec::new();
    let project = assemble(&files, &mut problems);
    problems.sort_by(|a, b| a.order().cmp(&b.order()));
    let broken = problems.iter().any(|problem| problem.severity == Severity::Error);
    Report { project: project.filter(|_| !broken), problems, files }
}

/// Reads everything, whatever is wrong with the rest; `None` when a part that nothing can stand in for is missing.
fn assemble(files: &Files, problems: &mut Vec<Problem>) -> Option<Project> {
    let config = document(files, CONFIG, problems, config::read_config);
    let providers = document(files, PROVIDERS, problems, config::read_providers);
    let azure = credentials(files, providers, Cloud::Azure, problems, credentials::read_azure);
    let aws = credentials(files, providers, Cloud::Aws, problems, credentials::read_aws);
    let devices_text = text(files, DEVICES, problems);
    let source = Source::new(DEVICES, devices_text.unwrap_or("[]"));
    let place = Place::whole(&source);
    let l1 = providers.map(|providers| providers.l1);
    let devices = source::parse(place, problems).map(|value| devices::read(place, &value, l1, problems));
    // Without readable providers the likelier case is checked: a hierarchy that is there is meant for something.
    let graph = match providers {
        Some(providers) if providers.l4 != Cloud::Azure => Some(Graph::default()),
        None if files.get(HIERARCHY_JSON).is_none() && files.get(HIERARCHY_NDJSON).is_none() => None,
        _ => hierarchy_source(files, problems).and_then(|(name, text)| {
            let source = Source::new(name, text);
            read_graph(&source, name, place, devices.as_deref(), problems)
        }),
    };
    let aws_hierarchy = read_entities(files, providers, place, devices.as_deref(), problems);
    let (config, providers, devices, graph) = (config?, providers?, devices?, graph?);
    let mut devices: Vec<Device> = devices.into_iter().map(plain).collect();
    devices.sort_by(|a, b| a.id.cmp(&b.id));
    Some(Project {
        twin_name: config.name,
        mode: config.mode,
        hot_days: config.hot_days,
        cold_days: config.cold_days,
        providers,
        devices,
        models: graph.models,
        twins: graph.twins,
        relationships: graph.relationships,
        feeds: graph.feeds,
        aws_hierarchy,
        azure,
        aws,
    })
}

/// What a hierarchy says.
#[derive(Default)]
struct Graph {
    models: Vec<serde_json::Value>,
    twins: Vec<Twin>,
    relationships: Vec<Relationship>,
    feeds: BTreeMap<String, DeviceInfo>,
}

fn read_graph<'a>(
    source: &'a Source<'a>,
    name: &str,
    devices_place: Place<'_>,
    devices: Option<&[devices::Device]>,
    problems: &mut Vec<Problem>,
) -> Option<Graph> {
    let hierarchy = match name {
        HIERARCHY_JSON => hierarchy::read_json(source, problems),
        _ => hierarchy::read_ndjson(source, problems),
    }?;
    let known = models::read(&hierarchy.models, problems);
    let mut twins = twins::read(&hierarchy.twins, &known, problems);
    let relationships = relationships::read(&hierarchy.relationships, &twins, &known, problems);
    let feeds = feeds::find(devices_place, devices.unwrap_or_default(), &mut twins, &known, problems);
    let twins = twins.into_values().map(|twin| Twin { id: twin.id.value, model: twin.model, body: twin.body.into() });
    Some(Graph { models: models::in_order(&hierarchy.models, &known), twins: twins.collect(), relationships, feeds })
}

/// The entities, when L4 is on AWS; like the other hierarchy also when that is not known and the file is there.
fn read_entities(
    files: &Files,
    providers: Option<Providers>,
    devices_place: Place<'_>,
    devices: Option<&[devices::Device]>,
    problems: &mut Vec<Problem>,
) -> Option<AwsHierarchy> {
    let meant = providers.map_or(files.get(AWS_HIERARCHY).is_some(), |providers| providers.l4 == Cloud::Aws);
    if !meant {
        return None;
    }
    let devices = devices.map(|devices| (devices_place, devices));
    document(files, AWS_HIERARCHY, problems, |place, value, problems| {
        aws_hierarchy::read(place, value, devices, problems)
    })
}

/// The hierarchy's file, in whichever form it is there.
fn hierarchy_source<'a>(files: &'a Files, problems: &mut Vec<Problem>) -> Option<(&'static str, &'a str)> {
    if files.get(HIERARCHY_NDJSON).is_none() {
        return text(files, HIERARCHY_JSON, problems).map(|text| (HIERARCHY_JSON, text));
    }
    if files.get(HIERARCHY_JSON).is_some() {
        let message = format!("{HIERARCHY_JSON} is there too");
        let problem = Problem::new(HIERARCHY_NDJSON, Code::TwoHierarchies, message);
        problems.push(problem.why("they may differ, and only one can be deployed").fix("remove one of the two files"));
    }
    text(files, HIERARCHY_NDJSON, problems).map(|text| (HIERARCHY_NDJSON, text))
}

/// Reads a file that is one JSON document.
fn document<T>(
    files: &Files,
    name: &str,
    problems: &mut Vec<Problem>,
    read: impl FnOnce(Place<'_>, &jsonc_parser::ast::Value<'_>, &mut Vec<Problem>) -> Option<T>,
) -> Option<T> {
    let source = Source::new(name, text(files, name, problems)?);
    let place = Place::whole(&source);
    let value = source::parse(place, problems)?;
    read(place, &value, problems)
}

/// What the credentials say of a cloud. One that the project does not use is not looked at, and no file at all means the
/// clouds' own login.
fn credentials<T>(
    files: &Files,
    providers: Option<Providers>,
    cloud: Cloud,
    problems: &mut Vec<Problem>,
    read: impl FnOnce(Place<'_>, &jsonc_parser::ast::Value<'_>, &mut Vec<Problem>) -> Option<T>,
) -> Option<T> {
    let used = files.get(CREDENTIALS).is_some() && providers.is_some_and(|providers| providers.uses(cloud));
    if !used {
        return None;
    }
    document(files, CREDENTIALS, problems, read)
}

/// The text of a file that must be there.
fn text<'a>(files: &'a Files, name: &str, problems: &mut Vec<Problem>) -> Option<&'a str> {
    let problem = match files.get(name) {
        Some(Ok(text)) => return Some(text),
        Some(Err(reason)) => Problem::new(name, Code::FileUnreadable, format!("{name} cannot be read: {reason}"))
            .why("the project cannot be known without it")
            .fix("make it a readable text file in UTF-8"),
        None => Problem::new(name, Code::FileMissing, format!("{name} is missing"))
            .why("a project is not whole without it")
            .fix(format!("add {name} to the project folder")),
    };
    problems.push(problem);
    None
}

fn plain(device: devices::Device) -> Device {
    let sent = device.properties.into_iter().map(|property| DeviceProperty {
        name: property.name.value,
        data_type: property.data_type,
        init_value: property.value.map(|value| value.value),
    });
    let constant = device.const_properties.into_iter().filter_map(|property| {
        let value = property.value?.value;
        Some(ConstProperty { name: property.name.value, data_type: property.data_type, value })
    });
    Device { id: device.id.value, properties: sent.collect(), const_properties: constant.collect() }
}
