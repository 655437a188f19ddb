//! `twin_hierarchy/aws_hierarchy.json`: the tree of a TwinMaker workspace's entities.

use std::collections::{BTreeMap, BTreeSet};

use jsonc_parser::ast::Value;

use super::{
    devices::Device,
    fields::{Fields, Located, array, object},
    nearest::did_you_mean,
    source::Place,
};
use crate::{
    definition::{AwsComponent, AwsEntity, AwsHierarchy},
    naming::{self, TwinMakerName},
    problem::{Code, Problem, Span},
};

/// What AWS lets an account have by default (Service Quotas of `iottwinmaker`); it raises each on request.
mod quota {
    pub(super) const ENTITIES: usize = 10_000;
    pub(super) const DEPTH: usize = 10;
    pub(super) const CHILDREN: usize = 100;
    pub(super) const COMPONENTS: usize = 10;
}

/// The devices of the project and the place of their file; `None` when they could not be read.
type Devices<'d> = Option<(Place<'d>, &'d [Device])>;

/// Reads the tree. Entities and components with a broken id or name are left out, which is reported.
pub(super) fn read(
    place: Place<'_>,
    value: &Value<'_>,
    devices: Devices<'_>,
    problems: &mut Vec<Problem>,
) -> Option<AwsHierarchy> {
    let nodes = array(place, value, "the hierarchy", problems);
    let mut reader = Reader { place, devices, ids: BTreeSet::new(), shown: BTreeSet::new(), problems };
    let root = reader.children(nodes, 1, None);
    reader.whole(value);
    let mut entities = Vec::new();
    flatten(root.entities, None, &mut entities);
    Some(AwsHierarchy { entities })
}

/// An entity and all below it.
struct Entity {
    id: String,
    name: String,
    children: Children,
}

/// What stands in an entity, or at the root.
#[derive(Default)]
struct Children {
    entities: BTreeMap<String, Entity>,
    components: BTreeMap<String, AwsComponent>,
}

fn flatten(entities: BTreeMap<String, Entity>, parent: Option<&str>, into: &mut Vec<AwsEntity>) {
    for (id, entity) in entities {
        let components = entity.children.components.into_values().collect();
        into.push(AwsEntity { id: id.clone(), name: entity.name, parent: parent.map(str::to_owned), components });
        flatten(entity.children.entities, Some(&id), into);
    }
}

struct Reader<'r, 'a> {
    place: Place<'a>,
    devices: Devices<'r>,
    /// The ids of the entities so far.
    ids: BTreeSet<String>,
    /// The devices that a component names.
    shown: BTreeSet<String>,
    problems: &'r mut Vec<Problem>,
}

