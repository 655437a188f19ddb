//! The live path: the functions that run inside the clouds, and their settings.
//!
//! | term | means |
//! |---|---|
//! | function | one unit of the live path, by its public name (`adt-pusher`); see [`function::Function`] |
//! | app | the process that hosts one or more functions and owns their environment ([`app::App`]) |
//! | host | what stands between a cloud and the functions: takes calls in its form, gives answers in it ([`host`]) |
//! | app settings | an app's environment, as text; written by the deployer, read by the functions |
//! | setting | one entry of it: plain text, or a reference to a secret ([`settings::Setting`]) |
//! | secret reference | which token stands there, by connection and generation, with its fingerprint; safe to journal |
//! | twin info | which twin and which of its properties a device feeds; built at deployment, never guessed |
//! | telemetry | values of one device at one moment ([`telemetry::Telemetry`]) |
//! | inbound | the forms in which telemetry arrives: Event Grid's, a bare body, the inter-cloud envelope ([`inbound`]) |
//! | malformed | an input that is not of its form: the place and the reason, never the value ([`inbound::Malformed`]) |
//! | writer | what merges, paces and orders the writes into the twins of one instance ([`twin::Writer`]) |
//! | stamp | the place of a value among all of its property: its time, then a digest; the greatest one stays ([`twin`]) |
//! | call | what a host hands to a function, with its deadline ([`call::Call`]) |
//! | answer | what a function says, one stable code each ([`answer::Answer`]) |
//! | receiver | a function of another app or cloud, called with the token of its connection ([`remote::Receiver`]) |
//! | rule | what selects the messages of a twin's devices in IoT Core, and passes each on as an event ([`inbound::iot`]) |
//! | item | what hot storage holds of one telemetry; equal telemetry, equal id ([`item::Item`]) |
//! | range | a device's items between two moments, as they are read back ([`history::Range`]) |
//! | query | what TwinMaker asks of a device's history, in the form of its data connectors ([`hot_reader`]) |
//! | object | what cold storage and the archive hold: items of one device, a line each ([`object_writer`]) |
//! | package | the zip that an app is deployed from; equal contents make equal bytes |
//!
//! Invariants:
//! - One typed struct per function serves the deployer, who writes it into app settings, and the function, which reads
//!   it back: the two sides cannot disagree.
//! - A secret's value is only ever held by [`settings::Secret`], which never prints.
//! - Functions that share an app never give one setting two meanings.

pub mod adt_pusher;
pub mod adt_updater;
pub mod answer;
pub mod app;
pub mod call;
pub mod counters;
pub mod dispatcher;
pub mod dynamo;
mod events;
pub mod function;
pub mod history;
pub mod host;
pub mod hot_reader;
pub mod hot_writer;
pub mod inbound;
pub mod ingestion;
pub mod item;
pub mod object_writer;
pub mod objects;
pub mod package;
pub mod persister;
pub mod remote;
mod retry;
pub mod settings;
pub mod storage;
pub mod telemetry;
pub mod twin;
pub mod twin_info;
