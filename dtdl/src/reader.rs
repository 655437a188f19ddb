//! Reads documents into elements, noting every problem that shows without following references.

mod members;
mod terms;

use crate::context::{self, Context};
use crate::document::{DEPTH, Kind as Json, Member as JsonMember, Node};
use crate::element::{Arena, Element};
use crate::literal;
use crate::metamodel::{Class, Slot};
use crate::report::Report;
use crate::types::{self, Types};
use crate::{Document, Dtmi, Localized, Rules, Version};

/// The most bytes of one model.
const MODEL_BYTES: usize = 1 << 20;

/// Reads all documents; the report holds what is wrong with them.
pub(crate) fn read(documents: &[Document], rules: Rules) -> (Arena, Report) {
    let mut reader = Reader { rules, arena: Arena::default(), report: Report::default() };
    for (number, document) in documents.iter().enumerate() {
        reader.report.document = number;
        if let Some(place) = &document.too_deep {
            let message = format!("arrays and objects stand more than {DEPTH} levels deep inside one another");
            reader.report.add(place.as_ref(), "json-too-deep", message, "nest them less deep");
        }
        reader.top(&document.root);
    }
    (reader.arena, reader.report)
}

struct Reader {
    rules: Rules,
    arena: Arena,
    report: Report,
}

/// Where an element stands: below which one, and as what.
#[derive(Clone, Copy)]
struct Parent {
    context: Context,
    slot: Slot,
    partition: usize,
}