impl Reader<'_, '_> {
    /// Reads the nodes in an entity, which is the span, or at the root.
    fn children(&mut self, nodes: &[Value<'_>], depth: usize, entity: Option<Span>) -> Children {
        let mut children = Children::default();
        for node in nodes {
            match self.kind(node).as_deref() {
                Some("entity") => {
                    if let Some(child) = self.entity(node, depth) {
                        children.entities.insert(child.id.clone(), child);
                    }
                }
                Some("component") if entity.is_none() => self.outside(node),
                Some("component") => self.component(node, &mut children.components),
                _ => {}
            }
        }
        if let Some(span) = entity {
            self.quota(span, children.entities.len(), quota::CHILDREN, "entities right below one");
            self.quota(span, children.components.len(), quota::COMPONENTS, "components in one entity");
        }
        children
    }

    /// What a node is; one that is neither is reported.
    fn kind(&mut self, node: &Value<'_>) -> Option<String> {
        let kind = object(self.place, node, "a node", self.problems)?.text("type", self.problems)?;
        let kinds = ["entity", "component"];
        if !kinds.contains(&kind.value.as_str()) {
            let message = format!("\"type\" is \"{}\"", kind.value);
            let problem = self.place.problem_at(kind.span, Code::BadValue, message);
            let remedy = did_you_mean(&kind.value, kinds, "write \"entity\" or \"component\"");
            self.problems.push(problem.why("a node of the hierarchy is an entity or a component of one").fix(remedy));
        }
        Some(kind.value)
    }

    fn outside(&mut self, node: &Value<'_>) {
        let start = self.place.span(node).start;
        let span = Span { start, end: start + 1 };
        let problem = self.place.problem_at(span, Code::BadValue, "a component stands outside of every entity");
        self.problems
            .push(problem.why("a component is a part of an entity").fix("put it into an entity's \"children\""));
    }

    fn entity(&mut self, node: &Value<'_>, depth: usize) -> Option<Entity> {
        let mut fields = object(self.place, node, "an entity", self.problems)?;
        let _ = fields.optional("type");
        let id = fields.text("id", self.problems);
        let name = fields.optional_text("name", self.problems);
        let nodes = fields.optional("children");
        let span = id.as_ref().map_or(fields.start(), |id| id.span);
        fields.finish(self.problems);
        let fresh = id.as_ref().is_some_and(|id| self.entity_id(id));
        if let Some(name) = &name {
            self.name(TwinMakerName::EntityName, name);
        }
        if depth == quota::DEPTH + 1 {
            self.quota(span, depth, quota::DEPTH, "entities one below the other");
        }
        let nodes = nodes.map_or(&[][..], |nodes| array(self.place, nodes, "\"children\"", self.problems));
        let children = self.children(nodes, depth + 1, Some(span));
        let id = id.filter(|_| fresh)?.value;
        Some(Entity { name: name.map_or_else(|| id.clone(), |name| name.value), id, children })
    }

    /// Checks an entity's id; whether it is the first of its name.
    fn entity_id(&mut self, id: &Located<String>) -> bool {
        self.name(TwinMakerName::EntityId, id);
        let fresh = self.ids.insert(id.value.clone());
        if !fresh {
            let message = format!("there are two entities \"{}\"", id.value);
            let problem = self.place.problem_at(id.span, Code::DuplicateEntity, message);
            let why = "an id is unique in the whole workspace, wherever in the tree it stands";
            self.problems.push(problem.why(why).fix("rename one of them"));
        }
        fresh
    }

    fn component(&mut self, node: &Value<'_>, into: &mut BTreeMap<String, AwsComponent>) {
        let Some(mut fields) = object(self.place, node, "a component", self.problems) else { return };
        let _ = fields.optional("type");
        let name = fields.text("name", self.problems);
        let device = self.feed(&mut fields);
        fields.finish(self.problems);
        let Some(name) = name else { return };
        self.name(TwinMakerName::Component, &name);
        if into.contains_key(&name.value) {
            let message = format!("the entity has two components \"{}\"", name.value);
            let problem = self.place.problem_at(name.span, Code::DuplicateComponent, message);
            self.problems.push(problem.why("an entity's components are told apart by name").fix("rename one of them"));
        } else if let Some(device) = device {
            into.insert(name.value.clone(), AwsComponent { name: name.value, device });
        }
    }

    /// The device that feeds a component. The type is twinctl's own, made for the device, so a type alone feeds nothing.
    fn feed(&mut self, fields: &mut Fields<'_, '_>) -> Option<String> {
        let wanted = fields.optional_text("componentTypeId", self.problems);
        if let Some(wanted) = &wanted {
            self.name(TwinMakerName::ComponentType, wanted);
        }
        let Some(wanted) = wanted else {
            let device = fields.text("iotDeviceId", self.problems)?;
            return self.known(device);
        };
        if let Some(device) = fields.optional_text("iotDeviceId", self.problems) {
            return self.known(device);
        }
        let message = format!("no device feeds the component of type \"{}\", so it is left out", wanted.value);
        let problem = self.place.problem_at(wanted.span, Code::ComponentHasNoDevice, message);
        let why = "component types are made of the devices' properties, with the hot reader as their connector";
        self.problems.push(problem.why(why).fix("name the device in \"iotDeviceId\", or remove the component"));
        None
    }

    /// The device's id; one that is not among the project's is reported.
    fn known(&mut self, device: Located<String>) -> Option<String> {
        let (_, devices) = self.devices?;
        if !devices.iter().any(|known| known.id.value == device.value) {
            let message = format!("there is no device \"{}\"", device.value);
            let problem = self.place.problem_at(device.span, Code::ComponentDeviceUnknown, message);
            let names = devices.iter().map(|known| known.id.value.as_str());
            let remedy = did_you_mean(&device.value, names, "add it to config_iot_devices.json");
            self.problems.push(problem.why("the component would show the values of nothing").fix(remedy));
        }
        self.shown.insert(device.value.clone());
        Some(device.value)
    }

    fn name(&mut self, kind: TwinMakerName, name: &Located<String>) {
        if let Some(misfit) = naming::twin_maker(kind, &name.value) {
            let problem = self.place.problem_at(name.span, Code::NameNotCarried, misfit.to_string());
            self.problems.push(problem.why("TwinMaker would refuse it").fix("use letters, digits and hyphens"));
        }
    }

    /// What can be said once everything is read: of the number of entities, and of devices that nothing shows.
    fn whole(&mut self, value: &Value<'_>) {
        let start = self.place.span(value).start;
        self.quota(Span { start, end: start + 1 }, self.ids.len(), quota::ENTITIES, "entities in one workspace");
        let Some((place, devices)) = self.devices else { return };
        for property in devices.iter().flat_map(|device| &device.properties) {
            if let Some(misfit) = naming::twin_maker(TwinMakerName::Property, &property.name.value) {
                let problem = place.problem_at(property.name.span, Code::NameNotCarried, misfit.to_string());
                let why = "the property of a component has the name under which its device sends it";
                self.problems.push(problem.why(why).fix("use letters, digits, hyphens and underscores"));
            }
        }
        for device in devices.iter().filter(|device| !self.shown.contains(&device.id.value)) {
            let message = format!("no component shows the device \"{}\"", device.id.value);
            let problem = place.problem_at(device.id.span, Code::DeviceHasNoComponent, message);
            let why = "its values are stored, and TwinMaker never asks for them";
            self.problems.push(problem.why(why).fix("name it as the \"iotDeviceId\" of a component of the hierarchy"));
        }
    }

    fn quota(&mut self, span: Span, found: usize, most: usize, what: &str) {
        if found > most {
            let problem = self.place.problem_at(span, Code::OverQuota, format!("{found} {what} are more than {most}"));
            let why = "that is AWS's default quota, and it refuses what goes beyond";
            self.problems.push(problem.why(why).fix("use fewer, or have AWS raise the account's quota first"));
        }
    }
}
