//! What a deployment is: project files, decisions, a graph of steps.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | project | the folder that a user writes: twin, providers, devices, models, twins, relationships ([`project`]) |
//! | problem | what is wrong with a project: where, why, and what would do; all are found at once ([`problem`]) |
//! | definition | the snapshot of everything that a deployment needs, without secrets; what a run carries ([`definition`]) |
//! | target | where to: the local cloud or the real ones, with account and regions |
//! | topology | every decision of who runs where and who feeds the twin, taken once ([`topology`]) |
//! | feed | who writes live values into the twin: Event Grid, the pusher, or nobody |
//! | names | what resources are called, and whether their types can carry it ([`naming`]) |
//! | layer | Setup, L0 to L4: a readable list of steps ([`layers`]) |
//! | gate | a step that asks whether everything below a layer stands, and says yes or no |
//! | clouds | the clients that steps act through ([`clouds`]) |
//! | deployment | one twin on one target: a stream of the journal, named after both ([`deploy::deployment_id`]) |
//! | session, view | a deployment open for writing (holds the lease), or for reading (writes nothing) ([`deploy`]) |
//! | live data | what devices send and twins show, sent and looked at from outside ([`live`]) |
//! | inter-cloud | what the clouds know of each other: tokens, and `config_inter_cloud.json` ([`inter_cloud`]) |
//!
//! # Invariants
//!
//! 1. Project to definition, definition to topology and to graph are pure: equal definitions make equal graphs, in any
//!    process, on any machine.
//! 2. A definition holds no secret and no place in a file: it is stored beside the journal, and read back for ever.
//! 3. Each decision is taken in one place; layers read decisions and take none.
//! 4. Names are derived, never random, and hosts are never derived: what Azure answers is what later steps use.
//! 5. `document` of a step holds references in place of secrets; they are revealed on the way to the cloud alone.
//! 6. `config_inter_cloud.json` follows from the journal; nothing reads it back.
//! 7. Nothing here reads the environment, the terminal or the working directory.

pub mod clouds;
pub mod definition;
pub mod deploy;
pub mod device_keys;
pub mod inter_cloud;
pub mod layers;
pub mod live;
pub mod naming;
pub mod problem;
pub mod project;
pub mod regions;
mod steps;
pub mod topology;
