//! Turns checked elements into interfaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::element::{Arena, Element, Target};
use crate::graph::{Flat, Origin};
use crate::metamodel::Class;
use crate::quantity;
use crate::schema::{Enum, Map, Object};
use crate::{
    Command, Component, Content, Dtmi, Interface, Primitive, Property, Relationship, Schema, Telemetry, Version,
};

/// Builds every interface of the arena; the checks have found no problem.
pub(crate) fn build(arena: &Arena, flats: &BTreeMap<usize, Arc<Flat>>) -> Vec<Interface> {
    let mut builder = Builder { arena, schemas: BTreeMap::new(), contents: BTreeMap::new() };
    flats.iter().filter_map(|(&index, flat)| builder.interface(&arena.elements[index], flat)).collect()
}

struct Builder<'a> {
    arena: &'a Arena,
    /// Schemas by the number of their element, shared by those who refer to them.
    schemas: BTreeMap<usize, Schema>,
    contents: BTreeMap<usize, Arc<Content>>,
}

impl Builder<'_> {
    fn interface(&mut self, element: &Element, flat: &Flat) -> Option<Interface> {
        let contents = element.links("contents").filter_map(|link| self.arena.find(&link.target));
        let contents: Vec<_> = contents.collect();
        let named = contents.into_iter().filter_map(|index| Some((self.arena.elements[index].name.clone()?, index)));
        let contents = named.map(|(name, index)| (name, self.content(index))).collect();
        let extends = element.links("extends").filter_map(|link| self.id(&link.target)).collect();
        let flattened = flat.contents.iter().map(|(name, origin)| (name.clone(), self.origin(origin)));
        Some(Interface {
            id: element.id.clone()?,
            version: element.context.version,
            display_name: element.display_name.clone(),
            description: element.description.clone(),
            extends,
            ancestors: flat.ancestors.iter().cloned().collect(),
            contents,
            flattened: flattened.collect(),
            depth: flat.depth,
        })
    }

    fn origin(&mut self, origin: &Origin) -> Arc<Content> {
        match origin {
            Origin::New(index) => self.content(*index),
            Origin::Old(content) => content.clone(),
        }
    }

    fn id(&self, target: &Target) -> Option<Dtmi> {
        match target {
            Target::Element(index) => self.arena.elements[*index].id.clone(),
            Target::Reference(id) => Some(id.clone()),
            Target::Primitive(_) | Target::Units(_) => None,
        }
    }

    fn content(&mut self, index: usize) -> Arc<Content> {
        if let Some(content) = self.contents.get(&index) {
            return content.clone();
        }
        let element = &self.arena.elements[index];
        let name = element.name.clone().unwrap_or_default();
        let content = Arc::new(match element.class {
            Class::Property => Content::Property(self.property(element)),
            Class::Relationship => Content::Relationship(self.relationship(element)),
            Class::Component => Content::Component(Component { name, schema: self.component_schema(element) }),
            Class::Telemetry => Content::Telemetry(Telemetry {
                name,
                schema: self.schema_of(element, "schema"),
                version: element.context.version,
                semantic_type: element.quantity.map(|quantity| quantity.name.to_owned()),
                unit: element.unit.map(str::to_owned),
                annotates: element.annotates.clone(),
            }),
            _ => Content::Command(Command { name }),
        });
        self.contents.insert(index, content.clone());
        content
    }

    fn component_schema(&self, element: &Element) -> Dtmi {
        let mut ids = element.links("schema").filter_map(|link| self.id(&link.target));
        ids.next().expect("a component without a schema is a problem, and there was none")
    }

    fn property(&mut self, element: &Element) -> Property {
        Property {
            name: element.name.clone().unwrap_or_default(),
            schema: self.schema_of(element, "schema"),
            writable: element.writable,
            version: element.context.version,
            semantic_type: element.quantity.map(|quantity| quantity.name.to_owned()),
            unit: element.unit.map(str::to_owned),
            annotates: element.annotates.clone(),
            overrides: element.overrides.clone(),
        }
    }

    fn relationship(&mut self, element: &Element) -> Relationship {
        let properties: Vec<_> = element.links("properties").filter_map(|link| self.arena.find(&link.target)).collect();
        let properties = properties.into_iter().map(|index| self.property(&self.arena.elements[index]));
        Relationship {
            name: element.name.clone().unwrap_or_default(),
            target: element.target.clone(),
            min_multiplicity: element.min_multiplicity.and_then(|number| u32::try_from(number).ok()),
            max_multiplicity: element.max_multiplicity.and_then(|number| u32::try_from(number).ok()),
            writable: element.writable,
            properties: properties.map(|property| (property.name.clone(), property)).collect(),
        }
    }

    fn schema_of(&mut self, element: &Element, member: &str) -> Schema {
        let target = element.links(member).next().map(|link| link.target.clone());
        self.schema(&target.expect("a missing schema is a problem, and there was none"))
    }

    fn schema(&mut self, target: &Target) -> Schema {
        match target {
            Target::Primitive(primitive) => return Schema::Primitive(*primitive),
            Target::Units(unit_type) => return Schema::Enum(Arc::new(units(unit_type))),
            Target::Element(_) | Target::Reference(_) => {}
        }
        let index = self.arena.find(target).expect("an undefined reference is a problem, and there was none");
        if let Some(schema) = self.schemas.get(&index) {
            return schema.clone();
        }
        let element = &self.arena.elements[index];
        let schema = match element.class {
            Class::Array => Schema::Array(Arc::new(self.schema_of(element, "elementSchema"))),
            Class::Enum => Schema::Enum(Arc::new(self.enumeration(element))),
            Class::Map => Schema::Map(Arc::new(self.map(element))),
            _ => Schema::Object(Arc::new(self.object(element))),
        };
        self.schemas.insert(index, schema.clone());
        schema
    }

    fn children(&self, element: &Element, member: &str) -> Vec<usize> {
        element.links(member).filter_map(|link| self.arena.find(&link.target)).collect()
    }

    fn enumeration(&self, element: &Element) -> Enum {
        let values = self.children(element, "enumValues").into_iter().filter_map(|index| {
            let value = &self.arena.elements[index];
            Some((value.name.clone()?, value.enum_value.clone()?))
        });
        let integers = element.choice == Some("integer");
        Enum { value_schema: if integers { Primitive::Integer } else { Primitive::String }, values: values.collect() }
    }

    fn map(&mut self, element: &Element) -> Map {
        let key = self.children(element, "mapKey").first().map(|&index| &self.arena.elements[index]);
        let value = self.children(element, "mapValue").first().map(|&index| &self.arena.elements[index]);
        let value = value.expect("a missing mapValue is a problem, and there was none");
        Map {
            key_name: key.and_then(|key| key.name.clone()).unwrap_or_default(),
            value_name: value.name.clone().unwrap_or_default(),
            value: self.schema_of(value, "schema"),
        }
    }

    fn object(&mut self, element: &Element) -> Object {
        let fields = self.children(element, "fields").into_iter().filter_map(|index| {
            let field = &self.arena.elements[index];
            Some((field.name.clone()?, self.schema_of(field, "schema")))
        });
        Object { fields: fields.collect() }
    }
}

/// The names of units as an enum, whose values are the names themselves.
fn units(unit_type: &str) -> Enum {
    let names = quantity::units(unit_type, Version::V3);
    Enum { value_schema: Primitive::String, values: names.map(|name| (name.to_owned(), name.into())).collect() }
}
