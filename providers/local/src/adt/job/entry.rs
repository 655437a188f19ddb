//! A line of an import's input: taken apart, and whether it is what its section holds.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::finding::Finding;
use super::section::Section;

/// The only version of the format.
const FILE_VERSION: &str = "1.0.0";

/// The names that lines are told apart by; the rest of a line is passed over.
#[derive(Debug, Default, Deserialize)]
struct Marks {
    #[serde(rename = "Section", default)]
    section: Option<Value>,
    #[serde(rename = "fileVersion", default)]
    file_version: Option<Value>,
    #[serde(rename = "@id", default)]
    model: Option<Value>,
    #[serde(rename = "$dtId", default)]
    twin: Option<Value>,
    #[serde(rename = "$relationshipId", default)]
    relationship: Option<Value>,
    #[serde(rename = "$targetId", default)]
    target: Option<Value>,
    #[serde(rename = "$relationshipName", default)]
    name: Option<Value>,
}

impl Marks {
    fn is_entity(&self) -> bool {
        self.model.is_some() || self.twin.is_some()
    }
}

/// Reads an input line by line and says what is wrong with its form.
#[derive(Debug, Default)]
pub(super) struct Form {
    state: State,
    models: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Start,
    HeaderBegun,
    HeaderRead,
    In(Section),
}

impl Form {
    /// Takes one line that is not empty.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), Finding> {
        let is_object = line.trim_ascii_start().first() == Some(&b'{');
        let marks: Marks = match serde_json::from_slice(line) {
            Ok(marks) if is_object => marks,
            Ok(_) => return Err(Finding::format("The line must be a JSON object.")),
            Err(error) => return Err(Finding::format(format!("The line is not valid JSON: {error}."))),
        };
        match mark(marks.section.as_ref(), marks.is_entity()) {
            Some(name) => self.begin(name),
            None => self.content(&marks),
        }
    }

    /// Takes a line that is too long to be looked at.
    pub(super) fn too_long(&self, most: usize) -> Finding {
        Finding::format(format!("The line has more than {most} bytes."))
    }

    /// Says what is missing at the end.
    pub(super) fn end(&self) -> Result<(), Finding> {
        match self.state {
            State::Start | State::HeaderBegun => Err(Finding::format("The file must have a Header section.")),
            State::HeaderRead | State::In(_) => Ok(()),
        }
    }

    fn begin(&mut self, name: &str) -> Result<(), Finding> {
        let next = match name {
            "Header" if self.state == State::Start => State::HeaderBegun,
            "Models" => State::In(Section::Models),
            "Twins" => State::In(Section::Twins),
            "Relationships" => State::In(Section::Relationships),
            "Header" => return Err(Finding::format("The Header section must be the first line of the file.")),
            other => return Err(Finding::format(format!("There is no section {other}."))),
        };
        let is_in_order = match (self.state, next) {
            (State::Start, State::HeaderBegun) | (State::HeaderRead, State::In(_)) => true,
            (State::In(present), State::In(next)) => present < next,
            _ => false,
        };
        if !is_in_order {
            // What follows is read as what it says it is, so that one misplaced mark is one finding.
            self.state = if next == State::HeaderBegun { self.state } else { next };
            return Err(Finding::format(format!(
                "The section {name} is out of place: the order is Header, Models, Twins, Relationships, each at most once."
            )));
        }
        self.state = next;
        Ok(())
    }

    fn content(&mut self, marks: &Marks) -> Result<(), Finding> {
        match self.state {
            State::Start => Err(Finding::format("The Header section must be the first line of the file.")),
            State::HeaderBegun => {
                self.state = State::HeaderRead;
                match marks.file_version.as_ref().and_then(Value::as_str) {
                    Some(FILE_VERSION) => Ok(()),
                    _ => Err(Finding::format(format!(
                        "Header must have property fileVersion with the value {FILE_VERSION}."
                    ))),
                }
            }
            State::HeaderRead => Err(Finding::format("The Header section has one line.")),
            State::In(section) => self.entity(section, marks),
        }
    }

    fn entity(&mut self, section: Section, marks: &Marks) -> Result<(), Finding> {
        let (of, wanted): (_, &[_]) = match section {
            Section::Models => ("Model", &[("@id", &marks.model, "the ID of the model")]),
            Section::Twins => ("Twin", &[("$dtId", &marks.twin, "the ID of the twin")]),
            Section::Relationships => (
                "Relationship",
                &[
                    ("$dtId", &marks.twin, "the ID of the source twin"),
                    ("$relationshipId", &marks.relationship, "the ID of the relationship"),
                    ("$targetId", &marks.target, "the ID of the target twin"),
                    ("$relationshipName", &marks.name, "the name of the relationship"),
                ],
            ),
        };
        if section == Section::Models {
            self.models += 1;
            if self.models > crate::adt::limits::MODELS {
                let message = format!("A job can import at most {} models.", crate::adt::limits::MODELS);
                return Err(Finding::new("LimitExceeded", message));
            }
        }
        let missing = wanted.iter().find(|(_, value, _)| !value.as_ref().is_some_and(Value::is_string));
        missing.map_or(Ok(()), |(name, _, what)| {
            Err(Finding::format(format!("{of} must have property {name} representing {what}.")))
        })
    }
}

/// One line of an input whose form is in order.
#[derive(Debug)]
pub(super) enum Entry {
    Section(Section),
    Header,
    /// An entity; or why its values cannot be read, which its form does not show: a number out of range, a text that is none.
    Entity(Result<Map<String, Value>, Finding>),
}

impl Entry {
    /// Reads a line.
    pub(super) fn read(line: &[u8]) -> Self {
        let entity: Map<String, Value> = match serde_json::from_slice(line) {
            Ok(entity) => entity,
            Err(error) => return Self::unreadable(line, &error),
        };
        let is_entity = entity.contains_key("@id") || entity.contains_key("$dtId");
        match mark(entity.get("Section"), is_entity) {
            Some(name) => Self::named(name),
            None => Self::Entity(Ok(entity)),
        }
    }

    /// The mark of a section counts whatever stands beside it, as it did when the form was looked at.
    fn unreadable(line: &[u8], error: &serde_json::Error) -> Self {
        let marks = serde_json::from_slice(line).unwrap_or_else(|_| Marks::default());
        match mark(marks.section.as_ref(), marks.is_entity()) {
            Some(name) => Self::named(name),
            None => Self::Entity(Err(Finding::format(format!("The line is not valid JSON: {error}.")))),
        }
    }

    fn named(section: &str) -> Self {
        match section {
            "Models" => Self::Section(Section::Models),
            "Twins" => Self::Section(Section::Twins),
            "Relationships" => Self::Section(Section::Relationships),
            _ => Self::Header,
        }
    }
}

/// The section that a line begins: an entity may have a property that is called so.
fn mark(section: Option<&Value>, is_entity: bool) -> Option<&str> {
    section.filter(|_| !is_entity)?.as_str()
}
