//! `@context`: the version of the language and the extensions in use.

use std::ops::Range;

use crate::document::{Kind, Node};
use crate::report::Report;
use crate::{Dtmi, Rules, Version};

/// The language and extensions that hold for an element and what it contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) version: Version,
    /// Whether the extension quantitativeTypes is in use; version 2 has quantities of its own.
    pub(crate) quantities: bool,
    /// The version of the extension annotation.
    pub(crate) annotation: Option<u8>,
    /// The version of the extension overriding.
    pub(crate) overriding: Option<u8>,
    pub(crate) historization: bool,
    pub(crate) iot_central: bool,
    /// Whether an extension that nobody knows here is in use, and allowed to be.
    pub(crate) unknown: bool,
}

impl Context {
    fn new(version: Version) -> Self {
        Self {
            version,
            quantities: false,
            annotation: None,
            overriding: None,
            historization: false,
            iot_central: false,
            unknown: false,
        }
    }

    /// Whether there are semantic types of quantities.
    pub(crate) fn has_quantities(self) -> bool {
        self.version == Version::V2 || self.quantities
    }
}

const IOT_CENTRAL: &str = "dtmi:iotcentral:context;2";
const CONTEXT_REMEDY: &str = "use \"dtmi:dtdl:context;2\" or \"dtmi:dtdl:context;3\", then extensions";

/// Reads the `@context` of an element inside another (`inherited`) or at the top; problems go to the report.
pub(crate) fn read(
    node: Option<&Node>,
    inherited: Option<Context>,
    rules: Rules,
    report: &mut Report,
    element: Option<&Range<usize>>,
) -> Option<Context> {
    let Some(node) = node else {
        if inherited.is_none() {
            report.add(element, "missing-context", "there is no @context".to_owned(), CONTEXT_REMEDY);
        }
        return inherited;
    };
    let parts = match &node.kind {
        Kind::Array(parts) => parts.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut reading = Reading { context: inherited, rules, fine: true, extended: false };
    for part in parts {
        reading.part(part, report);
    }
    if reading.context.is_none() && reading.fine {
        report.add(
            node.span.as_ref(),
            "missing-context-version",
            "@context names no version of the language".to_owned(),
            CONTEXT_REMEDY,
        );
    }
    reading.context.filter(|_| reading.fine)
}

/// The rule, what is wrong, and what would do.
type Refusal = (&'static str, String, &'static str);

struct Reading {
    context: Option<Context>,
    rules: Rules,
    fine: bool,
    extended: bool,
}

impl Reading {
    fn part(&mut self, part: &Node, report: &mut Report) {
        let outcome = match &part.kind {
            Kind::String(specifier) => self.specifier(specifier),
            Kind::Object(_) => Err((
                "disallowed-local-context",
                "@context defines terms of its own".to_owned(),
                "write out full terms and keep only context identifiers",
            )),
            _ => Err(("invalid-context", "@context holds something that is not a string".to_owned(), CONTEXT_REMEDY)),
        };
        if let Err((rule, message, remedy)) = outcome {
            self.fine = false;
            report.add(part.span.as_ref(), rule, message, remedy);
        }
    }

    fn specifier(&mut self, specifier: &str) -> Result<(), Refusal> {
        if let Some(version) = specifier.strip_prefix("dtmi:dtdl:context;").filter(|_| Dtmi::parse(specifier).is_ok()) {
            return self.language(version);
        }
        if !specifier.starts_with("dtmi:") {
            let message = format!("the context \"{specifier}\" is not a DTMI");
            return Err(("non-dtmi-context-specifier", message, CONTEXT_REMEDY));
        }
        match Dtmi::parse(specifier) {
            Ok(dtmi) if dtmi.version().is_some() => self.extension(&dtmi),
            _ => {
                let message = format!("the context \"{specifier}\" is not a DTMI with a version");
                Err(("invalid-context-specifier", message, CONTEXT_REMEDY))
            }
        }
    }

    fn language(&mut self, version: &str) -> Result<(), Refusal> {
        // Versions of one major number are compatible, so the minor one does not matter; version 2 has none.
        let version = match version.split_once('.').map_or(version, |(major, _)| major) {
            "2" if version != "2" => return Err(Self::minor("dtmi:dtdl:context;2")),
            "2" => Version::V2,
            "3" => Version::V3,
            _ => {
                let message = format!("version {version} of the language is not supported");
                return Err(("unrecognized-context-version", message, CONTEXT_REMEDY));
            }
        };
        if self.extended {
            let message = "the language's context stands after an extension's".to_owned();
            return Err(("dtdl-context-follows-affiliate", message, CONTEXT_REMEDY));
        }
        // The extensions around an element stay in use when it names another version of the language.
        self.context = Some(self.context.map_or(Context::new(version), |context| Context { version, ..context }));
        Ok(())
    }

    fn minor(specifier: &str) -> Refusal {
        let message =
            format!("the context \"{specifier}\" has a minor version, which version 2 of the language does not have");
        ("invalid-context-specifier-for-version", message, "write the major version alone")
    }

    fn extension(&mut self, specifier: &Dtmi) -> Result<(), Refusal> {
        // IoT Central's context stands for version 2 of the language too, and may stand before it.
        if specifier.as_str() == IOT_CENTRAL {
            self.context.get_or_insert(Context::new(Version::V2)).iot_central = true;
            return Ok(());
        }
        self.extended = true;
        let Some(context) = &mut self.context else {
            let message = format!("the context \"{specifier}\" stands before the language's");
            return Err(("missing-context-version", message, CONTEXT_REMEDY));
        };
        let version = specifier.version().unwrap_or_default();
        let (major, minor) = version.split_once('.').map_or((version, None), |(major, minor)| (major, Some(minor)));
        if context.version == Version::V2 && minor.is_some() {
            return Err(Self::minor(specifier.as_str()));
        }
        // Each is of use in version 3 only; in version 2 it may be named, but its types cannot be used.
        match (specifier.path(), major) {
            ("dtmi:dtdl:extension:quantitativeTypes", "1") => context.quantities = true,
            ("dtmi:dtdl:extension:annotation", "1") => context.annotation = Some(1),
            ("dtmi:dtdl:extension:annotation", "2") => context.annotation = Some(2),
            ("dtmi:dtdl:extension:overriding", "1") => context.overriding = Some(1),
            ("dtmi:dtdl:extension:overriding", "2") => context.overriding = Some(2),
            ("dtmi:dtdl:extension:historization", "1" | "2") => context.historization = true,
            _ if self.rules == Rules::LanguageWithUnknownExtensions => context.unknown = true,
            _ => {
                let message = format!("the extension \"{specifier}\" is not known");
                return Err(("unresolvable-context-specifier", message, "remove it from @context"));
            }
        }
        Ok(())
    }
}
