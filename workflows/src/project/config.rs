//! `config.json` and `config_providers.json`.

use jsonc_parser::ast::Value;

use super::{
    fields::{Fields, object, wrong_type},
    nearest::did_you_mean,
    source::Place,
};
use crate::{
    naming::{Names, suggestion},
    problem::{Code, Problem},
    topology::{Cloud, Providers},
};

/// What `config.json` says.
pub(super) struct Config {
    pub(super) name: String,
    pub(super) mode: String,
    pub(super) hot_days: u32,
    pub(super) cold_days: u32,
}

/// Cosmos DB takes a time to live in seconds of 31 bits.
const HOT_DAYS_MAX: u32 = 24_855;
/// A hundred years.
const COLD_DAYS_MAX: u32 = 36_525;
const MODES: [&str; 2] = ["debug", "production"];

/// Reads `config.json`; `None` when a part of it is missing or wrong, which is reported.
pub(super) fn read_config(place: Place<'_>, value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Config> {
    let mut fields = object(place, value, "the configuration", problems)?;
    let name = twin_name(&mut fields, problems);
    let hot = days(&mut fields, "hot_storage_size_in_days", HOT_DAYS_MAX, problems);
    let cold = days(&mut fields, "cold_storage_size_in_days", COLD_DAYS_MAX, problems);
    let mode = mode(&mut fields, problems);
    if let (Some((hot, _)), Some((cold, node))) = (hot, cold)
        && cold < hot
    {
        problems.push(
            place
                .problem(node, Code::RetentionOrder, format!("cold storage keeps data {cold} days, hot storage {hot}"))
                .why("data moves from hot to cold storage and would be older than cold storage keeps when it arrives")
                .fix(format!("write {hot} or more here, or less for \"hot_storage_size_in_days\"")),
        );
    }
    fields.finish(problems);
    Some(Config { name: name?, mode: mode?, hot_days: hot?.0, cold_days: cold?.0 })
}

fn twin_name(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<String> {
    let node = fields.required("digital_twin_name", problems)?;
    let Value::StringLit(text) = node else {
        problems.push(wrong_type(fields.place, node, "\"digital_twin_name\"", "a string"));
        return None;
    };
    // The suffix has the same length whatever the subscription, so any will do to check the names' rules.
    let misfits = Names::new(&text.value, "").misfits();
    if let Some(first) = misfits.first() {
        problems.push(
            fields
                .place
                .problem(text, Code::NameNotCarried, first.to_string())
                .why("every resource is named after the twin, so its name must do for all of them")
                .fix(format!("write for example \"{}\"", suggestion(&text.value))),
        );
    }
    Some(text.value.to_string())
}

fn days<'r, 'a>(
    fields: &mut Fields<'r, 'a>,
    key: &'static str,
    most: u32,
    problems: &mut Vec<Problem>,
) -> Option<(u32, &'r Value<'a>)> {
    let node = fields.required(key, problems)?;
    let Value::NumberLit(number) = node else {
        problems.push(wrong_type(fields.place, node, &format!("\"{key}\""), "a number"));
        return None;
    };
    let days = number.value.parse().ok().filter(|days| (1..=most).contains(days));
    if days.is_none() {
        problems.push(
            fields
                .place
                .problem(number, Code::BadValue, format!("\"{key}\" is {}", number.value))
                .why("storage is kept for whole days, and not for ever")
                .fix(format!("write a whole number from 1 to {most}")),
        );
    }
    days.map(|days| (days, node))
}

fn mode(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<String> {
    let Some(text) = fields.optional_text("mode", problems) else { return Some(MODES[0].into()) };
    let mode = text.value.to_lowercase();
    if !MODES.contains(&mode.as_str()) {
        problems.push(
            fields
                .place
                .problem_at(text.span, Code::BadValue, format!("there is no mode \"{}\"", text.value))
                .why("the mode decides how much the functions log")
                .fix(did_you_mean(&mode, MODES, "write \"DEBUG\" or \"PRODUCTION\"")),
        );
    }
    Some(mode)
}

/// Reads `config_providers.json`.
pub(super) fn read_providers(place: Place<'_>, value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Providers> {
    let mut fields = object(place, value, "the list of providers", problems)?;
    let l1 = cloud(&mut fields, "layer_1_provider", problems);
    let l2 = cloud(&mut fields, "layer_2_provider", problems);
    let l3_hot = cloud(&mut fields, "layer_3_hot_provider", problems);
    let l3_cold = cloud(&mut fields, "layer_3_cold_provider", problems);
    let l3_archive = cloud(&mut fields, "layer_3_archive_provider", problems);
    let l4 = cloud(&mut fields, "layer_4_provider", problems);
    layer_4_exists(&mut fields, l4, problems);
    layer_5(&mut fields, problems);
    fields.finish(problems);
    Some(Providers { l1: l1?, l2: l2?, l3_hot: l3_hot?, l3_cold: l3_cold?, l3_archive: l3_archive?, l4: l4? })
}

fn cloud(fields: &mut Fields<'_, '_>, key: &'static str, problems: &mut Vec<Problem>) -> Option<Cloud> {
    let text = fields.text(key, problems)?;
    let cloud = match text.value.as_str() {
        "gcp" => Some(Cloud::Google),
        name => Cloud::ALL.into_iter().find(|cloud| cloud.name() == name),
    };
    if cloud.is_none() {
        let names = Cloud::ALL.map(Cloud::name);
        problems.push(
            fields
                .place
                .problem_at(text.span, Code::BadValue, format!("\"{key}\" is \"{}\"", text.value))
                .why("that is no cloud that twinctl knows")
                .fix(did_you_mean(&text.value, names, "write \"aws\", \"azure\" or \"google\"")),
        );
    }
    cloud
}

fn layer_4_exists(fields: &mut Fields<'_, '_>, l4: Option<Cloud>, problems: &mut Vec<Problem>) {
    if let (Some(Cloud::Google), Some(node)) = (l4, fields.optional("layer_4_provider")) {
        problems.push(
            fields
                .place
                .problem(node, Code::LayerNotOnCloud, "Google Cloud has no service for layer 4")
                .why("there would be no twin")
                .fix("write \"azure\" (Azure Digital Twins) or \"aws\" (TwinMaker)"),
        );
    }
}

fn layer_5(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) {
    if let Some(node) = fields.optional("layer_5_provider") {
        problems.push(
            fields
                .place
                .problem(node, Code::LayerNotDeployed, "layer 5 is not deployed")
                .why("twinctl deploys layers 0 to 4; dashboards are left to you")
                .fix("nothing, or remove the line"),
        );
    }
}
