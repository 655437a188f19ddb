//! The Digital Twins Definition Language, versions 2 and 3: models with spans, validation.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | document | JSON that holds one model or an array of models, with byte ranges where it was read from text |
//! | model | one top-level interface |
//! | interface | a validated model: its contents, and what it inherits |
//! | content | property, relationship, component, telemetry or command of an interface |
//! | schema | what values a property or telemetry takes |
//! | rules | whose strictness applies: Azure Digital Twins' or the language's own |
//!
//! # Invariants
//!
//! 1. A [`Models`] is closed and valid: what its interfaces extend or have as components is in the set.
//! 2. All problems of all documents are reported at once; a set is never returned together with problems.
//! 3. Sets share their interfaces: extending or cutting a set copies pointers, never models.
//!
//! # Rules
//!
//! A [`Problem`] names the rule that is broken; `docs/dtdl-rules.md` lists all. Names follow the official parser's validation
//! ids, in kebab-case, where one fits; what only Azure Digital Twins asks for starts with `adt-`. Limits are those of the
//! specifications: identifiers of interfaces 128 characters, others 2048; names 64 (version 2) or 512; extends 10 levels deep,
//! 2 at once in version 2; schemas 5 levels deep, with those that geometries are defined by.
//!
//! Extensions: quantitativeTypes 1, annotation and overriding 1 and 2, historization 1 and 2 (of use in version 3), and the
//! context of IoT Central without its vocabulary.
//!
//! This crate knows no twin and no cloud.
//!
//! ```
//! use dtdl::{Document, Models, Rules};
//!
//! let text = r#"{
//!     "@context": "dtmi:dtdl:context;3", "@id": "dtmi:example:Room;1", "@type": "Interface",
//!     "contents": [{ "@type": "Property", "name": "temperature", "schema": "double" }]
//! }"#;
//! let models = Models::parse(Rules::Adt, &[Document::from_text(text)?])?;
//! let temperature = models.properties("dtmi:example:Room;1").next().expect("the model has one property");
//! assert!(dtdl::check_value(&temperature.schema, &21.5.into()).is_ok());
//! # Ok::<(), Vec<dtdl::Problem>>(())
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod adt;
mod annotation;
mod build;
mod context;
mod document;
mod dtmi;
mod element;
mod graph;
mod interface;
mod literal;
mod metamodel;
mod models;
mod problem;
mod quantity;
mod reader;
mod report;
mod schema;
pub mod temporal;
mod types;
mod value;

pub use document::Document;
pub use dtmi::{Dtmi, DtmiError};
pub use interface::{Command, Component, Content, Interface, Localized, Property, Relationship, Telemetry, Version};
pub use models::{Models, Referenced, Rules};
pub use problem::Problem;
pub use schema::{Enum, Map, Object, Primitive, Schema};
pub use value::{ValueProblem, check_value};
