//! The Azure Digital Twins data plane, spoken to as its clients do, but without a socket in between.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cloud;
mod corpus;
mod events;
mod jobs;
mod models;
mod query;
mod relationships;
mod replay;
mod routes;
mod storage;
mod twins;
