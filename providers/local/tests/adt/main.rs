//! The Azure Digital Twins data plane, spoken to as its clients do, but without a socket in between.

mod cloud;
mod models;
mod query;
mod relationships;
mod replay;
mod routes;
mod storage;
mod twins;
