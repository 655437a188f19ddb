//! What is wrong with a project, where, why, and what would do.

use std::fmt;

use serde::Serialize;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable code of a problem. Each has a page in the documents.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as text, in kebab case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// A file that the project needs is not there.
    FileMissing = "file-missing",
    /// A file is there and cannot be read.
    FileUnreadable = "file-unreadable",
    /// Both forms of the hierarchy are there.
    TwoHierarchies = "two-hierarchies",
    /// The text is not JSON.
    JsonSyntax = "json-syntax",
    /// A key stands twice in one object.
    DuplicateKey = "duplicate-key",
    /// A key that nothing reads.
    UnknownKey = "unknown-key",
    /// A key that must be there is not.
    KeyMissing = "key-missing",
    /// A value of another JSON type than the one that is read.
    WrongType = "wrong-type",
    /// A value of the right type that cannot be meant.
    BadValue = "bad-value",
    /// A value in quotes that is a number or a truth value.
    QuotedValue = "quoted-value",
    /// A name that one of the deployment's resources cannot carry.
    NameNotCarried = "name-not-carried",
    /// Data would leave cold storage before it leaves hot storage.
    RetentionOrder = "retention-order",
    /// A layer on a cloud that does not have it.
    LayerNotOnCloud = "layer-not-on-cloud",
    /// A layer that is read and not deployed.
    LayerNotDeployed = "layer-not-deployed",
    /// A region that is not in the list of known ones.
    RegionUnknown = "region-unknown",
    /// A device id that stands twice.
    DuplicateDevice = "duplicate-device",
    /// A property that stands twice in one device.
    DuplicateDeviceProperty = "duplicate-device-property",
    /// A device that no twin is named after.
    DeviceHasNoTwin = "device-has-no-twin",
    /// A device property that no property of its twin's model can take.
    DevicePropertyHasNoHome = "device-property-has-no-home",
    /// A device property that finds only telemetry of its name, which Azure Digital Twins does not store.
    DevicePropertyIsTelemetry = "device-property-is-telemetry",
    /// A device property of another type than the property that takes it.
    DevicePropertyType = "device-property-type",
    /// Two properties of a device that land in one property of the twin.
    DevicePropertiesCollide = "device-properties-collide",
    /// A device without properties.
    DeviceSendsNothing = "device-sends-nothing",
    /// A constant property that its twin's model does not have.
    ConstPropertyHasNoHome = "const-property-has-no-home",
    /// A device's value for a property that its twin sets to another.
    ValueContradictsTwin = "value-contradicts-twin",
    /// A model that breaks a rule of the language or of Azure Digital Twins.
    ModelInvalid = "model-invalid",
    /// A segment of a model id with a character that ids do not take, usually a hyphen.
    ModelIdSegment = "model-id-segment",
    /// Two contents of one name in a model and those that it extends.
    DuplicateContentName = "duplicate-content-name",
    /// A twin id that stands twice.
    DuplicateTwin = "duplicate-twin",
    /// A twin of a model that is not among the project's.
    TwinModelUnknown = "twin-model-unknown",
    /// A key of a twin that its model does not have.
    TwinPropertyUnknown = "twin-property-unknown",
    /// A value of a twin that its model does not take.
    TwinValueType = "twin-value-type",
    /// A component that the model has and the twin does not.
    TwinComponentMissing = "twin-component-missing",
    /// A relationship id that stands twice at one source.
    DuplicateRelationship = "duplicate-relationship",
    /// A relationship that starts or ends at a twin that does not exist.
    RelationshipTwinUnknown = "relationship-twin-unknown",
    /// A relationship that its source's model does not have.
    RelationshipNameUnknown = "relationship-name-unknown",
    /// A relationship that ends at a twin of a model that it may not end at.
    RelationshipTargetModel = "relationship-target-model",
    /// An entity id that stands twice.
    DuplicateEntity = "duplicate-entity",
    /// A component name that stands twice in one entity.
    DuplicateComponent = "duplicate-component",
    /// A component of a device that is not among the project's.
    ComponentDeviceUnknown = "component-device-unknown",
    /// A component that no device feeds.
    ComponentHasNoDevice = "component-has-no-device",
    /// A device that no component shows.
    DeviceHasNoComponent = "device-has-no-component",
    /// More of something than an account may have unless AWS has raised the quota.
    OverQuota = "over-quota",
    /// A property of a relationship that is not declared or not of its type.
    RelationshipPropertyInvalid = "relationship-property-invalid",
}

impl Code {
    /// How bad a problem of this code is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::UnknownKey
            | Self::QuotedValue
            | Self::LayerNotDeployed
            | Self::RegionUnknown
            | Self::DeviceSendsNothing
            | Self::ConstPropertyHasNoHome
            | Self::ComponentHasNoDevice
            | Self::DeviceHasNoComponent
            | Self::OverQuota => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The project cannot be deployed.
    Error,
    /// It can, but this is probably not what is meant.
    Warning,
}

/// A range of bytes in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// One thing that is wrong with a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the project's folder, with forward slashes.
    pub file: String,
    /// The line, from 1; 0 when the problem is the file itself.
    pub line: usize,
    /// The column in characters, from 1; 0 when the problem is the file itself.
    pub column: usize,
    /// The bytes in the file.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// Why that is a problem.
    pub why: String,
    /// What would do.
    pub remedy: String,
    /// The rule that a model breaks, for problems of the language itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Problem {
    /// A problem with a file as a whole, still without why and remedy.
    pub(crate) fn new(file: impl Into<String>, code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            file: file.into(),
            line: 0,
            column: 0,
            span: Span::default(),
            message: message.into(),
            why: String::new(),
            remedy: String::new(),
            rule: None,
        }
    }

    /// The same at a place.
    pub(crate) fn at(self, line: usize, column: usize, span: Span) -> Self {
        Self { line, column, span, ..self }
    }

    /// The same with the reason.
    pub(crate) fn why(self, why: impl Into<String>) -> Self {
        Self { why: why.into(), ..self }
    }

    /// The same with what would do.
    pub(crate) fn fix(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    /// The same with the rule that a model breaks.
    pub(crate) fn rule(self, rule: impl Into<String>) -> Self {
        Self { rule: Some(rule.into()), ..self }
    }

    /// The key of the order in which problems are listed: by place, then by code and text.
    #[must_use]
    pub fn order(&self) -> impl Ord + '_ {
        (&self.file, self.span, self.severity, self.code, &self.message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {severity}[{}]: {}\n  why: {}\n  fix: {}", self.code, self.message, self.why, self.remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let texts: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        assert!(texts.iter().all(|text| text.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    }
}