impl Reader {
    fn top(&mut self, node: &Node) {
        match &node.kind {
            Json::Array(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.report.enter_index(index);
                    self.top(node);
                    self.report.leave();
                }
            }
            _ => self.root(node),
        }
    }

    fn root(&mut self, node: &Node) {
        self.report.model = None;
        match &node.kind {
            Json::Object(members) => {
                let root = self.element(node, members, None);
                self.size(node, root);
                self.arena.roots.extend(root);
            }
            _ => self.report.add(
                node.span.as_ref(),
                "not-an-object",
                "a model is a JSON object".to_owned(),
                "write an Interface as an object",
            ),
        }
        self.report.model = None;
    }

    /// Checks the size of a model, which the language limits from version 3 on and Azure Digital Twins in each.
    fn size(&mut self, node: &Node, root: Option<usize>) {
        let is_old = root.is_some_and(|index| self.arena.elements[index].context.version == Version::V2);
        let size = node.size();
        if size > MODEL_BYTES && (self.rules == Rules::Adt || !is_old) {
            let message = format!("the model has {size} bytes");
            let remedy = format!("keep it within {MODEL_BYTES}, for example by extending another one");
            self.report.add(node.span.as_ref(), "model-too-large", message, remedy);
        }
    }

    /// Reads one element; nothing when it is too broken to be told what it is.
    fn element(&mut self, node: &Node, members: &[JsonMember], parent: Option<Parent>) -> Option<usize> {
        let find = |key: &str| members.iter().find(|member| member.key == key).map(|member| &member.value);
        let outer = self.report.model.clone();
        if let (Some(Json::String(id)), true) =
            (find("@id").map(|id| &id.kind), parent.is_none_or(Parent::is_interface))
        {
            self.report.model = Some(id.as_str().into());
        }
        let index = self.element_inside(node, members, parent, find("@context"), find("@type"), find("@id"));
        self.report.model = outer;
        index
    }

    fn element_inside(
        &mut self,
        node: &Node,
        members: &[JsonMember],
        parent: Option<Parent>,
        context: Option<&Node>,
        types: Option<&Node>,
        id: Option<&Node>,
    ) -> Option<usize> {
        literal::repeated(members, &mut self.report);
        let span = node.span.as_ref();
        let inherited = parent.map(|parent| parent.context);
        let context = context::read(context, inherited, self.rules, &mut self.report, span)?;
        if let Some(parent) = parent {
            self.version_fits(node, parent, context);
        }
        let types = types::read(types, parent.map(|parent| parent.slot), context, &mut self.report, node)?;
        let class = types.class?;
        if !self.class_fits(node, class, parent) {
            return None;
        }
        let needs_id = parent.is_none_or(|parent| parent.slot.needs_id());
        let id = self.id(node, id, class, context, needs_id);
        let index = self.add(node, class, context, id, parent, &types);
        self.types_fit(node, index, &types);
        self.members(node, members, index, &types);
        Some(index)
    }

    fn add(
        &mut self,
        node: &Node,
        class: Class,
        context: Context,
        id: Option<Dtmi>,
        parent: Option<Parent>,
        types: &Types,
    ) -> usize {
        let index = self.arena.elements.len();
        let partition = match parent {
            Some(parent) if class != Class::Interface => parent.partition,
            _ => index,
        };
        let place = self.report.place(node.span.as_ref());
        if let Some(id) = &id {
            self.define(id, index, node);
        }
        self.arena.elements.push(Element {
            class,
            context,
            id,
            place,
            partition,
            name: None,
            display_name: Localized::new(),
            description: Localized::new(),
            writable: false,
            min_multiplicity: None,
            max_multiplicity: None,
            target: None,
            choice: None,
            enum_value: None,
            quantity: types.quantity,
            unit: None,
            extensions: types.extensions.iter().map(|extension| extension.name).collect(),
            annotates: None,
            overrides: None,
            links: Vec::new(),
        });
        index
    }

    fn define(&mut self, id: &Dtmi, index: usize, node: &Node) {
        if self.arena.by_id.contains_key(id.as_str()) {
            let message = format!("{id} is defined more than once");
            self.report.add(node.span.as_ref(), "duplicate-definition", message, "give each element its own @id");
        } else {
            self.arena.by_id.insert(id.clone(), index);
        }
    }

    fn version_fits(&mut self, node: &Node, parent: Parent, context: Context) {
        let fits = match (parent.context.version, context.version) {
            (Version::V2, Version::V3) => false,
            (Version::V3, Version::V2) => parent.slot.takes_older(),
            _ => true,
        };
        if !fits {
            let message = "its @context names a version of the language that cannot stand here".to_owned();
            let remedy = "use the version of the element around it";
            self.report.add(node.span.as_ref(), "disallowed-version-definition", message, remedy);
        }
    }

    fn class_fits(&mut self, node: &Node, class: Class, parent: Option<Parent>) -> bool {
        let (fits, rule, wanted) = match parent {
            None => (class == Class::Interface, "type-not-rootable", Slot::Interface.words()),
            Some(parent) => (parent.slot.accepts(class), "incompatible-type", parent.slot.words()),
        };
        if !fits {
            let message = format!("{class:?} does not fit here");
            self.report.add(node.span.as_ref(), rule, message, format!("write {wanted}"));
        }
        fits
    }

    fn types_fit(&mut self, node: &Node, index: usize, types: &Types) {
        let (class, version) = (self.arena.elements[index].class, self.arena.elements[index].context.version);
        let bad_quantity = types.quantity.filter(|_| !class.takes_semantic_type(version)).map(|quantity| quantity.name);
        let bad_extension = types.extensions.iter().find(|extension| !extension.classes.contains(&class));
        if let Some(name) = bad_quantity.or(bad_extension.map(|extension| extension.name)) {
            let message = format!("{class:?} cannot be {name}");
            self.report.add(node.span.as_ref(), "invalid-cotype", message, format!("remove {name} from @type"));
        }
        if let Some(extension) = types.extensions.first().filter(|_| version == Version::V2) {
            let message = format!("version 2 of the language cannot use {}", extension.name);
            let remedy = "write the element in version 3, or remove it from @type";
            self.report.add(node.span.as_ref(), "invalid-cotype-version", message, remedy);
        }
    }

    fn id(&mut self, element: &Node, id: Option<&Node>, class: Class, context: Context, needed: bool) -> Option<Dtmi> {
        let Some(node) = id else {
            if needed {
                let message = format!("{class:?} has no @id here");
                self.report.add(
                    element.span.as_ref(),
                    "missing-required-id",
                    message,
                    "add an @id such as \"dtmi:example:Room;1\"",
                );
            }
            return None;
        };
        let Json::String(text) = &node.kind else {
            self.report.add(node.span.as_ref(), "id-not-string", "@id is not a string".to_owned(), "write a DTMI");
            return None;
        };
        let most = if class == Class::Interface { 128 } else { 2048 };
        let id = self.identifier("@id", text, node, context, most)?;
        self.unreserved("@id", text, node, context);
        Some(id)
    }

    /// Checks an identifier of a user's element.
    fn identifier(&mut self, name: &str, text: &str, node: &Node, context: Context, most: usize) -> Option<Dtmi> {
        let span = node.span.as_ref();
        let dtmi = match Dtmi::parse(text) {
            Ok(dtmi) => dtmi,
            Err(error) => {
                let message = format!("{name} \"{text}\" is not a valid DTMI: {error}");
                self.report.add(span, "invalid-id", message, valid_like(text));
                return None;
            }
        };
        let plain = |version: &str| !version.contains('.');
        if context.version == Version::V2 && !dtmi.version().is_some_and(plain) {
            let message = format!("{name} \"{text}\" needs a version of one whole number in version 2 of the language");
            self.report.add(span, "invalid-id", message, format!("write \"{};1\"", dtmi.path()));
        }
        if text.len() > most {
            let message = format!("{name} has {} characters", text.len());
            self.report.add(span, "id-too-long", message, format!("keep it within {most}"));
        }
        Some(dtmi)
    }

    /// Checks that an identifier is none of those that the language keeps for its own elements.
    fn unreserved(&mut self, name: &str, text: &str, node: &Node, context: Context) {
        let foreign = context.iot_central && text.starts_with("dtmi:iotcentral:");
        if foreign || text.starts_with("dtmi:dtdl:") || text.starts_with("dtmi:standard:") {
            let message = format!("{name} \"{text}\" starts with a prefix that the language keeps for itself");
            self.report.add(node.span.as_ref(), "reserved-id", message, "start it with a prefix of your own");
        }
    }
}

impl Parent {
    fn is_interface(self) -> bool {
        self.slot == Slot::Interface
    }
}

/// Proposes the identifier with underscores for what is not allowed, where that is one.
fn valid_like(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | ';' | '.');
    let mapped: String = text.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    match Dtmi::parse(&mapped) {
        Ok(dtmi) => format!("write \"{dtmi}\""),
        Err(_) => "write it like \"dtmi:example:Room;1\"".to_owned(),
    }
}
