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
//! This crate knows no twin and no cloud.

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
mod temporal;
mod types;
mod value;

pub use document::Document;
pub use dtmi::{Dtmi, DtmiError};
pub use interface::{Command, Component, Content, Interface, Localized, Property, Relationship, Telemetry, Version};
pub use models::{Models, Referenced, Rules};
pub use problem::Problem;
pub use schema::{Enum, Map, Object, Primitive, Schema};
pub use value::{ValueProblem, check_value};
